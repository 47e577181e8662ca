//! Memories and global variables, as the host reaches them: between calls through the instance,
//! and in a host function, while tasks are suspended, through its [`Caller`](crate::Caller).

use crate::backend::Access;
use crate::error::Error;
use crate::instance::Instance;
use crate::objects::{check_handles, has_heap};
use enjamb_ir::module::PAGE_SIZE;
use enjamb_ir::{Entity, Export, GlobalId, MemoryId, Module, Named, Type, Val};
use std::fmt;

/// What lends memories and globals in the midst of a call.
pub(crate) trait Reach {
    /// Lends them to `visit`, once.
    fn reach(&self, visit: &mut dyn FnMut(&mut dyn Access));
    /// The module that they belong to.
    fn module(&self) -> &Module;
}

/// Through what a memory or global is reached.
#[derive(Clone)]
pub(crate) enum Source<'a> {
    Instance(Instance),
    Caller(&'a dyn Reach),
}

impl Source<'_> {
    pub(crate) fn with<R>(&self, reach: impl FnOnce(&mut dyn Access) -> R) -> Result<R, Error> {
        match self {
            Source::Instance(instance) => instance.with(reach),
            Source::Caller(caller) => {
                let (mut reach, mut result) = (Some(reach), None);
                caller.reach(&mut |access| result = reach.take().map(|reach| reach(access)));
                result.ok_or(Error::Running)
            }
        }
    }

    pub(crate) fn module(&self) -> &Module {
        match self {
            Source::Instance(instance) => instance.module().ir(),
            Source::Caller(caller) => caller.module(),
        }
    }
}

/// A linear memory of an instance.
///
/// All methods give [`Error::Running`] if the memory was not had from the [`Caller`](crate::Caller) and the
/// instance is running.
#[derive(Clone)]
pub struct Memory<'a> {
    source: Source<'a>,
    id: MemoryId,
}

impl fmt::Debug for Memory<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "memory %{}", self.source.module().memories[self.id].name)
    }
}

impl<'a> Memory<'a> {
    pub(crate) fn new(source: Source<'a>, id: MemoryId) -> Self {
        Memory { source, id }
    }

    /// Its size in bytes.
    ///
    /// # Errors
    /// [`Error::Running`].
    pub fn size(&self) -> Result<u64, Error> {
        self.source.with(|access| access.memory_size(self.id))
    }

    /// Fills `bytes` from the memory, starting at `offset`.
    ///
    /// # Errors
    /// [`Error::OutOfBounds`] if not all of them are inside; [`Error::Running`].
    pub fn read(&self, offset: u64, bytes: &mut [u8]) -> Result<(), Error> {
        let length = bytes.len() as u64;
        match self
            .source
            .with(|access| access.memory_read(self.id, offset, bytes))?
        {
            true => Ok(()),
            false => Err(self.out_of_bounds(offset, length)?),
        }
    }

    /// Writes `bytes` into the memory, starting at `offset`.
    ///
    /// # Errors
    /// [`Error::OutOfBounds`] if not all of them are inside, with nothing written;
    /// [`Error::Running`].
    pub fn write(&self, offset: u64, bytes: &[u8]) -> Result<(), Error> {
        match self
            .source
            .with(|access| access.memory_write(self.id, offset, bytes))?
        {
            true => Ok(()),
            false => Err(self.out_of_bounds(offset, bytes.len() as u64)?),
        }
    }

    /// Grows it by a number of pages of 65,536 bytes and gives its pages before.
    ///
    /// # Errors
    /// [`Error::OutOfBounds`] if it would exceed its maximum, or the machine has no memory left;
    /// [`Error::Running`].
    pub fn grow(&self, pages: u64) -> Result<u64, Error> {
        let end = self.size()?;
        match self
            .source
            .with(|access| access.memory_grow(self.id, pages))?
        {
            Some(before) => Ok(before),
            None => Err(self.out_of_bounds(end, pages.saturating_mul(PAGE_SIZE))?),
        }
    }

