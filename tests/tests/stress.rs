//! A moment of `cargo xtask stress`: calls of a few instances on eight threads, and all counts right.

#[path = "../examples/stress/load.rs"]
mod load;

use std::time::Duration;

#[test]
fn calls_on_eight_threads_are_handed_over_and_none_is_lost() {
    // Threads of an emulated processor take turns much more slowly.
    let is_emulated = std::env::var_os("ENJAMB_EMULATOR").is_some();
    let figures = load::run(load::Settings {
        threads: 8,
        time: Duration::from_millis(if is_emulated { 500 } else { 2000 }),
        hand_overs: if is_emulated { 100 } else { 10_000 },
        seed: 1,
    });
    println!("{figures}");
    assert_eq!(figures.problems, [""; 0]);
    assert!(
        figures.calls > 100 && figures.cancels > 10 && figures.tasks > 10,
        "{figures}"
    );
}
