//! The types of the language, and the module that every script is added to.

use crate::lexer::{Checked, Tokens};
use enjamb::ir::{self, Diagnostic};
use std::fmt;

/// A type. There are no others: a condition is an `Int`, and what gives nothing gives 0.
#[derive(Clone, Debug, PartialEq)]
pub enum Type {
    Int,
    Str,
    List(Box<Type>),
    Task(Box<Type>),
}

/// The types of objects: their names and the types of their elements.
const ARRAYS: [(&str, &str); 4] =
    [("lang.text", "i8"), ("lang.ints", "i64"), ("lang.refs", "ref"), ("lang.tasks", "task")];

impl Type {
    /// Reads the type that is next, as `[task int]`.
    pub fn read(tokens: &mut Tokens<'_>, depth: usize) -> Checked<Type> {
        if depth == 0 {
            return Err(Diagnostic::at(tokens.span(), "this is nested too deeply"));
        }
        if tokens.accept("[") {
            let element = Type::read(tokens, depth - 1)?;
            tokens.expect("]")?;
            return Ok(Type::List(Box::new(element)));
        }
        let (name, span) = tokens.name("a type")?;
        match name.as_str() {
            "int" => Ok(Type::Int),
            "str" => Ok(Type::Str),
            "task" => Ok(Type::Task(Box::new(Type::read(tokens, depth - 1)?))),
            _ => Err(Diagnostic::at(span, format!("there is no type `{name}`"))),
        }
    }

    /// The type of the IR whose values stand for those of this one.
    pub fn ir(&self) -> ir::Type {
        match self {
            Type::Int => ir::Type::I64,
            Type::Str | Type::List(_) => ir::Type::Ref,
            Type::Task(_) => ir::Type::Task,
        }
    }

    /// The name of the type of objects that texts or lists of this type are.
    pub fn array(&self) -> Option<&'static str> {
        let index = match self {
            Type::Str => 0,
            Type::List(element) if **element == Type::Int => 1,
            Type::List(element) if element.ir() == ir::Type::Ref => 2,
            Type::List(_) => 3,
            Type::Int | Type::Task(_) => return None,
        };
        Some(ARRAYS[index].0)
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Type::Int => f.write_str("int"),
            Type::Str => f.write_str("str"),
            Type::List(element) => write!(f, "[{element}]"),
            Type::Task(result) => write!(f, "task {result}"),
        }
    }
}

/// What is written in the text format, because that is shorter there: imports, types of objects, helpers.
pub fn prelude() -> ir::Module {
    let mut text = include_str!("prelude/functions.enj").to_string();
    for (name, element) in ARRAYS {
        let array = include_str!("prelude/array.enj");
        text += &array.replace("lang.text", name).replace("i8", element);
    }
    ir::parse_module(&text).expect("the prelude is well-formed")
}
