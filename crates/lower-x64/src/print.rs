//! Machine code in virtual registers as text.

use crate::machine::{Call, Callee, Code, Step};
use enjamb_regalloc::VReg;
use enjamb_x64::Reg;
use std::fmt;

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.code {
            Code::Asm(inst) => write!(f, "{inst}"),
            Code::Arguments(values) => {
                f.write_str("arguments")?;
                pairs(values, f)
            }
            Code::ZeroFrame { offset, bytes, .. } => {
                write!(f, "zero {bytes} bytes at [rbp{offset:+}]")
            }
            Code::FloatZero(output) => write!(f, "float_zero {output}"),
            Code::SymbolAddress { output, symbol } => write!(f, "lea {output}, symbol {symbol}"),
            Code::TrapIf(Some(cond), code) => write!(f, "trap_if {cond:?}, {code}"),
            Code::TrapIf(None, code) | Code::Trap(code) => write!(f, "trap {code}"),
            Code::CanonicalNan {
                size,
                input,
                output,
            } => {
                write!(f, "canonical_nan {size:?} {output}={input}")
            }
            Code::Extremum {
                size,
                is_max,
                inputs: [first, second],
                output,
            } => {
                let name = if *is_max { "float_max" } else { "float_min" };
                write!(f, "{name} {size:?} {output}={first}, {second}")
            }
            Code::FloatSelect {
                predicate,
                inputs: [first, second],
                output,
            } => {
                write!(f, "float_select {predicate}, {output}, {first}, {second}")
            }
            Code::TableAddress {
                table,
                index,
                output,
                ..
            } => {
                write!(f, "table_address {output}, table {table}, {index}")
            }
            Code::Call(call) => write_call("call", call, f),
            Code::TailCall(call) => write_call("tail_call", call, f),
            Code::NewContinuation {
                size,
                callee,
                output,
                ..
            } => {
                write!(f, "new_continuation {output}, {size}, {callee}")
            }
            Code::Jump => f.write_str("jump"),
            Code::Branch(predicate) => write!(f, "branch {predicate}"),
            Code::TableJump { table, target } => write!(f, "table_jump table {table}, {target}"),
            Code::Return { results, .. } => {
                f.write_str("return")?;
                pairs(results, f)
            }
            Code::Suspend(continuation) => write!(f, "suspend {continuation}"),
        }
    }
}

fn pairs(values: &[(VReg, Reg)], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for (place, (value, register)) in values.iter().enumerate() {
        let lead = if place == 0 { " " } else { ", " };
        write!(f, "{lead}{register}={value}")?;
    }
    Ok(())
}

fn write_call(name: &str, call: &Call, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match call.callee {
        Callee::Symbol(symbol) => write!(f, "{name} symbol {symbol}")?,
        Callee::Address => f.write_str(name)?,
    }
    pairs(&call.arguments, f)?;
    if !call.results.is_empty() {
        f.write_str(" ->")?;
        pairs(&call.results, f)?;
    }
    if call.stack_bytes > 0 {
        write!(f, ", {} bytes on the stack", call.stack_bytes)?;
    }
    Ok(())
}
