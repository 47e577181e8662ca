//! Any bytes are the decisions of what points save: nothing that is saved together overlaps, everything is aligned,
//! and the references of a point are where its fields are references.
#![no_main]

#[path = "../../crates/continuation/tests/support/mod.rs"]
mod support;

use enjamb_continuation::Layouts;
use enjamb_gen::Choices;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let mut choices = Choices::new(bytes);
    let (points, affinities) = support::random_needs(&mut |bound| choices.below(bound));
    support::check(&points, &Layouts::new(&points, &affinities));
});
