//! Instructions in the combinations that instruction selection looks for: what it folds into one of a processor's.

use super::body::Body;
use enjamb_ir::{FloatCond, IntCond, Opcode, Payload, Type, TypeClass, Value};

impl Body<'_, '_, '_> {
    /// An integer of a type that some instructions compute together.
    pub(super) fn idiom(&mut self, ty: Type) -> Value {
        use Opcode::{Band, Bor, Bxor, Iadd, Isub};
        let outer = self.choices.of(&[Iadd, Isub, Band, Bor, Bxor, Iadd]);
        match self.choices.below(13) {
            0 => {
                let product = self.product(ty);
                let opcode = self.choices.of(&[Iadd, Isub]);
                self.around(opcode, ty, product)
            }
            1 | 2 => {
                let shifted = self.shifted(ty);
                self.around(outer, ty, shifted)
            }
            3 => {
                let extended = self.extended(ty);
                self.around(outer, ty, extended)
            }
            4 => {
                let other = self.operand(ty);
                let other = self.builder.bnot(other);
                let opcode = self.choices.of(&[Band, Bor, Bxor]);
                self.around(opcode, ty, other)
            }
            5 => self.field(ty),
            6 => self.two_parts(ty),
            7 => self.changed_or_not(ty),
            8 => self.amount_in_width(ty),
            9 => {
                let constant = self.constant(ty);
                self.around(outer, ty, constant)
            }
            10 => {
                let loaded = self.load_value(ty);
                self.around(outer, ty, loaded)
            }
            11 => {
                let value = self.operand(ty);
                let constant = self.choices.of(&[0, -1]);
                let constant = self.builder.iconst(ty, constant);
                let opcode = self.choices.of(&[Isub, Bxor]);
                self.op(opcode, ty, &[constant, value])
            }
            _ => self.extended(ty),
        }
    }

    /// An instruction that is no more than an opcode and operands.
    fn op(&mut self, opcode: Opcode, ty: Type, args: &[Value]) -> Value {
        let inst = self.builder.inst(opcode, ty, Payload::None, args, &[]);
        let result = inst.and_then(|inst| self.builder.results(inst).first().copied());
        // There is no instruction only after an error, and then no value matters.
        result.unwrap_or(args[0])
    }

    /// An instruction on something and another operand, in either order.
    fn around(&mut self, opcode: Opcode, ty: Type, inner: Value) -> Value {
        let other = self.operand(ty);
        match self.choices.below(3) {
            0 => self.op(opcode, ty, &[inner, other]),
            _ => self.op(opcode, ty, &[other, inner]),
        }
    }

    fn width(&mut self, ty: Type, least: usize) -> Value {
        let amount = self.choices.between(least, ty.bits() as usize - 1);
        self.builder.iconst(ty, amount as i64)
    }

    fn shifted(&mut self, ty: Type) -> Value {
        use Opcode::{Ishl, Rotl, Rotr, Sshr, Ushr};
        let value = self.operand(ty);
        let amount = match self.choices.below(2) {
            0 => self.width(ty, 0),
            _ => {
                let amount = self.choices.below(5);
                self.builder.iconst(ty, amount as i64)
            }
        };
        let opcode = self.choices.of(&[Ishl, Ishl, Ushr, Sshr, Rotr, Rotl]);
        self.op(opcode, ty, &[value, amount])
    }

    /// A product, now and then of factors that are extended both.
    fn product(&mut self, ty: Type) -> Value {
        let (left, right) = match self.choices.once_in(3) {
            true => (self.extended(ty), self.extended(ty)),
            false => (self.operand(ty), self.operand(ty)),
        };
        self.builder.imul(left, right)
    }

    /// Something narrower that is extended: a variable, a comparison, what comes from memory, or what was wider
    /// before; now and then it is shifted then.
    fn extended(&mut self, ty: Type) -> Value {
        let narrower: Vec<Type> = self.world.members(TypeClass::Int);
        let narrower: Vec<Type> = narrower
            .into_iter()
            .filter(|other| other.bits() < ty.bits())
            .collect();
        if narrower.is_empty() {
            return self.operand(ty);
        }
        let from = self.choices.of(&narrower);
        let narrow = match self.choices.below(5) {
            0 => self.load_value(from),
            1 => {
                let wide = self.operand(ty);
                self.builder.ireduce(from, wide)
            }
            2 if from == Type::I8 => self.comparison(),
            _ => self.operand(from),
        };
        let extended = match self.choices.below(2) {
            0 => self.builder.uextend(ty, narrow),
            _ => self.builder.sextend(ty, narrow),
        };
        if !self.choices.once_in(4) {
            return extended;
        }
        let amount = self.choices.between(1, 4);
        let amount = self.builder.iconst(ty, amount as i64);
        self.builder.ishl(extended, amount)
    }

    /// Some bits out of the middle, or a field in its place.
    fn field(&mut self, ty: Type) -> Value {
        use Opcode::{Ishl, Sshr, Ushr};
        let value = self.operand(ty);
        let (first, second) = (self.width(ty, 0), self.width(ty, 0));
        match self.choices.below(3) {
            0 => {
                let moved = self.builder.ishl(value, first);
                let opcode = self.choices.of(&[Ushr, Sshr]);
                self.op(opcode, ty, &[moved, second])
            }
            1 => {
                let opcode = self.choices.of(&[Ushr, Sshr, Ishl]);
                let moved = self.op(opcode, ty, &[value, first]);
                let mask = self.low_bits(ty);
                self.builder.band(moved, mask)
            }
            _ => {
                let mask = self.low_bits(ty);
                let masked = self.builder.band(value, mask);
                let opcode = self.choices.of(&[Ishl, Ishl, Ushr]);
                self.op(opcode, ty, &[masked, first])
            }
        }
    }

    fn low_bits(&mut self, ty: Type) -> Value {
        let ones = self.choices.between(1, ty.bits() as usize - 1);
        self.builder.iconst(ty, i64::MAX >> (63 - ones))
    }

    /// The parts of two values: by shifts whose amounts make up the width, or by masks.
    fn two_parts(&mut self, ty: Type) -> Value {
        let (high, low) = (self.operand(ty), self.operand(ty));
        let bits = ty.bits() as usize;
        let split = self.choices.between(1, bits - 1);
        let (high, low) = match self.choices.below(2) {
            0 => {
                let up = self.builder.iconst(ty, split as i64);
                let down = self.builder.iconst(ty, (bits - split) as i64);
                (self.builder.ishl(high, up), self.builder.ushr(low, down))
            }
            _ => {
                let mask = (1_i64 << (split - 1)) - 1;
                let ones = self.builder.iconst(ty, mask);
                let others = self.builder.iconst(ty, !mask);
                (
                    self.builder.band(high, others),
                    self.builder.band(low, ones),
                )
            }
        };
        let opcode = self.choices.of(&[Opcode::Bor, Opcode::Iadd, Opcode::Bxor]);
        self.op(opcode, ty, &[high, low])
    }

    /// One value or another one, which is changed by little.
    fn changed_or_not(&mut self, ty: Type) -> Value {
        let (one, other) = (self.operand(ty), self.operand(ty));
        let changed = match self.choices.below(3) {
            0 => {
                let step = self.choices.of(&[1, -1]);
                let step = self.builder.iconst(ty, step);
                self.builder.iadd(other, step)
            }
            1 => self.builder.bnot(other),
            _ => self.builder.ineg(other),
        };
        let condition = self.comparison();
        match self.choices.below(2) {
            0 => self.builder.select(condition, one, changed),
            _ => self.builder.select(condition, changed, one),
        }
    }

    /// A shift by an amount that is taken modulo the width once more, or subtracted from it.
    fn amount_in_width(&mut self, ty: Type) -> Value {
        use Opcode::{Ishl, Rotl, Rotr, Sshr, Ushr};
        let (value, amount) = (self.operand(ty), self.operand(ty));
        let bits = i64::from(ty.bits());
        let amount = match self.choices.below(3) {
            0 => {
                let mask = self.builder.iconst(ty, bits - 1);
                self.builder.band(amount, mask)
            }
            1 => {
                let width = self.builder.iconst(ty, bits);
                self.builder.isub(width, amount)
            }
            _ => self.builder.ineg(amount),
        };
        let opcode = self.choices.of(&[Ishl, Ushr, Sshr, Rotl, Rotr]);
        self.op(opcode, ty, &[value, amount])
    }

    /// A condition of a selection or a branch: a comparison, or an integer of any type.
    pub(super) fn condition(&mut self) -> Value {
        if self.choices.below(2) == 0 {
            return self.comparison();
        }
        let ty = self.choices.of(&self.world.members(TypeClass::Int));
        self.operand(ty)
    }

    /// A comparison that is made here, of type `i8`.
    pub(super) fn comparison(&mut self) -> Value {
        match self.choices.below(13) {
            0..5 => {
                let ty = self.choices.of(&self.world.members(TypeClass::Int));
                let left = self.operand(ty);
                let right = match self.choices.below(2) {
                    0 => self.constant(ty),
                    _ => self.operand(ty),
                };
                let condition = self.choices.of(IntCond::ALL);
                self.builder.icmp(condition, left, right)
            }
            5..7 => self.bit_test(),
            7..9 => {
                let ty = self.choices.of(&[Type::F32, Type::F64]);
                let (left, right) = (self.operand(ty), self.operand(ty));
                let condition = self.choices.of(FloatCond::ALL);
                self.builder.fcmp(condition, left, right)
            }
            9 | 10 => {
                let ty = self.choices.of(&[Type::Ref, Type::FuncRef]);
                let reference = self.value(ty);
                self.builder.is_null(reference)
            }
            11 => {
                let ty = self.choices.of(&self.world.members(TypeClass::Identity));
                let (left, right) = (self.value(ty), self.value(ty));
                self.builder.same_ref(left, right)
            }
            _ => match self.world.types.contains(&Type::V128) {
                true => {
                    let vector = self.operand(Type::V128);
                    self.builder.any_true(vector)
                }
                false => {
                    let (left, right) = (self.value(Type::I8), self.bit_test());
                    let opcode = self.choices.of(&[Opcode::Band, Opcode::Bor, Opcode::Bxor]);
                    self.op(opcode, Type::I8, &[left, right])
                }
            },
        }
    }

    /// Whether any of some bits is set, or none; often it is one bit, or the sign.
    fn bit_test(&mut self) -> Value {
        let ty = self.choices.of(&self.world.members(TypeClass::Int));
        let value = self.operand(ty);
        let mask = match self.choices.below(3) {
            0 => self.operand(ty),
            1 => self.constant(ty),
            _ => {
                let unused = 64 - ty.bits();
                let bit = 1_i64 << self.choices.below(ty.bits() as usize);
                self.builder.iconst(ty, bit << unused >> unused)
            }
        };
        let tested = self.builder.band(value, mask);
        let zero = self.builder.iconst(ty, 0);
        let conditions = [
            IntCond::Equal,
            IntCond::NotEqual,
            IntCond::SignedLess,
            IntCond::SignedGreaterEqual,
        ];
        let condition = self.choices.of(&conditions);
        self.builder.icmp(condition, tested, zero)
    }
}
