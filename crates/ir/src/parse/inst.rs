//! An instruction: results, mnemonic and source position. Operands are read in
//! [`super::operands`], types found in [`super::types`].

use super::body::Body;
use super::cursor::Parsed;
use super::lexer::{Shortened, Token};
use crate::diagnostic::{Diagnostic, Span};
use crate::entity::{Block, Inst};
use crate::function::ValueDef;
use crate::opcode::{Opcode, OpcodeInfo};
use crate::shape::Shape;
use crate::types::Type;
use crate::typing;

/// What stands behind the point of a mnemonic.
#[derive(Clone, Copy, Default)]
pub(super) struct Suffix {
    pub ty: Option<Type>,
    pub shape: Option<Shape>,
}

impl Body<'_, '_> {
    /// `v1, v2 = call %f(v0) roots [root0] @ file0:3:14`.
    pub(super) fn instruction(&mut self) -> Parsed<()> {
        let start = self.cursor.span;
        let Some(block) = self.block else {
            let message = "an instruction stands before the first block";
            return Err(Diagnostic::at(start, message));
        };
        self.read_results()?;
        let mnemonic = self.cursor.span;
        let (row, suffix) = self.mnemonic()?;
        self.args.clear();
        self.targets.clear();
        let payload = self.operands(row, suffix)?;
        self.live_roots()?;
        let position = self.cursor.position(self.module.files.len())?;
        let span = start.to(self.cursor.previous);
        self.cursor.expect_line_end()?;

        let (module, function) = (self.module, &self.function);
        let gives = typing::result_types(module, function, row.opcode, Type::I64, payload)
            .map_or(0, Iterator::count);
        if gives != self.results.len() {
            return Err(wrong_results(start, row.opcode, gives, self.results.len()));
        }
        let control = self.control(row, suffix.ty, payload, mnemonic)?;
        let (args, targets) = (&self.args, &self.targets);
        let inst = self
            .function
            .make_inst(row.opcode, Type::I64, payload, args, targets);
        self.function.set_results(inst, &self.results);
        self.function.set_live_roots(inst, &self.roots);
        self.finish_inst(block, inst, span);
        if position.is_some() {
            self.function.positions[inst] = position;
        }
        self.type_or_wait(inst, control);
        Ok(())
    }

    fn finish_inst(&mut self, block: Block, inst: Inst, span: Span) {
        self.function.append_inst(block, inst);
        self.spans.insts[inst] = Some(span);
    }

    /// The values to the left of `=`, into `self.results`.
    fn read_results(&mut self) -> Parsed<()> {
        self.results.clear();
        if self.cursor.peek_numbered("v").is_none() {
            return Ok(());
        }
        let inst = self.function.insts.next_key();
        loop {
            let position = self.results.len() as u32;
            let value = self.new_value(ValueDef::Result(inst, position))?;
            self.results.push(value);
            if !self.cursor.eat(',') {
                return self.cursor.expect('=');
            }
        }
    }

    /// The row of a mnemonic and its suffix, which is there if the row says so.
    fn mnemonic(&mut self) -> Parsed<(&'static OpcodeInfo, Suffix)> {
        let span = self.cursor.span;
        let Token::Word(word) = self.cursor.token else {
            return self.cursor.expected("an instruction");
        };
        let (name, suffix) = match word.split_once('.') {
            Some((name, suffix)) => (name, Some(suffix)),
            None => (word, None),
        };
        let Ok(opcode) = name.parse::<Opcode>() else {
            let message = format!("there is no instruction `{}`", Shortened(name));
            return Err(Diagnostic::at(span, message));
        };
        let row = opcode.info();
        let wanted = match (row.shapes, row.has_type_suffix()) {
            (Some(_), _) => Some("a shape"),
            (None, true) => Some("a type"),
            (None, false) => None,
        };
        let suffix = match (wanted, suffix) {
            (None, None) => Suffix::default(),
            (Some(wanted), Some(text)) => {
                let (ty, shape) = match row.shapes {
                    Some(_) => (None, text.parse().ok()),
                    None => (text.parse().ok(), None),
                };
                if ty.is_none() && shape.is_none() {
                    let message = format!("expected {wanted}, found `{}`", Shortened(text));
                    return Err(Diagnostic::at(span, message));
                }
                Suffix { ty, shape }
            }
            (Some(_), None) => {
                let message = match row.shapes {
                    Some(_) => format!("`{name}` needs a shape, as in `{name}.i32x4`"),
                    None => format!("`{name}` needs the type of its result, as in `{name}.i64`"),
                };
                return Err(Diagnostic::at(span, message));
            }
            (None, Some(_)) => {
                let message = format!("`{name}` takes no type, its operands say enough");
                return Err(Diagnostic::at(span, message));
            }
        };
        self.cursor.bump();
        Ok((row, suffix))
    }
}

fn wrong_results(span: Span, opcode: Opcode, gives: usize, found: usize) -> Diagnostic {
    let results = if gives == 1 { "result" } else { "results" };
    let message = format!("`{opcode}` gives {gives} {results} here, but {found} stand on the left");
    Diagnostic::at(span, message)
}
