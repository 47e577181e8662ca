//! Constants, comparison, selection and control flow.

use crate::error::Stop;
use crate::float;
use crate::integer;
use crate::machine::{Flow, Machine};
use crate::stack::{Site, Stack};
use crate::value::function_bits;
use enjamb_ir::{Payload, TrapCode};

type Outcome = Result<Flow, Stop>;

/// The fault for a payload that does not belong to the opcode, which the verifier rejects.
pub(crate) fn wrong_payload(site: &Site<'_>) -> Stop {
    let opcode = site.data.opcode;
    Stop::fault(format!("`{opcode}` does not carry what it needs"))
}

pub(crate) fn integer_constant<'a>(
    _: &mut Machine<'a>,
    stack: &mut Stack<'a>,
    site: &Site<'a>,
) -> Outcome {
    let Payload::Integer(constant) = site.data.payload else {
        return Err(wrong_payload(site));
    };
    site.define(stack, integer::narrow(site.data.ty.bits(), constant) as u64);
    Ok(Flow::Next)
}

pub(crate) fn float_constant<'a>(
    _: &mut Machine<'a>,
    stack: &mut Stack<'a>,
    site: &Site<'a>,
) -> Outcome {
    let Payload::Float(bits) = site.data.payload else {
        return Err(wrong_payload(site));
    };
    site.define(stack, bits);
    Ok(Flow::Next)
}

pub(crate) fn null<'a>(_: &mut Machine<'a>, stack: &mut Stack<'a>, site: &Site<'a>) -> Outcome {
    site.define(stack, 0);
    Ok(Flow::Next)
}

pub(crate) fn function_address<'a>(
    _: &mut Machine<'a>,
    stack: &mut Stack<'a>,
    site: &Site<'a>,
) -> Outcome {
    let Payload::Function(function) = site.data.payload else {
        return Err(wrong_payload(site));
    };
    site.define(stack, function_bits(function));
    Ok(Flow::Next)
}

pub(crate) fn compare_integers<'a>(
    _: &mut Machine<'a>,
    stack: &mut Stack<'a>,
    site: &Site<'a>,
) -> Outcome {
    let Payload::IntCond(condition) = site.data.payload else {
        return Err(wrong_payload(site));
    };
    let (a, b) = (site.arg(stack, 0)? as i64, site.arg(stack, 1)? as i64);
    site.define(stack, integer::compare(condition, a, b).into());
    Ok(Flow::Next)
}

pub(crate) fn compare_floats<'a>(
    _: &mut Machine<'a>,
    stack: &mut Stack<'a>,
    site: &Site<'a>,
) -> Outcome {
    let Payload::FloatCond(condition) = site.data.payload else {
        return Err(wrong_payload(site));
    };
    let ty = site.function.value_type(site.args()[0]);
    let a = float::widened(ty, site.arg(stack, 0)?);
    let b = float::widened(ty, site.arg(stack, 1)?);
    site.define(stack, float::compare(condition, a, b).into());
    Ok(Flow::Next)
}

pub(crate) fn same_reference<'a>(
    _: &mut Machine<'a>,
    stack: &mut Stack<'a>,
    site: &Site<'a>,
) -> Outcome {
    let same = site.arg(stack, 0)? == site.arg(stack, 1)?;
    site.define(stack, same.into());
    Ok(Flow::Next)
}

pub(crate) fn is_null<'a>(_: &mut Machine<'a>, stack: &mut Stack<'a>, site: &Site<'a>) -> Outcome {
    let null = site.arg(stack, 0)? == 0;
    site.define(stack, null.into());
    Ok(Flow::Next)
}

pub(crate) fn select<'a>(_: &mut Machine<'a>, stack: &mut Stack<'a>, site: &Site<'a>) -> Outcome {
    let condition = site.arg(stack, 0)?;
    let args = site.args();
    let (yes, no) = (site.cell(stack, args[1])?, site.cell(stack, args[2])?);
    site.set(stack, 0, if condition != 0 { yes } else { no });
    Ok(Flow::Next)
}

/// The target of a call that returned, by position.
const NORMAL: usize = 0;
/// The target of a call that threw.
pub(crate) const UNWIND: usize = 1;

/// Goes on behind a call whose results are defined.
pub(crate) fn go_on<'a>(
    machine: &mut Machine<'a>,
    stack: &mut Stack<'a>,
    site: &Site<'a>,
) -> Outcome {
    match site.data.opcode.has_unwind_edge() {
        true => go(machine, stack, site, NORMAL),
        false => Ok(Flow::Next),
    }
}

/// Goes to a target of the terminator, by position.
pub(crate) fn go<'a>(
    machine: &mut Machine<'a>,
    stack: &mut Stack<'a>,
    site: &Site<'a>,
    position: usize,
) -> Outcome {
    let target = site.function.targets(site.inst)[position];
    stack.branch(site, target, &mut machine.scratch);
    Ok(Flow::Next)
}

pub(crate) fn jump<'a>(
    machine: &mut Machine<'a>,
    stack: &mut Stack<'a>,
    site: &Site<'a>,
) -> Outcome {
    go(machine, stack, site, 0)
}

pub(crate) fn branch_if<'a>(
    machine: &mut Machine<'a>,
    stack: &mut Stack<'a>,
    site: &Site<'a>,
) -> Outcome {
    let condition = site.arg(stack, 0)?;
    go(machine, stack, site, usize::from(condition == 0))
}

/// The default stands first among the targets.
pub(crate) fn branch_table<'a>(
    machine: &mut Machine<'a>,
    stack: &mut Stack<'a>,
    site: &Site<'a>,
) -> Outcome {
    let bits = site.function.value_type(site.args()[0]).bits();
    let index = integer::unsigned(bits, site.arg(stack, 0)? as i64);
    let entries = site.function.targets(site.inst).len() as u64 - 1;
    let position = if index < entries { index + 1 } else { 0 };
    go(machine, stack, site, position as usize)
}

pub(crate) fn trap<'a>(_: &mut Machine<'a>, _: &mut Stack<'a>, site: &Site<'a>) -> Outcome {
    let Payload::Trap(code) = site.data.payload else {
        return Err(wrong_payload(site));
    };
    Err(code.into())
}

pub(crate) fn unreachable<'a>(_: &mut Machine<'a>, _: &mut Stack<'a>, _: &Site<'a>) -> Outcome {
    Err(TrapCode::Unreachable.into())
}
