//! Control flow: edges that need a block, blocks that need no code, loops beside suspension points.

use enjamb_regalloc::{
    Algorithm, Allocator, Check, Item, MachineInst as _, Options, PRegSet, VReg,
};

use crate::machine::{Inst, Mode, Program, call_clobbers, r, registers, run_allocated};

const BOTH: [Algorithm; 2] = [Algorithm::Ion, Algorithm::Fast];

fn define(id: u64, vreg: VReg) -> Inst {
    Inst::op(id, vec![(vreg, Mode::Def)])
}

fn ret(uses: &[VReg]) -> Inst {
    Inst::ret(99, uses.iter().map(|&vreg| (vreg, Mode::AnyUse)).collect())
}

/// Both algorithms give what the program gives.
fn runs(program: &Program) {
    let function = program.build().expect("valid");
    for algorithm in BOTH {
        let mut allocator = Allocator::new(Options::checked(algorithm));
        let allocation = allocator
            .allocate(&function, &registers())
            .expect("allocates");
        assert_eq!(
            run_allocated(&allocation, 100),
            program.run(100),
            "{algorithm:?}\n{function}"
        );
    }
}

#[test]
fn a_critical_edge_under_a_branch_with_operands() {
    let mut program = Program::default();
    let (a, b, param) = (program.int(), program.int(), program.int());
    let test = Inst::branch(3, vec![(a, Mode::Use)]);
    program.block(
        &[],
        vec![define(1, a), define(2, b), test],
        &[(1, &[a]), (0, &[])],
    );
    program.block(
        &[param],
        vec![Inst::branch(5, vec![(param, Mode::Use)])],
        &[(1, &[b]), (2, &[])],
    );
    program.block(&[], vec![ret(&[a, b])], &[]);
    let function = program.build().expect("valid");
    // b0 to b1, b0 to the entry (which the caller also enters), b1 to itself.
    assert_eq!(
        function
            .blocks()
            .filter(|&block| function.is_split(block))
            .count(),
        3
    );
    runs(&program);
}

#[test]
fn a_branch_with_operands_and_one_successor_that_has_other_predecessors() {
    let mut program = Program::default();
    let (a, param) = (program.int(), program.int());
    program.block(
        &[],
        vec![define(1, a), Inst::branch(2, vec![])],
        &[(1, &[]), (2, &[a])],
    );
    let acts_late = Inst::branch(3, vec![(a, Mode::FixedUse(r(0)))]).clobbering(call_clobbers(&[]));
    program.block(&[], vec![acts_late], &[(2, &[a])]);
    program.block(&[param], vec![ret(&[param])], &[]);
    let function = program.build().expect("valid");
    assert_eq!(
        function
            .blocks()
            .filter(|&block| function.is_split(block))
            .count(),
        2
    );
    runs(&program);
}

#[test]
fn a_branch_that_only_clobbers_does_not_destroy_arguments() {
    let mut program = Program::default();
    let (a, param) = (program.int(), program.int());
    program.block(
        &[],
        vec![define(1, a), Inst::branch(2, vec![])],
        &[(1, &[]), (2, &[a])],
    );
    let everything: PRegSet = registers().allocatable();
    program.block(
        &[],
        vec![Inst::branch(3, vec![]).clobbering(everything)],
        &[(2, &[a])],
    );
    let uses = vec![(param, Mode::Use)];
    program.block(&[param], vec![Inst::op(4, uses), ret(&[param])], &[]);
    runs(&program);
}

#[test]
fn a_call_that_ends_a_block_passes_its_results() {
    let mut program = Program::default();
    let (a, x, y) = (program.int(), program.int(), program.int());
    let (p, q, s, t) = (program.int(), program.int(), program.int(), program.int());
    let operands = vec![
        (a, Mode::FixedUse(r(0))),
        (x, Mode::FixedDef(r(0))),
        (y, Mode::AnyDef),
    ];
    let call = Inst::branch(2, operands).clobbering(call_clobbers(&[r(0)]));
    program.block(&[], vec![define(1, a), call], &[(1, &[x, y]), (2, &[y, y])]);
    program.block(&[p, q], vec![ret(&[a, p, q])], &[]);
    program.block(&[s, t], vec![ret(&[t, s])], &[]);
    runs(&program);
}

