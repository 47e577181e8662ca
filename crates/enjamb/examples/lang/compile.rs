//! From tokens to a module, in two passes: the first declares all functions, so that they can call one
//! another; the second writes their bodies. Every function of a script is an async one.

use crate::lexer::{Checked, Token, Tokens};
use crate::types::{Type, prelude};
use enjamb::ir::{
    self, Block, BuildError, Diagnostic, FileId, FuncId, FunctionBuilder, Module, ModuleBuilder,
    Signature, SourcePos, Span, Value, Variable,
};
use std::collections::HashMap;

/// A function that can be called by name.
pub struct Callee {
    pub id: FuncId,
    pub params: Vec<Type>,
    pub result: Type,
}

/// How deep a script may be nested, so that this compiler does not run out of stack.
const MAX_DEPTH: usize = 60;

/// Compiles a script: the module, and the texts that it asks the host for by their numbers.
pub fn compile(file_name: &str, text: &str) -> Checked<(Module, Vec<String>)> {
    let (tokens, mut texts) = (&mut Tokens::of(text)?, Vec::new());
    let mut module = ModuleBuilder::from(prelude());
    let file = module.file(file_name);
    let mut callees = builtins(module.module());
    while *tokens.peek() != Token::End {
        let head = Head::read(tokens)?;
        let bad_name = |error: BuildError| Diagnostic::at(head.span, error.to_string());
        let params: Vec<_> = head.params.iter().map(|(_, ty)| ty.ir()).collect();
        let signature = Signature::asynchronous(&params, &[head.result.ir()]);
        let id = module.declare_function(&head.name, signature).map_err(bad_name)?;
        let params = head.params.into_iter().map(|(_, ty)| ty).collect();
        callees.insert(head.name, Callee { id, params, result: head.result });
        while !matches!(tokens.peek(), Token::End | Token::Symbol("fn")) {
            tokens.advance();
        }
    }
    tokens.next = 0;
    while *tokens.peek() != Token::End {
        let head = Head::read(tokens)?;
        // What the builder refuses is a mistake of this compiler.
        let bug = |error: BuildError| Diagnostic::at(head.span, error.to_string());
        let b = module.define(callees[&head.name].id).map_err(bug)?;
        let (variables, handlers, result) = (Vec::new(), Vec::new(), head.result.clone());
        let (callees, texts, depth) = (&callees, &mut texts, 0);
        let body = Body { b, tokens, callees, texts, file, variables, handlers, result, depth };
        body.write(&head)?.finish().map_err(bug)?;
    }
    let bug = |error: BuildError| Diagnostic::general(error.to_string());
    Ok((module.finish().map_err(bug)?, texts))
}

/// The functions of the prelude that scripts can call.
fn builtins(prelude: &Module) -> HashMap<String, Callee> {
    let public = prelude.functions.iter().filter(|(_, function)| !function.name.contains('.'));
    let ty = |ty: &ir::Type| {
        if *ty == ir::Type::I64 { Type::Int } else { Type::Str }
    };
    let callees = public.map(|(id, function)| {
        let params = function.signature().params.iter().map(ty).collect();
        (function.name.clone(), Callee { id, params, result: Type::Int })
    });
    callees.collect()
}

/// What stands before the body of a function.
struct Head {
    name: String,
    span: Span,
    params: Vec<(String, Type)>,
    result: Type,
}

impl Head {
    fn read(tokens: &mut Tokens<'_>) -> Checked<Head> {
        tokens.expect("fn")?;
        let (name, span) = tokens.name("the name of a function")?;
        tokens.expect("(")?;
        let mut params = Vec::new();
        while !tokens.accept(")") {
            if !params.is_empty() {
                tokens.expect(",")?;
            }
            let (name, _) = tokens.name("the name of a parameter")?;
            tokens.expect(":")?;
            params.push((name, Type::read(tokens, MAX_DEPTH)?));
        }
        let has_result = tokens.accept("->");
        let result = if has_result { Type::read(tokens, MAX_DEPTH)? } else { Type::Int };
        Ok(Head { name, span, params, result })
    }
}

/// Writes the body of one function: `statements.rs` and `expressions.rs`.
pub struct Body<'a, 't, 'm> {
    pub b: FunctionBuilder<'m>,
    pub tokens: &'a mut Tokens<'t>,
    pub callees: &'a HashMap<String, Callee>,
    pub texts: &'a mut Vec<String>,
    file: FileId,
    /// The variables that can be seen; a later one hides an earlier one.
    pub variables: Vec<(String, Variable, Type)>,
    /// The handlers around the current place, the innermost last: blocks that take tag and payload.
    pub handlers: Vec<Block>,
    pub result: Type,
    depth: usize,
}

impl<'m> Body<'_, '_, 'm> {
    fn write(mut self, head: &Head) -> Checked<FunctionBuilder<'m>> {
        for (index, (name, ty)) in head.params.iter().enumerate() {
            let value = self.b.param(index);
            self.declare(name.clone(), ty.clone(), value);
        }
        if self.block()? {
            if head.result != Type::Int {
                let message = format!("its end is reached without a {}", head.result);
                return Err(Diagnostic::at(head.span, message));
            }
            let zero = self.int(0);
            self.b.ret(&[zero]);
        }
        Ok(self.b)
    }

    /// Instructions that follow belong to this place of the script.
    pub fn at(&mut self, span: Span) {
        let (file, line, column) = (self.file, span.line, span.column);
        self.b.set_position(Some(SourcePos { file, line, column }));
    }

    pub fn int(&mut self, number: i64) -> Value {
        self.b.iconst(ir::Type::I64, number)
    }

    pub fn declare(&mut self, name: String, ty: Type, value: Value) {
        let variable = self.b.declare_named_variable(&name, ty.ir());
        self.b.def_var(variable, value);
        self.variables.push((name, variable, ty));
    }

    /// Reads something that may contain itself.
    pub fn nested<T>(&mut self, read: impl FnOnce(&mut Self) -> Checked<T>) -> Checked<T> {
        if self.depth == MAX_DEPTH {
            return Err(Diagnostic::at(self.tokens.span(), "this is nested too deeply"));
        }
        self.depth += 1;
        let result = read(self);
        self.depth -= 1;
        result
    }

    /// Goes on in a block that every branch leads to already.
    pub fn enter(&mut self, block: Block) {
        self.b.switch_to_block(block);
        self.b.seal_block(block);
    }
}
