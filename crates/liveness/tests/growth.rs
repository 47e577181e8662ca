//! Costs grow almost linearly, counted in steps where they are counted.

mod support;

use cpu_time::ThreadTime;
use enjamb_ir::{Block, Entity, Function, Opcode, Payload, Place, SlotData, Value};
use enjamb_liveness::{ControlFlow, Liveness, SlotLiveness};
use support::maker::Maker;
use support::shapes::SHAPES;

/// For a function eight times as large, an n log n analysis takes up to about ten times the steps
/// and a quadratic one 64 times.
const GROWTH: usize = 8;
const ALLOWED: f64 = 11.0;

#[test]
fn steps_and_bytes_grow_with_the_function() {
    for (name, make) in SHAPES {
        let cost = |blocks: usize| {
            let stats = Liveness::of(&make(blocks)).stats();
            (stats.steps as f64, stats.bytes as f64)
        };
        let (small, large) = (cost(500), cost(500 * GROWTH));
        let steps = large.0 / small.0;
        let bytes = large.1 / small.1;
        assert!(
            steps <= ALLOWED,
            "{name}: {GROWTH} times the blocks, {steps:.1} times the steps"
        );
        assert!(
            bytes <= ALLOWED,
            "{name}: {GROWTH} times the blocks, {bytes:.1} times the bytes"
        );
    }
}

#[test]
fn values_that_live_throughout_take_few_runs_each() {
    for (name, make) in SHAPES {
        let function = make(2000);
        let runs = Liveness::of(&function).stats().runs;
        let bound = 2 * (function.values.len() + function.order.len()) as u64;
        assert!(runs <= bound, "{name}: {runs} runs, {bound} allowed");
    }
}

/// All arms of a switch have the same values live into them, and these are collected once.
#[test]
fn what_lives_behind_a_switch_takes_no_more_room_than_it_needs() {
    let is_switch = |(name, _): &&support::shapes::Shape| name.starts_with("call in front");
    let (_, make) = SHAPES.iter().find(is_switch).expect("a shape");
    let function = make(2000);
    let entry = Block::from_index(0);
    let live = Liveness::of(&function).live_out(&function, entry);
    assert_eq!(live.len(), 201);
    assert!(
        live.capacity() < 1000,
        "room for {} values",
        live.capacity()
    );
}

/// A table with `targets` entries, all of them one block, which reads `slots` slots.
fn table_in_front_of_reads(targets: usize, slots: usize) -> Function {
    let mut maker = Maker::new();
    let [entry, reader, other] = [maker.block(), maker.block(), maker.block()];
    let condition = maker.constant(entry);
    let mut table: Vec<(Block, &[Value])> = vec![(reader, &[]); targets];
    table.push((other, &[]));
    maker.end(entry, Opcode::BrTable, &[condition], &table);
    for _ in 0..slots {
        let slot = maker.function.slots.push(SlotData { size: 8, align: 8 });
        let access = Payload::Access(Place::Slot(slot), 0);
        maker.inst(reader, Opcode::Load, access, &[], 1);
    }
    maker.leave(reader, &[]);
    maker.leave(other, &[]);
    maker.function
}

/// Many slots behind many edges cost what both cost apart, and not their product.
#[test]
fn slots_behind_parallel_edges() {
    let seconds = |targets: usize, slots: usize| {
        let function = table_in_front_of_reads(targets, slots);
        let flow = ControlFlow::new(&function);
        let runs = (0..5).map(|_| {
            let start = ThreadTime::now();
            let liveness = SlotLiveness::new(&function, &flow);
            let live = liveness.live_out(&function, function.order[0]);
            assert_eq!(live.len(), slots);
            start.elapsed().as_secs_f64()
        });
        runs.fold(f64::INFINITY, f64::min)
    };
    let many = 2000;
    let apart = seconds(many, 1) + seconds(1, many);
    let ratio = seconds(many, many) / apart;
    assert!(ratio < 5.0, "{ratio:.1} times as long as apart");
}
