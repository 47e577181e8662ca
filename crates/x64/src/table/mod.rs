//! The table: one row per encoding form, in one file per family of mnemonics.
//!
//! A row is `Name "mnemonic" [operands] "encoding" Flags Feature`, where an operand is `r` (read),
//! `w` (written) or `rw` (both) of a place: `R64` a register, `RM64` a register or memory, `M64`
//! memory, `X` an XMM register, `XM64` an XMM register or memory, `I32` an immediate of that
//! operand width, `XR` and `RR32` registers where other forms can have memory, `CL` a fixed register,
//! `RAX` a fixed register that the text does not show. The encoding is in the manual's notation
//! ([`crate::Encoding`]); no feature means the baseline.
//!
//! A name is the mnemonic, the operand width and a letter per visible operand:
//!
//! | letter | operand |
//! | --- | --- |
//! | `R` | general register |
//! | `X` | XMM register |
//! | `M` | register or memory (`r/m`), or memory alone |
//! | `I` | immediate as wide as the operand, at most 32 bits except in `Mov64RI` |
//! | `I8` | immediate of 8 bits, sign-extended |
//! | `C` | the count in CL |
//!
//! The short form of a form with an immediate is the row after it.
//!
//! Each file's macro adds its rows to those it is given and hands them to the next one; the last,
//! `define_ops`, makes the enum and the array of forms of them.

#[macro_use]
mod arithmetic;
#[macro_use]
mod bits;
#[macro_use]
mod conditions;
#[macro_use]
mod control;
#[macro_use]
mod convert;
#[macro_use]
mod float;
#[macro_use]
mod lanes;
#[macro_use]
mod moves;
#[macro_use]
mod multiply;
#[macro_use]
mod packed_float;
#[macro_use]
mod packed_integer;
#[macro_use]
mod shifts;
#[macro_use]
mod vector;

macro_rules! define_ops {
    ([] { $(
        $name:ident $mnemonic:literal [$($operand:expr),*] $encoding:literal $flags:ident
        $($feature:ident)?;
    )* }) => {
        /// The name of an encoding form: one variant per row of the table.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u16)]
        pub enum Op {
            $(
                #[doc = concat!("`", $mnemonic, "` encoded as `", $encoding, "`.")]
                $name,
            )*
        }

        impl Op {
            /// Every form, in the order of the table.
            pub const ALL: &'static [Op] = &[$(Op::$name),*];
        }

        pub(crate) static FORMS: [Form; Op::ALL.len()] = [$(
            Form {
                op: Op::$name,
                mnemonic: $mnemonic,
                operands: &[$($operand),*],
                notation: $encoding,
                encoding: const { Encoding::parse($encoding) },
                flags: Flags::$flags,
                feature: define_ops!(@feature $($feature)?),
            },
        )*];
    };
    (@feature) => { Feature::Baseline };
    (@feature $feature:ident) => { Feature::$feature };
}

use crate::encoding::Encoding;
use crate::form::notation::*;
use crate::form::{Feature, Flags, Form};

move_rows! {
    [
        arithmetic_rows multiply_rows shift_rows bit_rows condition_rows control_rows float_rows
        vector_rows packed_float_rows packed_integer_rows lane_rows convert_rows define_ops
    ]
    {}
}
