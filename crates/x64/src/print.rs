//! Instructions as text in Intel syntax.

use std::fmt::{self, Display, Formatter};

use crate::form::{Kind, OperandForm};
use crate::inst::Inst;
use crate::operand::{Base, Mem, Operand, Scale, sign_extend};
use crate::register::{Reg, Width};

/// A register type that instructions can be printed in.
pub trait PrintRegister: Copy {
    /// Whether to show, in braces behind the instruction, the operands that Intel syntax leaves
    /// out because the form names their register. Virtual registers need it to make sense.
    const SHOW_HIDDEN: bool = true;

    /// Writes the name by which `width` of the register is used.
    fn print(self, width: Width, f: &mut Formatter<'_>) -> fmt::Result;
}

impl PrintRegister for Reg {
    const SHOW_HIDDEN: bool = false;

    fn print(self, width: Width, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(self.name(width))
    }
}

impl<R: PrintRegister> Display for Inst<R> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let form = self.op().info();
        f.write_str(form.mnemonic)?;
        let operands = || self.operands().iter().zip(form.operands);
        let mut separator = " ";
        for (operand, place) in operands().filter(|(_, place)| !place.hidden) {
            f.write_str(separator)?;
            separator = ", ";
            match (operand, place.kind) {
                // Distances count from the end of the instruction, `$` is its start.
                (Operand::Imm(distance), Kind::Target) => {
                    let encoding = &form.encoding;
                    let size = encoding.opcode().len() as i64 + i64::from(encoding.distance_bytes);
                    write!(f, "${:+}", distance + size)?;
                }
                _ => print_operand(operand, place, f)?,
            }
        }
        if R::SHOW_HIDDEN && form.operands.iter().any(|place| place.hidden) {
            f.write_str(" {")?;
            let mut separator = "";
            for (operand, place) in operands().filter(|(_, place)| place.hidden) {
                if let Kind::Fixed(register) = place.kind {
                    write!(f, "{separator}{}=", register.name(place.width))?;
                }
                separator = ", ";
                print_operand(operand, place, f)?;
            }
            f.write_str("}")?;
        }
        Ok(())
    }
}

fn print_operand<R: PrintRegister>(
    operand: &Operand<R>,
    place: &OperandForm,
    f: &mut Formatter<'_>,
) -> fmt::Result {
    match operand {
        Operand::Reg(register) => register.print(place.width, f),
        Operand::Imm(value) => write!(f, "{}", sign_extend(*value, place.width)),
        Operand::Label(label) => write!(f, "{label}"),
        Operand::Mem(mem) => {
            if place.kind != Kind::Address {
                write!(f, "{} ptr ", size_name(place.width))?;
            }
            mem.fmt(f)
        }
    }
}

fn size_name(width: Width) -> &'static str {
    match width {
        Width::B8 => "byte",
        Width::B16 => "word",
        Width::B32 => "dword",
        Width::B64 => "qword",
        Width::B128 => "xmmword",
    }
}

/// A register by the name of its 64 bits.
struct Full<R>(R);

impl<R: PrintRegister> Display for Full<R> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.0.print(Width::B64, f)
    }
}

impl<R: PrintRegister> Display for Mem<R> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("[")?;
        let mut is_first = true;
        match self.base {
            Base::Reg(register) => {
                write!(f, "{}", Full(register))?;
                is_first = false;
            }
            Base::Label(label) => {
                write!(f, "rip+{label}")?;
                is_first = false;
            }
            Base::None => {}
        }
        if let Some((register, scale)) = self.index {
            match (is_first, scale) {
                (false, Scale::One) => write!(f, "+{}", Full(register))?,
                (false, _) => write!(f, "+{}*{}", Full(register), scale.factor())?,
                (true, _) => write!(f, "{}*{}", Full(register), scale.factor())?,
            }
            is_first = false;
        }
        if is_first {
            write!(f, "{}", self.disp)?;
        } else if self.disp != 0 {
            write!(f, "{:+}", self.disp)?;
        }
        f.write_str("]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::op::Op;
    use crate::operand::Label;

    #[derive(Clone, Copy)]
    struct Virtual(u32);

    impl PrintRegister for Virtual {
        fn print(self, _: Width, f: &mut Formatter<'_>) -> fmt::Result {
            write!(f, "v{}", self.0)
        }
    }

    #[test]
    fn physical_registers_have_the_name_of_their_width() {
        let text = |op, operands: &[Operand]| Inst::physical(op, operands).unwrap().to_string();
        let mem = Mem::indexed(Reg::RBX, Reg::R9, Scale::Eight, -16);
        assert_eq!(
            text(Op::Add8MR, &[mem.into(), Reg::RSI.into()]),
            "add byte ptr [rbx+r9*8-16], sil"
        );
        assert_eq!(text(Op::Shl32MC, &[Reg::R8.into()]), "shl r8d, cl");
        assert_eq!(text(Op::Idiv64M, &[Reg::RCX.into()]), "idiv rcx");
        assert_eq!(
            text(
                Op::Lea64RM,
                &[Reg::RAX.into(), Mem::label(Label::from_index(3)).into()]
            ),
            "lea rax, [rip+L3]"
        );
        assert_eq!(
            text(Op::Mov32RI, &[Reg::RAX.into(), Operand::Imm(0xFFFF_FFFF)]),
            "mov eax, -1"
        );
        assert_eq!(text(Op::JmpRel8, &[Operand::Imm(-2)]), "jmp $+0");
    }

    #[test]
    fn virtual_registers_show_what_the_form_fixes() {
        let [a, b, c] = [1, 2, 3].map(|number| Operand::Reg(Virtual(number)));
        let divide = Inst::new(Op::Idiv64M, &[a, b, c]).unwrap();
        assert_eq!(divide.to_string(), "idiv v3 {rax=v1, rdx=v2}");
    }
}
