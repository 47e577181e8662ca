//! A module: functions, imports, memories, data, globals, tables and exports.

use crate::entity::{
    DataId, Entity, FileId, FuncId, GlobalId, MemoryId, ObjectTypeId, PrimaryMap, TableId,
};
use crate::function::Function;
use crate::hash::KeyedIndexMap;
use crate::object::ObjectTypeDecl;
use crate::types::{Signature, Type};
use std::fmt;

/// Bytes in a page of linear memory.
pub const PAGE_SIZE: u64 = 65_536;
/// The most pages that a linear memory can have: 4 GiB.
pub const MAX_PAGES: u64 = 65_536;

/// Where a function of a module comes from.
#[derive(Clone, Debug, PartialEq)]
pub enum FunctionKind {
    /// The host, or another instance, provides it.
    Import {
        /// The first half of the name under which it is looked up.
        namespace: String,
        /// The second half of the name under which it is looked up.
        name: String,
        /// Its signature.
        signature: Signature,
    },
    /// The module defines it.
    Body(Box<Function>),
}

/// A function of a module.
#[derive(Clone, Debug, PartialEq)]
pub struct FunctionDecl {
    /// Its name, unique among the functions of the module, without the percent sign.
    pub name: String,
    /// Where it comes from.
    pub kind: FunctionKind,
}

impl FunctionDecl {
    /// Its signature.
    pub fn signature(&self) -> &Signature {
        match &self.kind {
            FunctionKind::Import { signature, .. } => signature,
            FunctionKind::Body(function) => &function.signature,
        }
    }
    /// Its body, if the module defines it.
    pub fn body(&self) -> Option<&Function> {
        match &self.kind {
            FunctionKind::Import { .. } => None,
            FunctionKind::Body(function) => Some(function),
        }
    }
    /// Its body for writing, if the module defines it.
    pub fn body_mut(&mut self) -> Option<&mut Function> {
        match &mut self.kind {
            FunctionKind::Import { .. } => None,
            FunctionKind::Body(function) => Some(function),
        }
    }
}

/// A linear memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemoryDecl {
    /// Its name.
    pub name: String,
    /// Pages at the start.
    pub min_pages: u64,
    /// Pages at the most; this much address space is reserved, so the base never moves.
    pub max_pages: u64,
}

/// A data segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataDecl {
    /// Its name.
    pub name: String,
    /// The bytes.
    pub bytes: Vec<u8>,
    /// Where they are copied when the module is instantiated; `None` leaves that to `memory_init`.
    pub place: Option<(MemoryId, u64)>,
}

/// What a global variable holds at first.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum GlobalInit {
    /// Bits of a number: an integer sign-extended from its type, an `f32` in the low half.
    Number(u64),
    /// The bits of a vector.
    Vector(u128),
    /// A null reference.
    Null,
    /// A function.
    Function(FuncId),
}

/// A global variable.
#[derive(Clone, Debug, PartialEq)]
pub struct GlobalDecl {
    /// Its name.
    pub name: String,
    /// Its type.
    pub ty: Type,
    /// What it holds at first.
    pub init: GlobalInit,
}

/// A table of function references, of fixed size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableDecl {
    /// Its name.
    pub name: String,
    /// The entries at first; `None` is null.
    pub entries: Vec<Option<FuncId>>,
}

/// What an export names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Export {
    /// A function.
    Function(FuncId),
    /// A linear memory.
    Memory(MemoryId),
    /// A global variable.
    Global(GlobalId),
    /// A table.
    Table(TableId),
}

/// A name that cannot be declared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NameError {
    /// The name stands for something of the module already.
    Duplicate(String),
    /// The name is empty or has a character outside `A-Z a-z 0-9 _ . $ -`.
    Malformed(String),
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NameError::Duplicate(name) => write!(f, "`%{name}` is declared twice"),
            NameError::Malformed(name) => write!(
                f,
                "`{name}` is no name: letters, digits, `_`, `.`, `$` and `-` make a name"
            ),
        }
    }
}

impl std::error::Error for NameError {}

/// What happens in a module when the fuel of its instance is used up. The pass `fuel` builds it into
/// the functions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FuelPolicy {
    /// The task, or the call from the host, traps with `out_of_fuel`.
    Trap,
    /// An async function calls another one, so that it suspends. A sync function goes on.
    Suspend {
        /// The async function that is called, without parameters and results.
        pause: FuncId,
        /// The most fuel that a sync function may use beyond what there is, before it traps; no
        /// limit if there is none.
        debt: Option<u32>,
    },
}

/// What a name of the module stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Named {
    /// A function.
    Function(FuncId),
    /// A linear memory.
    Memory(MemoryId),
    /// A data segment.
    Data(DataId),
    /// A global variable.
    Global(GlobalId),
    /// A table.
    Table(TableId),
    /// An object type.
    ObjectType(ObjectTypeId),
}

/// A module. All names share one space; the `declare` methods keep it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Module {
    /// Whether raw addresses are allowed.
    pub trusted: bool,
    /// Whether its instances run on fuel, and what happens when there is none left.
    pub fuel: Option<FuelPolicy>,
    /// Source files that positions refer to.
    pub files: PrimaryMap<FileId, String>,
    /// Functions, imported and defined.
    pub functions: PrimaryMap<FuncId, FunctionDecl>,
    /// Linear memories.
    pub memories: PrimaryMap<MemoryId, MemoryDecl>,
    /// Data segments.
    pub data: PrimaryMap<DataId, DataDecl>,
    /// Global variables.
    pub globals: PrimaryMap<GlobalId, GlobalDecl>,
    /// Object types.
    pub object_types: PrimaryMap<ObjectTypeId, ObjectTypeDecl>,
    /// Tables.
    pub tables: PrimaryMap<TableId, TableDecl>,
    /// What the host can reach, in order of declaration.
    pub exports: KeyedIndexMap<String, Export>,
    names: KeyedIndexMap<String, Named>,
}

