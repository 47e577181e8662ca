//! Conditional moves, sets and jumps. The rows of a group are in the order of [`crate::Cond`].

macro_rules! condition_rows {
    ([$next:ident $($later:ident)*] { $($rows:tt)* }) => { $next! { [$($later)*] { $($rows)*
        Cmovo32RM  "cmovo"  [rw(R32), r(RM32)] "0F 40 /r"       Read;
        Cmovno32RM "cmovno" [rw(R32), r(RM32)] "0F 41 /r"       Read;
        Cmovb32RM  "cmovb"  [rw(R32), r(RM32)] "0F 42 /r"       Read;
        Cmovae32RM "cmovae" [rw(R32), r(RM32)] "0F 43 /r"       Read;
        Cmove32RM  "cmove"  [rw(R32), r(RM32)] "0F 44 /r"       Read;
        Cmovne32RM "cmovne" [rw(R32), r(RM32)] "0F 45 /r"       Read;
        Cmovbe32RM "cmovbe" [rw(R32), r(RM32)] "0F 46 /r"       Read;
        Cmova32RM  "cmova"  [rw(R32), r(RM32)] "0F 47 /r"       Read;
        Cmovs32RM  "cmovs"  [rw(R32), r(RM32)] "0F 48 /r"       Read;
        Cmovns32RM "cmovns" [rw(R32), r(RM32)] "0F 49 /r"       Read;
        Cmovp32RM  "cmovp"  [rw(R32), r(RM32)] "0F 4A /r"       Read;
        Cmovnp32RM "cmovnp" [rw(R32), r(RM32)] "0F 4B /r"       Read;
        Cmovl32RM  "cmovl"  [rw(R32), r(RM32)] "0F 4C /r"       Read;
        Cmovge32RM "cmovge" [rw(R32), r(RM32)] "0F 4D /r"       Read;
        Cmovle32RM "cmovle" [rw(R32), r(RM32)] "0F 4E /r"       Read;
        Cmovg32RM  "cmovg"  [rw(R32), r(RM32)] "0F 4F /r"       Read;

        Cmovo64RM  "cmovo"  [rw(R64), r(RM64)] "REX.W 0F 40 /r" Read;
        Cmovno64RM "cmovno" [rw(R64), r(RM64)] "REX.W 0F 41 /r" Read;
        Cmovb64RM  "cmovb"  [rw(R64), r(RM64)] "REX.W 0F 42 /r" Read;
        Cmovae64RM "cmovae" [rw(R64), r(RM64)] "REX.W 0F 43 /r" Read;
        Cmove64RM  "cmove"  [rw(R64), r(RM64)] "REX.W 0F 44 /r" Read;
        Cmovne64RM "cmovne" [rw(R64), r(RM64)] "REX.W 0F 45 /r" Read;
        Cmovbe64RM "cmovbe" [rw(R64), r(RM64)] "REX.W 0F 46 /r" Read;
        Cmova64RM  "cmova"  [rw(R64), r(RM64)] "REX.W 0F 47 /r" Read;
        Cmovs64RM  "cmovs"  [rw(R64), r(RM64)] "REX.W 0F 48 /r" Read;
        Cmovns64RM "cmovns" [rw(R64), r(RM64)] "REX.W 0F 49 /r" Read;
        Cmovp64RM  "cmovp"  [rw(R64), r(RM64)] "REX.W 0F 4A /r" Read;
        Cmovnp64RM "cmovnp" [rw(R64), r(RM64)] "REX.W 0F 4B /r" Read;
        Cmovl64RM  "cmovl"  [rw(R64), r(RM64)] "REX.W 0F 4C /r" Read;
        Cmovge64RM "cmovge" [rw(R64), r(RM64)] "REX.W 0F 4D /r" Read;
        Cmovle64RM "cmovle" [rw(R64), r(RM64)] "REX.W 0F 4E /r" Read;
        Cmovg64RM  "cmovg"  [rw(R64), r(RM64)] "REX.W 0F 4F /r" Read;

        SetoM      "seto"   [w(RM8)]           "0F 90 /0"       Read;
        SetnoM     "setno"  [w(RM8)]           "0F 91 /0"       Read;
        SetbM      "setb"   [w(RM8)]           "0F 92 /0"       Read;
        SetaeM     "setae"  [w(RM8)]           "0F 93 /0"       Read;
        SeteM      "sete"   [w(RM8)]           "0F 94 /0"       Read;
        SetneM     "setne"  [w(RM8)]           "0F 95 /0"       Read;
        SetbeM     "setbe"  [w(RM8)]           "0F 96 /0"       Read;
        SetaM      "seta"   [w(RM8)]           "0F 97 /0"       Read;
        SetsM      "sets"   [w(RM8)]           "0F 98 /0"       Read;
        SetnsM     "setns"  [w(RM8)]           "0F 99 /0"       Read;
        SetpM      "setp"   [w(RM8)]           "0F 9A /0"       Read;
        SetnpM     "setnp"  [w(RM8)]           "0F 9B /0"       Read;
        SetlM      "setl"   [w(RM8)]           "0F 9C /0"       Read;
        SetgeM     "setge"  [w(RM8)]           "0F 9D /0"       Read;
        SetleM     "setle"  [w(RM8)]           "0F 9E /0"       Read;
        SetgM      "setg"   [w(RM8)]           "0F 9F /0"       Read;

        JoRel8     "jo"     [r(TARGET)]        "70 cb"          Read;
        JnoRel8    "jno"    [r(TARGET)]        "71 cb"          Read;
        JbRel8     "jb"     [r(TARGET)]        "72 cb"          Read;
        JaeRel8    "jae"    [r(TARGET)]        "73 cb"          Read;
        JeRel8     "je"     [r(TARGET)]        "74 cb"          Read;
        JneRel8    "jne"    [r(TARGET)]        "75 cb"          Read;
        JbeRel8    "jbe"    [r(TARGET)]        "76 cb"          Read;
        JaRel8     "ja"     [r(TARGET)]        "77 cb"          Read;
        JsRel8     "js"     [r(TARGET)]        "78 cb"          Read;
        JnsRel8    "jns"    [r(TARGET)]        "79 cb"          Read;
        JpRel8     "jp"     [r(TARGET)]        "7A cb"          Read;
        JnpRel8    "jnp"    [r(TARGET)]        "7B cb"          Read;
        JlRel8     "jl"     [r(TARGET)]        "7C cb"          Read;
        JgeRel8    "jge"    [r(TARGET)]        "7D cb"          Read;
        JleRel8    "jle"    [r(TARGET)]        "7E cb"          Read;
        JgRel8     "jg"     [r(TARGET)]        "7F cb"          Read;

        JoRel32    "jo"     [r(TARGET)]        "0F 80 cd"       Read;
        JnoRel32   "jno"    [r(TARGET)]        "0F 81 cd"       Read;
        JbRel32    "jb"     [r(TARGET)]        "0F 82 cd"       Read;
        JaeRel32   "jae"    [r(TARGET)]        "0F 83 cd"       Read;
        JeRel32    "je"     [r(TARGET)]        "0F 84 cd"       Read;
        JneRel32   "jne"    [r(TARGET)]        "0F 85 cd"       Read;
        JbeRel32   "jbe"    [r(TARGET)]        "0F 86 cd"       Read;
        JaRel32    "ja"     [r(TARGET)]        "0F 87 cd"       Read;
        JsRel32    "js"     [r(TARGET)]        "0F 88 cd"       Read;
        JnsRel32   "jns"    [r(TARGET)]        "0F 89 cd"       Read;
        JpRel32    "jp"     [r(TARGET)]        "0F 8A cd"       Read;
        JnpRel32   "jnp"    [r(TARGET)]        "0F 8B cd"       Read;
        JlRel32    "jl"     [r(TARGET)]        "0F 8C cd"       Read;
        JgeRel32   "jge"    [r(TARGET)]        "0F 8D cd"       Read;
        JleRel32   "jle"    [r(TARGET)]        "0F 8E cd"       Read;
        JgRel32    "jg"     [r(TARGET)]        "0F 8F cd"       Read;
    } } };
}
