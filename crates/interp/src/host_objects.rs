//! The border to the host: references become handles on the way out and objects again on the way in.

use crate::error::Stop;
use crate::heap::{EachReference, Heap, Object, Reference};
use crate::host::HostContext;
use crate::instance::Instance;
use crate::value::Cell;
use enjamb_ir::handles::StaleHandle;
use enjamb_ir::host_objects::{HeapStatistics, HostObjects, ObjectError};
use enjamb_ir::{Entity, Exception, FieldId, ObjectTypeId, Type, Val};

/// A value for the host. Without a heap a reference is what the host has made of it.
pub(crate) fn to_host(heap: Option<&Heap>, cell: Cell, ty: Type) -> Val {
    match (heap, ty) {
        (Some(heap), Type::Ref) => Val::Ref(heap.handle(cell.bits)),
        _ => cell.value(ty),
    }
}

/// A value that comes from the host.
pub(crate) fn from_host(heap: Option<&Heap>, value: Val) -> Result<Cell, StaleHandle> {
    match (heap, value) {
        (Some(heap), Val::Ref(Some(handle))) => Ok(Cell::new(heap.held(handle)?)),
        _ => Ok(Cell::of(value)),
    }
}

/// An exception for the host.
pub(crate) fn exception_to_host(heap: Option<&Heap>, exception: Exception) -> Exception {
    match heap {
        Some(heap) => Exception {
            payload: heap.handle(exception.payload.unwrap_or(0)),
            ..exception
        },
        None => exception,
    }
}

/// An exception that comes from the host.
pub(crate) fn exception_from_host(
    heap: Option<&Heap>,
    exception: Exception,
) -> Result<Exception, StaleHandle> {
    let payload = match (heap, exception.payload) {
        (Some(heap), Some(handle)) => Some(heap.held(handle)?),
        (_, payload) => payload,
    };
    Ok(Exception {
        payload,
        ..exception
    })
}

impl Heap {
    /// A new handle for what a reference refers to; none for null.
    fn handle(&self, reference: Reference) -> Option<u64> {
        (reference != 0).then(|| self.handles.borrow_mut().insert(reference))
    }

    /// What a handle stands for.
    pub(crate) fn held(&self, handle: u64) -> Result<Reference, StaleHandle> {
        self.handles.borrow().get(handle).copied()
    }

    fn object(&self, handle: u64) -> Result<&Object, ObjectError> {
        let reference = self.held(handle)?;
        let stale = |_: Stop| ObjectError::Stale(StaleHandle { handle });
        self.get(reference).map_err(stale)
    }

    /// An array and the type of its elements.
    fn array(&self, handle: u64) -> Result<(&Object, Type), ObjectError> {
        let object = self.object(handle)?;
        let element = self.element(object.ty);
        Ok((object, element.ok_or(ObjectError::NotThatKind(object.ty))?))
    }

    fn make(
        &mut self,
        ty: ObjectTypeId,
        length: Option<u64>,
        each: EachReference<'_>,
    ) -> Result<u64, ObjectError> {
        let is_array = self.is_array(ty).ok_or(ObjectError::NotThatKind(ty))?;
        if is_array != length.is_some() {
            return Err(ObjectError::NotThatKind(ty));
        }
        let made = self.allocate(ty, length.unwrap_or(0), each);
        let made = made.map_err(|_| ObjectError::OutOfMemory)?;
        Ok(self.handles.borrow_mut().insert(made))
    }

    /// Type and place of a field of an object.
    fn field_of(
        &self,
        handle: u64,
        field: FieldId,
    ) -> Result<(&Object, (Type, usize)), ObjectError> {
        let object = self.object(handle)?;
        let place = self.field(object.ty, field);
        Ok((object, place.ok_or(ObjectError::NoField(object.ty, field))?))
    }

    /// Type and place of the first of some elements, all of which are in the array.
    fn elements_of(
        &self,
        handle: u64,
        first: u64,
        count: u64,
    ) -> Result<(&Object, (Type, usize)), ObjectError> {
        let (array, element) = self.array(handle)?;
        let length = array.length;
        match first.checked_add(count) {
            Some(end) if end <= length => {
                Ok((array, (element, first as usize * element.bytes() as usize)))
            }
            _ => Err(ObjectError::OutOfBounds {
                first,
                count,
                length,
            }),
        }
    }

    fn bytes_of(&self, handle: u64, first: u64, count: usize) -> Result<usize, ObjectError> {
        let (array, element) = self.array(handle)?;
        if element != Type::I8 {
            return Err(ObjectError::NoBytes(array.ty));
        }
        let (_, (_, at)) = self.elements_of(handle, first, count as u64)?;
        Ok(at)
    }

