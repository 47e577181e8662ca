//! Lowering of Enjamb IR to AArch64 machine code.

#![forbid(unsafe_code)]
