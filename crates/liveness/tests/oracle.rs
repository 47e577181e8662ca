//! Everything the crate finds out, compared with definitions written down naively, on random
//! functions: nested and tangled ones, with unreachable blocks and irreducible cycles. The fuzz targets `dominators`
//! and `liveness` do the same with decisions of their own.

mod support;

use support::random::{self, Generated, Random};
use support::{effects, oracle};

const CASES: u64 = 1500;
const PROGRAMS: u64 = 100;

fn for_each_case(check: impl Fn(&Generated)) {
    for seed in 0..CASES {
        let mut random = Random(seed);
        check(&random::any(&mut |bound| random.below(bound)));
    }
}

#[test]
fn control_flow_lists_every_edge() {
    for_each_case(|case| oracle::control_flow(&case.graph, &case.function));
}

#[test]
fn dominators_are_what_cuts_a_block_off() {
    for_each_case(|case| oracle::dominator_tree(&case.graph, &case.function));
}

#[test]
fn loops_are_natural_loops() {
    for_each_case(|case| oracle::loops(&case.graph, &case.function));
}

#[test]
fn values_live_where_the_equations_say() {
    for_each_case(|case| oracle::values(&case.graph, &case.function));
}

#[test]
fn slots_live_where_the_equations_say() {
    for_each_case(|case| oracle::slots(&case.graph, &case.function, &case.effects));
}

/// What is said of programs is what random functions know of themselves.
#[test]
fn effects_are_those_that_were_meant() {
    for_each_case(|case| {
        let mut found = effects::of(&case.function);
        found.retain(|_, effects| !effects.is_empty());
        assert_eq!(found, case.effects);
    });
}

#[test]
fn uses_are_all_operands() {
    for_each_case(|case| oracle::uses(&case.function));
}

/// Functions as front ends write them: exceptions, tables of branches, hundreds of suspension points.
#[test]
fn all_of_it_in_random_programs() {
    for seed in 0..PROGRAMS {
        let program = enjamb_gen::program(&enjamb_gen::bytes_of_seed(seed)).expect("a program");
        for (_, function) in program.module.bodies() {
            let graph = oracle::graph(function);
            oracle::control_flow(&graph, function);
            oracle::dominator_tree(&graph, function);
            oracle::values(&graph, function);
            oracle::slots(&graph, function, &effects::of(function));
            oracle::uses(function);
        }
    }
}
