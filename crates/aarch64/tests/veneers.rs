//! Functions that outgrow the reach of their branches, addresses and loads.
//!
//! A small model of the processor follows branches and computes addresses from the bytes alone, so
//! what is tested is where control and addresses end up, veneers included.

use cpu_time::ThreadTime;

use enjamb_aarch64::{AssembleError, Assembler, Code, Cond, Label, Op, Operand, Reg};

fn finish(assembler: Assembler) -> Code {
    assembler.finish().expect("the code can be assembled")
}

fn word(code: &Code, at: u32) -> u32 {
    let at = at as usize;
    u32::from_le_bytes(code.bytes[at..at + 4].try_into().expect("four bytes"))
}

/// `bits` bits of `word` from bit `shift` on, as a signed number.
fn signed(word: u32, shift: u32, bits: u32) -> i64 {
    i64::from((word << (32 - shift - bits)) as i32 >> (32 - bits))
}

fn plus(at: u32, distance: i64) -> u32 {
    u32::try_from(i64::from(at) + distance).expect("an offset in the code")
}

/// Where a conditional branch at `at` leads if its condition holds, and if not.
fn branches(code: &Code, at: u32) -> (u32, u32) {
    let inst = word(code, at);
    let distance = match inst >> 24 {
        0x54 | 0x34 | 0x35 | 0xB4 | 0xB5 => 4 * signed(inst, 5, 19),
        0x36 | 0x37 | 0xB6 | 0xB7 => 4 * signed(inst, 5, 14),
        other => panic!("{other:#x} is no conditional branch"),
    };
    (plus(at, distance), at + 4)
}

/// Follows unconditional branches.
fn follow(code: &Code, mut at: u32) -> u32 {
    while word(code, at) >> 26 == 0b000101 {
        at = plus(at, 4 * signed(word(code, at), 0, 26));
    }
    at
}

/// Whether the instruction has the opposite condition of that in the form.
fn is_inverted(code: &Code, at: u32, kind: u32) -> bool {
    let inst = word(code, at);
    match kind {
        0 => inst & 1 == 1,
        _ => inst >> 24 & 1 == 1,
    }
}

/// Emits a conditional branch: on flags, on a register, on a bit, by `kind`.
fn branch(assembler: &mut Assembler, kind: u32, label: Label) {
    match kind {
        0 => assembler.jcc(Cond::EQ, label),
        1 => assembler.op(Op::Cbz64R, &[Reg::X7.into(), label.into()]),
        _ => assembler.op(
            Op::Tbz64RI,
            &[Reg::X7.into(), Operand::Imm(40), label.into()],
        ),
    }
}

/// Where the branch at `at` leads if what it was emitted for holds.
fn taken(code: &Code, at: u32, kind: u32) -> u32 {
    let (holds, fails) = branches(code, at);
    follow(
        code,
        if is_inverted(code, at, kind) {
            fails
        } else {
            holds
        },
    )
}

/// The largest distances of the kinds of [`branch`].
const AHEAD: [usize; 3] = [(1 << 20) - 4, (1 << 20) - 4, (1 << 15) - 4];

#[test]
fn branches_ahead_reach_at_any_distance() {
    for kind in 0..3 {
        let reach = AHEAD[kind as usize];
        for between in [
            0,
            reach - 4096,
            reach - 128,
            reach - 4,
            reach,
            reach + 4,
            2 * reach,
            5 << 20,
        ] {
            let mut assembler = Assembler::new();
            let label = assembler.new_label();
            branch(&mut assembler, kind, label);
            assembler.nop(between);
            assembler.bind(label);
            assembler.op(Op::Ret, &[]);
            let code = finish(assembler);
            let target = code.offset(label).expect("the label is bound");
            assert_eq!(taken(&code, 0, kind), target, "{kind}: {between}");
            // What is not taken, and the branch around the island, lead on to the label too.
            let mut at = 4;
            while at < target {
                at = follow(&code, at);
                at += if at < target { 4 } else { 0 };
            }
            assert_eq!(at, target);
            let veneers = code.bytes.len() - 8 - between;
            assert_eq!(
                veneers > 0,
                between > reach - 128,
                "{kind}: {between}: {veneers}"
            );
        }
    }
}

