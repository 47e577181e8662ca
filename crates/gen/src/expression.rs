//! Random instructions without control flow, from the instruction table, and the operands that they take.

use super::body::Body;
use super::world::World;
use enjamb_ir::{
    Effects, FloatCond, IntCond, Opcode, OpcodeInfo, OperandKind, Payload, Shape, Type, TypeClass,
    TypeRule, Value,
};

/// The instructions that only compute, each as often as it is to be among others.
#[derive(Clone, Debug)]
pub(super) struct Instructions {
    /// Those that do not trap.
    all: Vec<Opcode>,
    trapping: Vec<Opcode>,
    /// Those of `all` that give a type and have operands.
    giving: Vec<(Type, Vec<Opcode>)>,
}

impl Instructions {
    /// Those on these types.
    pub(super) fn new(types: &[Type]) -> Self {
        let vectors = types.contains(&Type::V128);
        let giving = types.iter().map(|&ty| {
            let gives = |row: &OpcodeInfo| !row.operands.is_empty() && gives(row, ty);
            (ty, opcodes(Effects::PURE, vectors, &gives))
        });
        Instructions {
            all: opcodes(Effects::PURE, vectors, &|_| true),
            trapping: opcodes(Effects::TRAPS, vectors, &|_| true),
            giving: giving.collect(),
        }
    }

    fn giving(&self, ty: Type) -> &[Opcode] {
        let found = self.giving.iter().find(|(given, _)| *given == ty);
        found.map_or(&[], |(_, opcodes)| opcodes)
    }
}

/// The opcodes with these effects that only compute, out of those that are wanted.
fn opcodes(
    effects: Effects,
    vectors: bool,
    is_wanted: &dyn Fn(&OpcodeInfo) -> bool,
) -> Vec<Opcode> {
    let computes = |kind| {
        use OperandKind::{Float, FloatCond, IntCond, Integer, Values};
        use OperandKind::{Lane, Lanes, LanesFloatCond, LanesIntCond, Shuffle, Vector};
        match kind {
            Values | Integer | Float | IntCond | FloatCond => true,
            Vector | Lanes | Lane | LanesIntCond | LanesFloatCond | Shuffle => vectors,
            _ => false,
        }
    };
    let vector = TypeRule::Is(Type::V128);
    let rows = Opcode::all().iter().filter(|row| {
        let frame = [TypeRule::Is(Type::Addr), TypeRule::Is(Type::Task)];
        row.effects == effects
            && computes(row.kind)
            && !row.results.is_empty()
            && !row.operands.iter().any(|rule| frame.contains(rule))
            && (vectors || !row.operands.contains(&vector))
            && is_wanted(row)
    });
    rows.flat_map(|row| std::iter::repeat_n(row.opcode, share(row.opcode)))
        .collect()
}

/// How often an instruction is to be among others: more often, the more ways there are to select it.
fn share(opcode: Opcode) -> usize {
    use Opcode::*;
    match opcode {
        Iadd | Isub | Imul | Band | Bor | Bxor | Ishl | Ushr | Sshr | Icmp | Select => 8,
        Sextend | Uextend | Ireduce | Fcmp | Fadd | Fsub | Fmul | IsNull => 4,
        Viadd | Visub | Vimul | Vicmp | Vfadd | Vfmul | Vfcmp | Bitselect | Shuffle => 3,
        Iconst | Fconst | Vconst | Null => 1,
        _ => 2,
    }
}

fn gives(row: &OpcodeInfo, ty: Type) -> bool {
    match row.results {
        [TypeRule::T] => row.class.is_some_and(|class| class.contains(ty)),
        [TypeRule::Is(fixed)] => *fixed == ty,
        [TypeRule::LaneType] => Shape::ALL.iter().any(|shape| shape.lane_type() == ty),
        _ => false,
    }
}

