//! Integer arithmetic on the elements of vectors.

macro_rules! vector_integer_rows {
    ([$next:ident $($later:ident)*] { $($rows:tt)* }) => { $next! { [$($later)*] { $($rows)*
        Add16BVVV   "add"        [w(VD16B), r(VN16B), r(VM16B)]  "0 1 0 01110 00 1 Rm 10000 1 Rn Rd"   Keep;
        Add8HVVV    "add"        [w(VD8H), r(VN8H), r(VM8H)]     "0 1 0 01110 01 1 Rm 10000 1 Rn Rd"   Keep;
        Add4SVVV    "add"        [w(VD4S), r(VN4S), r(VM4S)]     "0 1 0 01110 10 1 Rm 10000 1 Rn Rd"   Keep;
        Add2DVVV    "add"        [w(VD2D), r(VN2D), r(VM2D)]     "0 1 0 01110 11 1 Rm 10000 1 Rn Rd"   Keep;

        Sub16BVVV   "sub"        [w(VD16B), r(VN16B), r(VM16B)]  "0 1 1 01110 00 1 Rm 10000 1 Rn Rd"   Keep;
        Sub8HVVV    "sub"        [w(VD8H), r(VN8H), r(VM8H)]     "0 1 1 01110 01 1 Rm 10000 1 Rn Rd"   Keep;
        Sub4SVVV    "sub"        [w(VD4S), r(VN4S), r(VM4S)]     "0 1 1 01110 10 1 Rm 10000 1 Rn Rd"   Keep;
        Sub2DVVV    "sub"        [w(VD2D), r(VN2D), r(VM2D)]     "0 1 1 01110 11 1 Rm 10000 1 Rn Rd"   Keep;

        Mul16BVVV   "mul"        [w(VD16B), r(VN16B), r(VM16B)]  "0 1 0 01110 00 1 Rm 10011 1 Rn Rd"   Keep;
        Mul8HVVV    "mul"        [w(VD8H), r(VN8H), r(VM8H)]     "0 1 0 01110 01 1 Rm 10011 1 Rn Rd"   Keep;
        Mul4SVVV    "mul"        [w(VD4S), r(VN4S), r(VM4S)]     "0 1 0 01110 10 1 Rm 10011 1 Rn Rd"   Keep;

        Mla16BVVV   "mla"        [rw(VD16B), r(VN16B), r(VM16B)] "0 1 0 01110 00 1 Rm 10010 1 Rn Rd"   Keep;
        Mla8HVVV    "mla"        [rw(VD8H), r(VN8H), r(VM8H)]    "0 1 0 01110 01 1 Rm 10010 1 Rn Rd"   Keep;
        Mla4SVVV    "mla"        [rw(VD4S), r(VN4S), r(VM4S)]    "0 1 0 01110 10 1 Rm 10010 1 Rn Rd"   Keep;

        Mls16BVVV   "mls"        [rw(VD16B), r(VN16B), r(VM16B)] "0 1 1 01110 00 1 Rm 10010 1 Rn Rd"   Keep;
        Mls8HVVV    "mls"        [rw(VD8H), r(VN8H), r(VM8H)]    "0 1 1 01110 01 1 Rm 10010 1 Rn Rd"   Keep;
        Mls4SVVV    "mls"        [rw(VD4S), r(VN4S), r(VM4S)]    "0 1 1 01110 10 1 Rm 10010 1 Rn Rd"   Keep;

        Neg16BVV    "neg"        [w(VD16B), r(VN16B)]            "0 1 1 01110 00 10000 01011 10 Rn Rd" Keep;
        Neg8HVV     "neg"        [w(VD8H), r(VN8H)]              "0 1 1 01110 01 10000 01011 10 Rn Rd" Keep;
        Neg4SVV     "neg"        [w(VD4S), r(VN4S)]              "0 1 1 01110 10 10000 01011 10 Rn Rd" Keep;
        Neg2DVV     "neg"        [w(VD2D), r(VN2D)]              "0 1 1 01110 11 10000 01011 10 Rn Rd" Keep;

        Abs16BVV    "abs"        [w(VD16B), r(VN16B)]            "0 1 0 01110 00 10000 01011 10 Rn Rd" Keep;
        Abs8HVV     "abs"        [w(VD8H), r(VN8H)]              "0 1 0 01110 01 10000 01011 10 Rn Rd" Keep;
        Abs4SVV     "abs"        [w(VD4S), r(VN4S)]              "0 1 0 01110 10 10000 01011 10 Rn Rd" Keep;
        Abs2DVV     "abs"        [w(VD2D), r(VN2D)]              "0 1 0 01110 11 10000 01011 10 Rn Rd" Keep;

        Smax16BVVV  "smax"       [w(VD16B), r(VN16B), r(VM16B)]  "0 1 0 01110 00 1 Rm 01100 1 Rn Rd"   Keep;
        Smax8HVVV   "smax"       [w(VD8H), r(VN8H), r(VM8H)]     "0 1 0 01110 01 1 Rm 01100 1 Rn Rd"   Keep;
        Smax4SVVV   "smax"       [w(VD4S), r(VN4S), r(VM4S)]     "0 1 0 01110 10 1 Rm 01100 1 Rn Rd"   Keep;

        Umax16BVVV  "umax"       [w(VD16B), r(VN16B), r(VM16B)]  "0 1 1 01110 00 1 Rm 01100 1 Rn Rd"   Keep;
        Umax8HVVV   "umax"       [w(VD8H), r(VN8H), r(VM8H)]     "0 1 1 01110 01 1 Rm 01100 1 Rn Rd"   Keep;
        Umax4SVVV   "umax"       [w(VD4S), r(VN4S), r(VM4S)]     "0 1 1 01110 10 1 Rm 01100 1 Rn Rd"   Keep;

        Smin16BVVV  "smin"       [w(VD16B), r(VN16B), r(VM16B)]  "0 1 0 01110 00 1 Rm 01101 1 Rn Rd"   Keep;
        Smin8HVVV   "smin"       [w(VD8H), r(VN8H), r(VM8H)]     "0 1 0 01110 01 1 Rm 01101 1 Rn Rd"   Keep;
        Smin4SVVV   "smin"       [w(VD4S), r(VN4S), r(VM4S)]     "0 1 0 01110 10 1 Rm 01101 1 Rn Rd"   Keep;

        Umin16BVVV  "umin"       [w(VD16B), r(VN16B), r(VM16B)]  "0 1 1 01110 00 1 Rm 01101 1 Rn Rd"   Keep;
        Umin8HVVV   "umin"       [w(VD8H), r(VN8H), r(VM8H)]     "0 1 1 01110 01 1 Rm 01101 1 Rn Rd"   Keep;
        Umin4SVVV   "umin"       [w(VD4S), r(VN4S), r(VM4S)]     "0 1 1 01110 10 1 Rm 01101 1 Rn Rd"   Keep;

        // Comparisons: all ones where the condition holds, else zero.
        Cmeq16BVVV  "cmeq"       [w(VD16B), r(VN16B), r(VM16B)]  "0 1 1 01110 00 1 Rm 10001 1 Rn Rd"   Keep;
        Cmeq8HVVV   "cmeq"       [w(VD8H), r(VN8H), r(VM8H)]     "0 1 1 01110 01 1 Rm 10001 1 Rn Rd"   Keep;
        Cmeq4SVVV   "cmeq"       [w(VD4S), r(VN4S), r(VM4S)]     "0 1 1 01110 10 1 Rm 10001 1 Rn Rd"   Keep;
        Cmeq2DVVV   "cmeq"       [w(VD2D), r(VN2D), r(VM2D)]     "0 1 1 01110 11 1 Rm 10001 1 Rn Rd"   Keep;

        Cmtst16BVVV "cmtst"      [w(VD16B), r(VN16B), r(VM16B)]  "0 1 0 01110 00 1 Rm 10001 1 Rn Rd"   Keep;
        Cmtst8HVVV  "cmtst"      [w(VD8H), r(VN8H), r(VM8H)]     "0 1 0 01110 01 1 Rm 10001 1 Rn Rd"   Keep;
        Cmtst4SVVV  "cmtst"      [w(VD4S), r(VN4S), r(VM4S)]     "0 1 0 01110 10 1 Rm 10001 1 Rn Rd"   Keep;
        Cmtst2DVVV  "cmtst"      [w(VD2D), r(VN2D), r(VM2D)]     "0 1 0 01110 11 1 Rm 10001 1 Rn Rd"   Keep;

        Cmgt16BVVV  "cmgt"       [w(VD16B), r(VN16B), r(VM16B)]  "0 1 0 01110 00 1 Rm 00110 1 Rn Rd"   Keep;
        Cmgt8HVVV   "cmgt"       [w(VD8H), r(VN8H), r(VM8H)]     "0 1 0 01110 01 1 Rm 00110 1 Rn Rd"   Keep;
        Cmgt4SVVV   "cmgt"       [w(VD4S), r(VN4S), r(VM4S)]     "0 1 0 01110 10 1 Rm 00110 1 Rn Rd"   Keep;
        Cmgt2DVVV   "cmgt"       [w(VD2D), r(VN2D), r(VM2D)]     "0 1 0 01110 11 1 Rm 00110 1 Rn Rd"   Keep;

        Cmge16BVVV  "cmge"       [w(VD16B), r(VN16B), r(VM16B)]  "0 1 0 01110 00 1 Rm 00111 1 Rn Rd"   Keep;
        Cmge8HVVV   "cmge"       [w(VD8H), r(VN8H), r(VM8H)]     "0 1 0 01110 01 1 Rm 00111 1 Rn Rd"   Keep;
        Cmge4SVVV   "cmge"       [w(VD4S), r(VN4S), r(VM4S)]     "0 1 0 01110 10 1 Rm 00111 1 Rn Rd"   Keep;
        Cmge2DVVV   "cmge"       [w(VD2D), r(VN2D), r(VM2D)]     "0 1 0 01110 11 1 Rm 00111 1 Rn Rd"   Keep;

        Cmhi16BVVV  "cmhi"       [w(VD16B), r(VN16B), r(VM16B)]  "0 1 1 01110 00 1 Rm 00110 1 Rn Rd"   Keep;
        Cmhi8HVVV   "cmhi"       [w(VD8H), r(VN8H), r(VM8H)]     "0 1 1 01110 01 1 Rm 00110 1 Rn Rd"   Keep;
        Cmhi4SVVV   "cmhi"       [w(VD4S), r(VN4S), r(VM4S)]     "0 1 1 01110 10 1 Rm 00110 1 Rn Rd"   Keep;
        Cmhi2DVVV   "cmhi"       [w(VD2D), r(VN2D), r(VM2D)]     "0 1 1 01110 11 1 Rm 00110 1 Rn Rd"   Keep;

        Cmhs16BVVV  "cmhs"       [w(VD16B), r(VN16B), r(VM16B)]  "0 1 1 01110 00 1 Rm 00111 1 Rn Rd"   Keep;
        Cmhs8HVVV   "cmhs"       [w(VD8H), r(VN8H), r(VM8H)]     "0 1 1 01110 01 1 Rm 00111 1 Rn Rd"   Keep;
        Cmhs4SVVV   "cmhs"       [w(VD4S), r(VN4S), r(VM4S)]     "0 1 1 01110 10 1 Rm 00111 1 Rn Rd"   Keep;
        Cmhs2DVVV   "cmhs"       [w(VD2D), r(VN2D), r(VM2D)]     "0 1 1 01110 11 1 Rm 00111 1 Rn Rd"   Keep;

        Cmeq16BVZ   "cmeq %, #0" [w(VD16B), r(VN16B)]            "0 1 0 01110 00 10000 01001 10 Rn Rd" Keep;
        Cmeq8HVZ    "cmeq %, #0" [w(VD8H), r(VN8H)]              "0 1 0 01110 01 10000 01001 10 Rn Rd" Keep;
        Cmeq4SVZ    "cmeq %, #0" [w(VD4S), r(VN4S)]              "0 1 0 01110 10 10000 01001 10 Rn Rd" Keep;
        Cmeq2DVZ    "cmeq %, #0" [w(VD2D), r(VN2D)]              "0 1 0 01110 11 10000 01001 10 Rn Rd" Keep;

        Cmgt16BVZ   "cmgt %, #0" [w(VD16B), r(VN16B)]            "0 1 0 01110 00 10000 01000 10 Rn Rd" Keep;
        Cmgt8HVZ    "cmgt %, #0" [w(VD8H), r(VN8H)]              "0 1 0 01110 01 10000 01000 10 Rn Rd" Keep;
        Cmgt4SVZ    "cmgt %, #0" [w(VD4S), r(VN4S)]              "0 1 0 01110 10 10000 01000 10 Rn Rd" Keep;
        Cmgt2DVZ    "cmgt %, #0" [w(VD2D), r(VN2D)]              "0 1 0 01110 11 10000 01000 10 Rn Rd" Keep;

        Cmge16BVZ   "cmge %, #0" [w(VD16B), r(VN16B)]            "0 1 1 01110 00 10000 01000 10 Rn Rd" Keep;
        Cmge8HVZ    "cmge %, #0" [w(VD8H), r(VN8H)]              "0 1 1 01110 01 10000 01000 10 Rn Rd" Keep;
        Cmge4SVZ    "cmge %, #0" [w(VD4S), r(VN4S)]              "0 1 1 01110 10 10000 01000 10 Rn Rd" Keep;
        Cmge2DVZ    "cmge %, #0" [w(VD2D), r(VN2D)]              "0 1 1 01110 11 10000 01000 10 Rn Rd" Keep;

        Cmlt16BVZ   "cmlt %, #0" [w(VD16B), r(VN16B)]            "0 1 0 01110 00 10000 01010 10 Rn Rd" Keep;
        Cmlt8HVZ    "cmlt %, #0" [w(VD8H), r(VN8H)]              "0 1 0 01110 01 10000 01010 10 Rn Rd" Keep;
        Cmlt4SVZ    "cmlt %, #0" [w(VD4S), r(VN4S)]              "0 1 0 01110 10 10000 01010 10 Rn Rd" Keep;
        Cmlt2DVZ    "cmlt %, #0" [w(VD2D), r(VN2D)]              "0 1 0 01110 11 10000 01010 10 Rn Rd" Keep;

        Cmle16BVZ   "cmle %, #0" [w(VD16B), r(VN16B)]            "0 1 1 01110 00 10000 01001 10 Rn Rd" Keep;
        Cmle8HVZ    "cmle %, #0" [w(VD8H), r(VN8H)]              "0 1 1 01110 01 10000 01001 10 Rn Rd" Keep;
        Cmle4SVZ    "cmle %, #0" [w(VD4S), r(VN4S)]              "0 1 1 01110 10 10000 01001 10 Rn Rd" Keep;
        Cmle2DVZ    "cmle %, #0" [w(VD2D), r(VN2D)]              "0 1 1 01110 11 10000 01001 10 Rn Rd" Keep;

        // Shifts by the lowest byte of each element, to the right if that is negative.
        Sshl16BVVV  "sshl"       [w(VD16B), r(VN16B), r(VM16B)]  "0 1 0 01110 00 1 Rm 01000 1 Rn Rd"   Keep;
        Sshl8HVVV   "sshl"       [w(VD8H), r(VN8H), r(VM8H)]     "0 1 0 01110 01 1 Rm 01000 1 Rn Rd"   Keep;
        Sshl4SVVV   "sshl"       [w(VD4S), r(VN4S), r(VM4S)]     "0 1 0 01110 10 1 Rm 01000 1 Rn Rd"   Keep;
        Sshl2DVVV   "sshl"       [w(VD2D), r(VN2D), r(VM2D)]     "0 1 0 01110 11 1 Rm 01000 1 Rn Rd"   Keep;

        Ushl16BVVV  "ushl"       [w(VD16B), r(VN16B), r(VM16B)]  "0 1 1 01110 00 1 Rm 01000 1 Rn Rd"   Keep;
        Ushl8HVVV   "ushl"       [w(VD8H), r(VN8H), r(VM8H)]     "0 1 1 01110 01 1 Rm 01000 1 Rn Rd"   Keep;
        Ushl4SVVV   "ushl"       [w(VD4S), r(VN4S), r(VM4S)]     "0 1 1 01110 10 1 Rm 01000 1 Rn Rd"   Keep;
        Ushl2DVVV   "ushl"       [w(VD2D), r(VN2D), r(VM2D)]     "0 1 1 01110 11 1 Rm 01000 1 Rn Rd"   Keep;

        // Shifts by a constant.
        Shl16BVVI   "shl"        [w(VD16B), r(VN16B), SHL_B]     "0 1 0 011110 0001 s3 01010 1 Rn Rd"  Keep;
        Shl8HVVI    "shl"        [w(VD8H), r(VN8H), SHL_H]       "0 1 0 011110 001 s4 01010 1 Rn Rd"   Keep;
        Shl4SVVI    "shl"        [w(VD4S), r(VN4S), SHL_S]       "0 1 0 011110 01 s5 01010 1 Rn Rd"    Keep;
        Shl2DVVI    "shl"        [w(VD2D), r(VN2D), SHL_D]       "0 1 0 011110 1 s6 01010 1 Rn Rd"     Keep;

        Sshr16BVVI  "sshr"       [w(VD16B), r(VN16B), SHR_B]     "0 1 0 011110 0001 s3 00000 1 Rn Rd"  Keep;
        Sshr8HVVI   "sshr"       [w(VD8H), r(VN8H), SHR_H]       "0 1 0 011110 001 s4 00000 1 Rn Rd"   Keep;
        Sshr4SVVI   "sshr"       [w(VD4S), r(VN4S), SHR_S]       "0 1 0 011110 01 s5 00000 1 Rn Rd"    Keep;
        Sshr2DVVI   "sshr"       [w(VD2D), r(VN2D), SHR_D]       "0 1 0 011110 1 s6 00000 1 Rn Rd"     Keep;

        Ushr16BVVI  "ushr"       [w(VD16B), r(VN16B), SHR_B]     "0 1 1 011110 0001 s3 00000 1 Rn Rd"  Keep;
        Ushr8HVVI   "ushr"       [w(VD8H), r(VN8H), SHR_H]       "0 1 1 011110 001 s4 00000 1 Rn Rd"   Keep;
        Ushr4SVVI   "ushr"       [w(VD4S), r(VN4S), SHR_S]       "0 1 1 011110 01 s5 00000 1 Rn Rd"    Keep;
        Ushr2DVVI   "ushr"       [w(VD2D), r(VN2D), SHR_D]       "0 1 1 011110 1 s6 00000 1 Rn Rd"     Keep;

        // Across all elements.
        Addv8HV     "addv"       [w(HD), r(VN8H)]                "0 1 0 01110 01 11000 11011 10 Rn Rd" Keep;
        Addv4SV     "addv"       [w(SD), r(VN4S)]                "0 1 0 01110 10 11000 11011 10 Rn Rd" Keep;

        Smaxv16BV   "smaxv"      [w(BD), r(VN16B)]               "0 1 0 01110 00 11000 01010 10 Rn Rd" Keep;
        Smaxv8HV    "smaxv"      [w(HD), r(VN8H)]                "0 1 0 01110 01 11000 01010 10 Rn Rd" Keep;
        Smaxv4SV    "smaxv"      [w(SD), r(VN4S)]                "0 1 0 01110 10 11000 01010 10 Rn Rd" Keep;

        Umaxv16BV   "umaxv"      [w(BD), r(VN16B)]               "0 1 1 01110 00 11000 01010 10 Rn Rd" Keep;
        Umaxv8HV    "umaxv"      [w(HD), r(VN8H)]                "0 1 1 01110 01 11000 01010 10 Rn Rd" Keep;
        Umaxv4SV    "umaxv"      [w(SD), r(VN4S)]                "0 1 1 01110 10 11000 01010 10 Rn Rd" Keep;

        Sminv16BV   "sminv"      [w(BD), r(VN16B)]               "0 1 0 01110 00 11000 11010 10 Rn Rd" Keep;
        Sminv8HV    "sminv"      [w(HD), r(VN8H)]                "0 1 0 01110 01 11000 11010 10 Rn Rd" Keep;
        Sminv4SV    "sminv"      [w(SD), r(VN4S)]                "0 1 0 01110 10 11000 11010 10 Rn Rd" Keep;

        Uminv16BV   "uminv"      [w(BD), r(VN16B)]               "0 1 1 01110 00 11000 11010 10 Rn Rd" Keep;
        Uminv8HV    "uminv"      [w(HD), r(VN8H)]                "0 1 1 01110 01 11000 11010 10 Rn Rd" Keep;
        Uminv4SV    "uminv"      [w(SD), r(VN4S)]                "0 1 1 01110 10 11000 11010 10 Rn Rd" Keep;

        // Of neighbours, those of the first vector before those of the second.
        Addp16BVVV  "addp"       [w(VD16B), r(VN16B), r(VM16B)]  "0 1 0 01110 00 1 Rm 10111 1 Rn Rd"   Keep;
        Addp8HVVV   "addp"       [w(VD8H), r(VN8H), r(VM8H)]     "0 1 0 01110 01 1 Rm 10111 1 Rn Rd"   Keep;
        Addp4SVVV   "addp"       [w(VD4S), r(VN4S), r(VM4S)]     "0 1 0 01110 10 1 Rm 10111 1 Rn Rd"   Keep;
        Addp2DVVV   "addp"       [w(VD2D), r(VN2D), r(VM2D)]     "0 1 0 01110 11 1 Rm 10111 1 Rn Rd"   Keep;

        Umaxp16BVVV "umaxp"      [w(VD16B), r(VN16B), r(VM16B)]  "0 1 1 01110 00 1 Rm 10100 1 Rn Rd"   Keep;
        Umaxp8HVVV  "umaxp"      [w(VD8H), r(VN8H), r(VM8H)]     "0 1 1 01110 01 1 Rm 10100 1 Rn Rd"   Keep;
        Umaxp4SVVV  "umaxp"      [w(VD4S), r(VN4S), r(VM4S)]     "0 1 1 01110 10 1 Rm 10100 1 Rn Rd"   Keep;

        Uminp16BVVV "uminp"      [w(VD16B), r(VN16B), r(VM16B)]  "0 1 1 01110 00 1 Rm 10101 1 Rn Rd"   Keep;
        Uminp8HVVV  "uminp"      [w(VD8H), r(VN8H), r(VM8H)]     "0 1 1 01110 01 1 Rm 10101 1 Rn Rd"   Keep;
        Uminp4SVVV  "uminp"      [w(VD4S), r(VN4S), r(VM4S)]     "0 1 1 01110 10 1 Rm 10101 1 Rn Rd"   Keep;

        // Of elements twice as wide.
        Uaddlp16BVV "uaddlp"     [w(VD8H), r(VN16B)]             "0 1 1 01110 00 10000 00010 10 Rn Rd" Keep;
        Uaddlp8HVV  "uaddlp"     [w(VD4S), r(VN8H)]              "0 1 1 01110 01 10000 00010 10 Rn Rd" Keep;
        Uaddlp4SVV  "uaddlp"     [w(VD2D), r(VN4S)]              "0 1 1 01110 10 10000 00010 10 Rn Rd" Keep;

        Xtn8HVV     "xtn"        [w(VD8B), r(VN8H)]              "0 0 0 01110 00 10000 10010 10 Rn Rd" Keep;
        Xtn4SVV     "xtn"        [w(VD4H), r(VN4S)]              "0 0 0 01110 01 10000 10010 10 Rn Rd" Keep;
        Xtn2DVV     "xtn"        [w(VD2S), r(VN2D)]              "0 0 0 01110 10 10000 10010 10 Rn Rd" Keep;

        Umlal8BVVV  "umlal"      [rw(VD8H), r(VN8B), r(VM8B)]    "0 0 1 01110 00 1 Rm 1000 00 Rn Rd"   Keep;
        Umlal4HVVV  "umlal"      [rw(VD4S), r(VN4H), r(VM4H)]    "0 0 1 01110 01 1 Rm 1000 00 Rn Rd"   Keep;
        Umlal2SVVV  "umlal"      [rw(VD2D), r(VN2S), r(VM2S)]    "0 0 1 01110 10 1 Rm 1000 00 Rn Rd"   Keep;

        Umull8BVVV  "umull"      [w(VD8H), r(VN8B), r(VM8B)]     "0 0 1 01110 00 1 Rm 1100 00 Rn Rd"   Keep;
        Umull4HVVV  "umull"      [w(VD4S), r(VN4H), r(VM4H)]     "0 0 1 01110 01 1 Rm 1100 00 Rn Rd"   Keep;
        Umull2SVVV  "umull"      [w(VD2D), r(VN2S), r(VM2S)]     "0 0 1 01110 10 1 Rm 1100 00 Rn Rd"   Keep;
    } } };
}
