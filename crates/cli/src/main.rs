//! The `enjamb` command.
fn main() {}
