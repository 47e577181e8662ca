//! From the function under construction to the finished one.
//!
//! The steps: check that every block is complete; find the blocks that control reaches; find out
//! what each parameter that a variable asked for stands for; keep those that something needs; copy
//! the function, numbering blocks and values in the order of the text.

use super::phis::Resolution;
use super::variables::{Role, Variables};
use crate::entity::{Block, Entity, Inst, SecondaryMap, Value};
use crate::function::{Function, Target, ValueData, ValueDef};
use crate::module::Module;
use crate::print::display_inst;
use crate::suspension::SavedSource;
use crate::verify::{Report, instruction};

/// The printed instruction, if there is one, and what is wrong with it.
type Failure = (Option<String>, String);

pub(super) fn run(
    module: &Module,
    function: &Function,
    variables: &Variables,
) -> Result<Function, Failure> {
    check_blocks(module, function)?;
    let reachable = reachable_blocks(function);
    let order: Vec<Block> = (function.order.iter().copied())
        .filter(|&block| reachable[block])
        .collect();
    let resolution = Resolution::of(variables, &reachable);
    let mut copy = Copy {
        module,
        source: function,
        variables,
        reachable,
        resolution,
        needed: SecondaryMap::new(),
        params: SecondaryMap::new(),
        blocks: SecondaryMap::new(),
        values: SecondaryMap::new(),
        result: empty_copy(function),
    };
    copy.find_needed(&order)?;
    copy.collect_params(&order);
    copy.number(&order);
    copy.write(&order);
    copy.renumber_saved();
    Ok(copy.result)
}

fn check_blocks(module: &Module, function: &Function) -> Result<(), Failure> {
    let mut report = Report::default();
    let mut terminators = Vec::with_capacity(function.order.len());
    for &block in &function.order {
        match function.terminator(block) {
            Some(terminator) => terminators.push(terminator),
            None => return Err((None, format!("{block} has no terminator"))),
        }
    }
    for terminator in terminators {
        for target in function.targets(terminator) {
            if function.terminator(target.block).is_none() {
                let printed = display_inst(Some(module), function, terminator).to_string();
                let reason = format!("{} is a branch target and has no terminator", target.block);
                return Err((Some(printed), reason));
            }
        }
        instruction::check_targets(function, terminator, &mut report);
        if let Some(finding) = report.findings.first() {
            let printed = display_inst(Some(module), function, terminator).to_string();
            let reason = format!("{}: {}", finding.rule, finding.message);
            return Err((Some(printed), reason));
        }
    }
    Ok(())
}

fn reachable_blocks(function: &Function) -> SecondaryMap<Block, bool> {
    let mut reachable = SecondaryMap::new();
    let mut stack: Vec<Block> = function.entry().into_iter().collect();
    while let Some(block) = stack.pop() {
        if !std::mem::replace(&mut reachable[block], true) {
            stack.extend(function.successors(block));
        }
    }
    reachable
}

/// The function with its declarations and without blocks.
fn empty_copy(function: &Function) -> Function {
    let mut copy = Function::new(function.name.clone(), function.signature.clone());
    copy.stage = function.stage;
    copy.slots = function.slots.clone();
    copy.roots = function.roots.clone();
    copy.signatures = function.signatures.clone();
    copy.layouts = function.layouts.clone();
    copy.points = function.points.clone();
    copy
}

/// The values that points save. What is none is left to the verifier; its number may be anything.
fn saved_values(function: &Function) -> impl Iterator<Item = Value> {
    let saved = function.points.values().flat_map(|point| &point.saved);
    saved.filter_map(|save| match save.source {
        SavedSource::Value(value) => function.values.get(value).and(Some(value)),
        SavedSource::Slot(_) => None,
    })
}

struct Copy<'a> {
    module: &'a Module,
    source: &'a Function,
    variables: &'a Variables,
    reachable: SecondaryMap<Block, bool>,
    resolution: Resolution,
    /// Whether something uses a parameter, by its value.
    needed: SecondaryMap<Value, bool>,
    /// The indices of the needed parameters that variables asked for, by block.
    params: SecondaryMap<Block, Vec<u32>>,
    /// New numbers by old ones.
    blocks: SecondaryMap<Block, Option<Block>>,
    values: SecondaryMap<Value, Option<Value>>,
    result: Function,
}

