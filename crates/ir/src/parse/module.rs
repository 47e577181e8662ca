//! The declarations of a module and the heads of its functions.

use super::cursor::{Cursor, Parsed, number_of};
use super::lexer::{Lexer, Token};
use super::{Errors, SourceMap};
use crate::diagnostic::{Diagnostic, Span};
use crate::entity::{DataId, Entity, FuncId, GlobalId, MemoryId, ObjectTypeId, TableId};
use crate::function::Stage;
use crate::module::{
    DataDecl, Export, FuelPolicy, GlobalDecl, GlobalInit, MemoryDecl, Module, NameError, Named,
    TableDecl,
};
use crate::object::{ObjectFields, ObjectType, ObjectTypeDecl};
use crate::types::Type;

/// The words that begin a declaration, besides `file0` and so on.
const DECLARATIONS: [&str; 10] = [
    "module", "fuel", "import", "memory", "data", "global", "type", "table", "export", "function",
];

/// What the first step finds.
pub(super) struct Declared<'t> {
    pub module: Module,
    pub source_map: SourceMap,
    /// The functions with a body, and that body from behind its first brace to its last one.
    pub bodies: Vec<(FuncId, Lexer<'t>)>,
}

/// A name that may be declared further down.
#[derive(Clone, Copy)]
struct Reference<'t> {
    name: &'t str,
    span: Span,
}

/// A place of the module that a name has to fill.
enum Pending {
    Init(GlobalId),
    Entry(TableId, usize),
    Segment(DataId, u64),
    Export(String, Span),
    /// What is called when there is no fuel left.
    Pause,
}

struct Declarations<'t, 'e> {
    cursor: Cursor<'t>,
    declared: Declared<'t>,
    pending: Vec<(Pending, Reference<'t>)>,
    /// The first name in the declaration being read, which is the one that it declares.
    first_name: Option<&'t str>,
    errors: &'e mut Errors,
}

/// Reads all declarations and the heads of all functions.
pub(super) fn declare<'t>(text: &'t str, errors: &mut Errors) -> Declared<'t> {
    let mut reader = Declarations {
        cursor: Cursor::new(Lexer::new(text)),
        declared: Declared {
            module: Module::new(),
            source_map: SourceMap::default(),
            bodies: Vec::new(),
        },
        pending: Vec::new(),
        first_name: None,
        errors,
    };
    reader.read_all();
    reader.fill_pending();
    reader.declared
}

/// The function, memory, … of a module that has this name.
pub(super) fn look_up<T>(
    module: &Module,
    name: &str,
    span: Span,
    what: &str,
    select: impl Fn(Named) -> Option<T>,
) -> Parsed<T> {
    let message = match module.named(name) {
        None => undeclared(name),
        Some(named) => match select(named) {
            Some(entity) => return Ok(entity),
            None => format!(
                "expected {what}, found `%{name}`, which is {}",
                kind_of(named)
            ),
        },
    };
    Err(Diagnostic::at(span, message))
}

fn undeclared(name: &str) -> String {
    format!("`%{name}` is not declared")
}

fn kind_of(named: Named) -> &'static str {
    match named {
        Named::Function(_) => "a function",
        Named::Memory(_) => "a memory",
        Named::Data(_) => "a data segment",
        Named::Global(_) => "a global",
        Named::Table(_) => "a table",
        Named::ObjectType(_) => "an object type",
    }
}

pub(super) fn as_function(named: Named) -> Option<FuncId> {
    match named {
        Named::Function(id) => Some(id),
        _ => None,
    }
}

pub(super) fn as_object_type(named: Named) -> Option<ObjectTypeId> {
    match named {
        Named::ObjectType(id) => Some(id),
        _ => None,
    }
}

pub(super) fn as_memory(named: Named) -> Option<MemoryId> {
    match named {
        Named::Memory(id) => Some(id),
        _ => None,
    }
}

