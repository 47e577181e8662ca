//! Loads and stores, linear memories, stack slots, globals and tables.

use crate::control::wrong_payload;
use crate::error::Stop;
use crate::integer::{narrow, unsigned};
use crate::machine::{Flow, Machine};
use crate::stack::{Site, Stack};
use crate::value::{Cell, decode};
use enjamb_ir::{Entity, MemoryId, Payload, Place, TrapCode, Type};

type Outcome = Result<Flow, Stop>;

const OUT_OF_BOUNDS: Stop = Stop::Trap(TrapCode::MemoryOutOfBounds);

/// Where the bytes of an access lie.
enum Bytes {
    Memory(MemoryId, u64),
    Slot(usize, u64),
}

/// An index as an unsigned number of bytes.
fn index(stack: &Stack<'_>, site: &Site<'_>, position: usize) -> Result<u64, Stop> {
    let value = site.args()[position];
    let bits = site.function.value_type(value).bits();
    let cell = site.cell(stack, value)?;
    Ok(unsigned(bits, cell.bits as i64))
}

/// Where the bytes of an access lie. `operands` is how many operands follow the address.
fn resolve(stack: &Stack<'_>, site: &Site<'_>, operands: usize) -> Result<Bytes, Stop> {
    let Payload::Access(place, offset) = site.data.payload else {
        return Err(wrong_payload(site));
    };
    let offset = u64::from(offset);
    let indexed = |stack, site| {
        let index = index(stack, site, 0)?;
        index.checked_add(offset).ok_or(OUT_OF_BOUNDS)
    };
    match place {
        Place::Memory(memory) => Ok(Bytes::Memory(memory, indexed(stack, site)?)),
        Place::Slot(slot) => {
            let has_index = site.args().len() > operands;
            let at = if has_index {
                indexed(stack, site)?
            } else {
                offset
            };
            Ok(Bytes::Slot(site.slot(slot), at))
        }
        Place::Address => {
            let cell = site.cell(stack, site.args()[0])?;
            let slot = cell
                .slot()
                .ok_or_else(|| Stop::fault("an address without a slot"))?;
            Ok(Bytes::Slot(slot, cell.advanced(offset).bits))
        }
        Place::Raw => Err(TrapCode::RawAccess.into()),
    }
}

/// The positions of an access in a slot. A slot that ended with its activation has none.
fn slot_range(
    slots: &[Box<[u8]>],
    slot: usize,
    at: u64,
    len: usize,
) -> Result<std::ops::Range<usize>, Stop> {
    let size = slots.get(slot).map_or(0, |bytes| bytes.len());
    match usize::try_from(at)
        .ok()
        .and_then(|at| Some(at..at.checked_add(len)?))
    {
        Some(range) if range.end <= size => Ok(range),
        _ => Err(OUT_OF_BOUNDS),
    }
}

/// Loads a value of the result's type, or an integer of another type that is extended.
pub(crate) fn load<'a>(
    machine: &mut Machine<'a>,
    stack: &mut Stack<'a>,
    site: &Site<'a>,
    from: Option<(Type, bool)>,
) -> Outcome {
    let to = site.function.value_type(site.results()[0]);
    let (ty, signed) = from.unwrap_or((to, true));
    let mut buffer = [0; 16];
    let bytes = &mut buffer[..ty.bytes() as usize];
    match resolve(stack, site, 0)? {
        Bytes::Memory(memory, at) => machine.memories[memory.index()].read(at, bytes)?,
        Bytes::Slot(slot, at) => {
            let range = slot_range(&stack.slots, slot, at, bytes.len())?;
            bytes.copy_from_slice(&stack.slots[slot][range]);
        }
    }
    let loaded = decode(ty, bytes);
    let held = if to.is_int() {
        let extended = match signed {
            true => loaded.bits,
            false => unsigned(ty.bits(), loaded.bits as i64),
        };
        // The bits of an i8 that 8 bits were loaded into are held sign-extended like any other.
        Cell::new(narrow(to.bits(), extended as i64) as u64)
    } else {
        loaded
    };
    site.set(stack, 0, held);
    Ok(Flow::Next)
}

/// Stores the low bytes of the last operand, or all of them.
pub(crate) fn store<'a>(
    machine: &mut Machine<'a>,
    stack: &mut Stack<'a>,
    site: &Site<'a>,
    size: Option<u32>,
) -> Outcome {
    let stored = site.args()[site.args().len() - 1];
    let size = size.unwrap_or(site.function.value_type(stored).bytes());
    let buffer = site.cell(stack, stored)?.wide_bits().to_le_bytes();
    let bytes = &buffer[..size as usize];
    match resolve(stack, site, 1)? {
        Bytes::Memory(memory, at) => machine.memories[memory.index()].write(at, bytes)?,
        Bytes::Slot(slot, at) => {
            let range = slot_range(&stack.slots, slot, at, bytes.len())?;
            stack.slots[slot][range].copy_from_slice(bytes);
        }
    }
    Ok(Flow::Next)
}

fn memory_of(site: &Site<'_>) -> Result<usize, Stop> {
    match site.data.payload {
        Payload::Memory(memory) => Ok(memory.index()),
        _ => Err(wrong_payload(site)),
    }
}

pub(crate) fn memory_size<'a>(
    machine: &mut Machine<'a>,
    stack: &mut Stack<'a>,
    site: &Site<'a>,
) -> Outcome {
    let pages = machine.memories[memory_of(site)?].pages();
    site.define(stack, pages);
    Ok(Flow::Next)
}