#[test]
fn branches_back_reach_at_any_distance() {
    for kind in 0..3 {
        let reach = AHEAD[kind as usize] + 4;
        for (between, size) in [(0, 4), (reach, 4), (reach + 4, 8), (5 << 20, 8)] {
            let mut assembler = Assembler::new();
            let label = assembler.mark();
            assembler.nop(between);
            branch(&mut assembler, kind, label);
            let code = finish(assembler);
            assert_eq!(code.bytes.len(), between + size, "{kind}");
            let at = between as u32;
            let leads_back = if size == 4 {
                branches(&code, at).0
            } else {
                taken_back(&code, at, kind)
            };
            assert_eq!(leads_back, 0);
        }
    }
}

/// Where an inverted branch over an unconditional one leads if its own condition does not hold.
fn taken_back(code: &Code, at: u32, kind: u32) -> u32 {
    assert!(is_inverted(code, at, kind));
    let (holds, fails) = branches(code, at);
    assert_eq!(holds, at + 8);
    plus(fails, 4 * signed(word(code, fails), 0, 26))
}

/// The address that `adr` at `at` and what follows it put into its register, and where it goes on.
fn address(code: &Code, at: u32) -> (i64, u32) {
    let start = follow(code, at);
    let adr = word(code, start);
    assert_eq!(adr >> 24 & 0x9F, 0x10, "an adr");
    let low = i64::from(adr >> 29 & 3);
    let mut value = i64::from(start) + (signed(adr, 5, 19) << 2 | low);
    let mut next = start + 4;
    let add = word(code, next);
    let is_same = |add: u32| add & 31 == adr & 31 && add >> 5 & 31 == adr & 31;
    // Shifted by 12, or an addition of zero.
    if matches!(add >> 22, 0x244 | 0x245 | 0x345) && is_same(add) {
        let high = i64::from(add >> 10 & 0xFFF) << 12;
        assert!(add >> 22 & 1 == 1 || high == 0);
        value += if add >> 30 & 1 == 1 { -high } else { high };
        next += 4;
    }
    (value, follow(code, next))
}

#[test]
fn addresses_reach_16_mib_in_both_directions() {
    for between in [
        0,
        4,
        (1 << 20) - 5000,
        1 << 20,
        (1 << 20) + 4,
        5 << 20,
        (16 << 20) - 4096,
    ] {
        let mut assembler = Assembler::new();
        let (back, ahead) = (assembler.mark(), assembler.new_label());
        assembler.lea_label(Reg::X9, ahead);
        let behind = assembler.mark();
        assembler.nop(between);
        assembler.bind(ahead);
        let last = assembler.mark();
        assembler.lea_label(Reg::X9, back);
        assembler.op(Op::Ret, &[]);
        let code = finish(assembler);
        let offset = |label| code.offset(label).expect("the label is bound");
        let (value, next) = address(&code, 0);
        assert_eq!(
            (value, next),
            (i64::from(offset(ahead)), offset(behind)),
            "{between}"
        );
        assert_eq!(address(&code, offset(last)).0, 0, "{between}");
    }
    let mut assembler = Assembler::new();
    let (back, ahead) = (assembler.mark(), assembler.new_label());
    assembler.lea_label(Reg::X9, ahead);
    assembler.nop(17 << 20);
    assembler.bind(ahead);
    assembler.lea_label(Reg::X9, back);
    assert_eq!(
        assembler.finish().err(),
        Some(AssembleError::Distance(back))
    );
}

/// The place that a load at `at` reads.
fn loaded(code: &Code, at: u32) -> u32 {
    plus(at, 4 * signed(word(code, at), 5, 19))
}

