//! The table: one row per encoding form, in one file per family of mnemonics.
//!
//! A row is `Name "mnemonic" [operands] "template" Flags Feature`, where an operand that is a register
//! is `r` (read), `w` (written) or `rw` (both). The template is the manual's picture of the encoding
//! ([`crate::Template`]); no feature means the baseline. Forms for which the manual has a name of
//! their own, such as `cmp` for a subtraction into the zero register, have a row of their own: they
//! write no register. In a text with `%` that is where the operands stand.
//!
//! A name is the mnemonic, the operand width and a letter per operand that is no shift or condition:
//!
//! | letter | operand |
//! | --- | --- |
//! | `R` | general register; where it is the last, optionally shifted |
//! | `X` | general register, extended |
//! | `V` | SIMD and floating-point register |
//! | `I` | immediate |
//! | `Z` | the constant zero |
//! | `B` `H` `S` `D` | one element of a vector, by its size |
//! | `T` | vector of a table of bytes |
//!
//! Loads and stores have the width of the register, with `V` before it for SIMD and floating-point
//! registers, and the kind of memory reference: `Ldrsb64Index`, `StrV128Unscaled`, `Ldp64Post`.
//! [`crate::access`] chooses the form for a reference, [`crate::sized`] for a width, [`crate::lanes`]
//! for that of the elements of a vector.
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
mod float;
#[macro_use]
mod logical;
#[macro_use]
mod memory;
#[macro_use]
mod memory_pair;
#[macro_use]
mod memory_vector;
#[macro_use]
mod multiply;
#[macro_use]
mod vector;
#[macro_use]
mod vector_float;
#[macro_use]
mod vector_integer;
#[macro_use]
mod vector_permute;

macro_rules! define_ops {
    ([] { $(
        $name:ident $pattern:literal [$($operand:expr),*] $template:literal $flags:ident
        $($feature:ident)?;
    )* }) => {
        /// The name of an encoding form: one variant per row of the table.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u16)]
        pub enum Op {
            $(
                #[doc = concat!("`", $pattern, "` encoded as `", $template, "`.")]
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
                pattern: $pattern,
                operands: &[$($operand),*],
                notation: $template,
                template: const { Template::parse($template) },
                flags: Flags::$flags,
                feature: define_ops!(@feature $($feature)?),
            },
        )*];
    };
    (@feature) => { Feature::Baseline };
    (@feature $feature:ident) => { Feature::$feature };
}

use crate::form::notation::*;
use crate::form::{Feature, Flags, Form};
use crate::template::Template;

arithmetic_rows! {
    [
        logical_rows bits_rows multiply_rows conditions_rows control_rows memory_rows
        memory_vector_rows memory_pair_rows float_rows vector_rows
        vector_integer_rows vector_float_rows vector_permute_rows define_ops
    ]
    {}
}
