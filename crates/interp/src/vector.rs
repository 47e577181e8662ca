//! Operations on vectors, lane by lane with what the scalar instructions compute.
//!
//! A lane is taken out of the 128 bits, held as a scalar of its type is (an integer sign-extended
//! to 64 bits), and put back with its width only.

use crate::error::Stop;
use crate::float;
use crate::integer::{self, narrow};
use crate::machine::{Flow, Machine};
use crate::stack::{Site, Stack};
use crate::value::Cell;
use enjamb_ir::{Payload, Shape, Type};

type Outcome = Result<Flow, Stop>;

/// An operation on bits: integers sign-extended to a word stay so.
#[derive(Clone, Copy)]
pub(crate) enum Bitwise {
    And,
    Or,
    Xor,
    Not,
}

impl Bitwise {
    pub(crate) fn evaluate<'a>(self, stack: &Stack<'a>, site: &Site<'a>) -> Result<Cell, Stop> {
        let args = site.args();
        let first = site.cell(stack, args[0])?.wide_bits();
        let second = || Ok::<u128, Stop>(site.cell(stack, args[1])?.wide_bits());
        let bits = match self {
            Bitwise::And => first & second()?,
            Bitwise::Or => first | second()?,
            Bitwise::Xor => first ^ second()?,
            Bitwise::Not => !first,
        };
        Ok(match site.data.ty {
            Type::V128 => Cell::vector(bits),
            _ => Cell::new(bits as u64),
        })
    }
}

/// An operation on each lane of one or two vectors.
#[derive(Clone, Copy)]
pub(crate) enum Lanes {
    IntUnary(fn(u32, i64) -> i64),
    IntBinary(fn(u32, i64, i64) -> i64),
    /// By an amount for all lanes.
    Shift(fn(u32, i64, i64) -> i64),
    FloatUnary(float::Unary),
    FloatBinary(float::Binary),
    SignUnary(fn(Type, u64) -> u64),
    /// With the condition of the instruction.
    Compare,
}

impl Lanes {
    pub(crate) fn evaluate<'a>(self, stack: &Stack<'a>, site: &Site<'a>) -> Result<Cell, Stop> {
        let shape = shape_of(site)?;
        let ty = shape.lane_type();
        let width = ty.bits();
        let first = vector(stack, site, 0)?;
        let unary = |apply: &dyn Fn(u64) -> u64| map(shape, |at| apply(lane(shape, first, at)));
        let binary = |apply: &dyn Fn(u64, u64) -> u64| {
            let second = vector(stack, site, 1)?;
            let pair = |at| (lane(shape, first, at), lane(shape, second, at));
            Ok::<u128, Stop>(map(shape, |at| {
                let (a, b) = pair(at);
                apply(a, b)
            }))
        };
        let bits = match self {
            Lanes::IntUnary(apply) => unary(&|a| apply(width, a as i64) as u64),
            Lanes::IntBinary(apply) => binary(&|a, b| apply(width, a as i64, b as i64) as u64)?,
            Lanes::Shift(apply) => {
                let amount = site.arg(stack, 1)? as i64;
                unary(&|a| apply(width, a as i64, amount) as u64)
            }
            Lanes::FloatUnary(operation) => unary(&|a| operation.apply(ty, a)),
            Lanes::FloatBinary(operation) => binary(&|a, b| operation.apply(ty, a, b))?,
            Lanes::SignUnary(apply) => unary(&|a| apply(ty, a)),
            Lanes::Compare => binary(&|a, b| if holds(site, ty, a, b) { u64::MAX } else { 0 })?,
        };
        Ok(Cell::vector(bits))
    }
}

/// Whether the condition of an instruction holds for two lanes.
fn holds(site: &Site<'_>, ty: Type, a: u64, b: u64) -> bool {
    match site.data.payload {
        Payload::LanesIntCond(_, condition) => integer::compare(condition, a as i64, b as i64),
        Payload::LanesFloatCond(_, condition) => {
            float::compare(condition, float::widened(ty, a), float::widened(ty, b))
        }
        _ => false,
    }
}

/// The lane of a vector as a scalar of its type is held.
fn lane(shape: Shape, bits: u128, at: u32) -> u64 {
    let ty = shape.lane_type();
    let word = (bits >> (at * ty.bits())) as u64;
    match ty.is_int() {
        true => narrow(ty.bits(), word as i64) as u64,
        false => integer::unsigned(ty.bits(), word as i64),
    }
}

/// The low bits of a scalar at the place of a lane.
fn placed(shape: Shape, at: u32, value: u64) -> u128 {
    let width = shape.lane_type().bits();
    u128::from(integer::unsigned(width, value as i64)) << (at * width)
}

