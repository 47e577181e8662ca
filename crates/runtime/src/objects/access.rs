//! Objects from the inside, and as the host reaches them.

use crate::machine::Machine;
use crate::state::State;
use enjamb_abi::object::{ELEMENTS, LENGTH, ObjectLayout, TYPE, type_number};
use enjamb_ir::handles::StaleHandle;
use enjamb_ir::host_objects::{HeapStatistics, HostObjects, ObjectError};
use enjamb_ir::{Entity, FieldId, ObjectType, ObjectTypeId, Type, Val};
use std::num::NonZeroU64;

/// An object of the heap. The next collection may move it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ObjectAddress(NonZeroU64);

impl ObjectAddress {
    /// # Safety
    /// The word is 0 or a reference, and no collection happens while the address is used.
    pub(super) unsafe fn new(word: u64) -> Option<ObjectAddress> {
        NonZeroU64::new(word).map(ObjectAddress)
    }

    pub(super) fn place<T>(self, offset: u64) -> *mut T {
        std::ptr::with_exposed_provenance_mut((self.0.get() + offset) as usize)
    }

    /// The number of its type.
    pub(super) fn type_number(self) -> u32 {
        // SAFETY: every object begins with its type; `new` has a promise that this is one.
        type_number(unsafe { self.place::<u32>(TYPE.into()).read() })
    }

    /// The length of an array.
    pub(super) fn length(self) -> u64 {
        // SAFETY: arrays have their length there, and other objects have something, too.
        unsafe { self.place::<u64>(LENGTH.into()).read() }
    }

    /// The bits of a field or element.
    ///
    /// # Safety
    /// It is there, and has this type.
    unsafe fn read(self, offset: u64, ty: Type) -> u128 {
        // SAFETY: the caller's promise; nothing is aligned to more than 8 bytes.
        unsafe {
            match ty.bytes() {
                1 => self.place::<u8>(offset).read().into(),
                2 => self.place::<u16>(offset).read().into(),
                4 => self.place::<u32>(offset).read().into(),
                8 => self.place::<u64>(offset).read().into(),
                _ => self.place::<u128>(offset).read_unaligned(),
            }
        }
    }

    /// # Safety
    /// As for `read`.
    unsafe fn write(self, offset: u64, ty: Type, bits: u128) {
        // SAFETY: as in `read`.
        unsafe {
            match ty.bytes() {
                1 => self.place::<u8>(offset).write(bits as u8),
                2 => self.place::<u16>(offset).write(bits as u16),
                4 => self.place::<u32>(offset).write(bits as u32),
                8 => self.place::<u64>(offset).write(bits as u64),
                _ => self.place::<u128>(offset).write_unaligned(bits),
            }
        }
    }
}

/// A field or an element.
#[derive(Clone, Copy)]
struct Place {
    object: ObjectAddress,
    offset: u64,
    ty: Type,
}

impl State {
    fn object(&self, handle: u64) -> Result<(ObjectAddress, ObjectTypeId), ObjectError> {
        let &word = self.objects.handles.get(handle)?;
        let stale = ObjectError::Stale(StaleHandle { handle });
        // SAFETY: the handles' words are roots; whoever uses the object does so before it collects.
        let object = unsafe { ObjectAddress::new(word) }.ok_or(stale)?;
        let ty = ObjectTypeId::from_index(object.type_number() as usize);
        Ok((object, ty))
    }

    fn object_shape(&self, ty: ObjectTypeId) -> Result<(&ObjectType, &ObjectLayout), ObjectError> {
        if !self.objects.has_heap() {
            return Err(ObjectError::NoHeap);
        }
        let decl = self.loaded.module().object_types.get(ty);
        let shape = &decl.ok_or(ObjectError::NotThatKind(ty))?.shape;
        Ok((shape, self.loaded.compiled().layout.object(ty)))
    }

    fn make_object(&mut self, ty: ObjectTypeId, length: Option<u64>) -> Result<u64, ObjectError> {
        let (shape, _) = self.object_shape(ty)?;
        if shape.element().is_some() != length.is_some() {
            return Err(ObjectError::NotThatKind(ty));
        }
        let object = self.allocate_object(ty.index() as u32, length.unwrap_or(0));
        let object = object.map_err(|_| ObjectError::OutOfMemory)?;
        Ok(self.objects.handles.insert(object))
    }

