//! Each rule broken once: the error names function, block, instruction and rule.

use enjamb_regalloc::{
    Algorithm, AllocationError, Allocator, InstKind, MachineFunctionBuilder, MachineInst as _,
    Options, PReg, RegClass, RegisterFile, Rule, Successor, VReg,
};

use crate::machine::{Inst, Mode, Program, r, registers, x};

fn ret(uses: &[VReg]) -> Inst {
    Inst::ret(99, uses.iter().map(|&vreg| (vreg, Mode::AnyUse)).collect())
}

/// The error of both algorithms with all checks on.
fn rejects(program: &Program) -> AllocationError {
    let errors = [Algorithm::Ion, Algorithm::Fast].map(|algorithm| {
        let mut allocator = Allocator::new(Options::checked(algorithm));
        program
            .build()
            .and_then(|function| allocator.allocate(&function, &registers()).map(|_| ()))
    });
    let [ion, fast] = errors.map(|result| result.expect_err("a broken rule"));
    assert_eq!(ion, fast);
    ion
}

fn expect(error: &AllocationError, rule: Rule, place: &str, message: &str) {
    let text = error.to_string();
    assert_eq!(error.rule, rule, "{text}");
    assert!(text.starts_with(&format!("program{place}: ")), "{text}");
    assert!(text.contains(message), "{text}");
}

/// One block with `inst` after a definition of two integers and a float.
fn one(make: impl FnOnce(&mut Program, [VReg; 3]) -> Inst) -> AllocationError {
    let mut program = Program::default();
    let (a, b, f) = (program.int(), program.int(), program.vreg(RegClass::Float));
    let inst = make(&mut program, [a, b, f]);
    let start = Inst::op(1, vec![(a, Mode::Def), (b, Mode::Def), (f, Mode::Def)]);
    program.block(&[], vec![start, inst, ret(&[a, b])], &[]);
    rejects(&program)
}

const SECOND: &str = ", b0, instruction 1";

#[test]
fn reuse_of_a_fixed_use() {
    let error = one(|p, [a, b, _]| {
        Inst::op(
            2,
            vec![
                (a, Mode::FixedUse(r(0))),
                (b, Mode::Use),
                (p.int(), Mode::ReuseDef(0)),
            ],
        )
    });
    expect(
        &error,
        Rule::ReuseOfRegisterUse,
        SECOND,
        "which is fixed: define that register",
    );
}

#[test]
fn reuse_of_what_cannot_be_reused() {
    let cases: [(Vec<Mode>, usize, &str); 5] = [
        (vec![Mode::AnyUse], 0, "may lie in a spill slot"),
        (vec![Mode::LateUse], 0, "no early use"),
        (vec![Mode::Use], 7, "does not exist"),
        (vec![Mode::Use], 1, "no early use"),
        (vec![Mode::Use], 32, "beyond the first 32"),
    ];
    for (modes, input, message) in cases {
        let error = one(|p, [a, ..]| {
            let mut operands: Vec<_> = modes.into_iter().map(|mode| (a, mode)).collect();
            operands.push((p.int(), Mode::ReuseDef(input)));
            Inst::op(2, operands)
        });
        expect(&error, Rule::ReuseOfRegisterUse, SECOND, message);
    }
    let error = one(|p, [_, _, f]| Inst::op(2, vec![(f, Mode::Use), (p.int(), Mode::ReuseDef(0))]));
    expect(&error, Rule::ReuseOfRegisterUse, SECOND, "another class");
    let error = one(|p, [a, b, _]| {
        let (c, d) = (p.int(), p.int());
        let uses = [(a, Mode::Use), (b, Mode::Use)];
        Inst::op(
            2,
            uses.into_iter()
                .chain([(c, Mode::ReuseDef(0)), (d, Mode::ReuseDef(1))])
                .collect(),
        )
    });
    expect(
        &error,
        Rule::ReuseOfRegisterUse,
        SECOND,
        "another definition reuses one too",
    );
}

