//! Instructions of every form, with operands at the corners of the encoding.

use enjamb_aarch64::{
    Addressing, Barrier, Cond, Extend, Field, Immediate, Inst, Kind, Mem, Op, Operand, OperandForm,
    Reach, Reg, Registers, Shift, SystemRegister, Table, Width, immediate,
};

/// Samples of one form: every value that each operand can take, the other operands taking turns.
/// Each register stands in each place, and each immediate at both ends of its field.
#[allow(dead_code, reason = "the fuzz target takes any operands together")]
pub fn samples(op: Op) -> Vec<Inst<Reg>> {
    let forms = op.info().operands;
    let choices: Vec<Vec<Operand>> = forms.iter().map(operands).collect();
    let longest = choices.iter().map(Vec::len).max().unwrap_or(1);
    let count = if forms.len() > 1 {
        longest.max(64)
    } else {
        longest
    };
    let mut samples = Vec::new();
    for turn in 0..count {
        let at = |place: usize| {
            // Each operand goes round with a step of its own, so that all pairs of neighbours differ.
            let choices = &choices[place];
            choices[(turn + place * (1 + turn / choices.len())) % choices.len()]
        };
        let mut operands: Vec<Operand> = (0..forms.len()).map(at).collect();
        fit_size(op, &mut operands);
        fit_table(op, &mut operands);
        let inst = Inst::new(op, &operands).unwrap_or_else(|error| panic!("{error}: {operands:?}"));
        // Registers that a form must have apart are left out.
        samples.extend(inst.word().is_ok().then_some(inst));
    }
    assert!(samples.len() * 2 > count, "{op:?}");
    samples
}

/// Makes the size of a bit field fit above its lowest bit.
pub fn fit_size(op: Op, operands: &mut [Operand]) {
    let forms = op.info().operands;
    let Some(last) = forms.last() else { return };
    let is_size = matches!(
        last.kind,
        Kind::Immediate(Immediate::InsertSize | Immediate::ExtractSize)
    );
    if let ([.., Operand::Imm(lowest), Operand::Imm(size)], true) = (operands, is_size) {
        let most = i64::from(last.width.bits()).saturating_sub(*lowest);
        *size = (*size).clamp(1, most.max(1));
    }
}

/// Puts the second half of a table into the register behind the first.
pub fn fit_table(op: Op, operands: &mut [Operand]) {
    let forms = op.info().operands.iter().map(|form| form.kind);
    let second = |kind| matches!(kind, Kind::Register(registers, _) if registers == Registers::Table(Table::Second));
    if let Some(index) = forms.into_iter().position(second)
        && let Operand::Reg(first) = operands[index - 1]
    {
        operands[index] = Operand::Reg(Reg::vector(first.encoding() + 1));
    }
}

fn registers(registers: Registers) -> Vec<Operand> {
    let general = (0..31).map(Reg::gpr);
    let all: Vec<Reg> = match registers {
        Registers::Gpr | Registers::Extended => general.chain([Reg::ZR]).collect(),
        Registers::GprOrSp => general.chain([Reg::SP]).collect(),
        Registers::Scalar | Registers::Vector(_) | Registers::Table(_) => {
            (0..32).map(Reg::vector).collect()
        }
    };
    all.into_iter().map(Operand::Reg).collect()
}

/// Values at the ends of a range, and each power of two in it.
fn corners(first: i64, last: i64) -> Vec<i64> {
    let powers = (0..40).map(|bit| 1 << bit);
    let both = powers.flat_map(|power: i64| [power, -power, power - 1, -power - 1]);
    let inside = both.filter(|value| (first..=last).contains(value));
    let mut corners: Vec<i64> = [first, last].into_iter().chain(inside).collect();
    corners.sort_unstable();
    corners.dedup();
    corners
}

fn immediates(immediate: Immediate, width: Width) -> Vec<i64> {
    let bits = i64::from(width.bits());
    match immediate {
        Immediate::Add => {
            let small = corners(0, 0xFFF);
            let large = corners(1, 0xFFF).into_iter().map(|value| value << 12);
            small.into_iter().chain(large).collect()
        }
        Immediate::Logical => logical_immediates(width),
        Immediate::Unsigned(field) => {
            let limit = 1 << field.width();
            let is_position = matches!(field, Field::Immr | Field::Imms | Field::BitLow);
            corners(0, if is_position { bits.min(limit) } else { limit } - 1)
        }
        Immediate::BitNumber | Immediate::ShiftLeft | Immediate::InsertAt => (0..bits).collect(),
        Immediate::InsertSize | Immediate::ExtractSize => (1..=bits).collect(),
        Immediate::Float | Immediate::VectorFloat => floats(width),
        Immediate::ShiftRight(_) => (1..=bits).collect(),
        Immediate::ByteMask => byte_masks(),
        Immediate::Vector => (0..256).collect(),
    }
}

/// Runs of ones of every length at every rotation, in elements of every size.
fn logical_immediates(width: Width) -> Vec<i64> {
    let mut values = Vec::new();
    for size in [2, 4, 8, 16, 32, 64]
        .into_iter()
        .filter(|size| *size <= width.bits())
    {
        let mask = u64::MAX >> (64 - size);
        for ones in 1..size {
            for rotation in 0..size {
                let run = (1u64 << ones) - 1;
                let wrapped =
                    run << rotation | run.checked_shr(u32::from(size - rotation)).unwrap_or(0);
                let value = (wrapped & mask) * (u64::MAX / mask);
                let value = if width == Width::B32 {
                    value & 0xFFFF_FFFF
                } else {
                    value
                };
                assert!(immediate::is_logical(value, width), "{value:#x}");
                values.push(value as i64);
            }
        }
    }
    values
}