#[test]
fn parallel_edges_of_a_table_share_a_block() {
    let mut program = Program::default();
    let a = program.int();
    let mut edges: Vec<(usize, &[VReg])> = vec![(2, &[]); 1_000];
    edges.push((1, &[]));
    program.block(
        &[],
        vec![define(1, a), Inst::branch(2, vec![(a, Mode::Use)])],
        &edges,
    );
    program.block(
        &[],
        vec![define(3, VReg::new(1, a.class())), Inst::jump()],
        &[(2, &[])],
    );
    program.block(&[], vec![ret(&[a])], &[]);
    program.int();
    let (function, labels) = program.labelled().expect("valid");
    assert_eq!(
        function
            .blocks()
            .filter(|&block| function.is_split(block))
            .count(),
        1
    );
    assert_eq!(function.block_successors(labels[0]).len(), 1_001);
    runs(&program);
}

#[test]
fn unreachable_blocks_are_dropped() {
    let mut program = Program::default();
    let (a, lost) = (program.int(), program.int());
    program.block(&[], vec![define(1, a), ret(&[a])], &[]);
    program.block(&[], vec![define(2, lost), Inst::jump()], &[(2, &[])]);
    program.block(&[], vec![ret(&[lost, a])], &[(1, &[])]);
    program.blocks[2].insts[0] = Inst::branch(3, vec![(lost, Mode::Use)]);
    let (function, labels) = program.labelled().expect("valid");
    assert_eq!(function.blocks().collect::<Vec<_>>(), [labels[0]]);
    let mut allocator = Allocator::new(Options::checked(Algorithm::Ion));
    let allocation = allocator
        .allocate(&function, &registers())
        .expect("allocates");
    assert_eq!(allocation.emission().resolve(labels[2]), None);
    assert_eq!(allocation.block(labels[2]).count(), 0);
    runs(&program);
}

#[test]
fn blocks_without_code_are_skipped_and_cold_ones_come_last() {
    let mut program = Program::default();
    let a = program.int();
    program.block(
        &[],
        vec![define(1, a), Inst::branch(2, vec![(a, Mode::Use)])],
        &[(1, &[]), (2, &[])],
    );
    program.block(
        &[],
        vec![Inst::op(3, vec![(a, Mode::Use)]), Inst::jump()],
        &[(3, &[])],
    );
    program.block(&[], vec![Inst::jump()], &[(4, &[])]);
    program.block(&[], vec![ret(&[a])], &[]);
    program.block(&[], vec![Inst::jump()], &[(3, &[])]);
    program.blocks[1].cold = true;
    let (function, labels) = program.labelled().expect("valid");
    for algorithm in BOTH {
        let mut allocator = Allocator::new(Options::checked(algorithm));
        let allocation = allocator
            .allocate(&function, &registers())
            .expect("allocates");
        let plan = allocation.emission();
        assert_eq!(plan.blocks(), [labels[0], labels[3], labels[1]]);
        assert_eq!(plan.iter().last(), Some((labels[1], None)));
        assert_eq!(allocation.successor(labels[0], 1), Some(labels[3]));
        assert_eq!(allocation.successor(labels[0], 2), None);
        assert_eq!(plan.resolve(labels[2]), Some(labels[3]));
        assert_eq!(allocation.stats().skipped_blocks, 2);
    }
    runs(&program);
}

