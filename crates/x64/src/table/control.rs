//! Jumps, calls, returns, traps and the empty instruction.
//!
//! What a call reads and writes beyond its target is for the calling convention to say.

macro_rules! control_rows {
    ([$next:ident $($later:ident)*] { $($rows:tt)* }) => { $next! { [$($later)*] { $($rows)*
        JmpRel8   "jmp"   [r(TARGET)] "EB cb"    Keep;
        JmpRel32  "jmp"   [r(TARGET)] "E9 cd"    Keep;
        JmpM      "jmp"   [r(RM64)]   "FF /4"    Keep;
        CallRel32 "call"  [r(TARGET)] "E8 cd"    Write;
        CallM     "call"  [r(RM64)]   "FF /2"    Write;
        Ret       "ret"   []          "C3"       Keep;
        RetI      "ret"   [r(I16)]    "C2 iw"    Keep;
        Leave     "leave" []          "C9"       Keep;

        Ud2       "ud2"   []          "0F 0B"    Keep;
        Int3      "int3"  []          "CC"       Keep;
        Pause     "pause" []          "F3 90"    Keep;
        Nop       "nop"   []          "90"       Keep;
        Nop32M    "nop"   [r(RM32)]   "0F 1F /0" Keep;
    } } };
}
