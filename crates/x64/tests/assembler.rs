//! Labels, jump sizes, alignment, tables, constants, relocations, listings and errors.

use cpu_time::ThreadTime;

use enjamb_x64::{
    AssembleError, Assembler, Code, Cond, Feature, Inst, Label, Mem, Op, Operand, OperandError,
    OperandProblem, Reg, Reloc, RelocationKind, Scale, Width, sized,
};
use iced_x86::{Decoder, DecoderOptions, FlowControl};

fn finish(assembler: Assembler) -> Code {
    assembler.finish().expect("the code can be assembled")
}

/// The targets of the jumps of `code`, in order, found by the disassembler.
fn jump_targets(code: &Code) -> Vec<u32> {
    Decoder::new(64, &code.bytes, DecoderOptions::NONE)
        .iter()
        .inspect(|inst| assert!(!inst.is_invalid()))
        .filter(|inst| {
            matches!(
                inst.flow_control(),
                FlowControl::UnconditionalBranch | FlowControl::ConditionalBranch
            )
        })
        .map(|inst| inst.near_branch_target() as u32)
        .collect()
}

#[test]
fn a_forward_jump_is_short_up_to_127_bytes() {
    for (between, size) in [(0, 2), (126, 2), (127, 2), (128, 5), (100_000, 5)] {
        let mut assembler = Assembler::new();
        let label = assembler.new_label();
        assembler.jmp(label);
        assembler.nop(between);
        assembler.bind(label);
        let code = finish(assembler);
        assert_eq!(code.bytes.len(), size + between);
        assert_eq!(code.offset(label), Some((size + between) as u32));
        assert_eq!(jump_targets(&code), [(size + between) as u32]);
    }
}

#[test]
fn a_backward_jump_is_short_up_to_128_bytes() {
    // The distance counts from the end of the jump, which takes two bytes of the 128.
    for (between, size) in [(0, 2), (125, 2), (126, 2), (127, 6), (100_000, 6)] {
        let mut assembler = Assembler::new();
        let label = assembler.mark();
        assembler.nop(between);
        assembler.jcc(Cond::NE, label);
        let code = finish(assembler);
        assert_eq!(code.bytes.len(), size + between);
        assert_eq!(jump_targets(&code), [0]);
    }
}

/// A chain of jumps, each over the next one and with its label just in reach; the label of the last
/// one is just in reach or just out of it.
fn chain(length: usize, is_last_long: bool) -> (Code, Vec<Label>) {
    let mut assembler = Assembler::new();
    let mut targets = Vec::new();
    for _ in 0..length {
        let label = assembler.new_label();
        assembler.jcc(Cond::E, label);
        targets.push(label);
        // From a jump to its label: 50 + 25 bytes, the next jump in 2, and 50 bytes.
        assembler.nop(50);
        if targets.len() >= 2 {
            assembler.bind(targets[targets.len() - 2]);
        }
        assembler.nop(25);
    }
    assembler.nop(if is_last_long { 53 } else { 52 });
    assembler.bind(targets[length - 1]);
    (finish(assembler), targets)
}

#[test]
fn a_jump_that_grows_pushes_the_one_before_it() {
    let length = 1000;
    let bytes_between = length * 75;
    let (short, targets) = chain(length, false);
    assert_eq!(short.bytes.len(), bytes_between + 52 + 2 * length);
    let offsets: Vec<_> = targets
        .iter()
        .map(|label| short.offset(*label).unwrap())
        .collect();
    assert_eq!(jump_targets(&short), offsets);

    let (long, targets) = chain(length, true);
    assert_eq!(long.bytes.len(), bytes_between + 53 + 6 * length);
    let offsets: Vec<_> = targets
        .iter()
        .map(|label| long.offset(*label).unwrap())
        .collect();
    assert_eq!(jump_targets(&long), offsets);
}

/// A small generator of pseudo-random numbers (a linear congruence modulo 2^64).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (self.0 >> 33) as usize % bound
    }
}

/// Jumps to labels nearby, of which `alignment` asks for an alignment now and then.
fn random_code(seed: u64, count: usize, alignment: bool) -> (Code, Vec<Label>) {
    let mut random = Random(seed);
    let mut assembler = Assembler::with_labels(count as u32);
    let mut targets = Vec::new();
    for index in 0..count {
        if alignment && random.below(20) == 0 {
            assembler.align(16);
        }
        assembler.bind(Label::from_index(index as u32));
        assembler.nop(random.below(8));
        let target = (index + random.below(50)).saturating_sub(25).min(count - 1);
        let target = Label::from_index(target as u32);
        targets.push(target);
        match random.below(3) {
            0 => assembler.jmp(target),
            _ => assembler.jcc(Cond::ALL[random.below(16)], target),
        }
    }
    (finish(assembler), targets)
}