    /// What is to be stored for a value in a place of this type.
    fn fitting(&self, expected: Type, value: Val, functions: usize) -> Result<Cell, ObjectError> {
        let given = value.ty();
        if given != expected {
            return Err(ObjectError::WrongType { expected, given });
        }
        match value {
            Val::FuncRef(Some(function)) if function.index() >= functions => {
                Err(ObjectError::NoFunction)
            }
            _ => Ok(from_host(Some(self), value)?),
        }
    }
}

/// Implements the interface for something that has these methods of its own: `heap`, `heap_mut`,
/// `with_heap`, which hands over what visits all references outside of the heap, and
/// `function_count`.
macro_rules! host_objects {
    ($($target:tt)*) => {
        impl HostObjects for $($target)* {
            fn new_object(&mut self, ty: ObjectTypeId) -> Result<u64, ObjectError> {
                self.with_heap(|heap, each| heap.make(ty, None, each))?
            }

            fn new_array(&mut self, ty: ObjectTypeId, length: u64) -> Result<u64, ObjectError> {
                self.with_heap(|heap, each| heap.make(ty, Some(length), each))?
            }

            fn object_type(&self, object: u64) -> Result<ObjectTypeId, ObjectError> {
                Ok(self.heap()?.object(object)?.ty)
            }

            fn is_same(&self, one: u64, other: u64) -> Result<bool, ObjectError> {
                let heap = self.heap()?;
                Ok(heap.held(one)? == heap.held(other)?)
            }

            fn get_field(&mut self, object: u64, field: FieldId) -> Result<Val, ObjectError> {
                let heap = self.heap()?;
                let (object, place) = heap.field_of(object, field)?;
                Ok(to_host(Some(heap), Heap::load(object, place), place.0))
            }

            fn set_field(
                &mut self,
                object: u64,
                field: FieldId,
                value: Val,
            ) -> Result<(), ObjectError> {
                let functions = self.function_count();
                let heap = self.heap_mut()?;
                let (_, place) = heap.field_of(object, field)?;
                let cell = heap.fitting(place.0, value, functions)?;
                let object = heap.held(object)?;
                heap.store(object, place, cell);
                Ok(())
            }

            fn array_length(&self, array: u64) -> Result<u64, ObjectError> {
                Ok(self.heap()?.array(array)?.0.length)
            }

            fn get_element(&mut self, array: u64, index: u64) -> Result<Val, ObjectError> {
                let heap = self.heap()?;
                let (array, place) = heap.elements_of(array, index, 1)?;
                Ok(to_host(Some(heap), Heap::load(array, place), place.0))
            }

            fn set_element(&mut self, array: u64, index: u64, value: Val) -> Result<(), ObjectError> {
                let functions = self.function_count();
                let heap = self.heap_mut()?;
                let (_, place) = heap.elements_of(array, index, 1)?;
                let cell = heap.fitting(place.0, value, functions)?;
                let array = heap.held(array)?;
                heap.store(array, place, cell);
                Ok(())
            }

            fn read_bytes(
                &self,
                array: u64,
                first: u64,
                bytes: &mut [u8],
            ) -> Result<(), ObjectError> {
                let heap = self.heap()?;
                let at = heap.bytes_of(array, first, bytes.len())?;
                bytes.copy_from_slice(&heap.object(array)?.bytes[at..at + bytes.len()]);
                Ok(())
            }

            fn write_bytes(&mut self, array: u64, first: u64, bytes: &[u8]) -> Result<(), ObjectError> {
                let heap = self.heap_mut()?;
                let at = heap.bytes_of(array, first, bytes.len())?;
                let array = heap.held(array)?;
                heap.write(array, at, bytes);
                Ok(())
            }

            fn keep(&mut self, object: u64) -> Result<(), ObjectError> {
                Ok(self.heap()?.handles.borrow_mut().keep(object)?)
            }

            fn release(&mut self, object: u64) -> Result<(), ObjectError> {
                self.heap()?.handles.borrow_mut().release(object)?;
                Ok(())
            }

            fn collect(&mut self) -> Result<(), ObjectError> {
                self.with_heap(|heap, each| heap.collect(each))
            }

            fn heap_statistics(&self) -> Option<HeapStatistics> {
                self.heap().ok().map(Heap::statistics)
            }
        }
    };
}

host_objects!(HostContext<'_>);
host_objects!(Instance<'_>);
