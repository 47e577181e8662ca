//! The frame of a function, the same on all targets.
//!
//! ```text
//!            │ result words          │ [fp + 16 + parameter bytes …]
//!            │ parameter words       │ [fp + 16 …]
//!            │ return address        │ [fp + 8]
//!            │ caller's fp           │ ← frame pointer, a multiple of 16
//!            ├───────────────────────┤
//!            │ own continuation      │ [fp - 8], in functions that ask for it
//!            │ root slots            │ 8 bytes each; what a collection finds and changes
//!            │ stack slots           │ known before allocation, so code names them directly
//!            │ callee-saved registers│ those that are written
//!            │ spill slots           │ from a multiple of 16 on where vectors are spilled
//!            │ outgoing words        │ parameters, then results, of the widest call
//!            └───────────────────────┘ ← stack pointer, a multiple of 16
//! ```

use crate::error::Reason;
use enjamb_ir::{Entity, Function, Opcode, RootId, StackSlot, Type};
use enjamb_regalloc::{PReg, PRegSet};

/// Distance from the frame pointer to the first parameter word.
pub const PARAMETERS: i32 = 16;
/// Where functions that ask for it keep the continuation they were resumed from.
pub const OWN_CONTINUATION: i32 = -8;

/// The largest frame, and the largest area of words, so that every distance fits an instruction.
const LARGEST: u64 = 1 << 30;
/// Frames up to this size are checked by their upper end, so so much stack is free below the
/// limit; and functions that call nothing need no check at all.
const UNCHECKED: u32 = 512;

/// The part of the frame that is known before registers are allocated.
#[derive(Clone, Debug, Default)]
pub struct FrameRequest {
    /// Whether the function keeps its own continuation.
    pub own_continuation: bool,
    /// Bytes from the frame pointer to the end of the root slots.
    roots_end: u32,
    /// Offset of each stack slot from the frame pointer.
    slots: Vec<i32>,
    /// Bytes from the frame pointer to the end of the slots.
    fixed: u32,
    /// Bytes of the widest outgoing area.
    pub outgoing: u32,
    /// Whether the function calls anything that returns to it.
    pub calls: bool,
    /// Whether the function has vectors, so that a float register is spilled and moved as a whole.
    pub vectors: bool,
}

impl FrameRequest {
    /// Places the stack slots of a function.
    ///
    /// # Errors
    /// If they are too large.
    pub fn new(function: &Function) -> Result<FrameRequest, Reason> {
        let own_continuation = function
            .order
            .iter()
            .flat_map(|&block| &function.blocks[block].insts)
            .any(|&inst| function.insts[inst].opcode == Opcode::OwnContinuation);
        let mut end: u64 = if own_continuation { 8 } else { 0 };
        end += function.roots.len() as u64 * 8;
        if end > LARGEST {
            return Err(Reason::FrameTooLarge);
        }
        let roots_end = end as u32;
        let mut slots = Vec::with_capacity(function.slots.len());
        for slot in function.slots.values() {
            let align = u64::from(slot.align.clamp(8, 16));
            end = (end + u64::from(slot.size)).next_multiple_of(align);
            if end > LARGEST {
                return Err(Reason::FrameTooLarge);
            }
            slots.push(-(end as i32));
        }
        Ok(FrameRequest {
            own_continuation,
            roots_end,
            slots,
            fixed: end as u32,
            outgoing: 0,
            calls: false,
            vectors: function.values.values().any(|value| value.ty == Type::V128),
        })
    }

    /// Offset of a stack slot from the frame pointer.
    pub fn slot(&self, slot: StackSlot) -> i32 {
        self.slots[slot.index()]
    }

    /// Offset of the end of the first slot from the frame pointer.
    pub fn slots_top(&self) -> i32 {
        -(self.roots_end as i32)
    }

    /// Offset of a root slot from the frame pointer.
    pub fn root(&self, root: RootId) -> i32 {
        let above = if self.own_continuation {
            OWN_CONTINUATION
        } else {
            0
        };
        above - 8 - root.index() as i32 * 8
    }

    /// Makes room for the words of a call.
    pub fn reserve_outgoing(&mut self, bytes: u32) {
        self.outgoing = self.outgoing.max(bytes);
    }
}

/// What a prologue compares with the stack limit, before it makes the frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StackCheck {
    /// Nothing: the function calls nothing and needs little.
    None,
    /// The stack pointer.
    Pointer,
    /// The stack pointer as it will be, so many bytes lower.
    Below(u32),
}

/// The whole frame.
#[derive(Clone, Debug)]
pub struct Frame {
    /// What was known before.
    pub request: FrameRequest,
    /// Callee-saved registers to save, and where: offsets from the frame pointer, each 8 below the last.
    pub saved: Vec<(PReg, i32)>,
    /// Offset of spill slot 0 from the frame pointer; later ones stand below.
    spills: i32,
    /// Bytes below the frame pointer, a multiple of 16.
    pub bytes: u32,
}

