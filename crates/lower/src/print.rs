//! Machine code in virtual registers as text.

use crate::machine::{Call, Callee, Code, Step, TargetInst};
use crate::registers::int;
use enjamb_abi::code::Throw;
use enjamb_regalloc::{PReg, VReg};
use std::fmt;

impl<T: TargetInst> fmt::Display for Step<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.code {
            Code::Target(inst) => write!(f, "{inst}"),
            Code::Arguments(values) => {
                f.write_str("arguments")?;
                pairs::<T>(values, f)
            }
            Code::ZeroFrame { offset, bytes, .. } => {
                let base = register::<T>(int(T::REGISTERS.frame_pointer));
                write!(f, "zero {bytes} bytes at [{base}{offset:+}]")
            }
            Code::SymbolAddress { output, symbol } => write!(f, "lea {output}, symbol {symbol}"),
            Code::TrapIf(Some(predicate), code) => write!(f, "trap_if {predicate}, {code}"),
            Code::TrapIf(None, code) | Code::Trap(code) => write!(f, "trap {code}"),
            Code::TableAddress {
                table,
                index,
                output,
                ..
            } => {
                write!(f, "table_address {output}, table {table}, {index}")
            }
            Code::Call(call) => write_call::<T>("call", call, f),
            Code::TailCall(call) => write_call::<T>("tail_call", call, f),
            Code::TryCall { call, exception } => {
                write_call::<T>("try_call", call, f)?;
                f.write_str(", unwind")?;
                pairs::<T>(&exception_pairs::<T>(exception), f)
            }
            Code::Throw { exception, throw } => {
                f.write_str(match throw {
                    Throw::New => "throw",
                    Throw::Again => "rethrow",
                })?;
                pairs::<T>(&exception_pairs::<T>(exception), f)
            }
            Code::NewContinuation {
                stub,
                callee,
                output,
            } => {
                write!(f, "new_continuation {output}, symbol {stub}, {callee}")
            }
            Code::Copy { output, input } => write!(f, "copy {output}, {input}"),
            Code::Object(code) => write!(f, "{code}"),
            Code::Jump => f.write_str("jump"),
            Code::Branch(predicate) => write!(f, "branch {predicate}"),
            Code::TableJump { table, target } => write!(f, "table_jump table {table}, {target}"),
            Code::Return { results, .. } => {
                f.write_str("return")?;
                pairs::<T>(results, f)
            }
            Code::Suspend(continuation) => write!(f, "suspend {continuation}"),
            Code::SetPointLinkSuspend {
                object,
                callee,
                point,
            } => write!(f, "set_point_link_suspend {object}, {point}, {callee}"),
        }
    }
}

/// The name of a register.
pub(crate) fn register<T: TargetInst>(register: PReg) -> impl fmt::Display {
    fmt::from_fn(move |f| T::write_register(register, f))
}

fn exception_pairs<T: TargetInst>(exception: &[VReg; 2]) -> Vec<(VReg, PReg)> {
    let words = exception.iter().copied();
    words.zip(T::REGISTERS.exception()).collect()
}

fn pairs<T: TargetInst>(values: &[(VReg, PReg)], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for (place, &(value, preg)) in values.iter().enumerate() {
        let lead = if place == 0 { " " } else { ", " };
        write!(f, "{lead}{}={value}", register::<T>(preg))?;
    }
    Ok(())
}

fn write_call<T: TargetInst>(name: &str, call: &Call, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match call.callee {
        Callee::Symbol(symbol) => write!(f, "{name} symbol {symbol}")?,
        Callee::Address => f.write_str(name)?,
    }
    pairs::<T>(&call.arguments, f)?;
    if !call.results.is_empty() {
        f.write_str(" ->")?;
        pairs::<T>(&call.results, f)?;
    }
    if call.stack_bytes > 0 {
        write!(f, ", {} bytes on the stack", call.stack_bytes)?;
    }
    Ok(())
}
