//! Single definitions, and definitions before uses.

use super::error::{Report, Subject};
use super::rule::Rule;
use crate::dominance::Dominance;
use crate::entity::{Block, Entity, Inst, Value};
use crate::function::{Function, ValueDef};

/// Where a value is defined: the block, and the position in it, 0 for a parameter.
type Place = Option<(Block, u32)>;

/// Whether every value that is used has its one definition where its record says.
pub(super) fn check(function: &Function, report: &mut Report) -> bool {
    let before = report.findings.len();
    let mut uses = Uses {
        function,
        places: definitions(function, report),
        dominance: Dominance::of(function),
        report,
    };
    for &block in &function.order {
        for (position, &inst) in function.blocks[block].insts.iter().enumerate() {
            let at = User {
                block,
                position,
                inst,
            };
            for &value in function.args(inst) {
                uses.check(&at, value, None);
            }
            for (edge, &target) in function.targets(inst).iter().enumerate() {
                for &value in function.target_args(target) {
                    uses.check(&at, value, Some(edge));
                }
            }
        }
    }
    let found = &report.findings[before..];
    let is_about_place = |rule| matches!(rule, Rule::Dominance | Rule::EdgeResults);
    found.iter().all(|finding| is_about_place(finding.rule))
}

/// An instruction that uses values.
struct User {
    block: Block,
    position: usize,
    inst: Inst,
}

struct Uses<'a> {
    function: &'a Function,
    places: Vec<Place>,
    dominance: Dominance,
    report: &'a mut Report,
}

impl Uses<'_> {
    /// Checks a use of a value: as an operand, or as an argument of the target with this number.
    fn check(&mut self, user: &User, value: Value, edge: Option<usize>) {
        let subject = Subject::Inst(user.inst);
        let Some((home, at)) = self.places[value.index()] else {
            let message = format!("{value} has no definition");
            return self.report.add(Rule::Defined, subject, message);
        };
        if let Some((catcher, own)) = edge_of(self.function, value) {
            if catcher != user.inst || edge != Some(own) {
                let name = if own == 0 { "normal" } else { "unwind" };
                let message = format!("{value} can only be an argument of its {name} target");
                self.report.add(Rule::EdgeResults, subject, message);
            }
            return;
        }
        let dominance = &self.dominance;
        if !dominance.is_reachable(user.block) {
            return;
        }
        let message = if home == user.block {
            if at as usize <= user.position {
                return;
            }
            format!("{value} is defined only further on")
        } else {
            if dominance.is_reachable(home) && dominance.dominates(home, user.block) {
                return;
            }
            format!("{value} is not defined on every path: it is in {home}")
        };
        self.report.add(Rule::Dominance, subject, message);
    }
}

/// For a result of an instruction that catches exceptions: that instruction, and which of its
/// targets can take the value.
fn edge_of(function: &Function, value: Value) -> Option<(Inst, usize)> {
    let ValueDef::Result(inst, index) = function.values[value].def else {
        return None;
    };
    let data = function.insts.get(inst)?;
    if !data.opcode.has_unwind_edge() {
        return None;
    }
    let normal = function.normal_results(inst).len();
    Some((inst, usize::from(index as usize >= normal)))
}

fn definitions(function: &Function, report: &mut Report) -> Vec<Place> {
    let mut definitions = Definitions {
        function,
        places: vec![None; function.values.len()],
        report,
    };
    for &block in &function.order {
        let data = &function.blocks[block];
        for (index, &param) in data.params.iter().enumerate() {
            let def = ValueDef::Param(block, index as u32);
            definitions.add(param, def, (block, 0), Subject::Block(block));
        }
        for (position, &inst) in data.insts.iter().enumerate() {
            definitions.results(inst, (block, position as u32 + 1));
        }
    }
    definitions.places
}

struct Definitions<'a> {
    function: &'a Function,
    places: Vec<Place>,
    report: &'a mut Report,
}

impl Definitions<'_> {
    fn results(&mut self, inst: Inst, place: (Block, u32)) {
        let function = self.function;
        for (index, &result) in function.results(inst).iter().enumerate() {
            let def = ValueDef::Result(inst, index as u32);
            self.add(result, def, place, Subject::Inst(inst));
        }
    }

    fn add(&mut self, value: Value, def: ValueDef, place: (Block, u32), subject: Subject) {
        let known = &mut self.places[value.index()];
        if known.is_some() {
            let message = format!("{value} is defined a second time");
            return self.report.add(Rule::SingleDefinition, subject, message);
        }
        *known = Some(place);
        // After a second definition the record is that of one of the two.
        let recorded = self.function.values[value].def;
        if recorded != def && !self.stands_elsewhere(value, recorded) {
            let message = format!("the record of {value} says it is defined elsewhere");
            self.report.add(Rule::SingleDefinition, subject, message);
        }
    }

    /// Whether the place that the record of a value names does list the value.
    fn stands_elsewhere(&self, value: Value, recorded: ValueDef) -> bool {
        let listed = match recorded {
            ValueDef::Unused => None,
            ValueDef::Param(block, index) => {
                let data = self.function.blocks.get(block);
                data.and_then(|data| data.params.get(index as usize))
            }
            ValueDef::Result(inst, index) if inst.index() < self.function.insts.len() => {
                self.function.results(inst).get(index as usize)
            }
            ValueDef::Result(..) => None,
        };
        listed == Some(&value)
    }
}
