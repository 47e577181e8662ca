//! Labels, tables, constants, relocations, listings and errors.

use enjamb_aarch64::{
    AssembleError, Assembler, Code, Cond, Extend, Inst, Label, Mem, Op, Operand, OperandError,
    OperandProblem, Reg, Reloc, RelocationKind, Shift, SystemRegister, access,
};

fn finish(assembler: Assembler) -> Code {
    assembler.finish().expect("the code can be assembled")
}

fn words(code: &Code) -> Vec<u32> {
    let chunks = code.bytes.chunks_exact(4);
    chunks
        .map(|bytes| u32::from_le_bytes(bytes.try_into().expect("four bytes")))
        .collect()
}

fn word(inst: &Inst) -> u32 {
    inst.word().expect("the instruction can be encoded").0
}

#[test]
fn branches_hold_the_distance_to_their_label() {
    let mut assembler = Assembler::new();
    let (back, ahead) = (assembler.mark(), assembler.new_label());
    assembler.jmp(ahead);
    assembler.jcc(Cond::LT, back);
    assembler.op(Op::Cbz64R, &[Reg::X3.into(), ahead.into()]);
    assembler.op(
        Op::Tbnz64RI,
        &[Reg::X3.into(), Operand::Imm(33), back.into()],
    );
    assembler.call(ahead);
    assembler.lea_label(Reg::X1, ahead);
    assembler.data(&[1, 2, 3, 4]);
    assembler.bind(ahead);
    assembler.lea_label(Reg::X2, back);
    let code = finish(assembler);
    let inst = |op, operands: &[Operand]| word(&Inst::new(op, operands).expect("fits"));
    let expected = [
        inst(Op::B, &[Operand::Imm(28)]),
        inst(Op::BCond, &[Cond::LT.into(), Operand::Imm(-4)]),
        inst(Op::Cbz64R, &[Reg::X3.into(), Operand::Imm(20)]),
        inst(
            Op::Tbnz64RI,
            &[Reg::X3.into(), Operand::Imm(33), Operand::Imm(-12)],
        ),
        inst(Op::Bl, &[Operand::Imm(12)]),
        inst(Op::Adr, &[Reg::X1.into(), Operand::Imm(8)]),
        0x0403_0201,
        inst(Op::Adr, &[Reg::X2.into(), Operand::Imm(-28)]),
    ];
    assert_eq!(words(&code), expected);
    assert_eq!(code.alignment, 4);
}

#[test]
fn alignment_pads_with_empty_instructions() {
    for before in (0..40).step_by(4) {
        let mut assembler = Assembler::new();
        assembler.nop(before);
        assembler.align(16);
        let label = assembler.mark();
        assembler.op(Op::Ret, &[]);
        let code = finish(assembler);
        let offset = code.offset(label).expect("the label is bound") as usize;
        assert_eq!(offset, before.next_multiple_of(16));
        assert_eq!(code.alignment, 16);
        let nop = word(&Inst::new(Op::Nop, &[]).expect("no operands"));
        assert!(words(&code)[..offset / 4].iter().all(|word| *word == nop));
    }
}

#[test]
fn data_is_padded_with_zeros_before_instructions() {
    let mut assembler = Assembler::new();
    assembler.data(&[1, 2, 3, 4, 5]);
    assembler.align(8);
    assembler.op(Op::Ret, &[]);
    assert_eq!(finish(assembler).bytes[..8], [1, 2, 3, 4, 5, 0, 0, 0]);
}

#[test]
fn tables_hold_distances_from_their_start() {
    let mut assembler = Assembler::new();
    let (first, second) = (assembler.new_label(), assembler.new_label());
    assembler.bind(first);
    assembler.jmp(second);
    assembler.nop(200);
    assembler.bind(second);
    assembler.op(Op::Ret, &[]);
    let table = assembler.label_address_table(&[second, first]);
    let code = finish(assembler);
    let start = code.offset(table).expect("the table is placed");
    assert_eq!(start, 208);
    assert_eq!(
        words(&code)[52..],
        [204 - 208, -208].map(|distance| distance as u32)
    );
}