pub(crate) fn memory_grow<'a>(
    machine: &mut Machine<'a>,
    stack: &mut Stack<'a>,
    site: &Site<'a>,
) -> Outcome {
    let by = site.arg(stack, 0)?;
    let before = machine.memories[memory_of(site)?].grow(by);
    site.define(stack, before.unwrap_or(u64::MAX));
    Ok(Flow::Next)
}

pub(crate) fn memory_copy<'a>(
    machine: &mut Machine<'a>,
    stack: &mut Stack<'a>,
    site: &Site<'a>,
) -> Outcome {
    let Payload::MemoryPair(destination, source) = site.data.payload else {
        return Err(wrong_payload(site));
    };
    let (to, from, len) = (
        site.arg(stack, 0)?,
        site.arg(stack, 1)?,
        site.arg(stack, 2)?,
    );
    let pair = [destination.index(), source.index()];
    match machine.memories.get_disjoint_mut(pair) {
        Ok([destination, source]) => destination.copy_from(source, to, from, len)?,
        Err(_) => machine.memories[pair[0]].copy_within(to, from, len)?,
    }
    Ok(Flow::Next)
}

pub(crate) fn memory_fill<'a>(
    machine: &mut Machine<'a>,
    stack: &mut Stack<'a>,
    site: &Site<'a>,
) -> Outcome {
    let (to, byte, len) = (
        site.arg(stack, 0)?,
        site.arg(stack, 1)?,
        site.arg(stack, 2)?,
    );
    machine.memories[memory_of(site)?].fill(to, byte as u8, len)?;
    Ok(Flow::Next)
}

pub(crate) fn memory_init<'a>(
    machine: &mut Machine<'a>,
    stack: &mut Stack<'a>,
    site: &Site<'a>,
) -> Outcome {
    let Payload::MemoryData(memory, data) = site.data.payload else {
        return Err(wrong_payload(site));
    };
    let (to, from, len) = (
        site.arg(stack, 0)?,
        site.arg(stack, 1)?,
        site.arg(stack, 2)?,
    );
    let bytes = &machine.module.data[data].bytes;
    let end = from
        .checked_add(len)
        .filter(|&end| end <= bytes.len() as u64);
    let end = end.ok_or(OUT_OF_BOUNDS)?;
    machine.memories[memory.index()].write(to, &bytes[from as usize..end as usize])?;
    Ok(Flow::Next)
}

pub(crate) fn memory_base<'a>(_: &mut Machine<'a>, _: &mut Stack<'a>, _: &Site<'a>) -> Outcome {
    Err(TrapCode::RawAccess.into())
}

pub(crate) fn stack_address<'a>(
    _: &mut Machine<'a>,
    stack: &mut Stack<'a>,
    site: &Site<'a>,
) -> Outcome {
    let Payload::Slot(slot, offset) = site.data.payload else {
        return Err(wrong_payload(site));
    };
    site.set(stack, 0, Cell::address(site.slot(slot), offset.into()));
    Ok(Flow::Next)
}

pub(crate) fn address_add<'a>(
    _: &mut Machine<'a>,
    stack: &mut Stack<'a>,
    site: &Site<'a>,
) -> Outcome {
    let base = site.cell(stack, site.args()[0])?;
    let bytes = site.arg(stack, 1)?;
    site.set(stack, 0, base.advanced(bytes));
    Ok(Flow::Next)
}

fn global_of(site: &Site<'_>) -> Result<usize, Stop> {
    match site.data.payload {
        Payload::Global(global) => Ok(global.index()),
        _ => Err(wrong_payload(site)),
    }
}

pub(crate) fn global_get<'a>(
    machine: &mut Machine<'a>,
    stack: &mut Stack<'a>,
    site: &Site<'a>,
) -> Outcome {
    site.set(stack, 0, machine.globals[global_of(site)?]);
    Ok(Flow::Next)
}

pub(crate) fn global_set<'a>(
    machine: &mut Machine<'a>,
    stack: &mut Stack<'a>,
    site: &Site<'a>,
) -> Outcome {
    machine.globals[global_of(site)?] = site.cell(stack, site.args()[0])?;
    Ok(Flow::Next)
}

/// The entry of a table that the first operand selects.
fn entry<'m>(
    machine: &'m mut Machine<'_>,
    stack: &Stack<'_>,
    site: &Site<'_>,
) -> Result<&'m mut u64, Stop> {
    let Payload::Table(table) = site.data.payload else {
        return Err(wrong_payload(site));
    };
    let position = index(stack, site, 0)?;
    usize::try_from(position)
        .ok()
        .and_then(|position| machine.tables[table.index()].get_mut(position))
        .ok_or(Stop::Trap(TrapCode::TableOutOfBounds))
}

pub(crate) fn table_get<'a>(
    machine: &mut Machine<'a>,
    stack: &mut Stack<'a>,
    site: &Site<'a>,
) -> Outcome {
    let function = *entry(machine, stack, site)?;
    site.define(stack, function);
    Ok(Flow::Next)
}

pub(crate) fn table_set<'a>(
    machine: &mut Machine<'a>,
    stack: &mut Stack<'a>,
    site: &Site<'a>,
) -> Outcome {
    let function = site.arg(stack, 1)?;
    *entry(machine, stack, site)? = function;
    Ok(Flow::Next)
}

pub(crate) fn table_size<'a>(
    machine: &mut Machine<'a>,
    stack: &mut Stack<'a>,
    site: &Site<'a>,
) -> Outcome {
    let Payload::Table(table) = site.data.payload else {
        return Err(wrong_payload(site));
    };
    let entries = machine.tables[table.index()].len();
    site.define(stack, entries as u64);
    Ok(Flow::Next)
}
