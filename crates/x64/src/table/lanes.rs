//! Permutation of lanes, and single lanes in and out.

macro_rules! lane_rows {
    ([$next:ident $($later:ident)*] { $($rows:tt)* }) => { $next! { [$($later)*] { $($rows)*
        PshufdXMI    "pshufd"     [w(X), r(XM128), r(I8)]    "66 0F 70 /r ib"          Keep;
        PshuflwXMI   "pshuflw"    [w(X), r(XM128), r(I8)]    "F2 0F 70 /r ib"          Keep;
        PshufhwXMI   "pshufhw"    [w(X), r(XM128), r(I8)]    "F3 0F 70 /r ib"          Keep;
        ShufpsXMI    "shufps"     [rw(X), r(XM128), r(I8)]   "0F C6 /r ib"             Keep;
        ShufpdXMI    "shufpd"     [rw(X), r(XM128), r(I8)]   "66 0F C6 /r ib"          Keep;
        PshufbXM     "pshufb"     [rw(X), r(XM128)]          "66 0F 38 00 /r"          Keep Ssse3;
        PalignrXMI   "palignr"    [rw(X), r(XM128), r(I8)]   "66 0F 3A 0F /r ib"       Keep Ssse3;
        MovddupXM    "movddup"    [w(X), r(XM64)]            "F2 0F 12 /r"             Keep Sse3;
        MovhlpsXX    "movhlps"    [rw(X), r(XR)]             "0F 12 /r"                Keep;
        MovlhpsXX    "movlhps"    [rw(X), r(XR)]             "0F 16 /r"                Keep;

        PunpcklbwXM  "punpcklbw"  [rw(X), r(XM128)]          "66 0F 60 /r"             Keep;
        PunpcklwdXM  "punpcklwd"  [rw(X), r(XM128)]          "66 0F 61 /r"             Keep;
        PunpckldqXM  "punpckldq"  [rw(X), r(XM128)]          "66 0F 62 /r"             Keep;
        PunpcklqdqXM "punpcklqdq" [rw(X), r(XM128)]          "66 0F 6C /r"             Keep;
        PunpckhbwXM  "punpckhbw"  [rw(X), r(XM128)]          "66 0F 68 /r"             Keep;
        PunpckhwdXM  "punpckhwd"  [rw(X), r(XM128)]          "66 0F 69 /r"             Keep;
        PunpckhdqXM  "punpckhdq"  [rw(X), r(XM128)]          "66 0F 6A /r"             Keep;
        PunpckhqdqXM "punpckhqdq" [rw(X), r(XM128)]          "66 0F 6D /r"             Keep;
        UnpcklpsXM   "unpcklps"   [rw(X), r(XM128)]          "0F 14 /r"                Keep;
        UnpcklpdXM   "unpcklpd"   [rw(X), r(XM128)]          "66 0F 14 /r"             Keep;
        UnpckhpsXM   "unpckhps"   [rw(X), r(XM128)]          "0F 15 /r"                Keep;
        UnpckhpdXM   "unpckhpd"   [rw(X), r(XM128)]          "66 0F 15 /r"             Keep;

        // Narrower lanes with saturation, signed or unsigned.
        PacksswbXM   "packsswb"   [rw(X), r(XM128)]          "66 0F 63 /r"             Keep;
        PackssdwXM   "packssdw"   [rw(X), r(XM128)]          "66 0F 6B /r"             Keep;
        PackuswbXM   "packuswb"   [rw(X), r(XM128)]          "66 0F 67 /r"             Keep;
        PackusdwXM   "packusdw"   [rw(X), r(XM128)]          "66 0F 38 2B /r"          Keep Sse41;

        PinsrbXRI    "pinsrb"     [rw(X), r(RR32), r(I8)]    "66 0F 3A 20 /r ib"       Keep Sse41;
        PinsrbXMI    "pinsrb"     [rw(X), r(M8), r(I8)]      "66 0F 3A 20 /r ib"       Keep Sse41;
        PinsrwXRI    "pinsrw"     [rw(X), r(RR32), r(I8)]    "66 0F C4 /r ib"          Keep;
        PinsrwXMI    "pinsrw"     [rw(X), r(M16), r(I8)]     "66 0F C4 /r ib"          Keep;
        PinsrdXMI    "pinsrd"     [rw(X), r(RM32), r(I8)]    "66 0F 3A 22 /r ib"       Keep Sse41;
        PinsrqXMI    "pinsrq"     [rw(X), r(RM64), r(I8)]    "66 REX.W 0F 3A 22 /r ib" Keep Sse41;
        PextrbRXI    "pextrb"     [w(RR32), r(X), r(I8)]     "66 0F 3A 14 /r ib"       Keep Sse41;
        PextrbMXI    "pextrb"     [w(M8), r(X), r(I8)]       "66 0F 3A 14 /r ib"       Keep Sse41;
        PextrwRXI    "pextrw"     [w(R32), r(XR), r(I8)]     "66 0F C5 /r ib"          Keep;
        PextrwMXI    "pextrw"     [w(M16), r(X), r(I8)]      "66 0F 3A 15 /r ib"       Keep Sse41;
        PextrdMXI    "pextrd"     [w(RM32), r(X), r(I8)]     "66 0F 3A 16 /r ib"       Keep Sse41;
        PextrqMXI    "pextrq"     [w(RM64), r(X), r(I8)]     "66 REX.W 0F 3A 16 /r ib" Keep Sse41;

        // Bits 7 and 6 of INSERTPS select a lane of a source register, 5 and 4 the lane that is written,
        // the rest lanes to clear.
        InsertpsXMI  "insertps"   [rw(X), r(XM32), r(I8)]    "66 0F 3A 21 /r ib"       Keep Sse41;
        ExtractpsMXI "extractps"  [w(RM32), r(X), r(I8)]     "66 0F 3A 17 /r ib"       Keep Sse41;

        // Lanes by bits of the immediate, or by the top bits of the lanes of XMM0.
        BlendpsXMI   "blendps"    [rw(X), r(XM128), r(I8)]   "66 0F 3A 0C /r ib"       Keep Sse41;
        BlendpdXMI   "blendpd"    [rw(X), r(XM128), r(I8)]   "66 0F 3A 0D /r ib"       Keep Sse41;
        PblendwXMI   "pblendw"    [rw(X), r(XM128), r(I8)]   "66 0F 3A 0E /r ib"       Keep Sse41;
        PblendvbXM   "pblendvb"   [rw(X), r(XM128), r(XMM0)] "66 0F 38 10 /r"          Keep Sse41;
        BlendvpsXM   "blendvps"   [rw(X), r(XM128), r(XMM0)] "66 0F 38 14 /r"          Keep Sse41;
        BlendvpdXM   "blendvpd"   [rw(X), r(XM128), r(XMM0)] "66 0F 38 15 /r"          Keep Sse41;
    } } };
}
