//! Loads and stores of one register, from and to a register's width.

macro_rules! memory_rows {
    ([$next:ident $($later:ident)*] { $($rows:tt)* }) => { $next! { [$($later)*] { $($rows)*
        Strb32Scaled    "strb"   [r(WT), mem(Scaled, B8)]    "00 111 0 01 00 imm12 Rn Rt"            Keep;
        Strb32Unscaled  "sturb"  [r(WT), mem(Unscaled, B8)]  "00 111 0 00 00 0 imm9 00 Rn Rt"        Keep;
        Strb32Pre       "strb"   [r(WT), mem(Pre, B8)]       "00 111 0 00 00 0 imm9 11 Rn Rt"        Keep;
        Strb32Post      "strb"   [r(WT), mem(Post, B8)]      "00 111 0 00 00 0 imm9 01 Rn Rt"        Keep;
        Strb32Index     "strb"   [r(WT), mem(Index, B8)]     "00 111 0 00 00 1 Rm option S 10 Rn Rt" Keep;

        Strh32Scaled    "strh"   [r(WT), mem(Scaled, B16)]   "01 111 0 01 00 imm12 Rn Rt"            Keep;
        Strh32Unscaled  "sturh"  [r(WT), mem(Unscaled, B16)] "01 111 0 00 00 0 imm9 00 Rn Rt"        Keep;
        Strh32Pre       "strh"   [r(WT), mem(Pre, B16)]      "01 111 0 00 00 0 imm9 11 Rn Rt"        Keep;
        Strh32Post      "strh"   [r(WT), mem(Post, B16)]     "01 111 0 00 00 0 imm9 01 Rn Rt"        Keep;
        Strh32Index     "strh"   [r(WT), mem(Index, B16)]    "01 111 0 00 00 1 Rm option S 10 Rn Rt" Keep;

        Str32Scaled     "str"    [r(WT), mem(Scaled, B32)]   "10 111 0 01 00 imm12 Rn Rt"            Keep;
        Str32Unscaled   "stur"   [r(WT), mem(Unscaled, B32)] "10 111 0 00 00 0 imm9 00 Rn Rt"        Keep;
        Str32Pre        "str"    [r(WT), mem(Pre, B32)]      "10 111 0 00 00 0 imm9 11 Rn Rt"        Keep;
        Str32Post       "str"    [r(WT), mem(Post, B32)]     "10 111 0 00 00 0 imm9 01 Rn Rt"        Keep;
        Str32Index      "str"    [r(WT), mem(Index, B32)]    "10 111 0 00 00 1 Rm option S 10 Rn Rt" Keep;

        Str64Scaled     "str"    [r(XT), mem(Scaled, B64)]   "11 111 0 01 00 imm12 Rn Rt"            Keep;
        Str64Unscaled   "stur"   [r(XT), mem(Unscaled, B64)] "11 111 0 00 00 0 imm9 00 Rn Rt"        Keep;
        Str64Pre        "str"    [r(XT), mem(Pre, B64)]      "11 111 0 00 00 0 imm9 11 Rn Rt"        Keep;
        Str64Post       "str"    [r(XT), mem(Post, B64)]     "11 111 0 00 00 0 imm9 01 Rn Rt"        Keep;
        Str64Index      "str"    [r(XT), mem(Index, B64)]    "11 111 0 00 00 1 Rm option S 10 Rn Rt" Keep;

        Ldrb32Scaled    "ldrb"   [w(WT), mem(Scaled, B8)]    "00 111 0 01 01 imm12 Rn Rt"            Keep;
        Ldrb32Unscaled  "ldurb"  [w(WT), mem(Unscaled, B8)]  "00 111 0 00 01 0 imm9 00 Rn Rt"        Keep;
        Ldrb32Pre       "ldrb"   [w(WT), mem(Pre, B8)]       "00 111 0 00 01 0 imm9 11 Rn Rt"        Keep;
        Ldrb32Post      "ldrb"   [w(WT), mem(Post, B8)]      "00 111 0 00 01 0 imm9 01 Rn Rt"        Keep;
        Ldrb32Index     "ldrb"   [w(WT), mem(Index, B8)]     "00 111 0 00 01 1 Rm option S 10 Rn Rt" Keep;

        Ldrh32Scaled    "ldrh"   [w(WT), mem(Scaled, B16)]   "01 111 0 01 01 imm12 Rn Rt"            Keep;
        Ldrh32Unscaled  "ldurh"  [w(WT), mem(Unscaled, B16)] "01 111 0 00 01 0 imm9 00 Rn Rt"        Keep;
        Ldrh32Pre       "ldrh"   [w(WT), mem(Pre, B16)]      "01 111 0 00 01 0 imm9 11 Rn Rt"        Keep;
        Ldrh32Post      "ldrh"   [w(WT), mem(Post, B16)]     "01 111 0 00 01 0 imm9 01 Rn Rt"        Keep;
        Ldrh32Index     "ldrh"   [w(WT), mem(Index, B16)]    "01 111 0 00 01 1 Rm option S 10 Rn Rt" Keep;

        Ldr32Scaled     "ldr"    [w(WT), mem(Scaled, B32)]   "10 111 0 01 01 imm12 Rn Rt"            Keep;
        Ldr32Unscaled   "ldur"   [w(WT), mem(Unscaled, B32)] "10 111 0 00 01 0 imm9 00 Rn Rt"        Keep;
        Ldr32Pre        "ldr"    [w(WT), mem(Pre, B32)]      "10 111 0 00 01 0 imm9 11 Rn Rt"        Keep;
        Ldr32Post       "ldr"    [w(WT), mem(Post, B32)]     "10 111 0 00 01 0 imm9 01 Rn Rt"        Keep;
        Ldr32Index      "ldr"    [w(WT), mem(Index, B32)]    "10 111 0 00 01 1 Rm option S 10 Rn Rt" Keep;

        Ldr64Scaled     "ldr"    [w(XT), mem(Scaled, B64)]   "11 111 0 01 01 imm12 Rn Rt"            Keep;
        Ldr64Unscaled   "ldur"   [w(XT), mem(Unscaled, B64)] "11 111 0 00 01 0 imm9 00 Rn Rt"        Keep;
        Ldr64Pre        "ldr"    [w(XT), mem(Pre, B64)]      "11 111 0 00 01 0 imm9 11 Rn Rt"        Keep;
        Ldr64Post       "ldr"    [w(XT), mem(Post, B64)]     "11 111 0 00 01 0 imm9 01 Rn Rt"        Keep;
        Ldr64Index      "ldr"    [w(XT), mem(Index, B64)]    "11 111 0 00 01 1 Rm option S 10 Rn Rt" Keep;

        Ldrsb32Scaled   "ldrsb"  [w(WT), mem(Scaled, B8)]    "00 111 0 01 11 imm12 Rn Rt"            Keep;
        Ldrsb32Unscaled "ldursb" [w(WT), mem(Unscaled, B8)]  "00 111 0 00 11 0 imm9 00 Rn Rt"        Keep;
        Ldrsb32Pre      "ldrsb"  [w(WT), mem(Pre, B8)]       "00 111 0 00 11 0 imm9 11 Rn Rt"        Keep;
        Ldrsb32Post     "ldrsb"  [w(WT), mem(Post, B8)]      "00 111 0 00 11 0 imm9 01 Rn Rt"        Keep;
        Ldrsb32Index    "ldrsb"  [w(WT), mem(Index, B8)]     "00 111 0 00 11 1 Rm option S 10 Rn Rt" Keep;

        Ldrsb64Scaled   "ldrsb"  [w(XT), mem(Scaled, B8)]    "00 111 0 01 10 imm12 Rn Rt"            Keep;
        Ldrsb64Unscaled "ldursb" [w(XT), mem(Unscaled, B8)]  "00 111 0 00 10 0 imm9 00 Rn Rt"        Keep;
        Ldrsb64Pre      "ldrsb"  [w(XT), mem(Pre, B8)]       "00 111 0 00 10 0 imm9 11 Rn Rt"        Keep;
        Ldrsb64Post     "ldrsb"  [w(XT), mem(Post, B8)]      "00 111 0 00 10 0 imm9 01 Rn Rt"        Keep;
        Ldrsb64Index    "ldrsb"  [w(XT), mem(Index, B8)]     "00 111 0 00 10 1 Rm option S 10 Rn Rt" Keep;

        Ldrsh32Scaled   "ldrsh"  [w(WT), mem(Scaled, B16)]   "01 111 0 01 11 imm12 Rn Rt"            Keep;
        Ldrsh32Unscaled "ldursh" [w(WT), mem(Unscaled, B16)] "01 111 0 00 11 0 imm9 00 Rn Rt"        Keep;
        Ldrsh32Pre      "ldrsh"  [w(WT), mem(Pre, B16)]      "01 111 0 00 11 0 imm9 11 Rn Rt"        Keep;
        Ldrsh32Post     "ldrsh"  [w(WT), mem(Post, B16)]     "01 111 0 00 11 0 imm9 01 Rn Rt"        Keep;
        Ldrsh32Index    "ldrsh"  [w(WT), mem(Index, B16)]    "01 111 0 00 11 1 Rm option S 10 Rn Rt" Keep;

        Ldrsh64Scaled   "ldrsh"  [w(XT), mem(Scaled, B16)]   "01 111 0 01 10 imm12 Rn Rt"            Keep;
        Ldrsh64Unscaled "ldursh" [w(XT), mem(Unscaled, B16)] "01 111 0 00 10 0 imm9 00 Rn Rt"        Keep;
        Ldrsh64Pre      "ldrsh"  [w(XT), mem(Pre, B16)]      "01 111 0 00 10 0 imm9 11 Rn Rt"        Keep;
        Ldrsh64Post     "ldrsh"  [w(XT), mem(Post, B16)]     "01 111 0 00 10 0 imm9 01 Rn Rt"        Keep;
        Ldrsh64Index    "ldrsh"  [w(XT), mem(Index, B16)]    "01 111 0 00 10 1 Rm option S 10 Rn Rt" Keep;

        Ldrsw64Scaled   "ldrsw"  [w(XT), mem(Scaled, B32)]   "10 111 0 01 10 imm12 Rn Rt"            Keep;
        Ldrsw64Unscaled "ldursw" [w(XT), mem(Unscaled, B32)] "10 111 0 00 10 0 imm9 00 Rn Rt"        Keep;
        Ldrsw64Pre      "ldrsw"  [w(XT), mem(Pre, B32)]      "10 111 0 00 10 0 imm9 11 Rn Rt"        Keep;
        Ldrsw64Post     "ldrsw"  [w(XT), mem(Post, B32)]     "10 111 0 00 10 0 imm9 01 Rn Rt"        Keep;
        Ldrsw64Index    "ldrsw"  [w(XT), mem(Index, B32)]    "10 111 0 00 10 1 Rm option S 10 Rn Rt" Keep;
    } } };
}