#[test]
fn equal_constants_share_a_place_after_the_code() {
    let mut assembler = Assembler::new();
    let half = assembler.constant(&0.5f32.to_le_bytes());
    let mask = assembler.constant(&[0xFF; 16]);
    let wide = assembler.constant(&2.5f64.to_le_bytes());
    assert_eq!(assembler.constant(&0.5f32.to_le_bytes()), half);
    assembler.op(Op::LdrV32Literal, &[Reg::V1.into(), half.into()]);
    assembler.op(Op::LdrV128Literal, &[Reg::V1.into(), mask.into()]);
    let code = finish(assembler);
    let offset = |label| code.offset(label).expect("constants are placed");
    assert_eq!([offset(mask), offset(wide), offset(half)], [16, 40, 32]);
    assert_eq!(code.bytes.len(), 48);
    assert_eq!(code.alignment, 16);
    let load = |op, register: Reg, distance| {
        word(&Inst::new(op, &[register.into(), Operand::Imm(distance)]).expect("fits"))
    };
    let loads = [
        load(Op::LdrV32Literal, Reg::V1, 32),
        load(Op::LdrV128Literal, Reg::V1, 12),
    ];
    assert_eq!(words(&code)[..2], loads);
}

#[test]
fn symbols_become_relocations() {
    let mut assembler = Assembler::new();
    assembler.call_symbol(7);
    assembler.lea_symbol(Reg::X9, 8);
    assembler.mov_symbol(Reg::X0, 9);
    assembler.jmp_symbol(10);
    assembler.data_symbol(11, 24);
    let mut code = finish(assembler);
    let relocation = |offset, kind, symbol, addend| Reloc {
        offset,
        kind,
        symbol,
        addend,
    };
    assert_eq!(
        code.relocations,
        [
            relocation(0, RelocationKind::Branch26, 7, 0),
            relocation(4, RelocationKind::Page21, 8, 0),
            relocation(8, RelocationKind::Low12, 8, 0),
            relocation(16, RelocationKind::Branch26, 10, 0),
            relocation(20, RelocationKind::Abs64, 11, 24),
            relocation(32, RelocationKind::Abs64, 9, 0),
        ]
    );
    let (base, target) = (0x7000_1000, 0x7012_3458);
    for reloc in &code.relocations {
        let offset = reloc.offset as usize;
        let field = &mut code.bytes[offset..];
        let target = target + reloc.addend as u64;
        reloc
            .kind
            .apply(field, base + offset as u64, target)
            .expect("in reach");
    }
    let inst = |op, operands: &[Operand]| word(&Inst::new(op, operands).expect("fits"));
    let x9 = Operand::Reg(Reg::X9);
    let expected = [
        inst(Op::Bl, &[Operand::Imm(0x12_2458)]),
        inst(Op::Adrp, &[x9, Operand::Imm(0x12_2000)]),
        inst(Op::Add64RRI, &[x9, x9, Operand::Imm(0x458)]),
        inst(Op::Ldr64Literal, &[Reg::X0.into(), Operand::Imm(20)]),
        inst(Op::B, &[Operand::Imm(0x12_2448)]),
        0x7012_3470,
        0,
        0,
        0x7012_3458,
        0,
    ];
    assert_eq!(words(&code), expected);
}

#[test]
fn relocations_out_of_reach_are_refused() {
    let apply = |kind: RelocationKind, distance: i64| {
        let mut field = [0; 8];
        kind.apply(
            &mut field,
            1 << 40,
            (1u64 << 40).wrapping_add_signed(distance),
        )
        .is_ok()
    };
    let reaches = [
        (RelocationKind::Branch26, 4, 1 << 27),
        (RelocationKind::Page21, 4096, 1 << 32),
        (RelocationKind::Rel32, 1, 1 << 31),
    ];
    for (kind, unit, reach) in reaches {
        assert!(apply(kind, reach - unit) && apply(kind, -reach), "{kind:?}");
        assert!(
            !apply(kind, reach) && !apply(kind, -reach - unit),
            "{kind:?}"
        );
    }
    assert!(!apply(RelocationKind::Branch26, 2));
    assert!(RelocationKind::Abs64.apply(&mut [0; 4], 0, 0).is_err());
}