#[test]
fn random_jumps_reach_their_labels() {
    for seed in 0..50 {
        let (code, targets) = random_code(seed, 500, seed % 2 == 0);
        let offsets: Vec<_> = targets
            .iter()
            .map(|label| code.offset(*label).unwrap())
            .collect();
        assert_eq!(jump_targets(&code), offsets);
    }
}

#[test]
fn long_jumps_are_out_of_reach_without_alignment() {
    for seed in 0..50 {
        let (code, _) = random_code(seed, 500, false);
        for inst in Decoder::new(64, &code.bytes, DecoderOptions::NONE).iter() {
            if inst.is_jcc_near() || inst.is_jmp_near() {
                let distance = inst.near_branch_target() as i64 - inst.next_ip() as i64;
                // As a short jump this one would end 3 or 4 bytes earlier, and its label, if it
                // lies ahead, be as much nearer to the start: forward distances stay the same.
                let growth = inst.len() as i64 - 2;
                let short = if distance < 0 {
                    distance + growth
                } else {
                    distance
                };
                assert!(i8::try_from(short).is_err(), "seed {seed}: {inst}");
            }
        }
    }
}

/// Rounds over all jumps, one per link of the chain, would show as a hundred times the time here.
#[test]
fn ten_times_the_jumps_take_about_ten_times_the_time() {
    let time = |jumps| {
        let runs = (0..3).map(|_| {
            let start = ThreadTime::now();
            let (code, _) = chain(jumps, true);
            assert_eq!(code.bytes.len(), 53 + 81 * jumps);
            let (code, _) = random_code(7, jumps, true);
            assert!(code.bytes.len() > 2 * jumps);
            start.elapsed()
        });
        runs.min().unwrap_or_default()
    };
    let (small, large) = (time(10_000), time(100_000));
    assert!(large < small * 40, "{small:?} became {large:?}");
}

#[test]
fn alignment_pads_with_whole_instructions() {
    for before in 0..40 {
        let mut assembler = Assembler::new();
        let label = assembler.new_label();
        assembler.jmp(label);
        assembler.nop(before);
        assembler.align(16);
        assembler.bind(label);
        assembler.op(Op::Ret, &[]);
        let code = finish(assembler);
        let offset = code.offset(label).expect("the label is bound");
        assert_eq!(offset % 16, 0);
        assert_eq!(code.alignment, 16);
        assert_eq!(jump_targets(&code), [offset]);
    }
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
    let start = code.offset(table).expect("the table is placed") as usize;
    assert_eq!(start, 208);
    let entry = |index: usize| {
        let at = start + 4 * index;
        i32::from_le_bytes(code.bytes[at..at + 4].try_into().expect("four bytes"))
    };
    assert_eq!([entry(0), entry(1)], [205 - 208, -208]);
}

#[test]
fn equal_constants_share_a_place_after_the_code() {
    let mut assembler = Assembler::new();
    let half = assembler.constant(&0.5f32.to_le_bytes());
    let mask = assembler.constant(&[0xFF; 16]);
    let wide = assembler.constant(&2.5f64.to_le_bytes());
    assert_eq!(assembler.constant(&0.5f32.to_le_bytes()), half);
    assembler.op(Op::MovssXM, &[Reg::XMM1.into(), Mem::label(half).into()]);
    // An immediate behind the field moves the end from which the processor counts.
    let compare = [Reg::XMM1.into(), Mem::label(half).into(), Operand::Imm(1)];
    assembler.op(Op::CmpssXMI, &compare);
    let code = finish(assembler);
    let offset = |label| code.offset(label).expect("constants are placed");
    assert_eq!([offset(mask), offset(wide), offset(half)], [32, 48, 56]);
    assert_eq!(code.bytes.len(), 60);
    for inst in Decoder::new(64, &code.bytes[..17], DecoderOptions::NONE).iter() {
        assert_eq!(
            inst.ip_rel_memory_address(),
            u64::from(offset(half)),
            "{inst}"
        );
    }
}

