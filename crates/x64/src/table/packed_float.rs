//! Arithmetic and comparison of packed floats.

macro_rules! packed_float_rows {
    ([$next:ident $($later:ident)*] { $($rows:tt)* }) => { $next! { [$($later)*] { $($rows)*
        AddpsXM    "addps"    [rw(X), r(XM128)]        "0F 58 /r"       Keep;
        AddpdXM    "addpd"    [rw(X), r(XM128)]        "66 0F 58 /r"    Keep;
        MulpsXM    "mulps"    [rw(X), r(XM128)]        "0F 59 /r"       Keep;
        MulpdXM    "mulpd"    [rw(X), r(XM128)]        "66 0F 59 /r"    Keep;
        SubpsXM    "subps"    [rw(X), r(XM128)]        "0F 5C /r"       Keep;
        SubpdXM    "subpd"    [rw(X), r(XM128)]        "66 0F 5C /r"    Keep;
        MinpsXM    "minps"    [rw(X), r(XM128)]        "0F 5D /r"       Keep;
        MinpdXM    "minpd"    [rw(X), r(XM128)]        "66 0F 5D /r"    Keep;
        DivpsXM    "divps"    [rw(X), r(XM128)]        "0F 5E /r"       Keep;
        DivpdXM    "divpd"    [rw(X), r(XM128)]        "66 0F 5E /r"    Keep;
        MaxpsXM    "maxps"    [rw(X), r(XM128)]        "0F 5F /r"       Keep;
        MaxpdXM    "maxpd"    [rw(X), r(XM128)]        "66 0F 5F /r"    Keep;
        SqrtpsXM   "sqrtps"   [w(X), r(XM128)]         "0F 51 /r"       Keep;
        SqrtpdXM   "sqrtpd"   [w(X), r(XM128)]         "66 0F 51 /r"    Keep;

        // The result is all ones or zeros per lane. Predicates are those of CMPSS.
        CmppsXMI   "cmpps"    [rw(X), r(XM128), r(I8)] "0F C2 /r ib"    Keep;
        CmppdXMI   "cmppd"    [rw(X), r(XM128), r(I8)] "66 0F C2 /r ib" Keep;

        // The top bit of each lane, the lowest lane in bit 0.
        MovmskpsRX "movmskps" [w(R32), r(XR)]          "0F 50 /r"       Keep;
        MovmskpdRX "movmskpd" [w(R32), r(XR)]          "66 0F 50 /r"    Keep;
    } } };
}
