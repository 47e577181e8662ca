//! Functions, blocks and instructions as text, driven by the instruction table.

use super::Names;
use super::constant::write_float;
use crate::entity::{Block, FieldId, Inst, LayoutId, ObjectTypeId, PointId, Value};
use crate::function::{Function, SourcePos, Stage, Target};
use crate::module::Module;
use crate::opcode::{OpcodeInfo, OperandKind};
use crate::operand::{Payload, Place};
use crate::suspension::{FieldType, LayoutDecl, PointDecl, SavedSource};
use crate::types::comma_separated;
use std::fmt::{self, Display, Formatter};

/// The thing of a function that a note stands at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Note {
    /// At the head of a block.
    Block(Block),
    /// At an instruction.
    Inst(Inst),
}

type NoteSource<'a> = &'a dyn Fn(Note) -> Option<String>;

/// A function to be printed; see [`Module::display_function`].
#[derive(Clone, Copy)]
pub struct DisplayFunction<'a> {
    names: Names<'a>,
    function: &'a Function,
    notes: Option<NoteSource<'a>>,
}

/// An instruction to be printed; see [`display_inst`].
#[derive(Clone, Copy)]
pub struct DisplayInst<'a> {
    names: Names<'a>,
    function: &'a Function,
    inst: Inst,
}

/// An instruction with its results, to be printed on one line.
pub fn display_inst<'a>(
    module: Option<&'a Module>,
    function: &'a Function,
    inst: Inst,
) -> DisplayInst<'a> {
    DisplayInst {
        names: Names(module),
        function,
        inst,
    }
}

impl<'a> DisplayFunction<'a> {
    /// A function with the names of a module, if there is one at hand.
    pub fn new(module: Option<&'a Module>, function: &'a Function) -> Self {
        DisplayFunction {
            names: Names(module),
            function,
            notes: None,
        }
    }

    /// The same with a comment behind every block head and instruction that `notes` has one for.
    pub fn with_notes(self, notes: &'a dyn Fn(Note) -> Option<String>) -> Self {
        DisplayFunction {
            notes: Some(notes),
            ..self
        }
    }

    fn end_line(&self, f: &mut Formatter<'_>, at: Note) -> fmt::Result {
        if let Some(text) = self.notes.and_then(|notes| notes(at)) {
            // A comment ends with its line, so a note of several lines is put on one.
            write!(f, " ; {}", text.replace('\n', " "))?;
        }
        writeln!(f)
    }

    fn write_declarations(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let function = self.function;
        for (slot, data) in function.slots.iter() {
            writeln!(f, "    {slot} = slot {} align {}", data.size, data.align)?;
        }
        for root in function.roots.keys() {
            writeln!(f, "    {root} = root")?;
        }
        for (sig, signature) in function.signatures.iter() {
            writeln!(f, "    {sig} = {signature}")?;
        }
        for (layout, decl) in function.layouts.iter() {
            write_layout(f, layout, decl)?;
        }
        for (point, decl) in function.points.iter() {
            write_point(f, function, point, decl)?;
        }
        Ok(())
    }

    fn write_block(&self, f: &mut Formatter<'_>, block: Block) -> fmt::Result {
        let data = &self.function.blocks[block];
        write!(f, "{block}")?;
        if !data.params.is_empty() {
            f.write_str("(")?;
            for (index, &param) in data.params.iter().enumerate() {
                let separator = if index > 0 { ", " } else { "" };
                let ty = self.function.value_type(param);
                write!(f, "{separator}{param}: {ty}")?;
            }
            f.write_str(")")?;
        }
        f.write_str(if data.cold { " cold:" } else { ":" })?;
        self.end_line(f, Note::Block(block))?;
        for &inst in &data.insts {
            f.write_str("    ")?;
            write_inst(f, self.names, self.function, inst)?;
            self.end_line(f, Note::Inst(inst))?;
        }
        Ok(())
    }
}

