//! Exceptions: the two words that a `throw` hands to a handler.

use crate::host_value::Val;
use crate::types::Type;
use std::fmt;

/// An exception. What its words mean is the front end's business, but for the reserved tags.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Exception {
    /// The first word, by which handlers tell exceptions apart.
    pub tag: i64,
    /// The second word: a handle of the host, or null.
    pub payload: Option<u64>,
}

impl Exception {
    /// The types of the two words.
    pub const TYPES: [Type; 2] = [Type::I64, Type::Ref];

    /// The tag of the exception that frames of a cancelled task get.
    pub const CANCELLED: i64 = -1;
    /// The tag of the exception that stands for an error of a host function.
    pub const HOST_ERROR: i64 = -2;
    /// The tag of the exception that stands for a panic in a host function.
    pub const HOST_PANIC: i64 = -3;
    /// Tags from here up to -1 are reserved; a front end takes others for its own.
    pub const LAST_RESERVED: i64 = -256;

    /// The exception of two words, as buffers hold them: the tag, and the payload or 0.
    pub fn from_words(tag: u64, payload: u64) -> Self {
        Exception {
            tag: tag as i64,
            payload: (payload != 0).then_some(payload),
        }
    }

    /// The two words.
    pub fn to_words(self) -> [u64; 2] {
        [self.tag as u64, self.payload.unwrap_or(0)]
    }
}

/// As in `7, null`.
impl fmt::Display for Exception {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {}", self.tag, Val::Ref(self.payload))
    }
}