#[test]
fn constants_are_in_reach_of_every_load() {
    let mut assembler = Assembler::new();
    let constants: Vec<Label> = (0..100u64)
        .map(|value| assembler.constant(&(!value).to_le_bytes()))
        .collect();
    let wide = assembler.constant(&[7; 16]);
    let mut loads = Vec::new();
    for turn in 0..600 {
        let number = turn * 7 % 100;
        loads.push((assembler.mark(), !(number as u64)));
        assembler.op(
            Op::Ldr64Literal,
            &[Reg::X1.into(), constants[number].into()],
        );
        assembler.op(Op::LdrV128Literal, &[Reg::V1.into(), wide.into()]);
        assembler.nop(8000);
    }
    let code = finish(assembler);
    for (label, value) in loads {
        let at = code.offset(label).expect("the label is bound");
        // An island may stand before what the label was bound for.
        let at = follow(&code, at);
        let place = loaded(&code, at) as usize;
        assert_eq!(place % 8, 0);
        assert_eq!(code.bytes[place..place + 8], value.to_le_bytes());
        let place = loaded(&code, at + 4) as usize;
        assert_eq!(code.bytes[place..place + 16], [7; 16]);
    }
    // Some five copies of some hundred constants.
    assert!(code.bytes.len() < 600 * 8008 + 6000);
}

#[test]
fn a_load_of_what_is_no_constant_may_be_out_of_reach() {
    let mut assembler = Assembler::new();
    let label = assembler.new_label();
    assembler.op(Op::Ldr64Literal, &[Reg::X1.into(), label.into()]);
    assembler.nop(3 << 20);
    assembler.bind(label);
    assert_eq!(
        assembler.finish().err(),
        Some(AssembleError::Distance(label))
    );
}

/// An island behind data of odd size is padded, so whatever waits for it reaches its label.
#[test]
fn data_of_odd_size_may_stand_in_front_of_an_island() {
    for odd in 0..4 {
        for kind in 0..5 {
            // The data begins right behind the reference, or shortly before nothing else is in reach of it.
            let reach = if kind == 2 { 1 << 15 } else { 1 << 20 };
            for before in [0, reach - 96, reach - 48, reach - 40] {
                let mut assembler = Assembler::new();
                let label = assembler.new_label();
                match kind {
                    0..=2 => branch(&mut assembler, kind, label),
                    3 => assembler.lea_label(Reg::X9, label),
                    _ => {
                        let constant = assembler.constant(&[7; 16]);
                        assembler.op(Op::LdrV128Literal, &[Reg::V1.into(), constant.into()]);
                    }
                }
                assembler.nop(before);
                for _ in 0..16 {
                    assembler.data(&vec![0xA5; odd]);
                }
                assembler.data(&vec![0; 1 << 20]);
                assembler.data(&vec![0xA5; odd]);
                assembler.align(4);
                assembler.bind(label);
                assembler.op(Op::Ret, &[]);
                let code = finish(assembler);
                let target = code.offset(label).expect("the label is bound");
                // Behind the reference there may be an island at once.
                let next = follow(&code, 4);
                match kind {
                    0..=2 => assert_eq!(taken(&code, 0, kind), target, "{kind}: {odd}, {before}"),
                    3 => assert_eq!(
                        address(&code, 0),
                        (i64::from(target), next),
                        "{odd}, {before}"
                    ),
                    _ => {
                        let place = loaded(&code, 0) as usize;
                        assert_eq!(code.bytes[place..place + 16], [7; 16], "{odd}, {before}");
                    }
                }
            }
        }
    }
}

