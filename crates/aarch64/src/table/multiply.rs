//! Multiplication and division.

macro_rules! multiply_rows {
    ([$next:ident $($later:ident)*] { $($rows:tt)* }) => { $next! { [$($later)*] { $($rows)*
        Madd32RRRR "madd"   [w(WD), r(WN), r(WM), r(WA)] "0 00 11011 000 Rm 0 Ra Rn Rd"    Keep;
        Madd64RRRR "madd"   [w(XD), r(XN), r(XM), r(XA)] "1 00 11011 000 Rm 0 Ra Rn Rd"    Keep;
        Msub32RRRR "msub"   [w(WD), r(WN), r(WM), r(WA)] "0 00 11011 000 Rm 1 Ra Rn Rd"    Keep;
        Msub64RRRR "msub"   [w(XD), r(XN), r(XM), r(XA)] "1 00 11011 000 Rm 1 Ra Rn Rd"    Keep;
        Mul32RRR   "mul"    [w(WD), r(WN), r(WM)]        "0 00 11011 000 Rm 0 11111 Rn Rd" Keep;
        Mul64RRR   "mul"    [w(XD), r(XN), r(XM)]        "1 00 11011 000 Rm 0 11111 Rn Rd" Keep;
        Mneg32RRR  "mneg"   [w(WD), r(WN), r(WM)]        "0 00 11011 000 Rm 1 11111 Rn Rd" Keep;
        Mneg64RRR  "mneg"   [w(XD), r(XN), r(XM)]        "1 00 11011 000 Rm 1 11111 Rn Rd" Keep;

        // 32 bits times 32 bits are 64 bits.
        SmaddlRRRR "smaddl" [w(XD), r(WN), r(WM), r(XA)] "1 00 11011 001 Rm 0 Ra Rn Rd"    Keep;
        SmsublRRRR "smsubl" [w(XD), r(WN), r(WM), r(XA)] "1 00 11011 001 Rm 1 Ra Rn Rd"    Keep;
        UmaddlRRRR "umaddl" [w(XD), r(WN), r(WM), r(XA)] "1 00 11011 101 Rm 0 Ra Rn Rd"    Keep;
        UmsublRRRR "umsubl" [w(XD), r(WN), r(WM), r(XA)] "1 00 11011 101 Rm 1 Ra Rn Rd"    Keep;
        SmullRRR   "smull"  [w(XD), r(WN), r(WM)]        "1 00 11011 001 Rm 0 11111 Rn Rd" Keep;
        UmullRRR   "umull"  [w(XD), r(WN), r(WM)]        "1 00 11011 101 Rm 0 11111 Rn Rd" Keep;

        // The upper half of 128 bits.
        SmulhRRR   "smulh"  [w(XD), r(XN), r(XM)]        "1 00 11011 010 Rm 0 11111 Rn Rd" Keep;
        UmulhRRR   "umulh"  [w(XD), r(XN), r(XM)]        "1 00 11011 110 Rm 0 11111 Rn Rd" Keep;

        Udiv32RRR  "udiv"   [w(WD), r(WN), r(WM)]        "0 0 0 11010110 Rm 000010 Rn Rd"  Keep;
        Udiv64RRR  "udiv"   [w(XD), r(XN), r(XM)]        "1 0 0 11010110 Rm 000010 Rn Rd"  Keep;
        Sdiv32RRR  "sdiv"   [w(WD), r(WN), r(WM)]        "0 0 0 11010110 Rm 000011 Rn Rd"  Keep;
        Sdiv64RRR  "sdiv"   [w(XD), r(XN), r(XM)]        "1 0 0 11010110 Rm 000011 Rn Rd"  Keep;
    } } };
}
