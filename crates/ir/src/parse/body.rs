//! The body of a function: its declarations and blocks. Instructions are read in [`super::inst`].

use super::cursor::{Cursor, Parsed};
use super::lexer::{Lexer, Token};
use super::source_map::FunctionSpans;
use super::types::Typing;
use super::{Errors, Numbers};
use crate::diagnostic::{Diagnostic, Span};
use crate::entity::{
    Block, Entity, FieldId, LayoutId, PointId, PrimaryMap, RootId, SigId, StackSlot, Value,
};
use crate::function::{Function, RootSlot, SlotData, Target, ValueDef};
use crate::hash::KeyedHashMap;
use crate::module::Module;
use crate::suspension::{FieldDecl, FieldType, LayoutDecl, PointDecl, SavedField, SavedSource};
use crate::types::Type;

/// The reader of one body.
pub(super) struct Body<'t, 'm> {
    pub text: &'t str,
    pub cursor: Cursor<'t>,
    pub module: &'m Module,
    pub function: Function,
    pub spans: FunctionSpans,
    pub typing: Typing,
    /// The fields of every layout by name.
    pub fields: Vec<KeyedHashMap<&'t str, FieldId>>,
    /// The block that instructions go to.
    pub block: Option<Block>,
    /// Results, operands, targets and live root slots of the instruction being read.
    pub results: Vec<Value>,
    pub args: Vec<Value>,
    pub targets: Vec<Target>,
    pub roots: Vec<RootId>,
    numbers: &'m mut Numbers,
}

/// Reads the body that begins at `start` into a function without blocks.
pub(super) fn parse<'t>(
    text: &'t str,
    start: Lexer<'t>,
    head: Function,
    module: &Module,
    errors: &mut Errors,
    numbers: &mut Numbers,
) -> (Function, FunctionSpans) {
    let mut body = Body {
        text,
        cursor: Cursor::new(start),
        module,
        function: head,
        spans: FunctionSpans::default(),
        typing: Typing::default(),
        fields: Vec::new(),
        block: None,
        results: Vec::new(),
        args: Vec::new(),
        targets: Vec::new(),
        roots: Vec::new(),
        numbers,
    };
    let before = errors.found;
    body.cursor.skip_line_ends();
    let close = Token::Punctuation('}');
    while body.cursor.token != close && body.cursor.token != Token::End && !errors.is_full() {
        if let Err(error) = body.line() {
            errors.push(error);
            body.cursor.skip_line();
        }
        body.cursor.skip_line_ends();
    }
    // What a malformed line would have defined is not reported as missing.
    if errors.found == before {
        body.finish(errors);
    }
    (body.function, body.spans)
}