    fn field(&self, handle: u64, field: FieldId) -> Result<Place, ObjectError> {
        let (object, ty) = self.object(handle)?;
        let (shape, layout) = self.object_shape(ty)?;
        let fields = shape.fields().ok_or(ObjectError::NotThatKind(ty))?;
        let decl = fields.get(field).ok_or(ObjectError::NoField(ty, field))?;
        Ok(Place {
            object,
            offset: layout.offsets[field.index()].into(),
            ty: decl.ty,
        })
    }

    /// Elements of an array, all of which are inside.
    fn elements(&self, handle: u64, first: u64, count: u64) -> Result<Place, ObjectError> {
        let (object, ty) = self.object(handle)?;
        let (shape, _) = self.object_shape(ty)?;
        let element = shape.element().ok_or(ObjectError::NotThatKind(ty))?;
        let length = object.length();
        let end = first.checked_add(count);
        if end.is_none_or(|end| end > length) {
            return Err(ObjectError::OutOfBounds {
                first,
                count,
                length,
            });
        }
        Ok(Place {
            object,
            offset: u64::from(ELEMENTS) + first * u64::from(element.bytes()),
            ty: element,
        })
    }

    /// Bytes of an array of bytes.
    fn bytes(&self, handle: u64, first: u64, count: usize) -> Result<*mut u8, ObjectError> {
        let place = self.elements(handle, first, count as u64)?;
        match place.ty {
            Type::I8 => Ok(place.object.place(place.offset)),
            _ => Err(ObjectError::NoBytes(self.object(handle)?.1)),
        }
    }

    fn read_place(&mut self, place: Place) -> Val {
        // SAFETY: `field` and `elements` tell where things are.
        let bits = unsafe { place.object.read(place.offset, place.ty) };
        self.value(place.ty, bits)
    }

    fn write_place(&mut self, place: Place, value: Val) -> Result<(), ObjectError> {
        if value.ty() != place.ty {
            return Err(ObjectError::WrongType {
                expected: place.ty,
                given: value.ty(),
            });
        }
        let bits = self.bits(value)?;
        // SAFETY: as in `read_place`.
        unsafe { place.object.write(place.offset, place.ty, bits) };
        if place.ty == Type::Ref {
            self.wrote_reference(place.object.0.get(), bits as u64);
        }
        Ok(())
    }

    /// Bits of compiled code as a value: references become handles.
    pub(crate) fn value(&mut self, ty: Type, bits: u128) -> Val {
        if ty == Type::Ref && bits != 0 && self.objects.has_heap() {
            return Val::Ref(Some(self.objects.handles.insert(bits as u64)));
        }
        self.context
            .value_of(&self.loaded.compiled().layout, ty, bits)
    }

    /// A value as bits of compiled code: handles become references.
    pub(crate) fn bits(&self, value: Val) -> Result<u128, ObjectError> {
        match value {
            Val::Ref(Some(handle)) if self.objects.has_heap() => {
                Ok((*self.objects.handles.get(handle)?).into())
            }
            Val::FuncRef(Some(function)) if function.index() >= self.loaded.functions.len() => {
                Err(ObjectError::NoFunction)
            }
            value => Ok(self.context.bits_of(&self.loaded.compiled().layout, value)),
        }
    }
}

impl HostObjects for State {
    fn new_object(&mut self, ty: ObjectTypeId) -> Result<u64, ObjectError> {
        self.make_object(ty, None)
    }

    fn new_array(&mut self, ty: ObjectTypeId, length: u64) -> Result<u64, ObjectError> {
        self.make_object(ty, Some(length))
    }

    fn object_type(&self, object: u64) -> Result<ObjectTypeId, ObjectError> {
        Ok(self.object(object)?.1)
    }

    fn is_same(&self, one: u64, other: u64) -> Result<bool, ObjectError> {
        Ok(self.object(one)? == self.object(other)?)
    }

    fn get_field(&mut self, object: u64, field: FieldId) -> Result<Val, ObjectError> {
        let place = self.field(object, field)?;
        Ok(self.read_place(place))
    }

    fn set_field(&mut self, object: u64, field: FieldId, value: Val) -> Result<(), ObjectError> {
        let place = self.field(object, field)?;
        self.write_place(place, value)
    }

