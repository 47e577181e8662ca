//! Scalar float arithmetic, comparison and rounding.

macro_rules! float_rows {
    ([$next:ident $($later:ident)*] { $($rows:tt)* }) => { $next! { [$($later)*] { $($rows)*
        AddssXM    "addss"   [rw(X), r(XM32)]        "F3 0F 58 /r"       Keep;
        AddsdXM    "addsd"   [rw(X), r(XM64)]        "F2 0F 58 /r"       Keep;
        MulssXM    "mulss"   [rw(X), r(XM32)]        "F3 0F 59 /r"       Keep;
        MulsdXM    "mulsd"   [rw(X), r(XM64)]        "F2 0F 59 /r"       Keep;
        SubssXM    "subss"   [rw(X), r(XM32)]        "F3 0F 5C /r"       Keep;
        SubsdXM    "subsd"   [rw(X), r(XM64)]        "F2 0F 5C /r"       Keep;
        MinssXM    "minss"   [rw(X), r(XM32)]        "F3 0F 5D /r"       Keep;
        MinsdXM    "minsd"   [rw(X), r(XM64)]        "F2 0F 5D /r"       Keep;
        DivssXM    "divss"   [rw(X), r(XM32)]        "F3 0F 5E /r"       Keep;
        DivsdXM    "divsd"   [rw(X), r(XM64)]        "F2 0F 5E /r"       Keep;
        MaxssXM    "maxss"   [rw(X), r(XM32)]        "F3 0F 5F /r"       Keep;
        MaxsdXM    "maxsd"   [rw(X), r(XM64)]        "F2 0F 5F /r"       Keep;
        SqrtssXM   "sqrtss"  [w(X), r(XM32)]         "F3 0F 51 /r"       Keep;
        SqrtsdXM   "sqrtsd"  [w(X), r(XM64)]         "F2 0F 51 /r"       Keep;

        UcomissXM  "ucomiss" [r(X), r(XM32)]         "0F 2E /r"          Write;
        UcomisdXM  "ucomisd" [r(X), r(XM64)]         "66 0F 2E /r"       Write;
        ComissXM   "comiss"  [r(X), r(XM32)]         "0F 2F /r"          Write;
        ComisdXM   "comisd"  [r(X), r(XM64)]         "66 0F 2F /r"       Write;

        // Predicates: 0 equal, 1 less, 2 less or equal, 3 unordered, and 4 to 7 the negation of each.
        CmpssXMI   "cmpss"   [rw(X), r(XM32), r(I8)] "F3 0F C2 /r ib"    Keep;
        CmpsdXMI   "cmpsd"   [rw(X), r(XM64), r(I8)] "F2 0F C2 /r ib"    Keep;

        // Modes: 0 nearest even, 1 down, 2 up, 3 toward zero; plus 8 to raise no inexact exception.
        RoundssXMI "roundss" [w(X), r(XM32), r(I8)]  "66 0F 3A 0A /r ib" Keep Sse41;
        RoundsdXMI "roundsd" [w(X), r(XM64), r(I8)]  "66 0F 3A 0B /r ib" Keep Sse41;
    } } };
}
