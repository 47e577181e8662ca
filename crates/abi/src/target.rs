//! The machines that code can be made for.

use crate::convention::{AARCH64, Convention, X86_64};
use std::fmt;
use std::str::FromStr;
use target_lexicon::{Aarch64Architecture, Architecture, OperatingSystem, PointerWidth, Triple};

/// A machine that no code can be made for, or run on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnsupportedTarget {
    /// The machine that was asked for.
    pub name: String,
}

impl fmt::Display for UnsupportedTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unsupported target `{}`: code is made for", self.name)?;
        for (index, target) in Target::ALL.into_iter().enumerate() {
            let separator = if index == 0 { "" } else { " and" };
            write!(f, "{separator} {target} ({})", target.triple())?;
        }
        Ok(())
    }
}

impl std::error::Error for UnsupportedTarget {}

/// A machine that code is made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// x86-64 of level 2 (SSE4.2, POPCNT), Linux.
    X86_64,
    /// AArch64, Armv8.0-A, little-endian, Linux.
    Aarch64,
}

impl Target {
    /// Every target.
    pub const ALL: [Target; 2] = [Target::X86_64, Target::Aarch64];

    /// The target that a triple describes.
    ///
    /// # Errors
    /// If architecture, operating system or size of pointers are not those of a supported one.
    pub fn from_triple(triple: &Triple) -> Result<Target, UnsupportedTarget> {
        let linux = triple.operating_system == OperatingSystem::Linux
            && triple.pointer_width() == Ok(PointerWidth::U64);
        match triple.architecture {
            Architecture::X86_64 if linux => Ok(Target::X86_64),
            Architecture::Aarch64(Aarch64Architecture::Aarch64) if linux => Ok(Target::Aarch64),
            _ => Err(UnsupportedTarget {
                name: triple.to_string(),
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

    /// The name of the architecture.
    pub const fn name(self) -> &'static str {
        match self {
            Target::X86_64 => "x86_64",
            Target::Aarch64 => "aarch64",
        }
    }

    /// A triple that describes the target.
    pub fn triple(self) -> Triple {
        let architecture = match self {
            Target::X86_64 => Architecture::X86_64,
            Target::Aarch64 => Architecture::Aarch64(Aarch64Architecture::Aarch64),
        };
        Triple {
            architecture,
            operating_system: OperatingSystem::Linux,
            environment: target_lexicon::Environment::Gnu,
            binary_format: target_lexicon::BinaryFormat::Elf,
            ..Triple::unknown()
        }
    }

    /// The convention between compiled functions.
    pub const fn convention(self) -> &'static Convention {
        match self {
            Target::X86_64 => &X86_64,
            Target::Aarch64 => &AARCH64,
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// By the name of the architecture alone, or by a triple.
impl FromStr for Target {
    type Err = UnsupportedTarget;

    fn from_str(text: &str) -> Result<Target, UnsupportedTarget> {
        if let Some(target) = Target::ALL.into_iter().find(|target| target.name() == text) {
            return Ok(target);
        }
        let name = || UnsupportedTarget {
            name: text.to_string(),
        };
        let triple = Triple::from_str(text).map_err(|_| name())?;
        Target::from_triple(&triple).map_err(|_| name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_read_by_name_and_by_triple() {
        for target in Target::ALL {
            assert_eq!(target.name().parse(), Ok(target));
            assert_eq!(target.triple().to_string().parse(), Ok(target));
            assert_eq!(Target::from_triple(&target.triple()), Ok(target));
        }
        assert_eq!("aarch64-unknown-linux-musl".parse(), Ok(Target::Aarch64));
    }

    #[test]
    fn other_machines_are_refused_by_name() {
        for name in [
            "riscv64gc-unknown-linux-gnu",
            "aarch64_be-unknown-linux-gnu",
            "aarch64-apple-darwin",
            "x86_64-unknown-linux-gnux32",
            "x86_64-pc-windows-msvc",
            "pdp-11",
            "",
        ] {
            let error = name.parse::<Target>().unwrap_err().to_string();
            let expected = format!(
                "unsupported target `{name}`: code is made for x86_64 (x86_64-unknown-linux-gnu) \
                 and aarch64 (aarch64-unknown-linux-gnu)"
            );
            assert_eq!(error, expected);
        }
    }
}