#[test]
fn a_fixed_definition_that_is_clobbered() {
    let clobbers = [r(0), r(1)].into_iter().collect();
    let error = one(|p, _| Inst::op(2, vec![(p.int(), Mode::FixedDef(r(1)))]).clobbering(clobbers));
    expect(
        &error,
        Rule::ClobberDisjoint,
        SECOND,
        "fixed to p1i, which the instruction clobbers",
    );
    let error =
        one(|_, [a, ..]| Inst::op(2, vec![(a, Mode::FixedLateUse(r(0)))]).clobbering(clobbers));
    expect(&error, Rule::ClobberDisjoint, SECOND, "fixed to p0i");
}

#[test]
fn a_register_fixed_twice_at_one_point() {
    let error = one(|_, [a, b, _]| {
        Inst::op(
            2,
            vec![(a, Mode::FixedUse(r(0))), (b, Mode::FixedUse(r(0)))],
        )
    });
    expect(&error, Rule::FixedOnce, SECOND, "as another operand is");
    let error = one(|p, [a, ..]| {
        Inst::op(
            2,
            vec![
                (a, Mode::FixedLateUse(r(0))),
                (p.int(), Mode::FixedDef(r(0))),
            ],
        )
    });
    expect(&error, Rule::FixedOnce, SECOND, "as another operand is");
}

#[test]
fn a_register_outside_the_file_or_of_another_class() {
    let error = one(|_, [a, ..]| Inst::op(2, vec![(a, Mode::FixedUse(r(9)))]));
    expect(
        &error,
        Rule::FixedRegister,
        SECOND,
        "which the register file does not list",
    );
    let error = one(|_, [a, ..]| Inst::op(2, vec![(a, Mode::FixedUse(x(0)))]));
    expect(&error, Rule::FixedRegister, SECOND, "another class");
}

#[test]
fn more_register_operands_than_registers() {
    let error = one(|p, _| Inst::op(2, (0..7).map(|_| (p.int(), Mode::Def)).collect()));
    expect(
        &error,
        Rule::EnoughRegisters,
        SECOND,
        "7 late operands need Int registers, 6 are there",
    );
    let clobbers = [r(0), r(1), r(2)].into_iter().collect();
    let error = one(|p, _| {
        Inst::op(2, (0..4).map(|_| (p.int(), Mode::Def)).collect()).clobbering(clobbers)
    });
    expect(
        &error,
        Rule::EnoughRegisters,
        SECOND,
        "4 late operands need Int registers, 3 are there",
    );
    let vector = one(|p, _| Inst::op(2, vec![(p.vreg(RegClass::Vector), Mode::AnyDef)]));
    expect(
        &vector,
        Rule::EnoughRegisters,
        "",
        "no register of class Vector",
    );
}

#[test]
fn as_many_register_operands_as_registers() {
    let mut program = Program::default();
    let all: Vec<VReg> = (0..6).map(|_| program.int()).collect();
    let results: Vec<VReg> = (0..6).map(|_| program.int()).collect();
    let mut operands: Vec<_> = all.iter().map(|&vreg| (vreg, Mode::Use)).collect();
    operands.extend(results.iter().map(|&vreg| (vreg, Mode::Def)));
    let define = Inst::op(1, all.iter().map(|&vreg| (vreg, Mode::Def)).collect());
    let use_all = [all, results].concat();
    program.block(&[], vec![define, Inst::op(2, operands), ret(&use_all)], &[]);
    for algorithm in [Algorithm::Ion, Algorithm::Fast] {
        let function = program.build().expect("valid");
        Allocator::new(Options::checked(algorithm))
            .allocate(&function, &registers())
            .expect("fits");
    }
}

