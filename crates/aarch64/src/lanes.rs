//! Forms of one operation on whole vectors, for choosing by the width of an element.

use crate::op::Op;
use crate::register::Width;

/// The forms of one operation on the elements of 128 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ByLane([Option<Op>; 4]);

impl ByLane {
    /// The form for elements of `width`, if there is one.
    pub const fn at(&self, width: Width) -> Option<Op> {
        match width {
            Width::B128 => None,
            _ => self.0[width as usize],
        }
    }
}

macro_rules! by_lane {
    (@form _) => { None };
    (@form $op:ident) => { Some(Op::$op) };
    ($($name:ident $doc:literal: $byte:tt $half:tt $single:tt $double:tt;)*) => {
        $(
            #[doc = concat!("`", $doc, "` for every width of element that it has.")]
            pub const $name: ByLane = ByLane([
                by_lane!(@form $byte),
                by_lane!(@form $half),
                by_lane!(@form $single),
                by_lane!(@form $double),
            ]);
        )*

        /// All of this module's constants.
        #[cfg(test)]
        const ALL: &[ByLane] = &[$($name),*];
    };
}

by_lane! {
    ADD        "add":      Add16BVVV   Add8HVVV   Add4SVVV   Add2DVVV;
    SUB        "sub":      Sub16BVVV   Sub8HVVV   Sub4SVVV   Sub2DVVV;
    MUL        "mul":      Mul16BVVV   Mul8HVVV   Mul4SVVV   _;
    MLA        "mla":      Mla16BVVV   Mla8HVVV   Mla4SVVV   _;
    MLS        "mls":      Mls16BVVV   Mls8HVVV   Mls4SVVV   _;
    NEG        "neg":      Neg16BVV    Neg8HVV    Neg4SVV    Neg2DVV;
    ABS        "abs":      Abs16BVV    Abs8HVV    Abs4SVV    Abs2DVV;
    SMIN       "smin":     Smin16BVVV  Smin8HVVV  Smin4SVVV  _;
    SMAX       "smax":     Smax16BVVV  Smax8HVVV  Smax4SVVV  _;
    UMIN       "umin":     Umin16BVVV  Umin8HVVV  Umin4SVVV  _;
    UMAX       "umax":     Umax16BVVV  Umax8HVVV  Umax4SVVV  _;
    CMEQ       "cmeq":     Cmeq16BVVV  Cmeq8HVVV  Cmeq4SVVV  Cmeq2DVVV;
    CMGT       "cmgt":     Cmgt16BVVV  Cmgt8HVVV  Cmgt4SVVV  Cmgt2DVVV;
    CMGE       "cmge":     Cmge16BVVV  Cmge8HVVV  Cmge4SVVV  Cmge2DVVV;
    CMHI       "cmhi":     Cmhi16BVVV  Cmhi8HVVV  Cmhi4SVVV  Cmhi2DVVV;
    CMHS       "cmhs":     Cmhs16BVVV  Cmhs8HVVV  Cmhs4SVVV  Cmhs2DVVV;
    CMTST      "cmtst":    Cmtst16BVVV Cmtst8HVVV Cmtst4SVVV Cmtst2DVVV;
    CMEQ_ZERO  "cmeq #0":  Cmeq16BVZ   Cmeq8HVZ   Cmeq4SVZ   Cmeq2DVZ;
    CMGT_ZERO  "cmgt #0":  Cmgt16BVZ   Cmgt8HVZ   Cmgt4SVZ   Cmgt2DVZ;
    CMGE_ZERO  "cmge #0":  Cmge16BVZ   Cmge8HVZ   Cmge4SVZ   Cmge2DVZ;
    CMLT_ZERO  "cmlt #0":  Cmlt16BVZ   Cmlt8HVZ   Cmlt4SVZ   Cmlt2DVZ;
    CMLE_ZERO  "cmle #0":  Cmle16BVZ   Cmle8HVZ   Cmle4SVZ   Cmle2DVZ;
    SSHL       "sshl":     Sshl16BVVV  Sshl8HVVV  Sshl4SVVV  Sshl2DVVV;
    USHL       "ushl":     Ushl16BVVV  Ushl8HVVV  Ushl4SVVV  Ushl2DVVV;
    SHL        "shl":      Shl16BVVI   Shl8HVVI   Shl4SVVI   Shl2DVVI;
    SSHR       "sshr":     Sshr16BVVI  Sshr8HVVI  Sshr4SVVI  Sshr2DVVI;
    USHR       "ushr":     Ushr16BVVI  Ushr8HVVI  Ushr4SVVI  Ushr2DVVI;
    ADDV       "addv":     Addv16BV    Addv8HV    Addv4SV    _;
    UMINV      "uminv":    Uminv16BV   Uminv8HV   Uminv4SV   _;
    UMAXV      "umaxv":    Umaxv16BV   Umaxv8HV   Umaxv4SV   _;
    FADD       "fadd":     _           _          Fadd4SVVV  Fadd2DVVV;
    FSUB       "fsub":     _           _          Fsub4SVVV  Fsub2DVVV;
    FMUL       "fmul":     _           _          Fmul4SVVV  Fmul2DVVV;
    FDIV       "fdiv":     _           _          Fdiv4SVVV  Fdiv2DVVV;
    FMIN       "fmin":     _           _          Fmin4SVVV  Fmin2DVVV;
    FMAX       "fmax":     _           _          Fmax4SVVV  Fmax2DVVV;
    FNEG       "fneg":     _           _          Fneg4SVV   Fneg2DVV;
    FABS       "fabs":     _           _          Fabs4SVV   Fabs2DVV;
    FSQRT      "fsqrt":    _           _          Fsqrt4SVV  Fsqrt2DVV;
    FCMEQ      "fcmeq":    _           _          Fcmeq4SVVV Fcmeq2DVVV;
    FCMGE      "fcmge":    _           _          Fcmge4SVVV Fcmge2DVVV;
    FCMGT      "fcmgt":    _           _          Fcmgt4SVVV Fcmgt2DVVV;
    FCMEQ_ZERO "fcmeq #0": _           _          Fcmeq4SVZ  Fcmeq2DVZ;
    FCMGT_ZERO "fcmgt #0": _           _          Fcmgt4SVZ  Fcmgt2DVZ;
    FCMGE_ZERO "fcmge #0": _           _          Fcmge4SVZ  Fcmge2DVZ;
    FCMLT_ZERO "fcmlt #0": _           _          Fcmlt4SVZ  Fcmlt2DVZ;
    FCMLE_ZERO "fcmle #0": _           _          Fcmle4SVZ  Fcmle2DVZ;
    ZIP1       "zip1":     Zip1_16BVVV Zip1_8HVVV Zip1_4SVVV Zip1_2DVVV;
    ZIP2       "zip2":     Zip2_16BVVV Zip2_8HVVV Zip2_4SVVV Zip2_2DVVV;
    UZP1       "uzp1":     Uzp1_16BVVV Uzp1_8HVVV Uzp1_4SVVV Uzp1_2DVVV;
    UZP2       "uzp2":     Uzp2_16BVVV Uzp2_8HVVV Uzp2_4SVVV Uzp2_2DVVV;
    TRN1       "trn1":     Trn1_16BVVV Trn1_8HVVV Trn1_4SVVV Trn1_2DVVV;
    TRN2       "trn2":     Trn2_16BVVV Trn2_8HVVV Trn2_4SVVV Trn2_2DVVV;
    REV64      "rev64":    Rev64_16BVV Rev64_8HVV Rev64_4SVV _;
    REV32      "rev32":    Rev32_16BVV Rev32_8HVV _          _;
    REV16      "rev16":    Rev16_16BVV _          _          _;
    DUP        "dup":      Dup16BR     Dup8HR     Dup4SR     Dup2DR;
    DUP_LANE   "dup":      Dup16BVB    Dup8HVH    Dup4SVS    Dup2DVD;
    UMOV       "umov":     UmovRB      UmovRH     UmovRS     UmovRD;
    INS        "mov":      InsBR       InsHR      InsSR      InsDR;
    INS_LANE   "mov":      InsBB       InsHH      InsSS      InsDD;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::form::{Form, Kind, OperandForm, Registers};

    const WIDTHS: [Width; 4] = [Width::B8, Width::B16, Width::B32, Width::B64];

    /// Whether an operand of a form is made of elements of a width.
    fn has_elements(operand: &OperandForm, width: Width) -> bool {
        let expected = match width {
            Width::B8 => ["16b", "b"],
            Width::B16 => ["8h", "h"],
            Width::B32 => ["4s", "s"],
            _ => ["2d", "d"],
        };
        matches!(operand.kind, Kind::Register(Registers::Vector(text), _) if expected.contains(&text))
    }

    #[test]
    fn forms_of_a_constant_differ_in_the_width_of_elements_alone() {
        for forms in ALL {
            let forms = WIDTHS
                .iter()
                .filter_map(|&width| Some((width, forms.at(width)?.info())));
            let forms: Vec<(Width, &Form)> = forms.collect();
            let shape = |form: &Form| {
                let operands = form.operands.iter();
                operands.map(|operand| operand.role).collect::<Vec<_>>()
            };
            for (width, form) in &forms {
                assert!(
                    form.operands
                        .iter()
                        .any(|operand| has_elements(operand, *width)),
                    "{:?}",
                    form.op
                );
                assert_eq!(shape(form), shape(forms[0].1), "{:?}", form.op);
                // An element of 32 bits and more in a general register has another name.
                let is_same = form.pattern == forms[0].1.pattern;
                assert!(is_same || form.mnemonic() == "mov", "{:?}", form.op);
            }
        }
    }
}
