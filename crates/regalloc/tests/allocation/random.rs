//! Random programs, valid by construction, run the same before and after allocation.

use enjamb_regalloc::{
    Algorithm, Allocator, InstKind, MachineInst as _, Options, PReg, RegClass, VReg,
};

use crate::machine::{
    Inst, Mode, Program, SourceBlock, call_clobbers, r, registers, run_allocated, x,
};

const SEEDS: u64 = 1_500;
const FUEL: usize = 400;

/// A stream of numbers from a seed (SplitMix64).
pub struct Random(pub u64);

impl Random {
    pub fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % limit as u64) as usize
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }
}

/// Grows a program over a random graph of blocks.
struct Generator {
    random: Random,
    program: Program,
    next_id: u64,
    /// The values that may be used at the current point.
    live: Vec<VReg>,
}

/// Makes the program of a seed.
pub fn program(seed: u64) -> Program {
    let mut random = Random(seed);
    let count = 1 + random.below(12);
    let mut graph = vec![Vec::new(); count];
    for successors in &mut graph {
        let wanted = [0, 1, 1, 2, 2, 2, 3, 5][random.below(8)];
        let wanted = if count == 1 { 0 } else { wanted };
        // The entry may be jumped to as any other block, having no parameters.
        *successors = (0..wanted).map(|_| random.below(count)).collect();
    }
    let mut generator = Generator {
        random,
        program: Program::default(),
        next_id: 1,
        live: Vec::new(),
    };
    for block in 0..count {
        let params = if block == 0 {
            0
        } else {
            generator.random.below(4)
        };
        let params = (0..params).map(|_| generator.fresh()).collect();
        let cold = generator.random.below(4) == 0;
        generator.program.blocks.push(SourceBlock {
            params,
            cold,
            ..SourceBlock::default()
        });
    }
    let dominators = dominators(&graph);
    let mut order: Vec<usize> = (0..count).collect();
    order.sort_by_key(|&block| dominators[block].iter().filter(|&&d| d).count());
    let mut made = vec![Vec::new(); count];
    for block in order {
        let visible = (0..count).filter(|&other| other != block && dominators[block][other]);
        generator.live = visible.flat_map(|other| made[other].clone()).collect();
        made[block] = generator.fill(block, &graph[block]);
    }
    generator.program
}

/// For each block the blocks on every path to it; an unreachable block has itself.
fn dominators(graph: &[Vec<usize>]) -> Vec<Vec<bool>> {
    let count = graph.len();
    let reach = |without: Option<usize>| {
        let mut seen = vec![false; count];
        let mut work: Vec<usize> = [0].into_iter().filter(|&b| Some(b) != without).collect();
        while let Some(block) = work.pop() {
            if !std::mem::replace(&mut seen[block], true) {
                work.extend(graph[block].iter().copied().filter(|&b| Some(b) != without));
            }
        }
        seen
    };
    let reachable = reach(None);
    let without: Vec<Vec<bool>> = (0..count).map(|block| reach(Some(block))).collect();
    let dominates = |a: usize, b: usize| a == b || (reachable[b] && !without[a][b]);
    (0..count)
        .map(|b| (0..count).map(|a| dominates(a, b)).collect())
        .collect()
}

impl Generator {
    fn fresh(&mut self) -> VReg {
        let class = if self.random.below(4) == 0 {
            RegClass::Float
        } else {
            RegClass::Int
        };
        self.program.vreg(class)
    }