#[test]
fn a_listing_shows_every_byte_once() {
    let mut assembler = Assembler::new();
    assembler.keep_listing();
    let head = assembler.mark();
    assembler.comment(|| "count down".to_owned());
    assembler.emit(&Inst::rri(Op::Subs64RRI, Reg::X0, Reg::X0, 1).expect("fits"));
    assembler.jcc(Cond::NE, head);
    assembler.call_symbol(3);
    let end = assembler.new_label();
    assembler.bind(end);
    assembler.op(Op::Ret, &[]);
    let code = finish(assembler);
    let lines = &code.listing().lines;
    let bytes: Vec<u8> = lines.iter().flat_map(|line| line.bytes.clone()).collect();
    assert_eq!(bytes, code.bytes);
    let text = code.listing().to_string();
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    assert_eq!(
        lines,
        [
            "; count down",
            "000000  00 04 00 f1              subs x0, x0, #1",
            "000004  e1 ff ff 54              b.ne L0",
            "000008  00 00 00 94              bl symbol 3",
            "L1:",
            "00000c  c0 03 5f d6              ret",
        ]
    );
}

#[test]
fn the_first_error_comes_out_of_finish() {
    let error = |emit: &dyn Fn(&mut Assembler)| {
        let mut assembler = Assembler::new();
        assembler.op(Op::Ret, &[]);
        emit(&mut assembler);
        assembler.op(Op::Ret, &[]);
        assembler.finish().expect_err("the assembly has an error")
    };
    for op in [Op::B, Op::Adr, Op::Ldr64Literal, Op::Cbz32R] {
        let unbound = error(&|assembler| {
            let label = assembler.new_label();
            match op {
                Op::B => assembler.jmp(label),
                _ => assembler.op(op, &[Reg::X1.into(), label.into()]),
            }
        });
        assert!(
            matches!(unbound, AssembleError::Unbound(_)),
            "{op:?}: {unbound}"
        );
    }
    assert!(matches!(
        error(&|assembler| {
            let label = assembler.mark();
            assembler.bind(label);
            assembler.jmp(Label::from_index(99));
        }),
        AssembleError::BoundTwice(_)
    ));
    let foreign = Label::from_index(99);
    let expected = AssembleError::Foreign(foreign);
    assert_eq!(error(&|assembler| assembler.call(foreign)), expected);
    assert_eq!(error(&|assembler| assembler.bind(foreign)), expected);
    let table = error(&|assembler| {
        assembler.label_address_table(&[foreign]);
    });
    assert_eq!(table, expected);
    assert_eq!(
        error(&|assembler| assembler.align(24)),
        AssembleError::Alignment(24)
    );
    assert_eq!(
        error(&|assembler| assembler.reserve(5000)),
        AssembleError::Reservation(5000)
    );
    assert_eq!(
        error(&|assembler| assembler.data(&[1])),
        AssembleError::Misaligned(5)
    );
    let size = error(&|assembler| {
        assembler.constant(&[0; 5]);
    });
    assert_eq!(size, AssembleError::ConstantSize(5));
    let wrong = error(&|assembler| {
        assembler.op(
            Op::Add64RRR,
            &[Reg::X0.into(), Reg::V1.into(), Reg::X0.into()],
        );
    });
    assert_eq!(
        wrong.to_string(),
        "instruction 1: Add64RRR (`add`): operand 1: a general register or the zero register wanted"
    );
    let large = error(&|assembler| assembler.data(&vec![0; (1 << 27) - 4]));
    assert_eq!(large, AssembleError::TooLarge);
}

fn problem(op: Op, operands: &[Operand]) -> OperandProblem {
    let made: Result<_, OperandError> = Inst::new(op, operands).and_then(|inst| inst.word());
    made.expect_err("refused").problem
}

