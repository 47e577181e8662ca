//! Text of a function before and after allocation, for people.

use std::fmt::{self, Display, Formatter};

use regalloc2::{OperandKind, PReg};

use crate::Location;
use crate::allocation::{Allocation, Item};
use crate::builder::Block;
use crate::function::MachineFunction;
use crate::inst::MachineInst;

/// Blocks in allocation order; each instruction as its own `Display` shows it, with its index in front.
impl<I: Display> Display for MachineFunction<I> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "function {} {{", self.name())?;
        for block in self.blocks() {
            heading(self, block, f)?;
            for index in self.block_insts(block) {
                writeln!(f, "  {index:>5}  {}", self.inst(index))?;
            }
            successors(self, block, f)?;
        }
        writeln!(f, "}}")
    }
}

impl<I: MachineInst + Display> Allocation<'_, I> {
    /// Blocks in emission order, with moves, and after each instruction the location of its operands.
    /// `name` names a register.
    pub fn display(&self, name: impl Fn(PReg) -> String) -> impl Display {
        fmt::from_fn(move |f| self.write(f, &name))
    }

    fn write(&self, f: &mut Formatter<'_>, name: &dyn Fn(PReg) -> String) -> fmt::Result {
        let show = |location: Location| match (location.as_reg(), location.as_stack()) {
            (Some(preg), _) => name(preg),
            (None, Some(slot)) => format!("[slot {}]", slot.index()),
            (None, None) => "nowhere".into(),
        };
        let function = self.function();
        writeln!(
            f,
            "function {} ; {} spill slots {{",
            function.name(),
            self.spill_slots()
        )?;
        for &block in self.emission().blocks() {
            heading(function, block, f)?;
            for item in self.block(block) {
                match item {
                    Item::Move { from, to, .. } => {
                        writeln!(f, "         {} <- {}", show(to), show(from))?;
                    }
                    Item::Inst(index, locations) => {
                        write!(f, "  {index:>5}  {}", function.inst(index))?;
                        let operands = function.inst_operands(index).iter().zip(locations);
                        for (place, (operand, &location)) in operands.enumerate() {
                            let sign = if operand.kind() == OperandKind::Def {
                                "<-"
                            } else {
                                "="
                            };
                            let lead = if place == 0 { "  ;" } else { "," };
                            write!(f, "{lead} {} {sign} {}", operand.vreg(), show(location))?;
                        }
                        writeln!(f)?;
                    }
                }
            }
            let count = function.block_successors(block).len();
            for target in (0..count).filter_map(|index| self.successor(block, index)) {
                writeln!(f, "         -> {target}")?;
            }
        }
        writeln!(f, "}}")
    }
}

fn heading<I>(function: &MachineFunction<I>, block: Block, f: &mut Formatter<'_>) -> fmt::Result {
    write!(f, "{block}")?;
    list(function.block_params(block), f)?;
    write!(f, ":")?;
    if function.is_cold(block) {
        write!(f, " ; cold")?;
    }
    if function.is_split(block) {
        write!(f, " ; on a critical edge")?;
    }
    writeln!(f)
}

fn successors<I>(
    function: &MachineFunction<I>,
    block: Block,
    f: &mut Formatter<'_>,
) -> fmt::Result {
    for successor in function.flow_successors(block) {
        write!(f, "         -> {}", function.successor_labels[successor])?;
        list(function.args_of(successor), f)?;
        writeln!(f)?;
    }
    Ok(())
}

fn list(vregs: &[regalloc2::VReg], f: &mut Formatter<'_>) -> fmt::Result {
    for (place, vreg) in vregs.iter().enumerate() {
        write!(f, "{}{vreg}", if place == 0 { "(" } else { ", " })?;
    }
    if vregs.is_empty() {
        Ok(())
    } else {
        write!(f, ")")
    }
}
