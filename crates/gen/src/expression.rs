//! Random instructions without control flow, from the instruction table.

use super::World;
use super::body::Body;
use enjamb_ir::{
    FloatCond, IntCond, Opcode, OpcodeInfo, OperandKind, Payload, Shape, Type, TypeClass, TypeRule,
    Value,
};

/// The opcodes that only compute; those that may trap besides have a lower chance.
fn opcodes(traps: bool, vectors: bool) -> Vec<Opcode> {
    use enjamb_ir::Effects;
    let wanted = if traps { Effects::TRAPS } else { Effects::PURE };
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
        row.effects == wanted
            && computes(row.kind)
            && !row.results.is_empty()
            && !row.operands.iter().any(|rule| frame.contains(rule))
            && (vectors || !row.operands.contains(&vector))
    });
    rows.map(|row| row.opcode).collect()
}

impl Body<'_, '_, '_> {
    /// A random computation; its result goes into a variable.
    pub(super) fn compute(&mut self) {
        let traps = self.choices.once_in(12);
        let vectors = self.world.types.contains(&Type::V128);
        let opcode = self.choices.of(&opcodes(traps, vectors));
        let row = opcode.info();
        let ty = match row.class {
            Some(class) => self.choices.of(&self.world.members(class)),
            None => Type::I64,
        };
        let payload = self.payload(row, ty);
        let mut args = Vec::new();
        for &rule in row.operands {
            let suitable = operand_types(self.world, rule, ty, payload);
            if suitable.is_empty() {
                return;
            }
            let operand = self.choices.of(&suitable);
            args.push(self.value(operand));
        }
        if traps && !self.choices.once_in(6) {
            self.tame(opcode, ty, &mut args);
        }
        let inst = self.builder.inst(opcode, ty, payload, &args, &[]);
        let results = inst.map(|inst| self.builder.results(inst).to_vec());
        self.keep(&results.unwrap_or_default());
    }

    /// What an instruction carries besides values.
    fn payload(&mut self, row: &OpcodeInfo, ty: Type) -> Payload {
        let shapes = Shape::ALL.iter().copied();
        let shapes = shapes.filter(|&shape| row.shapes.is_some_and(|class| class.contains(shape)));
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
