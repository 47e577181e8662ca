//! Equality of functions: the same as text, however the instructions are numbered.
//!
//! Instruction numbers and pools are not part of the text format, and unused values and blocks
//! leave no trace in it, so two functions are equal if their declarations, their blocks in order
//! and the instructions in these are. `origins`, `inst_origins`
//! and `metered`, by-products of passes, do not count.

use crate::entity::{Block, Inst, Value};
use crate::function::{Function, Target};

impl PartialEq for Function {
    fn eq(&self, other: &Function) -> bool {
        self.name == other.name
            && self.signature == other.signature
            && self.stage == other.stage
            && self.slots == other.slots
            && self.roots == other.roots
            && self.signatures == other.signatures
            && self.layouts == other.layouts
            && self.points == other.points
            && self.order == other.order
            && self
                .order
                .iter()
                .all(|&block| same_block(self, other, block))
    }
}

fn same_block(a: &Function, b: &Function, block: Block) -> bool {
    let (left, right) = (&a.blocks[block], &b.blocks[block]);
    left.params == right.params
        && left.cold == right.cold
        && left.insts.len() == right.insts.len()
        && same_types(a, b, &left.params)
        && left
            .insts
            .iter()
            .zip(&right.insts)
            .all(|(&x, &y)| same_inst(a, x, b, y))
}

fn same_types(a: &Function, b: &Function, values: &[Value]) -> bool {
    values
        .iter()
        .all(|&value| a.value_type(value) == b.value_type(value))
}

fn same_inst(a: &Function, x: Inst, b: &Function, y: Inst) -> bool {
    let (left, right) = (&a.insts[x], &b.insts[y]);
    let has_type = left.opcode.info().class.is_some();
    let same_target =
        |(p, q): (&Target, &Target)| p.block == q.block && a.target_args(*p) == b.target_args(*q);
    left.opcode == right.opcode
        && left.payload == right.payload
        && (!has_type || left.ty == right.ty)
        && a.args(x) == b.args(y)
        && a.results(x) == b.results(y)
        && same_types(a, b, a.results(x))
        && a.targets(x).len() == b.targets(y).len()
        && a.targets(x).iter().zip(b.targets(y)).all(same_target)
        && a.live_roots(x) == b.live_roots(y)
        && a.positions[x] == b.positions[y]
}
