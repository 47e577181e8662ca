//! Expressions: they make values, of types that are known.

use crate::compile::{Body, Callee};
use crate::lexer::{Checked, Token};
use crate::types::Type;
use enjamb::ir::{self, Block, Diagnostic, IntCond, ObjectTypeId, Signature, Span, Value};

type Typed = (Value, Type);

/// Operators with two operands, those that bind loosest first.
const LEVELS: [&str; 5] = ["||", "&&", "== != < <= > >=", "+ -", "* / %"];

fn wrong<T>(span: Span, message: impl Into<String>) -> Checked<T> {
    Err(Diagnostic::at(span, message))
}

impl<'a> Body<'a, '_, '_> {
    pub fn expr(&mut self) -> Checked<Typed> {
        self.level(0)
    }

    /// An expression that has to be of a type.
    pub fn typed(&mut self, expected: &Type) -> Checked<Value> {
        self.operand(0, expected)
    }

    fn operand(&mut self, level: usize, expected: &Type) -> Checked<Value> {
        let span = self.tokens.span();
        let (value, found) = self.level(level)?;
        if found != *expected {
            return wrong(span, format!("this is of type {found}, not {expected}"));
        }
        Ok(value)
    }

    /// Operands with operators of a level, or of tighter ones, between them.
    fn level(&mut self, level: usize) -> Checked<Typed> {
        let Some(operators) = LEVELS.get(level) else {
            return self.nested(Self::unary);
        };
        let mut left = self.level(level + 1)?;
        while let Some((operator, span)) = self.tokens.accept_any(operators) {
            left = match (operator, &left.1) {
                ("&&" | "||", Type::Int) => self.short_circuit(operator, left.0, level + 1)?,
                ("+", Type::Str) => self.append(left.0, level + 1, span)?,
                _ => self.binary(operator, left, level + 1, span)?,
            };
        }
        Ok(left)
    }

    /// The right side counts only if the left one does not decide.
    fn short_circuit(&mut self, operator: &str, left: Value, level: usize) -> Checked<Typed> {
        let [more, done] = [(); 2].map(|()| self.b.create_block());
        let result = self.b.append_block_param(done, ir::Type::I64);
        let decided = self.int(i64::from(operator == "||"));
        match operator {
            "&&" => self.b.brif(left, more, &[], done, &[decided]),
            _ => self.b.brif(left, done, &[decided], more, &[]),
        }
        self.enter(more);
        let (right, zero) = (self.operand(level, &Type::Int)?, self.int(0));
        let right = self.compare(IntCond::NotEqual, right, zero);
        self.b.jump(done, &[right]);
        self.enter(done);
        Ok((result, Type::Int))
    }

    /// 1 or 0, in 64 bits.
    fn compare(&mut self, condition: IntCond, left: Value, right: Value) -> Value {
        let holds = self.b.icmp(condition, left, right);
        self.b.uextend(ir::Type::I64, holds)
    }

    /// A text, and behind it another one, or an int.
    fn append(&mut self, left: Value, level: usize, span: Span) -> Checked<Typed> {
        let (value, ty) = self.level(level)?;
        self.at(span);
        let right = match ty {
            Type::Str => value,
            Type::Int => self.helper("lang.show", &[value]),
            _ => return wrong(span, format!("no text stands for a {ty}")),
        };
        Ok((self.helper("lang.text.concat", &[left, right]), Type::Str))
    }