#[test]
fn an_endless_loop_without_code_keeps_a_block() {
    let mut program = Program::default();
    program.block(&[], vec![Inst::jump()], &[(1, &[])]);
    program.block(&[], vec![Inst::jump()], &[(2, &[])]);
    program.block(&[], vec![Inst::jump()], &[(1, &[])]);
    let (function, labels) = program.labelled().expect("valid");
    let mut allocator = Allocator::new(Options::checked(Algorithm::Ion));
    let allocation = allocator
        .allocate(&function, &registers())
        .expect("allocates");
    assert_eq!(allocation.emission().blocks(), [labels[0], labels[1]]);
    assert_eq!(allocation.successor(labels[1], 0), Some(labels[1]));
}

/// Three loop-carried values and two constants, entered from the start or from a resumption block; the
/// loop's branch may leave to a suspension block that stores everything and calls.
#[test]
fn a_suspension_beside_a_loop_moves_nothing_inside_it() {
    let mut program = Program::default();
    let v: Vec<VReg> = (0..24).map(|_| program.int()).collect();
    let two = |id, from, other, to| {
        Inst::op(
            id,
            vec![
                (from, Mode::Use),
                (other, Mode::Use),
                (to, Mode::ReuseDef(0)),
            ],
        )
    };
    // Entry with dispatch, resumption, start, loop head, latch, exit, suspension.
    program.block(
        &[],
        vec![define(1, v[0]), Inst::branch(2, vec![(v[0], Mode::Use)])],
        &[(1, &[]), (2, &[])],
    );
    let resume = vec![
        define(3, v[1]),
        define(4, v[2]),
        define(5, v[3]),
        Inst::jump(),
    ];
    program.block(&[], resume, &[(3, &v[1..4])]);
    let start = vec![
        define(6, v[4]),
        define(7, v[5]),
        define(8, v[6]),
        Inst::jump(),
    ];
    program.block(&[], start, &[(3, &v[4..7])]);
    let head = vec![
        two(9, v[7], v[8], v[10]),
        Inst::branch(10, vec![(v[10], Mode::Use)]),
    ];
    program.block(&v[7..10], head, &[(4, &[]), (6, &[])]);
    let latch = vec![
        two(11, v[8], v[0], v[11]),
        Inst::branch(12, vec![(v[11], Mode::Use)]),
    ];
    program.block(&[], latch, &[(3, &[v[10], v[11], v[9]]), (5, &[])]);
    program.block(&[], vec![ret(&[v[10], v[11], v[9]])], &[]);
    let mut suspend: Vec<Inst> = [v[10], v[8], v[9], v[0]]
        .into_iter()
        .enumerate()
        .map(|(place, vreg)| Inst::op(20 + place as u64, vec![(vreg, Mode::Use)]))
        .collect();
    let call = vec![(v[10], Mode::FixedUse(r(0))), (v[8], Mode::FixedUse(r(1)))];
    suspend.push(Inst::op(30, call).clobbering(call_clobbers(&[])));
    suspend.push(ret(&[v[9]]));
    program.block(&[], suspend, &[]);
    for cold in [1, 6] {
        program.blocks[cold].cold = true;
    }
    runs(&program);
    let (function, labels) = program.labelled().expect("valid");
    let mut allocator = Allocator::new(Options::checked(Algorithm::Ion));
    let allocation = allocator
        .allocate(&function, &registers())
        .expect("allocates");
    let text = allocation.display(|preg| preg.to_string()).to_string();
    let back_edge = function.blocks().find(|&b| {
        function.is_split(b) && function.block_successors(b) == [labels[3]] && !function.is_cold(b)
    });
    let back_edge = back_edge.expect("the back edge is critical");
    for block in [labels[3], labels[4], back_edge] {
        let moves = allocation
            .block(block)
            .filter(|item| matches!(item, Item::Move { .. }))
            .count();
        assert_eq!(moves, 0, "{block} of\n{text}");
    }
    let warm = allocation
        .emission()
        .blocks()
        .iter()
        .take_while(|&&block| !function.is_cold(block))
        .count();
    assert_eq!(warm + 2, allocation.emission().blocks().len(), "{text}");
}

