//! A machine whose every instruction computes a hash of its inputs, so that any wrong value shows.
//!
//! An instruction has an identity and operands; each definition gets the hash of the identity, its own
//! index and all used values, and a branch takes the successor that the hash selects. Programs run as
//! built and as allocated; both leave a trace of everything that every instruction read.

use std::collections::HashMap;
use std::fmt;

use enjamb_regalloc::{
    Allocation, AllocationError, Block, InstKind, Item, Location, MachineFunction,
    MachineFunctionBuilder, MachineInst, OperandCollector, PReg, PRegSet, RegClass, RegisterFile,
    SpillSlot, Successor, VReg,
};

pub const fn r(index: usize) -> PReg {
    PReg::new(index, RegClass::Int)
}

pub const fn x(index: usize) -> PReg {
    PReg::new(index, RegClass::Float)
}

/// Six integer registers, the upper three callee-saved, and four caller-saved float registers.
pub fn registers() -> RegisterFile {
    RegisterFile::new(
        [r(0), r(1), r(2), x(0), x(1), x(2), x(3)],
        [r(3), r(4), r(5)],
    )
}

/// What a call destroys, apart from its results.
pub fn call_clobbers(results: &[PReg]) -> PRegSet {
    let caller_saved = [r(0), r(1), r(2), x(0), x(1), x(2), x(3)];
    caller_saved
        .into_iter()
        .filter(|preg| !results.contains(preg))
        .collect()
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Mode {
    Use,
    LateUse,
    AnyUse,
    AnyLateUse,
    FixedUse(PReg),
    FixedLateUse(PReg),
    Def,
    EarlyDef,
    AnyDef,
    FixedDef(PReg),
    FixedEarlyDef(PReg),
    ReuseDef(usize),
}

impl Mode {
    fn is_use(self) -> bool {
        use Mode::*;
        matches!(
            self,
            Use | LateUse | AnyUse | AnyLateUse | FixedUse(_) | FixedLateUse(_)
        )
    }

    fn is_late_use(self) -> bool {
        matches!(
            self,
            Mode::LateUse | Mode::AnyLateUse | Mode::FixedLateUse(_)
        )
    }

    fn is_early_def(self) -> bool {
        matches!(self, Mode::EarlyDef | Mode::FixedEarlyDef(_))
    }
}

#[derive(Clone, Debug)]
pub struct Inst {
    pub id: u64,
    pub kind: InstKind,
    pub operands: Vec<(VReg, Mode)>,
    pub clobbers: PRegSet,
}

impl Inst {
    pub fn new(id: u64, kind: InstKind, operands: Vec<(VReg, Mode)>) -> Inst {
        Inst {
            id,
            kind,
            operands,
            clobbers: PRegSet::empty(),
        }
    }

    pub fn op(id: u64, operands: Vec<(VReg, Mode)>) -> Inst {
        Inst::new(id, InstKind::Normal, operands)
    }

    pub fn branch(id: u64, operands: Vec<(VReg, Mode)>) -> Inst {
        Inst::new(id, InstKind::Branch, operands)
    }

    pub fn ret(id: u64, operands: Vec<(VReg, Mode)>) -> Inst {
        Inst::new(id, InstKind::Return, operands)
    }

    pub fn clobbering(self, clobbers: PRegSet) -> Inst {
        Inst { clobbers, ..self }
    }

    /// The values it defines, by operand index.
    fn result(&self, used: &[u64], operand: usize) -> u64 {
        hash(self.trace(used), operand as u64)
    }

    fn trace(&self, used: &[u64]) -> u64 {
        used.iter()
            .fold(self.id, |state, &value| hash(state, value))
    }
}

impl fmt::Display for Inst {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}{}", self.kind, self.id)?;
        self.operands
            .iter()
            .try_for_each(|(vreg, mode)| write!(f, " {vreg}:{mode:?}"))
    }
}

impl MachineInst for Inst {
    fn operands(&self, collector: &mut OperandCollector<'_>) {
        for &(vreg, mode) in &self.operands {
            match mode {
                Mode::Use => collector.reg_use(vreg),
                Mode::LateUse => collector.reg_late_use(vreg),
                Mode::AnyUse => collector.any_use(vreg),
                Mode::AnyLateUse => collector.any_late_use(vreg),
                Mode::FixedUse(preg) => collector.fixed_use(vreg, preg),
                Mode::FixedLateUse(preg) => collector.fixed_late_use(vreg, preg),
                Mode::Def => collector.reg_def(vreg),
                Mode::EarlyDef => collector.reg_early_def(vreg),
                Mode::AnyDef => collector.any_def(vreg),
                Mode::FixedDef(preg) => collector.fixed_def(vreg, preg),
                Mode::FixedEarlyDef(preg) => collector.fixed_early_def(vreg, preg),
                Mode::ReuseDef(input) => collector.reuse_def(vreg, input),
            }
        }
    }

