//! Whether a debugger finds out of a frame, wherever it has stopped: at each instruction that the walk through the code
//! reaches, the end of the frame, the return address and the registers of the caller are where the rules say.
//!
//! The rules hold up to where a function gives up its frame pointer. From there on there are none of their own, until it
//! is left a few instructions later. Nor do they hold while a tail call gives up the frame and puts its parameters, and the return
//! address with them, where those of its function have been.

use super::rules::{Row, Rule};
use super::{Debug, Entry};
use crate::tables::function::Tables;
use crate::tables::step::{Access, FRAME_RECORD, Flow, RETURN_ADDRESS, Registers};
use crate::tables::walk::{Reached, State, Walk};
use crate::tables::{decode, ends, pointers};
use enjamb_abi::code::Symbol;
use enjamb_abi::context;
use enjamb_abi::continuation::POINT_RECORD_SIZE;
use enjamb_codegen::CompiledModule;
use enjamb_ir::Opcode;
use std::collections::BTreeMap;

/// Instructions between giving up the frame pointer and leaving a function, or a stub.
const LEAVING: usize = 4;
/// The same where an activation is left for the host, whose registers all come back.
const LEAVING_ACTIVATION: usize = 16;

/// What a stretch of code is to a debugger.
struct Code<'a> {
    compiled: &'a CompiledModule,
    entry: &'a Entry,
    reached: &'a Reached,
    /// The registers that a caller wants back.
    wanted: Vec<u8>,
    /// How many instructions may follow one at which the frame is no longer reached.
    leaving: usize,
}

/// Checks a function.
pub(super) fn function(
    debug: &Debug<'_>,
    tables: &Tables<'_>,
    reached: &Reached,
) -> Result<(), String> {
    let Some((&start, _)) = reached.first_key_value() else {
        return Ok(());
    };
    let code = Code::new(debug.compiled, debug.entry_of(start)?, reached, LEAVING);
    let is_tail_call = |at| {
        let opcode = tables.opcode_at(at);
        matches!(
            opcode,
            Some(Opcode::ReturnCall | Opcode::ReturnCallIndirect)
        )
    };
    code.check(&is_tail_call)
}

impl Debug<'_> {
    /// Checks every stub.
    pub(super) fn stubs(&self) -> Result<(), String> {
        for (symbol, &start) in &self.compiled.symbols {
            let is_function = self
                .compiled
                .functions
                .iter()
                .any(|range| range.start == start);
            if is_function || matches!(symbol, Symbol::Point(..)) {
                continue;
            }
            let checked = self.stub(symbol, start);
            checked.map_err(|reason| format!("{symbol:?}: {reason}"))?;
        }
        Ok(())
    }

    fn stub(&self, symbol: &Symbol, start: u32) -> Result<(), String> {
        let pointers = pointers(self.compiled.target);
        let (start, state, leaving) = match symbol {
            Symbol::RootRecord => (
                start + POINT_RECORD_SIZE,
                self.activation(),
                LEAVING_ACTIVATION,
            ),
            Symbol::Resume(_) => (start, self.activation(), LEAVING_ACTIVATION),
            Symbol::Entry(_) | Symbol::Dispatcher | Symbol::TrapLanding | Symbol::Throw(_) => {
                (start, State::called(pointers), LEAVING_ACTIVATION)
            }
            _ => (start, State::called(pointers), LEAVING),
        };
        let entry = self.entry_of(start)?;
        let ends = ends(self.compiled);
        let walk = Walk {
            decode: &|at| decode(self.compiled, at),
            pointers,
            range: entry.range.clone(),
            start: state,
            watched: &[],
            is_final: &|to| ends.contains(&to),
            landing: &|_| None,
            table: &|_| Vec::new(),
        };
        let reached = walk.run()?;
        let code = Code::new(self.compiled, entry, &reached, leaving);
        if *symbol == Symbol::TrapLanding {
            return code.trap_landing();
        }
        code.check(&|_| false)
    }

    /// What holds in the frame of an activation record, which other code has set up.
    fn activation(&self) -> State {
        let pointers = pointers(self.compiled.target);
        let record = self.compiled.target.activation_record();
        let frame = FRAME_RECORD - record.above;
        let mut state = State::called(pointers);
        state.held = Registers::default();
        state.addresses = BTreeMap::from([(pointers.frame, frame)]);
        let registers = record
            .ints
            .iter()
            .map(|&(register, at)| (frame + at, register));
        let link = [
            (frame, pointers.frame),
            (frame + RETURN_ADDRESS, pointers.link),
        ];
        state.kept = registers.chain(link).collect();
        state
    }
}

