//! What programs have in them, counted.

use enjamb_ir::{
    Block, Function, FunctionKind, Inst, Module, Opcode, Payload, Place, SecondaryMap, Value,
    ValueDef,
};
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

/// What instruction selection may take together: an instruction whose result is used once, in its own block, and
/// the one that uses it.
const FOLDS: [(Opcode, Opcode); 18] = {
    use Opcode::*;
    [
        (Imul, Iadd),
        (Imul, Isub),
        (Ishl, Iadd),
        (Ushr, Band),
        (Sextend, Iadd),
        (Uextend, Iadd),
        (Load, Iadd),
        (Load, Sextend),
        (Bnot, Band),
        (Band, Icmp),
        (Load, Icmp),
        (Icmp, Brif),
        (Fcmp, Brif),
        (IsNull, Brif),
        (Icmp, Select),
        (Fcmp, Select),
        (Iadd, Load),
        (Ishl, Store),
    ]
};

/// Counts of what some programs had in them, and of how their runs ended.
///
/// Its text has a line for each count, name and number: `opcode iadd 12`, `fold imul into iadd 3`, `parameter task 2`.
/// Instructions are counted once for each place where they stand, not for each time they run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coverage(BTreeMap<String, u64>);

impl Coverage {
    /// Counts a program: its functions, by signature, and its instructions.
    pub fn add(&mut self, module: &Module) {
        self.note("programs");
        for function in module.functions.values() {
            let kind = match (&function.kind, function.signature().is_async) {
                (FunctionKind::Import { .. }, _) => continue,
                (_, true) => "functions async",
                (_, false) => "functions sync",
            };
            self.note(kind);
        }
        for (_, body) in module.bodies() {
            self.add_body(body);
        }
    }

    fn add_body(&mut self, body: &Function) {
        let mut uses: SecondaryMap<Value, u32> = SecondaryMap::new();
        let mut blocks: SecondaryMap<Inst, Option<Block>> = SecondaryMap::new();
        for &block in &body.order {
            let kind = match body.is_entry(block) {
                true => "parameter",
                false => "block parameter",
            };
            for &param in &body.blocks[block].params {
                self.note(&format!("{kind} {}", body.value_type(param)));
            }
            for &inst in &body.blocks[block].insts {
                body.for_each_use(inst, |value| uses[value] += 1);
                blocks[inst] = Some(block);
                self.note(&format!("opcode {}", body.insts[inst].opcode));
                if let Payload::Access(Place::Address, _) = body.insts[inst].payload {
                    self.note("access through an address");
                }
            }
        }
        let insts = blocks.iter().filter(|(_, block)| block.is_some());
        for (outer, block) in insts {
            let opcode = body.insts[outer].opcode;
            for &arg in body.args(outer) {
                if let ValueDef::Result(inner, _) = body.values[arg].def
                    && uses[arg] == 1
                    && blocks[inner] == *block
                    && FOLDS.contains(&(body.insts[inner].opcode, opcode))
                {
                    self.note(&format!("fold {} into {opcode}", body.insts[inner].opcode));
                }
            }
        }
    }

    /// Counts something that happened, such as a way in which a run ended.
    pub fn note(&mut self, what: &str) {
        match self.0.get_mut(what) {
            Some(count) => *count += 1,
            None => drop(self.0.insert(what.to_string(), 1)),
        }
    }

    /// How often something was counted.
    pub fn count(&self, what: &str) -> u64 {
        self.0.get(what).copied().unwrap_or(0)
    }

    /// Adds the counts of other programs.
    pub fn extend(&mut self, other: &Coverage) {
        for (name, count) in &other.0 {
            *self.0.entry(name.clone()).or_default() += count;
        }
    }

    /// The instructions that none of the programs had.
    pub fn missing(&self) -> impl Iterator<Item = Opcode> {
        let rows = Opcode::all().iter();
        let missing = rows.filter(|row| self.count(&format!("opcode {}", row.name)) == 0);
        missing.map(|row| row.opcode)
    }
}

impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut lines = self.0.iter();
        lines.try_for_each(|(name, count)| writeln!(f, "{name} {count}"))
    }
}

impl FromStr for Coverage {
    type Err = String;

    /// # Errors
    /// The first line that is none.
    fn from_str(text: &str) -> Result<Self, String> {
        let line = |line: &str| {
            let (name, count) = line.rsplit_once(' ')?;
            Some((name.to_string(), count.parse().ok()?))
        };
        let lines = text.lines().map(|text| line(text).ok_or(text.to_string()));
        Ok(Coverage(lines.collect::<Result<_, _>>()?))
    }
}
