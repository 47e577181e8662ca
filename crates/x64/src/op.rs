//! Choosing forms: by condition, by width, by the size of an immediate.

use crate::form::{Form, Kind};
use crate::operand::Cond;
use crate::register::Width;
use crate::table::FORMS;

pub use crate::table::Op;

impl Op {
    /// The row of the table.
    pub fn info(self) -> &'static Form {
        &FORMS[self as usize]
    }

    /// The conditional jump with a 32-bit distance.
    pub fn jcc(cond: Cond) -> Op {
        Op::JoRel32.plus(cond)
    }

    /// The conditional jump with an 8-bit distance.
    pub fn jcc_short(cond: Cond) -> Op {
        Op::JoRel8.plus(cond)
    }

    /// SETcc.
    pub fn setcc(cond: Cond) -> Op {
        Op::SetoM.plus(cond)
    }

    /// CMOVcc of 64 bits for `Width::B64` and wider, of 32 bits for the other widths.
    pub fn cmov(width: Width, cond: Cond) -> Op {
        if width >= Width::B64 {
            Op::Cmovo64RM.plus(cond)
        } else {
            Op::Cmovo32RM.plus(cond)
        }
    }

    /// The row that many conditions after this one: the rows of a group are in encoding order.
    fn plus(self, cond: Cond) -> Op {
        Op::ALL[self as usize + cond.encoding() as usize]
    }

    /// If this is a relative jump, whose size the assembler chooses: its condition, or `None` in
    /// it for the unconditional one.
    pub fn jump_condition(self) -> Option<Option<Cond>> {
        let condition = |first: Op| Cond::ALL.get((self as usize).wrapping_sub(first as usize));
        match self {
            Op::JmpRel8 | Op::JmpRel32 => Some(None),
            _ => condition(Op::JoRel8)
                .or_else(|| condition(Op::JoRel32))
                .map(|cond| Some(*cond)),
        }
    }

    /// The form of the same operation with the shortest immediate that holds `value`.
    ///
    /// The short form is the next row of the table.
    pub fn with_immediate(self, value: i64) -> Op {
        match Op::ALL.get(self as usize + 1) {
            Some(next)
                if i8::try_from(value).is_ok() && next.info().is_short_form_of(self.info()) =>
            {
                *next
            }
            _ => self,
        }
    }

    /// The width of the immediate operand, if the form has one.
    pub(crate) fn immediate_width(self) -> Option<Width> {
        self.info()
            .operands
            .iter()
            .find(|operand| operand.kind == Kind::Immediate)
            .map(|operand| operand.width)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_short_form_is_the_next_row() {
        let mut found = 0;
        for &short in Op::ALL {
            for &long in Op::ALL {
                if short.info().is_short_form_of(long.info()) {
                    assert_eq!(long.with_immediate(-128), short);
                    assert_eq!(long.with_immediate(128), long);
                    found += 1;
                }
            }
        }
        // Eight operations and a multiplication at three widths, and PUSH.
        assert_eq!(found, 9 * 3 + 1);
    }

    #[test]
    fn every_row_is_found_by_its_name() {
        for &op in Op::ALL {
            assert_eq!(op.info().op, op);
            assert!(op.info().operands.len() <= Form::MAX_OPERANDS);
        }
    }
}
