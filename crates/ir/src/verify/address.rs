//! Addresses in frames: where they flow, and what untrusted modules may do with them.

use super::error::{Report, Subject};
use super::rule::Rule;
use crate::entity::{Entity, Inst, StackSlot, Value};
use crate::function::{Function, Stage, ValueDef};
use crate::opcode::Opcode;
use crate::operand::{Payload, Place};
use crate::types::Type;
use crate::typing;

/// Checks what untrusted modules do with addresses; values have their definitions.
pub(super) fn check(function: &Function, report: &mut Report) {
    let mut origins = Origins::new(function);
    for &block in &function.order {
        for &inst in &function.blocks[block].insts {
            let data = function.insts[inst];
            match (data.opcode, data.payload) {
                (Opcode::AddrAdd, _) => {
                    let amount = function.args(inst).get(1);
                    if amount.is_some_and(|&v| function.integer_constant(v).is_none()) {
                        let message = "the amount is not an `iconst`";
                        report.add(Rule::AddressStep, Subject::Inst(inst), message);
                    }
                }
                (opcode, Payload::Access(Place::Address, offset)) => {
                    let Some(&base) = function.args(inst).first() else {
                        continue;
                    };
                    let bytes = typing::access_bytes(opcode, data.ty);
                    if let Some(message) = origins.access(base, offset, bytes) {
                        report.add(Rule::AddressAccess, Subject::Inst(inst), message);
                    }
                }
                _ => {}
            }
        }
    }
}

/// Checks that block parameters have types that may flow.
pub(super) fn block_params(function: &Function, report: &mut Report) {
    for &block in &function.order {
        for &param in &function.blocks[block].params {
            let ty = function.value_type(param);
            if ty == Type::Addr && !function.is_entry(block) {
                let message = format!("{param} is an `addr`");
                report.add(Rule::AddressFlow, Subject::Block(block), message);
            }
            if ty == Type::Cont && function.stage == Stage::Source {
                let message = format!("{param} is a `cont` in a function that is not lowered");
                report.add(Rule::LoweredOnly, Subject::Block(block), message);
            }
        }
    }
}

/// What an address is known to be: a slot and the offset in it.
#[derive(Clone, Copy)]
enum Origin {
    Unvisited,
    Slot(StackSlot, i64),
    Unknown,
}

/// Follows addresses back to `stack_addr`, each value once.
struct Origins<'a> {
    function: &'a Function,
    known: Vec<Origin>,
    chain: Vec<(Value, i64)>,
}

impl<'a> Origins<'a> {
    fn new(function: &'a Function) -> Self {
        Origins {
            function,
            known: vec![Origin::Unvisited; function.values.len()],
            chain: Vec::new(),
        }
    }

    /// What is wrong with an access, if anything.
    fn access(&mut self, base: Value, offset: u32, bytes: u32) -> Option<String> {
        let Origin::Slot(slot, start) = self.of(base) else {
            return Some(format!(
                "{base} is not a constant number of bytes from a `stack_addr` of this function"
            ));
        };
        let start = i128::from(start) + i128::from(offset);
        let size = self.function.slots[slot].size;
        let inside = start >= 0 && start + i128::from(bytes) <= i128::from(size);
        (!inside).then(|| format!("{bytes} bytes at byte {start} of {slot}, which has {size}"))
    }

    fn of(&mut self, value: Value) -> Origin {
        let mut at = value;
        let mut origin = loop {
            match self.known[at.index()] {
                Origin::Unvisited => {}
                known => break known,
            }
            // Code that control cannot reach may define addresses in a circle.
            self.known[at.index()] = Origin::Unknown;
            match self.step(at) {
                Step::Start(origin) => {
                    self.known[at.index()] = origin;
                    break origin;
                }
                Step::Back(base, amount) => {
                    self.chain.push((at, amount));
                    at = base;
                }
            }
        };
        while let Some((above, amount)) = self.chain.pop() {
            origin = match origin {
                Origin::Slot(slot, start) => match start.checked_add(amount) {
                    Some(sum) => Origin::Slot(slot, sum),
                    None => Origin::Unknown,
                },
                other => other,
            };
            self.known[above.index()] = origin;
        }
        origin
    }

    fn step(&self, value: Value) -> Step {
        let ValueDef::Result(inst, 0) = self.function.values[value].def else {
            return Step::Start(Origin::Unknown);
        };
        let data = self.function.insts[inst];
        match (data.opcode, data.payload) {
            (Opcode::StackAddr, Payload::Slot(slot, offset)) => {
                Step::Start(Origin::Slot(slot, offset.into()))
            }
            (Opcode::AddrAdd, _) => self.addition(inst),
            _ => Step::Start(Origin::Unknown),
        }
    }

    fn addition(&self, inst: Inst) -> Step {
        let &[base, amount] = self.function.args(inst) else {
            return Step::Start(Origin::Unknown);
        };
        match self.function.integer_constant(amount) {
            Some(amount) => Step::Back(base, amount),
            None => Step::Start(Origin::Unknown),
        }
    }
}

enum Step {
    Start(Origin),
    Back(Value, i64),
}
