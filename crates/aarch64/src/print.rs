//! Instructions as text, in the syntax of the architecture manual and of LLVM.
//!
//! A form is printed under its own name: `Subs64RRR` into the zero register is `subs xzr, x1, x2`, and
//! `Cmp64RR`, which has the same encoding, is `cmp x1, x2`. So what is printed says which form it is.

use std::fmt::{self, Display, Formatter};

use crate::form::{Kind, OperandForm, Registers, Table};
use crate::immediate::Immediate;
use crate::inst::Inst;
use crate::operand::{Extend, Mem, Operand, Shift};
use crate::register::{Reg, Width};

/// A register type that instructions can be printed in.
pub trait PrintRegister: Copy {
    /// Writes the name by which `width` of the register is used.
    fn print(self, width: Width, f: &mut Formatter<'_>) -> fmt::Result;

    /// Writes the name of a vector, behind which its arrangement follows.
    fn print_vector(self, f: &mut Formatter<'_>) -> fmt::Result {
        self.print(Width::B128, f)
    }
}

impl PrintRegister for Reg {
    fn print(self, width: Width, f: &mut Formatter<'_>) -> fmt::Result {
        self.name(width).fmt(f)
    }

    fn print_vector(self, f: &mut Formatter<'_>) -> fmt::Result {
        self.fmt(f)
    }
}

impl<R: PrintRegister> Display for Inst<R> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let form = self.op().info();
        let (before, after) = form.pattern.split_once('%').unwrap_or((form.pattern, ""));
        f.write_str(before)?;
        let mut operands = self.operands();
        let mut forms = form.operands;
        // A branch has its condition in the mnemonic.
        if let ([Operand::Cond(cond), others @ ..], true) = (operands, form.pattern == "b.") {
            cond.fmt(f)?;
            operands = others;
            forms = &forms[1..];
        }
        let mut separator = if form.pattern.contains('%') { "" } else { " " };
        for (index, (operand, place)) in operands.iter().zip(forms).enumerate() {
            if place.kind.is_optional() && matches!(operand, Operand::Shift(Shift::Lsl, 0)) {
                continue;
            }
            let is_lane = matches!(place.kind, Kind::Lane(_));
            f.write_str(if is_lane { "" } else { separator })?;
            separator = ", ";
            print_operand(operand, place, operands.get(index + 1), f)?;
        }
        f.write_str(after)
    }
}

/// Writes one operand; `next` is the one behind it.
fn print_operand<R: PrintRegister>(
    operand: &Operand<R>,
    place: &OperandForm,
    next: Option<&Operand<R>>,
    f: &mut Formatter<'_>,
) -> fmt::Result {
    match *operand {
        Operand::Reg(register) => match place.kind {
            Kind::Register(Registers::Vector(arrangement), _) => {
                register.print_vector(f)?;
                write!(f, ".{arrangement}")
            }
            Kind::Register(Registers::Table(part), _) => {
                f.write_str(if part == Table::Second { "" } else { "{ " })?;
                register.print_vector(f)?;
                f.write_str(if part == Table::First {
                    ".16b"
                } else {
                    ".16b }"
                })
            }
            Kind::Register(Registers::Extended, _) => {
                let is_whole =
                    matches!(next, Some(Operand::Extend(extend, _)) if extend.is_whole());
                let width = if is_whole { place.width } else { Width::B32 };
                register.print(width, f)
            }
            _ => register.print(place.width, f),
        },
        Operand::Mem(mem) => mem.fmt(f),
        Operand::Imm(value) => print_immediate(value, place, f),
        Operand::Label(label) => label.fmt(f),
        Operand::Cond(cond) => cond.fmt(f),
        Operand::Shift(shift, amount) => write!(f, "{shift} #{amount}"),
        Operand::Extend(extend, 0) => extend.fmt(f),
        Operand::Extend(extend, amount) => write!(f, "{extend} #{amount}"),
        Operand::System(register) => register.fmt(f),
        Operand::Barrier(scope) => scope.fmt(f),
    }
}

fn print_immediate(value: i64, place: &OperandForm, f: &mut Formatter<'_>) -> fmt::Result {
    match (place.kind, place.width) {
        (Kind::Lane(_), _) => write!(f, "[{value}]"),
        (Kind::Immediate(Immediate::Add), _) if value > 0xFFF => {
            write!(f, "#{}, lsl #12", value >> 12)
        }
        (Kind::Immediate(Immediate::Logical), Width::B32) => write!(f, "#{:#x}", value as u32),
        (Kind::Immediate(Immediate::Logical | Immediate::ByteMask), _) => {
            write!(f, "#{value:#x}")
        }
        (Kind::Immediate(Immediate::Float | Immediate::VectorFloat), Width::B32) => {
            write!(f, "#{:.8}", f32::from_bits(value as u32))
        }
        (Kind::Immediate(Immediate::Float | Immediate::VectorFloat), _) => {
            write!(f, "#{:.8}", f64::from_bits(value as u64))
        }
        _ => write!(f, "#{value}"),
    }
}

