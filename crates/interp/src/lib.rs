//! An interpreter for Enjamb IR: the executable meaning of every instruction.