    fn binary(&mut self, operator: &str, left: Typed, level: usize, span: Span) -> Checked<Typed> {
        let (mut left, ty) = left;
        let mut right = self.operand(level, &ty)?;
        self.at(span);
        match (operator, &ty) {
            (_, Type::Int) => {}
            ("==" | "!=", Type::Str) => {
                (left, right) = (self.helper("lang.same", &[left, right]), self.int(1));
            }
            ("+", Type::List(_)) => {
                let (_, name) = self.array(&ty, span)?;
                return Ok((self.helper(&format!("{name}.concat"), &[left, right]), ty));
            }
            _ => return wrong(span, format!("there is no `{operator}` for {ty}")),
        }
        let value = match operator {
            "+" => self.b.iadd(left, right),
            "-" => self.b.isub(left, right),
            "*" => self.b.imul(left, right),
            "/" => self.b.sdiv(left, right),
            "%" => self.b.srem(left, right),
            "==" => self.compare(IntCond::Equal, left, right),
            "!=" => self.compare(IntCond::NotEqual, left, right),
            "<" => self.compare(IntCond::SignedLess, left, right),
            "<=" => self.compare(IntCond::SignedLessEqual, left, right),
            ">" => self.compare(IntCond::SignedGreater, left, right),
            _ => self.compare(IntCond::SignedGreaterEqual, left, right),
        };
        Ok((value, Type::Int))
    }

    fn unary(&mut self) -> Checked<Typed> {
        match self.tokens.accept_any("- ! spawn join") {
            Some(("spawn", _)) => {
                let (name, span) = self.tokens.name("the name of a function")?;
                self.tokens.expect("(")?;
                let (callee, args) = self.callee(&name, span)?;
                let result = Box::new(callee.result.clone());
                Ok((self.b.spawn(callee.id, &args), Type::Task(result)))
            }
            Some(("join", span)) => self.join(span),
            Some((operator, _)) => {
                let (value, zero) = (self.operand(LEVELS.len(), &Type::Int)?, self.int(0));
                let value = match operator {
                    "-" => self.b.isub(zero, value),
                    _ => self.compare(IntCond::Equal, value, zero),
                };
                Ok((value, Type::Int))
            }
            None => self.postfix(),
        }
    }

    /// Elements of elements, of which the last one may be assigned to.
    fn postfix(&mut self) -> Checked<Typed> {
        let (mut value, mut ty) = self.primary()?;
        while let Some((_, span)) = self.tokens.accept_any("[") {
            let (array, _) = self.array(&ty, span)?;
            let index = self.typed(&Type::Int)?;
            self.tokens.expect("]")?;
            if let Type::List(element) = &ty
                && self.tokens.accept("=")
            {
                let new = self.typed(element)?;
                self.at(span);
                self.b.set_element(array, value, index, new);
                return Ok((new, *element.clone()));
            }
            self.at(span);
            value = self.b.get_element(array, value, index);
            ty = if let Type::List(element) = ty { *element } else { Type::Int };
            if self.b.value_type(value) == Some(ir::Type::I8) {
                value = self.b.uextend(ir::Type::I64, value); // a byte of a text
            }
        }
        Ok((value, ty))
    }

    fn primary(&mut self) -> Checked<Typed> {
        let expected = self.tokens.expected("an expression");
        let (token, span) = self.tokens.advance();
        match token {
            Token::Int(number) => Ok((self.int(number), Type::Int)),
            Token::Text(text) => {
                self.texts.push(text); // the host makes an object of it
                let index = self.int(self.texts.len() as i64 - 1);
                Ok((self.helper("lang.literal", &[index]), Type::Str))
            }
            Token::Name(name) if self.tokens.accept("(") => self.call(&name, span),
            Token::Name(name) => {
                let mut variables = self.variables.iter().rev();
                let found = variables.find(|(found, ..)| *found == name).cloned();
                let Some((_, variable, ty)) = found else {
                    return wrong(span, format!("there is no variable `{name}`"));
                };
                if self.tokens.accept("=") {
                    let value = self.typed(&ty)?;
                    self.b.def_var(variable, value);
                }
                Ok((self.b.use_var(variable), ty))
            }
            Token::Symbol("(") => {
                let value = self.expr()?;
                self.tokens.expect(")")?;
                Ok(value)
            }
            Token::Symbol("[") => self.list(span),
            _ => Err(expected),
        }
    }

