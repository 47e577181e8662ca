//! What the instructions of any function do to its stack slots, operand by operand, as the head of `slots.rs` says it.

use super::random::{SlotEffect, SlotEffects};
use enjamb_ir::{Effects, Function, Inst, Opcode, Payload, Place, StackSlot, Value, ValueDef};

/// The slot that an address lies in, and how far behind its start, if that is known.
fn place(function: &Function, value: Value) -> Option<(StackSlot, Option<i64>)> {
    let ValueDef::Result(inst, 0) = function.values[value].def else {
        return None;
    };
    let data = &function.insts[inst];
    match (data.opcode, data.payload, function.args(inst)) {
        (Opcode::StackAddr, Payload::Slot(slot, offset), _) => Some((slot, Some(offset.into()))),
        (Opcode::AddrAdd, _, &[base, amount]) => {
            let (slot, offset) = place(function, base)?;
            let amount = function.integer_constant(amount);
            let sum = offset
                .zip(amount)
                .map(|(offset, amount)| offset.checked_add(amount));
            Some((slot, sum.flatten()))
        }
        _ => None,
    }
}

/// The bytes that a load or a store moves: the mnemonic has their bits, or the type of the value says it.
fn width(function: &Function, inst: Inst) -> u32 {
    let mnemonic = function.insts[inst].opcode.info().name;
    let digits = mnemonic.trim_start_matches(|letter: char| !letter.is_ascii_digit());
    let value = match function.results(inst) {
        [result] => *result,
        _ => function.args(inst)[function.args(inst).len() - 1],
    };
    let bits = digits.parse::<u32>();
    bits.map_or_else(|_| function.value_type(value).bytes(), |bits| bits / 8)
}

/// What the instructions do.
pub fn of(function: &Function) -> SlotEffects {
    let mut effects = SlotEffects::new();
    let whole = |slot: StackSlot| (slot, 0..function.slots[slot].size, SlotEffect::Reads);
    for &inst in function
        .order
        .iter()
        .flat_map(|&block| &function.blocks[block].insts)
    {
        let data = &function.insts[inst];
        let mut does = Vec::new();
        let effect = match data.opcode.info().effects.has(Effects::READS) {
            true => SlotEffect::Reads,
            false => SlotEffect::Overwrites,
        };
        let mut known = None;
        match data.payload {
            Payload::Access(Place::Slot(slot), offset) => {
                let values = usize::from(effect == SlotEffect::Overwrites);
                match (function.args(inst).len() > values, effect) {
                    (false, _) => does.push((slot, offset..offset + width(function, inst), effect)),
                    (true, SlotEffect::Reads) => does.push(whole(slot)),
                    // At an index: which bytes, nobody knows.
                    (true, SlotEffect::Overwrites) => {}
                }
            }
            Payload::Access(Place::Address, offset) => {
                let base = function.args(inst)[0];
                if let Some((slot, Some(from))) = place(function, base)
                    && let Ok(from) = u32::try_from(from + i64::from(offset))
                    && from + width(function, inst) <= function.slots[slot].size
                {
                    does.push((slot, from..from + width(function, inst), effect));
                    known = Some(base);
                }
            }
            _ => {}
        }
        if data.opcode != Opcode::AddrAdd {
            function.for_each_use(inst, |value| {
                let slot = place(function, value).filter(|_| known != Some(value));
                does.extend(slot.map(|(slot, _)| whole(slot)));
            });
        }
        effects.insert(inst, does);
    }
    effects
}
