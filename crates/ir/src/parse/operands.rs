//! The operands of an instruction: one method per shape of the instruction table.

use super::body::Body;
use super::cursor::{Parsed, number_of};
use super::inst::Suffix;
use super::lexer::Token;
use super::module::{as_function, as_memory, as_object_type, look_up};
use crate::diagnostic::Diagnostic;
use crate::entity::{
    Block, DataId, Entity, FieldId, FuncId, GlobalId, LayoutId, MemoryId, ObjectTypeId, PointId,
    RootId, StackSlot, TableId, Value,
};
use crate::module::Named;
use crate::opcode::{OpcodeInfo, OperandKind};
use crate::operand::{FloatCond, IntCond, Payload, Place};
use crate::shape::Shape;
use crate::types::Type;

impl<'t> Body<'t, '_> {
    /// Reads what stands behind a mnemonic: values into `self.args`, targets into `self.targets`.
    pub(super) fn operands(&mut self, row: &OpcodeInfo, suffix: Suffix) -> Parsed<Payload> {
        let ty = suffix.ty.unwrap_or(Type::I64);
        let shape = suffix.shape.unwrap_or(Shape::I8x16);
        let payload = match row.kind {
            OperandKind::Values => return self.values(Payload::None),
            OperandKind::Lanes => return self.values(Payload::Shape(shape)),
            OperandKind::Lane => return self.lane(shape),
            OperandKind::Shuffle => return self.shuffle(),
            OperandKind::IntCond => {
                let condition = self.int_cond()?;
                return self.values(Payload::IntCond(condition));
            }
            OperandKind::FloatCond => {
                let condition = self.float_cond()?;
                return self.values(Payload::FloatCond(condition));
            }
            OperandKind::LanesIntCond => {
                let condition = self.int_cond()?;
                return self.values(Payload::LanesIntCond(shape, condition));
            }
            OperandKind::LanesFloatCond => {
                let condition = self.float_cond()?;
                return self.values(Payload::LanesFloatCond(shape, condition));
            }
            OperandKind::Access => return self.access(row),
            OperandKind::Call => return self.call(),
            OperandKind::CallIndirect => return self.call_indirect(),
            OperandKind::TryCall => {
                let payload = self.call()?;
                return self.unwinding_targets(payload);
            }
            OperandKind::TryCallIndirect => {
                let payload = self.call_indirect()?;
                return self.unwinding_targets(payload);
            }
            OperandKind::TryJoin => {
                let signature = self.declared_signature()?;
                self.cursor.expect(',')?;
                self.push_value()?;
                return self.unwinding_targets(Payload::Signature(signature));
            }
            OperandKind::Jump => {
                self.target()?;
                return Ok(Payload::None);
            }
            OperandKind::Branch => return self.branch(),
            OperandKind::BranchTable => return self.branch_table(),
            OperandKind::Integer => self.integer_constant(ty)?,
            OperandKind::Float => self.float_constant(ty)?,
            OperandKind::Vector => Payload::Vector(self.cursor.vector()?.to_le_bytes()),
            OperandKind::Function => Payload::Function(self.function_name()?),
            OperandKind::Slot => self.slot_and_offset()?,
            OperandKind::Memory => Payload::Memory(self.memory_name()?),
            OperandKind::MemoryPair => {
                let to = self.memory_name()?;
                self.cursor.expect(',')?;
                Payload::MemoryPair(to, self.memory_name()?)
            }
            OperandKind::MemoryData => {
                let memory = self.memory_name()?;
                self.cursor.expect(',')?;
                Payload::MemoryData(memory, self.data_name()?)
            }
            OperandKind::Global => Payload::Global(self.global_name()?),
            OperandKind::Table => Payload::Table(self.table_name()?),
            OperandKind::Join => Payload::Signature(self.declared_signature()?),
            OperandKind::ObjectType => Payload::ObjectType(self.object_type_name()?),
            OperandKind::ObjectField => self.object_field()?,
            OperandKind::Root => Payload::Root(self.root_name()?),
            OperandKind::Trap => Payload::Trap(self.cursor.keyword("the reason of a trap")?),
            OperandKind::Layout => {
                let count = self.function.layouts.len();
                Payload::Layout(self.entity("layout", "a layout", count)?)
            }
            OperandKind::Field => {
                let (layout, field) = self.field()?;
                Payload::Field(layout, field)
            }
            OperandKind::SlotField => {
                let (layout, field) = self.field()?;
                self.cursor.expect(',')?;
                Payload::SlotField(layout, field, self.slot_name()?)
            }
            OperandKind::Point => {
                let count = self.function.points.len();
                Payload::Point(self.entity("point", "a suspension point", count)?)
            }
            OperandKind::PointResult => self.point_result()?,
        };
        self.further_values()?;
        Ok(payload)
    }

    fn value(&mut self) -> Parsed<Value> {
        self.cursor.numbered("v", "a value").map(Value::from_index)
    }

    fn push_value(&mut self) -> Parsed<()> {
        let value = self.value()?;
        self.args.push(value);
        Ok(())
    }

    /// `v0, v1`, or nothing.
    fn values(&mut self, payload: Payload) -> Parsed<Payload> {
        let at_end = Token::Punctuation('@');
        if !matches!(self.cursor.token, Token::LineEnd | Token::End) && self.cursor.token != at_end
        {
            self.push_value()?;
            self.further_values()?;
        }
        Ok(payload)
    }

    /// `, v0, v1`, or nothing.
    fn further_values(&mut self) -> Parsed<()> {
        while self.cursor.eat(',') {
            self.push_value()?;
        }
        Ok(())
    }

    /// `(v0, v1)`: the arguments of a call.
    fn arguments(&mut self) -> Parsed<()> {
        self.cursor.expect('(')?;
        let args = &mut self.args;
        self.cursor.list(')', |cursor| {
            let value = cursor.numbered("v", "a value")?;
            args.push(Value::from_index(value));
            Ok(())
        })
    }

    fn int_cond(&mut self) -> Parsed<IntCond> {
        self.cursor.keyword("a condition, as `eq` or `slt`")
    }

    fn float_cond(&mut self) -> Parsed<FloatCond> {
        self.cursor.keyword("a condition, as `eq` or `lt`")
    }

    /// `v0, v1, 3`.
    fn lane(&mut self, shape: Shape) -> Parsed<Payload> {
        self.push_value()?;
        loop {
            self.cursor.expect(',')?;
            if self.cursor.peek_numbered("v").is_none() {
                let lane = self.cursor.unsigned("the number of a lane")?;
                return Ok(Payload::Lane(shape, lane));
            }
            self.push_value()?;
        }
    }

    /// `v0, v1, [0, 16, 1, …]`.
    fn shuffle(&mut self) -> Parsed<Payload> {
        self.push_value()?;
        self.cursor.expect(',')?;
        self.push_value()?;
        self.cursor.expect(',')?;
        let start = self.cursor.span;
        self.cursor.expect('[')?;
        let mut bytes = Vec::new();
        self.cursor.list(']', |cursor| {
            bytes.push(cursor.unsigned("the number of a byte")?);
            Ok(())
        })?;
        match <[u8; 16]>::try_from(bytes) {
            Ok(bytes) => Ok(Payload::Shuffle(bytes)),
            Err(bytes) => {
                let message = format!("expected the numbers of 16 bytes, found {}", bytes.len());
                Err(Diagnostic::at(start.to(self.cursor.previous), message))
            }
        }
    }

    fn integer_constant(&mut self, ty: Type) -> Parsed<Payload> {
        if !ty.is_int() {
            return self.wrong_constant(ty, "an integer type");
        }
        self.cursor.integer(ty).map(Payload::Integer)
    }

    fn float_constant(&mut self, ty: Type) -> Parsed<Payload> {
        if !ty.is_float() {
            return self.wrong_constant(ty, "a float type");
        }
        self.cursor.float(ty).map(Payload::Float)
    }

    fn wrong_constant<T>(&self, ty: Type, class: &str) -> Parsed<T> {
        let message = format!("expected {class} for the constant, found `{ty}`");
        Err(Diagnostic::at(self.cursor.previous, message))
    }

    fn call(&mut self) -> Parsed<Payload> {
        let callee = self.function_name()?;
        self.arguments()?;
        Ok(Payload::Function(callee))
    }

    /// `sig0, v0(v1)`.
    fn call_indirect(&mut self) -> Parsed<Payload> {
        let signature = self.declared_signature()?;
        self.cursor.expect(',')?;
        self.push_value()?;
        self.arguments()?;
        Ok(Payload::Signature(signature))
    }

    /// `block1(v0)`.
    fn target(&mut self) -> Parsed<()> {
        let number = self.cursor.numbered("block", "a block")?;
        let mut args = Vec::new();
        if self.cursor.eat('(') {
            self.cursor.list(')', |cursor| {
                let value = cursor.numbered("v", "a value")?;
                args.push(Value::from_index(value));
                Ok(())
            })?;
        }
        let target = self.function.target(Block::from_index(number), &args);
        self.targets.push(target);
        Ok(())
    }

    /// `, block1(v0), unwind block2(v1)`.
    fn unwinding_targets(&mut self, payload: Payload) -> Parsed<Payload> {
        self.cursor.expect(',')?;
        self.target()?;
        self.cursor.expect(',')?;
        self.cursor.expect_word("unwind")?;
        self.target()?;
        Ok(payload)
    }

    /// `v0, block1, block2(v1)`.
    fn branch(&mut self) -> Parsed<Payload> {
        self.push_value()?;
        self.cursor.expect(',')?;
        self.target()?;
        self.cursor.expect(',')?;
        self.target()?;
        Ok(Payload::None)
    }

    /// `v0, block1, [block2, block3(v1)]`.
    fn branch_table(&mut self) -> Parsed<Payload> {
        self.push_value()?;
        self.cursor.expect(',')?;
        self.target()?;
        self.cursor.expect(',')?;
        self.cursor.expect('[')?;
        self.cursor.skip_line_ends();
        let mut first = true;
        while !self.cursor.eat(']') {
            if !first && !self.cursor.eat(',') {
                return self.cursor.expected("`,` or `]`");
            }
            first = false;
            self.cursor.skip_line_ends();
            self.target()?;
            self.cursor.skip_line_ends();
        }
        Ok(Payload::None)
    }

    /// `%heap[v0+8]`, `ss0[8]`, `addr[v0]`, `raw[v0+8]`, then the stored value.
    fn access(&mut self, row: &OpcodeInfo) -> Parsed<Payload> {
        let start = self.cursor.span;
        let place = match self.cursor.token {
            Token::Name(_) => Place::Memory(self.memory_name()?),
            Token::Word("addr") => {
                self.cursor.bump();
                Place::Address
            }
            Token::Word("raw") => {
                self.cursor.bump();
                Place::Raw
            }
            Token::Word(word) if number_of(word, "ss").is_some() => Place::Slot(self.slot_name()?),
            _ => {
                return self
                    .cursor
                    .expected("a place: `%memory[…]`, `ss0[…]`, `addr[…]` or `raw[…]`");
            }
        };
        self.cursor.expect('[')?;
        let constant = matches!(
            (place, self.cursor.token),
            (Place::Slot(_), Token::Number(_))
        );
        let mut offset = 0;
        if !constant {
            self.push_value()?;
        }
        if constant || self.cursor.eat('+') {
            offset = self.cursor.unsigned("an offset in bytes")?;
        }
        self.cursor.expect(']')?;
        let address = self.args.len();
        self.further_values()?;
        let (stored, takes) = (self.args.len() - address, row.operands.len() - 1);
        if stored != takes {
            let message = format!(
                "`{}` takes {takes} operand{} behind the place, found {stored}",
                row.name,
                if takes == 1 { "" } else { "s" },
            );
            return Err(Diagnostic::at(start.to(self.cursor.previous), message));
        }
        Ok(Payload::Access(place, offset))
    }

    /// `ss0[8]`.
    fn slot_and_offset(&mut self) -> Parsed<Payload> {
        let slot = self.slot_name()?;
        self.cursor.expect('[')?;
        let offset = self.cursor.unsigned("an offset in bytes")?;
        self.cursor.expect(']')?;
        Ok(Payload::Slot(slot, offset))
    }

    /// A word `PREFIX0.REST`: the number and the rest.
    fn dotted(&mut self, prefix: &str, what: &str) -> Parsed<(usize, &'t str)> {
        if let Token::Word(word) = self.cursor.token
            && let Some((owner, rest)) = word.split_once('.')
            && let Some(Some(number)) = number_of(owner, prefix)
        {
            self.cursor.bump();
            return Ok((number, rest));
        }
        self.cursor.expected(what)
    }

    /// `layout0.v7`.
    fn field(&mut self) -> Parsed<(LayoutId, FieldId)> {
        let (layout, name) = self.dotted("layout", "a field, as in `layout0.v7`")?;
        let span = self.cursor.previous;
        let Some(fields) = self.fields.get(layout) else {
            let message = format!("`layout{layout}` is not declared");
            return Err(Diagnostic::at(span, message));
        };
        match fields.get(name) {
            Some(&field) => Ok((LayoutId::from_index(layout), field)),
            None => {
                let message = format!("`layout{layout}` has no field `{name}`");
                Err(Diagnostic::at(span, message))
            }
        }
    }

    /// `point0.1`.
    fn point_result(&mut self) -> Parsed<Payload> {
        let what = "a result of a suspension point, as in `point0.1`";
        let (number, index) = self.dotted("point", what)?;
        let span = self.cursor.previous;
        let point = PointId::from_index(number);
        let Some(decl) = self.function.points.get(point) else {
            return Err(Diagnostic::at(span, format!("`{point}` is not declared")));
        };
        let count = decl.results.len();
        match number_of(index, "")
            .flatten()
            .filter(|&index| index < count)
        {
            Some(index) => Ok(Payload::PointResult(point, index as u32)),
            None => {
                let message = format!("`{point}` has no result `{index}`, it has {count}");
                Err(Diagnostic::at(span, message))
            }
        }
    }

    /// `%list.next`: the last dot is the one before the field.
    fn object_field(&mut self) -> Parsed<Payload> {
        let span = self.cursor.span;
        let what = "a field of an object type, as in `%list.next`";
        let name = self.cursor.name(what)?;
        let Some((owner, field)) = name.rsplit_once('.') else {
            let message = format!("expected {what}, found `%{name}`");
            return Err(Diagnostic::at(span, message));
        };
        let ty = look_up(self.module, owner, span, "an object type", as_object_type)?;
        let fields = self.module.object_types[ty].shape.fields();
        match fields.and_then(|fields| fields.named(field)) {
            Some(field) => Ok(Payload::ObjectField(ty, field)),
            None => {
                let message = format!("`%{owner}` has no field `{field}`");
                Err(Diagnostic::at(span, message))
            }
        }
    }

    fn root_name(&mut self) -> Parsed<RootId> {
        self.entity("root", "a root slot", self.function.roots.len())
    }

    /// ` roots [root0, root2]`, or nothing, into `self.roots`.
    pub(super) fn live_roots(&mut self) -> Parsed<()> {
        self.roots.clear();
        if !self.cursor.eat_word("roots") {
            return Ok(());
        }
        self.cursor.expect('[')?;
        while !self.cursor.eat(']') {
            if !self.roots.is_empty() && !self.cursor.eat(',') {
                return self.cursor.expected("`,` or `]`");
            }
            let root = self.root_name()?;
            self.roots.push(root);
        }
        Ok(())
    }

    fn slot_name(&mut self) -> Parsed<StackSlot> {
        self.entity("ss", "a stack slot", self.function.slots.len())
    }

    /// Something of the module by its name.
    fn named<T>(&mut self, what: &str, select: impl Fn(Named) -> Option<T>) -> Parsed<T> {
        let span = self.cursor.span;
        let name = self.cursor.name(what)?;
        look_up(self.module, name, span, what, select)
    }

    fn function_name(&mut self) -> Parsed<FuncId> {
        self.named("a function", as_function)
    }

    fn memory_name(&mut self) -> Parsed<MemoryId> {
        self.named("a memory", as_memory)
    }

    fn data_name(&mut self) -> Parsed<DataId> {
        self.named("a data segment", |named| match named {
            Named::Data(id) => Some(id),
            _ => None,
        })
    }

    fn global_name(&mut self) -> Parsed<GlobalId> {
        self.named("a global", |named| match named {
            Named::Global(id) => Some(id),
            _ => None,
        })
    }

    fn object_type_name(&mut self) -> Parsed<ObjectTypeId> {
        self.named("an object type", as_object_type)
    }

    fn table_name(&mut self) -> Parsed<TableId> {
        self.named("a table", |named| match named {
            Named::Table(id) => Some(id),
            _ => None,
        })
    }
}
