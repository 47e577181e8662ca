//! Pass `rematerialize`: what is cheaper to compute again than to save is computed again.
//!
//! Constants, function references and frame addresses that live across a suspension point get a
//! copy in each stretch of code behind a point that uses them; so they are not live across it and
//! are not saved (M7), and no frame address outlives its frame (M8). An address inside a slot becomes
//! one `stack_addr`, however it was made, and one at another constant distance a `stack_addr` with one
//! `addr_add`. Where the amount of an `addr_add` is no constant, as in trusted modules only, it is
//! copied with its base; the amount is an ordinary value and saved like one.
//!
//! A *stretch* is the part of a block between two points. A use in the stretch of the definition
//! keeps it; every other stretch has at most one copy, in front of its first use.

use enjamb_ir::hash::{FxHashMap, FxHashSet};
use enjamb_ir::{
    Block, Function, Inst, Module, Opcode, Payload, SecondaryMap, StackSlot, Stage, Type, Value,
    ValueDef, suspends,
};
use enjamb_liveness::ControlFlow;

use crate::edges;
use crate::points::SuspensionPoints;
use crate::regions;

/// Rewrites async source functions; other functions stay as they are.
pub fn run(module: &Module, function: &mut Function) {
    if !function.is_async() || function.stage != Stage::Source {
        return;
    }
    edges::run(module, function);
    let flow = ControlFlow::new(function);
    let points = SuspensionPoints::run(module, function, flow.reverse_post_order());
    let places = known_places(function, &flow);
    let across = candidates_across(module, function, &flow, &points, &places);
    if across.is_empty() {
        return;
    }
    for &block in flow.reverse_post_order() {
        copy_in_block(
            module,
            function,
            block,
            &Candidates {
                across: &across,
                places: &places,
            },
        );
    }
    remove_unused(function, &flow);
}

/// Whether a result of this instruction is computed again rather than saved. All of these have no
/// effect, and give the same for as long as the instance lives or, addresses, the frame.
fn is_cheap(opcode: Opcode) -> bool {
    matches!(
        opcode,
        Opcode::Iconst
            | Opcode::Fconst
            | Opcode::Vconst
            | Opcode::Null
            | Opcode::FuncAddr
            | Opcode::StackAddr
            | Opcode::AddrAdd
            | Opcode::TableSize
    )
}

/// Where an address is.
#[derive(Clone, Copy)]
struct Place {
    slot: StackSlot,
    /// Inside the slot.
    offset: u32,
    /// How far beyond that; 0 unless it lies outside the slot.
    beyond: i64,
}

impl Place {
    /// The place so many bytes further on.
    fn advanced(self, function: &Function, bytes: i64) -> Place {
        let whole = i64::from(self.offset)
            .wrapping_add(self.beyond)
            .wrapping_add(bytes);
        let inside = u32::try_from(whole).ok();
        match inside.filter(|&offset| offset < function.slots[self.slot].size) {
            Some(offset) => Place {
                offset,
                beyond: 0,
                ..self
            },
            None => Place {
                beyond: whole.wrapping_sub(self.offset.into()),
                ..self
            },
        }
    }
}

/// The addresses at known distances from slots.
type Places = FxHashMap<Value, Place>;

fn known_places(function: &Function, flow: &ControlFlow) -> Places {
    let mut places = Places::default();
    if function.slots.is_empty() {
        return places;
    }
    for &block in flow.reverse_post_order() {
        for &inst in &function.blocks[block].insts {
            let place = match (function.insts[inst].opcode, function.insts[inst].payload) {
                (Opcode::StackAddr, Payload::Slot(slot, offset)) => Some(Place {
                    slot,
                    offset,
                    beyond: 0,
                }),
                (Opcode::AddrAdd, _) => step(function, inst, &places),
                _ => None,
            };
            if let (Some(place), &[address]) = (place, function.results(inst)) {
                places.insert(address, place);
            }
        }
    }
    places
}

/// Where an `addr_add` of a constant leads.
fn step(function: &Function, inst: Inst, places: &Places) -> Option<Place> {
    let &[base, amount] = function.args(inst) else {
        return None;
    };
    let amount = function.integer_constant(amount)?;
    Some(places.get(&base)?.advanced(function, amount))
}

/// The cheap values that are live across some point, and the cheap ones that copies of them use.
fn candidates_across(
    module: &Module,
    function: &Function,
    flow: &ControlFlow,
    points: &SuspensionPoints,
    places: &Places,
) -> FxHashSet<Value> {
    let is_candidate = |value| definition(function, value).is_some();
    let mut found = regions::live_across_any(module, function, flow, points, is_candidate);
    let mut work: Vec<Value> = found.iter().copied().collect();
    while let Some(value) = work.pop() {
        let Some(inst) = definition(function, value).filter(|_| !places.contains_key(&value))
        else {
            continue;
        };
        for &operand in function.args(inst) {
            if definition(function, operand).is_some() && found.insert(operand) {
                work.push(operand);
            }
        }
    }
    found
}

/// The instruction that defines a value, if it is a cheap one.
fn definition(function: &Function, value: Value) -> Option<Inst> {
    match function.values[value].def {
        ValueDef::Result(inst, _) if is_cheap(function.insts[inst].opcode) => Some(inst),
        _ => None,
    }
}

