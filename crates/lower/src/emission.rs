//! From allocated machine code to bytes: prologue, blocks, out-of-line parts.
//!
//! ```text
//! prologue
//! blocks, warm ones first              the suspension blocks are the cold ones
//! out-of-line parts                    calls of the trap landing, slow paths
//! jump tables, constants               where the assembler puts them
//! ```

use crate::emitter::{
    Assembled, Emission, EmitTarget, OutOfLine, StateOf, SuspensionExit, register,
};
use crate::error::{Lower, Reason};
use crate::machine::{Code, Step};
use crate::object_code::ObjectCode;
use enjamb_abi::code::{Code as FinishedCode, Relocation, Safepoint, Symbol, TrapSite};
use enjamb_ir::print::display_inst;
use enjamb_ir::{Inst, TrapCode};
use enjamb_regalloc::{Block, Item, Location, PReg};

/// Emitted code, and its text if that was asked for.
pub(crate) struct Emitted {
    /// The code and its tables.
    pub code: FinishedCode,
    /// Offset, bytes and text of every instruction.
    pub listing: Option<String>,
}

fn at(locations: &[Location], index: usize) -> Lower<PReg> {
    register(locations.get(index).copied().ok_or(Reason::Malformed)?)
}

/// Emits everything.
pub(crate) fn emit<'a, E: Emission<'a>>(state: StateOf<'a, E>) -> Lower<Emitted> {
    let allocation = state.allocation;
    let mut emitter = E::new(state)?;
    emitter.prologue()?;
    stretch(&mut emitter, None);
    for (block, next) in allocation.emission().iter() {
        heading(&mut emitter, block);
        emitter.bind(E::block_label(block));
        for item in allocation.block(block) {
            match item {
                Item::Inst(index, locations) => {
                    let inst = allocation.function().inst(index);
                    remark(&mut emitter, inst.source);
                    step(&mut emitter, inst, locations, block, next)?;
                }
                Item::Move { from, to, class } => emitter.move_value(from, to, class)?,
            }
        }
    }
    stretch(&mut emitter, None);
    // A slow path may itself trap, which adds to the list.
    while !emitter.out_of_line.is_empty() {
        for (part, source) in std::mem::take(&mut emitter.out_of_line) {
            remark(&mut emitter, source);
            match part {
                OutOfLine::Trap { at, code } => {
                    emitter.bind(at);
                    emitter.trap(code);
                }
                OutOfLine::Allocate {
                    at,
                    back,
                    symbol,
                    argument,
                } => {
                    emitter.bind(at);
                    emitter.allocate(symbol, argument);
                    emitter.jump(back);
                }
                OutOfLine::Target(part) => emitter.out_of_line(part)?,
            }
        }
    }
    finish(emitter)
}

/// Begins the code of an instruction, or of none.
fn stretch<'a, E: EmitTarget<'a>>(emitter: &mut E, source: Option<Inst>) {
    if emitter.options.debug_info {
        let start = emitter.mark();
        emitter.stretches.push((start, source));
    }
    emitter.source = source;
}

// Remarks of the listing.

fn heading<'a, E: EmitTarget<'a>>(emitter: &mut E, block: Block) {
    let blocks = &emitter.lowered.blocks;
    let made_from = blocks.get(block.index()).copied().flatten();
    emitter.comment(|| match made_from {
        Some(made_from) => made_from.to_string(),
        None => "edge".into(),
    });
}

fn remark<'a, E: EmitTarget<'a>>(emitter: &mut E, source: Option<Inst>) {
    if emitter.source == source {
        return;
    }
    if let Some(inst) = source {
        let text = display_inst(Some(emitter.module), emitter.function, inst);
        emitter.comment(|| text.to_string());
    }
    stretch(emitter, source);
}

