//! Control flow, dominators, loops and sparse SSA liveness for Enjamb IR.
