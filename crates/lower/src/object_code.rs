//! Machine code for objects, which every target has: what stands for several instructions with a branch
//! among them.

use crate::machine::TargetInst;
use enjamb_regalloc::{OperandCollector, VReg};
use std::fmt;

/// An operation on objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ObjectCode {
    /// A new object, from the window if it has room.
    New {
        /// Its size in bytes.
        size: u32,
        /// The word that tells its type.
        word: u32,
        /// What gets the reference.
        output: VReg,
        /// The number of the symbol of the stub that asks the runtime.
        slow: u32,
    },
    /// A new array, the same way.
    NewArray {
        /// The size of an element in bytes.
        element: u32,
        /// The word that tells its type.
        word: u32,
        /// How many elements it has.
        length: VReg,
        /// What gets the reference.
        output: VReg,
        /// The number of the symbol of the stub that asks the runtime.
        slow: u32,
    },
    /// Whether a reference is not null and the object behind it of a type.
    IsInstance {
        /// The reference.
        object: VReg,
        /// The word that tells the type.
        word: u32,
        /// What gets 1 or 0, in the low byte.
        output: VReg,
    },
}

impl ObjectCode {
    /// Names the virtual registers, in the order in which the emission takes them.
    pub(crate) fn operands<T: TargetInst>(self, collector: &mut OperandCollector<'_>) {
        match self {
            ObjectCode::New { output, .. } => {
                collector.fixed_def(output, T::REGISTERS.allocated);
            }
            ObjectCode::NewArray { length, output, .. } => {
                // Read when the output has been written.
                collector.reg_late_use(length);
                collector.fixed_def(output, T::REGISTERS.allocated);
            }
            ObjectCode::IsInstance { object, output, .. } => {
                collector.reg_use(object);
                collector.reg_early_def(output);
            }
        }
    }

    /// Whether it allocates, which overwrites registers.
    pub(crate) fn allocates(self) -> bool {
        !matches!(self, ObjectCode::IsInstance { .. })
    }
}

impl fmt::Display for ObjectCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ObjectCode::New {
                size, word, output, ..
            } => write!(f, "new {output}, {size}, type word {word}"),
            ObjectCode::NewArray {
                element,
                word,
                length,
                output,
                ..
            } => write!(
                f,
                "new_array {output}, {element}*{length}, type word {word}"
            ),
            ObjectCode::IsInstance {
                object,
                word,
                output,
            } => write!(f, "is_instance {output}, {object}, type word {word}"),
        }
    }
}
