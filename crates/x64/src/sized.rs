//! Forms of one operation at every width, for choosing by the width of a value.

use crate::op::Op;
use crate::register::Width;

/// The forms of one operation at 8, 16, 32 and 64 bits.
///
/// Where the manual has no form of a width, the next wider one stands in its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ByWidth([Op; 4]);

impl ByWidth {
    /// The form for operands of `width`; for `Width::B128` the 64-bit form.
    pub const fn at(&self, width: Width) -> Op {
        match width {
            Width::B8 => self.0[0],
            Width::B16 => self.0[1],
            Width::B32 => self.0[2],
            Width::B64 | Width::B128 => self.0[3],
        }
    }
}

macro_rules! by_width {
    ($($name:ident: $byte:ident $word:ident $double:ident $quad:ident;)*) => {
        $(
            #[doc = concat!("[`Op::", stringify!($quad), "`] and its narrower forms.")]
            pub const $name: ByWidth = ByWidth([Op::$byte, Op::$word, Op::$double, Op::$quad]);
        )*

        /// All of this module's constants.
        #[cfg(test)]
        const ALL: &[ByWidth] = &[$($name),*];
    };
}

by_width! {
    MOV_RM:     Mov8RM      Mov16RM     Mov32RM     Mov64RM;
    MOV_MR:     Mov8MR      Mov16MR     Mov32MR     Mov64MR;
    MOV_RI:     Mov8RI      Mov16RI     Mov32RI     Mov64RI;
    MOV_MI:     Mov8MI      Mov16MI     Mov32MI     Mov64MI;
    ADD_RM:     Add8RM      Add16RM     Add32RM     Add64RM;
    ADD_MR:     Add8MR      Add16MR     Add32MR     Add64MR;
    ADD_MI:     Add8MI      Add16MI     Add32MI     Add64MI;
    OR_RM:      Or8RM       Or16RM      Or32RM      Or64RM;
    OR_MR:      Or8MR       Or16MR      Or32MR      Or64MR;
    OR_MI:      Or8MI       Or16MI      Or32MI      Or64MI;
    ADC_RM:     Adc8RM      Adc16RM     Adc32RM     Adc64RM;
    ADC_MR:     Adc8MR      Adc16MR     Adc32MR     Adc64MR;
    ADC_MI:     Adc8MI      Adc16MI     Adc32MI     Adc64MI;
    SBB_RM:     Sbb8RM      Sbb16RM     Sbb32RM     Sbb64RM;
    SBB_MR:     Sbb8MR      Sbb16MR     Sbb32MR     Sbb64MR;
    SBB_MI:     Sbb8MI      Sbb16MI     Sbb32MI     Sbb64MI;
    AND_RM:     And8RM      And16RM     And32RM     And64RM;
    AND_MR:     And8MR      And16MR     And32MR     And64MR;
    AND_MI:     And8MI      And16MI     And32MI     And64MI;
    SUB_RM:     Sub8RM      Sub16RM     Sub32RM     Sub64RM;
    SUB_MR:     Sub8MR      Sub16MR     Sub32MR     Sub64MR;
    SUB_MI:     Sub8MI      Sub16MI     Sub32MI     Sub64MI;
    XOR_RM:     Xor8RM      Xor16RM     Xor32RM     Xor64RM;
    XOR_MR:     Xor8MR      Xor16MR     Xor32MR     Xor64MR;
    XOR_MI:     Xor8MI      Xor16MI     Xor32MI     Xor64MI;
    CMP_RM:     Cmp8RM      Cmp16RM     Cmp32RM     Cmp64RM;
    CMP_MR:     Cmp8MR      Cmp16MR     Cmp32MR     Cmp64MR;
    CMP_MI:     Cmp8MI      Cmp16MI     Cmp32MI     Cmp64MI;
    TEST_MR:    Test8MR     Test16MR    Test32MR    Test64MR;
    TEST_MI:    Test8MI     Test16MI    Test32MI    Test64MI;
    INC_M:      Inc8M       Inc16M      Inc32M      Inc64M;
    DEC_M:      Dec8M       Dec16M      Dec32M      Dec64M;
    NOT_M:      Not8M       Not16M      Not32M      Not64M;
    NEG_M:      Neg8M       Neg16M      Neg32M      Neg64M;
    XCHG_MR:    Xchg8MR     Xchg16MR    Xchg32MR    Xchg64MR;
    IMUL_RM:    Imul16RM    Imul16RM    Imul32RM    Imul64RM;
    IMUL_RMI:   Imul16RMI   Imul16RMI   Imul32RMI   Imul64RMI;
    MUL_M:      Mul8M       Mul16M      Mul32M      Mul64M;
    IMUL_M:     Imul8M      Imul16M     Imul32M     Imul64M;
    DIV_M:      Div8M       Div16M      Div32M      Div64M;
    IDIV_M:     Idiv8M      Idiv16M     Idiv32M     Idiv64M;
    ROL_MI:     Rol8MI      Rol16MI     Rol32MI     Rol64MI;
    ROL_MC:     Rol8MC      Rol16MC     Rol32MC     Rol64MC;
    ROR_MI:     Ror8MI      Ror16MI     Ror32MI     Ror64MI;
    ROR_MC:     Ror8MC      Ror16MC     Ror32MC     Ror64MC;
    SHL_MI:     Shl8MI      Shl16MI     Shl32MI     Shl64MI;
    SHL_MC:     Shl8MC      Shl16MC     Shl32MC     Shl64MC;
    SHR_MI:     Shr8MI      Shr16MI     Shr32MI     Shr64MI;
    SHR_MC:     Shr8MC      Shr16MC     Shr32MC     Shr64MC;
    SAR_MI:     Sar8MI      Sar16MI     Sar32MI     Sar64MI;
    SAR_MC:     Sar8MC      Sar16MC     Sar32MC     Sar64MC;
    BSF_RM:     Bsf16RM     Bsf16RM     Bsf32RM     Bsf64RM;
    BSR_RM:     Bsr16RM     Bsr16RM     Bsr32RM     Bsr64RM;
    POPCNT_RM:  Popcnt16RM  Popcnt16RM  Popcnt32RM  Popcnt64RM;
    LZCNT_RM:   Lzcnt16RM   Lzcnt16RM   Lzcnt32RM   Lzcnt64RM;
    TZCNT_RM:   Tzcnt16RM   Tzcnt16RM   Tzcnt32RM   Tzcnt64RM;
    BT_MR:      Bt16MR      Bt16MR      Bt32MR      Bt64MR;
    BT_MI8:     Bt16MI8     Bt16MI8     Bt32MI8     Bt64MI8;
    BSWAP_R:    Bswap32R    Bswap32R    Bswap32R    Bswap64R;
    LEA_RM:     Lea32RM     Lea32RM     Lea32RM     Lea64RM;
    MOVZX_RM8:  Movzx16RM8  Movzx16RM8  Movzx32RM8  Movzx64RM8;
    MOVSX_RM8:  Movsx16RM8  Movsx16RM8  Movsx32RM8  Movsx64RM8;
    MOVZX_RM16: Movzx32RM16 Movzx32RM16 Movzx32RM16 Movzx64RM16;
    MOVSX_RM16: Movsx32RM16 Movsx32RM16 Movsx32RM16 Movsx64RM16;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_of_a_constant_share_a_mnemonic_and_widen() {
        for forms in ALL {
            let mnemonic = forms.at(Width::B64).info().mnemonic;
            let mut before = Width::B8;
            for width in [Width::B8, Width::B16, Width::B32, Width::B64] {
                let form = forms.at(width).info();
                assert_eq!(form.mnemonic, mnemonic);
                let first = form.operands.iter().find(|operand| !operand.hidden);
                let actual = first.map(|operand| operand.width).unwrap_or(width);
                assert!(actual >= width && actual >= before, "{:?}", form.op);
                before = actual;
            }
        }
    }
}
