//! What compiled code calls for objects.

use crate::error::NoMemory;
use crate::helpers::{array, guarded};
use crate::objects::access::ObjectAddress;
use crate::state::State;
use enjamb_abi::context::{Context, Status};
use enjamb_abi::object::ELEMENTS;
use enjamb_ir::{Entity, ObjectTypeId, TrapCode};

pub(crate) extern "C" fn new_object(context: *mut Context, index: u64, buffer: *mut u64) -> u64 {
    guarded(context, |machine| {
        // SAFETY: the service has a result.
        let [object] = unsafe { array(buffer) };
        *object = machine.with(|state| state.object_or_trap(index as u32, 0))?;
        Ok(Status::Finished)
    })
}

pub(crate) extern "C" fn new_array(context: *mut Context, index: u64, buffer: *mut u64) -> u64 {
    guarded(context, |machine| {
        // SAFETY: the service has a parameter and a result.
        let [word] = unsafe { array(buffer) };
        *word = machine.with(|state| state.object_or_trap(index as u32, *word))?;
        Ok(Status::Finished)
    })
}

pub(crate) extern "C" fn array_copy(context: *mut Context, index: u64, buffer: *mut u64) -> u64 {
    guarded(context, |machine| {
        // SAFETY: the service has five parameters.
        let &mut [to, to_index, from, from_index, count] = unsafe { array(buffer) };
        machine.with(|state| {
            let ty = index as u32;
            state.copy_elements(ty, (to, to_index), (from, from_index), count)
        })?;
        Ok(Status::Finished)
    })
}

pub(crate) extern "C" fn wrote(context: *mut Context, _index: u64, buffer: *mut u64) -> u64 {
    guarded(context, |machine| {
        // SAFETY: the service has two parameters.
        let &mut [object, value] = unsafe { array(buffer) };
        machine.with(|state| state.wrote_reference(object, value));
        Ok(Status::Finished)
    })
}

impl State {
    /// Makes an object for compiled code, which traps if there is no memory for it.
    fn object_or_trap(&mut self, ty: u32, length: u64) -> Result<u64, NoMemory> {
        self.allocate_object(ty, length).map_err(|_| {
            let compiled = self.loaded.compiled();
            let number = ObjectTypeId::from_index(ty as usize);
            let name = &compiled.source.object_types[number].name;
            let size = compiled.layout.objects()[ty as usize].size_of(length);
            NoMemory(match size {
                Some(size) => format!("the heap has no memory for `%{name}`, {size} bytes"),
                None => format!("no heap has memory for `%{name}` of length {length}"),
            })
        })
    }

    /// Copies elements between two arrays of a type, or parts of one.
    fn copy_elements(
        &mut self,
        ty: u32,
        (to, to_index): (u64, u64),
        (from, from_index): (u64, u64),
        count: u64,
    ) -> Result<(), TrapCode> {
        let array = |word| {
            // SAFETY: a reference of compiled code, and no collection happens here.
            let array = unsafe { ObjectAddress::new(word) }.ok_or(TrapCode::NullReference)?;
            match array.type_number() == ty {
                true => Ok(array),
                false => Err(TrapCode::WrongObjectType),
            }
        };
        let (target, source) = (array(to)?, array(from)?);
        let inside = |array: ObjectAddress, first: u64| {
            let end = first.checked_add(count);
            end.is_some_and(|end| end <= array.length())
        };
        if !inside(target, to_index) || !inside(source, from_index) {
            return Err(TrapCode::ArrayOutOfBounds);
        }
        let layout = &self.loaded.compiled().layout.objects()[ty as usize];
        let Some(elements) = layout.elements else {
            return Err(TrapCode::WrongObjectType);
        };
        let size = u64::from(elements.size);
        let offset = |index: u64| u64::from(ELEMENTS) + index * size;
        // SAFETY: both stretches lie inside of their arrays.
        unsafe {
            let source = source.place::<u8>(offset(from_index));
            let target = target.place::<u8>(offset(to_index));
            std::ptr::copy(source, target, (count * size) as usize);
        }
        if elements.is_reference && self.objects.wants_write_barrier() {
            for index in to_index..to_index + count {
                // SAFETY: an element of the array.
                let value = unsafe { target.place::<u64>(offset(index)).read() };
                self.wrote_reference(to, value);
            }
        }
        Ok(())
    }
}
