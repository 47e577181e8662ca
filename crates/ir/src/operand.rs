//! What an instruction carries besides values and branch targets.

use crate::entity::{
    DataId, FieldId, FuncId, GlobalId, LayoutId, MemoryId, ObjectTypeId, PointId, RootId, SigId,
    StackSlot, TableId,
};
use crate::shape::Shape;
use std::fmt;
use std::str::FromStr;

macro_rules! named_enum {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum $name { $($(#[$variant_doc])* $variant,)* }

        impl $name {
            /// Every variant, in order of declaration.
            pub const ALL: &'static [$name] = &[$($name::$variant,)*];
            /// The name in the text format.
            pub const fn name(self) -> &'static str {
                match self { $($name::$variant => $text,)* }
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.name())
            }
        }
        impl FromStr for $name {
            type Err = ();
            fn from_str(text: &str) -> Result<Self, ()> {
                Self::ALL.iter().copied().find(|item| item.name() == text).ok_or(())
            }
        }
    };
}
pub(crate) use named_enum;

named_enum! {
    /// How `icmp` compares two integers.
    IntCond {
        /// Equal.
        Equal = "eq",
        /// Not equal.
        NotEqual = "ne",
        /// Signed less than.
        SignedLess = "slt",
        /// Signed less than or equal.
        SignedLessEqual = "sle",
        /// Signed greater than.
        SignedGreater = "sgt",
        /// Signed greater than or equal.
        SignedGreaterEqual = "sge",
        /// Unsigned less than.
        UnsignedLess = "ult",
        /// Unsigned less than or equal.
        UnsignedLessEqual = "ule",
        /// Unsigned greater than.
        UnsignedGreater = "ugt",
        /// Unsigned greater than or equal.
        UnsignedGreaterEqual = "uge",
    }
}

named_enum! {
    /// How `fcmp` compares two floats. Every comparison with a NaN is false but `ne`, `uno`.
    FloatCond {
        /// Equal and ordered.
        Equal = "eq",
        /// Not equal or unordered.
        NotEqual = "ne",
        /// Less than.
        Less = "lt",
        /// Less than or equal.
        LessEqual = "le",
        /// Greater than.
        Greater = "gt",
        /// Greater than or equal.
        GreaterEqual = "ge",
        /// Neither operand is a NaN.
        Ordered = "ord",
        /// An operand is a NaN.
        Unordered = "uno",
    }
}

named_enum! {
    /// Why a task or call ended without results.
    TrapCode {
        /// Control reached a place that the program declares impossible.
        Unreachable = "unreachable",
        /// An integer division or remainder by zero.
        DivisionByZero = "division_by_zero",
        /// The quotient of the smallest integer and -1.
        IntegerOverflow = "integer_overflow",
        /// A float is not a number or outside the range of the integer type.
        InvalidConversion = "invalid_conversion",
        /// An access outside a linear memory, data segment or stack slot.
        MemoryOutOfBounds = "memory_out_of_bounds",
        /// An access outside a table.
        TableOutOfBounds = "table_out_of_bounds",
        /// An indirect call of a null reference, or an access to an object through one.
        NullReference = "null_reference",
        /// An access to an object of another type.
        WrongObjectType = "wrong_object_type",
        /// An access outside an array.
        ArrayOutOfBounds = "array_out_of_bounds",
        /// An indirect call of a function with another signature.
        SignatureMismatch = "signature_mismatch",
        /// The stack limit of the instance was reached.
        StackOverflow = "stack_overflow",
        /// No memory for a continuation, task or object within the instance's limit.
        OutOfMemory = "out_of_memory",
        /// A task value that names no task: joined, detached or finished and gone.
        InvalidTask = "invalid_task",
        /// The joined task has results of other types.
        TaskTypeMismatch = "task_type_mismatch",
        /// Tasks wait for one another, and nothing can end that.
        Deadlock = "deadlock",
        /// The host function that was called returned an error.
        HostError = "host_error",
        /// The fuel of the instance is used up.
        OutOfFuel = "out_of_fuel",
        /// A raw address was used where only an interpreter runs.
        RawAccess = "raw_access",
        /// The program asked for a trap.
        User = "user",
    }
}

/// Where the memory of an access lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// A linear memory; the one address operand is a bounds-checked index.
    Memory(MemoryId),
    /// A stack slot of this function. With no address operand the access is checked by the
    /// verifier, with one (a bounds-checked index) when it runs.
    Slot(StackSlot),
    /// Behind a value of type `addr`.
    Address,
    /// Behind a raw `i64` address. Trusted modules only.
    Raw,
}

/// The part of an instruction that is neither a value nor a branch target.
///
/// [`OperandKind`](crate::OperandKind) of the opcode says which variant an instruction has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Payload {
    /// Nothing.
    None,
    /// An integer constant, sign-extended from its type.
    Integer(i64),
    /// The bits of a float constant; an `f32` has them in the low half.
    Float(u64),
    /// The 16 bytes of a vector, least significant first.
    Vector([u8; 16]),
    /// A condition on integers.
    IntCond(IntCond),
    /// A condition on floats.
    FloatCond(FloatCond),
    /// A shape.
    Shape(Shape),
    /// A lane of a vector of a shape.
    Lane(Shape, u8),
    /// A condition on the integers of each lane.
    LanesIntCond(Shape, IntCond),
    /// A condition on the floats of each lane.
    LanesFloatCond(Shape, FloatCond),
    /// For each byte of the result, the number of the byte of two vectors that it is.
    Shuffle([u8; 16]),
    /// A function of the module.
    Function(FuncId),
    /// A signature of the function.
    Signature(SigId),
    /// A memory access: where, and a constant offset in bytes.
    Access(Place, u32),
    /// A stack slot and an offset in bytes.
    Slot(StackSlot, u32),
    /// A linear memory.
    Memory(MemoryId),
    /// A destination and a source memory.
    MemoryPair(MemoryId, MemoryId),
    /// A memory and a data segment.
    MemoryData(MemoryId, DataId),
    /// A global variable.
    Global(GlobalId),
    /// A table of function references.
    Table(TableId),
    /// The reason of a trap.
    Trap(TrapCode),
    /// An object type.
    ObjectType(ObjectTypeId),
    /// A field of an object type.
    ObjectField(ObjectTypeId, FieldId),
    /// A root slot.
    Root(RootId),
    /// A continuation layout.
    Layout(LayoutId),
    /// A field of a continuation layout.
    Field(LayoutId, FieldId),
    /// A field of a continuation layout and the stack slot whose contents it holds.
    SlotField(LayoutId, FieldId, StackSlot),
    /// A suspension point.
    Point(PointId),
    /// A result of the call at a suspension point, by position.
    PointResult(PointId, u32),
}

impl Payload {
    /// The shape, of an instruction that has one.
    pub const fn shape(self) -> Option<Shape> {
        match self {
            Payload::Shape(shape)
            | Payload::Lane(shape, _)
            | Payload::LanesIntCond(shape, _)
            | Payload::LanesFloatCond(shape, _) => Some(shape),
            _ => None,
        }
    }
}
