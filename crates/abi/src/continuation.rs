//! The continuation object and the static record of a suspension point.
//!
//! ```text
//! continuation                         point record (read-only, beside the code)
//!  0  next   continuation of the caller  0  resume    address of the resumption stub
//!  8  info   its point record            8  entry     address of the function's code
//! 16  results, in words                 16  free_list offset of the size class in the context
//!  …  saved values                      20  size      bytes of the object
//!                                       24  layout    layout number in the function
//!                                       28  state     state number
//!                                       32  function  function number in the module
//!                                       36  exceptional distance to the exceptional record, or 0
//! ```
//!
//! The result area stands at a fixed offset so that a stub delivers results without reading the
//! record of the continuation that it delivers to.

use enjamb_ir::{FieldType, Type};

/// Offset of the link to the caller's continuation.
pub const NEXT: u32 = 0;
/// Offset of the pointer to the point record.
pub const INFO: u32 = 8;
/// Offset of the result area; also the size of the header.
pub const RESULTS: u32 = 16;

/// Bytes of a word: what a result takes in a result area, in an argument buffer and on the stack, unless
/// [`Type::words`] says that it takes more.
pub const WORD: u32 = 8;

/// Size classes step by this many bytes.
pub const CLASS_STEP: u32 = 8;
/// Objects up to this size come from the free list of their class.
pub const LARGEST_CLASS: u32 = 256;
/// Number of free lists: one per class, the last one for objects larger than every class.
pub const FREE_LISTS: usize = (LARGEST_CLASS / CLASS_STEP) as usize + 1;

/// The free list that an object of `size` bytes returns to. `size` is a multiple of
/// [`CLASS_STEP`] and not zero.
pub const fn free_list_index(size: u32) -> usize {
    if size <= LARGEST_CLASS {
        (size / CLASS_STEP) as usize - 1
    } else {
        FREE_LISTS - 1
    }
}

/// Size in bytes of the result area for these results, which is also where the next one would be.
pub fn result_area(results: &[Type]) -> u32 {
    let words: usize = results.iter().map(|ty| ty.words()).sum();
    words as u32 * WORD
}

/// Size and alignment in bytes of a field. Alignment is at most 8: objects are 8-byte aligned and
/// every access to them may be unaligned beyond that.
pub const fn field_size_align(ty: FieldType) -> (u32, u32) {
    match ty {
        FieldType::Value(ty) => (ty.bytes(), ty.align()),
        FieldType::Bytes { size, align } => (size, if align > 8 { 8 } else { align }),
    }
}

/// The header of every continuation, as compiled code and runtime see it.
#[repr(C)]
#[derive(Debug)]
pub struct ContinuationHeader {
    /// The continuation of the caller; in a free object, the next free one.
    pub next: *mut ContinuationHeader,
    /// The record of the point where this activation is suspended.
    pub info: *const PointRecord,
}

/// The static record of a suspension point.
#[repr(C)]
#[derive(Debug)]
pub struct PointRecord {
    /// Address of the resumption stub that the dispatcher jumps to.
    pub resume: u64,
    /// Address of the function's code.
    pub entry: u64,
    /// Offset in the context block of the free list that the object returns to.
    pub free_list: u32,
    /// Size of the object in bytes.
    pub size: u32,
    /// Layout number in the function.
    pub layout: u32,
    /// State number: the index of the suspension point in the function.
    pub state: u32,
    /// Function number in the module.
    pub function: u32,
    /// Distance in bytes from this record to that of the state in which an exception that was thrown
    /// at this point goes on; 0 without a handler there.
    pub exceptional: i32,
}

/// Size of a [`PointRecord`] in bytes.
pub const POINT_RECORD_SIZE: u32 = 40;

/// Offsets of the fields of a [`PointRecord`] that emitted code reads or the linker writes.
pub mod record {
    use super::PointRecord;
    use std::mem::offset_of;
    /// Address of the resumption stub.
    pub const RESUME: u32 = offset_of!(PointRecord, resume) as u32;
    /// Address of the function's code.
    pub const ENTRY: u32 = offset_of!(PointRecord, entry) as u32;
    /// Offset of the free list in the context block.
    pub const FREE_LIST: u32 = offset_of!(PointRecord, free_list) as u32;
    /// Size of the object.
    pub const SIZE: u32 = offset_of!(PointRecord, size) as u32;
    /// Layout number.
    pub const LAYOUT: u32 = offset_of!(PointRecord, layout) as u32;
    /// State number.
    pub const STATE: u32 = offset_of!(PointRecord, state) as u32;
    /// Function number.
    pub const FUNCTION: u32 = offset_of!(PointRecord, function) as u32;
    /// Distance to the exceptional record.
    pub const EXCEPTIONAL: u32 = offset_of!(PointRecord, exceptional) as u32;
}

const _: () = {
    assert!(std::mem::size_of::<PointRecord>() == POINT_RECORD_SIZE as usize);
    assert!(std::mem::offset_of!(PointRecord, state) == 28);
    assert!(
        std::mem::size_of::<*const u8>() == 8,
        "addresses are 64 bits wide"
    );
    assert!(std::mem::offset_of!(ContinuationHeader, info) == INFO as usize);
    assert!(std::mem::size_of::<ContinuationHeader>() == RESULTS as usize);
};
