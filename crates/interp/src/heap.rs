//! The heap of an instance: objects, and a collector that marks what can be reached and frees the rest.
//!
//! An object never moves here. A reference is the number of a slot and the slot's generation, which
//! changes when the object in it is freed: a reference to a freed object, which no correct program can
//! have, is found out.
//!
//! How much an object counts is what it takes in compiled code, so that both have the same limit.

use crate::error::Stop;
use crate::value::{Cell, decode};
use enjamb_ir::handles::Handles;
use enjamb_ir::host_objects::HeapStatistics;
use enjamb_ir::{Entity, FieldId, Module, ObjectType, ObjectTypeId, TrapCode, Type};
use std::cell::RefCell;

/// A reference as a word; 0 is null.
pub(crate) type Reference = u64;

/// Something that calls back with every reference, and may do so with other words.
pub(crate) type EachReference<'r> = &'r dyn Fn(&mut dyn FnMut(Reference));

/// Bytes that may be allocated before the first collection, and between two at least.
const LEAST_BETWEEN: u64 = 1 << 20;

/// What objects of a type consist of.
#[derive(Debug)]
enum Shape {
    /// Types and places of the fields, and the bytes of all.
    Fields(Vec<(Type, usize)>, usize),
    Array(Type),
}

impl Shape {
    fn of(shape: &ObjectType) -> Self {
        match shape {
            ObjectType::Array(element) => Shape::Array(*element),
            ObjectType::Fields(fields) => {
                let mut end = 0;
                let place = |ty: Type| {
                    let at = end;
                    end += ty.bytes() as usize;
                    (ty, at)
                };
                let places = fields
                    .iter()
                    .map(|(_, field)| field.ty)
                    .map(place)
                    .collect();
                Shape::Fields(places, end)
            }
        }
    }
}

/// An object.
#[derive(Debug)]
pub(crate) struct Object {
    pub(crate) ty: ObjectTypeId,
    /// The number of elements of an array.
    pub(crate) length: u64,
    pub(crate) bytes: Vec<u8>,
    /// What it counts.
    size: u64,
}

#[derive(Debug)]
struct Slot {
    generation: u32,
    object: Option<Object>,
    marked: bool,
}

/// The objects of an instance.
#[derive(Debug)]
pub(crate) struct Heap {
    shapes: Vec<Shape>,
    slots: Vec<Slot>,
    free: Vec<u32>,
    /// What the host holds.
    pub(crate) handles: RefCell<Handles<Reference>>,
    /// What all objects count.
    bytes: u64,
    /// What they may count before a collection is tried.
    threshold: u64,
    limit: u64,
    statistics: HeapStatistics,
}

impl Heap {
    /// The heap of an instance, which has one if its module declares object types.
    pub(crate) fn new(module: &Module, limit: u64) -> Option<Self> {
        if module.object_types.is_empty() {
            return None;
        }
        let types = module.object_types.values();
        Some(Heap {
            shapes: types.map(|decl| Shape::of(&decl.shape)).collect(),
            slots: Vec::new(),
            free: Vec::new(),
            handles: RefCell::new(Handles::new()),
            bytes: 0,
            threshold: LEAST_BETWEEN.min(limit),
            limit,
            statistics: HeapStatistics::default(),
        })
    }

    /// What has happened so far.
    pub(crate) fn statistics(&self) -> HeapStatistics {
        self.statistics
    }

    /// What an object counts in compiled code: a header of 8 bytes and the fields, or one of 16 and the
    /// elements, in full words.
    fn size(&self, ty: ObjectTypeId, length: u64) -> Option<u64> {
        let held = match &self.shapes[ty.index()] {
            Shape::Fields(_, bytes) => *bytes as u64 + 8,
            Shape::Array(element) => {
                let elements = length.checked_mul(element.bytes().into())?;
                elements.checked_add(16)?
            }
        };
        Some(held.checked_next_multiple_of(8)?.max(16))
    }

