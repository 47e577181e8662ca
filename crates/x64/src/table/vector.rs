//! Moves of XMM registers, and bitwise operations on all of one.
//!
//! Memory of 128 bits must be at a multiple of 16 except for MOVUPS and MOVDQU; this holds in the other
//! files of vector forms, too.

macro_rules! vector_rows {
    ([$next:ident $($later:ident)*] { $($rows:tt)* }) => { $next! { [$($later)*] { $($rows)*
        MovssXM  "movss"  [w(X), r(M32)]    "F3 0F 10 /r"       Keep;
        MovssMX  "movss"  [w(M32), r(X)]    "F3 0F 11 /r"       Keep;
        MovsdXM  "movsd"  [w(X), r(M64)]    "F2 0F 10 /r"       Keep;
        MovsdMX  "movsd"  [w(M64), r(X)]    "F2 0F 11 /r"       Keep;
        MovapsXM "movaps" [w(X), r(XM128)]  "0F 28 /r"          Keep;
        MovapsMX "movaps" [w(M128), r(X)]   "0F 29 /r"          Keep;
        MovupsXM "movups" [w(X), r(M128)]   "0F 10 /r"          Keep;
        MovupsMX "movups" [w(M128), r(X)]   "0F 11 /r"          Keep;
        MovdqaXM "movdqa" [w(X), r(XM128)]  "66 0F 6F /r"       Keep;
        MovdqaMX "movdqa" [w(M128), r(X)]   "66 0F 7F /r"       Keep;
        MovdquXM "movdqu" [w(X), r(M128)]   "F3 0F 6F /r"       Keep;
        MovdquMX "movdqu" [w(M128), r(X)]   "F3 0F 7F /r"       Keep;

        // Between a general register or memory and the low end of an XMM register, the rest of which becomes 0.
        MovdXM   "movd"   [w(X), r(RM32)]   "66 0F 6E /r"       Keep;
        MovdMX   "movd"   [w(RM32), r(X)]   "66 0F 7E /r"       Keep;
        MovqXM   "movq"   [w(X), r(RM64)]   "66 REX.W 0F 6E /r" Keep;
        MovqMX   "movq"   [w(RM64), r(X)]   "66 REX.W 0F 7E /r" Keep;

        AndpsXM  "andps"  [rw(X), r(XM128)] "0F 54 /r"          Keep;
        AndpdXM  "andpd"  [rw(X), r(XM128)] "66 0F 54 /r"       Keep;
        AndnpsXM "andnps" [rw(X), r(XM128)] "0F 55 /r"          Keep;
        AndnpdXM "andnpd" [rw(X), r(XM128)] "66 0F 55 /r"       Keep;
        OrpsXM   "orps"   [rw(X), r(XM128)] "0F 56 /r"          Keep;
        OrpdXM   "orpd"   [rw(X), r(XM128)] "66 0F 56 /r"       Keep;
        XorpsXM  "xorps"  [rw(X), r(XM128)] "0F 57 /r"          Keep;
        XorpdXM  "xorpd"  [rw(X), r(XM128)] "66 0F 57 /r"       Keep;
        PandXM   "pand"   [rw(X), r(XM128)] "66 0F DB /r"       Keep;
        PandnXM  "pandn"  [rw(X), r(XM128)] "66 0F DF /r"       Keep;
        PorXM    "por"    [rw(X), r(XM128)] "66 0F EB /r"       Keep;
        PxorXM   "pxor"   [rw(X), r(XM128)] "66 0F EF /r"       Keep;
    } } };
}
