//! Objects of an instance, as the host reaches them: between calls through the instance, and in a host
//! function through its [`Caller`](crate::Caller).

use crate::backend::Access;
use crate::error::Error;
use crate::state::{Source, check_reference};
use enjamb_ir::host_objects::{HeapStatistics, HostObjects, ObjectError};
use enjamb_ir::{FieldId, Module, Named, ObjectTypeId, Type, Val};
use std::num::NonZeroU64;

/// A reference that the host holds. It may be to an object on the heap of an instance, and then it is
/// good until it is released; those that a host function gets while it runs, arguments included, end with
/// its call unless it keeps them. Where modules declare no types of objects, the host makes references
/// itself and they mean what it likes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Ref(pub(crate) NonZeroU64);

impl Ref {
    /// A reference that means this number to the host, for modules without types of objects.
    pub fn opaque(number: NonZeroU64) -> Ref {
        Ref(number)
    }

    /// The number of the reference.
    pub fn number(self) -> NonZeroU64 {
        self.0
    }
}

impl From<Ref> for Val {
    fn from(reference: Ref) -> Val {
        Val::Ref(Some(reference.0.get()))
    }
}

/// The reference in a value; nothing if it is null, or no reference.
pub fn reference(value: Val) -> Option<Ref> {
    match value {
        Val::Ref(handle) => handle.and_then(NonZeroU64::new).map(Ref),
        _ => None,
    }
}

/// Whether instances of a module have a heap.
pub(crate) fn has_heap(module: &Module) -> bool {
    !module.object_types.is_empty()
}

/// An error if a reference among the words is none that the instance has given out.
pub(crate) fn check_handles(
    access: &mut dyn Access,
    types: &[Type],
    words: &[u64],
) -> Result<(), Error> {
    for value in Val::from_words(types, words) {
        if let Some(reference) = reference(value) {
            with_objects(access, |objects| objects.object_type(reference.0.get()))?;
        }
    }
    Ok(())
}

/// Does something with the objects that an access lends.
pub(crate) fn with_objects<R>(
    access: &mut dyn Access,
    run: impl FnOnce(&mut dyn HostObjects) -> Result<R, ObjectError>,
) -> Result<R, Error> {
    let (mut run, mut result) = (Some(run), None);
    access.with_objects(&mut |objects| result = run.take().map(|run| run(objects)));
    Ok(result.unwrap_or(Err(ObjectError::NoHeap))?)
}

/// The objects of an instance. Types and fields go by the names that the module gives them.
///
/// All methods give [`Error::Object`] if a reference is stale or an object is not of the kind that is
/// needed, and [`Error::Running`] if this was not had from the [`Caller`](crate::Caller) and the instance
/// is running. References in fields and elements come as new ones, which end as [`Ref`] says.
///
/// ```
/// use enjamb_engine::{Engine, Imports, Instance, Module, Val};
///
/// let engine = Engine::interpreter();
/// let module = Module::from_text(&engine, "type %point = { x: i64, y: i64 }
///     function %sum(ref) -> i64 {
///     block0(v0: ref):
///         v1 = get_field.i64 %point.x, v0
///         v2 = get_field.i64 %point.y, v0
///         v3 = iadd v1, v2
///         return v3
///     }")?;
/// let instance = Instance::new(&module, &Imports::new())?;
/// let objects = instance.objects();
/// let point = objects.new_object("point")?;
/// objects.set_field(point, "x", Val::I64(40))?;
/// objects.set_field(point, "y", Val::I64(2))?;
/// assert_eq!(instance.call("sum", &[point.into()])?, [Val::I64(42)]);
/// objects.release(point)?;
/// objects.collect()?;
/// assert_eq!(objects.statistics()?.map(|statistics| statistics.objects), Some(0));
/// # Ok::<(), enjamb_engine::Error>(())
/// ```
#[derive(Clone)]
pub struct Objects<'a> {
    source: Source<'a>,
}

impl std::fmt::Debug for Objects<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "Objects of {} types",
            self.source.module().object_types.len()
        )
    }
}

impl<'a> Objects<'a> {
    pub(crate) fn new(source: Source<'a>) -> Self {
        Objects { source }
    }

    fn with<R>(
        &self,
        run: impl FnOnce(&mut dyn HostObjects) -> Result<R, ObjectError>,
    ) -> Result<R, Error> {
        self.source.with(|access| with_objects(access, run))?
    }

    fn reference(&self, handle: u64) -> Result<Ref, Error> {
        let number = NonZeroU64::new(handle);
        number
            .map(Ref)
            .ok_or_else(|| Error::Internal("a handle is 0".to_string()))
    }

    fn type_named(&self, name: &str) -> Result<ObjectTypeId, Error> {
        match self.source.module().named(name) {
            Some(Named::ObjectType(ty)) => Ok(ty),
            _ => Err(Error::NoExport {
                kind: "object type",
                name: name.to_string(),
            }),
        }
    }

    fn field_named(&self, object: Ref, name: &str) -> Result<FieldId, Error> {
        let ty = self.with(|objects| objects.object_type(object.0.get()))?;
        let decl = &self.source.module().object_types[ty];
        let fields = decl.shape.fields();
        let field = fields.and_then(|fields| fields.named(name));
        field.ok_or_else(|| Error::NoExport {
            kind: "field",
            name: format!("{}.{name}", decl.name),
        })
    }

