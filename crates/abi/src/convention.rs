//! Calling conventions: which register or stack word each parameter and result is in.
//!
//! One convention between compiled functions, described per target by a [`Convention`]:
//!
//! - a pinned register points at the context block; the frame pointer is always set up;
//! - the hidden continuation goes in and comes out in one register of its own, which carries no
//!   parameter and no result. A function that finished leaves 0 there;
//! - parameters go in integer and float registers in order, vectors in those of floats, the rest in
//!   stack words, 8 bytes each, the first at the lowest address; a vector takes two words, its low
//!   half first. The callee pops them;
//! - results go in registers in order; the rest in stack words that the caller reserves directly
//!   above the parameter words, so the callee finds them from its frame pointer;
//! - both stack areas are padded to 16 bytes each, so the stack is aligned at every call;
//! - the upper bits of a value narrower than its register or word are undefined;
//! - where values are handed over in a buffer of words, each takes as many as
//!   [`Type::words`] says, in order.
//!
//! ```text
//!            ┌───────────────────────┐ higher addresses
//!            │ result words          │ reserved by the caller, stay after the return
//!            ├───────────────────────┤
//!            │ parameter words       │ popped by the callee
//!            ├───────────────────────┤
//!            │ return address        │
//!            │ caller's frame pointer│ ← frame pointer
//!            │ own_continuation      │   (where the function needs it)
//!            │ callee-saved registers│
//!            │ stack slots, spills   │
//!            │ outgoing words        │ ← stack pointer
//!            └───────────────────────┘
//! ```
//!
//! Each entry from the host pushes an activation record; a trap cuts the stack back to it:
//!
//! ```text
//!   host's return address and callee-saved registers, as the entry trampoline pushed them
//!   previous activation record            ← Context::activation
//! ```

use crate::continuation::WORD;
use enjamb_ir::{Signature, Type};

/// The registers of a target that the convention uses, by hardware number.
#[derive(Clone, Copy, Debug)]
pub struct Convention {
    /// Integer parameters, in order.
    pub int_params: &'static [u8],
    /// Float parameters, in order.
    pub float_params: &'static [u8],
    /// Integer results, in order.
    pub int_results: &'static [u8],
    /// Float results, in order.
    pub float_results: &'static [u8],
    /// Hidden continuation, in and out.
    pub continuation: u8,
    /// Pinned pointer to the context block.
    pub context: u8,
    /// The two words of an exception, where it is thrown and where it lands. No result of a call is
    /// there, so a call may define results on one edge and an exception on the other.
    pub exception: [u8; 2],
    /// Integer registers that a function preserves, frame pointer and context excluded.
    pub callee_saved: &'static [u8],
}

/// x86-64: r15 is pinned, r10 carries the continuation, r11 belongs to stubs between two functions.
pub const X86_64: Convention = Convention {
    int_params: &[7, 6, 2, 1, 8, 9],         // rdi rsi rdx rcx r8 r9
    float_params: &[0, 1, 2, 3, 4, 5, 6, 7], // xmm0-7
    int_results: &[0, 2, 1, 6],              // rax rdx rcx rsi
    float_results: &[0, 1, 2, 3],            // xmm0-3
    continuation: 10,
    context: 15,
    exception: [7, 8],              // rdi r8
    callee_saved: &[3, 12, 13, 14], // rbx r12 r13 r14
};

/// AArch64: x28 is pinned, x15 carries the continuation, x16 and x17 belong to the code between and
/// within functions that no value lives in: veneers, stubs, moves that need a register. x18 is the
/// platform's and never touched; x29 is the frame pointer, x30 the link register.
pub const AARCH64: Convention = Convention {
    int_params: &[0, 1, 2, 3, 4, 5, 6, 7],
    float_params: &[0, 1, 2, 3, 4, 5, 6, 7],
    int_results: &[0, 1, 2, 3],
    float_results: &[0, 1, 2, 3],
    continuation: 15,
    context: 28,
    exception: [4, 5],
    callee_saved: &[19, 20, 21, 22, 23, 24, 25, 26, 27],
};

/// Where a parameter or result is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Location {
    /// An integer register, by hardware number.
    Int(u8),
    /// A float register, by hardware number.
    Float(u8),
    /// All 16 bytes of a float register, by hardware number.
    Vector(u8),
    /// A stack word, of a vector the first of two: offset in bytes from the start of its area.
    Stack(u32),
}

