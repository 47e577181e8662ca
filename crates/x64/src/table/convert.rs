//! Conversions between integers and floats and between float types.

macro_rules! convert_rows {
    ([$next:ident $($later:ident)*] { $($rows:tt)* }) => { $next! { [$($later)*] { $($rows)*
        Cvtsi2ss32XM  "cvtsi2ss"  [w(X), r(RM32)]   "F3 0F 2A /r"       Keep;
        Cvtsi2ss64XM  "cvtsi2ss"  [w(X), r(RM64)]   "F3 REX.W 0F 2A /r" Keep;
        Cvtsi2sd32XM  "cvtsi2sd"  [w(X), r(RM32)]   "F2 0F 2A /r"       Keep;
        Cvtsi2sd64XM  "cvtsi2sd"  [w(X), r(RM64)]   "F2 REX.W 0F 2A /r" Keep;
        Cvttss2si32RM "cvttss2si" [w(R32), r(XM32)] "F3 0F 2C /r"       Keep;
        Cvttss2si64RM "cvttss2si" [w(R64), r(XM32)] "F3 REX.W 0F 2C /r" Keep;
        Cvttsd2si32RM "cvttsd2si" [w(R32), r(XM64)] "F2 0F 2C /r"       Keep;
        Cvttsd2si64RM "cvttsd2si" [w(R64), r(XM64)] "F2 REX.W 0F 2C /r" Keep;

        Cvtss2sdXM    "cvtss2sd"  [w(X), r(XM32)]   "F3 0F 5A /r"       Keep;
        Cvtsd2ssXM    "cvtsd2ss"  [w(X), r(XM64)]   "F2 0F 5A /r"       Keep;
    } } };
}