impl Display for DisplayFunction<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let function = self.function;
        write!(f, "function %{}{}", function.name, function.signature)?;
        f.write_str(match function.stage {
            Stage::Source => " {\n",
            Stage::Lowered => " lowered {\n",
        })?;
        self.write_declarations(f)?;
        for &block in &function.order {
            self.write_block(f, block)?;
        }
        f.write_str("}\n")
    }
}

/// The function without the names of its module: other functions are `func3` and so on.
impl Display for Function {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        DisplayFunction::new(None, self).fmt(f)
    }
}

impl Display for DisplayInst<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write_inst(f, self.names, self.function, self.inst)
    }
}

impl Display for SourcePos {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

fn write_layout(f: &mut Formatter<'_>, layout: LayoutId, decl: &LayoutDecl) -> fmt::Result {
    write!(f, "    {layout} = size {} {{", decl.size)?;
    for (index, field) in decl.fields.values().enumerate() {
        write!(f, "{}{}: ", if index > 0 { ", " } else { " " }, field.name)?;
        match field.ty {
            FieldType::Value(ty) => write!(f, "{ty}")?,
            FieldType::Bytes { size, align } => write!(f, "bytes {size} align {align}")?,
        }
        write!(f, " @ {}", field.offset)?;
    }
    writeln!(f, " }}")
}

fn write_point(
    f: &mut Formatter<'_>,
    function: &Function,
    point: PointId,
    decl: &PointDecl,
) -> fmt::Result {
    write!(f, "    {point} = {} (", decl.layout)?;
    comma_separated(f, &decl.results)?;
    f.write_str(") saves [")?;
    for (index, saved) in decl.saved.iter().enumerate() {
        f.write_str(if index > 0 { ", " } else { "" })?;
        let layout = function.layouts.get(decl.layout);
        match layout.and_then(|layout| layout.fields.get(saved.field)) {
            Some(field) => f.write_str(&field.name)?,
            None => write!(f, "{}", saved.field)?,
        }
        match saved.source {
            SavedSource::Value(value) => write!(f, " = {value}")?,
            SavedSource::Slot(slot) => write!(f, " = {slot}")?,
        }
    }
    f.write_str("]")?;
    if let Some(unwind) = decl.unwind {
        write!(f, " unwind {unwind}")?;
    }
    if let Some(position) = decl.position {
        write!(f, " @ {position}")?;
    }
    writeln!(f)
}

/// Writes results, mnemonic, operands, live root slots and source position.
fn write_inst(
    f: &mut Formatter<'_>,
    names: Names<'_>,
    function: &Function,
    inst: Inst,
) -> fmt::Result {
    let results = function.results(inst);
    if !results.is_empty() {
        comma_separated(f, results)?;
        f.write_str(" = ")?;
    }
    let data = &function.insts[inst];
    let row = data.opcode.info();
    f.write_str(row.name)?;
    if let Some(shape) = data.payload.shape() {
        write!(f, ".{shape}")?;
    } else if row.has_type_suffix() {
        write!(f, ".{}", data.ty)?;
    }
    let operands = Operands {
        names,
        function,
        inst,
    };
    operands.write(f, row)?;
    let live_roots = function.live_roots(inst);
    if !live_roots.is_empty() {
        f.write_str(" roots [")?;
        comma_separated(f, live_roots)?;
        f.write_str("]")?;
    }
    match function.positions[inst] {
        Some(position) => write!(f, " @ {position}"),
        None => Ok(()),
    }
}

/// Writes what stands behind a mnemonic, one method per shape.
struct Operands<'a> {
    names: Names<'a>,
    function: &'a Function,
    inst: Inst,
}