impl<'a> Code<'a> {
    fn new(
        compiled: &'a CompiledModule,
        entry: &'a Entry,
        reached: &'a Reached,
        leaving: usize,
    ) -> Self {
        let pointers = pointers(compiled.target);
        let mut wanted = compiled.target.convention().callee_saved.to_vec();
        let record = compiled.target.activation_record();
        wanted.extend(record.ints.iter().map(|&(register, _)| register));
        wanted.extend([pointers.frame, pointers.link]);
        wanted.sort_unstable();
        wanted.dedup();
        Code {
            compiled,
            entry,
            reached,
            wanted,
            leaving,
        }
    }

    fn row(&self, at: u32) -> Result<&Row, String> {
        let row = self.entry.row(at);
        row.ok_or_else(|| format!("no rules at {at:#x}"))
    }

    fn check(&self, is_tail_call: &dyn Fn(u32) -> bool) -> Result<(), String> {
        for (&at, (step, state)) in self.reached {
            let row = self.row(at)?;
            let complaint = match self.misled(row, state) {
                Some(complaint) => complaint,
                None => continue,
            };
            let has_frame = state.addresses.contains_key(&row.end.0);
            let is_excused = !has_frame && self.leaves(at, self.leaving);
            if !is_excused && !is_tail_call(at) {
                return Err(format!(
                    "a debugger at {at:#x} is misled: {complaint}; {step:x?}"
                ));
            }
        }
        Ok(())
    }

    /// In what the rules mislead.
    fn misled(&self, row: &Row, state: &State) -> Option<String> {
        let end = state.addresses.get(&row.end.0).map(|at| at + row.end.1);
        if end != Some(FRAME_RECORD) {
            return Some(format!("the frame ends at {end:?}, by {:?}", row.end));
        }
        let lost = self
            .wanted
            .iter()
            .find(|&&register| match row.rules.get(&register) {
                None => !state.held.has(register),
                Some(Rule::At(at)) => state.kept.get(&(FRAME_RECORD + at)) != Some(&register),
                Some(Rule::Behind(..)) => true,
            });
        if let Some(register) = lost {
            let (rule, State { kept, .. }) = (row.rules.get(register), state);
            return Some(format!(
                "register {register} by {rule:?}; kept are {kept:?}"
            ));
        }
        (row.is_signed != state.is_signed).then(|| "the signature".to_string())
    }

    /// Whether control leaves from here on, within so many instructions, and calls nothing before.
    fn leaves(&self, at: u32, within: usize) -> bool {
        let Some((step, _)) = self.reached.get(&at) else {
            return true;
        };
        let go = |to| within > 0 && self.leaves(to, within - 1);
        match step.flow {
            Flow::Next => go(step.end),
            Flow::Jump(to) => to == self.entry.range.start || go(to),
            Flow::Branch(to) => go(to) && go(step.end),
            Flow::Call(_) => false,
            Flow::Indirect | Flow::Return | Flow::Stop => true,
        }
    }

    fn is_context(&self, register: u8) -> bool {
        register == self.compiled.target.convention().context
    }

    /// The landing of traps belongs to no frame. It puts the return address into the context block, where the rules
    /// find it; up to there it is a function that has just been called.
    fn trap_landing(&self) -> Result<(), String> {
        let pointers = pointers(self.compiled.target);
        let place = context::offsets::TRAP_PC as i32;
        let mut is_put = false;
        for (&at, (step, state)) in self.reached {
            let row = self.row(at)?;
            let rule = row.rules.get(&pointers.link);
            let is_found = match rule {
                Some(&Rule::Behind(base, offset)) => {
                    is_put && offset == place && self.is_context(base)
                }
                _ => !is_put && self.misled(row, state).is_none(),
            };
            if !is_found {
                return Err(format!(
                    "the place of a trap is not found at {at:#x}, by {rule:?}"
                ));
            }
            is_put |= step.accesses.iter().any(|access| {
                let (Access::Save(_, to) | Access::Write(to, _)) = access else {
                    return false;
                };
                to.offset == place && self.is_context(to.base)
            });
        }
        Ok(())
    }
}