    fn clobbers(&self) -> PRegSet {
        self.clobbers
    }

    fn kind(&self) -> InstKind {
        self.kind
    }

    fn jump() -> Self {
        Inst::new(0, InstKind::Jump, Vec::new())
    }
}

pub fn hash(state: u64, value: u64) -> u64 {
    let mixed = (state.rotate_left(23) ^ value).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed ^ (mixed >> 29)
}

/// A block in the order of allocation; successors are indices of blocks.
#[derive(Clone, Debug, Default)]
pub struct SourceBlock {
    pub params: Vec<VReg>,
    pub insts: Vec<Inst>,
    pub successors: Vec<(usize, Vec<VReg>)>,
    pub cold: bool,
}

/// What the builder is given, kept to be run.
#[derive(Clone, Debug, Default)]
pub struct Program {
    pub classes: Vec<RegClass>,
    pub wide_floats: bool,
    pub blocks: Vec<SourceBlock>,
}

impl Program {
    pub fn vreg(&mut self, class: RegClass) -> VReg {
        self.classes.push(class);
        VReg::new(self.classes.len() - 1, class)
    }

    pub fn int(&mut self) -> VReg {
        self.vreg(RegClass::Int)
    }

    pub fn block(
        &mut self,
        params: &[VReg],
        insts: Vec<Inst>,
        successors: &[(usize, &[VReg])],
    ) -> usize {
        let successors = successors
            .iter()
            .map(|&(block, args)| (block, args.to_vec()))
            .collect();
        self.blocks.push(SourceBlock {
            params: params.to_vec(),
            insts,
            successors,
            cold: false,
        });
        self.blocks.len() - 1
    }

    /// Builds the function; block `i` of the program gets the label with index `i`.
    pub fn build(&self) -> Result<MachineFunction<Inst>, AllocationError> {
        self.labelled().map(|(function, _)| function)
    }

    pub fn labelled(&self) -> Result<(MachineFunction<Inst>, Vec<Block>), AllocationError> {
        let mut builder = MachineFunctionBuilder::new("program");
        if self.wide_floats {
            builder.widen_floats();
        }
        for &class in &self.classes {
            builder.new_vreg(class);
        }
        let labels: Vec<Block> = self.blocks.iter().map(|_| builder.create_block()).collect();
        for (block, &label) in self.blocks.iter().zip(&labels) {
            if block.cold {
                builder.mark_cold(label);
            }
            builder.begin_block(label, &block.params);
            let Some((last, body)) = block.insts.split_last() else {
                continue;
            };
            body.iter().for_each(|inst| builder.push(inst.clone()));
            if block.successors.is_empty() {
                builder.ret(last.clone());
            } else {
                let successors: Vec<_> = block
                    .successors
                    .iter()
                    .map(|(b, args)| Successor::new(labels[*b], args))
                    .collect();
                builder.branch(last.clone(), &successors);
            }
        }
        builder.finish().map(|function| (function, labels))
    }

    /// Runs at most `fuel` instructions, jumps not counted; returns what each of them read.
    pub fn run(&self, fuel: usize) -> Vec<u64> {
        let mut values: HashMap<VReg, u64> = HashMap::new();
        let (mut trace, mut block) = (Vec::new(), 0);
        loop {
            let mut choice = 0;
            for inst in &self.blocks[block].insts {
                if inst.kind == InstKind::Jump {
                    continue;
                }
                let used: Vec<u64> = inst
                    .operands
                    .iter()
                    .filter(|(_, mode)| mode.is_use())
                    .map(|(v, _)| values[v])
                    .collect();
                choice = inst.trace(&used);
                trace.push(choice);
                if trace.len() == fuel || inst.kind == InstKind::Return {
                    return trace;
                }
                for (index, (vreg, mode)) in inst.operands.iter().enumerate() {
                    if !mode.is_use() {
                        values.insert(*vreg, inst.result(&used, index));
                    }
                }
            }
            let successors = &self.blocks[block].successors;
            let (target, args) = &successors[choice as usize % successors.len()];
            let passed: Vec<u64> = args.iter().map(|arg| values[arg]).collect();
            values.extend(self.blocks[*target].params.iter().copied().zip(passed));
            block = *target;
        }
    }
}

/// Registers and spill slots while an allocated function runs.
struct State {
    places: HashMap<Location, u64>,
    garbage: u64,
    wide_floats: bool,
}

/// The first of the two slots of a wide value, by the second.
fn other_half(place: Location) -> Option<Location> {
    let second = place.as_stack()?.index();
    assert_eq!(second % 2, 1, "slots of wide values are aligned");
    Some(Location::stack(SpillSlot::new(second - 1)))
}

