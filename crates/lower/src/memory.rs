//! Loads and stores, stack slots, globals and tables: what is accessed.

use crate::backend::Backend;
use crate::error::{Lower, Reason};
use crate::values::Values;
use enjamb_abi::context::offsets;
use enjamb_ir::module::PAGE_SIZE;
use enjamb_ir::{FuncId, GlobalId, Inst, MemoryId, Opcode, Payload, Place, TableId, Type};
use enjamb_regalloc::VReg;

fn memory_of(payload: Payload) -> Option<MemoryId> {
    match payload {
        Payload::Memory(memory) => Some(memory),
        _ => None,
    }
}

fn table_of(payload: Payload) -> Option<TableId> {
    match payload {
        Payload::Table(table) => Some(table),
        _ => None,
    }
}

fn global_of(payload: Payload) -> Option<GlobalId> {
    match payload {
        Payload::Global(global) => Some(global),
        _ => None,
    }
}

fn function_of(payload: Payload) -> Option<FuncId> {
    match payload {
        Payload::Function(function) => Some(function),
        _ => None,
    }
}

/// How many bytes a load reads.
fn loaded_bytes(opcode: Opcode, ty: Type) -> Option<u32> {
    use Opcode::*;
    match opcode {
        Load => Some(ty.bytes()),
        Uload8 | Sload8 => Some(1),
        Uload16 | Sload16 => Some(2),
        Uload32 | Sload32 => Some(4),
        _ => None,
    }
}

/// What a store instruction writes.
fn stored_type(opcode: Opcode, ty: Type) -> Option<Type> {
    match opcode {
        Opcode::Store => Some(ty),
        Opcode::Istore8 => Some(Type::I8),
        Opcode::Istore16 => Some(Type::I16),
        Opcode::Istore32 => Some(Type::I32),
        _ => None,
    }
}

pub(crate) trait Memory<'a>: Backend<'a> {
    /// Loads, and addresses and sizes of what can be loaded from.
    fn read(&mut self, inst: Inst) -> Lower<VReg> {
        let data = self.data(inst);
        match data.opcode {
            Opcode::StackAddr => {
                let (slot, offset) = self.payload(inst, |payload| match payload {
                    Payload::Slot(slot, offset) => Some((slot, offset)),
                    _ => None,
                })?;
                let mem = self.slot_mem(slot, offset)?;
                self.load_address(mem)
            }
            Opcode::FuncAddr => {
                let function = self.payload(inst, function_of)?;
                let cell = Self::context_word(self.layout.function(function));
                self.load_address(cell)
            }
            Opcode::GlobalGet => {
                let global = self.payload(inst, global_of)?;
                let place = Self::context_word(self.layout.global(global));
                self.load(data.ty, place)
            }
            Opcode::MemorySize => {
                let memory = self.payload(inst, memory_of)?;
                let length = self.load(Type::I64, self.memory_length(memory))?;
                self.shifted_right(length, PAGE_SIZE.trailing_zeros())
            }
            Opcode::MemoryBase => {
                let memory = self.payload(inst, memory_of)?;
                self.load(Type::I64, self.memory_base(memory))
            }
            Opcode::TableSize => {
                let table = self.payload(inst, table_of)?;
                self.load(Type::I64, self.table_length(table))
            }
            Opcode::TableGet => {
                let entry = self.entry_of_table(inst)?;
                self.load(Type::FuncRef, entry)
            }
            opcode => {
                let bytes = loaded_bytes(opcode, data.ty).ok_or(Reason::Malformed)?;
                let mem = self.accessed(inst, bytes)?;
                self.load_as(opcode, data.ty, mem)
            }
        }
    }

    /// Stores.
    fn write(&mut self, inst: Inst) -> Lower<()> {
        let data = self.data(inst);
        match data.opcode {
            Opcode::GlobalSet => {
                let global = self.payload(inst, global_of)?;
                let place = Self::context_word(self.layout.global(global));
                self.store(data.ty, place, self.arg(inst, 0)?)
            }
            Opcode::ContextSet => {
                let place = Self::context_word(offsets::TASK_WORD);
                self.store(Type::I64, place, self.arg(inst, 0)?)
            }
            Opcode::TableSet => {
                let entry = self.entry_of_table(inst)?;
                self.store(Type::FuncRef, entry, self.arg(inst, 1)?)
            }
            opcode => {
                let ty = stored_type(opcode, data.ty).ok_or(Reason::Malformed)?;
                let &value = self.function.args(inst).last().ok_or(Reason::Malformed)?;
                let mem = self.accessed(inst, ty.bytes())?;
                self.store(ty, mem, value)
            }
        }
    }

    /// The memory that an instruction accesses, checked.
    fn accessed(&mut self, inst: Inst, bytes: u32) -> Lower<Self::Mem> {
        let (place, offset) = self.payload(inst, |payload| match payload {
            Payload::Access(place, offset) => Some((place, offset)),
            _ => None,
        })?;
        let is_store = loaded_bytes(self.data(inst).opcode, Type::I64).is_none();
        let has_address = self.function.args(inst).len() > usize::from(is_store);
        match place {
            Place::Memory(memory) => self.checked(memory, self.arg(inst, 0)?, offset, bytes),
            Place::Slot(slot) if has_address => {
                let index = self.arg(inst, 0)?;
                self.checked_slot(slot, index, offset, bytes)
            }
            Place::Slot(slot) => self.slot_mem(slot, offset),
            Place::Address | Place::Raw => self.address(self.arg(inst, 0)?, offset, bytes),
        }
    }

    /// The entry of a table that an instruction names.
    fn entry_of_table(&mut self, inst: Inst) -> Lower<Self::Mem> {
        let table = self.payload(inst, table_of)?;
        let index = self.operand(inst, 0)?;
        self.table_entry(table, index)
    }
}

impl<'a, L: Backend<'a>> Memory<'a> for L {}
