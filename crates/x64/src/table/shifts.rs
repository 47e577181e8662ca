//! Shifts and rotates by an immediate and by CL.
//!
//! A count of zero leaves the flags as they were, so every form here reads and writes them.

macro_rules! shift_rows {
    ([$next:ident $($later:ident)*] { $($rows:tt)* }) => { $next! { [$($later)*] { $($rows)*
        Rol8MI  "rol" [rw(RM8), r(I8)]  "C0 /0 ib"       ReadWrite;
        Rol16MI "rol" [rw(RM16), r(I8)] "66 C1 /0 ib"    ReadWrite;
        Rol32MI "rol" [rw(RM32), r(I8)] "C1 /0 ib"       ReadWrite;
        Rol64MI "rol" [rw(RM64), r(I8)] "REX.W C1 /0 ib" ReadWrite;
        Rol8MC  "rol" [rw(RM8), r(CL)]  "D2 /0"          ReadWrite;
        Rol16MC "rol" [rw(RM16), r(CL)] "66 D3 /0"       ReadWrite;
        Rol32MC "rol" [rw(RM32), r(CL)] "D3 /0"          ReadWrite;
        Rol64MC "rol" [rw(RM64), r(CL)] "REX.W D3 /0"    ReadWrite;

        Ror8MI  "ror" [rw(RM8), r(I8)]  "C0 /1 ib"       ReadWrite;
        Ror16MI "ror" [rw(RM16), r(I8)] "66 C1 /1 ib"    ReadWrite;
        Ror32MI "ror" [rw(RM32), r(I8)] "C1 /1 ib"       ReadWrite;
        Ror64MI "ror" [rw(RM64), r(I8)] "REX.W C1 /1 ib" ReadWrite;
        Ror8MC  "ror" [rw(RM8), r(CL)]  "D2 /1"          ReadWrite;
        Ror16MC "ror" [rw(RM16), r(CL)] "66 D3 /1"       ReadWrite;
        Ror32MC "ror" [rw(RM32), r(CL)] "D3 /1"          ReadWrite;
        Ror64MC "ror" [rw(RM64), r(CL)] "REX.W D3 /1"    ReadWrite;

        Shl8MI  "shl" [rw(RM8), r(I8)]  "C0 /4 ib"       ReadWrite;
        Shl16MI "shl" [rw(RM16), r(I8)] "66 C1 /4 ib"    ReadWrite;
        Shl32MI "shl" [rw(RM32), r(I8)] "C1 /4 ib"       ReadWrite;
        Shl64MI "shl" [rw(RM64), r(I8)] "REX.W C1 /4 ib" ReadWrite;
        Shl8MC  "shl" [rw(RM8), r(CL)]  "D2 /4"          ReadWrite;
        Shl16MC "shl" [rw(RM16), r(CL)] "66 D3 /4"       ReadWrite;
        Shl32MC "shl" [rw(RM32), r(CL)] "D3 /4"          ReadWrite;
        Shl64MC "shl" [rw(RM64), r(CL)] "REX.W D3 /4"    ReadWrite;

        Shr8MI  "shr" [rw(RM8), r(I8)]  "C0 /5 ib"       ReadWrite;
        Shr16MI "shr" [rw(RM16), r(I8)] "66 C1 /5 ib"    ReadWrite;
        Shr32MI "shr" [rw(RM32), r(I8)] "C1 /5 ib"       ReadWrite;
        Shr64MI "shr" [rw(RM64), r(I8)] "REX.W C1 /5 ib" ReadWrite;
        Shr8MC  "shr" [rw(RM8), r(CL)]  "D2 /5"          ReadWrite;
        Shr16MC "shr" [rw(RM16), r(CL)] "66 D3 /5"       ReadWrite;
        Shr32MC "shr" [rw(RM32), r(CL)] "D3 /5"          ReadWrite;
        Shr64MC "shr" [rw(RM64), r(CL)] "REX.W D3 /5"    ReadWrite;

        Sar8MI  "sar" [rw(RM8), r(I8)]  "C0 /7 ib"       ReadWrite;
        Sar16MI "sar" [rw(RM16), r(I8)] "66 C1 /7 ib"    ReadWrite;
        Sar32MI "sar" [rw(RM32), r(I8)] "C1 /7 ib"       ReadWrite;
        Sar64MI "sar" [rw(RM64), r(I8)] "REX.W C1 /7 ib" ReadWrite;
        Sar8MC  "sar" [rw(RM8), r(CL)]  "D2 /7"          ReadWrite;
        Sar16MC "sar" [rw(RM16), r(CL)] "66 D3 /7"       ReadWrite;
        Sar32MC "sar" [rw(RM32), r(CL)] "D3 /7"          ReadWrite;
        Sar64MC "sar" [rw(RM64), r(CL)] "REX.W D3 /7"    ReadWrite;
    } } };
}