#[test]
fn bad_operands_are_refused() {
    let [x0, x1, x2, sp, zr] = [Reg::X0, Reg::X1, Reg::X2, Reg::SP, Reg::ZR].map(Operand::Reg);
    let imm = Operand::Imm;
    assert_eq!(problem(Op::Add64RRR, &[x0, x1]), OperandProblem::Count(2));
    assert_eq!(problem(Op::Ret, &[x0]), OperandProblem::Count(1));
    let is_kind = |problem| matches!(problem, OperandProblem::Kind(_));
    assert!(is_kind(problem(Op::Add64RRR, &[x0, x1, imm(1)])));
    assert!(is_kind(problem(Op::B, &[x0])));
    assert!(is_kind(problem(
        Op::Adrp,
        &[x0, Label::from_index(0).into()]
    )));
    let counter = Operand::System(SystemRegister::CntvctEl0);
    assert!(is_kind(problem(Op::Msr, &[counter, x0])));
    let is_register = |problem| matches!(problem, OperandProblem::Register(_));
    assert!(is_register(problem(Op::Add64RRR, &[x0, sp, x1])));
    assert!(is_register(problem(Op::Add64RRI, &[x0, zr, imm(1)])));
    assert!(is_register(problem(
        Op::Add64RRR,
        &[x0, x1, Operand::Reg(Reg(200))]
    )));
    for (op, value) in [
        (Op::Add64RRI, 4097),
        (Op::Add64RRI, -1),
        (Op::And64RRI, 5),
        (Op::And32RRI, 0x5_0000_0005),
        (Op::Lsl32RRI, 32),
        (Op::Asr64RRI, 64),
    ] {
        let refused = problem(op, &[x0, x1, imm(value)]);
        assert!(
            matches!(refused, OperandProblem::Immediate { .. }),
            "{op:?} {value}"
        );
    }
    let field = problem(Op::Ubfx32RRII, &[x0, x1, imm(30), imm(3)]);
    assert!(matches!(field, OperandProblem::Immediate { value: 3, .. }));
    let field = problem(Op::Bfi64RRII, &[x0, x1, imm(0), imm(0)]);
    assert!(matches!(field, OperandProblem::Immediate { value: 0, .. }));
    let shift = |op, shift, amount| problem(op, &[x0, x1, x2, Operand::Shift(shift, amount)]);
    assert_eq!(shift(Op::Add64RRR, Shift::Ror, 1), OperandProblem::Shift);
    assert_eq!(shift(Op::Add32RRR, Shift::Lsl, 32), OperandProblem::Shift);
    let half = Operand::Shift(Shift::Lsl, 32);
    assert_eq!(
        problem(Op::Movz32RI, &[x0, imm(1), half]),
        OperandProblem::Shift
    );
    let extend = Operand::Extend(Extend::Uxtx, 0);
    assert_eq!(
        problem(Op::Add32RRX, &[x0, x1, x2, extend]),
        OperandProblem::Extend
    );
    assert_eq!(problem(Op::B, &[imm(2)]), OperandProblem::Displacement(2));
    assert_eq!(
        problem(Op::BCond, &[Cond::EQ.into(), imm(1 << 20)]),
        OperandProblem::Displacement(1 << 20)
    );
}

