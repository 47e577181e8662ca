//! Memory that cannot be had: the n-th request is refused, for each n, alone or with all that follow. Every call ends with
//! a result or an error value that says what happened, nothing is left over, and the instance goes on.
#![cfg(all(
    any(target_arch = "x86_64", target_arch = "aarch64"),
    target_os = "linux"
))]

mod code;
mod continuations;
mod lost;
mod objects;
mod random;
mod support;
