//! Elements of vectors in another order, and vectors that are constants.

macro_rules! vector_permute_rows {
    ([$next:ident $($later:ident)*] { $($rows:tt)* }) => { $next! { [$($later)*] { $($rows)*
        // One element in all of them.
        Dup16BVB        "dup"             [w(VD16B), r(VNB), LANE_B]                             "0 1 0 01110000 i4 1 0 0000 1 Rn Rd"        Keep;
        Dup8HVH         "dup"             [w(VD8H), r(VNH), LANE_H]                              "0 1 0 01110000 i3 10 0 0000 1 Rn Rd"       Keep;
        Dup4SVS         "dup"             [w(VD4S), r(VNS), LANE_S]                              "0 1 0 01110000 i2 100 0 0000 1 Rn Rd"      Keep;
        Dup2DVD         "dup"             [w(VD2D), r(VND), LANE_D]                              "0 1 0 01110000 i1 1000 0 0000 1 Rn Rd"     Keep;

        // Elements of two vectors: in turn, every second one, those at the same place.
        Zip1_16BVVV     "zip1"            [w(VD16B), r(VN16B), r(VM16B)]                         "0 1 0 01110 00 0 Rm 0 011 10 Rn Rd"        Keep;
        Zip1_8HVVV      "zip1"            [w(VD8H), r(VN8H), r(VM8H)]                            "0 1 0 01110 01 0 Rm 0 011 10 Rn Rd"        Keep;
        Zip1_4SVVV      "zip1"            [w(VD4S), r(VN4S), r(VM4S)]                            "0 1 0 01110 10 0 Rm 0 011 10 Rn Rd"        Keep;
        Zip1_2DVVV      "zip1"            [w(VD2D), r(VN2D), r(VM2D)]                            "0 1 0 01110 11 0 Rm 0 011 10 Rn Rd"        Keep;

        Zip2_16BVVV     "zip2"            [w(VD16B), r(VN16B), r(VM16B)]                         "0 1 0 01110 00 0 Rm 0 111 10 Rn Rd"        Keep;
        Zip2_8HVVV      "zip2"            [w(VD8H), r(VN8H), r(VM8H)]                            "0 1 0 01110 01 0 Rm 0 111 10 Rn Rd"        Keep;
        Zip2_4SVVV      "zip2"            [w(VD4S), r(VN4S), r(VM4S)]                            "0 1 0 01110 10 0 Rm 0 111 10 Rn Rd"        Keep;
        Zip2_2DVVV      "zip2"            [w(VD2D), r(VN2D), r(VM2D)]                            "0 1 0 01110 11 0 Rm 0 111 10 Rn Rd"        Keep;

        Uzp1_16BVVV     "uzp1"            [w(VD16B), r(VN16B), r(VM16B)]                         "0 1 0 01110 00 0 Rm 0 001 10 Rn Rd"        Keep;
        Uzp1_8HVVV      "uzp1"            [w(VD8H), r(VN8H), r(VM8H)]                            "0 1 0 01110 01 0 Rm 0 001 10 Rn Rd"        Keep;
        Uzp1_4SVVV      "uzp1"            [w(VD4S), r(VN4S), r(VM4S)]                            "0 1 0 01110 10 0 Rm 0 001 10 Rn Rd"        Keep;
        Uzp1_2DVVV      "uzp1"            [w(VD2D), r(VN2D), r(VM2D)]                            "0 1 0 01110 11 0 Rm 0 001 10 Rn Rd"        Keep;

        Uzp2_16BVVV     "uzp2"            [w(VD16B), r(VN16B), r(VM16B)]                         "0 1 0 01110 00 0 Rm 0 101 10 Rn Rd"        Keep;
        Uzp2_8HVVV      "uzp2"            [w(VD8H), r(VN8H), r(VM8H)]                            "0 1 0 01110 01 0 Rm 0 101 10 Rn Rd"        Keep;
        Uzp2_4SVVV      "uzp2"            [w(VD4S), r(VN4S), r(VM4S)]                            "0 1 0 01110 10 0 Rm 0 101 10 Rn Rd"        Keep;
        Uzp2_2DVVV      "uzp2"            [w(VD2D), r(VN2D), r(VM2D)]                            "0 1 0 01110 11 0 Rm 0 101 10 Rn Rd"        Keep;

        Trn1_16BVVV     "trn1"            [w(VD16B), r(VN16B), r(VM16B)]                         "0 1 0 01110 00 0 Rm 0 010 10 Rn Rd"        Keep;
        Trn1_8HVVV      "trn1"            [w(VD8H), r(VN8H), r(VM8H)]                            "0 1 0 01110 01 0 Rm 0 010 10 Rn Rd"        Keep;
        Trn1_4SVVV      "trn1"            [w(VD4S), r(VN4S), r(VM4S)]                            "0 1 0 01110 10 0 Rm 0 010 10 Rn Rd"        Keep;
        Trn1_2DVVV      "trn1"            [w(VD2D), r(VN2D), r(VM2D)]                            "0 1 0 01110 11 0 Rm 0 010 10 Rn Rd"        Keep;

        Trn2_16BVVV     "trn2"            [w(VD16B), r(VN16B), r(VM16B)]                         "0 1 0 01110 00 0 Rm 0 110 10 Rn Rd"        Keep;
        Trn2_8HVVV      "trn2"            [w(VD8H), r(VN8H), r(VM8H)]                            "0 1 0 01110 01 0 Rm 0 110 10 Rn Rd"        Keep;
        Trn2_4SVVV      "trn2"            [w(VD4S), r(VN4S), r(VM4S)]                            "0 1 0 01110 10 0 Rm 0 110 10 Rn Rd"        Keep;
        Trn2_2DVVV      "trn2"            [w(VD2D), r(VN2D), r(VM2D)]                            "0 1 0 01110 11 0 Rm 0 110 10 Rn Rd"        Keep;

        // Elements in the opposite order within 64, 32 and 16 bits.
        Rev64_16BVV     "rev64"           [w(VD16B), r(VN16B)]                                   "0 1 0 01110 00 10000 00000 10 Rn Rd"       Keep;
        Rev64_8HVV      "rev64"           [w(VD8H), r(VN8H)]                                     "0 1 0 01110 01 10000 00000 10 Rn Rd"       Keep;
        Rev64_4SVV      "rev64"           [w(VD4S), r(VN4S)]                                     "0 1 0 01110 10 10000 00000 10 Rn Rd"       Keep;

        Rev32_16BVV     "rev32"           [w(VD16B), r(VN16B)]                                   "0 1 1 01110 00 10000 00000 10 Rn Rd"       Keep;
        Rev32_8HVV      "rev32"           [w(VD8H), r(VN8H)]                                     "0 1 1 01110 01 10000 00000 10 Rn Rd"       Keep;

        Rev16_16BVV     "rev16"           [w(VD16B), r(VN16B)]                                   "0 1 0 01110 00 10000 00001 10 Rn Rd"       Keep;

        // Bytes: 16 of 32 in a row; by number from a table, zero or (`tbx`) as before where it has none.
        Ext16BVVVI      "ext"             [w(VD16B), r(VN16B), r(VM16B), BYTE_NUMBER]            "0 1 1 01110 00 0 Rm 0 imm4 0 Rn Rd"        Keep;
        Tbl16BTV        "tbl"             [w(VD16B), r(TABLE), r(VM16B)]                         "0 1 0 01110 00 0 Rm 0 00 0 00 Rn Rd"       Keep;
        Tbl16BTTV       "tbl"             [w(VD16B), r(TABLE_FIRST), r(TABLE_SECOND), r(VM16B)]  "0 1 0 01110 00 0 Rm 0 01 0 00 Rn Rd"       Keep;
        Tbx16BTV        "tbx"             [rw(VD16B), r(TABLE), r(VM16B)]                        "0 1 0 01110 00 0 Rm 0 00 1 00 Rn Rd"       Keep;
        Tbx16BTTV       "tbx"             [rw(VD16B), r(TABLE_FIRST), r(TABLE_SECOND), r(VM16B)] "0 1 0 01110 00 0 Rm 0 01 1 00 Rn Rd"       Keep;

        // Constants: a byte of each element, or its complement, with zeros or (`msl`) ones below.
        Movi8HVI        "movi"            [w(VD8H), BYTE, BYTES2]                                "0 1 0 0111100000 abc 10 at1 0 01 defgh Rd" Keep;
        Mvni8HVI        "mvni"            [w(VD8H), BYTE, BYTES2]                                "0 1 1 0111100000 abc 10 at1 0 01 defgh Rd" Keep;
        Movi4SVI        "movi"            [w(VD4S), BYTE, BYTES4]                                "0 1 0 0111100000 abc 0 at2 0 01 defgh Rd"  Keep;
        Mvni4SVI        "mvni"            [w(VD4S), BYTE, BYTES4]                                "0 1 1 0111100000 abc 0 at2 0 01 defgh Rd"  Keep;
        MoviOnes8_4SVI  "movi %, msl #8"  [w(VD4S), BYTE]                                        "0 1 0 0111100000 abc 1100 01 defgh Rd"     Keep;
        MvniOnes8_4SVI  "mvni %, msl #8"  [w(VD4S), BYTE]                                        "0 1 1 0111100000 abc 1100 01 defgh Rd"     Keep;
        MoviOnes16_4SVI "movi %, msl #16" [w(VD4S), BYTE]                                        "0 1 0 0111100000 abc 1101 01 defgh Rd"     Keep;
        MvniOnes16_4SVI "mvni %, msl #16" [w(VD4S), BYTE]                                        "0 1 1 0111100000 abc 1101 01 defgh Rd"     Keep;

        // Bytes that are all zeros or all ones, and floats.
        Movi2DVI        "movi"            [w(VD2D), BYTE_MASK]                                   "0 1 1 0111100000 abc 1110 01 defgh Rd"     Keep;
        Fmov4SVI        "fmov"            [w(VD4S), VECTOR_FLOAT32]                              "0 1 0 0111100000 abc 1111 01 defgh Rd"     Keep;
        Fmov2DVI        "fmov"            [w(VD2D), VECTOR_FLOAT64]                              "0 1 1 0111100000 abc 1111 01 defgh Rd"     Keep;
    } } };
}
