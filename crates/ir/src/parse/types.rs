//! The types of values: those of results follow from the controlling type of their instruction.
//!
//! That is written on the instruction or is the type of one of its operands, which may be defined
//! further down, since blocks stand in any order. An instruction whose operand has no type yet
//! waits for it; at the end of the function a type that becomes known wakes those that wait for it.
//! Every instruction waits at most once, so this is linear. What is still waiting then depends on
//! itself or on a value that nothing defines.

use super::Errors;
use super::body::Body;
use super::cursor::Parsed;
use super::lexer::{Lexer, Token};
use crate::diagnostic::{Diagnostic, Span};
use crate::entity::{Inst, SecondaryMap, Value};
use crate::function::ValueDef;
use crate::hash::FxHashMap;
use crate::opcode::{OpcodeInfo, TypeRule};
use crate::operand::Payload;
use crate::types::Type;
use crate::typing;

/// Which types are known, and which instructions wait for one.
#[derive(Default)]
pub(super) struct Typing {
    known: SecondaryMap<Value, bool>,
    /// In the order of the text.
    waiting: Vec<(Value, Inst)>,
    /// The result types of one instruction.
    types: Vec<Type>,
}

impl Typing {
    pub(super) fn set_known(&mut self, value: Value) {
        self.known[value] = true;
    }
}

/// Where the controlling type of an instruction comes from.
#[derive(Clone, Copy)]
pub(super) enum Control {
    /// It is known.
    Known(Type),
    /// It is the type of this value.
    Of(Value),
}

impl Body<'_, '_> {
    /// Where the controlling type of the instruction being read comes from.
    pub(super) fn control(
        &self,
        row: &OpcodeInfo,
        suffix: Option<Type>,
        payload: Payload,
        mnemonic: Span,
    ) -> Parsed<Control> {
        if let Some(ty) = suffix {
            return Ok(Control::Known(ty));
        }
        let Some(rule) = row.operands.iter().position(|&rule| rule == TypeRule::T) else {
            return Ok(Control::Known(Type::I64));
        };
        // An access of a stack slot at a constant has no address operand.
        let absent = match payload {
            Payload::Access(..) => row.operands.len() - self.args.len(),
            _ => 0,
        };
        match self.args.get(rule - absent) {
            Some(&value) => Ok(Control::Of(value)),
            None => {
                let message = format!("`{}` lacks the operand that says its type", row.name);
                Err(Diagnostic::at(mnemonic, message))
            }
        }
    }

    /// Gives the results of an instruction their types, at once or when the operand has one.
    pub(super) fn type_or_wait(&mut self, inst: Inst, control: Control) {
        match control {
            Control::Known(ty) => self.set_result_types(inst, ty),
            Control::Of(value) if self.typing.known[value] => {
                self.set_result_types(inst, self.function.value_type(value));
            }
            Control::Of(value) => self.typing.waiting.push((value, inst)),
        }
    }

    fn set_result_types(&mut self, inst: Inst, ty: Type) {
        let function = &mut self.function;
        function.insts[inst].ty = ty;
        let data = function.insts[inst];
        self.typing.types.clear();
        let types = typing::result_types(self.module, function, data.opcode, ty, data.payload);
        self.typing.types.extend(types.into_iter().flatten());
        for (index, &ty) in self.typing.types.iter().enumerate() {
            let value = function.results(inst)[index];
            function.values[value].ty = ty;
            self.typing.known[value] = true;
        }
    }

    /// Once the body is read: reports uses of what nothing defines, then finds the types that
    /// are missing.
    pub(super) fn finish(&mut self, errors: &mut Errors) {
        let before = errors.found;
        self.report_undefined(errors);
        if errors.found == before {
            self.resolve_waiting(errors);
        }
    }

    fn resolve_waiting(&mut self, errors: &mut Errors) {
        let waiting = std::mem::take(&mut self.typing.waiting);
        let mut waiters: FxHashMap<Value, Vec<Inst>> = FxHashMap::default();
        let mut ready = Vec::new();
        for &(value, inst) in &waiting {
            match self.typing.known[value] {
                true => ready.push((value, inst)),
                false => waiters.entry(value).or_default().push(inst),
            }
        }
        while let Some((value, inst)) = ready.pop() {
            self.set_result_types(inst, self.function.value_type(value));
            for &result in self.function.results(inst) {
                let woken = waiters.remove(&result).unwrap_or_default();
                ready.extend(woken.into_iter().map(|inst| (result, inst)));
            }
        }
        for (value, inst) in waiting {
            if let Some(span) = self.spans.insts[inst]
                && !self.typing.known[value]
            {
                let message = format!("the type of `{value}` depends on itself");
                errors.push(Diagnostic::at(self.use_span(inst, span, value), message));
            }
        }
    }

    fn report_undefined(&self, errors: &mut Errors) {
        let function = &self.function;
        for inst in function.insts.keys() {
            let span = self.spans.insts[inst].unwrap_or_default();
            function.for_each_use(inst, |value| {
                let def = function.values.get(value).map(|data| data.def);
                if def.is_none_or(|def| def == ValueDef::Unused) && !errors.is_full() {
                    let message = format!("`{value}` is not defined");
                    errors.push(Diagnostic::at(self.use_span(inst, span, value), message));
                }
            });
            for target in function.targets(inst) {
                let block = target.block;
                let defined = self.spans.blocks[block].is_some();
                if !defined && !errors.is_full() {
                    let message = format!("`{block}` is not defined");
                    errors.push(Diagnostic::at(self.use_span(inst, span, block), message));
                }
            }
        }
    }

    /// Where an instruction's text names an entity as an operand: only errors ask, so it is read
    /// once more instead of kept.
    fn use_span(&self, inst: Inst, span: Span, entity: impl std::fmt::Display) -> Span {
        let name = entity.to_string();
        let mut lexer = Lexer::at(self.text, span).until(span.end as usize);
        let mut in_operands = self.function.results(inst).is_empty();
        loop {
            match lexer.next() {
                (Token::End, _) => return span,
                (Token::Punctuation('='), _) => in_operands = true,
                (Token::Word(word), at) if in_operands && word == name => return at,
                _ => {}
            }
        }
    }
}