/// A register by the name of a width.
struct Named<R>(R, Width);

impl<R: PrintRegister> Display for Named<R> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.0.print(self.1, f)
    }
}

impl<R: PrintRegister> Display for Mem<R> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let full = |register| Named(register, Width::B64);
        match *self {
            Mem::Offset { base, disp: 0 } => write!(f, "[{}]", full(base)),
            Mem::Offset { base, disp } => write!(f, "[{}, #{disp}]", full(base)),
            Mem::PreIndex { base, disp } => write!(f, "[{}, #{disp}]!", full(base)),
            Mem::PostIndex { base, disp } => write!(f, "[{}], #{disp}", full(base)),
            Mem::Index {
                base,
                index,
                extend,
                amount,
            } => {
                let width = if extend.is_whole() {
                    Width::B64
                } else {
                    Width::B32
                };
                write!(f, "[{}, {}", full(base), Named(index, width))?;
                match (extend, amount) {
                    (Extend::Uxtx, 0) => {}
                    (Extend::Uxtx, amount) => write!(f, ", lsl #{amount}")?,
                    (extend, 0) => write!(f, ", {extend}")?,
                    (extend, amount) => write!(f, ", {extend} #{amount}")?,
                }
                f.write_str("]")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::op::Op;
    use crate::operand::{Cond, Label};

    #[derive(Clone, Copy)]
    struct Virtual(u32);

    impl PrintRegister for Virtual {
        fn print(self, _: Width, f: &mut Formatter<'_>) -> fmt::Result {
            write!(f, "v{}", self.0)
        }
    }

    #[test]
    fn physical_registers_have_the_name_of_their_width() {
        let text = |op, operands: &[Operand]| Inst::new(op, operands).unwrap().to_string();
        let [x1, x2, v3] = [Reg::X1, Reg::X2, Reg::V3].map(Operand::Reg);
        assert_eq!(text(Op::Add32RRR, &[x1, x2, x2]), "add w1, w2, w2");
        let shift = Operand::Shift(Shift::Asr, 3);
        assert_eq!(text(Op::Cmp64RR, &[x1, x2, shift]), "cmp x1, x2, asr #3");
        let extend = Operand::Extend(Extend::Sxtw, 2);
        let sp = Operand::Reg(Reg::SP);
        assert_eq!(
            text(Op::Add64RRX, &[sp, sp, x2, extend]),
            "add sp, sp, w2, sxtw #2"
        );
        assert_eq!(
            text(Op::Add64RRI, &[sp, sp, Operand::Imm(0x3000)]),
            "add sp, sp, #3, lsl #12"
        );
        let mem = Mem::extended(Reg::SP, Reg::X9, Extend::Uxtw, 3);
        assert_eq!(
            text(Op::LdrV64Index, &[v3, mem.into()]),
            "ldr d3, [sp, w9, uxtw #3]"
        );
        let to = [Cond::LE.into(), Label::from_index(3).into()];
        assert_eq!(text(Op::BCond, &to), "b.le L3");
        let one = Operand::Imm(1.0f64.to_bits() as i64);
        assert_eq!(text(Op::Fmov64VI, &[v3, one]), "fmov d3, #1.00000000");
        assert_eq!(
            text(Op::InsDR, &[v3, Operand::Imm(1), x2]),
            "mov v3.d[1], x2"
        );
        let v4 = Operand::Reg(Reg::V4);
        assert_eq!(
            text(Op::Tbl16BTTV, &[v3, v3, v4, v3]),
            "tbl v3.16b, { v3.16b, v4.16b }, v3.16b"
        );
        let place = Operand::Shift(Shift::Lsl, 8);
        assert_eq!(
            text(Op::Mvni8HVI, &[v3, Operand::Imm(1), place]),
            "mvni v3.8h, #1, lsl #8"
        );
        assert_eq!(text(Op::Fcmp64VZ, &[v3]), "fcmp d3, #0.0");
        assert_eq!(text(Op::DcCvau, &[x1]), "dc cvau, x1");
    }

    #[test]
    fn virtual_registers_print_as_they_like() {
        let [a, b] = [1, 2].map(Virtual);
        let load = Inst::rm(Op::Ldr64Post, a, Mem::post(b, -8)).unwrap();
        assert_eq!(load.to_string(), "ldr v1, [v2], #-8");
    }
}
