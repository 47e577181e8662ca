//! What the lowerings of Enjamb IR to machine code share between targets.

#![forbid(unsafe_code)]
