//! Random functions in SSA form, valid by construction, and what their slots are used for.

use super::maker::Maker;
use enjamb_ir::{
    Block, Entity, Function, Inst, Opcode, Payload, Place, SlotData, StackSlot, Value,
};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

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

/// A generated function.
pub struct Generated {
    /// The function.
    pub function: Function,
    /// The effects of its instructions on slots.
    pub effects: BTreeMap<Inst, ByteEffect>,
}

/// The blocks that `avoiding` does not cut off from the entry.
pub fn reachable(successors: &[Vec<usize>], avoiding: Option<usize>) -> BTreeSet<usize> {
    let mut seen = BTreeSet::new();
    let mut stack = vec![0];
    while let Some(block) = stack.pop() {
        if Some(block) != avoiding && seen.insert(block) {
            stack.extend(&successors[block]);
        }
    }
    seen
}

/// Per block those that dominate it, by cutting off each in turn.
pub fn dominators(successors: &[Vec<usize>]) -> Vec<BTreeSet<usize>> {
    let all = reachable(successors, None);
    let mut result = vec![BTreeSet::new(); successors.len()];
    for &above in &all {
        let rest = reachable(successors, Some(above));
        for &below in all.difference(&rest) {
            result[below].insert(above);
        }
    }
    result
}

/// Successor lists: up to three per block, near ones preferred if `local` so that loops and
/// conditionals nest, anywhere otherwise. No edge leads to the entry.
pub fn graph(random: &mut Random, blocks: usize, local: bool) -> Vec<Vec<usize>> {
    let mut successors = vec![Vec::new(); blocks];
    for (block, list) in successors.iter_mut().enumerate() {
        let count = [0, 1, 1, 1, 2, 2, 2, 2, 3, 3][random.below(10)];
        for _ in 0..count {
            if blocks == 1 {
                break;
            }
            let to = if local && random.below(8) > 0 {
                (block + 4).saturating_sub(random.below(6)).min(blocks - 1)
            } else {
                random.below(blocks)
            };
            list.push(to.max(1));
        }
        if block + 1 < blocks && local && random.below(4) > 0 {
            list.push(block + 1);
        }
    }
    successors
}

/// Fills the blocks of a graph with definitions and uses that respect dominance.
pub fn function(random: &mut Random, successors: &[Vec<usize>]) -> Generated {
    let mut fill = Fill {
        maker: Maker::new(),
        effects: BTreeMap::new(),
        available: vec![Vec::new(); successors.len()],
        addresses: vec![Vec::new(); successors.len()],
    };
    for index in 0..successors.len() {
        let block = fill.maker.block();
        for _ in 0..random.below(3) {
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
    let dominators = dominators(successors);
    let mut order: Vec<usize> = (0..successors.len()).collect();
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
        for _ in 0..random.below(5) {
            fill.instruction(random, block);
        }
        fill.terminator(random, block, &successors[block]);
    }
    Generated {
        function: fill.maker.function,
        effects: fill.effects,
    }
}

struct Fill {
    maker: Maker,
    effects: BTreeMap<Inst, ByteEffect>,
    available: Vec<Vec<Value>>,
    /// Addresses in slots, with their distance from the start if that is known.
    addresses: Vec<Vec<(Value, StackSlot, Option<i64>)>>,
}

impl Fill {
    fn pick(&mut self, random: &mut Random, index: usize) -> Value {
        if self.available[index].is_empty() {
            let value = self.maker.constant(Block::from_index(index));
            self.available[index].push(value);
        }
        let list = &self.available[index];
        list[random.below(list.len())]
    }

    fn instruction(&mut self, random: &mut Random, index: usize) {
        let block = Block::from_index(index);
        let slot = StackSlot::from_index(random.below(3));
        let access = Payload::Access(Place::Slot(slot), 0);
        match random.below(12) {
            0 => {
                let load = self.maker.inst(block, Opcode::Load, access, &[], 1);
                self.effects.insert(load, (slot, 0..8, SlotEffect::Reads));
            }
            1 | 2 => {
                let value = self.pick(random, index);
                let store = self.maker.inst(block, Opcode::Store, access, &[value], 0);
                let effect = (slot, 0..8, SlotEffect::Overwrites);
                self.effects.insert(store, effect);
            }
            3 => {
                let (address, value) = (self.pick(random, index), self.pick(random, index));
                match random.below(4) {
                    // At an index, neither a read nor an overwrite.
                    0 => {
                        let args = [address, value];
                        self.maker.inst(block, Opcode::Store, access, &args, 0);
                    }
                    1 => {
                        let load = self.maker.inst(block, Opcode::Load, access, &[address], 1);
                        self.effects.insert(load, (slot, 0..8, SlotEffect::Reads));
                    }
                    _ => {
                        let (opcode, bytes) = match random.below(3) {
                            0 => (Opcode::Istore8, 1),
                            1 => (Opcode::Istore16, 2),
                            _ => (Opcode::Istore32, 4),
                        };
                        let offset = bytes * random.below(8 / bytes as usize) as u32;
                        let part = Payload::Access(Place::Slot(slot), offset);
                        let store = self.maker.inst(block, opcode, part, &[value], 0);
                        let effect = (slot, offset..offset + bytes, SlotEffect::Overwrites);
                        self.effects.insert(store, effect);
                    }
                }
            }
            4 => {
                let offset = 4 * random.below(2) as u32;
                let payload = Payload::Slot(slot, offset);
                let inst = self.maker.inst(block, Opcode::StackAddr, payload, &[], 1);
                let address = self.maker.function.results(inst)[0];
                self.addresses[index].push((address, slot, Some(offset.into())));
            }
            5 if !self.addresses[index].is_empty() => {
                let (address, slot, offset) =
                    self.addresses[index][random.below(self.addresses[index].len())];
                let behind = Payload::Access(Place::Address, 0);
                let (opcode, effect) = match random.below(2) {
                    0 => (Opcode::Uload16, SlotEffect::Reads),
                    _ => (Opcode::Istore16, SlotEffect::Overwrites),
                };
                let value = self.pick(random, index);
                let args = [address, value];
                let count = usize::from(effect == SlotEffect::Overwrites);
                let access = self
                    .maker
                    .inst(block, opcode, behind, &args[..=count], 1 - count);
                let effect = match offset {
                    Some(offset @ 0..=6) => (slot, offset as u32..offset as u32 + 2, effect),
                    _ => (slot, 0..8, SlotEffect::Reads),
                };
                self.effects.insert(access, effect);
                let amount = self.pick(random, index);
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
                let argument = self.pick(random, index);
                let result = self.maker.call(block, argument);
                self.available[index].push(result);
            }
            7 => {
                let value = self.maker.constant(block);
                self.available[index].push(value);
            }
            _ => {
                let (left, right) = (self.pick(random, index), self.pick(random, index));
                let sum = self.maker.add(block, left, right);
                self.available[index].push(sum);
            }
        }
    }

    fn terminator(&mut self, random: &mut Random, index: usize, successors: &[usize]) {
        let mut targets = Vec::new();
        for &to in successors {
            let to = Block::from_index(to);
            let count = self.maker.function.blocks[to].params.len();
            let args: Vec<Value> = (0..count).map(|_| self.pick(random, index)).collect();
            targets.push((to, args));
        }
        let borrowed: Vec<(Block, &[Value])> = targets
            .iter()
            .map(|(to, args)| (*to, args.as_slice()))
            .collect();
        let used = self.pick(random, index);
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