impl<'t> Declarations<'t, '_> {
    fn read_all(&mut self) {
        self.cursor.skip_line_ends();
        let first = self.cursor.span;
        while self.cursor.token != Token::End && !self.errors.is_full() {
            let is_first = self.cursor.span == first;
            self.first_name = None;
            if let Err(error) = self.declaration(is_first) {
                self.errors.push(error);
                let follow_up = self.first_name.map(undeclared);
                self.errors.follow_ups.extend(follow_up);
                self.recover();
            }
            self.cursor.skip_line_ends();
        }
    }

    /// Goes on to the next line that begins a declaration.
    fn recover(&mut self) {
        loop {
            self.cursor.skip_line();
            match self.cursor.token {
                Token::End => return,
                Token::Word(word)
                    if DECLARATIONS.contains(&word) || number_of(word, "file").is_some() =>
                {
                    return;
                }
                _ => {}
            }
        }
    }

    fn declaration(&mut self, is_first: bool) -> Parsed<()> {
        let Token::Word(word) = self.cursor.token else {
            return self.cursor.expected("a declaration");
        };
        if self.cursor.peek_numbered("file").is_some() {
            return self.file();
        }
        let read = match word {
            "module" if is_first => Self::trusted,
            "module" => {
                self.declared.module.trusted = true;
                let message = "`module trusted` must be the first declaration";
                return Err(Diagnostic::at(self.cursor.span, message));
            }
            "fuel" => Self::fuel,
            "import" => Self::import,
            "memory" => Self::memory,
            "data" => Self::data,
            "global" => Self::global,
            "type" => Self::object_type,
            "table" => Self::table,
            "export" => Self::export,
            "function" => return self.function(),
            _ => return self.cursor.expected("a declaration"),
        };
        self.cursor.bump();
        read(self)?;
        self.cursor.expect_line_end()
    }

    fn trusted(&mut self) -> Parsed<()> {
        // Misspelt or misplaced, it is meant: then raw addresses are no errors as well.
        self.declared.module.trusted = true;
        self.cursor.expect_word("trusted")
    }

    fn file(&mut self) -> Parsed<()> {
        let span = self.cursor.span;
        let number = self.cursor.numbered("file", "a source file")?;
        let next = self.declared.module.files.next_key();
        if number != self.declared.module.files.len() {
            let message = format!("expected `{next}`, found `file{number}`");
            return Err(Diagnostic::at(span, message).note("files are numbered in order"));
        }
        self.cursor.expect('=')?;
        let name = self.cursor.string()?;
        self.cursor.expect_line_end()?;
        self.declared.module.files.push(name);
        Ok(())
    }

    /// The name that a declaration gives; the caller declares it with [`Self::declared`].
    fn new_name(&mut self) -> Parsed<Reference<'t>> {
        let span = self.cursor.span;
        let name = self.cursor.name("a name")?;
        self.first_name.get_or_insert(name);
        Ok(Reference { name, span })
    }

    /// Keeps where a name is declared, or says why it cannot be.
    fn declared<T>(&mut self, name: Reference<'t>, result: Result<T, NameError>) -> Parsed<T> {
        let entity = result.map_err(|error| {
            let first = self.declared.source_map.name(name.name);
            let error = Diagnostic::at(name.span, error.to_string());
            match first {
                Some(first) => error.note(format!("it is first declared on line {}", first.line)),
                None => error,
            }
        })?;
        self.declared.source_map.set_name(name.name, name.span);
        Ok(entity)
    }

    fn import(&mut self) -> Parsed<()> {
        let name = self.new_name()?;
        self.cursor.expect('=')?;
        let namespace = self.cursor.string()?;
        let field = self.cursor.string()?;
        let signature = self.cursor.signature()?;
        let module = &mut self.declared.module;
        let result = module.declare_import(name.name, &namespace, &field, signature);
        self.declared(name, result).map(drop)
    }

    /// `fuel trap`, `fuel suspend %pause`, `fuel suspend %pause debt 1000`.
    fn fuel(&mut self) -> Parsed<()> {
        self.declared.source_map.set_fuel(self.cursor.span);
        if self.declared.module.fuel.is_some() {
            let message = "`fuel` is declared twice";
            return Err(Diagnostic::at(self.cursor.span, message));
        }
        let policy = if self.cursor.eat_word("trap") {
            FuelPolicy::Trap
        } else if self.cursor.eat_word("suspend") {
            let pause = self.new_name()?;
            self.first_name = None;
            self.pending.push((Pending::Pause, pause));
            let debt = match self.cursor.eat_word("debt") {
                true => Some(self.cursor.unsigned("an amount of fuel")?),
                false => None,
            };
            // The name is known when everything has been read.
            let pause = FuncId::from_index(0);
            FuelPolicy::Suspend { pause, debt }
        } else {
            return self.cursor.expected("`trap` or `suspend`");
        };
        self.declared.module.fuel = Some(policy);
        Ok(())
    }

    fn memory(&mut self) -> Parsed<()> {
        let name = self.new_name()?;
        let min_pages = self.cursor.unsigned("the least number of pages")?;
        if !self.cursor.eat_token(Token::Dots) {
            return self.cursor.expected("`..`");
        }
        let max_pages = self.cursor.unsigned("the greatest number of pages")?;
        let result = self.declared.module.declare_memory(MemoryDecl {
            name: name.name.to_string(),
            min_pages,
            max_pages,
        });
        self.declared(name, result).map(drop)
    }

    fn data(&mut self) -> Parsed<()> {
        let name = self.new_name()?;
        self.cursor.expect('=')?;
        let mut place = None;
        if matches!(self.cursor.token, Token::Name(_)) {
            let memory = self.new_name()?;
            self.cursor.expect('[')?;
            let offset = self.cursor.unsigned("an offset")?;
            self.cursor.expect(']')?;
            place = Some((memory, offset));
        }
        let bytes = self.cursor.bytes()?.into_owned();
        let result = self.declared.module.declare_data(DataDecl {
            name: name.name.to_string(),
            bytes,
            place: None,
        });
        let id = self.declared(name, result)?;
        if let Some((memory, offset)) = place {
            self.pending.push((Pending::Segment(id, offset), memory));
        }
        Ok(())
    }

    fn global(&mut self) -> Parsed<()> {
        let name = self.new_name()?;
        self.cursor.expect(':')?;
        let ty = self.cursor.ty()?;
        self.cursor.expect('=')?;
        let mut function = None;
        let init = match self.cursor.token {
            Token::Name(_) => {
                function = Some(self.new_name()?);
                GlobalInit::Null
            }
            Token::Word("null") => {
                self.cursor.bump();
                GlobalInit::Null
            }
            _ if ty == Type::V128 => GlobalInit::Vector(self.cursor.vector()?),
            _ => match self.cursor.number(ty)? {
                Some(bits) => GlobalInit::Number(bits),
                None => return self.cursor.expected("`null` or a function"),
            },
        };
        let result = self.declared.module.declare_global(GlobalDecl {
            name: name.name.to_string(),
            ty,
            init,
        });
        let id = self.declared(name, result)?;
        self.pending
            .extend(function.map(|function| (Pending::Init(id), function)));
        Ok(())
    }

    /// `type %list = { value: i64, next: ref }`, `type %bytes = [i8]`.
    fn object_type(&mut self) -> Parsed<()> {
        let name = self.new_name()?;
        self.cursor.expect('=')?;
        let shape = if self.cursor.eat('[') {
            let element = self.cursor.ty()?;
            self.cursor.expect(']')?;
            ObjectType::Array(element)
        } else {
            if !self.cursor.eat('{') {
                return self.cursor.expected("`{` or `[`");
            }
            ObjectType::Fields(self.object_fields()?)
        };
        let name_text = name.name.to_string();
        let result = self.declared.module.declare_object_type(ObjectTypeDecl {
            name: name_text,
            shape,
        });
        self.declared(name, result).map(drop)
    }

    fn object_fields(&mut self) -> Parsed<ObjectFields> {
        let mut fields = ObjectFields::new();
        self.cursor.list('}', |cursor| {
            let span = cursor.span;
            let Token::Word(name) = cursor.token else {
                return cursor.expected("the name of a field");
            };
            cursor.bump();
            cursor.expect(':')?;
            let ty = cursor.ty()?;
            let message = match fields.declare(name, ty) {
                Ok(_) => return Ok(()),
                Err(NameError::Duplicate(_)) => format!("the type has two fields `{name}`"),
                Err(NameError::Malformed(_)) => {
                    format!("`{name}` is no name of a field: letters, digits, `_` and `$` make one")
                }
            };
            Err(Diagnostic::at(span, message))
        })?;
        Ok(fields)
    }

    fn table(&mut self) -> Parsed<()> {
        let name = self.new_name()?;
        self.cursor.expect('[')?;
        let mut entries = Vec::new();
        self.cursor.list(']', |cursor| {
            let span = cursor.span;
            entries.push(match cursor.eat_word("null") {
                true => None,
                false => Some(Reference {
                    name: cursor.name("`null` or a function")?,
                    span,
                }),
            });
            Ok(())
        })?;
        let result = self.declared.module.declare_table(TableDecl {
            name: name.name.to_string(),
            entries: vec![None; entries.len()],
        });
        let id = self.declared(name, result)?;
        for (index, entry) in entries.into_iter().enumerate() {
            self.pending
                .extend(entry.map(|function| (Pending::Entry(id, index), function)));
        }
        Ok(())
    }

    fn export(&mut self) -> Parsed<()> {
        let span = self.cursor.span;
        let name = self.cursor.string()?;
        self.cursor.expect('=')?;
        let exported = self.new_name()?;
        self.first_name = None;
        self.declared.source_map.set_export(&name, span);
        self.pending.push((Pending::Export(name, span), exported));
        Ok(())
    }

    fn function(&mut self) -> Parsed<()> {
        self.cursor.bump();
        let name = self.new_name()?;
        let signature = self.cursor.signature()?;
        let lowered = self.cursor.eat_word("lowered");
        if self.cursor.token != Token::Punctuation('{') {
            return self.cursor.expected(Token::Punctuation('{'));
        }
        let open = self.cursor.lexer_behind_next();
        let result = self.declared.module.declare_function(name.name, signature);
        let id = self.declared(name, result)?;
        if lowered && let Some(body) = self.declared.module.functions[id].body_mut() {
            body.stage = Stage::Lowered;
        }
        match self.cursor.skip_body(open, &DECLARATIONS) {
            Some(body) => {
                self.declared.bodies.push((id, body));
                self.cursor.expect_line_end()
            }
            None => {
                let message = format!("the body of `%{}` is not closed", name.name);
                self.errors.push(Diagnostic::at(name.span, message));
                Ok(())
            }
        }
    }

    fn fill_pending(&mut self) {
        for (place, reference) in std::mem::take(&mut self.pending) {
            if let Err(error) = fill(&mut self.declared.module, place, reference) {
                self.errors.push(error);
            }
        }
    }
}

