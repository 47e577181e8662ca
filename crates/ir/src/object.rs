//! Types of objects: what a module declares about the things on its heap.
//!
//! A value of type `ref` says nothing about the object behind it; instructions name the object type
//! that they expect, and trap if it is another one. Where a field lies is not decided here.

use crate::entity::{FieldId, PrimaryMap};
use crate::hash::KeyedIndexMap;
use crate::module::NameError;
use crate::types::{Type, TypeClass};

/// The most fields of an object type: what a field is accessed with is then always a small offset.
pub const MAX_OBJECT_FIELDS: usize = 1_000;

/// An object type of a module.
#[derive(Clone, Debug, PartialEq)]
pub struct ObjectTypeDecl {
    /// Its name.
    pub name: String,
    /// What its objects consist of.
    pub shape: ObjectType,
}

/// What an object consists of.
#[derive(Clone, Debug, PartialEq)]
pub enum ObjectType {
    /// Fields with names.
    Fields(ObjectFields),
    /// Elements of one type, as many as each object is made with.
    Array(Type),
}

/// A field of an object type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectField {
    /// Its name.
    pub name: String,
    /// Its type.
    pub ty: Type,
}

/// The fields of an object type, in order of declaration, with different names.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ObjectFields {
    fields: PrimaryMap<FieldId, ObjectField>,
    by_name: KeyedIndexMap<String, FieldId>,
}

/// Whether text is the name of a field: a letter, `_` or `$`, then also digits.
pub fn is_field_name(text: &str) -> bool {
    !text.starts_with(|c: char| c.is_ascii_digit())
        && !text.is_empty()
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'$'))
}

impl ObjectFields {
    /// No fields.
    pub fn new() -> Self {
        Self::default()
    }

    /// The fields with these names and types.
    ///
    /// # Errors
    /// As [`ObjectFields::declare`].
    pub fn of(fields: &[(&str, Type)]) -> Result<Self, NameError> {
        let mut all = Self::new();
        for &(name, ty) in fields {
            all.declare(name, ty)?;
        }
        Ok(all)
    }

    /// Adds a field.
    ///
    /// # Errors
    /// If another field has the name, or it is none.
    pub fn declare(&mut self, name: &str, ty: Type) -> Result<FieldId, NameError> {
        if !is_field_name(name) {
            return Err(NameError::Malformed(name.to_string()));
        }
        let id = self.fields.next_key();
        if self.by_name.contains_key(name) {
            return Err(NameError::Duplicate(name.to_string()));
        }
        self.by_name.insert(name.to_string(), id);
        let name = name.to_string();
        Ok(self.fields.push(ObjectField { name, ty }))
    }

    /// The field with a name.
    pub fn named(&self, name: &str) -> Option<FieldId> {
        self.by_name.get(name).copied()
    }

    /// A field, if it exists.
    pub fn get(&self, field: FieldId) -> Option<&ObjectField> {
        self.fields.get(field)
    }

    /// All fields, in order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (FieldId, &ObjectField)> {
        self.fields.iter()
    }

    /// How many fields there are.
    pub fn len(&self) -> usize {
        self.fields.len()
    }

    /// Whether there is no field.
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }
}

impl ObjectType {
    /// The fields, if objects of this type have any names for what they hold.
    pub fn fields(&self) -> Option<&ObjectFields> {
        match self {
            ObjectType::Fields(fields) => Some(fields),
            ObjectType::Array(_) => None,
        }
    }

    /// The type of the elements, if this is an array type.
    pub fn element(&self) -> Option<Type> {
        match self {
            ObjectType::Fields(_) => None,
            ObjectType::Array(element) => Some(*element),
        }
    }

    /// The type of a field, if there is that one.
    pub fn field_type(&self, field: FieldId) -> Option<Type> {
        Some(self.fields()?.get(field)?.ty)
    }

    /// What an object of this type can hold.
    pub(crate) const HELD: TypeClass = TypeClass::Data;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_by_name_and_have_different_names() {
        let mut fields = ObjectFields::of(&[("value", Type::I64), ("next", Type::Ref)]).unwrap();
        let next = fields.named("next").unwrap();
        assert_eq!(fields.get(next).unwrap().ty, Type::Ref);
        assert!(matches!(
            fields.declare("next", Type::I8),
            Err(NameError::Duplicate(_))
        ));
        assert!(matches!(
            fields.declare("a.b", Type::I8),
            Err(NameError::Malformed(_))
        ));
        assert!(matches!(
            fields.declare("7", Type::I8),
            Err(NameError::Malformed(_))
        ));
        assert_eq!(fields.len(), 2);
        let other = ObjectFields::of(&[("next", Type::Ref), ("value", Type::I64)]).unwrap();
        assert_ne!(fields, other, "the order counts");
    }
}
