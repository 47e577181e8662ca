//! Float arithmetic on the elements of vectors.

macro_rules! vector_float_rows {
    ([$next:ident $($later:ident)*] { $($rows:tt)* }) => { $next! { [$($later)*] { $($rows)*
        Fadd4SVVV   "fadd"          [w(VD4S), r(VN4S), r(VM4S)] "0 1 0 01110 0 0 1 Rm 11010 1 Rn Rd"   Keep;
        Fadd2DVVV   "fadd"          [w(VD2D), r(VN2D), r(VM2D)] "0 1 0 01110 0 1 1 Rm 11010 1 Rn Rd"   Keep;

        Fsub4SVVV   "fsub"          [w(VD4S), r(VN4S), r(VM4S)] "0 1 0 01110 1 0 1 Rm 11010 1 Rn Rd"   Keep;
        Fsub2DVVV   "fsub"          [w(VD2D), r(VN2D), r(VM2D)] "0 1 0 01110 1 1 1 Rm 11010 1 Rn Rd"   Keep;

        Fmul4SVVV   "fmul"          [w(VD4S), r(VN4S), r(VM4S)] "0 1 1 01110 0 0 1 Rm 11011 1 Rn Rd"   Keep;
        Fmul2DVVV   "fmul"          [w(VD2D), r(VN2D), r(VM2D)] "0 1 1 01110 0 1 1 Rm 11011 1 Rn Rd"   Keep;

        Fdiv4SVVV   "fdiv"          [w(VD4S), r(VN4S), r(VM4S)] "0 1 1 01110 0 0 1 Rm 11111 1 Rn Rd"   Keep;
        Fdiv2DVVV   "fdiv"          [w(VD2D), r(VN2D), r(VM2D)] "0 1 1 01110 0 1 1 Rm 11111 1 Rn Rd"   Keep;

        Fmax4SVVV   "fmax"          [w(VD4S), r(VN4S), r(VM4S)] "0 1 0 01110 0 0 1 Rm 11110 1 Rn Rd"   Keep;
        Fmax2DVVV   "fmax"          [w(VD2D), r(VN2D), r(VM2D)] "0 1 0 01110 0 1 1 Rm 11110 1 Rn Rd"   Keep;

        Fmin4SVVV   "fmin"          [w(VD4S), r(VN4S), r(VM4S)] "0 1 0 01110 1 0 1 Rm 11110 1 Rn Rd"   Keep;
        Fmin2DVVV   "fmin"          [w(VD2D), r(VN2D), r(VM2D)] "0 1 0 01110 1 1 1 Rm 11110 1 Rn Rd"   Keep;

        Fmaxnm4SVVV "fmaxnm"        [w(VD4S), r(VN4S), r(VM4S)] "0 1 0 01110 0 0 1 Rm 11000 1 Rn Rd"   Keep;
        Fmaxnm2DVVV "fmaxnm"        [w(VD2D), r(VN2D), r(VM2D)] "0 1 0 01110 0 1 1 Rm 11000 1 Rn Rd"   Keep;

        Fminnm4SVVV "fminnm"        [w(VD4S), r(VN4S), r(VM4S)] "0 1 0 01110 1 0 1 Rm 11000 1 Rn Rd"   Keep;
        Fminnm2DVVV "fminnm"        [w(VD2D), r(VN2D), r(VM2D)] "0 1 0 01110 1 1 1 Rm 11000 1 Rn Rd"   Keep;

        Fneg4SVV    "fneg"          [w(VD4S), r(VN4S)]          "0 1 1 01110 1 0 10000 01111 10 Rn Rd" Keep;
        Fneg2DVV    "fneg"          [w(VD2D), r(VN2D)]          "0 1 1 01110 1 1 10000 01111 10 Rn Rd" Keep;
        Fabs4SVV    "fabs"          [w(VD4S), r(VN4S)]          "0 1 0 01110 1 0 10000 01111 10 Rn Rd" Keep;
        Fabs2DVV    "fabs"          [w(VD2D), r(VN2D)]          "0 1 0 01110 1 1 10000 01111 10 Rn Rd" Keep;
        Fsqrt4SVV   "fsqrt"         [w(VD4S), r(VN4S)]          "0 1 1 01110 1 0 10000 11111 10 Rn Rd" Keep;
        Fsqrt2DVV   "fsqrt"         [w(VD2D), r(VN2D)]          "0 1 1 01110 1 1 10000 11111 10 Rn Rd" Keep;

        // Comparisons: all ones where the condition holds, else zero; zero if unordered.
        Fcmeq4SVVV  "fcmeq"         [w(VD4S), r(VN4S), r(VM4S)] "0 1 0 01110 0 0 1 Rm 11100 1 Rn Rd"   Keep;
        Fcmeq2DVVV  "fcmeq"         [w(VD2D), r(VN2D), r(VM2D)] "0 1 0 01110 0 1 1 Rm 11100 1 Rn Rd"   Keep;

        Fcmge4SVVV  "fcmge"         [w(VD4S), r(VN4S), r(VM4S)] "0 1 1 01110 0 0 1 Rm 11100 1 Rn Rd"   Keep;
        Fcmge2DVVV  "fcmge"         [w(VD2D), r(VN2D), r(VM2D)] "0 1 1 01110 0 1 1 Rm 11100 1 Rn Rd"   Keep;

        Fcmgt4SVVV  "fcmgt"         [w(VD4S), r(VN4S), r(VM4S)] "0 1 1 01110 1 0 1 Rm 11100 1 Rn Rd"   Keep;
        Fcmgt2DVVV  "fcmgt"         [w(VD2D), r(VN2D), r(VM2D)] "0 1 1 01110 1 1 1 Rm 11100 1 Rn Rd"   Keep;

        Fcmeq4SVZ   "fcmeq %, #0.0" [w(VD4S), r(VN4S)]          "0 1 0 01110 1 0 10000 01101 10 Rn Rd" Keep;
        Fcmeq2DVZ   "fcmeq %, #0.0" [w(VD2D), r(VN2D)]          "0 1 0 01110 1 1 10000 01101 10 Rn Rd" Keep;

        Fcmgt4SVZ   "fcmgt %, #0.0" [w(VD4S), r(VN4S)]          "0 1 0 01110 1 0 10000 01100 10 Rn Rd" Keep;
        Fcmgt2DVZ   "fcmgt %, #0.0" [w(VD2D), r(VN2D)]          "0 1 0 01110 1 1 10000 01100 10 Rn Rd" Keep;

        Fcmge4SVZ   "fcmge %, #0.0" [w(VD4S), r(VN4S)]          "0 1 1 01110 1 0 10000 01100 10 Rn Rd" Keep;
        Fcmge2DVZ   "fcmge %, #0.0" [w(VD2D), r(VN2D)]          "0 1 1 01110 1 1 10000 01100 10 Rn Rd" Keep;

        Fcmlt4SVZ   "fcmlt %, #0.0" [w(VD4S), r(VN4S)]          "0 1 0 01110 1 0 10000 01110 10 Rn Rd" Keep;
        Fcmlt2DVZ   "fcmlt %, #0.0" [w(VD2D), r(VN2D)]          "0 1 0 01110 1 1 10000 01110 10 Rn Rd" Keep;

        Fcmle4SVZ   "fcmle %, #0.0" [w(VD4S), r(VN4S)]          "0 1 1 01110 1 0 10000 01101 10 Rn Rd" Keep;
        Fcmle2DVZ   "fcmle %, #0.0" [w(VD2D), r(VN2D)]          "0 1 1 01110 1 1 10000 01101 10 Rn Rd" Keep;
    } } };
}
