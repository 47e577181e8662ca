//! What the instruction table says about an instruction.
//!
//! The rows stand in `instructions.rs`; the enum [`Opcode`], the printer, the parser, the
//! verifier's typing rules, `docs/ir.md` and `enjamb help OPCODE` all derive from them.

use crate::shape::ShapeClass;
use crate::types::{Type, TypeClass};
use std::fmt;
use std::str::FromStr;

pub use crate::instructions::Opcode;

/// The shape of an instruction in the text format, which also fixes its payload.
///
/// Values and branch targets follow the payload. `T` is the type suffix of the mnemonic; where the
/// payload has a shape, that is its suffix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OperandKind {
    /// Values only: `iadd v0, v1`.
    Values,
    /// Values only, behind a shape: `viadd.i32x4 v0, v1`.
    Lanes,
    /// `iconst.i64 -5`.
    Integer,
    /// `fconst.f64 0.5`, also `nan:0x7ff8000000000000`, `inf`, `-inf`.
    Float,
    /// `vconst 0x000000000000000000000000000000ff`.
    Vector,
    /// `icmp slt v0, v1`.
    IntCond,
    /// `fcmp lt v0, v1`.
    FloatCond,
    /// `vicmp.i32x4 slt v0, v1`.
    LanesIntCond,
    /// `vfcmp.f32x4 lt v0, v1`.
    LanesFloatCond,
    /// `insert_lane.i32x4 v0, v1, 3`: the number of the lane behind the values.
    Lane,
    /// `shuffle v0, v1, [0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23]`.
    Shuffle,
    /// `func_addr %name`.
    Function,
    /// A memory access: `load.i64 %heap[v0+8]`, `store ss0[8], v1`, `load.i32 raw[v0]`.
    Access,
    /// `stack_addr ss0[8]`.
    Slot,
    /// `memory_grow %heap, v0`.
    Memory,
    /// `memory_copy %to, %from, v0, v1, v2`.
    MemoryPair,
    /// `memory_init %heap, %segment, v0, v1, v2`.
    MemoryData,
    /// `global_set %count, v0`.
    Global,
    /// `table_get %table, v0`.
    Table,
    /// `call %name(v0, v1)`.
    Call,
    /// `call_indirect sig0, v0(v1)`: the first value is what is called.
    CallIndirect,
    /// `join sig0, v0`: the results are those of the signature.
    Join,
    /// `v1, v2, v3 = try_call %name(v0), block1(v1), unwind block2(v2, v3)`.
    TryCall,
    /// `v2, v3, v4 = try_call_indirect sig0, v0(v1), block1(v2), unwind block2(v3, v4)`.
    TryCallIndirect,
    /// `v1, v2, v3 = try_join sig0, v0, block1(v1), unwind block2(v2, v3)`.
    TryJoin,
    /// `jump block1(v0)`.
    Jump,
    /// `brif v0, block1, block2(v1)`.
    Branch,
    /// `br_table v0, block1, [block2, block3(v1)]`: the default first.
    BranchTable,
    /// `trap user`.
    Trap,
    /// `get_element %refs, v0, v1`.
    ObjectType,
    /// `get_field.i64 %list.value, v0`.
    ObjectField,
    /// `root_set root0, v1`.
    Root,
    /// `new_continuation layout0, v1`.
    Layout,
    /// `field_store layout0.v7, v1, v2`.
    Field,
    /// `field_save_slot layout0.ss0, ss0, v1`.
    SlotField,
    /// `set_point point0, v1`.
    Point,
    /// `result_load point0.1, v0`.
    PointResult,
}

/// The type that an instruction demands of an operand or gives to a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TypeRule {
    /// The controlling type `T`.
    T,
    /// Exactly this type.
    Is(Type),
    /// Any type of the class, on its own.
    In(TypeClass),
    /// An integer type narrower than `T`.
    NarrowerThanT,
    /// An integer type wider than `T`.
    WiderThanT,
    /// A number of as many bits as `T`, of the other kind or the same.
    SameBitsAsT,
    /// The type of a lane of the shape.
    LaneType,
    /// The address operand of the access: none or an index for a slot, `addr`, `i64` or an index.
    Address,
    /// As many as the signature, the function, the layout or the point says, with its types.
    Rest,
}

/// What an instruction may do besides computing its results: a set of flags.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Effects(u16);

impl Effects {
    /// Nothing: equal operands give equal results, and it may be removed or repeated.
    pub const PURE: Effects = Effects(0);
    /// It may trap.
    pub const TRAPS: Effects = Effects(1);
    /// It reads memory, a global, a table, an object, a root slot, a continuation, the fuel or the context
    /// word.
    pub const READS: Effects = Effects(2);
    /// It writes one of them.
    pub const WRITES: Effects = Effects(4);
    /// It runs other code: a call or a service of the runtime.
    pub const CALLS: Effects = Effects(8);
    /// It ends its block.
    pub const ENDS: Effects = Effects(16);
    /// It may suspend whatever its signature says (`join`).
    pub const SUSPENDS: Effects = Effects(32);
    /// It appears in lowered functions only.
    pub const LOWERED: Effects = Effects(64);
    /// It appears in modules that declare themselves trusted only.
    pub const TRUSTED: Effects = Effects(128);

