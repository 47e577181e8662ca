//! The bugs, by what they are planted in. Texts are short and distinctive, so that few changes touch them.

mod analysis;
mod ends;
mod instructions;
mod interpreter;
mod lowering;
mod objects;
mod observers;
mod passes;
mod runtime;
mod targets;
mod waiting;

use super::Mutation;

/// Every bug.
pub fn all() -> impl Iterator<Item = &'static Mutation> {
    let areas: [&[Mutation]; _] = [
        passes::ROWS,
        analysis::ROWS,
        lowering::ROWS,
        instructions::ROWS,
        targets::ROWS,
        objects::ROWS,
        runtime::ROWS,
        waiting::ROWS,
        observers::ROWS,
        interpreter::ROWS,
        ends::ROWS,
    ];
    areas.into_iter().flatten()
}

/// A row: name, file, text, replacement, and what goes wrong.
const fn bug(
    name: &'static str,
    file: &'static str,
    text: &'static str,
    replacement: &'static str,
    what: &'static str,
) -> Mutation {
    Mutation {
        name,
        file,
        text,
        replacement,
        what,
    }
}
