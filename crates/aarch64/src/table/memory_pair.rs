//! Loads and stores of two registers, from literals, and for synchronization.

macro_rules! memory_pair_rows {
    ([$next:ident $($later:ident)*] { $($rows:tt)* }) => { $next! { [$($later)*] { $($rows)*
        Stp32          "stp"    [r(WT), r(WT2), mem(Pair, B32)]      "00 101 0 010 0 imm7 Rt2 Rn Rt"     Keep;
        Stp32Pre       "stp"    [r(WT), r(WT2), mem(PairPre, B32)]   "00 101 0 011 0 imm7 Rt2 Rn Rt"     Keep;
        Stp32Post      "stp"    [r(WT), r(WT2), mem(PairPost, B32)]  "00 101 0 001 0 imm7 Rt2 Rn Rt"     Keep;
        Stp64          "stp"    [r(XT), r(XT2), mem(Pair, B64)]      "10 101 0 010 0 imm7 Rt2 Rn Rt"     Keep;
        Stp64Pre       "stp"    [r(XT), r(XT2), mem(PairPre, B64)]   "10 101 0 011 0 imm7 Rt2 Rn Rt"     Keep;
        Stp64Post      "stp"    [r(XT), r(XT2), mem(PairPost, B64)]  "10 101 0 001 0 imm7 Rt2 Rn Rt"     Keep;
        StpV32         "stp"    [r(ST), r(ST2), mem(Pair, B32)]      "00 101 1 010 0 imm7 Rt2 Rn Rt"     Keep;
        StpV32Pre      "stp"    [r(ST), r(ST2), mem(PairPre, B32)]   "00 101 1 011 0 imm7 Rt2 Rn Rt"     Keep;
        StpV32Post     "stp"    [r(ST), r(ST2), mem(PairPost, B32)]  "00 101 1 001 0 imm7 Rt2 Rn Rt"     Keep;
        StpV64         "stp"    [r(DT), r(DT2), mem(Pair, B64)]      "01 101 1 010 0 imm7 Rt2 Rn Rt"     Keep;
        StpV64Pre      "stp"    [r(DT), r(DT2), mem(PairPre, B64)]   "01 101 1 011 0 imm7 Rt2 Rn Rt"     Keep;
        StpV64Post     "stp"    [r(DT), r(DT2), mem(PairPost, B64)]  "01 101 1 001 0 imm7 Rt2 Rn Rt"     Keep;
        StpV128        "stp"    [r(QT), r(QT2), mem(Pair, B128)]     "10 101 1 010 0 imm7 Rt2 Rn Rt"     Keep;
        StpV128Pre     "stp"    [r(QT), r(QT2), mem(PairPre, B128)]  "10 101 1 011 0 imm7 Rt2 Rn Rt"     Keep;
        StpV128Post    "stp"    [r(QT), r(QT2), mem(PairPost, B128)] "10 101 1 001 0 imm7 Rt2 Rn Rt"     Keep;
        Ldp32          "ldp"    [w(WT), w(WT2), mem(Pair, B32)]      "00 101 0 010 1 imm7 Rt2 Rn Rt"     Keep;
        Ldp32Pre       "ldp"    [w(WT), w(WT2), mem(PairPre, B32)]   "00 101 0 011 1 imm7 Rt2 Rn Rt"     Keep;
        Ldp32Post      "ldp"    [w(WT), w(WT2), mem(PairPost, B32)]  "00 101 0 001 1 imm7 Rt2 Rn Rt"     Keep;
        Ldp64          "ldp"    [w(XT), w(XT2), mem(Pair, B64)]      "10 101 0 010 1 imm7 Rt2 Rn Rt"     Keep;
        Ldp64Pre       "ldp"    [w(XT), w(XT2), mem(PairPre, B64)]   "10 101 0 011 1 imm7 Rt2 Rn Rt"     Keep;
        Ldp64Post      "ldp"    [w(XT), w(XT2), mem(PairPost, B64)]  "10 101 0 001 1 imm7 Rt2 Rn Rt"     Keep;
        Ldpsw64        "ldpsw"  [w(XT), w(XT2), mem(Pair, B32)]      "01 101 0 010 1 imm7 Rt2 Rn Rt"     Keep;
        Ldpsw64Pre     "ldpsw"  [w(XT), w(XT2), mem(PairPre, B32)]   "01 101 0 011 1 imm7 Rt2 Rn Rt"     Keep;
        Ldpsw64Post    "ldpsw"  [w(XT), w(XT2), mem(PairPost, B32)]  "01 101 0 001 1 imm7 Rt2 Rn Rt"     Keep;
        LdpV32         "ldp"    [w(ST), w(ST2), mem(Pair, B32)]      "00 101 1 010 1 imm7 Rt2 Rn Rt"     Keep;
        LdpV32Pre      "ldp"    [w(ST), w(ST2), mem(PairPre, B32)]   "00 101 1 011 1 imm7 Rt2 Rn Rt"     Keep;
        LdpV32Post     "ldp"    [w(ST), w(ST2), mem(PairPost, B32)]  "00 101 1 001 1 imm7 Rt2 Rn Rt"     Keep;
        LdpV64         "ldp"    [w(DT), w(DT2), mem(Pair, B64)]      "01 101 1 010 1 imm7 Rt2 Rn Rt"     Keep;
        LdpV64Pre      "ldp"    [w(DT), w(DT2), mem(PairPre, B64)]   "01 101 1 011 1 imm7 Rt2 Rn Rt"     Keep;
        LdpV64Post     "ldp"    [w(DT), w(DT2), mem(PairPost, B64)]  "01 101 1 001 1 imm7 Rt2 Rn Rt"     Keep;
        LdpV128        "ldp"    [w(QT), w(QT2), mem(Pair, B128)]     "10 101 1 010 1 imm7 Rt2 Rn Rt"     Keep;
        LdpV128Pre     "ldp"    [w(QT), w(QT2), mem(PairPre, B128)]  "10 101 1 011 1 imm7 Rt2 Rn Rt"     Keep;
        LdpV128Post    "ldp"    [w(QT), w(QT2), mem(PairPost, B128)] "10 101 1 001 1 imm7 Rt2 Rn Rt"     Keep;

        // From a place relative to the instruction.
        Ldr32Literal   "ldr"    [w(WT), AT19]                        "00 011 0 00 imm19 Rt"              Keep;
        Ldr64Literal   "ldr"    [w(XT), AT19]                        "01 011 0 00 imm19 Rt"              Keep;
        Ldrsw64Literal "ldrsw"  [w(XT), AT19]                        "10 011 0 00 imm19 Rt"              Keep;
        LdrV32Literal  "ldr"    [w(ST), AT19]                        "00 011 1 00 imm19 Rt"              Keep;
        LdrV64Literal  "ldr"    [w(DT), AT19]                        "01 011 1 00 imm19 Rt"              Keep;
        LdrV128Literal "ldr"    [w(QT), AT19]                        "10 011 1 00 imm19 Rt"              Keep;

        // Acquire, release and exclusive.
        Ldarb32        "ldarb"  [w(WT), mem(Base, B8)]               "00 001000 110 11111 1 11111 Rn Rt" Keep;
        Stlrb32        "stlrb"  [r(WT), mem(Base, B8)]               "00 001000 100 11111 1 11111 Rn Rt" Keep;
        Ldxrb32        "ldxrb"  [w(WT), mem(Base, B8)]               "00 001000 010 11111 0 11111 Rn Rt" Keep;
        Ldaxrb32       "ldaxrb" [w(WT), mem(Base, B8)]               "00 001000 010 11111 1 11111 Rn Rt" Keep;
        Stxrb32        "stxrb"  [w(WS), r(WT), mem(Base, B8)]        "00 001000 000 Rs 0 11111 Rn Rt"    Keep;
        Stlxrb32       "stlxrb" [w(WS), r(WT), mem(Base, B8)]        "00 001000 000 Rs 1 11111 Rn Rt"    Keep;
        Ldarh32        "ldarh"  [w(WT), mem(Base, B16)]              "01 001000 110 11111 1 11111 Rn Rt" Keep;
        Stlrh32        "stlrh"  [r(WT), mem(Base, B16)]              "01 001000 100 11111 1 11111 Rn Rt" Keep;
        Ldxrh32        "ldxrh"  [w(WT), mem(Base, B16)]              "01 001000 010 11111 0 11111 Rn Rt" Keep;
        Ldaxrh32       "ldaxrh" [w(WT), mem(Base, B16)]              "01 001000 010 11111 1 11111 Rn Rt" Keep;
        Stxrh32        "stxrh"  [w(WS), r(WT), mem(Base, B16)]       "01 001000 000 Rs 0 11111 Rn Rt"    Keep;
        Stlxrh32       "stlxrh" [w(WS), r(WT), mem(Base, B16)]       "01 001000 000 Rs 1 11111 Rn Rt"    Keep;
        Ldar32         "ldar"   [w(WT), mem(Base, B32)]              "10 001000 110 11111 1 11111 Rn Rt" Keep;
        Stlr32         "stlr"   [r(WT), mem(Base, B32)]              "10 001000 100 11111 1 11111 Rn Rt" Keep;
        Ldxr32         "ldxr"   [w(WT), mem(Base, B32)]              "10 001000 010 11111 0 11111 Rn Rt" Keep;
        Ldaxr32        "ldaxr"  [w(WT), mem(Base, B32)]              "10 001000 010 11111 1 11111 Rn Rt" Keep;
        Stxr32         "stxr"   [w(WS), r(WT), mem(Base, B32)]       "10 001000 000 Rs 0 11111 Rn Rt"    Keep;
        Stlxr32        "stlxr"  [w(WS), r(WT), mem(Base, B32)]       "10 001000 000 Rs 1 11111 Rn Rt"    Keep;
        Ldar64         "ldar"   [w(XT), mem(Base, B64)]              "11 001000 110 11111 1 11111 Rn Rt" Keep;
        Stlr64         "stlr"   [r(XT), mem(Base, B64)]              "11 001000 100 11111 1 11111 Rn Rt" Keep;
        Ldxr64         "ldxr"   [w(XT), mem(Base, B64)]              "11 001000 010 11111 0 11111 Rn Rt" Keep;
        Ldaxr64        "ldaxr"  [w(XT), mem(Base, B64)]              "11 001000 010 11111 1 11111 Rn Rt" Keep;
        Stxr64         "stxr"   [w(WS), r(XT), mem(Base, B64)]       "11 001000 000 Rs 0 11111 Rn Rt"    Keep;
        Stlxr64        "stlxr"  [w(WS), r(XT), mem(Base, B64)]       "11 001000 000 Rs 1 11111 Rn Rt"    Keep;
    } } };
}
