//! How blocks end.

use crate::backend::{Backend, Base};
use crate::call::Calls;
use crate::continuation::Continuations;
use crate::crossing::CrossingCopies;
use crate::error::{Lower, Reason};
use crate::frame::PARAMETERS;
use crate::machine::Code;
use crate::object::Objects;
use crate::registers::register_of;
use crate::values::Values;
use enjamb_abi::convention::Location;
use enjamb_ir::{Inst, Opcode, Payload, Target, TrapCode, Value, ValueDef};
use enjamb_regalloc::{Block as MachineBlock, RegClass, Successor, VReg};

pub(crate) trait Control<'a>: Backend<'a> {
    fn terminator(&mut self, inst: Inst) -> Lower<()> {
        match (self.data(inst).opcode, self.data(inst).payload) {
            (Opcode::Jump, _) => self.branch_to(inst, Code::Jump),
            (Opcode::Brif, _) => self.branch_if(inst),
            (Opcode::BrTable, _) => self.branch_table(inst),
            (Opcode::Return, _) => self.return_values(inst),
            (Opcode::ReturnCall | Opcode::ReturnCallIndirect, _) => {
                let step = self.tail_call(inst)?;
                self.builder.ret(step);
                Ok(())
            }
            (Opcode::Suspend, _) => {
                let code = self.suspend(inst)?;
                self.leave(code)
            }
            (Opcode::TryCall | Opcode::TryCallIndirect | Opcode::TryJoin, _) => self.try_call(inst),
            (Opcode::Throw | Opcode::Rethrow, _) => self.throw(inst),
            (Opcode::Trap, Payload::Trap(code)) => self.leave(Code::Trap(code)),
            (Opcode::Unreachable, _) => self.leave(Code::Trap(TrapCode::Unreachable)),
            _ => Err(Reason::Malformed),
        }
    }

    fn leave(&mut self, code: Code<Self::Inst>) -> Lower<()> {
        let step = self.step(code);
        self.builder.ret(step);
        Ok(())
    }

    fn targets(&mut self, inst: Inst) -> Lower<Vec<(MachineBlock, Vec<VReg>)>> {
        let function = self.function;
        let lower = |this: &mut Self, &target: &Target| {
            let args = function.target_args(target).iter();
            let args: Lower<Vec<VReg>> = args.map(|&arg| this.value(arg)).collect();
            Ok((this.block(target.block)?, args?))
        };
        let targets = function.targets(inst).iter();
        targets.map(|target| lower(self, target)).collect()
    }

    /// Ends the block with a branch to the targets of an instruction.
    fn branch_to(&mut self, inst: Inst, code: Code<Self::Inst>) -> Lower<()> {
        let targets = self.targets(inst)?;
        self.branch(code, &targets);
        Ok(())
    }

    fn branch(&mut self, code: Code<Self::Inst>, targets: &[(MachineBlock, Vec<VReg>)]) {
        let successors: Vec<Successor<'_>> = targets
            .iter()
            .map(|(block, args)| Successor::new(*block, args))
            .collect();
        let step = self.step(code);
        self.builder.branch(step, &successors);
    }

    /// Arguments are computed before the comparison, so that nothing disturbs the flags.
    fn branch_if(&mut self, inst: Inst) -> Lower<()> {
        let targets = self.targets(inst)?;
        let condition = self.arg(inst, 0)?;
        if let Some(test) = self.deferred(condition)
            && self.data(test).opcode == Opcode::IsInstance
        {
            return self.branch_if_instance(inst, test, &targets);
        }
        let predicate = self.predicate(condition)?;
        self.branch(Code::Branch(predicate), &targets);
        Ok(())
    }

    /// The table has an entry more, for the default, which an index that is too large selects.
    fn branch_table(&mut self, inst: Inst) -> Lower<()> {
        let mut targets = self.targets(inst)?;
        if targets.is_empty() {
            return Err(Reason::Malformed);
        }
        targets.rotate_left(1);
        let last = targets.len() as i64 - 1;
        let selector = self.arg(inst, 0)?;
        let mut index = self.value(selector)?;
        if !self.is_state_below(selector, last) {
            index = self.clamped(index, self.type_of(selector), last)?;
        }
        let table = self.tables;
        self.tables += 1;
        let (scratch, target) = (self.new_vreg(RegClass::Int), self.new_vreg(RegClass::Int));
        self.push(Code::TableAddress {
            table,
            index,
            scratch,
            output: target,
        });
        self.branch(Code::TableJump { table, target }, &targets);
        Ok(())
    }

    /// Whether a value is the state that this function was suspended with, and all its states are
    /// below `count`. The load of a state also clears the upper half of its register.
    fn is_state_below(&self, value: Value, count: i64) -> bool {
        let function = self.function;
        let ValueDef::Result(inst, 0) = function.values[value].def else {
            return false;
        };
        let entry = function.entry().map(|block| &function.blocks[block].params);
        let own = entry.and_then(|params| params.first());
        self.data(inst).opcode == Opcode::ContState
            && function.args(inst).first() == own
            && function.points.len() as i64 <= count
    }

    /// Results that go on the stack are stored first; they stand above the parameter words.
    fn return_values(&mut self, inst: Inst) -> Lower<()> {
        let function = self.function;
        let signature = &function.signature;
        let params = self.convention().params(&signature.params).stack_bytes as i32;
        let locations = self.convention().results(&signature.results).locations;
        let values = function.args(inst);
        if values.len() != locations.len() {
            return Err(Reason::Malformed);
        }
        let mut results = Vec::with_capacity(values.len());
        for (&value, &location) in values.iter().zip(&locations) {
            match (location, register_of(location)) {
                (Location::Stack(offset), _) => {
                    let word = Self::at(Base::Frame, PARAMETERS + params + offset as i32);
                    self.store(self.type_of(value), word, value)?;
                }
                (_, Some(register)) => results.push((self.value_alone(value)?, register)),
                (_, None) => return Err(Reason::Malformed),
            }
        }
        let is_async = signature.is_async;
        self.leave(Code::Return { results, is_async })
    }
}

impl<'a, L: Backend<'a>> Control<'a> for L {}