fn step<'a, E: Emission<'a>>(
    emitter: &mut E,
    step: &Step<E::Inst>,
    places: &[Location],
    block: Block,
    next: Option<Block>,
) -> Lower<()> {
    match &step.code {
        Code::Target(inst) => emitter.instruction(inst, places),
        Code::Arguments(_) => Ok(()),
        &Code::ZeroFrame { offset, bytes, .. } => {
            emitter.zero_frame(offset, bytes, at(places, 0)?, at(places, 1)?)
        }
        &Code::Copy { output, .. } => {
            let [from, to] = [0, 1].map(|index| places.get(index).copied());
            let (from, to) = from.zip(to).ok_or(Reason::Malformed)?;
            match from == to {
                true => Ok(()),
                false => emitter.move_value(from, to, output.class()),
            }
        }
        &Code::SymbolAddress { symbol, .. } => emitter.symbol_address(at(places, 0)?, symbol),
        Code::TrapIf(predicate, code) => emitter.trap_if(predicate.as_ref(), places, *code),
        &Code::TableAddress { table, .. } => {
            let [index, scratch, output] = [at(places, 0)?, at(places, 1)?, at(places, 2)?];
            let table = emitter.table_label(table);
            emitter.table_address(table, index, scratch, output)
        }
        Code::Call(call) => emitter.call(call),
        Code::TryCall { call, .. } => {
            emitter.call(call)?;
            let landing = E::block_label(emitter.successor(block, 1)?);
            if let Some(&(returns, _)) = emitter.calls.last() {
                emitter.handlers.push((returns, landing));
            }
            let onwards = emitter.successor(block, 0)?;
            emitter.jump_to(onwards, next);
            Ok(())
        }
        &Code::Throw { throw, .. } => {
            let stub = emitter.symbol(Symbol::Throw(throw));
            emitter.call_symbol(stub);
            emitter.record_call();
            Ok(())
        }
        &Code::NewContinuation { stub, .. } => {
            // Nobody walks the stack from in there, so it is the place of a trap and of no call.
            emitter.call_symbol(stub);
            emitter.record_trap(TrapCode::OutOfMemory);
            Ok(())
        }
        Code::Object(code) => object(emitter, code, places),
        Code::Jump => {
            let to = emitter.successor(block, 0)?;
            emitter.jump_to(to, next);
            Ok(())
        }
        Code::Branch(predicate) => {
            let (yes, no) = (emitter.successor(block, 0)?, emitter.successor(block, 1)?);
            emitter.branch(predicate, places, yes, no, next)
        }
        &Code::TableJump { table, .. } => {
            let count = emitter.allocation.function().block_successors(block).len();
            let targets: Lower<Vec<E::Label>> = (0..count)
                .map(|index| Ok(E::block_label(emitter.successor(block, index)?)))
                .collect();
            let table = emitter.table_label(table);
            emitter.table_jump(table, at(places, 0)?, &targets?)
        }
        &Code::Return { is_async, .. } => emitter.return_to_caller(is_async),
        Code::Suspend(_) => leave_by(emitter, SuspensionExit::Linked),
        Code::SetPointLinkSuspend { .. } => leave_by(emitter, SuspensionExit::Unlinked),
        Code::TailCall(call) => emitter.tail_call(call),
        &Code::Trap(code) => {
            emitter.trap(code);
            Ok(())
        }
    }
}

fn object<'a, E: Emission<'a>>(
    emitter: &mut E,
    code: &ObjectCode,
    places: &[Location],
) -> Lower<()> {
    match *code {
        ObjectCode::New {
            size, word, slow, ..
        } => {
            let full = emitter.new_object(size, word)?;
            emitter.allocate_at(full, slow, None);
            Ok(())
        }
        ObjectCode::NewArray {
            element,
            word,
            slow,
            ..
        } => {
            let length = at(places, 0)?;
            let full = emitter.new_array(element, word, length)?;
            emitter.allocate_at(full, slow, Some(length));
            Ok(())
        }
        ObjectCode::IsInstance { word, .. } => {
            emitter.is_instance(at(places, 0)?, word, at(places, 1)?)
        }
    }
}

/// All suspension blocks leave by the same exit, which the first one of them puts here.
fn leave_by<'a, E: Emission<'a>>(emitter: &mut E, exit: SuspensionExit) -> Lower<()> {
    if let Some(label) = emitter.suspension_exits[exit as usize] {
        emitter.jump(label);
        return Ok(());
    }
    let label = emitter.new_label();
    emitter.suspension_exits[exit as usize] = Some(label);
    emitter.bind(label);
    if exit == SuspensionExit::Unlinked {
        emitter.set_point_and_link()?;
    }
    emitter.suspend()
}

