//! The rules that one instruction keeps by itself: typing, calls, stages, and what it names.
//!
//! The builder asks the same questions of every instruction that it is given.

use super::error::{Report, Subject};
use super::rule::Rule;
use crate::entity::{Inst, StackSlot, Value};
use crate::function::{Function, InstData, Stage};
use crate::hash::FxHashSet;
use crate::module::Module;
use crate::object::ObjectType;
use crate::opcode::{Effects, Opcode, TypeRule};
use crate::operand::{Payload, Place};
use crate::suspension::FieldType;
use crate::types::Type;
use crate::typing;

/// Whether everything that an instruction names exists, which all other checks rely on.
pub(crate) fn check_existence(
    module: &Module,
    function: &Function,
    inst: Inst,
    report: &mut Report,
) -> bool {
    let before = report.findings.len();
    let data = &function.insts[inst];
    let kind = data.opcode.info().kind;
    let subject = || Subject::Inst(inst);
    if !typing::payload_fits(kind, data.payload) {
        let message = format!("`{}` does not take {:?}", data.opcode, data.payload);
        report.add(Rule::Shape, subject(), message);
    } else if let Some(missing) = typing::missing_entity(module, function, data.payload) {
        let message = format!("{missing} is not declared");
        report.add(Rule::Exists, subject(), message);
    }
    let (least, most) = typing::target_counts(kind);
    let targets = function.targets(inst);
    if targets.len() < least || targets.len() > most {
        let message = format!(
            "{} where it takes {least}",
            counted(targets.len(), "branch target")
        );
        report.add(Rule::Shape, subject(), message);
    }
    for &root in function.live_roots(inst) {
        if function.roots.get(root).is_none() {
            report.add(Rule::Exists, subject(), format!("{root} is not declared"));
        }
    }
    for target in targets {
        if function.blocks.get(target.block).is_none() {
            let message = format!("{} does not exist", target.block);
            report.add(Rule::Exists, subject(), message);
        }
    }
    let mut value_exists = |value: Value| {
        if function.values.get(value).is_none() {
            let message = format!("{value} does not exist");
            report.add(Rule::Exists, subject(), message);
        }
    };
    function.for_each_use(inst, &mut value_exists);
    let results = function.results(inst);
    results.iter().copied().for_each(value_exists);
    report.findings.len() == before
}

/// Checks an instruction whose entities exist, but for its branch arguments.
pub(crate) fn check(module: &Module, function: &Function, inst: Inst, report: &mut Report) {
    let mut check = Check {
        module,
        function,
        inst,
        data: &function.insts[inst],
        report,
    };
    check.stage_and_trust();
    check.controlling_type();
    check.shape();
    check.operands();
    check.results();
    check.specific();
    check.live_roots();
}

/// Checks that an instruction's targets get the arguments that they take.
pub(crate) fn check_targets(function: &Function, inst: Inst, report: &mut Report) {
    for &target in function.targets(inst) {
        let block = target.block;
        let args = function.target_args(target);
        let params = &function.blocks[block].params;
        if args.len() != params.len() {
            let message = format!(
                "{block} has {} and gets {}",
                counted(params.len(), "parameter"),
                counted(args.len(), "argument")
            );
            report.add(Rule::BranchArguments, Subject::Inst(inst), message);
            continue;
        }
        for (&arg, &param) in args.iter().zip(params) {
            let (found, wanted) = (function.value_type(arg), function.value_type(param));
            if found != wanted {
                let message =
                    format!("{arg} is {found} where parameter {param} of {block} is {wanted}");
                report.add(Rule::BranchArguments, Subject::Inst(inst), message);
            }
        }
    }
}

/// `1 argument`, `2 arguments`.
fn counted(count: usize, what: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {what}{plural}")
}

struct Check<'a> {
    module: &'a Module,
    function: &'a Function,
    inst: Inst,
    data: &'a InstData,
    report: &'a mut Report,
}