    fn id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }

    /// A value of the class, if there is one.
    fn value(&mut self, class: RegClass) -> Option<VReg> {
        let all: Vec<VReg> = self
            .live
            .iter()
            .copied()
            .filter(|vreg| vreg.class() == class)
            .collect();
        (!all.is_empty()).then(|| self.random.pick(&all))
    }

    /// Fills a block; returns what it defines.
    fn fill(&mut self, block: usize, successors: &[usize]) -> Vec<VReg> {
        let first = self.live.len();
        self.live.extend(self.program.blocks[block].params.clone());
        let mut insts = Vec::new();
        for class in [RegClass::Int, RegClass::Float] {
            let vreg = self.program.vreg(class);
            insts.push(Inst::op(self.id(), vec![(vreg, Mode::Def)]));
            self.live.push(vreg);
        }
        for _ in 0..self.random.below(12) {
            let inst = self.instruction();
            insts.push(self.commit(inst));
        }
        let here = self.live.len();
        let terminator = self.terminator(successors);
        insts.push(self.commit(terminator));
        let mut edges = Vec::new();
        for &target in successors {
            let params = self.program.blocks[target].params.clone();
            let args = params
                .iter()
                .map(|param| self.some(param.class()))
                .collect();
            edges.push((target, args));
        }
        // What the terminator defines is for its edges only.
        self.live.truncate(here);
        self.program.blocks[block].insts = insts;
        self.program.blocks[block].successors = edges;
        self.live[first..].to_vec()
    }

    /// Makes the definitions of an instruction visible.
    fn commit(&mut self, inst: Inst) -> Inst {
        let uses = |mode: Mode| format!("{mode:?}").contains("Use");
        self.live.extend(
            inst.operands
                .iter()
                .filter(|(_, mode)| !uses(*mode))
                .map(|(vreg, _)| *vreg),
        );
        inst
    }

    fn some(&mut self, class: RegClass) -> VReg {
        self.value(class)
            .expect("every block makes one of each class")
    }

    fn instruction(&mut self) -> Inst {
        let class = if self.random.below(4) == 0 {
            RegClass::Float
        } else {
            RegClass::Int
        };
        let (a, b, id) = (self.some(class), self.some(class), self.id());
        match self.random.below(8) {
            0 => Inst::op(id, vec![(self.program.vreg(class), Mode::Def)]),
            1 => Inst::op(
                id,
                vec![
                    (a, Mode::Use),
                    (b, Mode::AnyUse),
                    (self.program.vreg(class), Mode::Def),
                ],
            ),
            2 => {
                let d = self.program.vreg(class);
                Inst::op(
                    id,
                    vec![(a, Mode::Use), (b, Mode::Use), (d, Mode::ReuseDef(0))],
                )
            }
            3 => {
                // Division: both halves in and out of fixed registers, the divisor anywhere else.
                let (a, b, c) = (
                    self.some(RegClass::Int),
                    self.some(RegClass::Int),
                    self.some(RegClass::Int),
                );
                let (q, rest) = (self.program.int(), self.program.int());
                let ins = [
                    (a, Mode::FixedUse(r(0))),
                    (b, Mode::FixedUse(r(2))),
                    (c, Mode::Use),
                ];
                let outs = [(q, Mode::FixedDef(r(0))), (rest, Mode::FixedDef(r(2)))];
                Inst::op(id, ins.into_iter().chain(outs).collect())
            }
            4 => {
                let (t, d) = (self.program.vreg(class), self.program.vreg(class));
                Inst::op(
                    id,
                    vec![
                        (a, Mode::Use),
                        (b, Mode::LateUse),
                        (t, Mode::EarlyDef),
                        (d, Mode::Def),
                    ],
                )
            }
            5 => {
                let mut operands: Vec<_> = (0..self.random.below(12))
                    .map(|_| (self.some(RegClass::Int), Mode::AnyUse))
                    .collect();
                operands.push((self.program.int(), Mode::Def));
                Inst::op(id, operands)
            }
            6 => {
                // Everything fixed and lasting at once, as a compare-and-swap loop would have it.
                let (a, b) = (self.some(RegClass::Int), self.some(RegClass::Int));
                let (t, d) = (self.program.int(), self.program.int());
                let ins = [(a, Mode::FixedLateUse(r(1))), (b, Mode::AnyLateUse)];
                let outs = [(t, Mode::FixedEarlyDef(r(0))), (d, Mode::Def)];
                let clobbers = [r(2)].into_iter().collect();
                Inst::op(id, ins.into_iter().chain(outs).collect()).clobbering(clobbers)
            }
            _ => self.call(InstKind::Normal),
        }
    }

    /// Arguments and results in fixed registers, further results anywhere, the rest clobbered.
    fn call(&mut self, kind: InstKind) -> Inst {
        let mut operands = Vec::new();
        for register in [r(0), r(1), r(2), x(0)] {
            if self.random.below(2) == 0 {
                operands.push((self.some(register.class()), Mode::FixedUse(register)));
            }
        }
        if kind == InstKind::Normal && self.random.below(2) == 0 {
            operands.push((self.some(RegClass::Int), Mode::Use));
        }
        let mut results: Vec<PReg> = Vec::new();
        for register in [r(0), r(1), x(0)] {
            if self.random.below(2) == 0 {
                operands.push((
                    self.program.vreg(register.class()),
                    Mode::FixedDef(register),
                ));
                results.push(register);
            }
        }
        for _ in 0..self.random.below(3) {
            operands.push((self.fresh(), Mode::AnyDef));
        }
        Inst::new(self.id(), kind, operands).clobbering(call_clobbers(&results))
    }

    fn terminator(&mut self, successors: &[usize]) -> Inst {
        let id = self.id();
        if successors.is_empty() {
            let (a, b) = (self.some(RegClass::Int), self.some(RegClass::Float));
            return Inst::ret(id, vec![(a, Mode::FixedUse(r(0))), (b, Mode::AnyUse)]);
        }
        match self.random.below(5) {
            0 if successors.len() == 1 => Inst::jump(),
            0 | 1 => self.call(InstKind::Branch),
            2 => Inst::branch(id, Vec::new()),
            3 => Inst::branch(id, vec![(self.some(RegClass::Int), Mode::AnyUse)]),
            _ => Inst::branch(id, vec![(self.some(RegClass::Int), Mode::Use)]),
        }
    }
}

