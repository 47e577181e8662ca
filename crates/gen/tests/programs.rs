//! What random programs are like.

use enjamb_gen::{Coverage, Size, bytes_of_seed, program, program_of_size};
use enjamb_ir::{Opcode, parse_module, verify_module};

/// What only passes write: root slots, fuel checks, and the instructions of state machines. And the address of a
/// linear memory, which is another one in each engine.
const WITHOUT: &[Opcode] = &[
    Opcode::MemoryBase,
    Opcode::RootSet,
    Opcode::RootGet,
    Opcode::FuelCheck,
    Opcode::FuelLeft,
    Opcode::IsSuspended,
    Opcode::ContState,
    Opcode::OwnContinuation,
    Opcode::HasLayout,
    Opcode::NewContinuation,
    Opcode::FieldStore,
    Opcode::FieldLoad,
    Opcode::FieldSaveSlot,
    Opcode::FieldRestoreSlot,
    Opcode::ResultLoad,
    Opcode::SetPoint,
    Opcode::Link,
    Opcode::Suspend,
];

#[test]
fn programs_have_every_instruction() {
    let mut coverage = Coverage::default();
    for seed in 1..=800 {
        let made = program(&bytes_of_seed(seed)).unwrap_or_else(|error| panic!("{seed}: {error}"));
        coverage.add(&made.module);
    }
    let missing: Vec<Opcode> = coverage.missing().collect();
    println!("{coverage}");
    assert_eq!(missing, WITHOUT);
    let folds = [
        ("imul", "iadd"),
        ("icmp", "brif"),
        ("is_null", "brif"),
        ("load", "iadd"),
    ];
    let folds = folds.map(|(inner, outer)| format!("fold {inner} into {outer}"));
    let kinds = ["parameter addr", "parameter task", "block parameter task"].map(String::from);
    for what in folds.iter().chain(&kinds) {
        assert!(coverage.count(what) > 40, "{what}");
    }
}

#[test]
fn few_bytes_make_a_program_too() {
    let bytes = bytes_of_seed(1);
    for length in 0..200 {
        let made = program(&bytes[..length]).unwrap_or_else(|error| panic!("{length}: {error}"));
        verify_module(&made.module).unwrap_or_else(|error| panic!("{length}: {error}"));
    }
}

#[test]
fn sizes_are_kept_and_seeds_repeat() {
    for (size, blocks) in [(Size::TINY, 40), (Size::ORDINARY, 400), (Size::LARGE, 8000)] {
        let mut most = 0;
        for seed in 0..40 {
            let bytes = bytes_of_seed(seed);
            let made = program_of_size(&bytes, size).unwrap();
            let again = program_of_size(&bytes, size).unwrap();
            assert_eq!(made.module.to_string(), again.module.to_string());
            assert_eq!(parse_module(&made.module.to_string()).unwrap(), made.module);
            let bodies: Vec<_> = made.module.bodies().collect();
            assert!((1..=size.functions).contains(&bodies.len()));
            most = bodies
                .iter()
                .map(|(_, body)| body.order.len())
                .sum::<usize>()
                .max(most);
        }
        assert!(most <= blocks, "{size:?}: {most}");
        println!("{size:?}: {most} blocks");
    }
}

#[test]
fn coverage_adds_up_and_reads_back() {
    let mut whole = Coverage::default();
    let mut parts = [Coverage::default(), Coverage::default()];
    for seed in 0..10 {
        let made = program(&bytes_of_seed(seed)).unwrap();
        whole.add(&made.module);
        parts[seed as usize % 2].add(&made.module);
    }
    whole.note("ends with results");
    parts[0].note("ends with results");
    let [mut first, second] = parts;
    first.extend(&second);
    assert_eq!(first, whole);
    assert_eq!(whole.to_string().parse(), Ok(whole.clone()));
    assert_eq!(whole.count("programs"), 10);
    assert_eq!(
        "no number here".parse::<Coverage>(),
        Err("no number here".to_string())
    );
}