#[test]
fn symbols_become_relocations() {
    let mut assembler = Assembler::new();
    let over = assembler.new_label();
    assembler.jmp(over);
    assembler.nop(300);
    assembler.bind(over);
    assembler.call_symbol(7);
    assembler.lea_symbol(Reg::R9, 8);
    assembler.mov_symbol(Reg::RAX, 9);
    assembler.jmp_symbol(10);
    assembler.data_symbol(11, 24);
    let code = finish(assembler);
    let relocation = |offset, kind, symbol, addend| Reloc {
        offset,
        kind,
        symbol,
        addend,
    };
    let (relative, absolute) = (RelocationKind::Rel32, RelocationKind::Abs64);
    assert_eq!(
        code.relocations,
        [
            relocation(306, relative, 7, -4),
            relocation(313, relative, 8, -4),
            relocation(319, absolute, 9, 0),
            relocation(328, relative, 10, -4),
            relocation(332, absolute, 11, 24),
        ]
    );
    let texts: Vec<String> = Decoder::new(64, &code.bytes[305..332], DecoderOptions::NONE)
        .iter()
        .map(|inst| inst.to_string())
        .collect();
    assert!(texts[1].starts_with("lea r9,"), "{texts:?}");
    assert!(texts[2].starts_with("mov rax,"), "{texts:?}");
}