    /// It may throw an exception, its own or that of what it runs.
    pub const THROWS: Effects = Effects(256);
    /// The collector may run and move objects: a safepoint. References live across it are in root
    /// slots by then.
    pub const COLLECTS: Effects = Effects(512);

    /// The union of two sets.
    pub const fn and(self, other: Effects) -> Effects {
        Effects(self.0 | other.0)
    }
    /// Whether all flags of `other` are set.
    pub const fn has(self, other: Effects) -> bool {
        self.0 & other.0 == other.0
    }
    /// The names of the flags that are set.
    pub fn names(self) -> Vec<&'static str> {
        const NAMES: [(Effects, &str); 10] = [
            (Effects::TRAPS, "may trap"),
            (Effects::READS, "reads"),
            (Effects::WRITES, "writes"),
            (Effects::CALLS, "calls"),
            (Effects::ENDS, "ends its block"),
            (Effects::SUSPENDS, "may suspend"),
            (Effects::LOWERED, "lowered functions only"),
            (Effects::TRUSTED, "trusted modules only"),
            (Effects::THROWS, "may throw"),
            (Effects::COLLECTS, "may collect"),
        ];
        NAMES
            .iter()
            .filter(|(flag, _)| self.has(*flag))
            .map(|(_, name)| *name)
            .collect()
    }
}

impl fmt::Debug for Effects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.names()).finish()
    }
}

/// One row of the instruction table.
#[derive(Clone, Copy, Debug)]
pub struct OpcodeInfo {
    /// The opcode that the row defines.
    pub opcode: Opcode,
    /// The mnemonic in the text format.
    pub name: &'static str,
    /// The heading under which the reference lists it.
    pub group: &'static str,
    /// The reference text, one line per element.
    pub doc: &'static [&'static str],
    /// Shape and payload.
    pub kind: OperandKind,
    /// What `T` may be; `None` where no rule mentions `T`.
    pub class: Option<TypeClass>,
    /// Which shapes the mnemonic's suffix may name; `None` where there is none.
    pub shapes: Option<ShapeClass>,
    /// Types of the value operands, in order.
    pub operands: &'static [TypeRule],
    /// Types of the results, in order.
    pub results: &'static [TypeRule],
    /// What it may do besides.
    pub effects: Effects,
    /// `PARAMETERS | LINES | EXPECTATION`, run by a test inside the reference's prelude: parameters
    /// as `7:i64`, expectation as `v2 == 12:i64` (returned by an added `return v2`),
    /// `== 12:i64` (the lines return themselves), `trap CODE` or `throws 7:i64`, the tag.
    pub example: &'static str,
}

impl OpcodeInfo {
    /// Whether the mnemonic carries `T` as a suffix: it does where no operand shows `T`.
    pub fn has_type_suffix(&self) -> bool {
        self.class.is_some() && !self.operands.contains(&TypeRule::T)
    }
}

impl Opcode {
    /// The row of this opcode.
    pub fn info(self) -> &'static OpcodeInfo {
        &crate::instructions::TABLE[self as usize]
    }
    /// The mnemonic in the text format.
    pub fn name(self) -> &'static str {
        self.info().name
    }
    /// Whether the instruction ends its block.
    pub fn is_terminator(self) -> bool {
        self.info().effects.has(Effects::ENDS)
    }
    /// Whether the instruction catches exceptions: its first target is the normal one, its second
    /// the unwind target, and its last two results are the exception.
    pub fn has_unwind_edge(self) -> bool {
        matches!(
            self.info().kind,
            OperandKind::TryCall | OperandKind::TryCallIndirect | OperandKind::TryJoin
        )
    }
    /// Whether the collector may run at the instruction.
    pub fn is_safepoint(self) -> bool {
        self.info().effects.has(Effects::COLLECTS)
    }
    /// All rows, in the order of the reference.
    pub fn all() -> &'static [OpcodeInfo] {
        crate::instructions::TABLE
    }
}

impl fmt::Display for Opcode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Opcode {
    type Err = ();
    fn from_str(text: &str) -> Result<Opcode, ()> {
        use std::sync::LazyLock;
        static BY_NAME: LazyLock<crate::hash::FxHashMap<&'static str, Opcode>> =
            LazyLock::new(|| {
                Opcode::all()
                    .iter()
                    .map(|row| (row.name, row.opcode))
                    .collect()
            });
        BY_NAME.get(text).copied().ok_or(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accesses_that_always_succeed_do_not_trap() {
        for (opcode, effects) in [
            (Opcode::MemorySize, Effects::READS),
            (Opcode::GlobalGet, Effects::READS),
            (Opcode::GlobalSet, Effects::WRITES),
            (Opcode::ContextGet, Effects::READS),
            (Opcode::ContextSet, Effects::WRITES),
        ] {
            assert_eq!(opcode.info().effects, effects, "{opcode}");
        }
        assert!(Opcode::TableGet.info().effects.has(Effects::TRAPS));
    }
}