    /// Makes an object of zeros and nulls, after a collection if there is no room. `each` visits what
    /// lies outside of this heap.
    pub(crate) fn allocate(
        &mut self,
        ty: ObjectTypeId,
        length: u64,
        each: EachReference<'_>,
    ) -> Result<Reference, TrapCode> {
        let size = self.size(ty, length).ok_or(TrapCode::OutOfMemory)?;
        let fits = |bytes: u64, most: u64| bytes.checked_add(size).is_some_and(|sum| sum <= most);
        if !fits(self.bytes, self.threshold) {
            // What would not fit into an empty heap is not worth looking for garbage.
            if fits(0, self.limit) {
                self.collect(each);
            }
            if !fits(self.bytes, self.limit) {
                return Err(TrapCode::OutOfMemory);
            }
        }
        let held = match &self.shapes[ty.index()] {
            Shape::Fields(_, bytes) => *bytes,
            Shape::Array(element) => {
                usize::try_from(length).map_err(|_| TrapCode::OutOfMemory)?
                    * element.bytes() as usize
            }
        };
        let mut bytes = Vec::new();
        let reserved = bytes.try_reserve_exact(held);
        reserved.map_err(|_| TrapCode::OutOfMemory)?;
        bytes.resize(held, 0);
        self.bytes += size;
        self.statistics.bytes_allocated += size;
        Ok(self.insert(Object {
            ty,
            length,
            bytes,
            size,
        }))
    }

