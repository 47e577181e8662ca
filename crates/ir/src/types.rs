//! Types of values, classes of types, and signatures.

use std::fmt;
use std::str::FromStr;

/// The type of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Type {
    /// 8-bit integer; comparisons give 0 or 1 of this type.
    I8,
    /// 16-bit integer.
    I16,
    /// 32-bit integer.
    I32,
    /// 64-bit integer.
    I64,
    /// IEEE 754 binary32.
    F32,
    /// IEEE 754 binary64.
    F64,
    /// 128 bits, which each instruction divides into lanes of a [`Shape`](crate::Shape).
    V128,
    /// An object, or an opaque handle of the host where instances have no heap; or null.
    Ref,
    /// A function reference that cannot be forged, or null.
    FuncRef,
    /// An address in the frame of a function; never stored, returned or cast.
    Addr,
    /// A task: an index with a generation.
    Task,
    /// A continuation, or null. Lowered functions only.
    Cont,
}

impl Type {
    /// Every type, in order of declaration.
    pub const ALL: [Type; 12] = [
        Type::I8,
        Type::I16,
        Type::I32,
        Type::I64,
        Type::F32,
        Type::F64,
        Type::V128,
        Type::Ref,
        Type::FuncRef,
        Type::Addr,
        Type::Task,
        Type::Cont,
    ];

    /// Size of a value in bytes, in memory and in a continuation.
    pub const fn bytes(self) -> u32 {
        match self {
            Type::I8 => 1,
            Type::I16 => 2,
            Type::I32 | Type::F32 => 4,
            Type::I64 | Type::F64 => 8,
            Type::Ref | Type::FuncRef | Type::Addr | Type::Task | Type::Cont => 8,
            Type::V128 => 16,
        }
    }

    /// Alignment of a value in bytes wherever the compiler places it: that of its size, up to 8.
    pub const fn align(self) -> u32 {
        let bytes = self.bytes();
        if bytes < 8 { bytes } else { 8 }
    }

    /// How many 8-byte words a value takes where values are handed over in words: argument buffers,
    /// result areas, the stack at a call. A vector takes two, its low half first.
    pub const fn words(self) -> usize {
        self.bytes().div_ceil(8) as usize
    }

    /// Size of a value in bits.
    pub const fn bits(self) -> u32 {
        self.bytes() * 8
    }

    /// Whether this is one of the integer types.
    pub const fn is_int(self) -> bool {
        matches!(self, Type::I8 | Type::I16 | Type::I32 | Type::I64)
    }

    /// Whether this is a floating-point type.
    pub const fn is_float(self) -> bool {
        matches!(self, Type::F32 | Type::F64)
    }

    /// Whether values live in the registers that floats and vectors share.
    pub const fn in_vector_register(self) -> bool {
        self.is_float() || matches!(self, Type::V128)
    }

    /// The name in the text format.
    pub const fn name(self) -> &'static str {
        match self {
            Type::I8 => "i8",
            Type::I16 => "i16",
            Type::I32 => "i32",
            Type::I64 => "i64",
            Type::F32 => "f32",
            Type::F64 => "f64",
            Type::V128 => "v128",
            Type::Ref => "ref",
            Type::FuncRef => "funcref",
            Type::Addr => "addr",
            Type::Task => "task",
            Type::Cont => "cont",
        }
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Type {
    type Err = ();
    fn from_str(text: &str) -> Result<Type, ()> {
        Type::ALL.into_iter().find(|ty| ty.name() == text).ok_or(())
    }
}

/// A set of types that an operand of an instruction accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TypeClass {
    /// `i8`, `i16`, `i32`, `i64`.
    Int,
    /// `i32`, `i64`: what a float converts to and an index may have.
    WideInt,
    /// `f32`, `f64`.
    Float,
    /// Integers and `v128`: what is combined bit by bit.
    Bits,
    /// Integers and floats.
    Number,
    /// Integers, floats and `v128`: what linear memory can hold.
    Stored,
    /// `ref`, `funcref`: what can be null.
    Nullable,
    /// `ref`, `funcref`, `task`: what is compared by identity.
    Identity,
    /// Everything but `addr` and `cont`: what can be saved, stored in globals and selected.
    Data,
    /// Every type.
    Any,
}

impl TypeClass {
    /// Whether `ty` belongs to the class.
    pub const fn contains(self, ty: Type) -> bool {
        match self {
            TypeClass::Int => ty.is_int(),
            TypeClass::WideInt => matches!(ty, Type::I32 | Type::I64),
            TypeClass::Float => ty.is_float(),
            TypeClass::Bits => ty.is_int() || matches!(ty, Type::V128),
            TypeClass::Number => ty.is_int() || ty.is_float(),
            TypeClass::Stored => ty.is_int() || ty.in_vector_register(),
            TypeClass::Nullable => matches!(ty, Type::Ref | Type::FuncRef),
            TypeClass::Identity => matches!(ty, Type::Ref | Type::FuncRef | Type::Task),
            TypeClass::Data => !matches!(ty, Type::Addr | Type::Cont),
            TypeClass::Any => true,
        }
    }

    /// How error messages and the reference call the class.
    pub const fn description(self) -> &'static str {
        match self {
            TypeClass::Int => "an integer type",
            TypeClass::WideInt => "i32 or i64",
            TypeClass::Float => "a float type",
            TypeClass::Bits => "an integer type or v128",
            TypeClass::Number => "an integer or float type",
            TypeClass::Stored => "an integer or float type or v128",
            TypeClass::Nullable => "ref or funcref",
            TypeClass::Identity => "ref, funcref or task",
            TypeClass::Data => "any type but addr and cont",
            TypeClass::Any => "any type",
        }
    }
}

/// How many words values of these types take together.
pub fn word_count(types: &[Type]) -> usize {
    types.iter().map(|ty| ty.words()).sum()
}

/// Parameter and result types of a function, and whether it may suspend.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Signature {
    /// Types of the parameters.
    pub params: Vec<Type>,
    /// Types of the results.
    pub results: Vec<Type>,
    /// Whether a call may suspend. The hidden continuation is not listed in `params`.
    pub is_async: bool,
}

impl Signature {
    /// The signature of a function that never suspends.
    pub fn sync(params: &[Type], results: &[Type]) -> Self {
        Signature {
            params: params.to_vec(),
            results: results.to_vec(),
            is_async: false,
        }
    }

    /// The signature of a function that may suspend.
    pub fn asynchronous(params: &[Type], results: &[Type]) -> Self {
        Signature {
            params: params.to_vec(),
            results: results.to_vec(),
            is_async: true,
        }
    }
}

impl Signature {
    /// The words of a buffer that holds the arguments and then, in their place, the results.
    pub fn buffer_words(&self) -> usize {
        word_count(&self.params).max(word_count(&self.results))
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(")?;
        comma_separated(f, &self.params)?;
        f.write_str(")")?;
        if !self.results.is_empty() {
            f.write_str(" -> ")?;
            comma_separated(f, &self.results)?;
        }
        if self.is_async {
            f.write_str(" async")?;
        }
        Ok(())
    }
}

/// Writes `items` with `, ` between them.
pub(crate) fn comma_separated<T: fmt::Display>(
    f: &mut fmt::Formatter<'_>,
    items: &[T],
) -> fmt::Result {
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            f.write_str(", ")?;
        }
        write!(f, "{item}")?;
    }
    Ok(())
}
