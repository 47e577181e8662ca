//! Stack slots, addresses in them, linear memories, and accesses to all of these.

use super::body::Body;
use enjamb_ir::build::Variable;
use enjamb_ir::{MemoryId, Place, StackSlot, Type, TypeClass, Value};

/// Bytes of the largest value.
const LARGEST: u32 = 16;

/// Bytes that may be accessed behind an address that a function is given, in a trusted module.
const HANDED_OVER: u32 = 48;

/// The most addresses that are there from the entry on.
const ADDRESSES: usize = 3;

/// The bits that an index of a linear memory has, mostly.
const INDEX_MASK: i64 = 0xff;

/// Frame slots and what leads to them.
#[derive(Debug, Default)]
pub(super) struct Frame {
    /// Each with its size, which is 64 at least.
    slots: Vec<(StackSlot, u32)>,
    /// Addresses that every block can use, however much was suspended in between.
    addresses: Vec<Address>,
    /// An index of linear memories, for accesses that have been checked before.
    index: Option<Variable>,
}

/// An address, and how many bytes can be accessed from there on; none if the verifier allows no access.
#[derive(Clone, Copy, Debug)]
struct Address {
    value: Value,
    room: u32,
}

/// Where an access goes: place, address and offset.
type Target = (Place, Option<Value>, u32);

