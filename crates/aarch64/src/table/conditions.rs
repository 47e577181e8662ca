//! Conditional selection and comparison.

macro_rules! conditions_rows {
    ([$next:ident $($later:ident)*] { $($rows:tt)* }) => { $next! { [$($later)*] { $($rows)*
        Csel32RRR  "csel"  [w(WD), r(WN), r(WM), COND] "0 0 0 11010100 Rm cond 00 Rn Rd"        Read;
        Csel64RRR  "csel"  [w(XD), r(XN), r(XM), COND] "1 0 0 11010100 Rm cond 00 Rn Rd"        Read;
        Csinc32RRR "csinc" [w(WD), r(WN), r(WM), COND] "0 0 0 11010100 Rm cond 01 Rn Rd"        Read;
        Csinc64RRR "csinc" [w(XD), r(XN), r(XM), COND] "1 0 0 11010100 Rm cond 01 Rn Rd"        Read;
        Csinv32RRR "csinv" [w(WD), r(WN), r(WM), COND] "0 1 0 11010100 Rm cond 00 Rn Rd"        Read;
        Csinv64RRR "csinv" [w(XD), r(XN), r(XM), COND] "1 1 0 11010100 Rm cond 00 Rn Rd"        Read;
        Csneg32RRR "csneg" [w(WD), r(WN), r(WM), COND] "0 1 0 11010100 Rm cond 01 Rn Rd"        Read;
        Csneg64RRR "csneg" [w(XD), r(XN), r(XM), COND] "1 1 0 11010100 Rm cond 01 Rn Rd"        Read;
        Cset32R    "cset"  [w(WD), NOT_COND]           "0 0 0 11010100 11111 cond 01 11111 Rd"  Read;
        Cset64R    "cset"  [w(XD), NOT_COND]           "1 0 0 11010100 11111 cond 01 11111 Rd"  Read;
        Csetm32R   "csetm" [w(WD), NOT_COND]           "0 1 0 11010100 11111 cond 00 11111 Rd"  Read;
        Csetm64R   "csetm" [w(XD), NOT_COND]           "1 1 0 11010100 11111 cond 00 11111 Rd"  Read;
        Cinc32RR   "cinc"  [w(WD), r(WNM), NOT_COND]   "0 0 0 11010100 Rm cond 01 Rn Rd"        Read;
        Cinc64RR   "cinc"  [w(XD), r(XNM), NOT_COND]   "1 0 0 11010100 Rm cond 01 Rn Rd"        Read;
        Cinv32RR   "cinv"  [w(WD), r(WNM), NOT_COND]   "0 1 0 11010100 Rm cond 00 Rn Rd"        Read;
        Cinv64RR   "cinv"  [w(XD), r(XNM), NOT_COND]   "1 1 0 11010100 Rm cond 00 Rn Rd"        Read;
        Cneg32RR   "cneg"  [w(WD), r(WNM), NOT_COND]   "0 1 0 11010100 Rm cond 01 Rn Rd"        Read;
        Cneg64RR   "cneg"  [w(XD), r(XNM), NOT_COND]   "1 1 0 11010100 Rm cond 01 Rn Rd"        Read;

        // The flags are those of the comparison if the condition holds, else the given ones.
        Ccmn32RR   "ccmn"  [r(WN), r(WM), NZCV, COND]  "0 0 1 11010010 Rm cond 0 0 Rn 0 nzcv"   ReadWrite;
        Ccmn64RR   "ccmn"  [r(XN), r(XM), NZCV, COND]  "1 0 1 11010010 Rm cond 0 0 Rn 0 nzcv"   ReadWrite;
        Ccmp32RR   "ccmp"  [r(WN), r(WM), NZCV, COND]  "0 1 1 11010010 Rm cond 0 0 Rn 0 nzcv"   ReadWrite;
        Ccmp64RR   "ccmp"  [r(XN), r(XM), NZCV, COND]  "1 1 1 11010010 Rm cond 0 0 Rn 0 nzcv"   ReadWrite;
        Ccmn32RI   "ccmn"  [r(WN), IMM5, NZCV, COND]   "0 0 1 11010010 imm5 cond 1 0 Rn 0 nzcv" ReadWrite;
        Ccmn64RI   "ccmn"  [r(XN), IMM5, NZCV, COND]   "1 0 1 11010010 imm5 cond 1 0 Rn 0 nzcv" ReadWrite;
        Ccmp32RI   "ccmp"  [r(WN), IMM5, NZCV, COND]   "0 1 1 11010010 imm5 cond 1 0 Rn 0 nzcv" ReadWrite;
        Ccmp64RI   "ccmp"  [r(XN), IMM5, NZCV, COND]   "1 1 1 11010010 imm5 cond 1 0 Rn 0 nzcv" ReadWrite;
    } } };
}
