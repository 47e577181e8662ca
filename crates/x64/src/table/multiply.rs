//! Multiplication, division, and the sign extensions into the fixed registers that they use.

macro_rules! multiply_rows {
    ([$next:ident $($later:ident)*] { $($rows:tt)* }) => { $next! { [$($later)*] { $($rows)*
        Imul16RM   "imul" [rw(R16), r(RM16)]          "66 0F AF /r"    Write;
        Imul32RM   "imul" [rw(R32), r(RM32)]          "0F AF /r"       Write;
        Imul64RM   "imul" [rw(R64), r(RM64)]          "REX.W 0F AF /r" Write;
        Imul16RMI  "imul" [w(R16), r(RM16), r(I16)]   "66 69 /r iw"    Write;
        Imul16RMI8 "imul" [w(R16), r(RM16), r(I16)]   "66 6B /r ib"    Write;
        Imul32RMI  "imul" [w(R32), r(RM32), r(I32)]   "69 /r id"       Write;
        Imul32RMI8 "imul" [w(R32), r(RM32), r(I32)]   "6B /r ib"       Write;
        Imul64RMI  "imul" [w(R64), r(RM64), r(I64)]   "REX.W 69 /r id" Write;
        Imul64RMI8 "imul" [w(R64), r(RM64), r(I64)]   "REX.W 6B /r ib" Write;

        // The 8-bit forms work on AX: AX = AL * operand, and AL, AH = AX / operand, AX % operand.
        Mul8M      "mul"  [rw(AX), r(RM8)]            "F6 /4"          Write;
        Mul16M     "mul"  [w(DX), rw(AX), r(RM16)]    "66 F7 /4"       Write;
        Mul32M     "mul"  [w(EDX), rw(EAX), r(RM32)]  "F7 /4"          Write;
        Mul64M     "mul"  [w(RDX), rw(RAX), r(RM64)]  "REX.W F7 /4"    Write;
        Imul8M     "imul" [rw(AX), r(RM8)]            "F6 /5"          Write;
        Imul16M    "imul" [w(DX), rw(AX), r(RM16)]    "66 F7 /5"       Write;
        Imul32M    "imul" [w(EDX), rw(EAX), r(RM32)]  "F7 /5"          Write;
        Imul64M    "imul" [w(RDX), rw(RAX), r(RM64)]  "REX.W F7 /5"    Write;
        Div8M      "div"  [rw(AX), r(RM8)]            "F6 /6"          Write;
        Div16M     "div"  [rw(AX), rw(DX), r(RM16)]   "66 F7 /6"       Write;
        Div32M     "div"  [rw(EAX), rw(EDX), r(RM32)] "F7 /6"          Write;
        Div64M     "div"  [rw(RAX), rw(RDX), r(RM64)] "REX.W F7 /6"    Write;
        Idiv8M     "idiv" [rw(AX), r(RM8)]            "F6 /7"          Write;
        Idiv16M    "idiv" [rw(AX), rw(DX), r(RM16)]   "66 F7 /7"       Write;
        Idiv32M    "idiv" [rw(EAX), rw(EDX), r(RM32)] "F7 /7"          Write;
        Idiv64M    "idiv" [rw(RAX), rw(RDX), r(RM64)] "REX.W F7 /7"    Write;

        Cbw        "cbw"  [rw(AX)]                    "66 98"          Keep;
        Cwde       "cwde" [rw(EAX)]                   "98"             Keep;
        Cdqe       "cdqe" [rw(RAX)]                   "REX.W 98"       Keep;
        Cwd        "cwd"  [w(DX), r(AX)]              "66 99"          Keep;
        Cdq        "cdq"  [w(EDX), r(EAX)]            "99"             Keep;
        Cqo        "cqo"  [w(RDX), r(RAX)]            "REX.W 99"       Keep;
    } } };
}
