//! Allocates functions of a made-up machine and runs them before and after.

mod growth;
mod machine;
mod random;
mod rules;
mod shapes;