fn fill(module: &mut Module, place: Pending, Reference { name, span }: Reference) -> Parsed<()> {
    match place {
        Pending::Init(global) => {
            let function = look_up(module, name, span, "a function", as_function)?;
            module.globals[global].init = GlobalInit::Function(function);
        }
        Pending::Entry(table, index) => {
            let function = look_up(module, name, span, "a function", as_function)?;
            module.tables[table].entries[index] = Some(function);
        }
        Pending::Segment(data, offset) => {
            let memory = look_up(module, name, span, "a memory", as_memory)?;
            module.data[data].place = Some((memory, offset));
        }
        Pending::Pause => {
            let function = look_up(module, name, span, "a function", as_function)?;
            if let Some(FuelPolicy::Suspend { pause, .. }) = &mut module.fuel {
                *pause = function;
            }
        }
        Pending::Export(exported, at) => {
            let what = "a function, memory, global or table";
            let export = look_up(module, name, span, what, |named| match named {
                Named::Function(id) => Some(Export::Function(id)),
                Named::Memory(id) => Some(Export::Memory(id)),
                Named::Global(id) => Some(Export::Global(id)),
                Named::Table(id) => Some(Export::Table(id)),
                Named::Data(_) | Named::ObjectType(_) => None,
            })?;
            let result = module.export(&exported, export);
            result.map_err(|_| Diagnostic::at(at, format!("`{exported}` is exported twice")))?;
        }
    }
    Ok(())
}
