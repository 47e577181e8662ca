//! Branches, addresses, traps, hints, barriers, system registers.

macro_rules! control_rows {
    ([$next:ident $($later:ident)*] { $($rows:tt)* }) => { $next! { [$($later)*] { $($rows)*
        B         "b"           [TO26]               "0 00101 imm26"                         Keep;
        Bl        "bl"          [TO26]               "1 00101 imm26"                         Write;
        BCond     "b."          [COND, TO19]         "01010100 imm19 0 cond"                 Read;
        Cbz32R    "cbz"         [r(WT), TO19]        "0 011010 0 imm19 Rt"                   Keep;
        Cbz64R    "cbz"         [r(XT), TO19]        "1 011010 0 imm19 Rt"                   Keep;
        Cbnz32R   "cbnz"        [r(WT), TO19]        "0 011010 1 imm19 Rt"                   Keep;
        Cbnz64R   "cbnz"        [r(XT), TO19]        "1 011010 1 imm19 Rt"                   Keep;

        // With the name of the lower half these test bits below 32, which is what LLVM shows.
        Tbz32RI   "tbz"         [r(WT), BIT32, TO14] "0 011011 0 b40 imm14 Rt"               Keep;
        Tbz64RI   "tbz"         [r(XT), BIT64, TO14] "b5 011011 0 b40 imm14 Rt"              Keep;
        Tbnz32RI  "tbnz"        [r(WT), BIT32, TO14] "0 011011 1 b40 imm14 Rt"               Keep;
        Tbnz64RI  "tbnz"        [r(XT), BIT64, TO14] "b5 011011 1 b40 imm14 Rt"              Keep;
        BrR       "br"          [r(XN)]              "1101011 0000 11111 000000 Rn 00000"    Keep;
        BlrR      "blr"         [r(XN)]              "1101011 0001 11111 000000 Rn 00000"    Write;
        RetR      "ret"         [r(XN)]              "1101011 0010 11111 000000 Rn 00000"    Keep;
        Ret       "ret"         []                   "1101011 0010 11111 000000 11110 00000" Keep;
        Retaa     "retaa"       []                   "1101011 0010 11111 000010 11111 11111" Keep PAuth;
        Retab     "retab"       []                   "1101011 0010 11111 000011 11111 11111" Keep PAuth;

        Adr       "adr"         [w(XD), ADDRESS]     "0 immlo 10000 immhi Rd"                Keep;
        Adrp      "adrp"        [w(XD), PAGE]        "1 immlo 10000 immhi Rd"                Keep;

        Udf       "udf"         [IMM16]              "0000000000000000 imm16"                Keep;
        Svc       "svc"         [IMM16]              "11010100 000 imm16 000 01"             Keep;
        Brk       "brk"         [IMM16]              "11010100 001 imm16 000 00"             Keep;
        Hlt       "hlt"         [IMM16]              "11010100 010 imm16 000 00"             Keep;

        // Hints, which do nothing where the processor does not know them.
        Hint      "hint"        [HINT]               "11010101000000110010 hint 11111"       Keep;
        Nop       "nop"         []                   "11010101000000110010 0000000 11111"    Keep;
        Yield     "yield"       []                   "11010101000000110010 0000001 11111"    Keep;
        Wfe       "wfe"         []                   "11010101000000110010 0000010 11111"    Keep;
        Wfi       "wfi"         []                   "11010101000000110010 0000011 11111"    Keep;
        Sev       "sev"         []                   "11010101000000110010 0000100 11111"    Keep;
        Sevl      "sevl"        []                   "11010101000000110010 0000101 11111"    Keep;
        Xpaclri   "xpaclri"     []                   "11010101000000110010 0000111 11111"    Keep;
        Pacia1716 "pacia1716"   []                   "11010101000000110010 0001000 11111"    Keep;
        Pacib1716 "pacib1716"   []                   "11010101000000110010 0001010 11111"    Keep;
        Autia1716 "autia1716"   []                   "11010101000000110010 0001100 11111"    Keep;
        Autib1716 "autib1716"   []                   "11010101000000110010 0001110 11111"    Keep;
        Csdb      "csdb"        []                   "11010101000000110010 0010100 11111"    Keep;
        Paciaz    "paciaz"      []                   "11010101000000110010 0011000 11111"    Keep;
        Paciasp   "paciasp"     []                   "11010101000000110010 0011001 11111"    Keep;
        Pacibz    "pacibz"      []                   "11010101000000110010 0011010 11111"    Keep;
        Pacibsp   "pacibsp"     []                   "11010101000000110010 0011011 11111"    Keep;
        Autiaz    "autiaz"      []                   "11010101000000110010 0011100 11111"    Keep;
        Autiasp   "autiasp"     []                   "11010101000000110010 0011101 11111"    Keep;
        Autibz    "autibz"      []                   "11010101000000110010 0011110 11111"    Keep;
        Autibsp   "autibsp"     []                   "11010101000000110010 0011111 11111"    Keep;
        Bti       "bti"         []                   "11010101000000110010 0100000 11111"    Keep;
        BtiC      "bti c"       []                   "11010101000000110010 0100010 11111"    Keep;
        BtiJ      "bti j"       []                   "11010101000000110010 0100100 11111"    Keep;
        BtiJc     "bti jc"      []                   "11010101000000110010 0100110 11111"    Keep;

        // Barriers and caches.
        Clrex     "clrex"       []                   "11010101000000110011 1111 010 11111"   Keep;
        Dsb       "dsb"         [BARRIER]            "11010101000000110011 CRm 100 11111"    Keep;
        Dmb       "dmb"         [BARRIER]            "11010101000000110011 CRm 101 11111"    Keep;
        Isb       "isb"         []                   "11010101000000110011 1111 110 11111"   Keep;
        IcIvau    "ic ivau, %"  [r(XT)]              "1101010100001 011 0111 0101 001 Rt"    Keep;
        DcZva     "dc zva, %"   [r(XT)]              "1101010100001 011 0111 0100 001 Rt"    Keep;
        DcCvac    "dc cvac, %"  [r(XT)]              "1101010100001 011 0111 1010 001 Rt"    Keep;
        DcCvau    "dc cvau, %"  [r(XT)]              "1101010100001 011 0111 1011 001 Rt"    Keep;
        DcCivac   "dc civac, %" [r(XT)]              "1101010100001 011 0111 1110 001 Rt"    Keep;

        // The flags are a system register too.
        Mrs       "mrs"         [w(XT), SYSTEM]      "110101010011 sysreg Rt"                Read;
        Msr       "msr"         [SYSTEM_TO, r(XT)]   "110101010001 sysreg Rt"                ReadWrite;
    } } };
}
