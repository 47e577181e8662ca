//! The machines that code can be made for.

use std::fmt;
use target_lexicon::{Architecture, OperatingSystem, Triple};

/// A machine that no code can be made for, or run on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnsupportedTarget {
    /// The machine that was asked for.
    pub triple: Triple,
}

impl fmt::Display for UnsupportedTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "unsupported target `{}`: code is made for x86_64 on Linux",
            self.triple
        )
    }
}

impl std::error::Error for UnsupportedTarget {}

/// A machine that code is made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// x86-64 with SSE2, Linux.
    X86_64,
}

impl Target {
    /// The target that a triple describes.
    ///
    /// # Errors
    /// If the architecture or operating system is not among the supported ones.
    pub fn from_triple(triple: &Triple) -> Result<Target, UnsupportedTarget> {
        match (triple.architecture, triple.operating_system) {
            (Architecture::X86_64, OperatingSystem::Linux) => Ok(Target::X86_64),
            _ => Err(UnsupportedTarget {
                triple: triple.clone(),
            }),
        }
    }

    /// The target of the machine that this program runs on.
    ///
    /// # Errors
    /// As [`Target::from_triple`].
    pub fn host() -> Result<Target, UnsupportedTarget> {
        Target::from_triple(&Triple::host())
    }
}
