//! Random functions in SSA form, valid by construction, and what their slots are used for.

use super::maker::Maker;
use super::oracle::dominators;
use enjamb_ir::{
    Block, Entity, Function, Inst, Opcode, Payload, Place, SlotData, StackSlot, Value,
};
use std::collections::BTreeMap;
use std::ops::Range;

/// Where decisions come from: gives a number below its argument, which is not zero.
pub type Below<'a> = dyn FnMut(usize) -> usize + 'a;

/// The generator splitmix64.
pub struct Random(pub u64);

impl Random {
    /// A number below `bound`.
    pub fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) % bound as u64) as usize
    }
}

/// What an instruction of a generated function does to a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SlotEffect {
    /// It may read it.
    Reads,
    /// It writes it.
    Overwrites,
}

/// Bytes of a slot and what an instruction does to them.
pub type ByteEffect = (StackSlot, Range<u32>, SlotEffect);

/// What the instructions of a function do to its slots.
pub type SlotEffects = BTreeMap<Inst, Vec<ByteEffect>>;

/// A generated function.
pub struct Generated {
    /// The successors of each of its blocks.
    pub graph: Vec<Vec<usize>>,
    /// The function.
    pub function: Function,
    /// The effects of its instructions on slots.
    pub effects: SlotEffects,
}

/// A function of up to 60 blocks, as a rule up to 16.
pub fn any(below: &mut Below<'_>) -> Generated {
    let most = if below(10) == 0 { 60 } else { 16 };
    let blocks = 1 + below(most);
    let local = below(3) != 0;
    let graph = graph(below, blocks, local);
    function(below, graph)
}

/// Successor lists: up to three per block, near ones preferred if `local` so that loops and
/// conditionals nest, anywhere otherwise. No edge leads to the entry.
fn graph(below: &mut Below<'_>, blocks: usize, local: bool) -> Vec<Vec<usize>> {
    let mut successors = vec![Vec::new(); blocks];
    for (block, list) in successors.iter_mut().enumerate() {
        let count = [0, 1, 1, 1, 2, 2, 2, 2, 3, 3][below(10)];
        for _ in 0..count {
            if blocks == 1 {
                break;
            }
            let to = if local && below(8) > 0 {
                (block + 4).saturating_sub(below(6)).min(blocks - 1)
            } else {
                below(blocks)
            };
            list.push(to.max(1));
        }
        if block + 1 < blocks && local && below(4) > 0 {
            list.push(block + 1);
        }
    }
    successors
}

/// Fills the blocks of a graph with definitions and uses that respect dominance.
fn function(below: &mut Below<'_>, graph: Vec<Vec<usize>>) -> Generated {
    let mut fill = Fill {
        maker: Maker::new(),
        effects: BTreeMap::new(),
        available: vec![Vec::new(); graph.len()],
        addresses: vec![Vec::new(); graph.len()],
    };
    for index in 0..graph.len() {
        let block = fill.maker.block();
        for _ in 0..below(3) {
            let value = fill
                .maker
                .function
                .append_param(block, enjamb_ir::Type::I64);
            fill.available[index].push(value);
        }
    }
    for _ in 0..3 {
        fill.maker
            .function
            .slots
            .push(SlotData { size: 8, align: 8 });
    }
    let dominators = dominators(&graph);
    let mut order: Vec<usize> = (0..graph.len()).collect();
    // A block has more dominators than each of those, so these are filled before it.
    order.sort_by_key(|&block| dominators[block].len());
    for block in order {
        for &above in dominators[block].iter().filter(|&&above| above != block) {
            let inherited = fill.available[above].clone();
            fill.available[block].extend(inherited);
            let inherited = fill.addresses[above].clone();
            fill.addresses[block].extend(inherited);
        }
        fill.available[block].sort_unstable();
        fill.available[block].dedup();
        fill.addresses[block].sort_unstable();
        fill.addresses[block].dedup();
        for _ in 0..below(5) {
            fill.instruction(below, block);
        }
        fill.terminator(below, block, &graph[block]);
    }
    Generated {
        graph,
        function: fill.maker.function,
        effects: fill.effects,
    }
}

struct Fill {
    maker: Maker,
    effects: SlotEffects,
    available: Vec<Vec<Value>>,
    /// Addresses in slots, with their distance from the start if that is known.
    addresses: Vec<Vec<(Value, StackSlot, Option<i64>)>>,
}

impl Fill {
    fn pick(&mut self, below: &mut Below<'_>, index: usize) -> Value {
        if self.available[index].is_empty() {
            let value = self.maker.constant(Block::from_index(index));
            self.available[index].push(value);
        }
        let list = &self.available[index];
        list[below(list.len())]
    }

