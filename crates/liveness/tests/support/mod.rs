//! What the tests of this crate share.
#![allow(dead_code, reason = "each test uses a part")]

pub mod effects;
pub mod maker;
pub mod oracle;
pub mod random;
pub mod shapes;