impl Check<'_> {
    fn add(&mut self, rule: Rule, message: impl Into<String>) {
        self.report.add(rule, Subject::Inst(self.inst), message);
    }

    fn stage_and_trust(&mut self) {
        let opcode = self.data.opcode;
        let effects = opcode.info().effects;
        if effects.has(Effects::LOWERED) && self.function.stage != Stage::Lowered {
            self.add(
                Rule::LoweredOnly,
                format!("`{opcode}` stands in a function that is not lowered"),
            );
        }
        let raw = matches!(self.data.payload, Payload::Access(Place::Raw, _));
        if (raw || effects.has(Effects::TRUSTED)) && !self.module.trusted {
            let what = if raw {
                "a raw address".to_string()
            } else {
                format!("`{opcode}`")
            };
            self.add(
                Rule::Trusted,
                format!("{what} is used in a module that is not trusted"),
            );
        }
    }

    fn controlling_type(&mut self) {
        let opcode = self.data.opcode;
        let Some(class) = opcode.info().class else {
            return;
        };
        if !class.contains(self.data.ty) {
            let message = format!(
                "`{opcode}` works on {}, not on {}",
                class.description(),
                self.data.ty
            );
            self.add(Rule::TypeClass, message);
        }
    }

    fn shape(&mut self) {
        let row = self.data.opcode.info();
        if let (Some(class), Some(shape)) = (row.shapes, self.data.payload.shape())
            && !class.contains(shape)
        {
            let message = format!("`{}` takes {}, not {shape}", row.name, class.description());
            self.add(Rule::Shapes, message);
        }
    }

    /// The rule that operands behind the fixed ones fall under.
    fn rest_rule(&self) -> Rule {
        match self.data.opcode {
            Opcode::Return => Rule::ReturnValues,
            _ => Rule::CallArguments,
        }
    }

    fn operands(&mut self) {
        let function = self.function;
        let args = function.args(self.inst);
        let rules = self.data.opcode.info().operands;
        let variadic = rules.last() == Some(&TypeRule::Rest);
        let fixed = &rules[..rules.len() - usize::from(variadic)];
        let fixed = self.without_absent_address(fixed, args.len());
        if args.len() < fixed.len() || (!variadic && args.len() > fixed.len()) {
            let found = counted(args.len(), "operand");
            let message = format!("{found} where it takes {}", fixed.len());
            return self.add(Rule::OperandCount, message);
        }
        for (&arg, &rule) in args.iter().zip(fixed) {
            self.operand(arg, rule);
        }
        if variadic {
            self.rest_operands(&args[fixed.len()..]);
        }
    }

    /// An access to a slot has no address operand when its offset is constant.
    fn without_absent_address<'r>(&self, rules: &'r [TypeRule], count: usize) -> &'r [TypeRule] {
        let to_slot = matches!(self.data.payload, Payload::Access(Place::Slot(_), _));
        match rules.split_first() {
            Some((TypeRule::Address, others)) if to_slot && count == others.len() => others,
            _ => rules,
        }
    }

    fn operand(&mut self, arg: Value, rule: TypeRule) {
        let found = self.function.value_type(arg);
        let Some(expected) = typing::expected(rule, self.data.ty, self.data.payload) else {
            return;
        };
        if !expected.accepts(found) {
            let message = format!("{arg} is {found} where {expected} is expected");
            self.add(Rule::OperandType, message);
        }
    }

    fn rest_operands(&mut self, args: &[Value]) {
        let (opcode, payload) = (self.data.opcode, self.data.payload);
        let Some(types) = typing::rest_operands(self.module, self.function, opcode, payload) else {
            return;
        };
        let rule = self.rest_rule();
        if args.len() != types.len() {
            let what = if rule == Rule::ReturnValues {
                "result"
            } else {
                "argument"
            };
            let message = format!(
                "{} where it takes {}",
                counted(args.len(), what),
                types.len()
            );
            return self.add(rule, message);
        }
        for (&arg, &expected) in args.iter().zip(types) {
            let found = self.function.value_type(arg);
            if found != expected {
                let message = format!("{arg} is {found} where {expected} is expected");
                self.add(rule, message);
            }
        }
    }

    fn results(&mut self) {
        let InstData {
            opcode,
            ty,
            payload,
            ..
        } = *self.data;
        let Some(types) = typing::result_types(self.module, self.function, opcode, ty, payload)
        else {
            return;
        };
        let results = self.function.results(self.inst);
        let mut wanted = 0;
        for (position, expected) in types.enumerate() {
            wanted += 1;
            let Some(&result) = results.get(position) else {
                continue;
            };
            let found = self.function.value_type(result);
            if found != expected {
                let message = format!("result {result} is {found} where {expected} is given");
                self.add(Rule::Results, message);
            }
        }
        if wanted != results.len() {
            let message = format!(
                "{} where it gives {wanted}",
                counted(results.len(), "result")
            );
            self.add(Rule::Results, message);
        }
    }

    /// Rules about a few opcodes.
    fn specific(&mut self) {
        match (self.data.opcode, self.data.payload) {
            (Opcode::Iconst, Payload::Integer(constant)) => self.integer(constant),
            (Opcode::FuelCheck, Payload::Integer(amount)) => self.fuel(amount),
            (Opcode::Fconst, Payload::Float(bits)) => self.float(bits),
            (_, Payload::Lane(shape, lane)) if u32::from(lane) >= shape.lanes() => {
                self.add(Rule::Lanes, format!("{shape} has no lane {lane}"));
            }
            (_, Payload::Shuffle(bytes)) => {
                if let Some(byte) = bytes.iter().find(|&&byte| byte >= 32) {
                    self.add(Rule::Lanes, format!("two vectors have no byte {byte}"));
                }
            }
            (
                Opcode::Call | Opcode::CallIndirect | Opcode::TryCall | Opcode::TryCallIndirect,
                _,
            ) => self.call(),
            (Opcode::ReturnCall | Opcode::ReturnCallIndirect, _) => self.tail_call(),
            (Opcode::Spawn, _) => self.spawn(),
            (Opcode::Join | Opcode::TryJoin, _) => self.join(),
            (Opcode::TaskTryResult, _) => self.join_signature(),
            (Opcode::GlobalGet | Opcode::GlobalSet, Payload::Global(global)) => {
                let declared = self.module.globals[global].ty;
                let message = format!("the global is {declared}, not {}", self.data.ty);
                self.equal_type(Rule::GlobalType, declared, message);
            }
            (Opcode::GetField | Opcode::SetField, Payload::ObjectField(ty, field)) => {
                if let Some(held) = self.module.object_types[ty].shape.field_type(field) {
                    let message = format!("the field is {held}, not {}", self.data.ty);
                    self.equal_type(Rule::ObjectFields, held, message);
                }
            }
            (opcode, Payload::ObjectType(ty)) => {
                self.object_type(opcode, &self.module.object_types[ty].shape);
            }
            (Opcode::FieldLoad | Opcode::FieldStore, Payload::Field(layout, field)) => {
                self.field(self.function.layouts[layout].fields[field].ty);
            }
            (Opcode::ResultLoad, Payload::PointResult(point, position)) => {
                let declared = self.function.points[point].results[position as usize];
                let message = format!("the result is {declared}, not {}", self.data.ty);
                self.equal_type(Rule::PointResults, declared, message);
            }
            (_, Payload::SlotField(layout, field, slot)) => {
                let held = self.function.layouts[layout].fields[field].ty;
                let size = self.function.slots[slot].size;
                if !matches!(held, FieldType::Bytes { size: bytes, .. } if bytes == size) {
                    let message = format!("the field does not hold {size} bytes of {slot}");
                    self.add(Rule::FieldTypes, message);
                }
            }
            (Opcode::StackAddr, Payload::Slot(slot, offset)) => {
                self.slot_bounds(slot, offset.into());
            }
            (opcode, Payload::Access(Place::Slot(slot), offset)) if !self.has_address() => {
                let bytes = typing::access_bytes(opcode, self.data.ty);
                self.slot_bounds(slot, u64::from(offset) + u64::from(bytes));
            }
            _ => {}
        }
    }

    /// Whether an access to a slot has an index.
    fn has_address(&self) -> bool {
        self.function.args(self.inst).len() == self.data.opcode.info().operands.len()
    }

    fn equal_type(&mut self, rule: Rule, declared: Type, message: String) {
        if declared != self.data.ty {
            self.add(rule, message);
        }
    }

    fn field(&mut self, held: FieldType) {
        match held {
            FieldType::Value(declared) => {
                let message = format!("the field is {declared}, not {}", self.data.ty);
                self.equal_type(Rule::FieldTypes, declared, message);
            }
            FieldType::Bytes { .. } => {
                self.add(Rule::FieldTypes, "the field holds a slot, not a value");
            }
        }
    }

    fn object_type(&mut self, opcode: Opcode, shape: &ObjectType) {
        let message = match (opcode, shape.element()) {
            (Opcode::IsInstance, _) | (Opcode::New, None) => return,
            (Opcode::New, Some(_)) => format!("`{opcode}` makes objects with fields, not arrays"),
            (Opcode::GetElement | Opcode::SetElement, Some(held)) => {
                let message = format!("an element is {held}, not {}", self.data.ty);
                return self.equal_type(Rule::ObjectFields, held, message);
            }
            (_, Some(_)) => return,
            (_, None) => format!("`{opcode}` works on arrays, and the type has fields"),
        };
        self.add(Rule::ObjectKind, message);
    }

    fn live_roots(&mut self) {
        let function = self.function;
        let roots = function.live_roots(self.inst);
        let opcode = self.data.opcode;
        if !roots.is_empty() && !opcode.is_safepoint() {
            let message = format!("no collection happens at `{opcode}`");
            self.add(Rule::LiveRoots, message);
        }
        let mut seen = FxHashSet::default();
        for &root in roots {
            if !seen.insert(root) {
                self.add(Rule::LiveRoots, format!("{root} is listed twice"));
            }
        }
    }

    fn slot_bounds(&mut self, slot: StackSlot, end: u64) {
        let size = self.function.slots[slot].size;
        if end > u64::from(size) {
            let message = format!("it ends at byte {end} of {slot}, which has {size}");
            self.add(Rule::SlotBounds, message);
        }
    }

    fn integer(&mut self, constant: i64) {
        let ty = self.data.ty;
        if !ty.is_int() {
            return;
        }
        let unused = 64 - ty.bits();
        if (constant << unused) >> unused != constant {
            self.add(Rule::Constants, format!("{constant} is no {ty}"));
        }
    }

    fn fuel(&mut self, amount: i64) {
        if !(0..1 << 31).contains(&amount) {
            self.add(Rule::FuelAmount, format!("{amount} is no amount of fuel"));
        }
    }

    fn float(&mut self, bits: u64) {
        if self.data.ty == Type::F32 && bits >> 32 != 0 {
            let message = format!("{bits:#x} are more bits than an f32 has");
            self.add(Rule::Constants, message);
        }
    }

    fn call(&mut self) {
        let signature = typing::payload_signature(self.module, self.function, self.data.payload);
        if signature.is_some_and(|signature| signature.is_async) && !self.function.is_async() {
            self.add(
                Rule::SyncCallsAsync,
                "a sync function calls an async one; it can spawn it",
            );
        }
    }

    fn join(&mut self) {
        if !self.function.is_async() {
            self.add(Rule::SyncCallsAsync, "a sync function joins a task");
        }
        self.join_signature();
    }

    fn join_signature(&mut self) {
        let signature = typing::payload_signature(self.module, self.function, self.data.payload);
        if let Some(signature) = signature
            && (signature.is_async || !signature.params.is_empty())
        {
            let message =
                format!("`{signature}` has parameters or is async; only results count here");
            self.add(Rule::JoinSignature, message);
        }
    }

    fn spawn(&mut self) {
        let signature = typing::payload_signature(self.module, self.function, self.data.payload);
        if signature.is_some_and(|signature| !signature.is_async) {
            self.add(
                Rule::SpawnAsync,
                "the function is not async; it can be called",
            );
        }
    }

    fn tail_call(&mut self) {
        let payload = self.data.payload;
        let Some(callee) = typing::payload_signature(self.module, self.function, payload) else {
            return;
        };
        let own = &self.function.signature;
        if callee.is_async != own.is_async {
            let name = |is_async| if is_async { "async" } else { "sync" };
            let message = format!(
                "the callee is {} and the function is {}",
                name(callee.is_async),
                name(own.is_async)
            );
            self.add(Rule::TailCall, message);
        }
        if callee.results != own.results {
            self.add(
                Rule::TailCall,
                format!("`{callee}` has other results than `{own}`"),
            );
        }
        if callee.params.contains(&Type::Addr) {
            self.add(
                Rule::AddressFlow,
                "an address cannot be handed to a tail call, which leaves the frame",
            );
        }
    }
}