fn byte_masks() -> Vec<i64> {
    let bytes = |mask: u32| std::array::from_fn(|bit| if mask >> bit & 1 == 0 { 0 } else { 0xFF });
    (0..256)
        .map(|mask| i64::from_le_bytes(bytes(mask)))
        .collect()
}

fn floats(width: Width) -> Vec<i64> {
    let values = (0..256).map(|imm8| {
        let sign = if imm8 & 0x80 == 0 { 1.0 } else { -1.0 };
        let magnitude = f64::from(imm8 & 15 | 16) / 16.0 * 2f64.powi((imm8 >> 4 & 7) - 3);
        sign * magnitude
    });
    let bits = |value: f64| match width {
        Width::B64 => value.to_bits() as i64,
        _ => i64::from((value as f32).to_bits()),
    };
    values.map(bits).collect()
}

fn distances(reach: Reach) -> Vec<Operand> {
    let unit = match reach {
        Reach::Address21 => 1,
        Reach::Page21 => 4096,
        _ => 4,
    };
    let last = reach.ahead() / unit;
    let units = corners(-last - 1, last).into_iter();
    units.map(|value| Operand::Imm(value * unit)).collect()
}

fn references(addressing: Addressing, width: Width) -> Vec<Operand> {
    let unit = i32::from(width.bytes());
    let bases: Vec<Reg> = (0..31).rev().map(Reg::gpr).chain([Reg::SP]).collect();
    let disps: Vec<i32> = match addressing {
        Addressing::Base => vec![0],
        Addressing::Scaled => scaled(corners(0, 4095), unit),
        Addressing::Unscaled | Addressing::Pre | Addressing::Post => scaled(corners(-256, 255), 1),
        Addressing::Pair | Addressing::PairPre | Addressing::PairPost => {
            scaled(corners(-64, 63), unit)
        }
        Addressing::Index => return indexes(&bases, width),
    };
    let make = |turn: usize| {
        let (base, disp) = (bases[turn % bases.len()], disps[turn % disps.len()]);
        Operand::Mem(match addressing {
            Addressing::Pre | Addressing::PairPre => Mem::pre(base, disp),
            Addressing::Post | Addressing::PairPost => Mem::post(base, disp),
            _ => Mem::base(base, disp),
        })
    };
    (0..bases.len().max(disps.len())).map(make).collect()
}

fn scaled(values: Vec<i64>, unit: i32) -> Vec<i32> {
    values
        .into_iter()
        .map(|value| value as i32 * unit)
        .collect()
}

fn indexes(bases: &[Reg], width: Width) -> Vec<Operand> {
    let extends = [Extend::Uxtx, Extend::Uxtw, Extend::Sxtw, Extend::Sxtx];
    let make = |turn: usize| {
        let amount = if turn & 4 == 0 { 0 } else { width.scale() };
        let index = Reg::gpr((turn * 7) as u8);
        Operand::Mem(Mem::extended(
            bases[turn % bases.len()],
            index,
            extends[turn % 4],
            amount,
        ))
    };
    (0..64).map(make).collect()
}

/// Values at the corners of what can stand in a place.
pub fn operands(form: &OperandForm) -> Vec<Operand> {
    let amounts = |last: u8| (0..=last).collect::<Vec<u8>>();
    match form.kind {
        Kind::Register(kind, _) => registers(kind),
        Kind::Immediate(immediate) => immediates(immediate, form.width)
            .into_iter()
            .map(Operand::Imm)
            .collect(),
        Kind::Lane(field) => (0..1 << field.width()).map(Operand::Imm).collect(),
        Kind::Shift(can_rotate) => {
            let shifts = Shift::ALL
                .iter()
                .filter(|shift| can_rotate || **shift != Shift::Ror);
            let amounts = amounts(form.width.bits() - 1);
            shifts
                .flat_map(|shift| amounts.iter().map(|amount| Operand::Shift(*shift, *amount)))
                .collect()
        }
        Kind::Place(field) => (0..form.width.bits())
            .step_by(if field == Field::Half { 16 } else { 8 })
            .map(|at| Operand::Shift(Shift::Lsl, at))
            .collect(),
        Kind::Extend => {
            let is_narrow = form.width == Width::B32;
            let extends = Extend::ALL
                .iter()
                .filter(|extend| !is_narrow || !extend.is_whole());
            let amounts = amounts(4);
            extends
                .flat_map(|extend| {
                    amounts
                        .iter()
                        .map(|amount| Operand::Extend(*extend, *amount))
                })
                .collect()
        }
        Kind::Memory(addressing) => references(addressing, form.width),
        Kind::Target(reach) => distances(reach),
        Kind::Condition(_) => Cond::ALL.iter().copied().map(Operand::Cond).collect(),
        Kind::System(is_written) => {
            let all = SystemRegister::ALL.iter().copied();
            let usable = all.filter(|register| register.is_writable() || !is_written);
            usable.map(Operand::System).collect()
        }
        Kind::Barrier => Barrier::ALL.iter().copied().map(Operand::Barrier).collect(),
    }
}
