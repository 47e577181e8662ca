//! The machines that code can be made for.

use crate::convention::{AARCH64, Convention, X86_64};
use std::fmt;
use target_lexicon::{Aarch64Architecture, Architecture, OperatingSystem, Triple};

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
            "unsupported target `{}`: code is made for x86_64 and aarch64 on Linux",
            self.triple
        )
    }
}

impl std::error::Error for UnsupportedTarget {}

/// A machine that code is made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// x86-64 of level 2 (SSE4.1, POPCNT), Linux.
    X86_64,
    /// AArch64, Armv8.0-A, little-endian, Linux.
    Aarch64,
}

impl Target {
    /// The target that a triple describes.
    ///
    /// # Errors
    /// If the architecture or operating system is not among the supported ones.
    pub fn from_triple(triple: &Triple) -> Result<Target, UnsupportedTarget> {
        match (triple.architecture, triple.operating_system) {
            (Architecture::X86_64, OperatingSystem::Linux) => Ok(Target::X86_64),
            (Architecture::Aarch64(Aarch64Architecture::Aarch64), OperatingSystem::Linux) => {
                Ok(Target::Aarch64)
            }
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

    /// The convention between compiled functions.
    pub const fn convention(self) -> &'static Convention {
        match self {
            Target::X86_64 => &X86_64,
            Target::Aarch64 => &AARCH64,
        }
    }
}
