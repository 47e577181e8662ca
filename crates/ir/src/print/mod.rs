//! The printer: modules, functions and single instructions as text.
//!
//! What is printed parses back to an equal module. A function names other things of its module by
//! their names when the module is at hand and by their indices (`func3`) when it is not; only the
//! former is meant to be read back. Time and space are linear in the length of the text.

mod constant;
mod function;

pub use constant::DisplayNumber;
pub(crate) use constant::sign_extend;
pub use function::{DisplayFunction, DisplayInst, Note, display_inst};

use crate::entity::{Entity, FileId, FuncId, MemoryId};
use crate::function::Function;
use crate::module::{
    DataDecl, Export, FuelPolicy, FunctionDecl, FunctionKind, GlobalDecl, GlobalInit, MemoryDecl,
    Module, TableDecl,
};
use crate::object::{ObjectType, ObjectTypeDecl};
use constant::write_string;
use std::fmt::{self, Display, Formatter};

/// The name of something of a module, or its index where there is no module or no such thing.
pub(crate) struct NameOf<'a, E> {
    name: Option<&'a str>,
    entity: E,
}

impl<E: Display> Display for NameOf<'_, E> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.name {
            Some(name) => write!(f, "%{name}"),
            None => write!(f, "{}", self.entity),
        }
    }
}

/// Looks names up in the module, if there is one.
#[derive(Clone, Copy)]
pub(crate) struct Names<'a>(pub Option<&'a Module>);

macro_rules! name_lookups {
    ($($method:ident: $entity:ident in $map:ident;)*) => {
        impl<'a> Names<'a> {$(
            pub(crate) fn $method(self, entity: crate::entity::$entity) -> NameOf<'a, crate::entity::$entity> {
                let decl = self.0.and_then(|module| module.$map.get(entity));
                NameOf { name: decl.map(|decl| decl.name.as_str()), entity }
            }
        )*}
    };
}

name_lookups! {
    function: FuncId in functions;
    memory: MemoryId in memories;
    data: DataId in data;
    global: GlobalId in globals;
    table: TableId in tables;
    object_type: ObjectTypeId in object_types;
}

impl Module {
    /// A function with the names of this module, to be printed.
    pub fn display_function<'a>(&'a self, function: &'a Function) -> DisplayFunction<'a> {
        DisplayFunction::new(Some(self), function)
    }

    /// Whether anything stands before the first function with a body.
    fn has_header(&self) -> bool {
        let imports_first = self.functions.values().next();
        self.trusted
            || self.fuel.is_some()
            || !self.files.is_empty()
            || imports_first.is_some_and(|decl| decl.body().is_none())
            || !self.memories.is_empty()
            || !self.data.is_empty()
            || !self.globals.is_empty()
            || !self.object_types.is_empty()
            || !self.tables.is_empty()
            || !self.exports.is_empty()
    }

    fn write_declared_function(&self, f: &mut Formatter<'_>, decl: &FunctionDecl) -> fmt::Result {
        match &decl.kind {
            FunctionKind::Import {
                namespace,
                name,
                signature,
            } => {
                write!(f, "import %{} = ", decl.name)?;
                write_string(f, namespace.as_bytes())?;
                f.write_str(" ")?;
                write_string(f, name.as_bytes())?;
                writeln!(f, " {signature}")
            }
            FunctionKind::Body(function) => write!(f, "{}", self.display_function(function)),
        }
    }

    fn write_fuel(&self, f: &mut Formatter<'_>, policy: FuelPolicy) -> fmt::Result {
        match policy {
            FuelPolicy::Trap => writeln!(f, "fuel trap"),
            FuelPolicy::Suspend { pause, debt } => {
                write!(f, "fuel suspend {}", self.function_name(pause))?;
                match debt {
                    Some(most) => writeln!(f, " debt {most}"),
                    None => writeln!(f),
                }
            }
        }
    }

    fn write_file(f: &mut Formatter<'_>, file: FileId, name: &str) -> fmt::Result {
        write!(f, "{file} = ")?;
        write_string(f, name.as_bytes())?;
        writeln!(f)
    }

