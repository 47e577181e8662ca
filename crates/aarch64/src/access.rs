//! Loads and stores, and which of their forms fits a memory reference.
//!
//! ```
//! use enjamb_aarch64::{Mem, Op, Reg, access};
//!
//! let form = |disp| access::LDR_64.form(&Mem::base(Reg::X1, disp));
//! assert_eq!(form(32760), Some(Op::Ldr64Scaled));
//! assert_eq!(form(-8), Some(Op::Ldr64Unscaled));
//! assert_eq!(form(32768), None);
//! ```

use crate::error::{OperandError, OperandProblem};
use crate::inst::Inst;
use crate::op::Op;
use crate::operand::{Mem, Operand};
use crate::register::Width;

/// The forms of one load or store of one register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Access {
    scaled: Op,
    unscaled: Op,
    pre: Op,
    post: Op,
    index: Op,
}

/// The forms of one load or store of two registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PairAccess {
    offset: Op,
    pre: Op,
    post: Op,
}

/// The width of what an access transfers from or to memory, per register.
fn width(op: Op) -> Width {
    op.info()
        .operands
        .last()
        .map_or(Width::B64, |memory| memory.width)
}

impl Access {
    /// The width of what is in memory.
    pub fn width(&self) -> Width {
        width(self.scaled)
    }

    /// The form that has references like `mem`; of two that do, the one with a scaled displacement.
    pub fn form<R>(&self, mem: &Mem<R>) -> Option<Op> {
        let width = self.width();
        let bytes = i32::from(width.bytes());
        let is_small = |disp: i32| (-256..256).contains(&disp);
        match *mem {
            Mem::Offset { disp, .. }
                if disp % bytes == 0 && (0..4096).contains(&(disp / bytes)) =>
            {
                Some(self.scaled)
            }
            Mem::Offset { disp, .. } => is_small(disp).then_some(self.unscaled),
            Mem::PreIndex { disp, .. } => is_small(disp).then_some(self.pre),
            Mem::PostIndex { disp, .. } => is_small(disp).then_some(self.post),
            Mem::Index { amount, .. } => {
                (amount == 0 || amount == width.scale()).then_some(self.index)
            }
        }
    }

    /// The access of `register` at `mem`.
    ///
    /// # Errors
    /// If no form has such a reference.
    pub fn inst<R: Copy>(&self, register: R, mem: Mem<R>) -> Result<Inst<R>, OperandError> {
        let op = self.form(&mem).ok_or_else(|| no_form(self.scaled, 1))?;
        Inst::rm(op, register, mem)
    }
}

impl PairAccess {
    /// The width of what is in memory, per register.
    pub fn width(&self) -> Width {
        width(self.offset)
    }

    /// The form that has references like `mem`.
    pub fn form<R>(&self, mem: &Mem<R>) -> Option<Op> {
        let bytes = i32::from(self.width().bytes());
        let (op, disp) = match *mem {
            Mem::Offset { disp, .. } => (self.offset, disp),
            Mem::PreIndex { disp, .. } => (self.pre, disp),
            Mem::PostIndex { disp, .. } => (self.post, disp),
            Mem::Index { .. } => return None,
        };
        (disp % bytes == 0 && (-64..64).contains(&(disp / bytes))).then_some(op)
    }

    /// The access of `first` at `mem` and of `second` behind it.
    ///
    /// # Errors
    /// If no form has such a reference.
    pub fn inst<R: Copy>(&self, first: R, second: R, mem: Mem<R>) -> Result<Inst<R>, OperandError> {
        let op = self.form(&mem).ok_or_else(|| no_form(self.offset, 2))?;
        Inst::new(op, &[Operand::Reg(first), Operand::Reg(second), mem.into()])
    }
}

fn no_form(op: Op, operand: usize) -> OperandError {
    OperandError {
        op,
        operand,
        problem: OperandProblem::NoForm,
    }
}

macro_rules! accesses {
    ($($name:ident: $scaled:ident $unscaled:ident $pre:ident $post:ident $index:ident;)*) => {
        $(
            #[doc = concat!("[`Op::", stringify!($scaled), "`] and the other forms of it.")]
            pub const $name: Access = Access {
                scaled: Op::$scaled,
                unscaled: Op::$unscaled,
                pre: Op::$pre,
                post: Op::$post,
                index: Op::$index,
            };
        )*

        /// Every load and store of one register.
        pub const ALL: &[Access] = &[$($name),*];
    };
}

