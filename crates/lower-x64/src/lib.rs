//! Lowering of Enjamb IR to x86-64 machine code.