#[test]
fn an_island_does_not_hide_that_an_instruction_is_not_aligned() {
    // The second is as much data as there may be before an instruction needs an island.
    for size in [3, (1 << 20) - 35] {
        let mut assembler = Assembler::new();
        let label = assembler.new_label();
        branch(&mut assembler, 0, label);
        assembler.data(&vec![0; size]);
        assembler.op(Op::Ret, &[]);
        assembler.bind(label);
        let at = 4 + size as u32;
        assert_eq!(
            assembler.finish().err(),
            Some(AssembleError::Misaligned(at))
        );
    }
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

/// Branches, addresses and loads of constants to places up to `spread` labels away.
fn random_code(seed: u64, count: usize, spread: usize) -> (Code, Vec<(Label, usize, u32)>) {
    let mut random = Random(seed);
    let mut assembler = Assembler::with_labels(count as u32);
    let mut references = Vec::new();
    for index in 0..count {
        assembler.bind(Label::from_index(index as u32));
        let target = (index + random.below(2 * spread))
            .saturating_sub(spread)
            .min(count - 1);
        let kind = random.below(5) as u32;
        // The first label at or behind the island that may come.
        assembler.reserve(16);
        references.push((assembler.mark(), target, kind));
        let label = Label::from_index(target as u32);
        match kind {
            0..=2 => branch(&mut assembler, kind, label),
            3 => assembler.lea_label(Reg::X9, label),
            _ => {
                let constant = assembler.constant(&(target as u64).to_le_bytes());
                assembler.op(Op::Ldr64Literal, &[Reg::X1.into(), constant.into()]);
            }
        }
        assembler.nop(4 * random.below(20));
        if random.below(100) == 0 {
            assembler.align(1 << random.below(13));
        }
        if random.below(1000) == 0 {
            assembler.data(&vec![0; random.below(80_000)]);
            assembler.align(4);
        }
    }
    (finish(assembler), references)
}

#[test]
fn random_references_reach_what_they_refer_to() {
    for (seed, count, spread) in [(1, 20_000, 30), (2, 20_000, 2000), (3, 40_000, 40_000)] {
        let (code, references) = random_code(seed, count, spread);
        for (at, target, kind) in references {
            let at = code.offset(at).expect("the label is bound");
            let goal = code
                .offset(Label::from_index(target as u32))
                .expect("the label is bound");
            match kind {
                // A target can itself be the branch around an island.
                0..=2 => assert_eq!(taken(&code, at, kind), follow(&code, goal)),
                3 => assert_eq!(address(&code, at).0, i64::from(goal)),
                _ => {
                    let place = loaded(&code, at) as usize;
                    assert_eq!(code.bytes[place..place + 8], (target as u64).to_le_bytes());
                }
            }
        }
    }
}

#[test]
fn reserved_bytes_stay_together() {
    for before in (31_000..33_000).step_by(28) {
        let mut assembler = Assembler::new();
        let label = assembler.new_label();
        branch(&mut assembler, 2, label);
        assembler.nop(before);
        assembler.reserve(400);
        let start = assembler.mark();
        for _ in 0..100 {
            branch(&mut assembler, 2, label);
        }
        let end = assembler.mark();
        assembler.nop(40_000);
        assembler.bind(label);
        assembler.op(Op::Ret, &[]);
        let code = finish(assembler);
        let offset = |label| code.offset(label).expect("the label is bound");
        assert_eq!(offset(end) - offset(start), 400);
        for at in (offset(start)..offset(end)).step_by(4).chain([0]) {
            assert_eq!(taken(&code, at, 2), offset(label));
        }
    }
}

#[test]
fn tables_and_data_are_not_torn_apart() {
    for before in (32_400..32_900).step_by(12) {
        let mut assembler = Assembler::new();
        let label = assembler.new_label();
        branch(&mut assembler, 2, label);
        assembler.nop(before);
        let table = assembler.label_address_table(&[label; 50]);
        let end = assembler.mark();
        assembler.bind(label);
        assembler.op(Op::Ret, &[]);
        let code = finish(assembler);
        let offset = |label| code.offset(label).expect("the label is bound");
        assert_eq!(offset(end) - offset(table), 200);
        assert_eq!(word(&code, offset(table)), offset(label) - offset(table));
        assert_eq!(taken(&code, 0, 2), offset(label));
    }
}

/// Looking at every waiting reference at each island, or at each label, would show as a hundred times
/// the time here.
#[test]
fn ten_times_the_references_take_about_ten_times_the_time() {
    let time = |turns| {
        let runs = (0..3).map(|_| {
            let start = ThreadTime::now();
            many_references(turns);
            start.elapsed()
        });
        runs.min().unwrap_or_default()
    };
    let (small, large) = (time(20_000), time(200_000));
    assert!(large < small * 40, "{small:?} became {large:?}");
}

/// Two references in each turn: one to the far end, and one to what comes next.
fn many_references(turns: u32) {
    let mut assembler = Assembler::new();
    let far = assembler.new_label();
    for turn in 0..turns {
        branch(&mut assembler, turn % 3, far);
        let near = assembler.new_label();
        branch(&mut assembler, 2, near);
        assembler.bind(near);
    }
    assembler.bind(far);
    assembler.op(Op::Ret, &[]);
    let code = finish(assembler);
    assert_eq!(
        taken(&code, 0, 0),
        code.offset(far).expect("the label is bound")
    );
}
