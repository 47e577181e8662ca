//! Scalar float arithmetic, comparison, conversion and rounding.

macro_rules! float_rows {
    ([$next:ident $($later:ident)*] { $($rows:tt)* }) => { $next! { [$($later)*] { $($rows)*
        Fmov32VV     "fmov"          [w(SD), r(SN)]               "00011110 00 1 000000 10000 Rn Rd"     Keep;
        Fmov64VV     "fmov"          [w(DD), r(DN)]               "00011110 01 1 000000 10000 Rn Rd"     Keep;
        Fabs32VV     "fabs"          [w(SD), r(SN)]               "00011110 00 1 000001 10000 Rn Rd"     Keep;
        Fabs64VV     "fabs"          [w(DD), r(DN)]               "00011110 01 1 000001 10000 Rn Rd"     Keep;
        Fneg32VV     "fneg"          [w(SD), r(SN)]               "00011110 00 1 000010 10000 Rn Rd"     Keep;
        Fneg64VV     "fneg"          [w(DD), r(DN)]               "00011110 01 1 000010 10000 Rn Rd"     Keep;
        Fsqrt32VV    "fsqrt"         [w(SD), r(SN)]               "00011110 00 1 000011 10000 Rn Rd"     Keep;
        Fsqrt64VV    "fsqrt"         [w(DD), r(DN)]               "00011110 01 1 000011 10000 Rn Rd"     Keep;
        Frintn32VV   "frintn"        [w(SD), r(SN)]               "00011110 00 1 001000 10000 Rn Rd"     Keep;
        Frintn64VV   "frintn"        [w(DD), r(DN)]               "00011110 01 1 001000 10000 Rn Rd"     Keep;
        Frintp32VV   "frintp"        [w(SD), r(SN)]               "00011110 00 1 001001 10000 Rn Rd"     Keep;
        Frintp64VV   "frintp"        [w(DD), r(DN)]               "00011110 01 1 001001 10000 Rn Rd"     Keep;
        Frintm32VV   "frintm"        [w(SD), r(SN)]               "00011110 00 1 001010 10000 Rn Rd"     Keep;
        Frintm64VV   "frintm"        [w(DD), r(DN)]               "00011110 01 1 001010 10000 Rn Rd"     Keep;
        Frintz32VV   "frintz"        [w(SD), r(SN)]               "00011110 00 1 001011 10000 Rn Rd"     Keep;
        Frintz64VV   "frintz"        [w(DD), r(DN)]               "00011110 01 1 001011 10000 Rn Rd"     Keep;
        Frinta32VV   "frinta"        [w(SD), r(SN)]               "00011110 00 1 001100 10000 Rn Rd"     Keep;
        Frinta64VV   "frinta"        [w(DD), r(DN)]               "00011110 01 1 001100 10000 Rn Rd"     Keep;
        Frintx32VV   "frintx"        [w(SD), r(SN)]               "00011110 00 1 001110 10000 Rn Rd"     Keep;
        Frintx64VV   "frintx"        [w(DD), r(DN)]               "00011110 01 1 001110 10000 Rn Rd"     Keep;
        Frinti32VV   "frinti"        [w(SD), r(SN)]               "00011110 00 1 001111 10000 Rn Rd"     Keep;
        Frinti64VV   "frinti"        [w(DD), r(DN)]               "00011110 01 1 001111 10000 Rn Rd"     Keep;
        Fcvt64V32V   "fcvt"          [w(DD), r(SN)]               "00011110 00 1 000101 10000 Rn Rd"     Keep;
        Fcvt32V64V   "fcvt"          [w(SD), r(DN)]               "00011110 01 1 000100 10000 Rn Rd"     Keep;

        Fmul32VVV    "fmul"          [w(SD), r(SN), r(SM)]        "00011110 00 1 Rm 0000 10 Rn Rd"       Keep;
        Fmul64VVV    "fmul"          [w(DD), r(DN), r(DM)]        "00011110 01 1 Rm 0000 10 Rn Rd"       Keep;
        Fdiv32VVV    "fdiv"          [w(SD), r(SN), r(SM)]        "00011110 00 1 Rm 0001 10 Rn Rd"       Keep;
        Fdiv64VVV    "fdiv"          [w(DD), r(DN), r(DM)]        "00011110 01 1 Rm 0001 10 Rn Rd"       Keep;
        Fadd32VVV    "fadd"          [w(SD), r(SN), r(SM)]        "00011110 00 1 Rm 0010 10 Rn Rd"       Keep;
        Fadd64VVV    "fadd"          [w(DD), r(DN), r(DM)]        "00011110 01 1 Rm 0010 10 Rn Rd"       Keep;
        Fsub32VVV    "fsub"          [w(SD), r(SN), r(SM)]        "00011110 00 1 Rm 0011 10 Rn Rd"       Keep;
        Fsub64VVV    "fsub"          [w(DD), r(DN), r(DM)]        "00011110 01 1 Rm 0011 10 Rn Rd"       Keep;
        Fmax32VVV    "fmax"          [w(SD), r(SN), r(SM)]        "00011110 00 1 Rm 0100 10 Rn Rd"       Keep;
        Fmax64VVV    "fmax"          [w(DD), r(DN), r(DM)]        "00011110 01 1 Rm 0100 10 Rn Rd"       Keep;
        Fmin32VVV    "fmin"          [w(SD), r(SN), r(SM)]        "00011110 00 1 Rm 0101 10 Rn Rd"       Keep;
        Fmin64VVV    "fmin"          [w(DD), r(DN), r(DM)]        "00011110 01 1 Rm 0101 10 Rn Rd"       Keep;
        Fmaxnm32VVV  "fmaxnm"        [w(SD), r(SN), r(SM)]        "00011110 00 1 Rm 0110 10 Rn Rd"       Keep;
        Fmaxnm64VVV  "fmaxnm"        [w(DD), r(DN), r(DM)]        "00011110 01 1 Rm 0110 10 Rn Rd"       Keep;
        Fminnm32VVV  "fminnm"        [w(SD), r(SN), r(SM)]        "00011110 00 1 Rm 0111 10 Rn Rd"       Keep;
        Fminnm64VVV  "fminnm"        [w(DD), r(DN), r(DM)]        "00011110 01 1 Rm 0111 10 Rn Rd"       Keep;
        Fnmul32VVV   "fnmul"         [w(SD), r(SN), r(SM)]        "00011110 00 1 Rm 1000 10 Rn Rd"       Keep;
        Fnmul64VVV   "fnmul"         [w(DD), r(DN), r(DM)]        "00011110 01 1 Rm 1000 10 Rn Rd"       Keep;
        Fmadd32VVVV  "fmadd"         [w(SD), r(SN), r(SM), r(SA)] "00011111 00 0 Rm 0 Ra Rn Rd"          Keep;
        Fmadd64VVVV  "fmadd"         [w(DD), r(DN), r(DM), r(DA)] "00011111 01 0 Rm 0 Ra Rn Rd"          Keep;
        Fmsub32VVVV  "fmsub"         [w(SD), r(SN), r(SM), r(SA)] "00011111 00 0 Rm 1 Ra Rn Rd"          Keep;
        Fmsub64VVVV  "fmsub"         [w(DD), r(DN), r(DM), r(DA)] "00011111 01 0 Rm 1 Ra Rn Rd"          Keep;
        Fnmadd32VVVV "fnmadd"        [w(SD), r(SN), r(SM), r(SA)] "00011111 00 1 Rm 0 Ra Rn Rd"          Keep;
        Fnmadd64VVVV "fnmadd"        [w(DD), r(DN), r(DM), r(DA)] "00011111 01 1 Rm 0 Ra Rn Rd"          Keep;
        Fnmsub32VVVV "fnmsub"        [w(SD), r(SN), r(SM), r(SA)] "00011111 00 1 Rm 1 Ra Rn Rd"          Keep;
        Fnmsub64VVVV "fnmsub"        [w(DD), r(DN), r(DM), r(DA)] "00011111 01 1 Rm 1 Ra Rn Rd"          Keep;

        Fcmp32VV     "fcmp"          [r(SN), r(SM)]               "00011110 00 1 Rm 00 1000 Rn 00000"    Write;
        Fcmp64VV     "fcmp"          [r(DN), r(DM)]               "00011110 01 1 Rm 00 1000 Rn 00000"    Write;
        Fcmp32VZ     "fcmp %, #0.0"  [r(SN)]                      "00011110 00 1 00000 00 1000 Rn 01000" Write;
        Fcmp64VZ     "fcmp %, #0.0"  [r(DN)]                      "00011110 01 1 00000 00 1000 Rn 01000" Write;
        Fcmpe32VV    "fcmpe"         [r(SN), r(SM)]               "00011110 00 1 Rm 00 1000 Rn 10000"    Write;
        Fcmpe64VV    "fcmpe"         [r(DN), r(DM)]               "00011110 01 1 Rm 00 1000 Rn 10000"    Write;
        Fcmpe32VZ    "fcmpe %, #0.0" [r(SN)]                      "00011110 00 1 00000 00 1000 Rn 11000" Write;
        Fcmpe64VZ    "fcmpe %, #0.0" [r(DN)]                      "00011110 01 1 00000 00 1000 Rn 11000" Write;
        Fccmp32VV    "fccmp"         [r(SN), r(SM), NZCV, COND]   "00011110 00 1 Rm cond 01 Rn 0 nzcv"   ReadWrite;
        Fccmp64VV    "fccmp"         [r(DN), r(DM), NZCV, COND]   "00011110 01 1 Rm cond 01 Rn 0 nzcv"   ReadWrite;
        Fcsel32VVV   "fcsel"         [w(SD), r(SN), r(SM), COND]  "00011110 00 1 Rm cond 11 Rn Rd"       Read;
        Fcsel64VVV   "fcsel"         [w(DD), r(DN), r(DM), COND]  "00011110 01 1 Rm cond 11 Rn Rd"       Read;

        // To and from general registers.
        Fmov32VI     "fmov"          [w(SD), FLOAT32]             "00011110 00 1 imm8 100 00000 Rd"      Keep;
        Fmov64VI     "fmov"          [w(DD), FLOAT64]             "00011110 01 1 imm8 100 00000 Rd"      Keep;
        Fmov32RV     "fmov"          [w(WD), r(SN)]               "0 0 0 11110 00 1 00 110 000000 Rn Rd" Keep;
        Fmov32VR     "fmov"          [w(SD), r(WN)]               "0 0 0 11110 00 1 00 111 000000 Rn Rd" Keep;
        Fmov64RV     "fmov"          [w(XD), r(DN)]               "1 0 0 11110 01 1 00 110 000000 Rn Rd" Keep;
        Fmov64VR     "fmov"          [w(DD), r(XN)]               "1 0 0 11110 01 1 00 111 000000 Rn Rd" Keep;

        // A float of the first width from an integer of the second.
        Scvtf32V32R  "scvtf"         [w(SD), r(WN)]               "0 0 0 11110 00 1 00 010 000000 Rn Rd" Keep;
        Scvtf32V64R  "scvtf"         [w(SD), r(XN)]               "1 0 0 11110 00 1 00 010 000000 Rn Rd" Keep;
        Scvtf64V32R  "scvtf"         [w(DD), r(WN)]               "0 0 0 11110 01 1 00 010 000000 Rn Rd" Keep;
        Scvtf64V64R  "scvtf"         [w(DD), r(XN)]               "1 0 0 11110 01 1 00 010 000000 Rn Rd" Keep;
        Ucvtf32V32R  "ucvtf"         [w(SD), r(WN)]               "0 0 0 11110 00 1 00 011 000000 Rn Rd" Keep;
        Ucvtf32V64R  "ucvtf"         [w(SD), r(XN)]               "1 0 0 11110 00 1 00 011 000000 Rn Rd" Keep;
        Ucvtf64V32R  "ucvtf"         [w(DD), r(WN)]               "0 0 0 11110 01 1 00 011 000000 Rn Rd" Keep;
        Ucvtf64V64R  "ucvtf"         [w(DD), r(XN)]               "1 0 0 11110 01 1 00 011 000000 Rn Rd" Keep;

        // An integer of the first width from a float of the second, toward zero; saturated, and zero for NaN.
        Fcvtzs32R32V "fcvtzs"        [w(WD), r(SN)]               "0 0 0 11110 00 1 11 000 000000 Rn Rd" Keep;
        Fcvtzs32R64V "fcvtzs"        [w(WD), r(DN)]               "0 0 0 11110 01 1 11 000 000000 Rn Rd" Keep;
        Fcvtzs64R32V "fcvtzs"        [w(XD), r(SN)]               "1 0 0 11110 00 1 11 000 000000 Rn Rd" Keep;
        Fcvtzs64R64V "fcvtzs"        [w(XD), r(DN)]               "1 0 0 11110 01 1 11 000 000000 Rn Rd" Keep;
        Fcvtzu32R32V "fcvtzu"        [w(WD), r(SN)]               "0 0 0 11110 00 1 11 001 000000 Rn Rd" Keep;
        Fcvtzu32R64V "fcvtzu"        [w(WD), r(DN)]               "0 0 0 11110 01 1 11 001 000000 Rn Rd" Keep;
        Fcvtzu64R32V "fcvtzu"        [w(XD), r(SN)]               "1 0 0 11110 00 1 11 001 000000 Rn Rd" Keep;
        Fcvtzu64R64V "fcvtzu"        [w(XD), r(DN)]               "1 0 0 11110 01 1 11 001 000000 Rn Rd" Keep;
    } } };
}
