//! Loads and stores of SIMD and floating-point registers.

macro_rules! memory_vector_rows {
    ([$next:ident $($later:ident)*] { $($rows:tt)* }) => { $next! { [$($later)*] { $($rows)*
        StrV8Scaled     "str"  [r(BT), mem(Scaled, B8)]     "00 111 1 01 00 imm12 Rn Rt"            Keep;
        StrV8Unscaled   "stur" [r(BT), mem(Unscaled, B8)]   "00 111 1 00 00 0 imm9 00 Rn Rt"        Keep;
        StrV8Pre        "str"  [r(BT), mem(Pre, B8)]        "00 111 1 00 00 0 imm9 11 Rn Rt"        Keep;
        StrV8Post       "str"  [r(BT), mem(Post, B8)]       "00 111 1 00 00 0 imm9 01 Rn Rt"        Keep;
        StrV8Index      "str"  [r(BT), mem(Index, B8)]      "00 111 1 00 00 1 Rm option S 10 Rn Rt" Keep;

        StrV16Scaled    "str"  [r(HT), mem(Scaled, B16)]    "01 111 1 01 00 imm12 Rn Rt"            Keep;
        StrV16Unscaled  "stur" [r(HT), mem(Unscaled, B16)]  "01 111 1 00 00 0 imm9 00 Rn Rt"        Keep;
        StrV16Pre       "str"  [r(HT), mem(Pre, B16)]       "01 111 1 00 00 0 imm9 11 Rn Rt"        Keep;
        StrV16Post      "str"  [r(HT), mem(Post, B16)]      "01 111 1 00 00 0 imm9 01 Rn Rt"        Keep;
        StrV16Index     "str"  [r(HT), mem(Index, B16)]     "01 111 1 00 00 1 Rm option S 10 Rn Rt" Keep;

        StrV32Scaled    "str"  [r(ST), mem(Scaled, B32)]    "10 111 1 01 00 imm12 Rn Rt"            Keep;
        StrV32Unscaled  "stur" [r(ST), mem(Unscaled, B32)]  "10 111 1 00 00 0 imm9 00 Rn Rt"        Keep;
        StrV32Pre       "str"  [r(ST), mem(Pre, B32)]       "10 111 1 00 00 0 imm9 11 Rn Rt"        Keep;
        StrV32Post      "str"  [r(ST), mem(Post, B32)]      "10 111 1 00 00 0 imm9 01 Rn Rt"        Keep;
        StrV32Index     "str"  [r(ST), mem(Index, B32)]     "10 111 1 00 00 1 Rm option S 10 Rn Rt" Keep;

        StrV64Scaled    "str"  [r(DT), mem(Scaled, B64)]    "11 111 1 01 00 imm12 Rn Rt"            Keep;
        StrV64Unscaled  "stur" [r(DT), mem(Unscaled, B64)]  "11 111 1 00 00 0 imm9 00 Rn Rt"        Keep;
        StrV64Pre       "str"  [r(DT), mem(Pre, B64)]       "11 111 1 00 00 0 imm9 11 Rn Rt"        Keep;
        StrV64Post      "str"  [r(DT), mem(Post, B64)]      "11 111 1 00 00 0 imm9 01 Rn Rt"        Keep;
        StrV64Index     "str"  [r(DT), mem(Index, B64)]     "11 111 1 00 00 1 Rm option S 10 Rn Rt" Keep;

        StrV128Scaled   "str"  [r(QT), mem(Scaled, B128)]   "00 111 1 01 10 imm12 Rn Rt"            Keep;
        StrV128Unscaled "stur" [r(QT), mem(Unscaled, B128)] "00 111 1 00 10 0 imm9 00 Rn Rt"        Keep;
        StrV128Pre      "str"  [r(QT), mem(Pre, B128)]      "00 111 1 00 10 0 imm9 11 Rn Rt"        Keep;
        StrV128Post     "str"  [r(QT), mem(Post, B128)]     "00 111 1 00 10 0 imm9 01 Rn Rt"        Keep;
        StrV128Index    "str"  [r(QT), mem(Index, B128)]    "00 111 1 00 10 1 Rm option S 10 Rn Rt" Keep;

        LdrV8Scaled     "ldr"  [w(BT), mem(Scaled, B8)]     "00 111 1 01 01 imm12 Rn Rt"            Keep;
        LdrV8Unscaled   "ldur" [w(BT), mem(Unscaled, B8)]   "00 111 1 00 01 0 imm9 00 Rn Rt"        Keep;
        LdrV8Pre        "ldr"  [w(BT), mem(Pre, B8)]        "00 111 1 00 01 0 imm9 11 Rn Rt"        Keep;
        LdrV8Post       "ldr"  [w(BT), mem(Post, B8)]       "00 111 1 00 01 0 imm9 01 Rn Rt"        Keep;
        LdrV8Index      "ldr"  [w(BT), mem(Index, B8)]      "00 111 1 00 01 1 Rm option S 10 Rn Rt" Keep;

        LdrV16Scaled    "ldr"  [w(HT), mem(Scaled, B16)]    "01 111 1 01 01 imm12 Rn Rt"            Keep;
        LdrV16Unscaled  "ldur" [w(HT), mem(Unscaled, B16)]  "01 111 1 00 01 0 imm9 00 Rn Rt"        Keep;
        LdrV16Pre       "ldr"  [w(HT), mem(Pre, B16)]       "01 111 1 00 01 0 imm9 11 Rn Rt"        Keep;
        LdrV16Post      "ldr"  [w(HT), mem(Post, B16)]      "01 111 1 00 01 0 imm9 01 Rn Rt"        Keep;
        LdrV16Index     "ldr"  [w(HT), mem(Index, B16)]     "01 111 1 00 01 1 Rm option S 10 Rn Rt" Keep;

        LdrV32Scaled    "ldr"  [w(ST), mem(Scaled, B32)]    "10 111 1 01 01 imm12 Rn Rt"            Keep;
        LdrV32Unscaled  "ldur" [w(ST), mem(Unscaled, B32)]  "10 111 1 00 01 0 imm9 00 Rn Rt"        Keep;
        LdrV32Pre       "ldr"  [w(ST), mem(Pre, B32)]       "10 111 1 00 01 0 imm9 11 Rn Rt"        Keep;
        LdrV32Post      "ldr"  [w(ST), mem(Post, B32)]      "10 111 1 00 01 0 imm9 01 Rn Rt"        Keep;
        LdrV32Index     "ldr"  [w(ST), mem(Index, B32)]     "10 111 1 00 01 1 Rm option S 10 Rn Rt" Keep;

        LdrV64Scaled    "ldr"  [w(DT), mem(Scaled, B64)]    "11 111 1 01 01 imm12 Rn Rt"            Keep;
        LdrV64Unscaled  "ldur" [w(DT), mem(Unscaled, B64)]  "11 111 1 00 01 0 imm9 00 Rn Rt"        Keep;
        LdrV64Pre       "ldr"  [w(DT), mem(Pre, B64)]       "11 111 1 00 01 0 imm9 11 Rn Rt"        Keep;
        LdrV64Post      "ldr"  [w(DT), mem(Post, B64)]      "11 111 1 00 01 0 imm9 01 Rn Rt"        Keep;
        LdrV64Index     "ldr"  [w(DT), mem(Index, B64)]     "11 111 1 00 01 1 Rm option S 10 Rn Rt" Keep;

        LdrV128Scaled   "ldr"  [w(QT), mem(Scaled, B128)]   "00 111 1 01 11 imm12 Rn Rt"            Keep;
        LdrV128Unscaled "ldur" [w(QT), mem(Unscaled, B128)] "00 111 1 00 11 0 imm9 00 Rn Rt"        Keep;
        LdrV128Pre      "ldr"  [w(QT), mem(Pre, B128)]      "00 111 1 00 11 0 imm9 11 Rn Rt"        Keep;
        LdrV128Post     "ldr"  [w(QT), mem(Post, B128)]     "00 111 1 00 11 0 imm9 01 Rn Rt"        Keep;
        LdrV128Index    "ldr"  [w(QT), mem(Index, B128)]    "00 111 1 00 11 1 Rm option S 10 Rn Rt" Keep;
    } } };
}
