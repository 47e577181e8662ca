//! Bits of vectors, counts, and elements from and to other registers.

macro_rules! vector_rows {
    ([$next:ident $($later:ident)*] { $($rows:tt)* }) => { $next! { [$($later)*] { $($rows)*
        And8BVVV    "and"                   [w(VD8B), r(VN8B), r(VM8B)]            "0 0 0 01110 00 1 Rm 00011 1 Rn Rd"       Keep;
        Bic8BVVV    "bic"                   [w(VD8B), r(VN8B), r(VM8B)]            "0 0 0 01110 01 1 Rm 00011 1 Rn Rd"       Keep;
        Orr8BVVV    "orr"                   [w(VD8B), r(VN8B), r(VM8B)]            "0 0 0 01110 10 1 Rm 00011 1 Rn Rd"       Keep;
        Orn8BVVV    "orn"                   [w(VD8B), r(VN8B), r(VM8B)]            "0 0 0 01110 11 1 Rm 00011 1 Rn Rd"       Keep;
        Eor8BVVV    "eor"                   [w(VD8B), r(VN8B), r(VM8B)]            "0 0 1 01110 00 1 Rm 00011 1 Rn Rd"       Keep;
        Bsl8BVVV    "bsl"                   [rw(VD8B), r(VN8B), r(VM8B)]           "0 0 1 01110 01 1 Rm 00011 1 Rn Rd"       Keep;
        Bit8BVVV    "bit"                   [rw(VD8B), r(VN8B), r(VM8B)]           "0 0 1 01110 10 1 Rm 00011 1 Rn Rd"       Keep;
        Bif8BVVV    "bif"                   [rw(VD8B), r(VN8B), r(VM8B)]           "0 0 1 01110 11 1 Rm 00011 1 Rn Rd"       Keep;
        Mov8BVV     "mov"                   [w(VD8B), r(VNM8B)]                    "0 0 0 01110 10 1 Rm 00011 1 Rn Rd"       Keep;
        Mvn8BVV     "mvn"                   [w(VD8B), r(VN8B)]                     "0 0 1 01110 00 10000 00101 10 Rn Rd"     Keep;
        Cnt8BVV     "cnt"                   [w(VD8B), r(VN8B)]                     "0 0 0 01110 00 10000 00101 10 Rn Rd"     Keep;
        Addv8BV     "addv"                  [w(BD), r(VN8B)]                       "0 0 0 01110 00 11000 11011 10 Rn Rd"     Keep;
        Uaddlv8BV   "uaddlv"                [w(HD), r(VN8B)]                       "0 0 1 01110 00 11000 00011 10 Rn Rd"     Keep;
        Movi8BVI    "movi"                  [w(VD8B), BYTE]                        "0 0 0 0111100000 abc 1110 01 defgh Rd"   Keep;

        And16BVVV   "and"                   [w(VD16B), r(VN16B), r(VM16B)]         "0 1 0 01110 00 1 Rm 00011 1 Rn Rd"       Keep;
        Bic16BVVV   "bic"                   [w(VD16B), r(VN16B), r(VM16B)]         "0 1 0 01110 01 1 Rm 00011 1 Rn Rd"       Keep;
        Orr16BVVV   "orr"                   [w(VD16B), r(VN16B), r(VM16B)]         "0 1 0 01110 10 1 Rm 00011 1 Rn Rd"       Keep;
        Orn16BVVV   "orn"                   [w(VD16B), r(VN16B), r(VM16B)]         "0 1 0 01110 11 1 Rm 00011 1 Rn Rd"       Keep;
        Eor16BVVV   "eor"                   [w(VD16B), r(VN16B), r(VM16B)]         "0 1 1 01110 00 1 Rm 00011 1 Rn Rd"       Keep;
        Bsl16BVVV   "bsl"                   [rw(VD16B), r(VN16B), r(VM16B)]        "0 1 1 01110 01 1 Rm 00011 1 Rn Rd"       Keep;
        Bit16BVVV   "bit"                   [rw(VD16B), r(VN16B), r(VM16B)]        "0 1 1 01110 10 1 Rm 00011 1 Rn Rd"       Keep;
        Bif16BVVV   "bif"                   [rw(VD16B), r(VN16B), r(VM16B)]        "0 1 1 01110 11 1 Rm 00011 1 Rn Rd"       Keep;
        Mov16BVV    "mov"                   [w(VD16B), r(VNM16B)]                  "0 1 0 01110 10 1 Rm 00011 1 Rn Rd"       Keep;
        Mvn16BVV    "mvn"                   [w(VD16B), r(VN16B)]                   "0 1 1 01110 00 10000 00101 10 Rn Rd"     Keep;
        Cnt16BVV    "cnt"                   [w(VD16B), r(VN16B)]                   "0 1 0 01110 00 10000 00101 10 Rn Rd"     Keep;
        Addv16BV    "addv"                  [w(BD), r(VN16B)]                      "0 1 0 01110 00 11000 11011 10 Rn Rd"     Keep;
        Uaddlv16BV  "uaddlv"                [w(HD), r(VN16B)]                      "0 1 1 01110 00 11000 00011 10 Rn Rd"     Keep;
        Movi16BVI   "movi"                  [w(VD16B), BYTE]                       "0 1 0 0111100000 abc 1110 01 defgh Rd"   Keep;

        // Zero, and the sign of each float.
        MoviZero64V "movi %, #0"            [w(DD)]                                "0 0 1 0111100000 000 1110 01 00000 Rd"   Keep;
        MoviSign2SV "movi %, #128, lsl #24" [w(VD2S)]                              "0 0 0 0111100000 100 0110 01 00000 Rd"   Keep;

        // Elements to general registers, and from them.
        UmovRB      "umov"                  [w(WD), r(VNB), LANE_B]                "0 0 0 01110000 i4 1 0 0111 1 Rn Rd"      Keep;
        UmovRH      "umov"                  [w(WD), r(VNH), LANE_H]                "0 0 0 01110000 i3 10 0 0111 1 Rn Rd"     Keep;
        UmovRS      "mov"                   [w(WD), r(VNS), LANE_S]                "0 0 0 01110000 i2 100 0 0111 1 Rn Rd"    Keep;
        UmovRD      "mov"                   [w(XD), r(VND), LANE_D]                "0 1 0 01110000 i1 1000 0 0111 1 Rn Rd"   Keep;
        Smov32RB    "smov"                  [w(WD), r(VNB), LANE_B]                "0 0 0 01110000 i4 1 0 0101 1 Rn Rd"      Keep;
        Smov64RB    "smov"                  [w(XD), r(VNB), LANE_B]                "0 1 0 01110000 i4 1 0 0101 1 Rn Rd"      Keep;
        Smov32RH    "smov"                  [w(WD), r(VNH), LANE_H]                "0 0 0 01110000 i3 10 0 0101 1 Rn Rd"     Keep;
        Smov64RH    "smov"                  [w(XD), r(VNH), LANE_H]                "0 1 0 01110000 i3 10 0 0101 1 Rn Rd"     Keep;
        Smov64RS    "smov"                  [w(XD), r(VNS), LANE_S]                "0 1 0 01110000 i2 100 0 0101 1 Rn Rd"    Keep;
        InsBR       "mov"                   [rw(VDB), LANE_B, r(WN)]               "0 1 0 01110000 i4 1 0 0011 1 Rn Rd"      Keep;
        InsHR       "mov"                   [rw(VDH), LANE_H, r(WN)]               "0 1 0 01110000 i3 10 0 0011 1 Rn Rd"     Keep;
        InsSR       "mov"                   [rw(VDS), LANE_S, r(WN)]               "0 1 0 01110000 i2 100 0 0011 1 Rn Rd"    Keep;
        InsDR       "mov"                   [rw(VDD), LANE_D, r(XN)]               "0 1 0 01110000 i1 1000 0 0011 1 Rn Rd"   Keep;
        InsBB       "mov"                   [rw(VDB), LANE_B, r(VNB), FROM_LANE_B] "0 1 1 01110000 i4 1 0 j4 1 Rn Rd"        Keep;
        InsHH       "mov"                   [rw(VDH), LANE_H, r(VNH), FROM_LANE_H] "0 1 1 01110000 i3 10 0 j3 0 1 Rn Rd"     Keep;
        InsSS       "mov"                   [rw(VDS), LANE_S, r(VNS), FROM_LANE_S] "0 1 1 01110000 i2 100 0 j2 00 1 Rn Rd"   Keep;
        InsDD       "mov"                   [rw(VDD), LANE_D, r(VND), FROM_LANE_D] "0 1 1 01110000 i1 1000 0 j1 000 1 Rn Rd" Keep;

        // One value in all elements, and one element alone.
        Dup16BR     "dup"                   [w(VD16B), r(WN)]                      "0 1 0 01110000 00001 0 0001 1 Rn Rd"     Keep;
        Dup8HR      "dup"                   [w(VD8H), r(WN)]                       "0 1 0 01110000 00010 0 0001 1 Rn Rd"     Keep;
        Dup4SR      "dup"                   [w(VD4S), r(WN)]                       "0 1 0 01110000 00100 0 0001 1 Rn Rd"     Keep;
        Dup2DR      "dup"                   [w(VD2D), r(XN)]                       "0 1 0 01110000 01000 0 0001 1 Rn Rd"     Keep;
        MovSS       "mov"                   [w(SD), r(VNS), LANE_S]                "01 0 11110000 i2 100 0 0000 1 Rn Rd"     Keep;
        MovDD       "mov"                   [w(DD), r(VND), LANE_D]                "01 0 11110000 i1 1000 0 0000 1 Rn Rd"    Keep;
    } } };
}