#[test]
fn a_listing_shows_every_byte_once() {
    let mut assembler = Assembler::new();
    assembler.keep_listing();
    let head = assembler.mark();
    assembler.comment(|| "count down".to_owned());
    assembler.op(Op::Sub64MI8, &[Reg::RAX.into(), Operand::Imm(1)]);
    assembler.jcc(Cond::NE, head);
    assembler.call_symbol(3);
    let end = assembler.new_label();
    assembler.bind(end);
    assembler.op(Op::Ret, &[]);
    let code = finish(assembler);
    let bytes: Vec<u8> = code
        .listing()
        .lines
        .iter()
        .flat_map(|line| line.bytes.clone())
        .collect();
    assert_eq!(bytes, code.bytes);
    let text = code.listing().to_string();
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    assert_eq!(
        lines,
        [
            "; count down",
            "000000  48 83 e8 01                     sub rax, 1",
            "000004  75 fa                           jne L0",
            "000006  e8 00 00 00 00                  call symbol 3",
            "L1:",
            "00000b  c3                              ret",
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
    assert!(matches!(
        error(&|assembler| {
            let label = assembler.new_label();
            assembler.jmp(label);
        }),
        AssembleError::Unbound(_)
    ));
    assert!(matches!(
        error(&|assembler| {
            let label = assembler.mark();
            assembler.bind(label);
            assembler.jmp(Label::from_index(99));
        }),
        AssembleError::BoundTwice(_)
    ));
    let foreign = Label::from_index(99);
    assert_eq!(
        error(&|assembler| assembler.call(foreign)),
        AssembleError::Foreign(foreign)
    );
    assert_eq!(
        error(&|assembler| assembler.bind(foreign)),
        AssembleError::Foreign(foreign)
    );
    assert_eq!(
        error(&|assembler| assembler.align(24)),
        AssembleError::Alignment(24)
    );
    assert!(matches!(
        error(&|assembler| {
            assembler.constant(&[0; 5]);
        }),
        AssembleError::ConstantSize(5)
    ));
    let wrong = error(&|assembler| assembler.op(Op::Add64RM, &[Reg::RAX.into(), Reg::XMM1.into()]));
    assert_eq!(
        wrong.to_string(),
        "instruction 1: Add64RM (`add`): operand 1: a general register wanted"
    );
}

#[test]
fn bad_operands_are_refused() {
    let problem = |result: Result<Inst, OperandError>| {
        let error = result
            .and_then(|inst| inst.encode(&mut Vec::new()))
            .expect_err("refused");
        error.problem
    };
    let rax = Operand::Reg(Reg::RAX);
    assert_eq!(
        problem(Inst::new(Op::Add64RM, &[rax])),
        OperandProblem::Count(1)
    );
    assert!(matches!(
        problem(Inst::ri(Op::Add64MI, Reg::RAX, 1 << 31)),
        OperandProblem::Immediate {
            field_bytes: 4,
            width: Width::B64,
            ..
        }
    ));
    assert!(matches!(
        problem(Inst::ri(Op::Mov8RI, Reg::RAX, 256)),
        OperandProblem::Immediate { .. }
    ));
    let index = Mem::indexed(Reg::RAX, Reg::RSP, Scale::Two, 0);
    assert_eq!(
        problem(Inst::rm(Op::Add64RM, Reg::RAX, index)),
        OperandProblem::StackPointerAsIndex
    );
    let mut label = Mem::label(Label::from_index(0));
    label.index = Some((Reg::RAX, Scale::One));
    assert_eq!(
        problem(Inst::rm(Op::Add64RM, Reg::RAX, label)),
        OperandProblem::IndexWithLabel
    );
    let by_rbx = Inst::new(Op::Shl64MC, &[rax, Operand::Reg(Reg::RBX)]);
    assert_eq!(problem(by_rbx), OperandProblem::Fixed(Reg::RCX));
    let short = Inst::new(Op::JmpRel8, &[Operand::Label(Label::from_index(0))]);
    assert_eq!(problem(short), OperandProblem::ShortJumpToLabel);
    assert!(matches!(
        problem(Inst::rr(Op::Lea64RM, Reg::RAX, Reg::RBX)),
        OperandProblem::Kind(_)
    ));
    assert!(
        Inst::rr(Op::Add64RM, Reg(200), Reg(77))
            .unwrap()
            .encode(&mut Vec::new())
            .is_err()
    );
}

#[test]
fn immediates_get_their_shortest_form() {
    let op = |width, value| {
        let inst = Inst::ri(sized::ADD_MI.at(width), Reg::RAX, value).expect("the value fits");
        inst.op()
    };
    assert_eq!(op(Width::B64, 127), Op::Add64MI8);
    assert_eq!(op(Width::B64, 128), Op::Add64MI);
    assert_eq!(op(Width::B64, -128), Op::Add64MI8);
    assert_eq!(op(Width::B32, 0xFFFF_FFFF), Op::Add32MI8);
    assert_eq!(op(Width::B16, 0xFF80), Op::Add16MI8);
    assert_eq!(op(Width::B8, 255), Op::Add8MI);
    let moves = [
        (0, Op::Mov32RI),
        (1 << 31, Op::Mov32RI),
        (-1, Op::Mov64MI),
        (1 << 32, Op::Mov64RI),
    ];
    for (value, op) in moves {
        assert_eq!(Inst::move_immediate(Reg::RAX, value).op(), op);
    }
}

#[test]
fn conditions_choose_their_forms() {
    for cond in Cond::ALL {
        let mnemonic = |op: Op| op.info().mnemonic;
        let name = format!("{cond:?}").to_lowercase();
        assert_eq!(mnemonic(Op::jcc(cond)), format!("j{name}"));
        assert_eq!(mnemonic(Op::jcc_short(cond)), format!("j{name}"));
        assert_eq!(mnemonic(Op::setcc(cond)), format!("set{name}"));
        for width in [Width::B32, Width::B64] {
            let op = Op::cmov(width, cond);
            assert_eq!(mnemonic(op), format!("cmov{name}"));
            assert_eq!(op.info().operands[0].width, width);
        }
        assert_eq!(Op::jcc(cond).jump_condition(), Some(Some(cond)));
        assert_eq!(Op::jcc_short(cond).jump_condition(), Some(Some(cond)));
        assert_eq!(cond.invert().invert(), cond);
        assert_ne!(cond.invert(), cond);
        let swapped = cond.swap_operands();
        assert!(swapped.is_none_or(|swapped| swapped.swap_operands() == Some(cond)));
    }
    assert_eq!(Op::JmpRel32.jump_condition(), Some(None));
    assert_eq!(Op::CallRel32.jump_condition(), None);
}

#[test]
fn spilled_operands_become_memory() {
    let add = Inst::rr(Op::Add64RM, 1u32, 2u32).expect("two registers");
    let mut is_memory = Vec::new();
    add.visit(|_, constraint| is_memory.push(constraint.memory));
    assert_eq!(is_memory, [false, true]);
    let slot = Mem::base(Reg::RBP, -8);
    let assign = |register, _| match register {
        1 => Operand::Reg(Reg::RAX),
        _ => Operand::Mem(slot),
    };
    let spilled = add
        .map_operands(assign, |_| Reg::RBX)
        .expect("memory is allowed");
    assert_eq!(spilled.to_string(), "add rax, qword ptr [rbp-8]");
    let refused = add.map_operands(|_, _| Operand::Mem(slot), |_| Reg::RBX);
    assert!(matches!(refused.map_err(|error| error.operand), Err(0)));
    assert_eq!(Op::Popcnt64RM.info().feature, Feature::Popcnt);
}