#[test]
fn callee_saved_registers_are_reported_when_written() {
    let mut program = Program::default();
    let (a, b) = (program.int(), program.int());
    let call = Inst::op(2, vec![(b, Mode::FixedDef(r(0)))]).clobbering(call_clobbers(&[r(0)]));
    program.block(
        &[],
        vec![
            define(1, a),
            call,
            Inst::ret(3, vec![(a, Mode::Use), (b, Mode::Use)]),
        ],
        &[],
    );
    let function = program.build().expect("valid");
    let mut allocator = Allocator::new(Options::checked(Algorithm::Ion));
    let allocation = allocator
        .allocate(&function, &registers())
        .expect("allocates");
    // The value lives across the call in a callee-saved register.
    let saved: Vec<_> = allocation.callee_saved_written().into_iter().collect();
    assert_eq!(
        saved,
        [allocation.locations(0)[0].as_reg().expect("a register")]
    );
    assert_eq!(allocation.spill_slots(), 0);
    let clobbered = {
        let mut program = Program::default();
        program.block(
            &[],
            vec![ret(&[]).clobbering([r(4)].into_iter().collect())],
            &[],
        );
        let function = program.build().expect("valid");
        let mut allocator = Allocator::new(Options {
            check: Check::Off,
            ..Options::default()
        });
        allocator
            .allocate(&function, &registers())
            .expect("allocates")
            .callee_saved_written()
    };
    assert_eq!(clobbered, [r(4)].into_iter().collect());
}

#[test]
fn text_before_and_after_allocation() {
    let mut program = Program::default();
    let (a, p) = (program.int(), program.int());
    program.block(&[], vec![define(1, a), Inst::jump()], &[(1, &[a])]);
    program.block(
        &[p],
        vec![Inst::ret(2, vec![(p, Mode::FixedUse(r(1)))])],
        &[],
    );
    program.blocks[1].cold = true;
    let function = program.build().expect("valid");
    let before = function.to_string();
    assert!(before.contains("b1(v1): ; cold"), "{before}");
    assert!(before.contains("-> b1(v0)"), "{before}");
    let mut allocator = Allocator::new(Options::checked(Algorithm::Ion));
    let allocation = allocator
        .allocate(&function, &registers())
        .expect("allocates");
    let after = allocation
        .display(|preg| format!("r{}", preg.hw_enc()))
        .to_string();
    assert!(after.contains("; v1 = r1"), "{after}");
}

#[test]
fn an_edge_is_as_cold_as_its_colder_end_and_lies_outside_the_loop_it_leaves() {
    // A loop of two blocks, either of which may leave to one cold block.
    let mut program = Program::default();
    let (a, param) = (program.int(), program.int());
    let test = |id| Inst::branch(id, vec![(a, Mode::Use)]);
    program.block(&[], vec![define(1, a), Inst::jump()], &[(1, &[])]);
    program.block(&[], vec![test(2)], &[(2, &[]), (4, &[a])]);
    program.block(&[], vec![test(3)], &[(1, &[]), (3, &[]), (4, &[a])]);
    program.block(&[], vec![ret(&[a])], &[]);
    program.block(&[param], vec![ret(&[param])], &[]);
    program.blocks[4].cold = true;
    let (function, labels) = program.labelled().expect("valid");
    let order: Vec<_> = function.blocks().collect();
    let on_edge: Vec<bool> = order
        .iter()
        .map(|&block| function.is_split(block))
        .collect();
    // The back edge right behind its source, the two cold ones right before their target.
    assert_eq!(
        on_edge,
        [false, false, false, true, false, true, true, false]
    );
    let cold: Vec<bool> = order.iter().map(|&block| function.is_cold(block)).collect();
    assert_eq!(cold, [false, false, false, false, false, true, true, true]);
    assert_eq!(function.block_successors(order[3]), [labels[1]]);
    runs(&program);
}