#[test]
fn values_without_a_definition() {
    let mut program = Program::default();
    let (a, unreachable) = (program.int(), program.int());
    program.block(&[], vec![ret(&[a])], &[]);
    program.block(
        &[],
        vec![
            Inst::op(1, vec![(unreachable, Mode::Def)]),
            ret(&[unreachable]),
        ],
        &[],
    );
    expect(
        &rejects(&program),
        Rule::Defined,
        ", b0, instruction 0",
        "v0 is used and has no definition",
    );
    program.blocks[0].insts[0] = ret(&[unreachable]);
    expect(
        &rejects(&program),
        Rule::Defined,
        ", b0, instruction 0",
        "v1 is used and has no definition",
    );
}

#[test]
fn definitions_that_are_not_single_or_do_not_dominate() {
    let error = one(|_, [a, ..]| Inst::op(2, vec![(a, Mode::Def)]));
    expect(
        &error,
        Rule::SingleDefinition,
        SECOND,
        "v0 is defined a second time",
    );
    let error = one(|p, _| {
        let c = p.int();
        Inst::op(2, vec![(c, Mode::Use), (c, Mode::Def)])
    });
    expect(
        &error,
        Rule::SingleDefinition,
        SECOND,
        "used by the instruction that defines it",
    );
    let mut program = Program::default();
    let a = program.int();
    program.block(&[], vec![Inst::branch(1, vec![])], &[(1, &[]), (2, &[])]);
    program.block(
        &[],
        vec![Inst::op(2, vec![(a, Mode::Def)]), Inst::jump()],
        &[(2, &[])],
    );
    program.block(&[], vec![ret(&[a])], &[]);
    expect(
        &rejects(&program),
        Rule::SingleDefinition,
        ", b2, instruction 0",
        "does not dominate",
    );
}

#[test]
fn definitions_of_terminators() {
    let mut program = Program::default();
    let a = program.int();
    program.block(
        &[],
        vec![Inst::branch(1, vec![(a, Mode::Def)])],
        &[(1, &[])],
    );
    program.block(&[], vec![ret(&[])], &[]);
    let place = ", b0, instruction 0";
    expect(
        &rejects(&program),
        Rule::TerminatorDefinition,
        place,
        "a register of the allocator's choice",
    );
    program.blocks[0].insts[0].operands[0].1 = Mode::FixedDef(r(0));
    program.blocks[1].insts[0] = ret(&[a]);
    let place = ", b1, instruction 0";
    expect(
        &rejects(&program),
        Rule::TerminatorDefinition,
        place,
        "used beyond its edges",
    );
}

#[test]
fn arguments_that_do_not_match() {
    let mut program = Program::default();
    let (a, param) = (program.int(), program.vreg(RegClass::Float));
    program.block(
        &[],
        vec![Inst::op(1, vec![(a, Mode::Def)]), Inst::jump()],
        &[(1, &[])],
    );
    program.block(&[param], vec![ret(&[])], &[]);
    expect(
        &rejects(&program),
        Rule::ArgumentsMatch,
        SECOND,
        "b1 has 1 parameters and gets 0 arguments",
    );
    program.blocks[0].successors[0].1 = vec![a];
    expect(
        &rejects(&program),
        Rule::ArgumentsMatch,
        SECOND,
        "of another class",
    );
}

#[test]
fn registers_of_another_function() {
    let error = one(|_, _| Inst::op(2, vec![(VReg::new(77, RegClass::Int), Mode::Use)]));
    expect(
        &error,
        Rule::KnownVReg,
        SECOND,
        "was not made by this function's builder",
    );
    let error =
        one(|_, [a, ..]| Inst::op(2, vec![(VReg::new(a.vreg(), RegClass::Float), Mode::Use)]));
    expect(
        &error,
        Rule::KnownVReg,
        SECOND,
        "was not made by this function's builder",
    );
}

/// The error of a function built call by call.
fn built(build: impl FnOnce(&mut MachineFunctionBuilder<Inst>)) -> AllocationError {
    let mut builder = MachineFunctionBuilder::new("program");
    build(&mut builder);
    builder.finish().err().expect("a broken rule")
}

