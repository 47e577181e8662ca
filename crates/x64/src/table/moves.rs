//! Moves between general registers and memory, with and without extension; exchanges; the stack.

macro_rules! move_rows {
    ([$next:ident $($later:ident)*] { $($rows:tt)* }) => { $next! { [$($later)*] { $($rows)*
        Mov8RM       "mov"       [w(R8), r(RM8)]             "8A /r"          Keep;
        Mov16RM      "mov"       [w(R16), r(RM16)]           "66 8B /r"       Keep;
        Mov32RM      "mov"       [w(R32), r(RM32)]           "8B /r"          Keep;
        Mov64RM      "mov"       [w(R64), r(RM64)]           "REX.W 8B /r"    Keep;
        Mov8MR       "mov"       [w(RM8), r(R8)]             "88 /r"          Keep;
        Mov16MR      "mov"       [w(RM16), r(R16)]           "66 89 /r"       Keep;
        Mov32MR      "mov"       [w(RM32), r(R32)]           "89 /r"          Keep;
        Mov64MR      "mov"       [w(RM64), r(R64)]           "REX.W 89 /r"    Keep;

        // Only Mov64RI holds 64 bits of immediate; Mov64MI sign-extends 32.
        Mov8RI       "mov"       [w(R8), r(I8)]              "B0+r ib"        Keep;
        Mov16RI      "mov"       [w(R16), r(I16)]            "66 B8+r iw"     Keep;
        Mov32RI      "mov"       [w(R32), r(I32)]            "B8+r id"        Keep;
        Mov64RI      "mov"       [w(R64), r(I64)]            "REX.W B8+r io"  Keep;
        Mov8MI       "mov"       [w(RM8), r(I8)]             "C6 /0 ib"       Keep;
        Mov16MI      "mov"       [w(RM16), r(I16)]           "66 C7 /0 iw"    Keep;
        Mov32MI      "mov"       [w(RM32), r(I32)]           "C7 /0 id"       Keep;
        Mov64MI      "mov"       [w(RM64), r(I64)]           "REX.W C7 /0 id" Keep;

        Movzx16RM8   "movzx"     [w(R16), r(RM8)]            "66 0F B6 /r"    Keep;
        Movzx32RM8   "movzx"     [w(R32), r(RM8)]            "0F B6 /r"       Keep;
        Movzx64RM8   "movzx"     [w(R64), r(RM8)]            "REX.W 0F B6 /r" Keep;
        Movzx32RM16  "movzx"     [w(R32), r(RM16)]           "0F B7 /r"       Keep;
        Movzx64RM16  "movzx"     [w(R64), r(RM16)]           "REX.W 0F B7 /r" Keep;
        Movsx16RM8   "movsx"     [w(R16), r(RM8)]            "66 0F BE /r"    Keep;
        Movsx32RM8   "movsx"     [w(R32), r(RM8)]            "0F BE /r"       Keep;
        Movsx64RM8   "movsx"     [w(R64), r(RM8)]            "REX.W 0F BE /r" Keep;
        Movsx32RM16  "movsx"     [w(R32), r(RM16)]           "0F BF /r"       Keep;
        Movsx64RM16  "movsx"     [w(R64), r(RM16)]           "REX.W 0F BF /r" Keep;
        Movsxd64RM32 "movsxd"    [w(R64), r(RM32)]           "REX.W 63 /r"    Keep;

        Lea32RM      "lea"       [w(R32), r(ADDRESS32)]      "8D /r"          Keep;
        Lea64RM      "lea"       [w(R64), r(ADDRESS64)]      "REX.W 8D /r"    Keep;

        Xchg8MR      "xchg"      [rw(RM8), rw(R8)]           "86 /r"          Keep;
        Xchg16MR     "xchg"      [rw(RM16), rw(R16)]         "66 87 /r"       Keep;
        Xchg32MR     "xchg"      [rw(RM32), rw(R32)]         "87 /r"          Keep;
        Xchg64MR     "xchg"      [rw(RM64), rw(R64)]         "REX.W 87 /r"    Keep;

        Push64R      "push"      [r(R64)]                    "50+r"           Keep;
        Push64M      "push"      [r(RM64)]                   "FF /6"          Keep;
        Push64I      "push"      [r(I64)]                    "68 id"          Keep;
        Push64I8     "push"      [r(I64)]                    "6A ib"          Keep;
        Pop64R       "pop"       [w(R64)]                    "58+r"           Keep;
        Pop64M       "pop"       [w(RM64)]                   "8F /0"          Keep;

        // RCX bytes are copied from RSI, or AL is repeated, to RDI. The ABI keeps the direction flag clear.
        RepMovsb     "rep movsb" [rw(RCX), rw(RDI), rw(RSI)] "F3 A4"          Keep;
        RepStosb     "rep stosb" [rw(RCX), rw(RDI), r(AL)]   "F3 AA"          Keep;
    } } };
}
