//! Variables to values: SSA construction while blocks are being filled.
//!
//! The algorithm is that of Braun, Buchwald, Hack, Leißa, Mallon and Zwinkau, "Simple and Efficient
//! Construction of Static Single Assignment Form" (2013). A variable is looked up in its block,
//! then in the predecessors; where they join, or are not all known, it becomes a block parameter
//! (a φ of the paper). Two things differ: no step recurses, so long chains of blocks need no deep
//! stack, and parameters that turn out redundant are removed when all are known, see `phis`.

use crate::entity::{Block, Entity, Inst, PrimaryMap, SecondaryMap, Value};
use crate::function::{Function, ValueData, ValueDef};
use crate::hash::FxHashMap;
use crate::types::Type;
use std::fmt;

/// A variable of the function that is being built: one place of one type, defined and used as often
/// as the program likes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Variable(u32);

impl Entity for Variable {
    fn from_index(index: usize) -> Self {
        Variable(index as u32)
    }
    fn index(self) -> usize {
        self.0 as usize
    }
}

impl fmt::Display for Variable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "var{}", self.0)
    }
}

/// What is known of a variable.
#[derive(Clone, Debug)]
pub(super) struct VariableData {
    pub(super) ty: Type,
    /// Its name in the source program, for errors.
    pub(super) name: Option<String>,
    /// The value that stands for no definition, once one is needed.
    undefined: Option<Value>,
}

/// A block parameter that a variable asked for.
#[derive(Clone, Debug)]
pub(super) struct Phi {
    pub(super) variable: Variable,
    pub(super) block: Block,
    pub(super) value: Value,
    /// One value per predecessor, in their order, once the block is sealed.
    pub(super) args: Vec<Value>,
}

/// What is known of a block.
#[derive(Clone, Debug, Default)]
pub(super) struct BlockState {
    /// Whether all predecessors are known.
    pub(super) sealed: bool,
    /// Whether it stands in the order of the blocks.
    pub(super) placed: bool,
    /// The blocks that branch here, one entry per branch target.
    pub(super) predecessors: Vec<Block>,
    /// Indices of the parameters that wait for the other predecessors.
    incomplete: Vec<u32>,
}

/// What a value of the builder is, besides parameters and results.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Role {
    /// An ordinary value.
    #[default]
    Plain,
    /// The parameter with this index in [`Variables::phis`].
    Phi(u32),
    /// What a variable is where nothing defined it.
    Undefined(Variable),
}

/// All variables of a function under construction.
#[derive(Debug, Default)]
pub(super) struct Variables {
    pub(super) data: PrimaryMap<Variable, VariableData>,
    pub(super) blocks: SecondaryMap<Block, BlockState>,
    pub(super) phis: Vec<Phi>,
    pub(super) roles: SecondaryMap<Value, Role>,
    /// By terminator: where its targets begin in `edges`.
    first_edge: SecondaryMap<Inst, u32>,
    /// The position of a branch among the predecessors of its target.
    edges: Vec<u32>,
    /// The value at the end of a block, as far as it is filled.
    current: FxHashMap<(Block, Variable), Value>,
    /// Indices of parameters of sealed blocks that have no arguments yet.
    pending: Vec<u32>,
    /// Scratch: the blocks that a look-up came through.
    path: Vec<Block>,
}

impl Variables {
    pub(super) fn declare(&mut self, ty: Type, name: Option<String>) -> Variable {
        self.data.push(VariableData {
            ty,
            name,
            undefined: None,
        })
    }

    /// Notes the branches of a terminator, in the order of its targets.
    pub(super) fn add_branches(
        &mut self,
        inst: Inst,
        from: Block,
        targets: impl Iterator<Item = Block>,
    ) {
        self.first_edge[inst] = self.edges.len() as u32;
        for block in targets {
            let predecessors = &mut self.blocks[block].predecessors;
            self.edges.push(predecessors.len() as u32);
            predecessors.push(from);
        }
    }

    /// The position of a branch among the predecessors of its target.
    pub(super) fn edge(&self, inst: Inst, target: usize) -> usize {
        self.edges[self.first_edge[inst] as usize + target] as usize
    }

    pub(super) fn define(&mut self, variable: Variable, block: Block, value: Value) {
        self.current.insert((block, variable), value);
    }

    /// The value of a variable at the end of a block, as far as it is filled.
    pub(super) fn read(
        &mut self,
        function: &mut Function,
        variable: Variable,
        block: Block,
    ) -> Value {
        let value = self.look_up(function, variable, block);
        self.complete_pending(function);
        value
    }

    /// Says that all predecessors of a block are known.
    pub(super) fn seal(&mut self, function: &mut Function, block: Block) {
        let state = &mut self.blocks[block];
        state.sealed = true;
        self.pending.append(&mut state.incomplete);
        self.complete_pending(function);
    }

    /// Gives the parameters of sealed blocks their arguments, which may ask for more parameters.
    fn complete_pending(&mut self, function: &mut Function) {
        while let Some(index) = self.pending.pop() {
            let Phi {
                variable, block, ..
            } = self.phis[index as usize];
            let count = self.blocks[block].predecessors.len();
            let mut args = Vec::with_capacity(count);
            for position in 0..count {
                let predecessor = self.blocks[block].predecessors[position];
                args.push(self.look_up(function, variable, predecessor));
            }
            self.phis[index as usize].args = args;
        }
    }

    fn look_up(&mut self, function: &mut Function, variable: Variable, block: Block) -> Value {
        let mut at = block;
        let value = loop {
            if let Some(&value) = self.current.get(&(at, variable)) {
                break value;
            }
            let state = &self.blocks[at];
            match state.predecessors[..] {
                _ if !state.sealed => {
                    let (index, value) = self.make_phi(function, variable, at);
                    self.blocks[at].incomplete.push(index);
                    break value;
                }
                // A circle of blocks with one predecessor each is out of reach of the entry.
                [only] if self.path.len() <= function.blocks.len() => {
                    self.path.push(at);
                    at = only;
                }
                [] | [_] => break self.undefined(function, variable),
                _ => {
                    let (index, value) = self.make_phi(function, variable, at);
                    self.pending.push(index);
                    break value;
                }
            }
        };
        for through in self.path.drain(..) {
            self.current.insert((through, variable), value);
        }
        value
    }

    fn make_phi(
        &mut self,
        function: &mut Function,
        variable: Variable,
        block: Block,
    ) -> (u32, Value) {
        let index = self.phis.len() as u32;
        let value = self.make_value(function, variable, Role::Phi(index));
        self.phis.push(Phi {
            variable,
            block,
            value,
            args: Vec::new(),
        });
        self.current.insert((block, variable), value);
        (index, value)
    }

    fn undefined(&mut self, function: &mut Function, variable: Variable) -> Value {
        if let Some(value) = self.data[variable].undefined {
            return value;
        }
        let value = self.make_value(function, variable, Role::Undefined(variable));
        self.data[variable].undefined = Some(value);
        value
    }

    /// A value whose definition is written when the function is finished.
    fn make_value(&mut self, function: &mut Function, variable: Variable, role: Role) -> Value {
        let value = function.values.push(ValueData {
            ty: self.data[variable].ty,
            def: ValueDef::Unused,
        });
        self.roles[value] = role;
        value
    }
}
