//! Call-frame information, as gimli reads it: at each offset in the code, where a debugger looks for the frame of the
//! caller and for its registers.

use super::{BASE, Slice};
use enjamb_abi::target::Target;
use gimli::{
    BaseAddresses, CfaRule, CieOrFde, DebugFrame, Register, RegisterRule, UnwindContext,
    UnwindSection, UnwindTableRow, Vendor,
};
use std::collections::BTreeMap;
use std::ops::Range;

/// Where the caller's value of a register is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rule {
    /// In memory, so many bytes from the end of the frame.
    At(i32),
    /// In memory, so many bytes from where a register points.
    Behind(u8, i32),
}

/// What holds from an offset in the code up to another.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) range: Range<u32>,
    /// The end of the frame: a register, and how far it is from there.
    pub(super) end: (u8, i32),
    /// Of other registers the value is still there.
    pub(super) rules: BTreeMap<u8, Rule>,
    /// Whether the return address is signed.
    pub(super) is_signed: bool,
}

/// The rows of one function or stub, by rising offset.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) range: Range<u32>,
    rows: Vec<Row>,
}

impl Entry {
    /// What holds at an offset.
    pub(super) fn row(&self, at: u32) -> Option<&Row> {
        let after = self.rows.partition_point(|row| row.range.start <= at);
        let row = &self.rows[after.checked_sub(1)?];
        row.range.contains(&at).then_some(row)
    }
}

/// All entries of the section.
pub(super) fn entries(target: Target, section: Slice<'_>) -> Result<Vec<Entry>, String> {
    let mut frames = DebugFrame::from(section);
    if target == Target::Aarch64 {
        frames.set_vendor(Vendor::AArch64);
    }
    let bases = BaseAddresses::default();
    let mut context = UnwindContext::new();
    let mut entries = Vec::new();
    let mut all = frames.entries(&bases);
    while let Some(entry) = all.next().map_err(unreadable)? {
        let CieOrFde::Fde(entry) = entry else {
            continue;
        };
        let entry = entry
            .parse(DebugFrame::cie_from_offset)
            .map_err(unreadable)?;
        let mut table = entry
            .rows(&frames, &bases, &mut context)
            .map_err(unreadable)?;
        let mut rows = Vec::new();
        while let Some(row) = table.next_row().map_err(unreadable)? {
            rows.push(self::row(target, &frames, row)?);
        }
        let range = offset(entry.initial_address())?..offset(entry.end_address())?;
        entries.push(Entry { range, rows });
    }
    entries.sort_by_key(|entry| entry.range.start);
    Ok(entries)
}

fn unreadable(error: gimli::Error) -> String {
    format!("the frame information cannot be read: {error}")
}

/// The offset in the code of an address.
fn offset(address: u64) -> Result<u32, String> {
    let offset = address
        .checked_sub(BASE)
        .and_then(|offset| offset.try_into().ok());
    offset.ok_or_else(|| format!("frame information for {address:#x}, where no code is"))
}

fn row(
    target: Target,
    frames: &DebugFrame<Slice<'_>>,
    row: &UnwindTableRow<usize>,
) -> Result<Row, String> {
    let number =
        |register| number(target, register).ok_or_else(|| format!("{register:?} in a rule"));
    let CfaRule::RegisterAndOffset {
        register,
        offset: distance,
    } = *row.cfa()
    else {
        return Err("an expression for the end of the frame".to_string());
    };
    let mut rules = BTreeMap::new();
    let mut is_signed = false;
    for (register, rule) in row.registers() {
        let rule = match rule {
            RegisterRule::Constant(is) if *register == gimli::AArch64::RA_SIGN_STATE => {
                is_signed = *is == 1;
                continue;
            }
            RegisterRule::Offset(distance) => Rule::At(*distance as i32),
            RegisterRule::Expression(expression) => {
                let expression = expression.get(frames).map_err(unreadable)?;
                let mut operations = expression.operations(super::encoding());
                let operation = operations.next().map_err(unreadable)?;
                match operation {
                    Some(gimli::Operation::RegisterOffset {
                        register, offset, ..
                    }) => Rule::Behind(number(register)?, offset as i32),
                    other => return Err(format!("{other:?} for a register")),
                }
            }
            other => return Err(format!("{other:?} for a register")),
        };
        // The walk knows nothing of vector registers.
        if is_vector(target, *register) {
            continue;
        }
        rules.insert(number(*register)?, rule);
    }
    Ok(Row {
        range: offset(row.start_address())?..offset(row.end_address())?,
        end: (number(register)?, distance as i32),
        rules,
        is_signed,
    })
}

fn is_vector(target: Target, register: Register) -> bool {
    target == Target::Aarch64 && (64..96).contains(&register.0)
}

/// The number by which the walk knows a register: that of the processor; for the return address of x86-64, 16, which is also
/// DWARF's.
fn number(target: Target, register: Register) -> Option<u8> {
    /// System V ABI for AMD64, figure 3.36: rax, rdx, rcx, rbx, rsi, rdi, rbp, rsp.
    const X86_64: [u8; 8] = [0, 2, 1, 3, 6, 7, 5, 4];
    let number = u8::try_from(register.0).ok()?;
    match target {
        Target::X86_64 => X86_64
            .get(usize::from(number))
            .copied()
            .or((number <= 16).then_some(number)),
        Target::Aarch64 => (number <= 31).then_some(number),
    }
}
