//! Addition, subtraction and comparison.

macro_rules! arithmetic_rows {
    ([$next:ident $($later:ident)*] { $($rows:tt)* }) => { $next! { [$($later)*] { $($rows)*
        Add32RRI  "add"  [w(WD_SP), r(WN_SP), ADD_IMM]          "0 0 0 100010 sh imm12 Rn Rd"              Keep;
        Add64RRI  "add"  [w(XD_SP), r(XN_SP), ADD_IMM]          "1 0 0 100010 sh imm12 Rn Rd"              Keep;
        Adds32RRI "adds" [w(WD), r(WN_SP), ADD_IMM]             "0 0 1 100010 sh imm12 Rn Rd"              Write;
        Adds64RRI "adds" [w(XD), r(XN_SP), ADD_IMM]             "1 0 1 100010 sh imm12 Rn Rd"              Write;
        Sub32RRI  "sub"  [w(WD_SP), r(WN_SP), ADD_IMM]          "0 1 0 100010 sh imm12 Rn Rd"              Keep;
        Sub64RRI  "sub"  [w(XD_SP), r(XN_SP), ADD_IMM]          "1 1 0 100010 sh imm12 Rn Rd"              Keep;
        Subs32RRI "subs" [w(WD), r(WN_SP), ADD_IMM]             "0 1 1 100010 sh imm12 Rn Rd"              Write;
        Subs64RRI "subs" [w(XD), r(XN_SP), ADD_IMM]             "1 1 1 100010 sh imm12 Rn Rd"              Write;
        Cmn32RI   "cmn"  [r(WN_SP), ADD_IMM]                    "0 0 1 100010 sh imm12 Rn 11111"           Write;
        Cmn64RI   "cmn"  [r(XN_SP), ADD_IMM]                    "1 0 1 100010 sh imm12 Rn 11111"           Write;
        Cmp32RI   "cmp"  [r(WN_SP), ADD_IMM]                    "0 1 1 100010 sh imm12 Rn 11111"           Write;
        Cmp64RI   "cmp"  [r(XN_SP), ADD_IMM]                    "1 1 1 100010 sh imm12 Rn 11111"           Write;

        // The manual's `mov` to or from the stack pointer: an addition of zero.
        MovSp32RR "mov"  [w(WD_SP), r(WN_SP)]                   "0 0 0 100010 0 000000000000 Rn Rd"        Keep;
        MovSp64RR "mov"  [w(XD_SP), r(XN_SP)]                   "1 0 0 100010 0 000000000000 Rn Rd"        Keep;

        Add32RRR  "add"  [w(WD), r(WN), r(WM), SHIFT32]         "0 0 0 01011 shift 0 Rm imm6 Rn Rd"        Keep;
        Add64RRR  "add"  [w(XD), r(XN), r(XM), SHIFT64]         "1 0 0 01011 shift 0 Rm imm6 Rn Rd"        Keep;
        Adds32RRR "adds" [w(WD), r(WN), r(WM), SHIFT32]         "0 0 1 01011 shift 0 Rm imm6 Rn Rd"        Write;
        Adds64RRR "adds" [w(XD), r(XN), r(XM), SHIFT64]         "1 0 1 01011 shift 0 Rm imm6 Rn Rd"        Write;
        Sub32RRR  "sub"  [w(WD), r(WN), r(WM), SHIFT32]         "0 1 0 01011 shift 0 Rm imm6 Rn Rd"        Keep;
        Sub64RRR  "sub"  [w(XD), r(XN), r(XM), SHIFT64]         "1 1 0 01011 shift 0 Rm imm6 Rn Rd"        Keep;
        Subs32RRR "subs" [w(WD), r(WN), r(WM), SHIFT32]         "0 1 1 01011 shift 0 Rm imm6 Rn Rd"        Write;
        Subs64RRR "subs" [w(XD), r(XN), r(XM), SHIFT64]         "1 1 1 01011 shift 0 Rm imm6 Rn Rd"        Write;
        Cmn32RR   "cmn"  [r(WN), r(WM), SHIFT32]                "0 0 1 01011 shift 0 Rm imm6 Rn 11111"     Write;
        Cmn64RR   "cmn"  [r(XN), r(XM), SHIFT64]                "1 0 1 01011 shift 0 Rm imm6 Rn 11111"     Write;
        Cmp32RR   "cmp"  [r(WN), r(WM), SHIFT32]                "0 1 1 01011 shift 0 Rm imm6 Rn 11111"     Write;
        Cmp64RR   "cmp"  [r(XN), r(XM), SHIFT64]                "1 1 1 01011 shift 0 Rm imm6 Rn 11111"     Write;
        Neg32RR   "neg"  [w(WD), r(WM), SHIFT32]                "0 1 0 01011 shift 0 Rm imm6 11111 Rd"     Keep;
        Neg64RR   "neg"  [w(XD), r(XM), SHIFT64]                "1 1 0 01011 shift 0 Rm imm6 11111 Rd"     Keep;
        Negs32RR  "negs" [w(WD), r(WM), SHIFT32]                "0 1 1 01011 shift 0 Rm imm6 11111 Rd"     Write;
        Negs64RR  "negs" [w(XD), r(XM), SHIFT64]                "1 1 1 01011 shift 0 Rm imm6 11111 Rd"     Write;

        Add32RRX  "add"  [w(WD_SP), r(WN_SP), r(WME), EXTEND32] "0 0 0 01011 00 1 Rm option imm3 Rn Rd"    Keep;
        Add64RRX  "add"  [w(XD_SP), r(XN_SP), r(XME), EXTEND64] "1 0 0 01011 00 1 Rm option imm3 Rn Rd"    Keep;
        Adds32RRX "adds" [w(WD), r(WN_SP), r(WME), EXTEND32]    "0 0 1 01011 00 1 Rm option imm3 Rn Rd"    Write;
        Adds64RRX "adds" [w(XD), r(XN_SP), r(XME), EXTEND64]    "1 0 1 01011 00 1 Rm option imm3 Rn Rd"    Write;
        Sub32RRX  "sub"  [w(WD_SP), r(WN_SP), r(WME), EXTEND32] "0 1 0 01011 00 1 Rm option imm3 Rn Rd"    Keep;
        Sub64RRX  "sub"  [w(XD_SP), r(XN_SP), r(XME), EXTEND64] "1 1 0 01011 00 1 Rm option imm3 Rn Rd"    Keep;
        Subs32RRX "subs" [w(WD), r(WN_SP), r(WME), EXTEND32]    "0 1 1 01011 00 1 Rm option imm3 Rn Rd"    Write;
        Subs64RRX "subs" [w(XD), r(XN_SP), r(XME), EXTEND64]    "1 1 1 01011 00 1 Rm option imm3 Rn Rd"    Write;
        Cmn32RX   "cmn"  [r(WN_SP), r(WME), EXTEND32]           "0 0 1 01011 00 1 Rm option imm3 Rn 11111" Write;
        Cmn64RX   "cmn"  [r(XN_SP), r(XME), EXTEND64]           "1 0 1 01011 00 1 Rm option imm3 Rn 11111" Write;
        Cmp32RX   "cmp"  [r(WN_SP), r(WME), EXTEND32]           "0 1 1 01011 00 1 Rm option imm3 Rn 11111" Write;
        Cmp64RX   "cmp"  [r(XN_SP), r(XME), EXTEND64]           "1 1 1 01011 00 1 Rm option imm3 Rn 11111" Write;

        Adc32RRR  "adc"  [w(WD), r(WN), r(WM)]                  "0 0 0 11010000 Rm 000000 Rn Rd"           Read;
        Adc64RRR  "adc"  [w(XD), r(XN), r(XM)]                  "1 0 0 11010000 Rm 000000 Rn Rd"           Read;
        Adcs32RRR "adcs" [w(WD), r(WN), r(WM)]                  "0 0 1 11010000 Rm 000000 Rn Rd"           ReadWrite;
        Adcs64RRR "adcs" [w(XD), r(XN), r(XM)]                  "1 0 1 11010000 Rm 000000 Rn Rd"           ReadWrite;
        Sbc32RRR  "sbc"  [w(WD), r(WN), r(WM)]                  "0 1 0 11010000 Rm 000000 Rn Rd"           Read;
        Sbc64RRR  "sbc"  [w(XD), r(XN), r(XM)]                  "1 1 0 11010000 Rm 000000 Rn Rd"           Read;
        Sbcs32RRR "sbcs" [w(WD), r(WN), r(WM)]                  "0 1 1 11010000 Rm 000000 Rn Rd"           ReadWrite;
        Sbcs64RRR "sbcs" [w(XD), r(XN), r(XM)]                  "1 1 1 11010000 Rm 000000 Rn Rd"           ReadWrite;
    } } };
}