    /// Makes an object whose fields are zero and null.
    ///
    /// # Errors
    /// [`Error::NoExport`] if the module has no such type; otherwise as for all methods.
    pub fn new_object(&self, ty: &str) -> Result<Ref, Error> {
        let ty = self.type_named(ty)?;
        self.reference(self.with(|objects| objects.new_object(ty))?)
    }

    /// Makes an array whose elements are zero or null.
    ///
    /// # Errors
    /// As [`Objects::new_object`].
    pub fn new_array(&self, ty: &str, length: u64) -> Result<Ref, Error> {
        let ty = self.type_named(ty)?;
        self.reference(self.with(|objects| objects.new_array(ty, length))?)
    }

    /// Makes an array of `i8` with these elements.
    ///
    /// # Errors
    /// As [`Objects::new_object`].
    pub fn new_bytes(&self, ty: &str, bytes: &[u8]) -> Result<Ref, Error> {
        let array = self.new_array(ty, bytes.len() as u64)?;
        self.write_bytes(array, 0, bytes)?;
        Ok(array)
    }

    /// The name of the type of an object.
    ///
    /// # Errors
    /// As for all methods.
    pub fn type_name(&self, object: Ref) -> Result<String, Error> {
        let ty = self.with(|objects| objects.object_type(object.0.get()))?;
        Ok(self.source.module().object_types[ty].name.clone())
    }

    /// Whether two references are to one object.
    ///
    /// # Errors
    /// As for all methods.
    pub fn is_same(&self, one: Ref, other: Ref) -> Result<bool, Error> {
        self.with(|objects| objects.is_same(one.0.get(), other.0.get()))
    }

    /// What a field holds.
    ///
    /// # Errors
    /// [`Error::NoExport`] if the object has no such field; otherwise as for all methods.
    pub fn get_field(&self, object: Ref, field: &str) -> Result<Val, Error> {
        let field = self.field_named(object, field)?;
        self.with(|objects| objects.get_field(object.0.get(), field))
    }

    /// Changes a field.
    ///
    /// # Errors
    /// As [`Objects::get_field`], and if the value is of another type.
    pub fn set_field(&self, object: Ref, field: &str, value: Val) -> Result<(), Error> {
        self.check(value)?;
        let field = self.field_named(object, field)?;
        self.with(|objects| objects.set_field(object.0.get(), field, value))
    }

    /// How many elements an array has.
    ///
    /// # Errors
    /// As for all methods.
    pub fn array_length(&self, array: Ref) -> Result<u64, Error> {
        self.with(|objects| objects.array_length(array.0.get()))
    }

    /// An element of an array.
    ///
    /// # Errors
    /// As for all methods, and if there is no such element.
    pub fn get_element(&self, array: Ref, index: u64) -> Result<Val, Error> {
        self.with(|objects| objects.get_element(array.0.get(), index))
    }

    /// Changes an element of an array.
    ///
    /// # Errors
    /// As [`Objects::get_element`], and if the value is of another type.
    pub fn set_element(&self, array: Ref, index: u64, value: Val) -> Result<(), Error> {
        self.check(value)?;
        self.with(|objects| objects.set_element(array.0.get(), index, value))
    }

    /// Fills `bytes` from an array of `i8`, from an element on.
    ///
    /// # Errors
    /// As for all methods, and if not all of them are inside.
    pub fn read_bytes(&self, array: Ref, first: u64, bytes: &mut [u8]) -> Result<(), Error> {
        self.with(|objects| objects.read_bytes(array.0.get(), first, bytes))
    }

    /// All elements of an array of `i8`.
    ///
    /// # Errors
    /// As for all methods.
    pub fn bytes(&self, array: Ref) -> Result<Vec<u8>, Error> {
        let length = self.array_length(array)?;
        // An array of something else may be too long for as many bytes.
        self.read_bytes(array, 0, &mut [])?;
        let mut bytes = vec![0; usize::try_from(length).unwrap_or(usize::MAX)];
        self.read_bytes(array, 0, &mut bytes)?;
        Ok(bytes)
    }

    /// Writes `bytes` into an array of `i8`, from an element on.
    ///
    /// # Errors
    /// As for all methods, and if not all of them are inside, with nothing written.
    pub fn write_bytes(&self, array: Ref, first: u64, bytes: &[u8]) -> Result<(), Error> {
        self.with(|objects| objects.write_bytes(array.0.get(), first, bytes))
    }

    /// Lets a reference outlive the call of the host function that has got it.
    ///
    /// # Errors
    /// As for all methods.
    pub fn keep(&self, object: Ref) -> Result<(), Error> {
        self.with(|objects| objects.keep(object.0.get()))
    }

    /// Gives a reference up. The object lives on if something else refers to it.
    ///
    /// # Errors
    /// As for all methods.
    pub fn release(&self, object: Ref) -> Result<(), Error> {
        self.with(|objects| objects.release(object.0.get()))
    }

    /// Frees every object that cannot be reached.
    ///
    /// # Errors
    /// As for all methods.
    pub fn collect(&self) -> Result<(), Error> {
        self.with(|objects| objects.collect())
    }

    /// What the heap has done so far; nothing if there is none.
    ///
    /// # Errors
    /// [`Error::Running`].
    pub fn statistics(&self) -> Result<Option<HeapStatistics>, Error> {
        let mut statistics = None;
        self.source.with(|access| {
            access.with_objects(&mut |objects| statistics = objects.heap_statistics());
        })?;
        Ok(statistics)
    }

    fn check(&self, value: Val) -> Result<(), Error> {
        check_reference(self.source.module(), value).map_err(Error::WrongType)
    }
}