accesses! {
    STRB_32:  Strb32Scaled  Strb32Unscaled  Strb32Pre  Strb32Post  Strb32Index;
    STRH_32:  Strh32Scaled  Strh32Unscaled  Strh32Pre  Strh32Post  Strh32Index;
    STR_32:   Str32Scaled   Str32Unscaled   Str32Pre   Str32Post   Str32Index;
    STR_64:   Str64Scaled   Str64Unscaled   Str64Pre   Str64Post   Str64Index;
    LDRB_32:  Ldrb32Scaled  Ldrb32Unscaled  Ldrb32Pre  Ldrb32Post  Ldrb32Index;
    LDRH_32:  Ldrh32Scaled  Ldrh32Unscaled  Ldrh32Pre  Ldrh32Post  Ldrh32Index;
    LDR_32:   Ldr32Scaled   Ldr32Unscaled   Ldr32Pre   Ldr32Post   Ldr32Index;
    LDR_64:   Ldr64Scaled   Ldr64Unscaled   Ldr64Pre   Ldr64Post   Ldr64Index;
    LDRSB_32: Ldrsb32Scaled Ldrsb32Unscaled Ldrsb32Pre Ldrsb32Post Ldrsb32Index;
    LDRSB_64: Ldrsb64Scaled Ldrsb64Unscaled Ldrsb64Pre Ldrsb64Post Ldrsb64Index;
    LDRSH_32: Ldrsh32Scaled Ldrsh32Unscaled Ldrsh32Pre Ldrsh32Post Ldrsh32Index;
    LDRSH_64: Ldrsh64Scaled Ldrsh64Unscaled Ldrsh64Pre Ldrsh64Post Ldrsh64Index;
    LDRSW_64: Ldrsw64Scaled Ldrsw64Unscaled Ldrsw64Pre Ldrsw64Post Ldrsw64Index;
    STR_V8:   StrV8Scaled   StrV8Unscaled   StrV8Pre   StrV8Post   StrV8Index;
    STR_V16:  StrV16Scaled  StrV16Unscaled  StrV16Pre  StrV16Post  StrV16Index;
    STR_V32:  StrV32Scaled  StrV32Unscaled  StrV32Pre  StrV32Post  StrV32Index;
    STR_V64:  StrV64Scaled  StrV64Unscaled  StrV64Pre  StrV64Post  StrV64Index;
    STR_V128: StrV128Scaled StrV128Unscaled StrV128Pre StrV128Post StrV128Index;
    LDR_V8:   LdrV8Scaled   LdrV8Unscaled   LdrV8Pre   LdrV8Post   LdrV8Index;
    LDR_V16:  LdrV16Scaled  LdrV16Unscaled  LdrV16Pre  LdrV16Post  LdrV16Index;
    LDR_V32:  LdrV32Scaled  LdrV32Unscaled  LdrV32Pre  LdrV32Post  LdrV32Index;
    LDR_V64:  LdrV64Scaled  LdrV64Unscaled  LdrV64Pre  LdrV64Post  LdrV64Index;
    LDR_V128: LdrV128Scaled LdrV128Unscaled LdrV128Pre LdrV128Post LdrV128Index;
}

macro_rules! pair_accesses {
    ($($name:ident: $offset:ident $pre:ident $post:ident;)*) => {
        $(
            #[doc = concat!("[`Op::", stringify!($offset), "`] and the other forms of it.")]
            pub const $name: PairAccess = PairAccess {
                offset: Op::$offset,
                pre: Op::$pre,
                post: Op::$post,
            };
        )*

        /// Every load and store of two registers.
        pub const ALL_PAIRS: &[PairAccess] = &[$($name),*];
    };
}

pair_accesses! {
    STP_32:   Stp32   Stp32Pre   Stp32Post;
    STP_64:   Stp64   Stp64Pre   Stp64Post;
    STP_V32:  StpV32  StpV32Pre  StpV32Post;
    STP_V64:  StpV64  StpV64Pre  StpV64Post;
    STP_V128: StpV128 StpV128Pre StpV128Post;
    LDP_32:   Ldp32   Ldp32Pre   Ldp32Post;
    LDP_64:   Ldp64   Ldp64Pre   Ldp64Post;
    LDPSW_64: Ldpsw64 Ldpsw64Pre Ldpsw64Post;
    LDP_V32:  LdpV32  LdpV32Pre  LdpV32Post;
    LDP_V64:  LdpV64  LdpV64Pre  LdpV64Post;
    LDP_V128: LdpV128 LdpV128Pre LdpV128Post;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operand::Extend;
    use crate::register::Reg;

    #[test]
    fn a_form_is_found_exactly_if_there_is_one() {
        for access in ALL {
            let all = [
                access.scaled,
                access.unscaled,
                access.pre,
                access.post,
                access.index,
            ];
            let makes = |mem| all.iter().any(|op| Inst::rm(*op, Reg::X0, mem).is_ok());
            for disp in -300..=300 {
                let disps = [disp, disp * 16, disp + 65535, disp + 4096, disp + 32768];
                for mem in disps.map(|disp| Mem::base(Reg::X1, disp)) {
                    assert_eq!(access.form(&mem).is_some(), makes(mem), "{mem}");
                    assert_eq!(access.inst(Reg::X0, mem).is_ok(), makes(mem));
                }
                for mem in [Mem::pre(Reg::X1, disp), Mem::post(Reg::X1, disp)] {
                    assert_eq!(access.inst(Reg::X0, mem).is_ok(), makes(mem), "{mem}");
                }
            }
            for amount in 0..6 {
                let mem = Mem::extended(Reg::X1, Reg::X2, Extend::Sxtw, amount);
                assert_eq!(access.inst(Reg::X0, mem).is_ok(), makes(mem), "{mem}");
            }
        }
    }

    #[test]
    fn a_form_for_two_is_found_exactly_if_there_is_one() {
        let (first, second) = (Operand::Reg(Reg::X0), Operand::Reg(Reg::X2));
        for access in ALL_PAIRS {
            let all = [access.offset, access.pre, access.post];
            let makes = |mem: Mem| {
                let new = |op| Inst::new(op, &[first, second, mem.into()]);
                all.iter().any(|op| new(*op).is_ok())
            };
            for disp in -1100..=1100 {
                for make in [Mem::base, Mem::pre, Mem::post] {
                    let mem = make(Reg::X1, disp);
                    assert_eq!(
                        access.inst(Reg::X0, Reg::X2, mem).is_ok(),
                        makes(mem),
                        "{mem}"
                    );
                }
            }
        }
    }
}
