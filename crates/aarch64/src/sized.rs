//! Forms of one operation at 32 and 64 bits, for choosing by the width of a value.

use crate::op::Op;
use crate::register::Width;

/// The forms of one operation at 32 and 64 bits, of integers or of floats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ByWidth([Op; 2]);

impl ByWidth {
    /// The form for operands of `width`: the 64-bit one for 64 bits and more, else the 32-bit one.
    pub const fn at(&self, width: Width) -> Op {
        match width {
            Width::B64 | Width::B128 => self.0[1],
            _ => self.0[0],
        }
    }
}

macro_rules! by_width {
    ($($name:ident: $single:ident $double:ident;)*) => {
        $(
            #[doc = concat!("[`Op::", stringify!($double), "`] and its 32-bit form.")]
            pub const $name: ByWidth = ByWidth([Op::$single, Op::$double]);
        )*

        /// All of this module's constants.
        #[cfg(test)]
        const ALL: &[ByWidth] = &[$($name),*];
    };
}

by_width! {
    ADD_RRI:     Add32RRI     Add64RRI;
    ADDS_RRI:    Adds32RRI    Adds64RRI;
    SUB_RRI:     Sub32RRI     Sub64RRI;
    SUBS_RRI:    Subs32RRI    Subs64RRI;
    CMN_RI:      Cmn32RI      Cmn64RI;
    CMP_RI:      Cmp32RI      Cmp64RI;
    MOV_SP_RR:   MovSp32RR    MovSp64RR;
    ADD_RRR:     Add32RRR     Add64RRR;
    ADDS_RRR:    Adds32RRR    Adds64RRR;
    SUB_RRR:     Sub32RRR     Sub64RRR;
    SUBS_RRR:    Subs32RRR    Subs64RRR;
    CMN_RR:      Cmn32RR      Cmn64RR;
    CMP_RR:      Cmp32RR      Cmp64RR;
    NEG_RR:      Neg32RR      Neg64RR;
    NEGS_RR:     Negs32RR     Negs64RR;
    ADD_RRX:     Add32RRX     Add64RRX;
    ADDS_RRX:    Adds32RRX    Adds64RRX;
    SUB_RRX:     Sub32RRX     Sub64RRX;
    SUBS_RRX:    Subs32RRX    Subs64RRX;
    CMN_RX:      Cmn32RX      Cmn64RX;
    CMP_RX:      Cmp32RX      Cmp64RX;
    ADC_RRR:     Adc32RRR     Adc64RRR;
    ADCS_RRR:    Adcs32RRR    Adcs64RRR;
    SBC_RRR:     Sbc32RRR     Sbc64RRR;
    SBCS_RRR:    Sbcs32RRR    Sbcs64RRR;
    AND_RRI:     And32RRI     And64RRI;
    ORR_RRI:     Orr32RRI     Orr64RRI;
    EOR_RRI:     Eor32RRI     Eor64RRI;
    ANDS_RRI:    Ands32RRI    Ands64RRI;
    TST_RI:      Tst32RI      Tst64RI;
    MOV_MASK_RI: MovMask32RI  MovMask64RI;
    AND_RRR:     And32RRR     And64RRR;
    BIC_RRR:     Bic32RRR     Bic64RRR;
    ORR_RRR:     Orr32RRR     Orr64RRR;
    ORN_RRR:     Orn32RRR     Orn64RRR;
    EOR_RRR:     Eor32RRR     Eor64RRR;
    EON_RRR:     Eon32RRR     Eon64RRR;
    ANDS_RRR:    Ands32RRR    Ands64RRR;
    BICS_RRR:    Bics32RRR    Bics64RRR;
    TST_RR:      Tst32RR      Tst64RR;
    MOV_RR:      Mov32RR      Mov64RR;
    MVN_RR:      Mvn32RR      Mvn64RR;
    MOVN_RI:     Movn32RI     Movn64RI;
    MOVZ_RI:     Movz32RI     Movz64RI;
    MOVK_RI:     Movk32RI     Movk64RI;
    SBFM_RRII:   Sbfm32RRII   Sbfm64RRII;
    BFM_RRII:    Bfm32RRII    Bfm64RRII;
    UBFM_RRII:   Ubfm32RRII   Ubfm64RRII;
    SBFIZ_RRII:  Sbfiz32RRII  Sbfiz64RRII;
    BFI_RRII:    Bfi32RRII    Bfi64RRII;
    UBFIZ_RRII:  Ubfiz32RRII  Ubfiz64RRII;
    SBFX_RRII:   Sbfx32RRII   Sbfx64RRII;
    BFXIL_RRII:  Bfxil32RRII  Bfxil64RRII;
    UBFX_RRII:   Ubfx32RRII   Ubfx64RRII;
    SXTB_RR:     Sxtb32RR     Sxtb64RR;
    SXTH_RR:     Sxth32RR     Sxth64RR;
    LSL_RRI:     Lsl32RRI     Lsl64RRI;
    LSR_RRI:     Lsr32RRI     Lsr64RRI;
    ASR_RRI:     Asr32RRI     Asr64RRI;
    ROR_RRI:     Ror32RRI     Ror64RRI;
    EXTR_RRRI:   Extr32RRRI   Extr64RRRI;
    LSL_RRR:     Lsl32RRR     Lsl64RRR;
    LSR_RRR:     Lsr32RRR     Lsr64RRR;
    ASR_RRR:     Asr32RRR     Asr64RRR;
    ROR_RRR:     Ror32RRR     Ror64RRR;
    RBIT_RR:     Rbit32RR     Rbit64RR;
    REV16_RR:    Rev16_32RR   Rev16_64RR;
    REV_RR:      Rev32RR      Rev64RR;
    CLZ_RR:      Clz32RR      Clz64RR;
    CLS_RR:      Cls32RR      Cls64RR;
    MADD_RRRR:   Madd32RRRR   Madd64RRRR;
    MSUB_RRRR:   Msub32RRRR   Msub64RRRR;
    MUL_RRR:     Mul32RRR     Mul64RRR;
    MNEG_RRR:    Mneg32RRR    Mneg64RRR;
    UDIV_RRR:    Udiv32RRR    Udiv64RRR;
    SDIV_RRR:    Sdiv32RRR    Sdiv64RRR;
    CSEL_RRR:    Csel32RRR    Csel64RRR;
    CSINC_RRR:   Csinc32RRR   Csinc64RRR;
    CSINV_RRR:   Csinv32RRR   Csinv64RRR;
    CSNEG_RRR:   Csneg32RRR   Csneg64RRR;
    CSET_R:      Cset32R      Cset64R;
    CSETM_R:     Csetm32R     Csetm64R;
    CINC_RR:     Cinc32RR     Cinc64RR;
    CINV_RR:     Cinv32RR     Cinv64RR;
    CNEG_RR:     Cneg32RR     Cneg64RR;
    CCMN_RR:     Ccmn32RR     Ccmn64RR;
    CCMP_RR:     Ccmp32RR     Ccmp64RR;
    CCMN_RI:     Ccmn32RI     Ccmn64RI;
    CCMP_RI:     Ccmp32RI     Ccmp64RI;
    CBZ_R:       Cbz32R       Cbz64R;
    CBNZ_R:      Cbnz32R      Cbnz64R;
    TBZ_RI:      Tbz32RI      Tbz64RI;
    TBNZ_RI:     Tbnz32RI     Tbnz64RI;
    FMOV_VV:     Fmov32VV     Fmov64VV;
    FABS_VV:     Fabs32VV     Fabs64VV;
    FNEG_VV:     Fneg32VV     Fneg64VV;
    FSQRT_VV:    Fsqrt32VV    Fsqrt64VV;
    FRINTN_VV:   Frintn32VV   Frintn64VV;
    FRINTP_VV:   Frintp32VV   Frintp64VV;
    FRINTM_VV:   Frintm32VV   Frintm64VV;
    FRINTZ_VV:   Frintz32VV   Frintz64VV;
    FRINTA_VV:   Frinta32VV   Frinta64VV;
    FRINTX_VV:   Frintx32VV   Frintx64VV;
    FRINTI_VV:   Frinti32VV   Frinti64VV;
    FMUL_VVV:    Fmul32VVV    Fmul64VVV;
    FDIV_VVV:    Fdiv32VVV    Fdiv64VVV;
    FADD_VVV:    Fadd32VVV    Fadd64VVV;
    FSUB_VVV:    Fsub32VVV    Fsub64VVV;
    FMAX_VVV:    Fmax32VVV    Fmax64VVV;
    FMIN_VVV:    Fmin32VVV    Fmin64VVV;
    FMAXNM_VVV:  Fmaxnm32VVV  Fmaxnm64VVV;
    FMINNM_VVV:  Fminnm32VVV  Fminnm64VVV;
    FNMUL_VVV:   Fnmul32VVV   Fnmul64VVV;
    FMADD_VVVV:  Fmadd32VVVV  Fmadd64VVVV;
    FMSUB_VVVV:  Fmsub32VVVV  Fmsub64VVVV;
    FNMADD_VVVV: Fnmadd32VVVV Fnmadd64VVVV;
    FNMSUB_VVVV: Fnmsub32VVVV Fnmsub64VVVV;
    FCMP_VV:     Fcmp32VV     Fcmp64VV;
    FCMP_VZ:     Fcmp32VZ     Fcmp64VZ;
    FCMPE_VV:    Fcmpe32VV    Fcmpe64VV;
    FCMPE_VZ:    Fcmpe32VZ    Fcmpe64VZ;
    FCCMP_VV:    Fccmp32VV    Fccmp64VV;
    FCSEL_VVV:   Fcsel32VVV   Fcsel64VVV;
    FMOV_VI:     Fmov32VI     Fmov64VI;
    FMOV_RV:     Fmov32RV     Fmov64RV;
    FMOV_VR:     Fmov32VR     Fmov64VR;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_of_a_constant_differ_in_width_alone() {
        for forms in ALL {
            let [single, double] = [Width::B8, Width::B64].map(|width| forms.at(width).info());
            assert_eq!(single.pattern, double.pattern);
            assert_eq!(single.operands.len(), double.operands.len());
            let has_width =
                |width| move |operand: &crate::form::OperandForm| operand.width == width;
            assert!(
                single.operands.iter().any(has_width(Width::B32)),
                "{:?}",
                single.op
            );
            assert!(
                double.operands.iter().any(has_width(Width::B64)),
                "{:?}",
                double.op
            );
            let roles = |form: &crate::form::Form| form.operands.iter().map(|operand| operand.role);
            assert!(roles(single).eq(roles(double)));
        }
    }
}