    fn instruction(&mut self, below: &mut Below<'_>, index: usize) {
        let block = Block::from_index(index);
        let slot = StackSlot::from_index(below(3));
        let access = Payload::Access(Place::Slot(slot), 0);
        match below(12) {
            0 => {
                let load = self.maker.inst(block, Opcode::Load, access, &[], 1);
                self.effects
                    .insert(load, vec![(slot, 0..8, SlotEffect::Reads)]);
            }
            1 | 2 => {
                let value = self.pick(below, index);
                let store = self.maker.inst(block, Opcode::Store, access, &[value], 0);
                let effect = (slot, 0..8, SlotEffect::Overwrites);
                self.effects.insert(store, vec![effect]);
            }
            3 => {
                let (address, value) = (self.pick(below, index), self.pick(below, index));
                match below(4) {
                    // At an index, neither a read nor an overwrite.
                    0 => {
                        let args = [address, value];
                        self.maker.inst(block, Opcode::Store, access, &args, 0);
                    }
                    1 => {
                        let load = self.maker.inst(block, Opcode::Load, access, &[address], 1);
                        self.effects
                            .insert(load, vec![(slot, 0..8, SlotEffect::Reads)]);
                    }
                    _ => {
                        let (opcode, bytes) = match below(3) {
                            0 => (Opcode::Istore8, 1),
                            1 => (Opcode::Istore16, 2),
                            _ => (Opcode::Istore32, 4),
                        };
                        let offset = bytes * below(8 / bytes as usize) as u32;
                        let part = Payload::Access(Place::Slot(slot), offset);
                        let store = self.maker.inst(block, opcode, part, &[value], 0);
                        let effect = (slot, offset..offset + bytes, SlotEffect::Overwrites);
                        self.effects.insert(store, vec![effect]);
                    }
                }
            }
            4 => {
                let offset = 4 * below(2) as u32;
                let payload = Payload::Slot(slot, offset);
                let inst = self.maker.inst(block, Opcode::StackAddr, payload, &[], 1);
                let address = self.maker.function.results(inst)[0];
                self.addresses[index].push((address, slot, Some(offset.into())));
            }
            5 if !self.addresses[index].is_empty() => {
                let (address, slot, offset) =
                    self.addresses[index][below(self.addresses[index].len())];
                let behind = Payload::Access(Place::Address, 0);
                let (opcode, effect) = match below(2) {
                    0 => (Opcode::Uload16, SlotEffect::Reads),
                    _ => (Opcode::Istore16, SlotEffect::Overwrites),
                };
                let value = self.pick(below, index);
                let args = [address, value];
                let count = usize::from(effect == SlotEffect::Overwrites);
                let access = self
                    .maker
                    .inst(block, opcode, behind, &args[..=count], 1 - count);
                let effect = match offset {
                    Some(offset @ 0..=6) => (slot, offset as u32..offset as u32 + 2, effect),
                    _ => (slot, 0..8, SlotEffect::Reads),
                };
                self.effects.insert(access, vec![effect]);
                let amount = self.pick(below, index);
                let args = [address, amount];
                let sum = self
                    .maker
                    .inst(block, Opcode::AddrAdd, Payload::None, &args, 1);
                let sum = self.maker.function.results(sum)[0];
                let known = self.maker.function.integer_constant(amount);
                let moved = offset.zip(known).map(|(offset, amount)| offset + amount);
                self.addresses[index].push((sum, slot, moved));
            }
            6 => {
                let argument = self.pick(below, index);
                let result = self.maker.call(block, argument);
                self.available[index].push(result);
            }
            7 => {
                let value = self.maker.constant(block);
                self.available[index].push(value);
            }
            _ => {
                let (left, right) = (self.pick(below, index), self.pick(below, index));
                let sum = self.maker.add(block, left, right);
                self.available[index].push(sum);
            }
        }
    }

    fn terminator(&mut self, below: &mut Below<'_>, index: usize, successors: &[usize]) {
        let mut targets = Vec::new();
        for &to in successors {
            let to = Block::from_index(to);
            let count = self.maker.function.blocks[to].params.len();
            let args: Vec<Value> = (0..count).map(|_| self.pick(below, index)).collect();
            targets.push((to, args));
        }
        let borrowed: Vec<(Block, &[Value])> = targets
            .iter()
            .map(|(to, args)| (*to, args.as_slice()))
            .collect();
        let used = self.pick(below, index);
        let (opcode, args): (Opcode, &[Value]) = match borrowed.len() {
            0 => (Opcode::Return, &[used]),
            1 => (Opcode::Jump, &[]),
            2 => (Opcode::Brif, &[used]),
            _ => (Opcode::BrTable, &[used]),
        };
        self.maker
            .end(Block::from_index(index), opcode, args, &borrowed);
    }
}
