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
    let places = definitions(function, report);
    let dominance = Dominance::of(function);
    for &block in &function.order {
        let reachable = dominance.is_reachable(block);
        for (position, &inst) in function.blocks[block].insts.iter().enumerate() {
            function.for_each_use(inst, |value| {
                let message = match places[value.index()] {
                    None => {
                        let message = format!("{value} has no definition");
                        return report.add(Rule::Defined, Subject::Inst(inst), message);
                    }
                    Some(_) if !reachable => return,
                    Some((home, at)) if home == block => {
                        if at as usize <= position {
                            return;
                        }
                        format!("{value} is defined only further on")
                    }
                    Some((home, _)) => {
                        if dominance.is_reachable(home) && dominance.dominates(home, block) {
                            return;
                        }
                        format!("{value} is not defined on every path: it is in {home}")
                    }
                };
                report.add(Rule::Dominance, Subject::Inst(inst), message);
            });
        }
    }
    let found = &report.findings[before..];
    found.iter().all(|finding| finding.rule == Rule::Dominance)
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