impl Frame {
    /// Completes a frame when registers have been allocated.
    ///
    /// # Errors
    /// If it is too large.
    pub fn new(
        request: FrameRequest,
        written: PRegSet,
        spill_slots: usize,
    ) -> Result<Frame, Reason> {
        let mut end = i64::from(request.fixed);
        let saved = written
            .into_iter()
            .map(|register| {
                end += 8;
                (register, -(end as i32))
            })
            .collect();
        if request.vectors && spill_slots > 0 {
            end = (end + 15) & !15;
        }
        let spills = -(end + 8);
        let bytes = end as u64 + spill_slots as u64 * 8 + u64::from(request.outgoing);
        let bytes = bytes.next_multiple_of(16);
        if bytes > LARGEST {
            return Err(Reason::FrameTooLarge);
        }
        Ok(Frame {
            request,
            saved,
            spills: spills as i32,
            bytes: bytes as u32,
        })
    }

    /// Offset of a spill slot from the frame pointer; of a vector that is the lower half.
    pub fn spill(&self, slot: usize) -> i32 {
        self.spills - slot as i32 * 8
    }

    /// The saved registers by number, as the tables of the code have them.
    pub(crate) fn saved_registers(&self) -> Vec<(u8, i32)> {
        let saved = self.saved.iter();
        let saved = saved.map(|&(register, offset)| (register.hw_enc() as u8, offset));
        saved.collect()
    }

    /// How the prologue makes sure that there is stack for the frame.
    pub fn stack_check(&self) -> StackCheck {
        if self.bytes > UNCHECKED {
            StackCheck::Below(self.bytes)
        } else if self.request.calls {
            StackCheck::Pointer
        } else {
            StackCheck::None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registers::int;
    use enjamb_ir::parse_module;

    fn frame(slots: &str, saved: &[u8], spills: usize, outgoing: u32) -> Result<Frame, Reason> {
        let text = format!("function %f() {{\n{slots}\nblock0:\n    return\n}}");
        let module = parse_module(&text).expect("a module");
        let f = module.function_named("f").expect("%f");
        let mut request = FrameRequest::new(module.functions[f].body().expect("a body"))?;
        request.reserve_outgoing(outgoing);
        let mut written = PRegSet::empty();
        saved.iter().for_each(|&number| written.add(int(number)));
        Frame::new(request, written, spills)
    }

    #[test]
    fn root_slots_stand_above_stack_slots() {
        let slots = "    ss0 = slot 8 align 8\n    root0 = root\n    root1 = root";
        let frame = frame(slots, &[3], 1, 0).expect("a frame");
        let request = &frame.request;
        let roots = [0, 1].map(|root| request.root(RootId::from_index(root)));
        assert_eq!(roots, [-8, -16]);
        assert_eq!(request.slots_top(), -16);
        assert_eq!(request.slot(StackSlot::from_index(0)), -24);
        assert_eq!(frame.saved, [(int(3), -32)]);
        assert_eq!(frame.bytes, 48);
        let below = FrameRequest {
            own_continuation: true,
            ..request.clone()
        };
        assert_eq!(below.root(RootId::from_index(0)), -16);
    }

    #[test]
    fn parts_stand_one_below_the_other() {
        let frame = frame("    ss0 = slot 20 align 8", &[3, 12], 2, 32).expect("a frame");
        assert_eq!(frame.saved, [(int(3), -32), (int(12), -40)]);
        assert_eq!([frame.spill(0), frame.spill(1)], [-48, -56]);
        // 56 bytes down to the last spill slot, 32 for calls, rounded up.
        assert_eq!(frame.bytes, 96);
    }

    #[test]
    fn spilled_vectors_are_aligned() {
        let request = FrameRequest {
            vectors: true,
            ..FrameRequest::default()
        };
        let mut written = PRegSet::empty();
        written.add(int(3));
        let frame = Frame::new(request, written, 4).expect("a frame");
        let spills = [frame.spill(1), frame.spill(3), frame.spill(0)];
        assert_eq!(spills, [-32, -48, -24]);
        assert_eq!(frame.bytes, 48);
    }

    #[test]
    fn the_stack_is_checked_where_it_may_end() {
        let check = |bytes: u32, calls: bool| {
            let mut frame = frame("", &[], 0, bytes).expect("a frame");
            frame.request.calls = calls;
            frame.stack_check()
        };
        assert_eq!(check(512, false), StackCheck::None);
        assert_eq!(check(512, true), StackCheck::Pointer);
        assert_eq!(check(528, false), StackCheck::Below(528));
    }

    #[test]
    fn a_frame_has_a_limit() {
        let fails = |slots: &str, spills: usize| frame(slots, &[], spills, 0).err();
        let too_large = Some(Reason::FrameTooLarge);
        assert_eq!(fails("    ss0 = slot 2000000000 align 8", 0), too_large);
        assert_eq!(fails("", 1 << 28), too_large);
        assert_eq!(fails("    ss0 = slot 1000000000 align 8", 0), None);
    }
}
