//! Who can tell which NaN a value is.
//!
//! A NaN that arithmetic makes is canonical as soon as anything can tell: as soon as something other than
//! arithmetic and comparison of floats reads it. Of a vector only the lanes of one shape are NaNs, so
//! lanes of another shape tell. A vector that a branch hands to a block is read as the block reads its
//! parameter; a sum that a loop carries need not be canonical in every turn.

use bumpalo::Bump;
use bumpalo::collections::Vec as BumpVec;
use enjamb_ir::{Entity, Function, Inst, Opcode, Shape, Type, Value, ValueDef};

/// How a value is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reads {
    /// Not at all, or as a float.
    Alike,
    /// As float lanes of a shape.
    Lanes(Shape),
    /// Bit by bit.
    Bits,
}

impl Reads {
    fn and(self, other: Reads) -> Reads {
        match (self, other) {
            (Reads::Alike, reads) | (reads, Reads::Alike) => reads,
            (one, other) if one == other => one,
            _ => Reads::Bits,
        }
    }
}

/// How the operands of an instruction that are not handed to blocks are read.
fn reads_of(function: &Function, inst: Inst) -> Reads {
    use Opcode::*;
    let data = &function.insts[inst];
    match data.opcode {
        Fadd | Fsub | Fmul | Fdiv | Fsqrt | Fmin | Fmax | Ceil | Floor | Ftrunc | Nearest
        | Fpromote | Fdemote | Fcmp | FcvtToSint | FcvtToUint | FcvtToSintSat | FcvtToUintSat => {
            Reads::Alike
        }
        Vfadd | Vfsub | Vfmul | Vfdiv | Vfsqrt | Vfmin | Vfmax | Vfcmp => {
            data.payload.shape().map_or(Reads::Bits, Reads::Lanes)
        }
        _ => Reads::Bits,
    }
}

/// How the values of a function are read, while its instructions are looked at.
pub(crate) struct NanReaders<'a> {
    reads: BumpVec<'a, Reads>,
    /// Vectors that branches hand over: parameter and argument.
    handed: Vec<(Value, Value)>,
}

impl<'a> NanReaders<'a> {
    pub fn new(values: usize, arena: &'a Bump) -> NanReaders<'a> {
        NanReaders {
            reads: bumpalo::vec![in arena; Reads::Alike; values],
            handed: Vec::new(),
        }
    }

    /// Looks at an instruction.
    pub fn add(&mut self, function: &Function, inst: Inst) {
        let reads = reads_of(function, inst);
        for &value in function.args(inst) {
            self.read(value, reads);
        }
        for &target in function.targets(inst) {
            let params = &function.blocks[target.block].params;
            for (&param, &value) in params.iter().zip(function.target_args(target)) {
                if function.value_type(param) == Type::V128 {
                    self.handed.push((param, value));
                } else {
                    self.read(value, Reads::Bits);
                }
            }
        }
    }

    /// Whether that changes how the value is read.
    fn read(&mut self, value: Value, reads: Reads) -> bool {
        let before = self.reads[value.index()];
        self.reads[value.index()] = before.and(reads);
        self.reads[value.index()] != before
    }

    /// By value: whether anything can tell apart the NaNs it may be.
    pub fn exposed(mut self, function: &Function, arena: &'a Bump) -> BumpVec<'a, bool> {
        self.hand_back();
        let mut exposed = bumpalo::vec![in arena; false; self.reads.len()];
        for (value, data) in function.values.iter() {
            let shape = match data.def {
                ValueDef::Result(inst, _) => function.insts[inst].payload.shape(),
                _ => None,
            };
            exposed[value.index()] = match self.reads[value.index()] {
                Reads::Alike => false,
                Reads::Lanes(read) => shape != Some(read),
                Reads::Bits => true,
            };
        }
        exposed
    }

    /// Lets arguments be read as parameters are, until nothing changes. A value changes twice at most.
    fn hand_back(&mut self) {
        let mut handed = std::mem::take(&mut self.handed);
        handed.sort_unstable();
        let mut work: Vec<Value> = handed.iter().map(|&(param, _)| param).collect();
        work.dedup();
        while let Some(param) = work.pop() {
            let reads = self.reads[param.index()];
            let first = handed.partition_point(|&(other, _)| other < param);
            let of_param = handed[first..].iter();
            for &(_, value) in of_param.take_while(|&&(other, _)| other == param) {
                if self.read(value, reads) {
                    work.push(value);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use enjamb_ir::parse_module;

    /// The results of float arithmetic that have to be canonical.
    fn exposed(text: &str) -> Vec<String> {
        let module = parse_module(text).unwrap_or_else(|errors| panic!("{errors}"));
        let f = module.function_named("f").expect("%f");
        let function = module.functions[f].body().expect("a body");
        let arena = Bump::new();
        let mut readers = NanReaders::new(function.values.len(), &arena);
        let blocks = function.order.iter();
        let insts = blocks.flat_map(|&block| function.blocks[block].insts.clone());
        insts.for_each(|inst| readers.add(function, inst));
        let exposed = readers.exposed(function, &arena);
        let values = function.values.keys();
        let made = values.filter(|&value| {
            let def = function.values[value].def;
            matches!(def, ValueDef::Result(inst, _) if reads_of(function, inst) != Reads::Bits)
        });
        let made = made.filter(|value| exposed[value.index()]);
        made.map(|value| value.to_string()).collect()
    }

    #[test]
    fn the_sum_of_a_loop_is_canonical_behind_it() {
        let text = "function %f(v128, i32) -> v128 {
            block0(v0: v128, v1: i32):
                v2 = vfmul.f32x4 v0, v0
                jump block1(v0, v2, v1)
            block1(v3: v128, v4: v128, v5: i32):
                v6 = vfadd.f32x4 v3, v0
                v7 = vfmax.f32x4 v4, v6
                v8 = iconst.i32 1
                v9 = isub v5, v8
                brif v9, block1(v6, v7, v9), block2(v7)
            block2(v10: v128):
                v11 = vfsub.SHAPE v10, v0
                return v11
            }";
        assert_eq!(exposed(&text.replace("SHAPE", "f32x4")), ["v11"]);
        // The maximum is read as other lanes behind the loop.
        assert_eq!(exposed(&text.replace("SHAPE", "f64x2")), ["v7", "v11"]);
    }

    #[test]
    fn floats_are_exposed_where_blocks_get_them() {
        let text = "function %f(f64) -> f64 {
            block0(v0: f64):
                v1 = fadd v0, v0
                v2 = fmul v1, v0
                jump block1(v2)
            block1(v3: f64):
                return v3
            }";
        assert_eq!(exposed(text), ["v2"]);
    }
}
