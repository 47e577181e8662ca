//! Instructions of every form, with operands at the corners of the encoding.

use enjamb_x64::{Inst, Kind, Mem, Op, Operand, OperandForm, Reg, RegClass, Scale, Width};

/// Displacements on both sides of each border between sizes.
const DISPLACEMENTS: [i32; 9] = [0, 1, -1, 127, -128, 128, -129, i32::MAX, i32::MIN];

/// Memory references: each base with each displacement, each pair of base and index, and each
/// index without a base; scales and displacements take turns.
pub fn memory_references() -> Vec<Mem<Reg>> {
    let registers = || (0..16).map(Reg::gpr);
    let indexes = || registers().filter(|register| *register != Reg::RSP);
    let mut turn = 0;
    let mut next = || {
        turn += 1;
        (Scale::ALL[turn % 4], DISPLACEMENTS[turn % 9])
    };
    let mut references = Vec::new();
    for base in registers() {
        references.extend(DISPLACEMENTS.map(|disp| Mem::base(base, disp)));
        for index in indexes() {
            let (scale, disp) = next();
            references.push(Mem::indexed(base, index, scale, disp));
        }
    }
    for index in indexes() {
        for scale in Scale::ALL {
            references.push(Mem::scaled(index, scale, next().1));
        }
    }
    references.extend(DISPLACEMENTS.map(Mem::absolute));
    references
}

/// Values at the bounds of the field of an immediate.
fn immediates(op: Op, width: Width) -> Vec<i64> {
    let encoding = &op.info().encoding;
    let bits = 8 * u32::from(encoding.immediate_bytes + encoding.distance_bytes);
    let largest = i64::MAX >> (64 - bits);
    let mut values = vec![0, 1, -1, largest, -largest - 1];
    if bits == u32::from(width.bits()) && bits < 64 {
        values.push(2 * largest + 1);
    }
    values
}

/// Samples of one form: every value that each operand can take, the other operands taking turns.
/// Operands of the same form that are registers meet in every pair.
pub fn samples(op: Op, references: &[Mem<Reg>]) -> Vec<Inst<Reg>> {
    let shown: Vec<&OperandForm> = op
        .info()
        .operands
        .iter()
        .filter(|operand| !matches!(operand.kind, Kind::Fixed(_)))
        .collect();
    let choices: Vec<Vec<Operand>> = shown
        .iter()
        .map(|operand| operands(op, operand, references))
        .collect();
    let count = choices.iter().map(Vec::len).max().unwrap_or(1);
    let mut samples = Vec::new();
    for turn in 0..count.max(256 * usize::from(shown.len() > 1)) {
        let mut operands = Vec::new();
        for (place, choices) in choices.iter().enumerate() {
            // The second operand advances one step further each time the first has gone round.
            let step = turn + place * (turn / 16);
            operands.push(choices[step % choices.len()]);
        }
        samples.push(Inst::physical(op, &operands).expect("samples fit their form"));
    }
    samples
}

fn operands(op: Op, operand: &OperandForm, references: &[Mem<Reg>]) -> Vec<Operand> {
    let registers = |class| {
        (0..16).map(move |encoding| match class {
            RegClass::Gpr => Operand::Reg(Reg::gpr(encoding)),
            RegClass::Xmm => Operand::Reg(Reg::xmm(encoding)),
        })
    };
    let memory = || references.iter().map(|mem| Operand::Mem(*mem));
    match operand.kind {
        Kind::Register(class) | Kind::RegisterInMemoryField(class) => registers(class).collect(),
        Kind::RegisterOrMemory(class) => registers(class).chain(memory()).collect(),
        Kind::Memory | Kind::Address => memory().collect(),
        Kind::Immediate | Kind::Target => immediates(op, operand.width)
            .into_iter()
            .map(Operand::Imm)
            .collect(),
        Kind::Fixed(_) => Vec::new(),
    }
}