impl Body<'_, '_, '_> {
    /// A random computation; its result goes into a variable.
    pub(super) fn compute(&mut self) {
        let instructions = &self.world.instructions;
        let traps = self.choices.once_in(12);
        let opcode = match traps {
            true => self.choices.of(&instructions.trapping),
            false => self.choices.of(&instructions.all),
        };
        let ty = self.controlling_type(opcode.info());
        if let Some(result) = self.instruction(opcode, ty, None) {
            self.keep(&[result]);
        }
    }

    /// One of the types that an instruction works on.
    fn controlling_type(&mut self, row: &OpcodeInfo) -> Type {
        match row.class {
            Some(class) => self.choices.of(&self.world.members(class)),
            None => Type::I64,
        }
    }

    /// An operand: what a variable holds, a constant, or something that is computed on the spot.
    pub(super) fn operand(&mut self, ty: Type) -> Value {
        if self.nesting == self.world.nesting || self.choices.below(2) == 0 {
            return self.value(ty);
        }
        self.nesting += 1;
        let value = self.fresh(ty);
        self.nesting -= 1;
        if self.choices.once_in(6) {
            self.keep(&[value]);
        }
        value
    }

    /// A value that is computed on the spot.
    fn fresh(&mut self, ty: Type) -> Value {
        match self.choices.below(8) {
            0 | 1 if TypeClass::Stored.contains(ty) => self.load_value(ty),
            2 | 3 if ty.is_int() => self.idiom(ty),
            4 if ty == Type::I8 => self.comparison(),
            _ => {
                let giving = self.world.instructions.giving(ty);
                if giving.is_empty() {
                    return self.value(ty);
                }
                let opcode = self.choices.of(giving);
                let row = opcode.info();
                let controlling = match row.results {
                    [TypeRule::T] => ty,
                    _ => self.controlling_type(row),
                };
                match self.instruction(opcode, controlling, Some(ty)) {
                    Some(value) => value,
                    None => self.value(ty),
                }
            }
        }
    }

    /// An instruction with operands, which gives a value of the type that is `wanted`, if one is.
    fn instruction(&mut self, opcode: Opcode, ty: Type, wanted: Option<Type>) -> Option<Value> {
        let row = opcode.info();
        let payload = self.payload(row, ty, wanted);
        let mut args = Vec::new();
        for (position, &rule) in row.operands.iter().enumerate() {
            let suitable = operand_types(self.world, rule, ty, payload);
            if suitable.is_empty() {
                return None;
            }
            let operand = self.choices.of(&suitable);
            args.push(match position {
                0 if opcode == Opcode::Select => self.condition(),
                1 if operand.is_int() && self.choices.once_in(4) => self.constant(operand),
                _ => self.operand(operand),
            });
        }
        if row.effects == Effects::TRAPS && !self.choices.once_in(10) {
            self.tame(opcode, ty, &mut args);
        }
        let inst = self.builder.inst(opcode, ty, payload, &args, &[])?;
        self.builder.results(inst).first().copied()
    }

    /// What an instruction carries besides values.
    fn payload(&mut self, row: &OpcodeInfo, ty: Type, wanted: Option<Type>) -> Payload {
        let lane = wanted.filter(|_| row.results == [TypeRule::LaneType]);
        let shapes = Shape::ALL.iter().copied().filter(|&shape| {
            row.shapes.is_some_and(|class| class.contains(shape))
                && lane.is_none_or(|lane| shape.lane_type() == lane)
        });
        let shapes: Vec<Shape> = shapes.collect();
        let choices = &mut *self.choices;
        match row.kind {
            OperandKind::Integer => Payload::Integer(choices.constant(ty) as i64),
            OperandKind::Float => Payload::Float(choices.constant(ty)),
            OperandKind::Vector => Payload::Vector(choices.bits(Type::V128).to_le_bytes()),
            OperandKind::IntCond => Payload::IntCond(choices.of(IntCond::ALL)),
            OperandKind::FloatCond => Payload::FloatCond(choices.of(FloatCond::ALL)),
            OperandKind::Lanes => Payload::Shape(choices.of(&shapes)),
            OperandKind::Lane => {
                let shape = choices.of(&shapes);
                Payload::Lane(shape, choices.below(shape.lanes() as usize) as u8)
            }
            OperandKind::LanesIntCond => {
                Payload::LanesIntCond(choices.of(&shapes), choices.of(IntCond::ALL))
            }
            OperandKind::LanesFloatCond => {
                Payload::LanesFloatCond(choices.of(&shapes), choices.of(FloatCond::ALL))
            }
            OperandKind::Shuffle => Payload::Shuffle([(); 16].map(|()| choices.below(32) as u8)),
            _ => Payload::None,
        }
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

/// The types that an operand may have.
fn operand_types(world: &World, rule: TypeRule, ty: Type, payload: Payload) -> Vec<Type> {
    let with_bits = |class: TypeClass, fits: &dyn Fn(u32) -> bool| {
        let mut types = world.members(class);
        types.retain(|ty| fits(ty.bits()));
        types
    };
    match rule {
        TypeRule::T => vec![ty],
        TypeRule::Is(fixed) => vec![fixed],
        TypeRule::In(class) => world.members(class),
        TypeRule::NarrowerThanT => with_bits(TypeClass::Int, &|bits| bits < ty.bits()),
        TypeRule::WiderThanT => with_bits(TypeClass::Int, &|bits| bits > ty.bits()),
        TypeRule::SameBitsAsT => with_bits(TypeClass::Number, &|bits| bits == ty.bits()),
        TypeRule::LaneType => payload.shape().map(Shape::lane_type).into_iter().collect(),
        TypeRule::Address | TypeRule::Rest => Vec::new(),
    }
}