    fn insert(&mut self, object: Object) -> Reference {
        let index = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot {
                generation: 1,
                object: None,
                marked: false,
            });
            (self.slots.len() - 1) as u32
        });
        let slot = &mut self.slots[index as usize];
        slot.object = Some(object);
        u64::from(slot.generation) << 32 | u64::from(index)
    }

    /// The slot of an object that exists.
    fn slot_of(&self, reference: Reference) -> Option<usize> {
        let index = reference as u32 as usize;
        let slot = self.slots.get(index)?;
        let is_it = u64::from(slot.generation) == reference >> 32 && slot.object.is_some();
        is_it.then_some(index)
    }

    /// The object behind a reference.
    pub(crate) fn get(&self, reference: Reference) -> Result<&Object, Stop> {
        if reference == 0 {
            return Err(TrapCode::NullReference.into());
        }
        let slot = self.slot_of(reference);
        let object = slot.and_then(|slot| self.slots[slot].object.as_ref());
        object.ok_or_else(|| Stop::Fault(format!("object {reference:#x} was freed")))
    }

    /// The object behind a reference, if it has this type.
    pub(crate) fn of_type(&self, reference: Reference, ty: ObjectTypeId) -> Result<&Object, Stop> {
        let object = self.get(reference)?;
        match object.ty == ty {
            true => Ok(object),
            false => Err(TrapCode::WrongObjectType.into()),
        }
    }

    /// The bytes of an object that exists, for writing.
    fn bytes_mut(&mut self, reference: Reference) -> &mut [u8] {
        let object = self.slot_of(reference);
        let object = object.and_then(|slot| self.slots[slot].object.as_mut());
        object.map_or(&mut [], |object| &mut object.bytes)
    }

    /// Type and place of a field.
    pub(crate) fn field(&self, ty: ObjectTypeId, field: FieldId) -> Option<(Type, usize)> {
        match &self.shapes[ty.index()] {
            Shape::Fields(places, _) => places.get(field.index()).copied(),
            Shape::Array(_) => None,
        }
    }

    /// Whether objects of a type are arrays, if there is such a type.
    pub(crate) fn is_array(&self, ty: ObjectTypeId) -> Option<bool> {
        let shape = self.shapes.get(ty.index())?;
        Some(matches!(shape, Shape::Array(_)))
    }

    /// The type of the elements of an array.
    pub(crate) fn element(&self, ty: ObjectTypeId) -> Option<Type> {
        match &self.shapes[ty.index()] {
            Shape::Fields(..) => None,
            Shape::Array(element) => Some(*element),
        }
    }

    /// Type and place of an element of an array.
    pub(crate) fn element_at(&self, array: &Object, index: u64) -> Result<(Type, usize), Stop> {
        let element = self.element(array.ty);
        let element = element.ok_or_else(|| Stop::fault("an element of what is no array"))?;
        match index < array.length {
            true => Ok((element, index as usize * element.bytes() as usize)),
            false => Err(TrapCode::ArrayOutOfBounds.into()),
        }
    }

    /// What lies at a place of an object.
    pub(crate) fn load(object: &Object, (ty, at): (Type, usize)) -> Cell {
        decode(ty, &object.bytes[at..at + ty.bytes() as usize])
    }

    /// Changes what lies at a place of an object that exists.
    pub(crate) fn store(&mut self, object: Reference, (ty, at): (Type, usize), cell: Cell) {
        let size = ty.bytes() as usize;
        let bytes = &cell.wide_bits().to_le_bytes()[..size];
        self.write(object, at, bytes);
    }

    /// Changes bytes of an object that exists.
    pub(crate) fn write(&mut self, object: Reference, at: usize, bytes: &[u8]) {
        if let Some(to) = self.bytes_mut(object).get_mut(at..at + bytes.len()) {
            to.copy_from_slice(bytes);
        }
    }

    /// Frees every object that cannot be reached from the handles and what `each` visits.
    pub(crate) fn collect(&mut self, each: EachReference<'_>) {
        let mut found: Vec<Reference> = self.handles.get_mut().held().map(|held| *held).collect();
        each(&mut |reference| found.push(reference));
        let mut work = Vec::new();
        loop {
            for reference in found.drain(..) {
                if let Some(index) = self.slot_of(reference)
                    && !std::mem::replace(&mut self.slots[index].marked, true)
                {
                    work.push(index);
                }
            }
            let Some(index) = work.pop() else { break };
            self.references_in(index, &mut found);
        }
        self.sweep();
    }

    /// The references that the object in a slot holds.
    fn references_in(&self, index: usize, found: &mut Vec<Reference>) {
        let Some(object) = &self.slots[index].object else {
            return;
        };
        let word = |bytes: &[u8]| decode(Type::Ref, bytes).bits;
        match &self.shapes[object.ty.index()] {
            Shape::Array(Type::Ref) => found.extend(object.bytes.chunks_exact(8).map(word)),
            Shape::Array(_) => {}
            Shape::Fields(places, _) => {
                let references = places.iter().filter(|(ty, _)| *ty == Type::Ref);
                found.extend(references.map(|&(_, at)| word(&object.bytes[at..at + 8])));
            }
        }
    }

    fn sweep(&mut self) {
        let (mut objects, mut bytes) = (0, 0);
        for (index, slot) in self.slots.iter_mut().enumerate() {
            let Some(object) = &slot.object else {
                continue;
            };
            if std::mem::take(&mut slot.marked) {
                objects += 1;
                bytes += object.size;
            } else {
                slot.object = None;
                slot.generation = slot.generation.checked_add(1).unwrap_or(1);
                self.free.push(index as u32);
            }
        }
        self.bytes = bytes;
        self.threshold = (bytes.saturating_mul(2))
            .max(bytes.saturating_add(LEAST_BETWEEN))
            .min(self.limit);
        self.statistics.collections += 1;
        self.statistics.objects = objects;
        self.statistics.bytes = bytes;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use enjamb_ir::parse_module;

    #[test]
    fn a_reference_to_what_was_freed_does_not_name_the_next_object_in_its_place() {
        let module = parse_module("type %bytes = [i8]").unwrap();
        let mut heap = Heap::new(&module, u64::MAX).unwrap();
        let bytes = ObjectTypeId::from_index(0);
        let first = heap.allocate(bytes, 1, &|_| {}).unwrap();
        heap.collect(&|_| {});
        let second = heap.allocate(bytes, 2, &|_| {}).unwrap();
        assert_eq!(first as u32, second as u32, "the same place");
        assert!(matches!(heap.get(first), Err(Stop::Fault(_))));
        assert_eq!(heap.get(second).unwrap().length, 2);
    }
}
