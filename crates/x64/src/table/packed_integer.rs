//! Arithmetic, comparison and shifts of packed integers.

macro_rules! packed_integer_rows {
    ([$next:ident $($later:ident)*] { $($rows:tt)* }) => { $next! { [$($later)*] { $($rows)*
        PaddbXM    "paddb"    [rw(X), r(XM128)] "66 0F FC /r"    Keep;
        PaddwXM    "paddw"    [rw(X), r(XM128)] "66 0F FD /r"    Keep;
        PadddXM    "paddd"    [rw(X), r(XM128)] "66 0F FE /r"    Keep;
        PaddqXM    "paddq"    [rw(X), r(XM128)] "66 0F D4 /r"    Keep;
        PsubbXM    "psubb"    [rw(X), r(XM128)] "66 0F F8 /r"    Keep;
        PsubwXM    "psubw"    [rw(X), r(XM128)] "66 0F F9 /r"    Keep;
        PsubdXM    "psubd"    [rw(X), r(XM128)] "66 0F FA /r"    Keep;
        PsubqXM    "psubq"    [rw(X), r(XM128)] "66 0F FB /r"    Keep;

        // The low halves of products; PMULUDQ multiplies the low halves of 64-bit lanes to all of them.
        PmullwXM   "pmullw"   [rw(X), r(XM128)] "66 0F D5 /r"    Keep;
        PmulldXM   "pmulld"   [rw(X), r(XM128)] "66 0F 38 40 /r" Keep Sse41;
        PmuludqXM  "pmuludq"  [rw(X), r(XM128)] "66 0F F4 /r"    Keep;

        // The result is all ones or zeros per lane.
        PcmpeqbXM  "pcmpeqb"  [rw(X), r(XM128)] "66 0F 74 /r"    Keep;
        PcmpeqwXM  "pcmpeqw"  [rw(X), r(XM128)] "66 0F 75 /r"    Keep;
        PcmpeqdXM  "pcmpeqd"  [rw(X), r(XM128)] "66 0F 76 /r"    Keep;
        PcmpeqqXM  "pcmpeqq"  [rw(X), r(XM128)] "66 0F 38 29 /r" Keep Sse41;
        PcmpgtbXM  "pcmpgtb"  [rw(X), r(XM128)] "66 0F 64 /r"    Keep;
        PcmpgtwXM  "pcmpgtw"  [rw(X), r(XM128)] "66 0F 65 /r"    Keep;
        PcmpgtdXM  "pcmpgtd"  [rw(X), r(XM128)] "66 0F 66 /r"    Keep;
        PcmpgtqXM  "pcmpgtq"  [rw(X), r(XM128)] "66 0F 38 37 /r" Keep Sse42;

        PminubXM   "pminub"   [rw(X), r(XM128)] "66 0F DA /r"    Keep;
        PminuwXM   "pminuw"   [rw(X), r(XM128)] "66 0F 38 3A /r" Keep Sse41;
        PminudXM   "pminud"   [rw(X), r(XM128)] "66 0F 38 3B /r" Keep Sse41;
        PmaxubXM   "pmaxub"   [rw(X), r(XM128)] "66 0F DE /r"    Keep;
        PmaxuwXM   "pmaxuw"   [rw(X), r(XM128)] "66 0F 38 3E /r" Keep Sse41;
        PmaxudXM   "pmaxud"   [rw(X), r(XM128)] "66 0F 38 3F /r" Keep Sse41;
        PminsbXM   "pminsb"   [rw(X), r(XM128)] "66 0F 38 38 /r" Keep Sse41;
        PminswXM   "pminsw"   [rw(X), r(XM128)] "66 0F EA /r"    Keep;
        PminsdXM   "pminsd"   [rw(X), r(XM128)] "66 0F 38 39 /r" Keep Sse41;
        PmaxsbXM   "pmaxsb"   [rw(X), r(XM128)] "66 0F 38 3C /r" Keep Sse41;
        PmaxswXM   "pmaxsw"   [rw(X), r(XM128)] "66 0F EE /r"    Keep;
        PmaxsdXM   "pmaxsd"   [rw(X), r(XM128)] "66 0F 38 3D /r" Keep Sse41;

        // The count is the low 64 bits of the second operand; one as large as the lane shifts everything out.
        PsllwXM    "psllw"    [rw(X), r(XM128)] "66 0F F1 /r"    Keep;
        PslldXM    "pslld"    [rw(X), r(XM128)] "66 0F F2 /r"    Keep;
        PsllqXM    "psllq"    [rw(X), r(XM128)] "66 0F F3 /r"    Keep;
        PsrlwXM    "psrlw"    [rw(X), r(XM128)] "66 0F D1 /r"    Keep;
        PsrldXM    "psrld"    [rw(X), r(XM128)] "66 0F D2 /r"    Keep;
        PsrlqXM    "psrlq"    [rw(X), r(XM128)] "66 0F D3 /r"    Keep;
        PsrawXM    "psraw"    [rw(X), r(XM128)] "66 0F E1 /r"    Keep;
        PsradXM    "psrad"    [rw(X), r(XM128)] "66 0F E2 /r"    Keep;

        PsllwXI    "psllw"    [rw(XR), r(I8)]   "66 0F 71 /6 ib" Keep;
        PslldXI    "pslld"    [rw(XR), r(I8)]   "66 0F 72 /6 ib" Keep;
        PsllqXI    "psllq"    [rw(XR), r(I8)]   "66 0F 73 /6 ib" Keep;
        PsrlwXI    "psrlw"    [rw(XR), r(I8)]   "66 0F 71 /2 ib" Keep;
        PsrldXI    "psrld"    [rw(XR), r(I8)]   "66 0F 72 /2 ib" Keep;
        PsrlqXI    "psrlq"    [rw(XR), r(I8)]   "66 0F 73 /2 ib" Keep;
        PsrawXI    "psraw"    [rw(XR), r(I8)]   "66 0F 71 /4 ib" Keep;
        PsradXI    "psrad"    [rw(XR), r(I8)]   "66 0F 72 /4 ib" Keep;
        // The whole register by bytes.
        PslldqXI   "pslldq"   [rw(XR), r(I8)]   "66 0F 73 /7 ib" Keep;
        PsrldqXI   "psrldq"   [rw(XR), r(I8)]   "66 0F 73 /3 ib" Keep;

        // The top bit of each byte; and whether no bit that the second operand has is set, or all are.
        PmovmskbRX "pmovmskb" [w(R32), r(XR)]   "66 0F D7 /r"    Keep;
        PtestXM    "ptest"    [r(X), r(XM128)]  "66 0F 38 17 /r" Write Sse41;
    } } };
}