/// Whether text is a name of the text format.
pub fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'$' | b'-'))
}

impl Module {
    /// An empty module.
    pub fn new() -> Self {
        Self::default()
    }

    /// What a name stands for.
    pub fn named(&self, name: &str) -> Option<Named> {
        self.names.get(name).copied()
    }

    /// The function with this name.
    pub fn function_named(&self, name: &str) -> Option<FuncId> {
        match self.named(name)? {
            Named::Function(function) => Some(function),
            _ => None,
        }
    }

    /// The function that an export or, failing that, a name stands for.
    pub fn exported_function(&self, name: &str) -> Option<FuncId> {
        match self.exports.get(name) {
            Some(&Export::Function(function)) => Some(function),
            _ => self.function_named(name),
        }
    }

    fn claim(&mut self, name: &str, named: Named) -> Result<(), NameError> {
        if !is_name(name) {
            return Err(NameError::Malformed(name.to_string()));
        }
        if self.names.contains_key(name) {
            return Err(NameError::Duplicate(name.to_string()));
        }
        self.names.insert(name.to_string(), named);
        Ok(())
    }

    /// Declares an imported function.
    ///
    /// # Errors
    /// If `name` is malformed or declared already; so for all `declare` methods.
    pub fn declare_import(
        &mut self,
        name: &str,
        namespace: &str,
        field: &str,
        signature: Signature,
    ) -> Result<FuncId, NameError> {
        let id = self.functions.next_key();
        self.claim(name, Named::Function(id))?;
        let kind = FunctionKind::Import {
            namespace: namespace.to_string(),
            name: field.to_string(),
            signature,
        };
        Ok(self.functions.push(FunctionDecl {
            name: name.to_string(),
            kind,
        }))
    }

    /// Declares a function whose body, without blocks at first, is filled in later.
    ///
    /// # Errors
    /// As [`Module::declare_import`].
    pub fn declare_function(
        &mut self,
        name: &str,
        signature: Signature,
    ) -> Result<FuncId, NameError> {
        let id = self.functions.next_key();
        self.claim(name, Named::Function(id))?;
        let kind = FunctionKind::Body(Box::new(Function::new(name, signature)));
        Ok(self.functions.push(FunctionDecl {
            name: name.to_string(),
            kind,
        }))
    }

    /// Declares a linear memory.
    ///
    /// # Errors
    /// As [`Module::declare_import`].
    pub fn declare_memory(&mut self, memory: MemoryDecl) -> Result<MemoryId, NameError> {
        let id = self.memories.next_key();
        self.claim(&memory.name, Named::Memory(id))?;
        Ok(self.memories.push(memory))
    }

    /// Declares a data segment.
    ///
    /// # Errors
    /// As [`Module::declare_import`].
    pub fn declare_data(&mut self, data: DataDecl) -> Result<DataId, NameError> {
        let id = self.data.next_key();
        self.claim(&data.name, Named::Data(id))?;
        Ok(self.data.push(data))
    }

    /// Declares a global variable.
    ///
    /// # Errors
    /// As [`Module::declare_import`].
    pub fn declare_global(&mut self, global: GlobalDecl) -> Result<GlobalId, NameError> {
        let id = self.globals.next_key();
        self.claim(&global.name, Named::Global(id))?;
        Ok(self.globals.push(global))
    }

    /// Declares a table.
    ///
    /// # Errors
    /// As [`Module::declare_import`].
    pub fn declare_table(&mut self, table: TableDecl) -> Result<TableId, NameError> {
        let id = self.tables.next_key();
        self.claim(&table.name, Named::Table(id))?;
        Ok(self.tables.push(table))
    }

    /// Declares an object type.
    ///
    /// # Errors
    /// As [`Module::declare_import`].
    pub fn declare_object_type(&mut self, ty: ObjectTypeDecl) -> Result<ObjectTypeId, NameError> {
        let id = self.object_types.next_key();
        self.claim(&ty.name, Named::ObjectType(id))?;
        Ok(self.object_types.push(ty))
    }

    /// The object type with this name.
    pub fn object_type_named(&self, name: &str) -> Option<ObjectTypeId> {
        match self.named(name)? {
            Named::ObjectType(ty) => Some(ty),
            _ => None,
        }
    }

    /// Makes something reachable for the host under a name of any characters.
    ///
    /// # Errors
    /// If something is exported under that name already.
    pub fn export(&mut self, name: &str, export: Export) -> Result<(), NameError> {
        if self.exports.contains_key(name) {
            return Err(NameError::Duplicate(name.to_string()));
        }
        self.exports.insert(name.to_string(), export);
        Ok(())
    }

    /// The functions that the module defines, in order.
    pub fn bodies(&self) -> impl Iterator<Item = (FuncId, &Function)> {
        self.functions
            .iter()
            .filter_map(|(id, decl)| Some((id, decl.body()?)))
    }

    /// The ids of the functions that the module defines, in order.
    pub fn body_ids(&self) -> Vec<FuncId> {
        self.bodies().map(|(id, _)| id).collect()
    }

    /// How many functions are imported or defined.
    pub fn function_count(&self) -> usize {
        self.functions.next_key().index()
    }
}