impl Copy<'_> {
    fn resolve(&self, value: Value) -> Value {
        self.resolution.resolve(self.variables, value)
    }

    /// Marks the parameters that instructions need, and those that these need.
    fn find_needed(&mut self, order: &[Block]) -> Result<(), Failure> {
        let saved = saved_values(self.source);
        let mut stack: Vec<Value> = saved.map(|value| self.resolve(value)).collect();
        for &value in &stack {
            self.check_defined(value, || None)?;
        }
        for &block in order {
            for &inst in &self.source.blocks[block].insts {
                let from = stack.len();
                self.source
                    .for_each_use(inst, |value| stack.push(self.resolve(value)));
                for &value in &stack[from..] {
                    self.check_defined(value, || {
                        Some(display_inst(Some(self.module), self.source, inst).to_string())
                    })?;
                }
            }
        }
        while let Some(value) = stack.pop() {
            if std::mem::replace(&mut self.needed[value], true) {
                continue;
            }
            let Role::Phi(index) = self.variables.roles[value] else {
                continue;
            };
            for (arg, from) in self.args_of(index) {
                self.check_defined(arg, || {
                    let terminator = self.source.terminator(from)?;
                    Some(display_inst(Some(self.module), self.source, terminator).to_string())
                })?;
                stack.push(arg);
            }
        }
        Ok(())
    }

    /// The arguments of a parameter with the blocks that hand them over, where control comes.
    fn args_of(&self, index: u32) -> impl Iterator<Item = (Value, Block)> {
        let phi = &self.variables.phis[index as usize];
        let predecessors = &self.variables.blocks[phi.block].predecessors;
        let args = phi.args.iter().zip(predecessors);
        args.filter(|&(_, &from)| self.reachable[from])
            .map(|(&arg, &from)| (self.resolve(arg), from))
    }

    fn check_defined(
        &self,
        value: Value,
        place: impl FnOnce() -> Option<String>,
    ) -> Result<(), Failure> {
        let Role::Undefined(variable) = self.variables.roles[value] else {
            return Ok(());
        };
        let name = match &self.variables.data[variable].name {
            Some(name) => format!("`{name}`"),
            None => variable.to_string(),
        };
        let reason = format!("variable {name} is used where a path leads on which it has no value");
        Err((place(), reason))
    }

    fn collect_params(&mut self, order: &[Block]) {
        for (index, phi) in self.variables.phis.iter().enumerate() {
            if self.needed[phi.value] && self.resolve(phi.value) == phi.value {
                self.params[phi.block].push(index as u32);
            }
        }
        // The order must not depend on when blocks were sealed.
        for &block in order {
            let phis = &self.variables.phis;
            self.params[block].sort_by_key(|&index| phis[index as usize].variable);
        }
    }

    /// Makes the new blocks and values in the order of the text, the values without a definition.
    fn number(&mut self, order: &[Block]) {
        for &block in order {
            let new = self.result.append_block();
            self.result.blocks[new].cold = self.source.blocks[block].cold;
            self.blocks[block] = Some(new);
            let mut params = Vec::new();
            for &param in &self.source.blocks[block].params {
                params.push(self.make_value(param));
            }
            for position in 0..self.params[block].len() {
                let index = self.params[block][position];
                let value = self.variables.phis[index as usize].value;
                params.push(self.make_value(value));
            }
            self.result.set_params(new, &params);
            for &inst in &self.source.blocks[block].insts {
                for &result in self.source.results(inst) {
                    self.make_value(result);
                }
            }
        }
    }

    fn make_value(&mut self, value: Value) -> Value {
        let new = self.result.values.push(ValueData {
            ty: self.source.value_type(value),
            def: ValueDef::Unused,
        });
        self.values[value] = Some(new);
        new
    }

    /// The new value for an old one. An old one without a new one is defined out of reach: it gets
    /// a number here that the verifier reports.
    fn map(&mut self, value: Value) -> Value {
        let value = self.resolve(value);
        match self.values[value] {
            Some(new) => new,
            None => self.make_value(value),
        }
    }

    fn map_all(&mut self, values: &[Value]) -> Vec<Value> {
        values.iter().map(|&value| self.map(value)).collect()
    }

    fn write(&mut self, order: &[Block]) {
        for (position, &block) in order.iter().enumerate() {
            for &inst in &self.source.blocks[block].insts {
                let copy = self.copy_inst(inst);
                self.result.append_inst(Block::from_index(position), copy);
            }
        }
    }

    /// What points save has its new numbers. What is no value stays one that the verifier reports.
    fn renumber_saved(&mut self) {
        let mut points = std::mem::take(&mut self.result.points);
        for save in points.values_mut().flat_map(|point| &mut point.saved) {
            if let SavedSource::Value(value) = &mut save.source
                && self.source.values.get(*value).is_some()
            {
                *value = self.map(*value);
            }
        }
        self.result.points = points;
    }

    fn copy_inst(&mut self, inst: Inst) -> Inst {
        let source = self.source;
        let data = &source.insts[inst];
        let args = self.map_all(source.args(inst));
        let targets: Vec<Target> = (0..source.targets(inst).len())
            .map(|position| self.copy_target(inst, position))
            .collect();
        let copy = self
            .result
            .make_inst(data.opcode, data.ty, data.payload, &args, &targets);
        let results = self.map_all(source.results(inst));
        self.result.set_results(copy, &results);
        if let Some(at) = source.positions[inst] {
            self.result.positions[copy] = Some(at);
        }
        copy
    }

    fn copy_target(&mut self, inst: Inst, position: usize) -> Target {
        let target = self.source.targets(inst)[position];
        let mut args = self.map_all(self.source.target_args(target));
        let edge = self.variables.edge(inst, position);
        for index in 0..self.params[target.block].len() {
            let phi = self.params[target.block][index];
            let arg = self.variables.phis[phi as usize].args[edge];
            args.push(self.map(arg));
        }
        // Every target of a block in reach is in reach.
        let block = self.blocks[target.block].unwrap_or(Block::from_index(0));
        self.result.target(block, &args)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entity::{FieldId, LayoutId};
    use crate::suspension::{PointDecl, SavedField};
    use crate::types::{Signature, Type};

    #[test]
    fn what_points_save_and_is_no_value_takes_no_room() {
        let mut function = Function::new("f", Signature::asynchronous(&[], &[]));
        let ty = Type::I64;
        let def = ValueDef::Unused;
        let value = function.values.push(ValueData { ty, def });
        let saved = [
            value,
            Value::from_index(1),
            Value::from_index(u32::MAX as usize - 1),
        ];
        let field = FieldId::from_index(0);
        let saved = saved.map(|value| SavedField {
            field,
            source: SavedSource::Value(value),
        });
        function.points.push(PointDecl {
            layout: LayoutId::from_index(0),
            results: Vec::new(),
            saved: saved.to_vec(),
            unwind: None,
            position: None,
        });
        assert_eq!(saved_values(&function).collect::<Vec<_>>(), [value]);
    }
}
