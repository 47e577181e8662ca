//! Who can tell which NaN a value is.
//!
//! A NaN that arithmetic makes is canonical as soon as anything can tell: as soon as something other than
//! arithmetic and comparison of floats reads it. Of a vector only the lanes of one shape are NaNs, so
//! lanes of another shape tell. What only moves a vector or its lanes reads them as its result is read:
//! a sum that a loop carries need not be canonical in every turn, nor the parts of which it is made.

use bumpalo::Bump;
use bumpalo::collections::Vec as BumpVec;
use enjamb_ir::{Entity, Function, Inst, Opcode, Payload, Shape, Type, Value, ValueDef};

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

/// How a vector becomes another value of which the bits are its own.
#[derive(Clone, Copy)]
enum Move {
    /// As a whole.
    Whole,
    /// In groups of so many bytes.
    Groups(u32),
    /// One of its float lanes becomes a scalar.
    Lane(Shape),
}

impl Move {
    /// How the vector is read, if what it becomes is read like this.
    fn source(self, reads: Reads) -> Reads {
        match (self, reads) {
            (Move::Whole, _) => reads,
            (Move::Lane(shape), Reads::Alike) => Reads::Lanes(shape),
            (Move::Groups(bytes), Reads::Lanes(shape)) if shape.lane_type().bytes() <= bytes => {
                reads
            }
            (Move::Groups(_), Reads::Alike) => reads,
            _ => Reads::Bits,
        }
    }
}

/// A vector that something moves.
struct Moved {
    to: Value,
    from: Value,
    how: Move,
}

/// The largest groups of bytes that a permutation keeps together, as far as lanes of floats go.
fn groups(bytes: &[u8; 16]) -> u32 {
    let stays = |size: usize| {
        let mut groups = bytes.chunks(size);
        groups.all(|group| {
            let in_order = group.windows(2).all(|pair| pair[0] + 1 == pair[1]);
            usize::from(group[0]).is_multiple_of(size) && in_order
        })
    };
    [8, 4].into_iter().find(|&size| stays(size)).unwrap_or(1) as u32
}

/// How an instruction moves its operands, those of a selection behind the condition.
fn moves(function: &Function, inst: Inst) -> Option<Move> {
    let data = &function.insts[inst];
    match (data.opcode, data.payload) {
        (Opcode::Select, _) if data.ty == Type::V128 => Some(Move::Whole),
        (Opcode::Shuffle, Payload::Shuffle(bytes)) => Some(Move::Groups(groups(&bytes))),
        (Opcode::ExtractLane, Payload::Lane(shape, _)) if shape.lane_type().is_float() => {
            Some(Move::Lane(shape))
        }
        _ => None,
    }
}

/// How the operands of any other instruction are read.
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
    moved: Vec<Moved>,
}

impl<'a> NanReaders<'a> {
    pub fn new(values: usize, arena: &'a Bump) -> NanReaders<'a> {
        NanReaders {
            reads: bumpalo::vec![in arena; Reads::Alike; values],
            moved: Vec::new(),
        }
    }

    /// Looks at an instruction.
    pub fn add(&mut self, function: &Function, inst: Inst) {
        let (reads, moves) = (reads_of(function, inst), moves(function, inst));
        for &from in function.args(inst) {
            match (moves, function.results(inst)) {
                (Some(how), &[to]) if function.value_type(from) == Type::V128 => {
                    self.moved.push(Moved { to, from, how });
                }
                _ => {
                    self.read(from, reads);
                }
            }
        }
        for &target in function.targets(inst) {
            let params = &function.blocks[target.block].params;
            for (&to, &from) in params.iter().zip(function.target_args(target)) {
                if function.value_type(to) == Type::V128 {
                    let how = Move::Whole;
                    self.moved.push(Moved { to, from, how });
                } else {
                    self.read(from, Reads::Bits);
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
        self.trace_back();
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

    /// Lets what is moved be read as what it becomes, until nothing changes. A value changes twice at
    /// most.
    fn trace_back(&mut self) {
        let mut moved = std::mem::take(&mut self.moved);
        moved.sort_unstable_by_key(|moved| moved.to);
        let mut work: Vec<Value> = moved.iter().map(|moved| moved.to).collect();
        work.dedup();
        while let Some(to) = work.pop() {
            let reads = self.reads[to.index()];
            let first = moved.partition_point(|moved| moved.to < to);
            for moved in moved[first..].iter().take_while(|moved| moved.to == to) {
                if self.read(moved.from, moved.how.source(reads)) {
                    work.push(moved.from);
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
    fn lanes_that_are_moved_are_read_where_they_arrive() {
        let text = "function %f(v128, i8) -> f32 {
            block0(v0: v128, v1: i8):
                v2 = vfmul.f32x4 v0, v0
                v3 = vfadd.f32x4 v2, v0
                v4 = select v1, v2, v3
                v5 = shuffle v4, v0, [BYTES, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7]
                v6 = vfadd.f32x4 v5, v4
                v7 = extract_lane.f32x4 v6, 0
                v8 = extract_lane.f32x4 v6, 1
                v9 = fadd v7, v8
                return v9
            }";
        assert_eq!(exposed(&text.replace("BYTES", "8, 9, 10, 11")), ["v9"]);
        assert_eq!(
            exposed(&text.replace("BYTES", "8, 9, 11, 10")),
            ["v2", "v3", "v9"]
        );
        let returned = text
            .replace("return v9", "return v8")
            .replace("BYTES", "8, 9, 10, 11");
        assert_eq!(exposed(&returned), ["v6"]);
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