    fn out_of_bounds(&self, offset: u64, length: u64) -> Result<Error, Error> {
        let memory = self.source.module().memories[self.id].name.clone();
        let size = self.size()?;
        Ok(Error::OutOfBounds {
            memory,
            offset,
            length,
            size,
        })
    }
}

/// A global variable of an instance.
///
/// Reading and writing give [`Error::Running`] if it was not had from the [`Caller`](crate::Caller) and the
/// instance is running.
#[derive(Clone)]
pub struct Global<'a> {
    source: Source<'a>,
    id: GlobalId,
}

impl fmt::Debug for Global<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "global %{}", self.source.module().globals[self.id].name)
    }
}

impl<'a> Global<'a> {
    pub(crate) fn new(source: Source<'a>, id: GlobalId) -> Self {
        Global { source, id }
    }

    /// Its type.
    pub fn ty(&self) -> Type {
        self.source.module().globals[self.id].ty
    }

    /// Its value. A reference to an object is a new one of the host's.
    ///
    /// # Errors
    /// [`Error::Running`].
    pub fn get(&self) -> Result<Val, Error> {
        let value = self.source.with(|access| access.global_get(self.id))?;
        value.ok_or_else(|| Error::Internal(format!("the instance has no {}", self.id)))
    }

    /// Gives it a value.
    ///
    /// # Errors
    /// [`Error::WrongType`] if the value is of another type, or a function of another module;
    /// [`Error::Object`] if it is a reference that the instance has not given out;
    /// [`Error::Running`].
    pub fn set(&self, value: Val) -> Result<(), Error> {
        let module = self.source.module();
        check_reference(module, value).map_err(Error::WrongType)?;
        if has_heap(module) {
            self.source
                .with(|access| check_handles(access, &[value.ty()], &Val::to_words(&[value])))??;
        }
        if self
            .source
            .with(|access| access.global_set(self.id, value))?
        {
            return Ok(());
        }
        let (name, ty, got) = (&module.globals[self.id].name, self.ty(), value.ty());
        let reason = format!("global `{name}` is of type {ty}, but {value} is of type {got}");
        Err(Error::WrongType(reason))
    }
}

/// The memory that is exported by a name or, failing that, has it.
pub(crate) fn memory_named(module: &Module, name: &str) -> Result<MemoryId, Error> {
    match (module.exports.get(name), module.named(name)) {
        (Some(&Export::Memory(id)), _) | (_, Some(Named::Memory(id))) => Ok(id),
        _ => Err(Error::NoExport {
            kind: "memory",
            name: name.to_string(),
        }),
    }
}

/// The global variable that is exported by a name or, failing that, has it.
pub(crate) fn global_named(module: &Module, name: &str) -> Result<GlobalId, Error> {
    match (module.exports.get(name), module.named(name)) {
        (Some(&Export::Global(id)), _) | (_, Some(Named::Global(id))) => Ok(id),
        _ => Err(Error::NoExport {
            kind: "global",
            name: name.to_string(),
        }),
    }
}

/// A reference to a function must name one of the module.
pub(crate) fn check_reference(module: &Module, value: Val) -> Result<(), String> {
    match value {
        Val::FuncRef(Some(id)) if id.index() >= module.function_count() => {
            Err(format!("{value} is no function of the module"))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use enjamb_ir::{Entity, FuncId};

    #[test]
    fn a_reference_names_one_of_the_functions() {
        let module = enjamb_ir::parse_module("function %f() {\nblock0:\n    return\n}").unwrap();
        let check = |index| check_reference(&module, Val::FuncRef(Some(FuncId::from_index(index))));
        assert_eq!(check(0), Ok(()));
        assert!(check(1).is_err());
        assert_eq!(check_reference(&module, Val::FuncRef(None)), Ok(()));
    }
}
