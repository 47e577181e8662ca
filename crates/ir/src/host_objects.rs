//! Objects as a host reaches them, whatever runs the program.
//!
//! A host holds an object by a handle ([`crate::handles`]), which is what a [`Val::Ref`] from an instance
//! with a heap has. A handle that a host function is called with, or gets while it runs, is good until it
//! returns, unless it keeps the handle; any other one until it is released.

use crate::entity::{Entity, FieldId, ObjectTypeId};
use crate::handles::StaleHandle;
use crate::host_value::Val;
use crate::types::Type;
use std::fmt;

/// Why a host cannot do something with an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ObjectError {
    /// The module declares no object types, so its instances have no heap.
    NoHeap,
    /// The handle is none of this instance, or no more.
    Stale(StaleHandle),
    /// There is no such object type, or it is one of arrays where one with fields is needed or the other
    /// way round.
    NotThatKind(ObjectTypeId),
    /// Objects of this type have no such field.
    NoField(ObjectTypeId, FieldId),
    /// The array has other elements than bytes.
    NoBytes(ObjectTypeId),
    /// What is in the place has another type than the value.
    WrongType {
        /// The type of the place.
        expected: Type,
        /// The type of the value.
        given: Type,
    },
    /// The value is a function that the module does not have.
    NoFunction,
    /// Not all elements are inside the array.
    OutOfBounds {
        /// The first element.
        first: u64,
        /// How many.
        count: u64,
        /// How many the array has.
        length: u64,
    },
    /// The heap has no memory for the object.
    OutOfMemory,
}

impl fmt::Display for ObjectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ObjectError::NoHeap => {
                f.write_str("the instance has no heap: its module declares no object types")
            }
            ObjectError::Stale(stale) => stale.fmt(f),
            ObjectError::NotThatKind(ty) => write!(f, "object type {ty} is not of that kind"),
            ObjectError::NoField(ty, field) => {
                write!(f, "object type {ty} has no field {}", field.index())
            }
            ObjectError::NoBytes(ty) => write!(f, "object type {ty} is no array of bytes"),
            ObjectError::WrongType { expected, given } => {
                write!(f, "a value of type {given} where {expected} is")
            }
            ObjectError::NoFunction => f.write_str("the module has no such function"),
            ObjectError::OutOfBounds {
                first,
                count,
                length,
            } => write!(
                f,
                "{count} elements at {first} are not inside an array of {length}"
            ),
            ObjectError::OutOfMemory => f.write_str("the heap has no memory for the object"),
        }
    }
}

impl std::error::Error for ObjectError {}

impl From<StaleHandle> for ObjectError {
    fn from(stale: StaleHandle) -> Self {
        ObjectError::Stale(stale)
    }
}

/// What a heap has done so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HeapStatistics {
    /// Collections.
    pub collections: u64,
    /// Objects that the last collection found alive.
    pub objects: u64,
    /// Bytes of these.
    pub bytes: u64,
    /// Bytes of all objects that were ever made.
    pub bytes_allocated: u64,
    /// Bytes that collections have moved.
    pub bytes_moved: u64,
}

/// The objects of an instance, as its host reaches them: between calls through the instance itself, in a
/// host function through what that is called with. Objects are given as handles, and so are references
/// among the values; [`Val::Ref`] of `None` is null.
pub trait HostObjects {
    /// Makes an object with fields that are zero and null.
    ///
    /// # Errors
    /// [`ObjectError::NotThatKind`], [`ObjectError::OutOfMemory`].
    fn new_object(&mut self, ty: ObjectTypeId) -> Result<u64, ObjectError>;

    /// Makes an array with elements that are zero or null.
    ///
    /// # Errors
    /// As [`HostObjects::new_object`].
    fn new_array(&mut self, ty: ObjectTypeId, length: u64) -> Result<u64, ObjectError>;

    /// The type of an object.
    ///
    /// # Errors
    /// [`ObjectError::Stale`], as all that follow.
    fn object_type(&self, object: u64) -> Result<ObjectTypeId, ObjectError>;

    /// Whether two handles stand for one object.
    ///
    /// # Errors
    /// [`ObjectError::Stale`].
    fn is_same(&self, one: u64, other: u64) -> Result<bool, ObjectError>;

    /// What a field holds. A reference comes as a new handle.
    ///
    /// # Errors
    /// [`ObjectError::NoField`].
    fn get_field(&mut self, object: u64, field: FieldId) -> Result<Val, ObjectError>;

    /// Changes a field.
    ///
    /// # Errors
    /// [`ObjectError::NoField`], [`ObjectError::WrongType`], [`ObjectError::NoFunction`].
    fn set_field(&mut self, object: u64, field: FieldId, value: Val) -> Result<(), ObjectError>;

    /// How many elements an array has.
    ///
    /// # Errors
    /// [`ObjectError::NotThatKind`], as all that follow.
    fn array_length(&self, array: u64) -> Result<u64, ObjectError>;

    /// An element. A reference comes as a new handle.
    ///
    /// # Errors
    /// [`ObjectError::OutOfBounds`].
    fn get_element(&mut self, array: u64, index: u64) -> Result<Val, ObjectError>;

    /// Changes an element.
    ///
    /// # Errors
    /// [`ObjectError::OutOfBounds`], [`ObjectError::WrongType`], [`ObjectError::NoFunction`].
    fn set_element(&mut self, array: u64, index: u64, value: Val) -> Result<(), ObjectError>;

    /// Fills `bytes` from an array of `i8`, beginning at an element.
    ///
    /// # Errors
    /// [`ObjectError::NoBytes`], [`ObjectError::OutOfBounds`].
    fn read_bytes(&self, array: u64, first: u64, bytes: &mut [u8]) -> Result<(), ObjectError>;

    /// Writes `bytes` into an array of `i8`, beginning at an element; all of them or none.
    ///
    /// # Errors
    /// [`ObjectError::NoBytes`], [`ObjectError::OutOfBounds`].
    fn write_bytes(&mut self, array: u64, first: u64, bytes: &[u8]) -> Result<(), ObjectError>;

    /// Lets a handle outlive the call of the host function that has got it.
    ///
    /// # Errors
    /// [`ObjectError::Stale`].
    fn keep(&mut self, object: u64) -> Result<(), ObjectError>;

    /// Ends a handle. The object may go on to live.
    ///
    /// # Errors
    /// [`ObjectError::Stale`].
    fn release(&mut self, object: u64) -> Result<(), ObjectError>;

    /// Frees every object that cannot be reached.
    ///
    /// # Errors
    /// [`ObjectError::NoHeap`].
    fn collect(&mut self) -> Result<(), ObjectError>;

    /// What the heap has done, if there is one.
    fn heap_statistics(&self) -> Option<HeapStatistics>;
}