    /// `[a, b, c]`, or `[a; n]` for so many of one.
    fn list(&mut self, span: Span) -> Checked<Typed> {
        let (first, element) = self.expr()?;
        let ty = Type::List(Box::new(element.clone()));
        let (array, name) = self.array(&ty, span)?;
        let mut values = vec![first];
        if self.tokens.accept(";") {
            let length = self.typed(&Type::Int)?;
            self.tokens.expect("]")?;
            self.at(span);
            return Ok((self.helper(&format!("{name}.fill"), &[length, first]), ty));
        }
        while !self.tokens.accept("]") {
            self.tokens.expect(",")?;
            values.push(self.typed(&element)?);
        }
        self.at(span);
        let length = self.int(values.len() as i64);
        let list = self.b.new_array(array, length);
        for (index, value) in (0..).zip(values) {
            let index = self.int(index);
            self.b.set_element(array, list, index, value);
        }
        Ok((list, ty))
    }

    /// The type of objects that texts or lists of a type are, and its name.
    fn array(&self, ty: &Type, span: Span) -> Checked<(ObjectTypeId, &'static str)> {
        let Some(name) = ty.array() else {
            return wrong(span, format!("this is of type {ty}, no text or list"));
        };
        let array = self.b.module().object_type_named(name);
        Ok((array.expect("it is in the prelude"), name))
    }

    /// Calls a helper of the prelude, which does not throw.
    fn helper(&mut self, name: &str, args: &[Value]) -> Value {
        let function = self.b.module().function_named(name);
        self.b.call(function.expect("it is in the prelude"), args)[0]
    }

    /// A function, and the arguments that stand in the parentheses behind its name.
    fn callee(&mut self, name: &str, span: Span) -> Checked<(&'a Callee, Vec<Value>)> {
        let callees = self.callees;
        let Some(callee) = callees.get(name) else {
            return wrong(span, format!("there is no function `{name}`"));
        };
        let mut args = Vec::new();
        for (index, ty) in callee.params.iter().enumerate() {
            if index > 0 {
                self.tokens.expect(",")?;
            }
            args.push(self.typed(ty)?);
        }
        self.tokens.expect(")")?;
        self.at(span);
        Ok((callee, args))
    }

    fn call(&mut self, name: &str, span: Span) -> Checked<Typed> {
        if name == "len" && !self.callees.contains_key(name) {
            let (value, ty) = self.expr()?;
            self.tokens.expect(")")?;
            let (array, _) = self.array(&ty, span)?;
            self.at(span);
            return Ok((self.b.array_length(array, value), Type::Int));
        }
        let (callee, args) = self.callee(name, span)?;
        let (id, ty) = (callee.id, callee.result.clone());
        let Some((next, handler, result)) = self.ways_on(&ty) else {
            return Ok((self.b.call(id, &args)[0], ty));
        };
        self.b.try_call(id, &args, (next, &[]), (handler, &[]));
        self.enter(next);
        Ok((result, ty))
    }

    /// Where what may throw goes on within `try`: a new block, the handler, and the result in the former.
    fn ways_on(&mut self, ty: &Type) -> Option<(Block, Block, Value)> {
        let handler = *self.handlers.last()?;
        let next = self.b.create_block();
        Some((next, handler, self.b.append_block_param(next, ty.ir())))
    }

    fn join(&mut self, span: Span) -> Checked<Typed> {
        let (task, Type::Task(ty)) = self.level(LEVELS.len())? else {
            return wrong(span, "what is joined is no task");
        };
        self.at(span);
        let signature = self.b.create_signature(Signature::sync(&[], &[ty.ir()]));
        let Some((next, handler, result)) = self.ways_on(&ty) else {
            return Ok((self.b.join(signature, task)[0], *ty));
        };
        self.b.try_join(signature, task, (next, &[]), (handler, &[]));
        self.enter(next);
        Ok((result, *ty))
    }
}
