//! Builders: the way to make modules and functions from code.
//!
//! A [`ModuleBuilder`] declares what a module has and finishes into a verified [`Module`]. A
//! [`FunctionBuilder`] writes the body of one function, instruction by instruction. Local variables
//! of the source language are [`Variable`]s that are defined and used like in any other language;
//! the builder turns them into values and block parameters.
//!
//! Nothing panics: the first mistake in a function is kept and comes out of
//! [`FunctionBuilder::finish`], and the calls after it do nothing, so that code that builds needs
//! no check between its lines.
//!
//! The sum of the numbers below `n`:
//!
//! ```
//! use enjamb_ir::build::ModuleBuilder;
//! use enjamb_ir::{Export, IntCond, Signature, Type};
//!
//! let mut module = ModuleBuilder::new();
//! let sum = module.declare_function("sum", Signature::sync(&[Type::I64], &[Type::I64]))?;
//! module.export("sum", Export::Function(sum))?;
//!
//! let mut b = module.define(sum)?;
//! let n = b.param(0);
//! let (header, body, exit) = (b.create_block(), b.create_block(), b.create_block());
//! let (i, total) = (b.declare_variable(Type::I64), b.declare_variable(Type::I64));
//! let zero = b.iconst(Type::I64, 0);
//! b.def_var(i, zero);
//! b.def_var(total, zero);
//! b.jump(header, &[]);
//!
//! b.switch_to_block(header);
//! let at = b.use_var(i);
//! let below = b.icmp(IntCond::UnsignedLess, at, n);
//! b.brif(below, body, &[], exit, &[]);
//!
//! b.switch_to_block(body);
//! let (at, before) = (b.use_var(i), b.use_var(total));
//! let (next, one) = (b.iadd(before, at), b.iconst(Type::I64, 1));
//! let after = b.iadd(at, one);
//! b.def_var(total, next);
//! b.def_var(i, after);
//! b.jump(header, &[]);
//! b.seal_all_blocks(); // every branch is there
//!
//! b.switch_to_block(exit);
//! let result = b.use_var(total);
//! b.ret(&[result]);
//! b.finish()?;
//!
//! let module = module.finish()?;
//! let text = module.functions[sum].body().unwrap().to_string();
//! assert_eq!(text, "\
//! function %sum(i64) -> i64 {
//! block0(v0: i64):
//!     v1 = iconst.i64 0
//!     jump block1(v1, v1)
//! block1(v2: i64, v3: i64):
//!     v4 = icmp ult v2, v0
//!     brif v4, block2, block3
//! block2:
//!     v5 = iadd v3, v2
//!     v6 = iconst.i64 1
//!     v7 = iadd v2, v6
//!     jump block1(v7, v5)
//! block3:
//!     return v3
//! }
//! ");
//! # Ok::<(), enjamb_ir::build::BuildError>(())
//! ```

mod error;
mod finish;
mod function;
mod instructions;
mod phis;
mod variables;

pub use error::BuildError;
pub use function::FunctionBuilder;
pub use variables::Variable;

use crate::entity::{DataId, FileId, FuncId, GlobalId, MemoryId, ObjectTypeId, TableId};
use crate::function::Stage;
use crate::module::{
    DataDecl, Export, FuelPolicy, GlobalDecl, GlobalInit, MemoryDecl, Module, TableDecl,
};
use crate::object::{ObjectFields, ObjectType, ObjectTypeDecl};
use crate::types::{Signature, Type};
use crate::verify::verify_module;

/// Builds a module, from nothing or [from another one](ModuleBuilder::from).
#[derive(Debug, Default)]
pub struct ModuleBuilder {
    module: Module,
}

/// Adds to a module what is declared from now on: so a front end can write what all its programs share as
/// text. [`ModuleBuilder::finish`] verifies all of it.
///
/// ```
/// use enjamb_ir::{ModuleBuilder, Signature, Type, parse_module};
///
/// let prelude = parse_module("import %random = \"host\" \"random\" () -> i64")?;
/// let mut module = ModuleBuilder::from(prelude);
/// let twice = module.declare_function("twice", Signature::sync(&[], &[Type::I64]))?;
/// let mut b = module.define(twice)?;
/// let random = b.module().function_named("random").expect("it is in the prelude");
/// let (first, second) = (b.call(random, &[])[0], b.call(random, &[])[0]);
/// let sum = b.iadd(first, second);
/// b.ret(&[sum]);
/// b.finish()?;
/// assert_eq!(module.finish()?.functions.len(), 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
impl From<Module> for ModuleBuilder {
    fn from(module: Module) -> Self {
        ModuleBuilder { module }
    }
}

impl ModuleBuilder {
    /// A builder of an empty module.
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes the module a trusted one, which may use raw addresses.
    pub fn trust(&mut self) {
        self.module.trusted = true;
    }

    /// Lets instances of the module run on fuel.
    pub fn set_fuel(&mut self, policy: FuelPolicy) {
        self.module.fuel = Some(policy);
    }