impl Body<'_, '_, '_> {
    /// Makes the slots and some addresses. There is one slot at least.
    pub(super) fn make_frame(&mut self) {
        for _ in 0..self.choices.of(&[1, 1, 2, 3]) {
            let size = match self.choices.once_in(6) {
                true => self.choices.of(&[1000, 2048, 4096]),
                false => self.choices.of(&[64, 64, 80, 136]),
            };
            let slot = self.builder.create_slot(size, self.choices.of(&[8, 16, 1]));
            self.frame.slots.push((slot, size));
        }
        for _ in 0..self.choices.below(ADDRESSES + 1) {
            let made = self.fresh_address();
            let made = self.step(made);
            self.frame.addresses.push(made);
        }
        if self.world.memories.is_some() {
            let index = self.builder.declare_variable(Type::I64);
            let first = self.masked(INDEX_MASK);
            self.builder.def_var(index, first);
            self.frame.index = Some(index);
        }
    }

    /// Remembers an address that the function is given.
    pub(super) fn take_address(&mut self, value: Value) {
        let room = if self.world.is_trusted {
            HANDED_OVER
        } else {
            0
        };
        self.frame.addresses.push(Address { value, room });
    }

    /// An address for a callee.
    pub(super) fn address_for_callee(&mut self) -> Value {
        let least = if self.world.is_trusted {
            HANDED_OVER
        } else {
            0
        };
        let there = self.addresses(least);
        match there.is_empty() || self.choices.once_in(3) {
            false => self.choices.of(&there).value,
            true => {
                let (slot, size) = self.choices.of(&self.frame.slots);
                let offset = self.choices.below((size - HANDED_OVER) as usize + 1);
                self.builder.stack_addr(slot, offset as u32)
            }
        }
    }

    /// The addresses with so much room.
    fn addresses(&self, least: u32) -> Vec<Address> {
        let there = self.frame.addresses.iter().copied();
        there.filter(|address| address.room >= least).collect()
    }

    fn fresh_address(&mut self) -> Address {
        let (slot, size) = self.choices.of(&self.frame.slots);
        let offset = self.choices.below((size - LARGEST) as usize + 1) as u32;
        Address {
            value: self.builder.stack_addr(slot, offset),
            room: size - offset,
        }
    }

    /// Goes on from an address, now and then: by a constant, to somewhere far away and back, or by as much as a
    /// variable says.
    fn step(&mut self, from: Address) -> Address {
        let Address { value, room } = from;
        let spare = room.saturating_sub(LARGEST) as usize;
        match self.choices.below(6) {
            0 => {
                let amount = self.choices.below(spare + 1) as u32;
                let constant = self.builder.iconst(Type::I64, amount.into());
                Address {
                    value: self.builder.addr_add(value, constant),
                    room: room - amount,
                }
            }
            1 => {
                let far = self.choices.constant(Type::I32) as i64;
                let [far, back] = [far, -far].map(|way| self.builder.iconst(Type::I64, way));
                let away = self.builder.addr_add(value, far);
                let value = self.builder.addr_add(away, back);
                Address { value, room }
            }
            2 if self.world.is_trusted && spare >= 15 => {
                let amount = self.masked(15);
                Address {
                    value: self.builder.addr_add(value, amount),
                    room: room - 15,
                }
            }
            _ => from,
        }
    }

    /// Something in a slot of the frame, or behind an address.
    fn place_in_frame(&mut self) -> Target {
        match self.choices.below(8) {
            0 => {
                let (slot, size) = self.choices.of(&self.frame.slots);
                let mask = (1 << (size / 2).ilog2()) - 1;
                let index = match self.choices.once_in(60) {
                    true => self.value(Type::I64),
                    false => self.masked(mask),
                };
                let offset = self
                    .choices
                    .below((size - LARGEST) as usize - mask as usize + 1);
                (Place::Slot(slot), Some(index), offset as u32)
            }
            1..5 => {
                let there = self.addresses(LARGEST);
                let address = match there.is_empty() || self.choices.once_in(4) {
                    true => self.fresh_address(),
                    false => self.choices.of(&there),
                };
                let Address { value, room } = self.step(address);
                let offset = self.choices.below((room - LARGEST) as usize + 1);
                (Place::Address, Some(value), offset as u32)
            }
            _ => {
                let (slot, size) = self.choices.of(&self.frame.slots);
                let offset = self.choices.below((size - LARGEST) as usize + 1);
                (Place::Slot(slot), None, offset as u32)
            }
        }
    }

    /// Something in a linear memory, mostly inside.
    fn place_in_memory(&mut self, memory: MemoryId) -> Target {
        let index = match self.frame.index {
            Some(index) if self.choices.below(2) == 0 => self.index_again(index),
            _ => {
                let index = self.fresh_index();
                match self.choices.below(4) {
                    0 => self.builder.ireduce(Type::I32, index),
                    _ => index,
                }
            }
        };
        let offset = self.choices.of(&[0, 8, 300, 4095, 4096, 32_768, 65_000]);
        (Place::Memory(memory), Some(index), offset)
    }

    fn fresh_index(&mut self) -> Value {
        match self.choices.once_in(60) {
            true => self.value(Type::I64),
            false => self.masked(INDEX_MASK),
        }
    }

    /// The index that other accesses have had, unless it changes now.
    fn index_again(&mut self, index: Variable) -> Value {
        if self.choices.once_in(8) {
            let fresh = self.fresh_index();
            self.builder.def_var(index, fresh);
        }
        self.builder.use_var(index)
    }

    fn place(&mut self) -> Target {
        match &self.world.memories {
            Some(memories) if self.choices.below(2) == 0 => {
                let memory = self.choices.of(&memories.all);
                self.place_in_memory(memory)
            }
            _ => self.place_in_frame(),
        }
    }

    pub(super) fn frame_access(&mut self) {
        let target = self.place_in_frame();
        self.access(target);
    }

    pub(super) fn memory_access(&mut self) {
        let Some(memories) = &self.world.memories else {
            return self.compute();
        };
        let memory = self.choices.of(&memories.all);
        let target = self.place_in_memory(memory);
        self.access(target);
    }

    /// A value that is loaded on the spot, of a type that memory can hold.
    pub(super) fn load_value(&mut self, ty: Type) -> Value {
        let target = self.place();
        match TypeClass::WideInt.contains(ty) && self.choices.once_in(3) {
            true => self.narrow_load(ty, target),
            false => self.builder.load(ty, target.0, target.1, target.2),
        }
    }

    /// Loads or stores a whole value, or a part of an integer.
    fn access(&mut self, target: Target) {
        let (place, address, offset) = target;
        match self.choices.below(6) {
            0..2 => {
                let ty = self.choices.of(&self.world.members(TypeClass::Stored));
                let value = self.operand(ty);
                self.builder.store(place, address, offset, value);
            }
            2..4 => {
                let ty = self.choices.of(&self.world.members(TypeClass::Stored));
                let value = self.builder.load(ty, place, address, offset);
                self.keep(&[value]);
            }
            4 => self.narrow_store(target),
            _ => {
                let ty = self.choices.of(&[Type::I64, Type::I32]);
                let value = self.narrow_load(ty, target);
                self.keep(&[value]);
            }
        }
    }

    fn narrow_store(&mut self, (place, address, offset): Target) {
        let ty = self.choices.of(&[Type::I64, Type::I32]);
        match self.choices.below(3) {
            0 => {
                let value = self.operand(ty);
                self.builder.istore8(place, address, offset, value);
            }
            1 => {
                let value = self.operand(ty);
                self.builder.istore16(place, address, offset, value);
            }
            _ => {
                let value = self.operand(Type::I64);
                self.builder.istore32(place, address, offset, value);
            }
        }
    }

    /// A wide integer from a part of it.
    fn narrow_load(&mut self, ty: Type, (place, address, offset): Target) -> Value {
        let builder = &mut self.builder;
        let ways = if ty == Type::I64 { 6 } else { 4 };
        match self.choices.below(ways) {
            0 => builder.uload8(ty, place, address, offset),
            1 => builder.sload8(ty, place, address, offset),
            2 => builder.uload16(ty, place, address, offset),
            3 => builder.sload16(ty, place, address, offset),
            4 => builder.uload32(place, address, offset),
            _ => builder.sload32(place, address, offset),
        }
    }

    /// Copies, fills, grows or measures a linear memory.
    pub(super) fn bulk_memory(&mut self) {
        let Some(memories) = &self.world.memories else {
            return self.compute();
        };
        let memory = self.choices.of(&memories.all);
        let (to, from, length) = (self.bulk(0x3ff), self.bulk(0x3ff), self.bulk(15));
        match self.choices.below(6) {
            0 | 1 => {
                let source = self.choices.of(&memories.all);
                self.builder.memory_copy(memory, source, to, from, length);
            }
            2 => {
                let byte = self.operand(Type::I8);
                self.builder.memory_fill(memory, to, byte, length);
            }
            3 => {
                let from = self.masked(3);
                let data = memories.data;
                self.builder.memory_init(memory, data, to, from, length);
            }
            4 => {
                let pages = self.masked(1);
                let before = self.builder.memory_grow(memory, pages);
                self.keep(&[before]);
            }
            _ => {
                let pages = self.builder.memory_size(memory);
                self.keep(&[pages]);
            }
        }
    }

    /// A place or length that is mostly inside.
    fn bulk(&mut self, mask: i64) -> Value {
        match self.choices.once_in(60) {
            true => self.value(Type::I64),
            false => self.masked(mask),
        }
    }

    /// A number from 0 to a mask of low bits, as an index, computed in one of several ways.
    pub(super) fn masked(&mut self, mask: i64) -> Value {
        let bits = mask.count_ones();
        match self.choices.below(8) {
            0 if bits > 3 => {
                let shift = self.choices.between(1, 3) as i64;
                let part = self.band(Type::I64, mask >> shift);
                let shift = self.builder.iconst(Type::I64, shift);
                self.builder.ishl(part, shift)
            }
            1 if bits > 1 => {
                let (one, other) = (
                    self.band(Type::I64, mask >> 1),
                    self.band(Type::I64, mask >> 1),
                );
                self.builder.iadd(one, other)
            }
            2 => {
                let narrow = self.band(Type::I32, mask);
                self.builder.uextend(Type::I64, narrow)
            }
            3 if bits > 0 => {
                let value = self.operand(Type::I64);
                let shift = self.builder.iconst(Type::I64, i64::from(64 - bits));
                self.builder.ushr(value, shift)
            }
            _ => self.band(Type::I64, mask),
        }
    }

    fn band(&mut self, ty: Type, mask: i64) -> Value {
        let value = self.operand(ty);
        let mask = self.builder.iconst(ty, mask);
        self.builder.band(value, mask)
    }
}
