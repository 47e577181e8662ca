//! Logical operations, and moves of constants and registers.

macro_rules! logical_rows {
    ([$next:ident $($later:ident)*] { $($rows:tt)* }) => { $next! { [$($later)*] { $($rows)*
        And32RRI    "and"  [w(WD_SP), r(WN), LOGICAL32]    "0 00 100100 N immr imms Rn Rd"       Keep;
        And64RRI    "and"  [w(XD_SP), r(XN), LOGICAL64]    "1 00 100100 N immr imms Rn Rd"       Keep;
        Orr32RRI    "orr"  [w(WD_SP), r(WN), LOGICAL32]    "0 01 100100 N immr imms Rn Rd"       Keep;
        Orr64RRI    "orr"  [w(XD_SP), r(XN), LOGICAL64]    "1 01 100100 N immr imms Rn Rd"       Keep;
        Eor32RRI    "eor"  [w(WD_SP), r(WN), LOGICAL32]    "0 10 100100 N immr imms Rn Rd"       Keep;
        Eor64RRI    "eor"  [w(XD_SP), r(XN), LOGICAL64]    "1 10 100100 N immr imms Rn Rd"       Keep;
        Ands32RRI   "ands" [w(WD), r(WN), LOGICAL32]       "0 11 100100 N immr imms Rn Rd"       Write;
        Ands64RRI   "ands" [w(XD), r(XN), LOGICAL64]       "1 11 100100 N immr imms Rn Rd"       Write;
        Tst32RI     "tst"  [r(WN), LOGICAL32]              "0 11 100100 N immr imms Rn 11111"    Write;
        Tst64RI     "tst"  [r(XN), LOGICAL64]              "1 11 100100 N immr imms Rn 11111"    Write;

        // The manual's `mov` of a bitmask immediate.
        MovMask32RI "mov"  [w(WD_SP), LOGICAL32]           "0 01 100100 N immr imms 11111 Rd"    Keep;
        MovMask64RI "mov"  [w(XD_SP), LOGICAL64]           "1 01 100100 N immr imms 11111 Rd"    Keep;

        And32RRR    "and"  [w(WD), r(WN), r(WM), ROTATE32] "0 00 01010 shift 0 Rm imm6 Rn Rd"    Keep;
        And64RRR    "and"  [w(XD), r(XN), r(XM), ROTATE64] "1 00 01010 shift 0 Rm imm6 Rn Rd"    Keep;
        Bic32RRR    "bic"  [w(WD), r(WN), r(WM), ROTATE32] "0 00 01010 shift 1 Rm imm6 Rn Rd"    Keep;
        Bic64RRR    "bic"  [w(XD), r(XN), r(XM), ROTATE64] "1 00 01010 shift 1 Rm imm6 Rn Rd"    Keep;
        Orr32RRR    "orr"  [w(WD), r(WN), r(WM), ROTATE32] "0 01 01010 shift 0 Rm imm6 Rn Rd"    Keep;
        Orr64RRR    "orr"  [w(XD), r(XN), r(XM), ROTATE64] "1 01 01010 shift 0 Rm imm6 Rn Rd"    Keep;
        Orn32RRR    "orn"  [w(WD), r(WN), r(WM), ROTATE32] "0 01 01010 shift 1 Rm imm6 Rn Rd"    Keep;
        Orn64RRR    "orn"  [w(XD), r(XN), r(XM), ROTATE64] "1 01 01010 shift 1 Rm imm6 Rn Rd"    Keep;
        Eor32RRR    "eor"  [w(WD), r(WN), r(WM), ROTATE32] "0 10 01010 shift 0 Rm imm6 Rn Rd"    Keep;
        Eor64RRR    "eor"  [w(XD), r(XN), r(XM), ROTATE64] "1 10 01010 shift 0 Rm imm6 Rn Rd"    Keep;
        Eon32RRR    "eon"  [w(WD), r(WN), r(WM), ROTATE32] "0 10 01010 shift 1 Rm imm6 Rn Rd"    Keep;
        Eon64RRR    "eon"  [w(XD), r(XN), r(XM), ROTATE64] "1 10 01010 shift 1 Rm imm6 Rn Rd"    Keep;
        Ands32RRR   "ands" [w(WD), r(WN), r(WM), ROTATE32] "0 11 01010 shift 0 Rm imm6 Rn Rd"    Write;
        Ands64RRR   "ands" [w(XD), r(XN), r(XM), ROTATE64] "1 11 01010 shift 0 Rm imm6 Rn Rd"    Write;
        Bics32RRR   "bics" [w(WD), r(WN), r(WM), ROTATE32] "0 11 01010 shift 1 Rm imm6 Rn Rd"    Write;
        Bics64RRR   "bics" [w(XD), r(XN), r(XM), ROTATE64] "1 11 01010 shift 1 Rm imm6 Rn Rd"    Write;
        Tst32RR     "tst"  [r(WN), r(WM), ROTATE32]        "0 11 01010 shift 0 Rm imm6 Rn 11111" Write;
        Tst64RR     "tst"  [r(XN), r(XM), ROTATE64]        "1 11 01010 shift 0 Rm imm6 Rn 11111" Write;
        Mov32RR     "mov"  [w(WD), r(WM)]                  "0 01 01010 00 0 Rm 000000 11111 Rd"  Keep;
        Mov64RR     "mov"  [w(XD), r(XM)]                  "1 01 01010 00 0 Rm 000000 11111 Rd"  Keep;
        Mvn32RR     "mvn"  [w(WD), r(WM), ROTATE32]        "0 01 01010 shift 1 Rm imm6 11111 Rd" Keep;
        Mvn64RR     "mvn"  [w(XD), r(XM), ROTATE64]        "1 01 01010 shift 1 Rm imm6 11111 Rd" Keep;

        Movn32RI    "movn" [w(WD), IMM16, HALF32]          "0 00 100101 hw imm16 Rd"             Keep;
        Movn64RI    "movn" [w(XD), IMM16, HALF64]          "1 00 100101 hw imm16 Rd"             Keep;
        Movz32RI    "movz" [w(WD), IMM16, HALF32]          "0 10 100101 hw imm16 Rd"             Keep;
        Movz64RI    "movz" [w(XD), IMM16, HALF64]          "1 10 100101 hw imm16 Rd"             Keep;
        Movk32RI    "movk" [rw(WD), IMM16, HALF32]         "0 11 100101 hw imm16 Rd"             Keep;
        Movk64RI    "movk" [rw(XD), IMM16, HALF64]         "1 11 100101 hw imm16 Rd"             Keep;
    } } };
}
