//! How much of the assemblers is compared with an independent one.
//!
//! The samples are those of the assemblers' own tests, which compare all of them.

#[path = "../../../crates/aarch64/tests/samples/mod.rs"]
mod aarch64_samples;
#[path = "../../../crates/x64/tests/samples/mod.rs"]
mod x64_samples;

use enjamb_ir::hash::FxHashSet;
use std::hash::Hash;

/// What the samples of an assembler come to.
#[derive(Default)]
struct Checked {
    rows: usize,
    pairs: usize,
    instructions: usize,
}

impl Checked {
    /// Adds the samples of a row, as their operands.
    fn add<O: Copy + Eq + Hash>(&mut self, samples: impl IntoIterator<Item = Vec<O>>) {
        self.rows += 1;
        let mut pairs = FxHashSet::default();
        for operands in samples {
            self.instructions += 1;
            pairs.extend(operands.iter().copied().enumerate());
        }
        self.pairs += pairs.len();
    }
}

fn x64() -> Checked {
    let references = x64_samples::memory_references();
    let mut checked = Checked::default();
    for &op in enjamb_x64::Op::ALL {
        let samples = x64_samples::samples(op, &references);
        checked.add(samples.iter().map(|inst| inst.operands().to_vec()));
    }
    checked
}

fn aarch64() -> Checked {
    let mut checked = Checked::default();
    for &op in enjamb_aarch64::Op::ALL {
        let samples = aarch64_samples::samples(op);
        checked.add(samples.iter().map(|inst| inst.operands().to_vec()));
    }
    checked
}

/// The table of the assemblers.
pub(super) fn table() -> String {
    let mut table = String::from(
        "### Encodings\n\n\
         A pair is a place in a row together with a value that it takes in the samples: every register, every kind of \
         address, and\nthe borders of each field. All samples are compared with an independent disassembler; where it \
         has another name for an\nencoding, the row of that name is compared. LLVM's assembler, where it is installed, \
         gets the same texts, of x86-64 rows\nwith more than a hundred samples every seventh.\n\n\
         | assembler | rows | pairs of place and value | instructions | compared with |\n|---|---:|---:|---:|---|\n",
    );
    let assemblers = [
        ("`enjamb-x64`", x64(), "iced-x86, `llvm-mc`"),
        ("`enjamb-aarch64`", aarch64(), "yaxpeax-arm, `llvm-mc`"),
    ];
    for (name, checked, peers) in assemblers {
        let Checked {
            rows,
            pairs,
            instructions,
        } = checked;
        table += &format!("| {name} | {rows} | {pairs} | {instructions} | {peers} |\n");
    }
    table
}
