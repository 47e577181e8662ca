//! Bit scans, counts, tests and byte reversal.

macro_rules! bit_rows {
    ([$next:ident $($later:ident)*] { $($rows:tt)* }) => { $next! { [$($later)*] { $($rows)*
        // BSF and BSR leave the destination unchanged if the source is zero.
        Bsf16RM    "bsf"    [rw(R16), r(RM16)] "66 0F BC /r"       Write;
        Bsf32RM    "bsf"    [rw(R32), r(RM32)] "0F BC /r"          Write;
        Bsf64RM    "bsf"    [rw(R64), r(RM64)] "REX.W 0F BC /r"    Write;
        Bsr16RM    "bsr"    [rw(R16), r(RM16)] "66 0F BD /r"       Write;
        Bsr32RM    "bsr"    [rw(R32), r(RM32)] "0F BD /r"          Write;
        Bsr64RM    "bsr"    [rw(R64), r(RM64)] "REX.W 0F BD /r"    Write;

        Popcnt16RM "popcnt" [w(R16), r(RM16)]  "66 F3 0F B8 /r"    Write Popcnt;
        Popcnt32RM "popcnt" [w(R32), r(RM32)]  "F3 0F B8 /r"       Write Popcnt;
        Popcnt64RM "popcnt" [w(R64), r(RM64)]  "F3 REX.W 0F B8 /r" Write Popcnt;
        Lzcnt16RM  "lzcnt"  [w(R16), r(RM16)]  "66 F3 0F BD /r"    Write Lzcnt;
        Lzcnt32RM  "lzcnt"  [w(R32), r(RM32)]  "F3 0F BD /r"       Write Lzcnt;
        Lzcnt64RM  "lzcnt"  [w(R64), r(RM64)]  "F3 REX.W 0F BD /r" Write Lzcnt;
        Tzcnt16RM  "tzcnt"  [w(R16), r(RM16)]  "66 F3 0F BC /r"    Write Bmi1;
        Tzcnt32RM  "tzcnt"  [w(R32), r(RM32)]  "F3 0F BC /r"       Write Bmi1;
        Tzcnt64RM  "tzcnt"  [w(R64), r(RM64)]  "F3 REX.W 0F BC /r" Write Bmi1;

        // With a register as the bit number and memory as the base, BT reaches beyond the operand.
        Bt16MR     "bt"     [r(RM16), r(R16)]  "66 0F A3 /r"       Write;
        Bt32MR     "bt"     [r(RM32), r(R32)]  "0F A3 /r"          Write;
        Bt64MR     "bt"     [r(RM64), r(R64)]  "REX.W 0F A3 /r"    Write;
        Bt16MI8    "bt"     [r(RM16), r(I8)]   "66 0F BA /4 ib"    Write;
        Bt32MI8    "bt"     [r(RM32), r(I8)]   "0F BA /4 ib"       Write;
        Bt64MI8    "bt"     [r(RM64), r(I8)]   "REX.W 0F BA /4 ib" Write;

        Bswap32R   "bswap"  [rw(R32)]          "0F C8+r"           Keep;
        Bswap64R   "bswap"  [rw(R64)]          "REX.W 0F C8+r"     Keep;
    } } };
}
