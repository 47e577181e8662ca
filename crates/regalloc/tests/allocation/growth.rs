//! Large functions: time grows with size, and the quadratic checker is skipped where it would hurt.

use cpu_time::ThreadTime;
use std::time::Duration;

use enjamb_regalloc::{Algorithm, Allocator, FAST_CHECK_LIMIT, MachineInst as _, Options, VReg};

use crate::machine::{Inst, Mode, Program, call_clobbers, r, registers};

/// A chain of diamonds with twelve live values and a call in each.
fn diamonds(insts: usize) -> Program {
    let mut program = Program::default();
    let mut live: Vec<VReg> = (0..12).map(|_| program.int()).collect();
    let mut entry: Vec<Inst> = live
        .iter()
        .map(|&vreg| Inst::op(1, vec![(vreg, Mode::Def)]))
        .collect();
    entry.push(Inst::jump());
    program.block(&[], entry, &[(1, &[])]);
    for step in 0..insts / 10 {
        let head = program.blocks.len();
        let test = Inst::branch(2, vec![(live[step % 12], Mode::Use)]);
        program.block(&[], vec![test], &[(head + 1, &[]), (head + 2, &[])]);
        let (from, other) = (live[(step + 3) % 12], live[(step + 7) % 12]);
        for side in 0..2 {
            let (sum, result) = (program.int(), program.int());
            let uses = vec![
                (from, Mode::Use),
                (other, Mode::AnyUse),
                (sum, Mode::ReuseDef(0)),
            ];
            let call = vec![(sum, Mode::FixedUse(r(0))), (result, Mode::FixedDef(r(0)))];
            let call = Inst::op(4, call).clobbering(call_clobbers(&[r(0)]));
            let body = vec![Inst::op(3 + side, uses), call, Inst::jump()];
            program.block(&[], body, &[(head + 3, &[result])]);
        }
        let param = program.int();
        live[(step + 3) % 12] = param;
        let body = vec![Inst::op(5, vec![(param, Mode::Use)]), Inst::jump()];
        program.block(&[param], body, &[(head + 4, &[])]);
    }
    let uses = live.iter().map(|&vreg| (vreg, Mode::AnyUse)).collect();
    program.block(&[], vec![Inst::ret(6, uses)], &[]);
    program
}

/// The best of three runs, in time of the processor.
fn time(program: &Program, algorithm: Algorithm) -> Duration {
    let mut allocator = Allocator::new(Options::new(algorithm));
    let runs = (0..3).map(|_| {
        let start = ThreadTime::now();
        let function = program.build().expect("valid");
        let allocation = allocator
            .allocate(&function, &registers())
            .expect("allocates");
        let large = function.num_insts() > FAST_CHECK_LIMIT && algorithm == Algorithm::Fast;
        let skipped = usize::from(large && cfg!(debug_assertions));
        assert_eq!(allocation.stats().checker_skipped, skipped);
        start.elapsed()
    });
    runs.min().unwrap_or_default()
}

#[test]
fn a_hundred_thousand_instructions_are_fast() {
    let (small, large) = (diamonds(10_000), diamonds(100_000));
    let (small, large) = (time(&small, Algorithm::Fast), time(&large, Algorithm::Fast));
    // Ten times the size; a quadratic step anywhere would show as a hundred times the time.
    assert!(
        large < small * 40,
        "{small:?} for 10,000, {large:?} for 100,000 instructions"
    );
}

#[test]
fn the_checker_runs_up_to_its_limit() {
    let program = diamonds(4_000);
    assert!(program.build().expect("valid").num_insts() < FAST_CHECK_LIMIT);
    for algorithm in [Algorithm::Ion, Algorithm::Fast] {
        let function = program.build().expect("valid");
        let mut allocator = Allocator::new(Options::checked(algorithm));
        let allocation = allocator
            .allocate(&function, &registers())
            .expect("allocates");
        assert_eq!(allocation.stats().checker_skipped, 0);
        assert!(allocation.stats().moves > 0);
    }
}
