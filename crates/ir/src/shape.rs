//! Shapes: how an instruction divides the 128 bits of a vector into lanes.
//!
//! A value of type `v128` has no shape of its own; each instruction names one as the suffix of its
//! mnemonic, as in `viadd.i32x4 v0, v1`. Lane 0 holds the least significant bits and comes first in
//! memory.

use crate::operand::named_enum;
use crate::types::Type;
use std::fmt;
use std::str::FromStr;

named_enum! {
    /// Number and type of the lanes of a vector.
    Shape {
        /// Sixteen 8-bit integers.
        I8x16 = "i8x16",
        /// Eight 16-bit integers.
        I16x8 = "i16x8",
        /// Four 32-bit integers.
        I32x4 = "i32x4",
        /// Two 64-bit integers.
        I64x2 = "i64x2",
        /// Four IEEE 754 binary32 floats.
        F32x4 = "f32x4",
        /// Two IEEE 754 binary64 floats.
        F64x2 = "f64x2",
    }
}

impl Shape {
    /// The type of a lane.
    pub const fn lane_type(self) -> Type {
        match self {
            Shape::I8x16 => Type::I8,
            Shape::I16x8 => Type::I16,
            Shape::I32x4 => Type::I32,
            Shape::I64x2 => Type::I64,
            Shape::F32x4 => Type::F32,
            Shape::F64x2 => Type::F64,
        }
    }

    /// The number of lanes.
    pub const fn lanes(self) -> u32 {
        Type::V128.bytes() / self.lane_type().bytes()
    }
}

/// A set of shapes that an instruction takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShapeClass {
    /// Integer lanes.
    Int,
    /// Integer lanes of more than 8 bits.
    WideInt,
    /// Float lanes.
    Float,
    /// Every shape.
    Any,
}

impl ShapeClass {
    /// Whether `shape` belongs to the class.
    pub const fn contains(self, shape: Shape) -> bool {
        match self {
            ShapeClass::Int => shape.lane_type().is_int(),
            ShapeClass::WideInt => shape.lane_type().is_int() && shape.lanes() < 16,
            ShapeClass::Float => shape.lane_type().is_float(),
            ShapeClass::Any => true,
        }
    }

    /// How error messages and the reference call the class.
    pub const fn description(self) -> &'static str {
        match self {
            ShapeClass::Int => "a shape of integer lanes",
            ShapeClass::WideInt => "i16x8, i32x4 or i64x2",
            ShapeClass::Float => "f32x4 or f64x2",
            ShapeClass::Any => "any shape",
        }
    }
}