#[test]
fn bad_memory_references_are_refused() {
    let [x0, x1, x2] = [Reg::X0, Reg::X1, Reg::X2].map(Operand::Reg);
    let at = |mem: Mem| Operand::from(mem);
    let disp = |op, disp| problem(op, &[x0, at(Mem::base(Reg::X1, disp))]);
    assert_eq!(disp(Op::Ldr64Scaled, 4), OperandProblem::Displacement(4));
    assert_eq!(
        disp(Op::Ldr64Unscaled, 256),
        OperandProblem::Displacement(256)
    );
    let pre = at(Mem::pre(Reg::X0, 8));
    assert!(matches!(
        problem(Op::Ldr64Scaled, &[x0, pre]),
        OperandProblem::Kind(_)
    ));
    let index = at(Mem::indexed(Reg::X1, Reg::SP, 3));
    assert_eq!(
        problem(Op::Ldr64Index, &[x0, index]),
        OperandProblem::StackPointerAsIndex
    );
    let index = at(Mem::indexed(Reg::X1, Reg::X2, 2));
    assert_eq!(
        problem(Op::Ldr64Index, &[x0, index]),
        OperandProblem::Extend
    );
    let index = at(Mem::extended(Reg::X1, Reg::X2, Extend::Sxtb, 0));
    assert_eq!(
        problem(Op::Ldr64Index, &[x0, index]),
        OperandProblem::Extend
    );

    // What the architecture leaves open.
    assert_eq!(problem(Op::Ldr64Pre, &[x0, pre]), OperandProblem::Overlap);
    assert_eq!(
        problem(Op::Str64Post, &[x0, at(Mem::post(Reg::X0, 8))]),
        OperandProblem::Overlap
    );
    assert_eq!(
        problem(Op::Ldp64, &[x1, x1, at(Mem::base(Reg::X0, 0))]),
        OperandProblem::Overlap
    );
    assert_eq!(
        problem(Op::Stxr64, &[x1, x1, at(Mem::base(Reg::X0, 0))]),
        OperandProblem::Overlap
    );
    assert_eq!(
        problem(Op::Stxr64, &[x1, x2, at(Mem::base(Reg::X1, 0))]),
        OperandProblem::Overlap
    );
    let [v1, v2, v31, v0] = [Reg::V1, Reg::V2, Reg::V31, Reg::V0].map(Operand::Reg);
    let table = |first, second| Inst::new(Op::Tbl16BTTV, &[v1, first, second, v1]);
    assert_eq!(
        problem(Op::Tbl16BTTV, &[v1, v2, v1, v1]),
        OperandProblem::NotBehind
    );
    for (first, second) in [(v1, v2), (v31, v0)] {
        assert!(table(first, second).and_then(|inst| inst.word()).is_ok());
    }
    let stored_twice = Inst::new(Op::Stp64, &[x1, x1, at(Mem::base(Reg::X1, 0))]);
    assert!(stored_twice.and_then(|inst| inst.word()).is_ok());
    let vector = access::LDR_V64.inst(Reg::V1, Mem::post(Reg::X1, 8));
    assert!(vector.and_then(|inst| inst.word()).is_ok());
}

#[test]
fn memory_shows_its_registers_with_their_roles() {
    let roles = |op, operands: &[Operand]| {
        let inst = Inst::new(op, operands).expect("fits");
        let mut seen = Vec::new();
        inst.visit(|register, constraint| {
            seen.push(format!(
                "{register} {:?} {:?}",
                constraint.role, constraint.width
            ));
        });
        let mut mapped = Vec::new();
        inst.map_registers(|register, constraint| {
            mapped.push(format!(
                "{register} {:?} {:?}",
                constraint.role, constraint.width
            ));
            register
        });
        assert_eq!(seen, mapped);
        seen
    };
    let [x0, x1, x2] = [Reg::X0, Reg::X1, Reg::X2].map(Operand::Reg);
    assert_eq!(
        roles(Op::Ldr64Pre, &[x0, Mem::pre(Reg::X3, 8).into()]),
        ["x0 Def B64", "x3 UseDef B64"]
    );
    assert_eq!(
        roles(
            Op::Strb32Index,
            &[x0, Mem::extended(Reg::X3, Reg::X4, Extend::Sxtw, 0).into()]
        ),
        ["x0 Use B32", "x3 Use B64", "x4 Use B32"]
    );
    assert_eq!(
        roles(
            Op::Add64RRX,
            &[x0, x1, x2, Operand::Extend(Extend::Uxth, 1)]
        ),
        ["x0 Def B64", "x1 Use B64", "x2 Use B16"]
    );
    assert_eq!(
        roles(Op::Movk64RI, &[x0, Operand::Imm(1)]),
        ["x0 UseDef B64"]
    );
}