fn finish<'a, E: EmitTarget<'a>>(mut emitter: E) -> Lower<Emitted> {
    let traps = std::mem::take(&mut emitter.traps);
    let calls = std::mem::take(&mut emitter.calls);
    let handlers = std::mem::take(&mut emitter.handlers);
    let mut marks: Vec<E::Label> = traps.iter().map(|&(label, ..)| label).collect();
    marks.extend(calls.iter().map(|&(label, _)| label));
    marks.extend(
        handlers
            .iter()
            .flat_map(|&(returns, landing)| [returns, landing]),
    );
    let stretches = std::mem::take(&mut emitter.stretches);
    marks.extend(stretches.iter().map(|&(label, _)| label));
    let mut assembled = emitter.assemble(&marks)?;
    let mut of_calls = assembled.offsets.split_off(traps.len());
    let mut of_handlers = of_calls.split_off(calls.len());
    let of_stretches = of_handlers.split_off(2 * handlers.len());
    let function = emitter.function;
    let sites = traps.iter().zip(&assembled.offsets);
    let sites = sites.filter_map(|(&(_, code, inst), &offset)| {
        Some(TrapSite {
            offset: offset?,
            code,
            inst,
            position: inst.and_then(|inst| function.positions[inst]),
        })
    });
    let sites = sites.collect();
    let calls = calls.iter().zip(of_calls);
    let calls = calls.filter_map(|(&(_, inst), offset)| Some((offset?, inst)));
    let mut calls: Vec<(u32, Inst)> = calls.collect();
    calls.sort_unstable();
    let safepoints = calls.iter().filter_map(|&(offset, inst)| {
        let roots = function.live_roots(inst).iter();
        let slots: Vec<i32> = roots
            .map(|&root| emitter.frame.request.root(root))
            .collect();
        (!slots.is_empty()).then_some(Safepoint { offset, slots })
    });
    let safepoints = safepoints.collect();
    let handlers = of_handlers.chunks_exact(2);
    let handlers = handlers.filter_map(|pair| Some((pair[0]?, pair[1]?)));
    let mut handlers: Vec<(u32, u32)> = handlers.collect();
    handlers.sort_unstable();
    let instructions = stretches.iter().zip(of_stretches);
    let instructions = instructions.filter_map(|(&(_, inst), offset)| Some((offset?, inst)));
    // A stretch without code at the end would be where the next function begins.
    let end = assembled.bytes.len() as u32;
    let instructions = instructions.filter(|&(offset, _)| offset < end).collect();
    let listing = assembled.listing.take();
    let code = FinishedCode {
        traps: sites,
        calls,
        safepoints,
        handlers,
        instructions,
        saved: emitter.frame.saved_registers(),
        frame_bytes: emitter.frame.bytes,
        ..assembled.into_code(&emitter.symbols)
    };
    Ok(Emitted { code, listing })
}

impl Assembled {
    /// The code, without tables.
    fn into_code(self, symbols: &[Symbol]) -> FinishedCode {
        let relocations = self.relocations.into_iter();
        let relocations = relocations.map(|(offset, kind, symbol, addend)| Relocation {
            offset,
            kind,
            symbol: symbols[symbol as usize].clone(),
            addend,
        });
        FinishedCode {
            relocations: relocations.collect(),
            align: self.align.max(16),
            bytes: self.bytes,
            ..FinishedCode::default()
        }
    }

    /// The code of a stub whose traps are at the labels that were asked for.
    pub fn into_stub(
        self,
        symbols: &[Symbol],
        traps: &[TrapCode],
        frame_bytes: u32,
    ) -> FinishedCode {
        let sites = traps.iter().zip(&self.offsets);
        let sites = sites.filter_map(|(&code, &offset)| {
            Some(TrapSite {
                offset: offset?,
                code,
                inst: None,
                position: None,
            })
        });
        FinishedCode {
            traps: sites.collect(),
            frame_bytes,
            ..self.into_code(symbols)
        }
    }
}
