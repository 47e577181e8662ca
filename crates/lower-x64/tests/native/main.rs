//! Compiled code, run in this process and compared with the interpreter.

mod harness;
mod instructions;
mod programs;