/// Where the parameters or the results of a signature are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignment {
    /// One location per value, in order.
    pub locations: Vec<Location>,
    /// Size of the stack area in bytes, a multiple of 16.
    pub stack_bytes: u32,
    /// For each value the offset of its first word in a buffer of all of them.
    buffer: Vec<u32>,
    /// Size of such a buffer in bytes.
    pub buffer_bytes: u32,
}

impl Assignment {
    /// What moves between a buffer of words and the locations: offset in the buffer, and location. A
    /// vector moves at once if it is in a register, and as two stack words if not.
    pub fn pieces(&self) -> impl Iterator<Item = (u32, Location)> + '_ {
        let ends = self.buffer.iter().skip(1).copied();
        let ends = ends.chain([self.buffer_bytes]);
        let values = self.locations.iter().zip(&self.buffer).zip(ends);
        values.flat_map(|((&location, &start), end)| {
            let count = match location {
                Location::Stack(_) => (end - start) / WORD,
                _ => 1,
            };
            (0..count).map(move |word| (start + word * WORD, location.word(word)))
        })
    }
}

impl Location {
    /// One of the words of a value that has several on the stack.
    const fn word(self, word: u32) -> Location {
        match self {
            Location::Stack(offset) => Location::Stack(offset + word * WORD),
            register => register,
        }
    }
}

fn assign(types: &[Type], ints: &[u8], floats: &[u8]) -> Assignment {
    let (mut ints, mut floats) = (ints.iter(), floats.iter());
    let mut assignment = Assignment {
        locations: Vec::with_capacity(types.len()),
        stack_bytes: 0,
        buffer: Vec::with_capacity(types.len()),
        buffer_bytes: 0,
    };
    for ty in types {
        let bytes = ty.words() as u32 * WORD;
        let register = match ty {
            Type::V128 => floats.next().map(|&number| Location::Vector(number)),
            ty if ty.is_float() => floats.next().map(|&number| Location::Float(number)),
            _ => ints.next().map(|&number| Location::Int(number)),
        };
        let location = register.unwrap_or_else(|| {
            assignment.stack_bytes += bytes;
            Location::Stack(assignment.stack_bytes - bytes)
        });
        assignment.locations.push(location);
        assignment.buffer.push(assignment.buffer_bytes);
        assignment.buffer_bytes += bytes;
    }
    assignment.stack_bytes = assignment.stack_bytes.next_multiple_of(16);
    assignment
}

impl Convention {
    /// Where the parameters of a function are when it is entered.
    pub fn params(&self, types: &[Type]) -> Assignment {
        assign(types, self.int_params, self.float_params)
    }
    /// Where the results of a function are when it has returned.
    pub fn results(&self, types: &[Type]) -> Assignment {
        assign(types, self.int_results, self.float_results)
    }
}

/// What two functions share when one resumption stub serves both: result types and the sizes of
/// both stack areas.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ResumeShape {
    /// Result types, each only as its register class and words: `v128`, `f64` or `i64`.
    pub results: Vec<Type>,
    /// Parameter words on the stack, in bytes.
    pub param_bytes: u32,
    /// Result words on the stack, in bytes.
    pub result_bytes: u32,
}

impl ResumeShape {
    /// The shape of a signature under a convention.
    pub fn new(convention: &Convention, signature: &Signature) -> Self {
        ResumeShape {
            results: signature.results.iter().map(Self::class_of).collect(),
            param_bytes: convention.params(&signature.params).stack_bytes,
            result_bytes: convention.results(&signature.results).stack_bytes,
        }
    }

    fn class_of(ty: &Type) -> Type {
        match ty {
            Type::V128 => Type::V128,
            ty if ty.is_float() => Type::F64,
            _ => Type::I64,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_take_float_registers_and_two_words() {
        use Location::{Float, Int, Stack, Vector};
        let types = [
            Type::F32,
            Type::V128,
            Type::I8,
            Type::V128,
            Type::V128,
            Type::F64,
        ];
        let results = X86_64.results(&types);
        let locations = [Float(0), Vector(1), Int(0), Vector(2), Vector(3), Stack(0)];
        assert_eq!(results.locations, locations);
        assert_eq!((results.stack_bytes, results.buffer_bytes), (16, 72));

        let results = X86_64.results(&[Type::V128; 6]);
        let pieces: Vec<_> = results.pieces().skip(3).collect();
        let on_stack = [
            (64, Stack(0)),
            (72, Stack(8)),
            (80, Stack(16)),
            (88, Stack(24)),
        ];
        assert_eq!(pieces[0], (48, Vector(3)));
        assert_eq!(pieces[1..], on_stack);
        assert_eq!(results.stack_bytes, 32);
    }
}
