//! What follows from a form's name.

use crate::form::{Form, Kind};
use crate::reach::Reach;
use crate::table::FORMS;

pub use crate::table::Op;

impl Op {
    /// The row of the table.
    pub fn info(self) -> &'static Form {
        &FORMS[self as usize]
    }

    /// How far the form's target can be, if it has one.
    pub fn reach(self) -> Option<Reach> {
        self.info()
            .operands
            .iter()
            .find_map(|operand| match operand.kind {
                Kind::Target(reach) => Some(reach),
                _ => None,
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::template::Field;
    use std::collections::BTreeSet;

    #[test]
    fn every_row_is_found_by_its_name() {
        for &op in Op::ALL {
            assert_eq!(op.info().op, op);
            assert!(op.info().operands.len() <= Form::MAX_OPERANDS);
        }
    }

    #[test]
    fn operands_fill_all_fields_and_each_field_once() {
        for &op in Op::ALL {
            let form = op.info();
            let mut expected: Vec<Field> = form
                .template
                .slots()
                .iter()
                .map(|slot| slot.field)
                .collect();
            let mut filled: Vec<Field> = form
                .operands
                .iter()
                .flat_map(|operand| operand.kind.fields())
                .copied()
                .collect();
            expected.sort_by_key(|field| *field as u8);
            filled.sort_by_key(|field| *field as u8);
            assert_eq!(filled, expected, "{op:?}");
        }
    }

    #[test]
    fn no_two_rows_have_the_same_template_and_text() {
        let mut seen = BTreeSet::new();
        for &op in Op::ALL {
            let form = op.info();
            assert!(seen.insert((form.notation, form.pattern)), "{op:?}");
        }
    }
}
