//! A JIT compiler back end in which async is a property of compiled code.
