//! Statements about objects.

use super::body::Body;
use enjamb_ir::build::{BuildError, ModuleBuilder};
use enjamb_ir::{Entity, FieldId, FuncId, ObjectTypeId, Signature, Type, Value};

/// The elements that an array has at least; what indexes arrays is mostly below.
const LEAST_LENGTH: i64 = 4;

/// The object types of a program, and what collects what is dead.
#[derive(Clone, Debug)]
pub(super) struct Objects {
    node: ObjectTypeId,
    /// The types of the node's fields.
    fields: Vec<Type>,
    references: ObjectTypeId,
    numbers: ObjectTypeId,
    collect: FuncId,
}

impl Objects {
    /// Declares a type with a field of each type and one reference more, and two types of arrays.
    pub(super) fn declare(
        builder: &mut ModuleBuilder,
        types: &[Type],
        number: Type,
    ) -> Result<Self, BuildError> {
        let fields: Vec<Type> = types.iter().copied().chain([Type::Ref]).collect();
        let names: Vec<String> = (0..fields.len()).map(|index| format!("f{index}")).collect();
        let named = names.iter().map(String::as_str).zip(fields.iter().copied());
        let named: Vec<(&str, Type)> = named.collect();
        let collects = Signature::sync(&[], &[]);
        Ok(Objects {
            node: builder.declare_object("node", &named)?,
            fields,
            references: builder.declare_array("references", Type::Ref)?,
            numbers: builder.declare_array("numbers", number)?,
            collect: builder.declare_import("collect", "enjamb", "collect", collects)?,
        })
    }
}

impl Objects {
    /// Gives the body variables for objects of known types.
    pub(super) fn begin(&self, body: &mut Body<'_, '_, '_>) {
        for ty in [self.node, self.references, self.numbers] {
            if body.choices.below(2) == 1 {
                let variable = body.builder.declare_variable(Type::Ref);
                let object = fresh(body, ty, self);
                body.builder.def_var(variable, object);
                body.objects.push((variable, ty));
            }
        }
    }

    /// An object with fields.
    pub(super) fn make(&self, body: &mut Body<'_, '_, '_>) -> Value {
        body.builder.new_object(self.node)
    }
}

/// Makes, reads or writes an object.
pub(super) fn statement(body: &mut Body<'_, '_, '_>, objects: &Objects) {
    match body.choices.below(13) {
        0..2 => {
            let node = objects.make(body);
            body.keep(&[node]);
        }
        2 => {
            let ty = body.choices.of(&[objects.references, objects.numbers]);
            let array = new_array(body, ty);
            body.keep(&[array]);
        }
        3..6 => {
            let object = instance(body, objects.node, objects);
            let field = FieldId::from_index(body.choices.below(objects.fields.len()));
            let value = body.builder.get_field(objects.node, field, object);
            body.keep(&[value]);
        }
        6..9 => {
            let index = body.choices.below(objects.fields.len());
            let value = body.operand(objects.fields[index]);
            let object = instance(body, objects.node, objects);
            let field = FieldId::from_index(index);
            body.builder.set_field(objects.node, field, object, value);
        }
        9..11 => element(body, objects),
        11 => {
            body.builder.call(objects.collect, &[]);
        }
        _ => look(body, objects),
    }
}

/// An array that is mostly short.
fn new_array(body: &mut Body<'_, '_, '_>, ty: ObjectTypeId) -> Value {
    let least = body.builder.iconst(Type::I64, LEAST_LENGTH);
    let length = body.masked(11);
    let length = body.builder.bor(length, least);
    body.builder.new_array(ty, length)
}

/// A new object of a type.
fn fresh(body: &mut Body<'_, '_, '_>, ty: ObjectTypeId, objects: &Objects) -> Value {
    match ty == objects.node {
        true => objects.make(body),
        false => new_array(body, ty),
    }
}

/// An object of a type: one that was accessed before, any variable's if it has the type, or a new one; now and then
/// any variable's in any case.
fn instance(body: &mut Body<'_, '_, '_>, ty: ObjectTypeId, objects: &Objects) -> Value {
    let known = body.objects.iter().copied().find(|known| known.1 == ty);
    if let Some((variable, _)) = known
        && body.choices.below(2) == 0
    {
        if body.choices.once_in(8) {
            let other = fresh(body, ty, objects);
            body.builder.def_var(variable, other);
        }
        return body.builder.use_var(variable);
    }
    let object = body.value(Type::Ref);
    if body.choices.once_in(40) {
        return object;
    }
    let other = fresh(body, ty, objects);
    let fits = body.builder.is_instance(ty, object);
    let found = body.builder.select(fits, object, other);
    if let Some((variable, _)) = known
        && body.choices.once_in(4)
    {
        body.builder.def_var(variable, found);
    }
    found
}

/// An index that is mostly inside.
fn index(body: &mut Body<'_, '_, '_>, mask: i64) -> Value {
    match body.choices.once_in(60) {
        true => body.value(Type::I64),
        false => body.masked(mask),
    }
}

fn element(body: &mut Body<'_, '_, '_>, objects: &Objects) {
    let ty = body.choices.of(&[objects.references, objects.numbers]);
    let array = instance(body, ty, objects);
    let at = index(body, LEAST_LENGTH - 1);
    match body.choices.below(5) {
        0..2 => {
            let value = body.builder.get_element(ty, array, at);
            body.keep(&[value]);
        }
        2..4 => {
            // The element that is there gives the type of the variable to put in its place.
            let old = body.builder.get_element(ty, array, at);
            if let Some(element) = body.builder.value_type(old) {
                let value = body.operand(element);
                body.builder.set_element(ty, array, at, value);
            }
        }
        _ => {
            let from = instance(body, ty, objects);
            let (to_index, from_index, count) = (index(body, 1), index(body, 1), index(body, 3));
            body.builder
                .array_copy(ty, array, to_index, from, from_index, count);
        }
    }
}

/// Something that can be known of any object.
fn look(body: &mut Body<'_, '_, '_>, objects: &Objects) {
    let found = match body.choices.below(2) {
        0 => {
            let object = body.value(Type::Ref);
            let ty = body.choices.of(&[objects.node, objects.references]);
            body.builder.is_instance(ty, object)
        }
        _ => {
            let array = instance(body, objects.numbers, objects);
            body.builder.array_length(objects.numbers, array)
        }
    };
    body.keep(&[found]);
}