    fn array_length(&self, array: u64) -> Result<u64, ObjectError> {
        Ok(self.elements(array, 0, 0)?.object.length())
    }

    fn get_element(&mut self, array: u64, index: u64) -> Result<Val, ObjectError> {
        let place = self.elements(array, index, 1)?;
        Ok(self.read_place(place))
    }

    fn set_element(&mut self, array: u64, index: u64, value: Val) -> Result<(), ObjectError> {
        let place = self.elements(array, index, 1)?;
        self.write_place(place, value)
    }

    fn read_bytes(&self, array: u64, first: u64, bytes: &mut [u8]) -> Result<(), ObjectError> {
        let place = self.bytes(array, first, bytes.len())?;
        // SAFETY: as many bytes of the array as there are in the slice, which is none of its parts.
        unsafe { place.copy_to_nonoverlapping(bytes.as_mut_ptr(), bytes.len()) };
        Ok(())
    }

    fn write_bytes(&mut self, array: u64, first: u64, bytes: &[u8]) -> Result<(), ObjectError> {
        let place = self.bytes(array, first, bytes.len())?;
        // SAFETY: as in `read_bytes`.
        unsafe { place.copy_from_nonoverlapping(bytes.as_ptr(), bytes.len()) };
        Ok(())
    }

    fn keep(&mut self, object: u64) -> Result<(), ObjectError> {
        Ok(self.objects.handles.keep(object)?)
    }

    fn release(&mut self, object: u64) -> Result<(), ObjectError> {
        self.objects.handles.release(object)?;
        Ok(())
    }

    fn collect(&mut self) -> Result<(), ObjectError> {
        if !self.objects.has_heap() {
            return Err(ObjectError::NoHeap);
        }
        self.collect_with(&[], &mut []);
        Ok(())
    }

    fn heap_statistics(&self) -> Option<HeapStatistics> {
        self.statistics_of_heap()
    }
}

/// For the host: between calls, and in its functions.
impl HostObjects for Machine {
    fn new_object(&mut self, ty: ObjectTypeId) -> Result<u64, ObjectError> {
        self.with(|state| state.new_object(ty))
    }

    fn new_array(&mut self, ty: ObjectTypeId, length: u64) -> Result<u64, ObjectError> {
        self.with(|state| state.new_array(ty, length))
    }

    fn object_type(&self, object: u64) -> Result<ObjectTypeId, ObjectError> {
        self.with(|state| state.object_type(object))
    }

    fn is_same(&self, one: u64, other: u64) -> Result<bool, ObjectError> {
        self.with(|state| state.is_same(one, other))
    }

    fn get_field(&mut self, object: u64, field: FieldId) -> Result<Val, ObjectError> {
        self.with(|state| state.get_field(object, field))
    }

    fn set_field(&mut self, object: u64, field: FieldId, value: Val) -> Result<(), ObjectError> {
        self.with(|state| state.set_field(object, field, value))
    }

    fn array_length(&self, array: u64) -> Result<u64, ObjectError> {
        self.with(|state| state.array_length(array))
    }

    fn get_element(&mut self, array: u64, index: u64) -> Result<Val, ObjectError> {
        self.with(|state| state.get_element(array, index))
    }

    fn set_element(&mut self, array: u64, index: u64, value: Val) -> Result<(), ObjectError> {
        self.with(|state| state.set_element(array, index, value))
    }

    fn read_bytes(&self, array: u64, first: u64, bytes: &mut [u8]) -> Result<(), ObjectError> {
        self.with(|state| state.read_bytes(array, first, bytes))
    }

    fn write_bytes(&mut self, array: u64, first: u64, bytes: &[u8]) -> Result<(), ObjectError> {
        self.with(|state| state.write_bytes(array, first, bytes))
    }

    fn keep(&mut self, object: u64) -> Result<(), ObjectError> {
        self.with(|state| state.keep(object))
    }

    fn release(&mut self, object: u64) -> Result<(), ObjectError> {
        self.with(|state| state.release(object))
    }

    fn collect(&mut self) -> Result<(), ObjectError> {
        self.with(|state| state.collect())
    }

    fn heap_statistics(&self) -> Option<HeapStatistics> {
        self.with(|state| state.heap_statistics())
    }
}
