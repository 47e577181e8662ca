//! Register allocation for machine code in virtual registers, through regalloc2.