    /// The module as far as it is built.
    pub fn module(&self) -> &Module {
        &self.module
    }

    /// Names a source file for positions.
    pub fn file(&mut self, name: &str) -> FileId {
        self.module.files.push(name.to_string())
    }

    /// Declares a function that the host or another instance provides as `field` of `namespace`.
    ///
    /// # Errors
    /// If `name` is malformed or declared already; so for all `declare` methods.
    pub fn declare_import(
        &mut self,
        name: &str,
        namespace: &str,
        field: &str,
        signature: Signature,
    ) -> Result<FuncId, BuildError> {
        Ok(self
            .module
            .declare_import(name, namespace, field, signature)?)
    }

    /// Declares a function of the module; [`ModuleBuilder::define`] gives it a body.
    ///
    /// # Errors
    /// As [`ModuleBuilder::declare_import`].
    pub fn declare_function(
        &mut self,
        name: &str,
        signature: Signature,
    ) -> Result<FuncId, BuildError> {
        Ok(self.module.declare_function(name, signature)?)
    }

    /// Declares a linear memory of at least and at most so many pages of 64 KiB.
    ///
    /// # Errors
    /// As [`ModuleBuilder::declare_import`].
    pub fn declare_memory(
        &mut self,
        name: &str,
        min_pages: u64,
        max_pages: u64,
    ) -> Result<MemoryId, BuildError> {
        let name = name.to_string();
        Ok(self.module.declare_memory(MemoryDecl {
            name,
            min_pages,
            max_pages,
        })?)
    }

    /// Declares a data segment. With a place it is copied there when the module is instantiated.
    ///
    /// # Errors
    /// As [`ModuleBuilder::declare_import`].
    pub fn declare_data(
        &mut self,
        name: &str,
        bytes: &[u8],
        place: Option<(MemoryId, u64)>,
    ) -> Result<DataId, BuildError> {
        Ok(self.module.declare_data(DataDecl {
            name: name.to_string(),
            bytes: bytes.to_vec(),
            place,
        })?)
    }

    /// Declares a global variable.
    ///
    /// # Errors
    /// As [`ModuleBuilder::declare_import`].
    pub fn declare_global(
        &mut self,
        name: &str,
        ty: Type,
        init: GlobalInit,
    ) -> Result<GlobalId, BuildError> {
        let name = name.to_string();
        Ok(self.module.declare_global(GlobalDecl { name, ty, init })?)
    }

    /// Declares a type of objects with these fields.
    ///
    /// # Errors
    /// As [`ModuleBuilder::declare_import`], and if two fields have the same name or one has none.
    pub fn declare_object(
        &mut self,
        name: &str,
        fields: &[(&str, Type)],
    ) -> Result<ObjectTypeId, BuildError> {
        let shape = ObjectType::Fields(ObjectFields::of(fields)?);
        let name = name.to_string();
        Ok(self
            .module
            .declare_object_type(ObjectTypeDecl { name, shape })?)
    }

    /// Declares a type of arrays.
    ///
    /// # Errors
    /// As [`ModuleBuilder::declare_import`].
    pub fn declare_array(&mut self, name: &str, element: Type) -> Result<ObjectTypeId, BuildError> {
        let shape = ObjectType::Array(element);
        let name = name.to_string();
        Ok(self
            .module
            .declare_object_type(ObjectTypeDecl { name, shape })?)
    }

    /// Declares a table of function references; `None` is null.
    ///
    /// # Errors
    /// As [`ModuleBuilder::declare_import`].
    pub fn declare_table(
        &mut self,
        name: &str,
        entries: &[Option<FuncId>],
    ) -> Result<TableId, BuildError> {
        Ok(self.module.declare_table(TableDecl {
            name: name.to_string(),
            entries: entries.to_vec(),
        })?)
    }

    /// Makes something reachable for the host under a name of any characters.
    ///
    /// # Errors
    /// If something is exported under that name already.
    pub fn export(&mut self, name: &str, export: Export) -> Result<(), BuildError> {
        Ok(self.module.export(name, export)?)
    }

    /// Starts the body of a declared function, in its entry block.
    ///
    /// # Errors
    /// If the function is not declared, imported, or has a body.
    pub fn define(&mut self, function: FuncId) -> Result<FunctionBuilder<'_>, BuildError> {
        FunctionBuilder::new(self, function, Stage::Source)
    }

    /// Starts the body of a declared function in the form that the async transform gives it.
    ///
    /// # Errors
    /// As [`ModuleBuilder::define`].
    pub fn define_lowered(&mut self, function: FuncId) -> Result<FunctionBuilder<'_>, BuildError> {
        FunctionBuilder::new(self, function, Stage::Lowered)
    }

    /// Verifies the module and gives it out.
    ///
    /// # Errors
    /// Every rule of the verifier that it breaks; a function without a body breaks one.
    pub fn finish(self) -> Result<Module, BuildError> {
        verify_module(&self.module)?;
        Ok(self.module)
    }
}
