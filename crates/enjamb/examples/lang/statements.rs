//! Statements: they make blocks.

use crate::compile::Body;
use crate::lexer::{Checked, Token};
use crate::types::Type;
use enjamb::ir::{self, Block, Diagnostic, IntCond};

/// The tag of the exceptions that scripts throw. Their payload is a text.
pub const THROWN: i64 = 1;

impl Body<'_, '_, '_> {
    /// Statements in braces, with a scope of their own; whether control goes on behind them.
    pub fn block(&mut self) -> Checked<bool> {
        self.tokens.expect("{")?;
        let (outside, mut goes_on) = (self.variables.len(), true);
        while !self.tokens.accept("}") {
            if !goes_on {
                return Err(Diagnostic::at(self.tokens.span(), "this is never reached"));
            }
            goes_on = self.nested(Self::statement)?;
        }
        self.variables.truncate(outside);
        Ok(goes_on)
    }

    /// The same, and what goes on goes on in another block.
    fn block_to(&mut self, behind: Block) -> Checked<bool> {
        let goes_on = self.block()?;
        if goes_on {
            self.b.jump(behind, &[]);
        }
        Ok(goes_on)
    }

    fn statement(&mut self) -> Checked<bool> {
        let span = self.tokens.span();
        self.at(span);
        let keyword = self.tokens.accept_any("if while try let return throw");
        match keyword.map_or("", |(keyword, _)| keyword) {
            "if" => return self.if_else(),
            "while" => return self.while_loop(),
            "try" => return self.try_catch(),
            "let" => {
                let (name, _) = self.tokens.name("the name of a variable")?;
                self.tokens.expect("=")?;
                let (value, ty) = self.expr()?;
                self.declare(name, ty, value);
            }
            "return" => {
                let result = self.result.clone();
                let value = match self.tokens.peek() {
                    Token::Symbol(";") if result == Type::Int => self.int(0),
                    _ => self.typed(&result)?,
                };
                self.b.ret(&[value]);
            }
            "throw" => {
                let (text, tag) = (self.typed(&Type::Str)?, self.int(THROWN));
                self.at(span);
                match self.handlers.last() {
                    Some(&handler) => self.b.jump(handler, &[tag, text]),
                    None => self.b.throw(tag, text),
                }
            }
            _ => drop(self.expr()?),
        }
        self.tokens.expect(";")?;
        Ok(!self.b.is_filled())
    }

    fn if_else(&mut self) -> Checked<bool> {
        let condition = self.typed(&Type::Int)?;
        let [yes, no, behind] = [(); 3].map(|()| self.b.create_block());
        self.b.brif(condition, yes, &[], no, &[]);
        self.enter(yes);
        let then = self.block_to(behind)?;
        self.enter(no);
        let otherwise = match (self.tokens.accept("else"), self.tokens.peek()) {
            (false, _) => true,
            (true, Token::Symbol("if")) => self.nested(Self::statement)?,
            (true, _) => self.block()?,
        };
        if otherwise {
            self.b.jump(behind, &[]);
        }
        if then || otherwise {
            self.enter(behind);
        }
        Ok(then || otherwise)
    }

    fn while_loop(&mut self) -> Checked<bool> {
        let [head, inside, behind] = [(); 3].map(|()| self.b.create_block());
        self.b.jump(head, &[]);
        self.b.switch_to_block(head); // not sealed: the way back comes later
        let condition = self.typed(&Type::Int)?;
        self.b.brif(condition, inside, &[], behind, &[]);
        self.enter(inside);
        self.block_to(head)?;
        self.b.seal_block(head);
        self.enter(behind);
        Ok(true)
    }

    /// The handler takes what scripts throw. Anything else goes on to the next one.
    fn try_catch(&mut self) -> Checked<bool> {
        let [unwind, catch, pass, behind] = [(); 4].map(|()| self.b.create_block());
        let tag = self.b.append_block_param(unwind, ir::Type::I64);
        let payload = self.b.append_block_param(unwind, ir::Type::Ref);
        self.handlers.push(unwind);
        let tried = self.block_to(behind)?;
        self.handlers.pop();

        self.enter(unwind);
        let thrown = self.int(THROWN);
        let is_thrown = self.b.icmp(IntCond::Equal, tag, thrown);
        self.b.brif(is_thrown, catch, &[], pass, &[]);
        self.enter(pass);
        match self.handlers.last() {
            Some(&outer) => self.b.jump(outer, &[tag, payload]),
            None => self.b.rethrow(tag, payload),
        }
        self.enter(catch);
        self.tokens.expect("catch")?;
        let (name, _) = self.tokens.name("a name for what is caught")?;
        self.declare(name, Type::Str, payload);
        let caught = self.block_to(behind)?;
        self.variables.pop();
        if tried || caught {
            self.enter(behind);
        }
        Ok(tried || caught)
    }
}