    fn write_data(&self, f: &mut Formatter<'_>, data: &DataDecl) -> fmt::Result {
        write!(f, "data %{} = ", data.name)?;
        if let Some((memory, offset)) = data.place {
            write!(f, "{}[{offset}] ", self.memory_name(memory))?;
        }
        write_string(f, &data.bytes)?;
        writeln!(f)
    }

    fn memory_name(&self, memory: MemoryId) -> NameOf<'_, MemoryId> {
        Names(Some(self)).memory(memory)
    }

    fn function_name(&self, function: FuncId) -> NameOf<'_, FuncId> {
        Names(Some(self)).function(function)
    }

    fn write_global(&self, f: &mut Formatter<'_>, global: &GlobalDecl) -> fmt::Result {
        let GlobalDecl { name, ty, init } = global;
        write!(f, "global %{name}: {ty} = ")?;
        match *init {
            GlobalInit::Number(bits) => writeln!(f, "{}", DisplayNumber { ty: *ty, bits }),
            GlobalInit::Vector(bits) => writeln!(f, "{bits:#034x}"),
            GlobalInit::Null => writeln!(f, "null"),
            GlobalInit::Function(function) => writeln!(f, "{}", self.function_name(function)),
        }
    }

    fn write_object_type(f: &mut Formatter<'_>, ty: &ObjectTypeDecl) -> fmt::Result {
        write!(f, "type %{} = ", ty.name)?;
        match &ty.shape {
            ObjectType::Array(element) => writeln!(f, "[{element}]"),
            ObjectType::Fields(fields) => {
                f.write_str("{")?;
                for (index, (_, field)) in fields.iter().enumerate() {
                    let separator = if index > 0 { ", " } else { " " };
                    write!(f, "{separator}{}: {}", field.name, field.ty)?;
                }
                writeln!(f, " }}")
            }
        }
    }

    fn write_table(&self, f: &mut Formatter<'_>, table: &TableDecl) -> fmt::Result {
        write!(f, "table %{} [", table.name)?;
        for (index, entry) in table.entries.iter().enumerate() {
            if index > 0 {
                f.write_str(", ")?;
            }
            match *entry {
                Some(function) => write!(f, "{}", self.function_name(function))?,
                None => f.write_str("null")?,
            }
        }
        writeln!(f, "]")
    }

    fn write_export(&self, f: &mut Formatter<'_>, name: &str, export: Export) -> fmt::Result {
        let names = Names(Some(self));
        f.write_str("export ")?;
        write_string(f, name.as_bytes())?;
        match export {
            Export::Function(id) => writeln!(f, " = {}", names.function(id)),
            Export::Memory(id) => writeln!(f, " = {}", names.memory(id)),
            Export::Global(id) => writeln!(f, " = {}", names.global(id)),
            Export::Table(id) => writeln!(f, " = {}", names.table(id)),
        }
    }
}

/// The whole module. The imports that come before every function with a body stand at the top,
/// others between the functions, so that reading numbers all of them the same.
impl Display for Module {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if self.trusted {
            writeln!(f, "module trusted")?;
        }
        if let Some(policy) = self.fuel {
            self.write_fuel(f, policy)?;
        }
        for (file, name) in self.files.iter() {
            Self::write_file(f, file, name)?;
        }
        let first_body = self.bodies().next().map(|(id, _)| id.index());
        let leading_imports = first_body.unwrap_or(self.functions.len());
        let mut functions = self.functions.values();
        for decl in functions.by_ref().take(leading_imports) {
            self.write_declared_function(f, decl)?;
        }
        for MemoryDecl {
            name,
            min_pages,
            max_pages,
        } in self.memories.values()
        {
            writeln!(f, "memory %{name} {min_pages}..{max_pages}")?;
        }
        for data in self.data.values() {
            self.write_data(f, data)?;
        }
        for global in self.globals.values() {
            self.write_global(f, global)?;
        }
        for ty in self.object_types.values() {
            Self::write_object_type(f, ty)?;
        }
        for table in self.tables.values() {
            self.write_table(f, table)?;
        }
        for (name, &export) in &self.exports {
            self.write_export(f, name, export)?;
        }
        for (index, decl) in functions.enumerate() {
            if index > 0 || self.has_header() {
                writeln!(f)?;
            }
            self.write_declared_function(f, decl)?;
        }
        Ok(())
    }
}
