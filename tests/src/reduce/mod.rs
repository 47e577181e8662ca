//! Makes a program that fails small: parts are taken away as long as what is left fails in the same way.
//!
//! In: a [`Case`] and the question whether one fails. Out: a case from which no single part can be taken.
//! Every attempt is printed, read back and verified before the question is asked, so what comes out is
//! what a file says. Large parts are tried before small ones, and many small ones at once before each
//! (Zeller and Hildebrandt's delta debugging), until a round over all kinds of parts changes nothing.
//!
//! - `functions`: bodies that return at once, callers of the one that matters;
//! - `signatures`: parameters and results of functions, of all at once that references may name;
//! - `blocks`: branches that go one way, blocks that are one, parameters of blocks;
//! - `instructions`: results that are zero instead, or an operand;
//! - `items`: declarations that nothing needs, and lines of the source.

mod blocks;
mod edit;
mod functions;
mod instructions;
mod items;
mod signatures;

use crate::case::Case;
use enjamb_ir::{Module, Schedule, parse_module, verify_module};
use std::ops::Range;

/// Makes a case smaller that `fails`. `progress` is told each smaller one.
pub fn reduce(
    case: Case,
    fails: &mut dyn FnMut(&Case) -> bool,
    progress: &mut dyn FnMut(&Case),
) -> Case {
    let mut reducer = Reducer {
        size: Size::of(&case.module),
        case,
        fails,
        progress,
    };
    reducer.schedules();
    loop {
        let before = reducer.size;
        reducer.one_by_one(|_| 1, |case, _| items::without_positions(case));
        reducer.in_parts(functions::bodies, functions::without_bodies);
        reducer.one_by_one(functions::bodies, functions::begun_with);
        reducer.one_by_one(blocks::branches, blocks::with_branch);
        reducer.in_parts(instructions::all, instructions::without);
        reducer.one_by_one(instructions::all, instructions::passed_over);
        reducer.one_by_one(|_| 1, |case, _| blocks::merged(case));
        reducer.one_by_one(blocks::parameters, blocks::without_parameter);
        reducer.one_by_one(signatures::parameters, signatures::without_parameter);
        reducer.one_by_one(signatures::results, signatures::without_result);
        reducer.one_by_one(|_| 1, |case, _| signatures::tidied(case));
        reducer.one_by_one(items::all, items::without);
        if reducer.size == before {
            return reducer.case;
        }
    }
}

/// How large a module is, the most important part first. Every accepted attempt makes it less, so a
/// reduction ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Size {
    /// Instructions that are no constants, blocks, parameters of blocks, and results of functions.
    work: usize,
    /// Constants.
    constants: usize,
    /// Bytes of the text.
    text: usize,
}

impl Size {
    fn of(module: &Module) -> Size {
        let mut size = Size {
            work: 0,
            constants: 0,
            text: module.to_string().len(),
        };
        for (_, body) in module.bodies() {
            size.work += body.signature.results.len();
            for &block in &body.order {
                let data = &body.blocks[block];
                let constants = data
                    .insts
                    .iter()
                    .filter(|&&inst| edit::is_constant(body, inst));
                let constants = constants.count();
                size.constants += constants;
                size.work += 1 + data.params.len() + data.insts.len() - constants;
            }
        }
        size
    }
}

struct Reducer<'a> {
    case: Case,
    size: Size,
    fails: &'a mut dyn FnMut(&Case) -> bool,
    progress: &'a mut dyn FnMut(&Case),
}

impl Reducer<'_> {
    /// Takes an edited case for the smaller one that it is, if it is one and fails.
    fn attempt(&mut self, edited: Option<Case>) -> bool {
        let Some(mut edited) = edited else {
            return false;
        };
        // What the file will say, without what the edits left behind.
        let Ok(module) = parse_module(&edited.module.to_string()) else {
            return false;
        };
        let size = Size::of(&module);
        if size >= self.size || verify_module(&module).is_err() {
            return false;
        }
        edited.module = module;
        if !(self.fails)(&edited) {
            return false;
        }
        (self.case, self.size) = (edited, size);
        (self.progress)(&self.case);
        true
    }

    /// Keeps the schedules that are needed.
    fn schedules(&mut self) {
        let mut keep: Vec<Schedule> = self.case.schedules.clone();
        for schedule in self.case.schedules.clone().into_iter().rev() {
            let fewer = keep.iter().copied().filter(|&kept| kept != schedule);
            let fewer: Vec<Schedule> = fewer.collect();
            let mut case = self.case.clone();
            case.schedules.clone_from(&fewer);
            if !fewer.is_empty() && (self.fails)(&case) {
                keep = fewer;
            }
        }
        self.case.schedules = keep;
    }

    /// Tries to do without ranges of the parts that `count` counts: half of them at once, a quarter, and
    /// so on down to each. From the last to the first, since later parts use earlier ones.
    fn in_parts(
        &mut self,
        count: impl Fn(&Case) -> usize,
        without: impl Fn(&Case, Range<usize>) -> Option<Case>,
    ) {
        let mut length = count(&self.case);
        while length > 0 {
            let mut end = count(&self.case);
            while end > 0 {
                let start = end.saturating_sub(length);
                let edited = without(&self.case, start..end);
                self.attempt(edited);
                end = start.min(count(&self.case));
            }
            length /= 2;
        }
    }

    /// Tries to do without each part, from the last to the first.
    fn one_by_one(
        &mut self,
        count: impl Fn(&Case) -> usize,
        without: impl Fn(&Case, usize) -> Option<Case>,
    ) {
        let mut end = count(&self.case);
        while end > 0 {
            let edited = without(&self.case, end - 1);
            self.attempt(edited);
            end = (end - 1).min(count(&self.case));
        }
    }
}
