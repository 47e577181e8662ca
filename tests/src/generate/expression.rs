//! Random instructions without control flow, from the instruction table.

use super::Choices;
use super::body::Body;
use enjamb_ir::{
    FloatCond, IntCond, Opcode, OperandKind, Payload, Type, TypeClass, TypeRule, Value,
};

/// The opcodes that only compute; those that may trap besides have a lower chance.
fn opcodes(traps: bool) -> Vec<Opcode> {
    use enjamb_ir::Effects;
    let wanted = if traps { Effects::TRAPS } else { Effects::PURE };
    let computes = |kind| {
        use OperandKind::{Float, FloatCond, IntCond, Integer, Values};
        matches!(kind, Values | Integer | Float | IntCond | FloatCond)
    };
    let rows = Opcode::all().iter().filter(|row| {
        let frame = [TypeRule::Is(Type::Addr), TypeRule::Is(Type::Task)];
        row.effects == wanted
            && computes(row.kind)
            && !row.results.is_empty()
            && !row.operands.iter().any(|rule| frame.contains(rule))
    });
    rows.map(|row| row.opcode).collect()
}

/// The types of a class that variables have.
fn members(class: TypeClass) -> Vec<Type> {
    let types = super::TYPES.into_iter();
    types.filter(|&ty| class.contains(ty)).collect()
}

impl Body<'_, '_, '_> {
    /// A random computation; its result goes into a variable.
    pub(super) fn compute(&mut self) {
        let traps = self.choices.once_in(12);
        let opcode = self.choices.of(&opcodes(traps));
        let row = opcode.info();
        let ty = match row.class {
            Some(class) => self.choices.of(&members(class)),
            None => Type::I64,
        };
        let mut args = Vec::new();
        for &rule in row.operands {
            let Some(operand) = operand_type(self.choices, rule, ty) else {
                return;
            };
            args.push(self.value(operand));
        }
        let payload = match row.kind {
            OperandKind::Integer => Payload::Integer(self.choices.constant(ty) as i64),
            OperandKind::Float => Payload::Float(self.choices.constant(ty)),
            OperandKind::IntCond => Payload::IntCond(self.choices.of(IntCond::ALL)),
            OperandKind::FloatCond => Payload::FloatCond(self.choices.of(FloatCond::ALL)),
            _ => Payload::None,
        };
        if traps && !self.choices.once_in(6) {
            self.tame(opcode, ty, &mut args);
        }
        let inst = self.builder.inst(opcode, ty, payload, &args, &[]);
        let results = inst.map(|inst| self.builder.results(inst).to_vec());
        self.keep(&results.unwrap_or_default());
    }

    /// Makes it likely that a division or conversion does not trap.
    fn tame(&mut self, opcode: Opcode, ty: Type, args: &mut [Value]) {
        match opcode {
            Opcode::Udiv | Opcode::Sdiv | Opcode::Urem | Opcode::Srem => {
                let one = self.builder.iconst(ty, 1);
                args[1] = self.builder.bor(args[1], one);
            }
            Opcode::FcvtToSint | Opcode::FcvtToUint => {
                let number = self.value(Type::I32);
                let number = self.builder.fcvt_from_uint(Type::F64, number);
                let half = self.builder.f64const(0.5);
                args[0] = self.builder.fmul(number, half);
            }
            _ => {}
        }
    }
}

/// A type that an operand may have; `None` if there is none.
fn operand_type(choices: &mut Choices<'_>, rule: TypeRule, ty: Type) -> Option<Type> {
    let suitable: Vec<Type> = match rule {
        TypeRule::T => vec![ty],
        TypeRule::Is(fixed) => vec![fixed],
        TypeRule::In(class) => members(class),
        TypeRule::NarrowerThanT => with_bits(|bits| bits < ty.bits()),
        TypeRule::WiderThanT => with_bits(|bits| bits > ty.bits()),
        TypeRule::SameBitsAsT => members(TypeClass::Number)
            .into_iter()
            .filter(|other| other.bits() == ty.bits())
            .collect(),
        TypeRule::LaneType | TypeRule::Address | TypeRule::Rest => Vec::new(),
    };
    (!suitable.is_empty()).then(|| choices.of(&suitable))
}

fn with_bits(fits: impl Fn(u32) -> bool) -> Vec<Type> {
    let integers = members(TypeClass::Int).into_iter();
    integers.filter(|ty| fits(ty.bits())).collect()
}