impl Operands<'_> {
    fn write(&self, f: &mut Formatter<'_>, row: &OpcodeInfo) -> fmt::Result {
        let args = self.function.args(self.inst);
        let targets = self.function.targets(self.inst);
        let payload = self.function.insts[self.inst].payload;
        match row.kind {
            OperandKind::Access => self.write_access(f, row, args),
            OperandKind::Call | OperandKind::CallIndirect => self.write_call(f, payload, args),
            OperandKind::TryCall | OperandKind::TryCallIndirect => {
                self.write_call(f, payload, args)?;
                self.write_unwinding_targets(f, targets)
            }
            OperandKind::TryJoin => {
                self.write_payload(f, " ", payload)?;
                write_list(f, ", ", args)?;
                self.write_unwinding_targets(f, targets)
            }
            OperandKind::Jump | OperandKind::Branch => self.write_branch(f, args, targets),
            OperandKind::BranchTable => self.write_branch_table(f, args, targets),
            OperandKind::IntCond
            | OperandKind::FloatCond
            | OperandKind::LanesIntCond
            | OperandKind::LanesFloatCond => {
                self.write_payload(f, " ", payload)?;
                write_list(f, " ", args)
            }
            OperandKind::Lanes => write_list(f, " ", args),
            OperandKind::Lane | OperandKind::Shuffle => {
                write_list(f, " ", args)?;
                self.write_payload(f, ", ", payload)
            }
            _ => {
                self.write_payload(f, " ", payload)?;
                let first = if matches!(payload, Payload::None) {
                    " "
                } else {
                    ", "
                };
                write_list(f, first, args)
            }
        }
    }

    /// A memory access; its address operand, if it has one, comes before the stored value.
    fn write_access(&self, f: &mut Formatter<'_>, row: &OpcodeInfo, args: &[Value]) -> fmt::Result {
        let Payload::Access(place, offset) = self.function.insts[self.inst].payload else {
            return Ok(());
        };
        match place {
            Place::Memory(memory) => write!(f, " {}[", self.names.memory(memory))?,
            Place::Slot(slot) => write!(f, " {slot}[")?,
            Place::Address => f.write_str(" addr[")?,
            Place::Raw => f.write_str(" raw[")?,
        }
        let has_address = args.len() >= row.operands.len();
        match (has_address.then(|| args[0]), offset) {
            (None, offset) => write!(f, "{offset}]")?,
            (Some(address), 0) => write!(f, "{address}]")?,
            (Some(address), offset) => write!(f, "{address}+{offset}]")?,
        }
        write_list(f, ", ", &args[usize::from(has_address)..])
    }

    /// `%name(v0, v1)` and `sig0, v0(v1)`.
    fn write_call(&self, f: &mut Formatter<'_>, payload: Payload, args: &[Value]) -> fmt::Result {
        self.write_payload(f, " ", payload)?;
        let args = match (payload, args) {
            (Payload::Signature(_), [callee, rest @ ..]) => {
                write!(f, ", {callee}")?;
                rest
            }
            _ => args,
        };
        f.write_str("(")?;
        comma_separated(f, args)?;
        f.write_str(")")
    }

    fn write_branch(
        &self,
        f: &mut Formatter<'_>,
        args: &[Value],
        targets: &[Target],
    ) -> fmt::Result {
        write_list(f, " ", args)?;
        let first = if args.is_empty() { " " } else { ", " };
        self.write_targets(f, first, targets)
    }

    fn write_branch_table(
        &self,
        f: &mut Formatter<'_>,
        args: &[Value],
        targets: &[Target],
    ) -> fmt::Result {
        let (default, rest) = targets.split_at(targets.len().min(1));
        self.write_branch(f, args, default)?;
        f.write_str(", [")?;
        self.write_targets(f, "", rest)?;
        f.write_str("]")
    }

    /// `, block1(v0), unwind block2(v1)`.
    fn write_unwinding_targets(&self, f: &mut Formatter<'_>, targets: &[Target]) -> fmt::Result {
        let (normal, unwind) = targets.split_at(targets.len().min(1));
        self.write_targets(f, ", ", normal)?;
        self.write_targets(f, ", unwind ", unwind)
    }

    fn write_targets(&self, f: &mut Formatter<'_>, first: &str, targets: &[Target]) -> fmt::Result {
        for (index, &target) in targets.iter().enumerate() {
            let separator = if index == 0 { first } else { ", " };
            write!(f, "{separator}{}", target.block)?;
            let args = self.function.target_args(target);
            if !args.is_empty() {
                f.write_str("(")?;
                comma_separated(f, args)?;
                f.write_str(")")?;
            }
        }
        Ok(())
    }

    fn write_payload(&self, f: &mut Formatter<'_>, before: &str, payload: Payload) -> fmt::Result {
        let names = self.names;
        if !matches!(payload, Payload::None) {
            f.write_str(before)?;
        }
        match payload {
            Payload::None => Ok(()),
            Payload::Integer(constant) => write!(f, "{constant}"),
            Payload::Float(bits) => write_float(f, self.function.insts[self.inst].ty, bits),
            Payload::Vector(bytes) => write!(f, "{:#034x}", u128::from_le_bytes(bytes)),
            Payload::IntCond(condition) | Payload::LanesIntCond(_, condition) => {
                write!(f, "{condition}")
            }
            Payload::FloatCond(condition) | Payload::LanesFloatCond(_, condition) => {
                write!(f, "{condition}")
            }
            Payload::Shape(shape) => write!(f, "{shape}"),
            Payload::Lane(_, lane) => write!(f, "{lane}"),
            Payload::Shuffle(bytes) => {
                f.write_str("[")?;
                comma_separated(f, &bytes)?;
                f.write_str("]")
            }
            Payload::Function(id) => write!(f, "{}", names.function(id)),
            Payload::Signature(signature) => write!(f, "{signature}"),
            Payload::Access(_, offset) => write!(f, "{offset}"),
            Payload::Slot(slot, offset) => write!(f, "{slot}[{offset}]"),
            Payload::Memory(id) => write!(f, "{}", names.memory(id)),
            Payload::MemoryPair(to, from) => {
                write!(f, "{}, {}", names.memory(to), names.memory(from))
            }
            Payload::MemoryData(memory, data) => {
                write!(f, "{}, {}", names.memory(memory), names.data(data))
            }
            Payload::Global(id) => write!(f, "{}", names.global(id)),
            Payload::Table(id) => write!(f, "{}", names.table(id)),
            Payload::ObjectType(id) => write!(f, "{}", names.object_type(id)),
            Payload::ObjectField(ty, field) => self.write_object_field(f, ty, field),
            Payload::Root(root) => write!(f, "{root}"),
            Payload::Trap(code) => write!(f, "{code}"),
            Payload::Layout(layout) => write!(f, "{layout}"),
            Payload::Field(layout, field) => self.write_field(f, layout, field),
            Payload::SlotField(layout, field, slot) => {
                self.write_field(f, layout, field)?;
                write!(f, ", {slot}")
            }
            Payload::Point(point) => write!(f, "{point}"),
            Payload::PointResult(point, index) => write!(f, "{point}.{index}"),
        }
    }

    fn write_object_field(
        &self,
        f: &mut Formatter<'_>,
        ty: ObjectTypeId,
        field: FieldId,
    ) -> fmt::Result {
        let decl = self.names.0.and_then(|module| module.object_types.get(ty));
        let fields = decl.and_then(|decl| decl.shape.fields());
        let owner = self.names.object_type(ty);
        match fields.and_then(|fields| fields.get(field)) {
            Some(field) => write!(f, "{owner}.{}", field.name),
            None => write!(f, "{owner}.{field}"),
        }
    }

    fn write_field(&self, f: &mut Formatter<'_>, layout: LayoutId, field: FieldId) -> fmt::Result {
        let decl = self.function.layouts.get(layout);
        match decl.and_then(|decl| decl.fields.get(field)) {
            Some(decl) => write!(f, "{layout}.{}", decl.name),
            None => write!(f, "{layout}.{field}"),
        }
    }
}

/// Writes values with `, ` between them and `first` before them, nothing if there are none.
fn write_list(f: &mut Formatter<'_>, first: &str, values: &[Value]) -> fmt::Result {
    if values.is_empty() {
        return Ok(());
    }
    f.write_str(first)?;
    comma_separated(f, values)
}