impl State {
    fn half(&self, place: Location, class: RegClass) -> Option<Location> {
        let is_wide = self.wide_floats && class == RegClass::Float;
        is_wide.then(|| other_half(place)).flatten()
    }

    fn read(&mut self, place: Location, class: RegClass) -> u64 {
        self.garbage += 1;
        let value = self.places.get(&place).copied();
        let other = self.half(place, class).map(|half| self.places.get(&half));
        let is_whole = other.is_none_or(|half| half.copied() == value.map(|it| hash(it, 1)));
        let value = value.filter(|_| is_whole);
        value.unwrap_or(hash(0xbad, self.garbage))
    }

    fn write(&mut self, place: Location, class: RegClass, value: u64) {
        self.places.insert(place, value);
        if let Some(half) = self.half(place, class) {
            self.places.insert(half, hash(value, 1));
        }
    }

    /// Executes in the order that leaves the most damage: early reads, early writes, late reads,
    /// clobbers, late writes; then looks whether what must survive did.
    fn step(&mut self, inst: &Inst, locations: &[Location]) -> Vec<u64> {
        let pairs: Vec<_> = inst
            .operands
            .iter()
            .map(|&(_, mode)| mode)
            .zip(locations.iter().copied())
            .collect();
        let class = |index: usize| inst.operands[index].0.class();
        let used: Vec<u64> = (0..pairs.len())
            .filter(|&index| pairs[index].0.is_use())
            .map(|index| self.read(pairs[index].1, class(index)))
            .collect();
        let results: Vec<u64> = (0..pairs.len())
            .map(|index| inst.result(&used, index))
            .collect();
        let mut lasting = Vec::new();
        for (index, &(mode, place)) in pairs.iter().enumerate() {
            check_constraint(mode, place, &pairs);
            if mode.is_early_def() {
                self.write(place, class(index), results[index]);
                lasting.push((place, class(index), results[index]));
            }
        }
        let uses = pairs.iter().enumerate().filter(|(_, (m, _))| m.is_use());
        for ((index, &(mode, place)), &value) in uses.zip(&used) {
            if mode.is_late_use() {
                lasting.push((place, class(index), value));
            }
        }
        for preg in inst.clobbers {
            self.places.remove(&Location::reg(preg));
        }
        for (index, &(mode, place)) in pairs.iter().enumerate() {
            if !mode.is_use() && !mode.is_early_def() {
                self.write(place, class(index), results[index]);
            }
        }
        for (place, class, value) in lasting {
            assert_eq!(
                self.read(place, class),
                value,
                "{place} does not last through {inst}"
            );
        }
        used
    }
}

fn check_constraint(mode: Mode, place: Location, pairs: &[(Mode, Location)]) {
    match mode {
        Mode::Use | Mode::LateUse | Mode::Def | Mode::EarlyDef => {
            assert!(place.is_reg(), "{mode:?} {place}")
        }
        Mode::AnyUse | Mode::AnyLateUse | Mode::AnyDef => assert!(place.is_some()),
        Mode::FixedUse(preg)
        | Mode::FixedLateUse(preg)
        | Mode::FixedDef(preg)
        | Mode::FixedEarlyDef(preg) => assert_eq!(place.as_reg(), Some(preg)),
        Mode::ReuseDef(input) => assert_eq!(place, pairs[input].1),
    }
}

/// Runs an allocated function along its emission plan.
pub fn run_allocated(allocation: &Allocation<'_, Inst>, fuel: usize) -> Vec<u64> {
    let function = allocation.function();
    let mut state = State {
        places: HashMap::new(),
        garbage: 0,
        wide_floats: function.is_wide(RegClass::Float),
    };
    let (mut trace, mut block) = (Vec::new(), allocation.emission().blocks()[0]);
    loop {
        assert!(
            allocation.emission().blocks().contains(&block),
            "{block} is not emitted"
        );
        let mut choice = 0;
        for item in allocation.block(block) {
            match item {
                Item::Move { from, to, class } => {
                    assert!(from != to && (from.is_reg() || to.is_reg()));
                    assert!(
                        [from, to]
                            .iter()
                            .filter_map(|l| l.as_reg())
                            .all(|p| p.class() == class)
                    );
                    let slots = [from, to].into_iter().filter_map(|place| place.as_stack());
                    slots.for_each(|slot| assert!(slot.index() < allocation.spill_slots()));
                    let value = state.read(from, class);
                    state.write(to, class, value);
                }
                Item::Inst(index, locations) => {
                    let inst = function.inst(index);
                    if inst.kind == InstKind::Jump {
                        continue;
                    }
                    choice = inst.trace(&state.step(inst, locations));
                    trace.push(choice);
                    if trace.len() == fuel || inst.kind == InstKind::Return {
                        return trace;
                    }
                }
            }
        }
        let count = function.block_successors(block).len();
        block = allocation
            .successor(block, choice as usize % count)
            .expect("a successor");
    }
}