/// What to compute again, and how.
struct Candidates<'a> {
    across: &'a FxHashSet<Value>,
    places: &'a Places,
}

/// Rebuilds the instruction list of a block with copies in front of first uses.
fn copy_in_block(
    module: &Module,
    function: &mut Function,
    block: Block,
    candidates: &Candidates<'_>,
) {
    let insts = std::mem::take(&mut function.blocks[block].insts);
    let mut stretch = Stretch {
        candidates,
        here: FxHashMap::default(),
        rebuilt: Vec::with_capacity(insts.len()),
    };
    let mut used = Vec::new();
    for inst in insts {
        function.for_each_use(inst, |value| {
            if candidates.across.contains(&value) {
                used.push(value);
            }
        });
        if !used.is_empty() {
            for value in used.drain(..) {
                stretch.copy(function, value);
            }
            function.map_uses(inst, |value| stretch.stand_in(value));
        }
        stretch.rebuilt.push(inst);
        for &result in function.results(inst) {
            if candidates.across.contains(&result) {
                stretch.here.insert(result, result);
            }
        }
        if suspends(module, function, inst) {
            stretch.here.clear();
        }
    }
    function.blocks[block].insts = stretch.rebuilt;
}

/// A stretch of a block under construction.
struct Stretch<'a> {
    candidates: &'a Candidates<'a>,
    /// What stands for a value in this stretch.
    here: FxHashMap<Value, Value>,
    /// The instructions of the block up to here.
    rebuilt: Vec<Inst>,
}

impl Stretch<'_> {
    fn stand_in(&self, value: Value) -> Value {
        self.here.get(&value).copied().unwrap_or(value)
    }

    /// Makes a copy of a value and of what it is made from, unless the stretch has one. A chain of
    /// `addr_add` may be long, so this keeps its own stack.
    fn copy(&mut self, function: &mut Function, value: Value) {
        let mut work = vec![value];
        while let Some(&value) = work.last() {
            let Some(inst) =
                definition(function, value).filter(|_| !self.here.contains_key(&value))
            else {
                work.pop();
                continue;
            };
            let copy = if let Some(&place) = self.candidates.places.get(&value) {
                self.address(function, inst, place)
            } else {
                let missing = |operand: &&Value| {
                    self.candidates.across.contains(operand) && !self.here.contains_key(operand)
                };
                if let Some(&operand) = function.args(inst).iter().find(missing) {
                    work.push(operand);
                    continue;
                }
                let data = function.insts[inst];
                let args = function.args(inst).iter().map(|&arg| self.stand_in(arg));
                let args: Vec<Value> = args.collect();
                function.make_inst(data.opcode, data.ty, data.payload, &args, &[])
            };
            let result = self.append(function, copy, inst, function.value_type(value));
            function.origins[result] = Some(function.origins[value].unwrap_or(value));
            self.here.insert(value, result);
            work.pop();
        }
    }

    /// The instruction that makes an address again, with what it needs in front of it.
    fn address(&mut self, function: &mut Function, origin: Inst, place: Place) -> Inst {
        let payload = Payload::Slot(place.slot, place.offset);
        let base = function.make_inst(Opcode::StackAddr, Type::I64, payload, &[], &[]);
        if place.beyond == 0 {
            return base;
        }
        let base = self.append(function, base, origin, Type::Addr);
        let amount = Payload::Integer(place.beyond);
        let amount = function.make_inst(Opcode::Iconst, Type::I64, amount, &[], &[]);
        let amount = self.append(function, amount, origin, Type::I64);
        let args = [base, amount];
        function.make_inst(Opcode::AddrAdd, Type::I64, Payload::None, &args, &[])
    }

    /// Puts an instruction that is made for another one at the end of the block, and gives its result.
    fn append(&mut self, function: &mut Function, inst: Inst, origin: Inst, ty: Type) -> Value {
        function.make_results(inst, &[ty]);
        function.positions[inst] = function.positions[origin];
        function.inst_origins[inst] = Some(function.source_inst(origin));
        self.rebuilt.push(inst);
        function.results(inst)[0]
    }
}

/// Removes the cheap instructions whose result nothing uses, many of them since it is copied.
fn remove_unused(function: &mut Function, flow: &ControlFlow) {
    let mut uses: SecondaryMap<Value, u32> = SecondaryMap::with_default(0);
    for &block in &function.order {
        for &inst in &function.blocks[block].insts {
            function.for_each_use(inst, |value| uses[value] += 1);
        }
    }
    // Uses before their definitions, so that an address is gone before its base is looked at.
    for &block in flow.reverse_post_order().iter().rev() {
        let mut insts = std::mem::take(&mut function.blocks[block].insts);
        insts.reverse();
        insts.retain(|&inst| {
            let unused = |result: &Value| uses[*result] == 0;
            let remove =
                is_cheap(function.insts[inst].opcode) && function.results(inst).iter().all(unused);
            if remove {
                function.for_each_use(inst, |value| uses[value] -= 1);
            }
            !remove
        });
        insts.reverse();
        function.blocks[block].insts = insts;
    }
}