#[test]
fn shapes_of_blocks() {
    expect(&built(|_| {}), Rule::HasEntry, "", "no blocks");
    let error = built(|b| {
        let (v, block) = (b.new_vreg(RegClass::Int), b.create_block());
        b.begin_block(block, &[v]);
        b.ret(ret(&[]));
    });
    expect(
        &error,
        Rule::EntryWithoutParams,
        "",
        "entry b0 has parameters",
    );
    let error = built(|b| {
        let block = b.create_block();
        b.begin_block(block, &[]);
        b.ret(ret(&[]));
        b.begin_block(block, &[]);
        b.ret(ret(&[]));
    });
    expect(
        &error,
        Rule::BlockBegunOnce,
        ", b0, instruction 1",
        "b0 is begun twice",
    );
    let error = built(|b| {
        let (block, other) = (b.create_block(), b.create_block());
        b.begin_block(block, &[]);
        b.jump(Successor::new(other, &[]));
    });
    expect(
        &error,
        Rule::BlockBegunOnce,
        ", b0, instruction 0",
        "successor b1 is never begun",
    );
}

#[test]
fn shapes_of_terminators() {
    let in_block = |build: &dyn Fn(&mut MachineFunctionBuilder<Inst>)| {
        built(|b| {
            let block = b.create_block();
            b.begin_block(block, &[]);
            build(b);
        })
    };
    let start = ", b0, instruction 0";
    expect(
        &in_block(&|_| {}),
        Rule::OneTerminator,
        start,
        "the last block has no terminator",
    );
    expect(
        &in_block(&|b| b.push(Inst::jump())),
        Rule::OneTerminator,
        start,
        "as ordinary instruction",
    );
    expect(
        &in_block(&|b| b.ret(Inst::jump())),
        Rule::TerminatorShape,
        start,
        "Jump is given as return",
    );
    let error = in_block(&|b| b.branch(Inst::branch(1, vec![]), &[]));
    expect(
        &error,
        Rule::TerminatorShape,
        start,
        "a Branch with 0 successors",
    );
    let error = in_block(&|b| {
        b.ret(ret(&[]));
        b.push(Inst::op(1, vec![]));
    });
    expect(
        &error,
        Rule::OneTerminator,
        ", b0, instruction 1",
        "follows the terminator",
    );
    let mut program = Program::default();
    let a = program.int();
    let jump = Inst::new(1, InstKind::Jump, vec![(a, Mode::Use)]);
    program.block(
        &[],
        vec![Inst::op(1, vec![(a, Mode::Def)]), jump],
        &[(1, &[])],
    );
    program.block(&[], vec![ret(&[])], &[]);
    expect(
        &rejects(&program),
        Rule::TerminatorShape,
        SECOND,
        "a jump has operands",
    );
}

#[test]
fn an_allocator_goes_on_after_an_error() {
    // Validation is off, so that the allocator itself stops half-way.
    let options = Options {
        validate: enjamb_regalloc::Check::Off,
        ..Options::default()
    };
    let mut wide = Program::default();
    let operands: Vec<_> = (0..8).map(|_| (wide.int(), Mode::Def)).collect();
    let all: Vec<VReg> = operands.iter().map(|&(vreg, _)| vreg).collect();
    wide.block(&[], vec![Inst::op(1, operands), ret(&all)], &[]);
    let wide = wide.build().expect("well shaped");
    let narrow: Vec<PReg> = vec![r(0), r(1), r(2), x(0), x(1)];
    let mut allocator = Allocator::new(options);
    for seed in 0..20 {
        let error = allocator
            .allocate(&wide, &RegisterFile::new(narrow.clone(), []))
            .err();
        assert_eq!(error.map(|error| error.rule), Some(Rule::EnoughRegisters));
        let program = crate::random::program(seed).build().expect("valid");
        allocator
            .allocate(&program, &registers())
            .expect("a clean context");
    }
}