impl<'t> Body<'t, '_> {
    fn line(&mut self) -> Parsed<()> {
        let Token::Word(word) = self.cursor.token else {
            return self.cursor.expected("a block or an instruction");
        };
        // The first letters decide; a mnemonic never ends in the digits that a number has.
        match word.trim_end_matches(|c: char| c.is_ascii_digit()) {
            "block" => self.block_head(),
            "ss" => self.declaration("ss", Self::slot),
            "root" => self.declaration("root", Self::root),
            "sig" => self.declaration("sig", Self::signature),
            "layout" => self.declaration("layout", Self::layout),
            "point" => self.declaration("point", Self::point),
            _ => self.instruction(),
        }
    }

    /// A declaration `PREFIX0 = …`; `read` gets the number and returns how many there are so far.
    fn declaration(
        &mut self,
        prefix: &str,
        read: fn(&mut Self, Declared) -> Parsed<()>,
    ) -> Parsed<()> {
        let span = self.cursor.span;
        let number = self.cursor.numbered(prefix, "a declaration")?;
        if self.block.is_some() {
            let message = format!("`{prefix}{number}` must be declared before the first block");
            return Err(Diagnostic::at(span, message));
        }
        self.spans.set_declaration(prefix, number, span);
        self.cursor.expect('=')?;
        read(self, Declared { number, span })?;
        self.cursor.expect_line_end()
    }

    fn slot(&mut self, declared: Declared) -> Parsed<()> {
        declared.must_be_next(&self.function.slots)?;
        self.cursor.expect_word("slot")?;
        let (size, align) = self.size_and_alignment()?;
        self.function.slots.push(SlotData { size, align });
        Ok(())
    }

    fn size_and_alignment(&mut self) -> Parsed<(u32, u32)> {
        let size = self.cursor.unsigned("a size in bytes")?;
        self.cursor.expect_word("align")?;
        Ok((size, self.cursor.unsigned("an alignment in bytes")?))
    }

    fn root(&mut self, declared: Declared) -> Parsed<()> {
        declared.must_be_next(&self.function.roots)?;
        self.cursor.expect_word("root")?;
        self.function.roots.push(RootSlot);
        Ok(())
    }

    fn signature(&mut self, declared: Declared) -> Parsed<()> {
        declared.must_be_next(&self.function.signatures)?;
        let signature = self.cursor.signature()?;
        self.function.signatures.push(signature);
        Ok(())
    }

    /// `layout0 = size 48 { v5: i64 @ 24, ss0: bytes 16 align 8 @ 32 }`.
    fn layout(&mut self, declared: Declared) -> Parsed<()> {
        declared.must_be_next(&self.function.layouts)?;
        self.cursor.expect_word("size")?;
        let size = self.cursor.unsigned("a size in bytes")?;
        self.cursor.expect('{')?;
        let mut fields = PrimaryMap::new();
        let mut by_name = KeyedHashMap::default();
        self.cursor.list('}', |cursor| {
            let span = cursor.span;
            let Token::Word(name) = cursor.token else {
                return cursor.expected("the name of a field");
            };
            cursor.bump();
            if by_name.insert(name, fields.next_key()).is_some() {
                let message = format!("the layout has two fields `{name}`");
                return Err(Diagnostic::at(span, message));
            }
            cursor.expect(':')?;
            let ty = match cursor.eat_word("bytes") {
                false => FieldType::Value(cursor.keyword("a type or `bytes`")?),
                true => {
                    let size = cursor.unsigned("a size in bytes")?;
                    cursor.expect_word("align")?;
                    let align = cursor.unsigned("an alignment in bytes")?;
                    FieldType::Bytes { size, align }
                }
            };
            cursor.expect('@')?;
            let offset = cursor.unsigned("an offset in bytes")?;
            fields.push(FieldDecl {
                name: name.to_string(),
                ty,
                offset,
            });
            Ok(())
        })?;
        self.fields.push(by_name);
        self.function.layouts.push(LayoutDecl { fields, size });
        Ok(())
    }

    /// `point0 = layout0 (i64, f64) saves [v5 = v5, ss0 = ss0] unwind point1 @ file0:3:4`. The
    /// exceptional entry may be declared further down; the verifier asks for it.
    fn point(&mut self, declared: Declared) -> Parsed<()> {
        declared.must_be_next(&self.function.points)?;
        let layout: LayoutId = self.entity("layout", "a layout", self.function.layouts.len())?;
        let results = self.cursor.types()?;
        self.cursor.expect_word("saves")?;
        self.cursor.expect('[')?;
        let mut saved = Vec::new();
        let fields = &self.fields[layout.index()];
        self.cursor.list(']', |cursor| {
            let span = cursor.span;
            let Token::Word(name) = cursor.token else {
                return cursor.expected("the name of a field");
            };
            let Some(&field) = fields.get(name) else {
                let message = format!("`{layout}` has no field `{name}`");
                return Err(Diagnostic::at(span, message));
            };
            cursor.bump();
            cursor.expect('=')?;
            let source = match cursor.peek_numbered("ss") {
                Some(slot) => {
                    cursor.bump();
                    SavedSource::Slot(StackSlot::from_index(slot?))
                }
                None => {
                    let value = cursor.numbered("v", "a value or a stack slot")?;
                    SavedSource::Value(Value::from_index(value))
                }
            };
            saved.push(SavedField { field, source });
            Ok(())
        })?;
        let unwind = match self.cursor.eat_word("unwind") {
            true => Some(self.cursor.numbered("point", "a suspension point")?),
            false => None,
        };
        let position = self.cursor.position(self.module.files.len())?;
        self.function.points.push(PointDecl {
            layout,
            results,
            saved,
            unwind: unwind.map(PointId::from_index),
            position,
        });
        Ok(())
    }

    /// A name with the number of something that has to be declared already.
    pub(super) fn entity<E: Entity>(
        &mut self,
        prefix: &str,
        what: &str,
        count: usize,
    ) -> Parsed<E> {
        let span = self.cursor.span;
        let number = self.cursor.numbered(prefix, what)?;
        if number >= count {
            let message = format!("`{prefix}{number}` is not declared");
            return Err(Diagnostic::at(span, message));
        }
        Ok(E::from_index(number))
    }

    /// `sig0` of this function.
    pub(super) fn declared_signature(&mut self) -> Parsed<SigId> {
        self.entity("sig", "a signature", self.function.signatures.len())
    }

    /// `block1(v3: i64, v4: f64) cold:`.
    fn block_head(&mut self) -> Parsed<()> {
        let span = self.cursor.span;
        let number = self.cursor.numbered("block", "a block")?;
        let count = self.function.blocks.len();
        self.numbers
            .reserve(number, count)
            .map_err(|message| Diagnostic::at(span, message))?;
        while self.function.blocks.len() <= number {
            self.function.create_block();
        }
        let block = Block::from_index(number);
        self.block = Some(block);
        if let Some(first) = self.spans.blocks[block] {
            let message = format!("`{block}` is defined twice");
            return Err(Diagnostic::at(span, message)
                .note(format!("it is first defined on line {}", first.line)));
        }
        self.spans.blocks[block] = Some(span);
        self.function.order.push(block);
        if self.cursor.eat('(') {
            self.params(block)?;
        }
        self.function.blocks[block].cold = self.cursor.eat_word("cold");
        self.cursor.expect(':')?;
        self.spans.blocks[block] = Some(span.to(self.cursor.previous));
        self.cursor.expect_line_end()
    }

    fn params(&mut self, block: Block) -> Parsed<()> {
        let mut params = std::mem::take(&mut self.results);
        params.clear();
        // The list's closure needs the whole reader, so the loop stands here.
        self.cursor.skip_line_ends();
        while !self.cursor.eat(')') {
            if !params.is_empty() {
                if !self.cursor.eat(',') {
                    return self.cursor.expected("`,` or `)`");
                }
                self.cursor.skip_line_ends();
            }
            let value = self.new_value(ValueDef::Param(block, params.len() as u32))?;
            self.cursor.expect(':')?;
            let ty = self.cursor.ty()?;
            self.set_type(value, ty);
            params.push(value);
            self.cursor.skip_line_ends();
        }
        self.function.set_params(block, &params);
        self.results = params;
        Ok(())
    }

    /// Reads the name of a value that is defined here.
    pub(super) fn new_value(&mut self, def: ValueDef) -> Parsed<Value> {
        let span = self.cursor.span;
        let number = self.cursor.numbered("v", "a value")?;
        let count = self.function.values.len();
        self.numbers
            .reserve(number, count)
            .map_err(|message| Diagnostic::at(span, message))?;
        self.function.reserve_values(number + 1);
        let value = Value::from_index(number);
        let first = self.function.values[value].def;
        if first != ValueDef::Unused {
            let error = Diagnostic::at(span, format!("`{value}` is defined twice"));
            return Err(match self.definition_span(first) {
                Some(first) => error.note(format!("it is first defined on line {}", first.line)),
                None => error,
            });
        }
        self.function.values[value].def = def;
        Ok(value)
    }

    fn definition_span(&self, def: ValueDef) -> Option<Span> {
        match def {
            ValueDef::Param(block, _) => self.spans.blocks[block],
            ValueDef::Result(inst, _) => self.spans.insts[inst],
            ValueDef::Unused => None,
        }
    }

    pub(super) fn set_type(&mut self, value: Value, ty: Type) {
        self.function.values[value].ty = ty;
        self.typing.set_known(value);
    }
}

/// The number that a declaration claims.
#[derive(Clone, Copy)]
struct Declared {
    number: usize,
    span: Span,
}

impl Declared {
    /// Declarations of a kind are numbered without gaps, in the order of the text.
    fn must_be_next<E: Entity, T>(self, map: &PrimaryMap<E, T>) -> Parsed<()> {
        let next = map.next_key();
        let found = E::from_index(self.number);
        if found == next {
            return Ok(());
        }
        let message = format!("expected `{next}`, found `{found}`");
        Err(Diagnostic::at(self.span, message).note("declarations of a kind are numbered in order"))
    }
}