/// The vector whose lanes are what `of` says.
fn map(shape: Shape, of: impl Fn(u32) -> u64) -> u128 {
    (0..shape.lanes()).fold(0, |bits, at| bits | placed(shape, at, of(at)))
}

/// A vector operand, by position.
fn vector(stack: &Stack<'_>, site: &Site<'_>, position: usize) -> Result<u128, Stop> {
    Ok(site.cell(stack, site.args()[position])?.wide_bits())
}

fn shape_of(site: &Site<'_>) -> Result<Shape, Stop> {
    site.data.payload.shape().ok_or_else(|| wrong(site))
}

fn wrong(site: &Site<'_>) -> Stop {
    Stop::Fault(format!(
        "`{}` has a payload of another kind",
        site.data.opcode
    ))
}

pub(crate) fn constant<'a>(_: &mut Machine<'a>, stack: &mut Stack<'a>, site: &Site<'a>) -> Outcome {
    let Payload::Vector(bytes) = site.data.payload else {
        return Err(wrong(site));
    };
    site.set(stack, 0, Cell::vector(u128::from_le_bytes(bytes)));
    Ok(Flow::Next)
}

pub(crate) fn splat<'a>(_: &mut Machine<'a>, stack: &mut Stack<'a>, site: &Site<'a>) -> Outcome {
    let shape = shape_of(site)?;
    let value = site.arg(stack, 0)?;
    site.set(stack, 0, Cell::vector(map(shape, |_| value)));
    Ok(Flow::Next)
}

/// Shape and number of the lane that an instruction names.
fn lane_of(site: &Site<'_>) -> Result<(Shape, u32), Stop> {
    match site.data.payload {
        Payload::Lane(shape, at) => Ok((shape, at.into())),
        _ => Err(wrong(site)),
    }
}

pub(crate) fn extract_lane<'a>(
    _: &mut Machine<'a>,
    stack: &mut Stack<'a>,
    site: &Site<'a>,
) -> Outcome {
    let (shape, at) = lane_of(site)?;
    let value = lane(shape, vector(stack, site, 0)?, at);
    site.define(stack, value);
    Ok(Flow::Next)
}

pub(crate) fn insert_lane<'a>(
    _: &mut Machine<'a>,
    stack: &mut Stack<'a>,
    site: &Site<'a>,
) -> Outcome {
    let (shape, at) = lane_of(site)?;
    let kept = vector(stack, site, 0)? & !placed(shape, at, u64::MAX);
    let bits = kept | placed(shape, at, site.arg(stack, 1)?);
    site.set(stack, 0, Cell::vector(bits));
    Ok(Flow::Next)
}

pub(crate) fn shuffle<'a>(_: &mut Machine<'a>, stack: &mut Stack<'a>, site: &Site<'a>) -> Outcome {
    let Payload::Shuffle(numbers) = site.data.payload else {
        return Err(wrong(site));
    };
    let pair = [vector(stack, site, 0)?, vector(stack, site, 1)?].map(u128::to_le_bytes);
    let bytes = numbers.map(|number| pair.as_flattened()[usize::from(number)]);
    site.set(stack, 0, Cell::vector(u128::from_le_bytes(bytes)));
    Ok(Flow::Next)
}

pub(crate) fn bitselect<'a>(
    _: &mut Machine<'a>,
    stack: &mut Stack<'a>,
    site: &Site<'a>,
) -> Outcome {
    let mask = vector(stack, site, 0)?;
    let bits = (vector(stack, site, 1)? & mask) | (vector(stack, site, 2)? & !mask);
    site.set(stack, 0, Cell::vector(bits));
    Ok(Flow::Next)
}

pub(crate) fn any_true<'a>(_: &mut Machine<'a>, stack: &mut Stack<'a>, site: &Site<'a>) -> Outcome {
    let any = vector(stack, site, 0)? != 0;
    site.define(stack, any.into());
    Ok(Flow::Next)
}

pub(crate) fn all_true<'a>(_: &mut Machine<'a>, stack: &mut Stack<'a>, site: &Site<'a>) -> Outcome {
    let shape = shape_of(site)?;
    let bits = vector(stack, site, 0)?;
    let all = (0..shape.lanes()).all(|at| lane(shape, bits, at) != 0);
    site.define(stack, all.into());
    Ok(Flow::Next)
}

pub(crate) fn lane_mask<'a>(
    _: &mut Machine<'a>,
    stack: &mut Stack<'a>,
    site: &Site<'a>,
) -> Outcome {
    let shape = shape_of(site)?;
    let bits = vector(stack, site, 0)?;
    let negative = |at: &u32| (lane(shape, bits, *at) as i64) < 0;
    let mask = (0..shape.lanes()).filter(negative).map(|at| 1 << at).sum();
    site.define(stack, mask);
    Ok(Flow::Next)
}
