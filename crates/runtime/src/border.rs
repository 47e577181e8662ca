//! What crosses the border between an instance and its host: values, memories and globals.
//!
//! The host has references to objects and functions as handles and numbers, compiled code as addresses; all other
//! values are the same words on both sides.

use crate::error::{Error, bare_trap};
use crate::memory::LinearMemory;
use crate::state::State;
use enjamb_ir::host_value::{bits_in_words, push_words};
use enjamb_ir::{Entity, FuncId, GlobalId, MemoryId, Type, Val};
use std::sync::Arc;

impl State {
    /// Values of these types in a buffer.
    pub(crate) fn values(&mut self, types: &[Type], words: &[u64]) -> Vec<Val> {
        bits_in_words(types, words)
            .map(|(ty, bits)| self.value(ty, bits))
            .collect()
    }

    /// Values as words, if they have these types.
    pub(crate) fn words(&self, types: &[Type], values: &[Val]) -> Result<Vec<u64>, String> {
        check_types(types, values)?;
        let mut words = Vec::with_capacity(values.len());
        for &value in values {
            let bits = self.bits(value).map_err(|error| error.to_string())?;
            push_words(&mut words, value.ty(), bits);
        }
        Ok(words)
    }

    /// Turns words that the host has into those of compiled code, in place.
    pub(crate) fn import_words(&self, types: &[Type], words: &mut [u64]) -> Result<(), String> {
        for (index, ty) in reference_words(types) {
            let value = Val::from_bits(ty, words[index].into());
            words[index] = self.bits(value).map_err(|error| error.to_string())? as u64;
        }
        Ok(())
    }

    /// Turns words of compiled code into those that the host has, in place.
    pub(crate) fn export_words(&mut self, types: &[Type], words: &mut [u64]) {
        for (index, ty) in reference_words(types) {
            words[index] = self.value(ty, words[index].into()).to_bits() as u64;
        }
    }

    fn memory(&mut self, memory: MemoryId) -> Result<&mut LinearMemory, Error> {
        let no_memory = || Error::BadCall(format!("there is no {memory}"));
        self.memories.get_mut(memory.index()).ok_or_else(no_memory)
    }

    pub(crate) fn memory_size(&self, memory: MemoryId) -> Option<u64> {
        Some(self.memories.get(memory.index())?.size())
    }

    pub(crate) fn read_memory(
        &mut self,
        memory: MemoryId,
        at: u64,
        bytes: &mut [u8],
    ) -> Result<(), Error> {
        let memory = self.memory(memory)?;
        memory.read(at, bytes).map_err(bare_trap)
    }

    pub(crate) fn write_memory(
        &mut self,
        memory: MemoryId,
        at: u64,
        bytes: &[u8],
    ) -> Result<(), Error> {
        let memory = self.memory(memory)?;
        memory.write(at, bytes).map_err(bare_trap)
    }

    pub(crate) fn global(&mut self, global: GlobalId) -> Option<Val> {
        let compiled = self.loaded.compiled();
        let ty = compiled.source.globals.get(global)?.ty;
        let bits = self.context.global(&compiled.layout, global, ty);
        Some(self.value(ty, bits))
    }

    pub(crate) fn set_global(&mut self, global: GlobalId, value: Val) -> Result<(), Error> {
        let loaded = Arc::clone(&self.loaded);
        let decl = loaded.module().globals.get(global);
        let decl = decl.ok_or_else(|| Error::BadCall(format!("there is no {global}")))?;
        let words = self.words(&[decl.ty], &[value]);
        let words = words.map_err(|reason| Error::BadCall(format!("%{}: {reason}", decl.name)))?;
        let layout = &loaded.compiled().layout;
        for (ty, bits) in bits_in_words(&[decl.ty], &words) {
            self.context.set_global(layout, global, ty, bits);
        }
        Ok(())
    }

    /// Whether the function exists.
    pub(crate) fn check_function(&self, function: FuncId) -> Result<(), Error> {
        let exists = self.loaded.module().functions.get(function).is_some();
        let missing = || Error::BadCall(format!("the module has no {function}"));
        exists.then_some(()).ok_or_else(missing)
    }
}

/// An error if values are not of these types.
pub(crate) fn check_types(types: &[Type], values: &[Val]) -> Result<(), String> {
    if values
        .iter()
        .map(|value| value.ty())
        .eq(types.iter().copied())
    {
        return Ok(());
    }
    let list = |types: &mut dyn Iterator<Item = Type>| {
        let names: Vec<&str> = types.map(|ty| ty.name()).collect();
        names.join(", ")
    };
    let given = list(&mut values.iter().map(|value| value.ty()));
    let wanted = list(&mut types.iter().copied());
    Err(format!("({given}) given, ({wanted}) wanted"))
}

/// The words that are not the same for host and compiled code, with their types.
fn reference_words(types: &[Type]) -> impl Iterator<Item = (usize, Type)> + '_ {
    let words = types.iter().scan(0, |next, &ty| {
        let index = *next;
        *next += ty.words();
        Some((index, ty))
    });
    words.filter(|(_, ty)| matches!(ty, Type::Ref | Type::FuncRef))
}

/// Whether there are words that are not the same for host and compiled code.
pub(crate) fn has_references(types: &[Type]) -> bool {
    reference_words(types).next().is_some()
}
