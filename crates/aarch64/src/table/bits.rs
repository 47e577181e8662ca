//! Bit fields, shifts and counts.

macro_rules! bits_rows {
    ([$next:ident $($later:ident)*] { $($rows:tt)* }) => { $next! { [$($later)*] { $($rows)*
        Sbfm32RRII  "sbfm"  [w(WD), r(WN), IMMR32, IMMS32]       "0 00 100110 0 immr imms Rn Rd"     Keep;
        Sbfm64RRII  "sbfm"  [w(XD), r(XN), IMMR64, IMMS64]       "1 00 100110 1 immr imms Rn Rd"     Keep;
        Bfm32RRII   "bfm"   [rw(WD), r(WN), IMMR32, IMMS32]      "0 01 100110 0 immr imms Rn Rd"     Keep;
        Bfm64RRII   "bfm"   [rw(XD), r(XN), IMMR64, IMMS64]      "1 01 100110 1 immr imms Rn Rd"     Keep;
        Ubfm32RRII  "ubfm"  [w(WD), r(WN), IMMR32, IMMS32]       "0 10 100110 0 immr imms Rn Rd"     Keep;
        Ubfm64RRII  "ubfm"  [w(XD), r(XN), IMMR64, IMMS64]       "1 10 100110 1 immr imms Rn Rd"     Keep;

        // Fields that are written: behind the registers the lowest bit and the size.
        Sbfiz32RRII "sbfiz" [w(WD), r(WN), INTO32, INTO_SIZE32]  "0 00 100110 0 immr imms Rn Rd"     Keep;
        Sbfiz64RRII "sbfiz" [w(XD), r(XN), INTO64, INTO_SIZE64]  "1 00 100110 1 immr imms Rn Rd"     Keep;
        Bfi32RRII   "bfi"   [rw(WD), r(WN), INTO32, INTO_SIZE32] "0 01 100110 0 immr imms Rn Rd"     Keep;
        Bfi64RRII   "bfi"   [rw(XD), r(XN), INTO64, INTO_SIZE64] "1 01 100110 1 immr imms Rn Rd"     Keep;
        Ubfiz32RRII "ubfiz" [w(WD), r(WN), INTO32, INTO_SIZE32]  "0 10 100110 0 immr imms Rn Rd"     Keep;
        Ubfiz64RRII "ubfiz" [w(XD), r(XN), INTO64, INTO_SIZE64]  "1 10 100110 1 immr imms Rn Rd"     Keep;

        // Fields that are read.
        Sbfx32RRII  "sbfx"  [w(WD), r(WN), IMMR32, FROM_SIZE32]  "0 00 100110 0 immr imms Rn Rd"     Keep;
        Sbfx64RRII  "sbfx"  [w(XD), r(XN), IMMR64, FROM_SIZE64]  "1 00 100110 1 immr imms Rn Rd"     Keep;
        Bfxil32RRII "bfxil" [rw(WD), r(WN), IMMR32, FROM_SIZE32] "0 01 100110 0 immr imms Rn Rd"     Keep;
        Bfxil64RRII "bfxil" [rw(XD), r(XN), IMMR64, FROM_SIZE64] "1 01 100110 1 immr imms Rn Rd"     Keep;
        Ubfx32RRII  "ubfx"  [w(WD), r(WN), IMMR32, FROM_SIZE32]  "0 10 100110 0 immr imms Rn Rd"     Keep;
        Ubfx64RRII  "ubfx"  [w(XD), r(XN), IMMR64, FROM_SIZE64]  "1 10 100110 1 immr imms Rn Rd"     Keep;

        // Extensions.
        Sxtb32RR    "sxtb"  [w(WD), r(WN)]                       "0 00 100110 0 000000 000111 Rn Rd" Keep;
        Sxtb64RR    "sxtb"  [w(XD), r(WN)]                       "1 00 100110 1 000000 000111 Rn Rd" Keep;
        Sxth32RR    "sxth"  [w(WD), r(WN)]                       "0 00 100110 0 000000 001111 Rn Rd" Keep;
        Sxth64RR    "sxth"  [w(XD), r(WN)]                       "1 00 100110 1 000000 001111 Rn Rd" Keep;
        Uxtb32RR    "uxtb"  [w(WD), r(WN)]                       "0 10 100110 0 000000 000111 Rn Rd" Keep;
        Uxth32RR    "uxth"  [w(WD), r(WN)]                       "0 10 100110 0 000000 001111 Rn Rd" Keep;
        Sxtw64RR    "sxtw"  [w(XD), r(WN)]                       "1 00 100110 1 000000 011111 Rn Rd" Keep;

        // Shifts by a constant.
        Lsl32RRI    "lsl"   [w(WD), r(WN), LEFT32]               "0 10 100110 0 immr imms Rn Rd"     Keep;
        Lsl64RRI    "lsl"   [w(XD), r(XN), LEFT64]               "1 10 100110 1 immr imms Rn Rd"     Keep;
        Lsr32RRI    "lsr"   [w(WD), r(WN), IMMR32]               "0 10 100110 0 immr 011111 Rn Rd"   Keep;
        Lsr64RRI    "lsr"   [w(XD), r(XN), IMMR64]               "1 10 100110 1 immr 111111 Rn Rd"   Keep;
        Asr32RRI    "asr"   [w(WD), r(WN), IMMR32]               "0 00 100110 0 immr 011111 Rn Rd"   Keep;
        Asr64RRI    "asr"   [w(XD), r(XN), IMMR64]               "1 00 100110 1 immr 111111 Rn Rd"   Keep;
        Ror32RRI    "ror"   [w(WD), r(WNM), IMMS32]              "0 00 100111 0 0 Rm imms Rn Rd"     Keep;
        Ror64RRI    "ror"   [w(XD), r(XNM), IMMS64]              "1 00 100111 1 0 Rm imms Rn Rd"     Keep;
        Extr32RRRI  "extr"  [w(WD), r(WN), r(WM), IMMS32]        "0 00 100111 0 0 Rm imms Rn Rd"     Keep;
        Extr64RRRI  "extr"  [w(XD), r(XN), r(XM), IMMS64]        "1 00 100111 1 0 Rm imms Rn Rd"     Keep;

        // Shifts by a register, modulo the width.
        Lsl32RRR    "lsl"   [w(WD), r(WN), r(WM)]                "0 0 0 11010110 Rm 001000 Rn Rd"    Keep;
        Lsl64RRR    "lsl"   [w(XD), r(XN), r(XM)]                "1 0 0 11010110 Rm 001000 Rn Rd"    Keep;
        Lsr32RRR    "lsr"   [w(WD), r(WN), r(WM)]                "0 0 0 11010110 Rm 001001 Rn Rd"    Keep;
        Lsr64RRR    "lsr"   [w(XD), r(XN), r(XM)]                "1 0 0 11010110 Rm 001001 Rn Rd"    Keep;
        Asr32RRR    "asr"   [w(WD), r(WN), r(WM)]                "0 0 0 11010110 Rm 001010 Rn Rd"    Keep;
        Asr64RRR    "asr"   [w(XD), r(XN), r(XM)]                "1 0 0 11010110 Rm 001010 Rn Rd"    Keep;
        Ror32RRR    "ror"   [w(WD), r(WN), r(WM)]                "0 0 0 11010110 Rm 001011 Rn Rd"    Keep;
        Ror64RRR    "ror"   [w(XD), r(XN), r(XM)]                "1 0 0 11010110 Rm 001011 Rn Rd"    Keep;

        Rbit32RR    "rbit"  [w(WD), r(WN)]                       "0 1 0 11010110 00000 000000 Rn Rd" Keep;
        Rbit64RR    "rbit"  [w(XD), r(XN)]                       "1 1 0 11010110 00000 000000 Rn Rd" Keep;
        Rev16_32RR  "rev16" [w(WD), r(WN)]                       "0 1 0 11010110 00000 000001 Rn Rd" Keep;
        Rev16_64RR  "rev16" [w(XD), r(XN)]                       "1 1 0 11010110 00000 000001 Rn Rd" Keep;
        Rev32RR     "rev"   [w(WD), r(WN)]                       "0 1 0 11010110 00000 000010 Rn Rd" Keep;
        Rev64RR     "rev"   [w(XD), r(XN)]                       "1 1 0 11010110 00000 000011 Rn Rd" Keep;
        Clz32RR     "clz"   [w(WD), r(WN)]                       "0 1 0 11010110 00000 000100 Rn Rd" Keep;
        Clz64RR     "clz"   [w(XD), r(XN)]                       "1 1 0 11010110 00000 000100 Rn Rd" Keep;
        Cls32RR     "cls"   [w(WD), r(WN)]                       "0 1 0 11010110 00000 000101 Rn Rd" Keep;
        Cls64RR     "cls"   [w(XD), r(XN)]                       "1 1 0 11010110 00000 000101 Rn Rd" Keep;
        Rev32_64RR  "rev32" [w(XD), r(XN)]                       "1 1 0 11010110 00000 000010 Rn Rd" Keep;
    } } };
}
