//! What objects of a heap look like.
//!
//! ```text
//!  0  u32  number of the type * 2         bit 0 belongs to the heap while it collects
//!  4  u32  the heap's own
//!  8  fields, widest first                arrays:  8  u64  length
//!                                                 16  elements
//! ```
//!
//! A reference is the address of an object, a multiple of [`ALIGN`], or 0. Compiled code tells the
//! type of an object by comparing its first word with [`type_word`]. Nothing is stored at an
//! alignment beyond 8. An object takes at least [`SMALLEST`] bytes, so that a heap that moves one
//! finds room in the old place for the new address, in the first 8 bytes, and more.

use enjamb_ir::{ObjectType, Type};

/// Alignment and granularity of objects, in bytes.
pub const ALIGN: u64 = 8;
/// Size of the smallest object in bytes.
pub const SMALLEST: u32 = 16;
/// Offset of the word that tells the type, 32 bits.
pub const TYPE: u32 = 0;
/// Offset of the heap's own word, 32 bits. It is 0 in an object that compiled code has made.
pub const HEAP_WORD: u32 = 4;
/// Offset of the first field.
pub const FIELDS: u32 = 8;
/// Offset of the length of an array, 64 bits.
pub const LENGTH: u32 = 8;
/// Offset of the first element of an array.
pub const ELEMENTS: u32 = 16;

/// The word at [`TYPE`] in objects of the type with this number.
pub const fn type_word(number: u32) -> u32 {
    number * 2
}

/// The number of the type whose objects have this word at [`TYPE`].
pub const fn type_number(word: u32) -> u32 {
    word / 2
}

/// Elements of an array.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ElementLayout {
    /// Size of one in bytes.
    pub size: u32,
    /// Whether they are references.
    pub is_reference: bool,
}

/// Where everything is in objects of one type.
///
/// ```
/// use enjamb_abi::object::ObjectLayout;
/// use enjamb_ir::Type;
///
/// let list = ObjectLayout::of_fields(&[Type::I8, Type::Ref, Type::I32]);
/// assert_eq!(list.offsets, [20, 8, 16]);
/// assert_eq!(list.references, [8]);
/// assert_eq!(list.size, 24);
///
/// let bytes = ObjectLayout::of_array(Type::I8);
/// assert_eq!(bytes.size_of(13), Some(32));
/// assert_eq!(bytes.size_of(u64::MAX), None);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectLayout {
    /// Size of an object in bytes, a multiple of [`ALIGN`]; of an array, without its elements.
    pub size: u32,
    /// Offset of each field, in order of declaration. Arrays have none.
    pub offsets: Vec<u32>,
    /// Offsets of the fields that are references, rising.
    pub references: Vec<u32>,
    /// The elements of an array.
    pub elements: Option<ElementLayout>,
}

impl ObjectLayout {
    /// The layout of the objects of a type.
    pub fn of(ty: &ObjectType) -> ObjectLayout {
        match ty {
            ObjectType::Fields(fields) => {
                let types: Vec<Type> = fields.iter().map(|(_, field)| field.ty).collect();
                ObjectLayout::of_fields(&types)
            }
            ObjectType::Array(element) => ObjectLayout::of_array(*element),
        }
    }

    /// The layout of objects with fields of these types.
    pub fn of_fields(types: &[Type]) -> ObjectLayout {
        let align = |ty: Type| ty.bytes().min(ALIGN as u32);
        let mut order: Vec<usize> = (0..types.len()).collect();
        order.sort_by_key(|&field| std::cmp::Reverse(align(types[field])));
        let mut offsets = vec![0; types.len()];
        let mut references = Vec::new();
        let mut end = FIELDS;
        // Widest first, and sizes are multiples of the alignment: no padding between fields.
        for field in order {
            offsets[field] = end;
            if types[field] == Type::Ref {
                references.push(end);
            }
            end += types[field].bytes();
        }
        ObjectLayout {
            size: end.next_multiple_of(ALIGN as u32).max(SMALLEST),
            offsets,
            references,
            elements: None,
        }
    }

    /// The layout of arrays of elements of this type.
    pub fn of_array(element: Type) -> ObjectLayout {
        ObjectLayout {
            size: ELEMENTS,
            offsets: Vec::new(),
            references: Vec::new(),
            elements: Some(ElementLayout {
                size: element.bytes(),
                is_reference: element == Type::Ref,
            }),
        }
    }

    /// Size in bytes of an object, or of an array of this length; `None` if no memory is that large.
    pub fn size_of(&self, length: u64) -> Option<u64> {
        let elements = self.elements.map_or(Some(0), |element| {
            length.checked_mul(u64::from(element.size))
        })?;
        let size = elements.checked_add(u64::from(self.size))?;
        let size = size.checked_next_multiple_of(ALIGN)?;
        (size <= i64::MAX as u64).then_some(size)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_apart_aligned_and_inside() {
        let types = [
            Type::I8,
            Type::F32,
            Type::I16,
            Type::Ref,
            Type::I8,
            Type::Task,
            Type::Ref,
        ];
        let layout = ObjectLayout::of_fields(&types);
        let mut places: Vec<(u32, u32)> = Vec::new();
        for (&ty, &offset) in types.iter().zip(&layout.offsets) {
            assert!(offset >= FIELDS && offset.is_multiple_of(ty.bytes().min(8)));
            places.push((offset, offset + ty.bytes()));
        }
        places.sort_unstable();
        assert!(places.windows(2).all(|pair| pair[0].1 <= pair[1].0));
        assert_eq!(layout.size, places[6].1);
        assert_eq!(layout.references, [layout.offsets[3], layout.offsets[6]]);
    }

    #[test]
    fn every_object_has_room_for_its_new_address() {
        assert_eq!(ObjectLayout::of_fields(&[]).size_of(0), Some(16));
        assert_eq!(ObjectLayout::of_array(Type::Ref).size_of(0), Some(16));
    }

    #[test]
    fn sizes_beyond_all_memory_are_none() {
        let words = ObjectLayout::of_array(Type::I64);
        assert_eq!(words.size_of(3), Some(40));
        for length in [u64::MAX, u64::MAX / 8, i64::MAX as u64 / 8] {
            assert_eq!(words.size_of(length), None, "{length}");
        }
    }
}