fn same_results(algorithm: Algorithm, wide_floats: bool) {
    let mut allocator = Allocator::new(Options::checked(algorithm));
    let (mut longest, mut splits, mut spills) = (0, 0, 0);
    for seed in 0..SEEDS {
        let program = Program {
            wide_floats,
            ..program(seed)
        };
        let expected = program.run(FUEL);
        let function = program
            .build()
            .unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        let allocation = allocator
            .allocate(&function, &registers())
            .unwrap_or_else(|error| panic!("seed {seed}: {error}\n{function}"));
        let found = run_allocated(&allocation, FUEL);
        assert!(
            found == expected,
            "seed {seed}\n{function}\n{}",
            allocation.display(|preg| preg.to_string())
        );
        longest = longest.max(expected.len());
        splits += allocation.stats().split_blocks;
        spills += allocation.stats().spills;
    }
    // The programs are worth running: loops, critical edges, pressure.
    assert_eq!(longest, FUEL);
    assert!(
        splits > 1_000 && spills > 1_000,
        "{splits} splits, {spills} spills"
    );
}

#[test]
fn backtracking_allocation_keeps_results() {
    same_results(Algorithm::Ion, false);
}

#[test]
fn fast_allocation_keeps_results() {
    same_results(Algorithm::Fast, false);
}

#[test]
fn wide_values_keep_both_halves() {
    same_results(Algorithm::Ion, true);
    same_results(Algorithm::Fast, true);
}

#[test]
fn allocation_is_deterministic_with_a_used_context() {
    let mut used = Allocator::new(Options::checked(Algorithm::Ion));
    for seed in 0..100 {
        let function = program(seed).build().expect("valid");
        let text = |allocator: &mut Allocator| {
            let allocation = allocator
                .allocate(&function, &registers())
                .expect("allocates");
            allocation.display(|preg| preg.to_string()).to_string()
        };
        let fresh = text(&mut Allocator::new(Options::checked(Algorithm::Ion)));
        assert_eq!(text(&mut used), fresh);
        assert_eq!(text(&mut used), fresh);
    }
}
