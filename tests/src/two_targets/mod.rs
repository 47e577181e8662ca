//! What the two targets cost and what is checked of them: the part of `docs/performance.md` that comes
//! out the same on every machine.
//!
//! [`with_section`] puts it into the page. A test compares, and `cargo xtask bless` writes it anew;
//! `cargo xtask bench` writes it with the rest of the page.

mod encodings;
mod sizes;

/// What is before and behind the section in the page.
const MARKS: [&str; 2] = ["<!-- generated: two targets -->\n", "<!-- end -->\n"];

/// How the section begins, and any other.
const HEADING: &str = "\n## Two targets\n";
const ANY_HEADING: &str = "\n## ";

/// Bytes of code of an async call with four live values, on x86-64 and AArch64: with the same values live
/// across all calls, and with some of its own.
///
/// # Errors
/// If the program that is measured cannot be compiled.
pub fn bytes_of_a_point() -> Result<[[f64; 2]; 2], String> {
    let default_allocator = |[x64, aarch64, ..]: [f64; 4]| [x64, aarch64];
    Ok(sizes::bytes_of_a_point()?.map(default_allocator))
}

/// The section of a page, for another page: what was measured by other programs stays.
pub fn kept(page: &str) -> String {
    let [start, end] = MARKS;
    section(page, HEADING).map_or_else(
        || {
            format!(
                "{HEADING}\n{start}{end}\n### Emulation\n\n<!-- generated: emulation -->\n{end}"
            )
        },
        str::to_string,
    )
}

/// The section on a server, for another page: `cargo xtask bench server` measures it.
pub fn kept_server(page: &str) -> String {
    const HEADING: &str = "\n## A server\n";
    section(page, HEADING).map_or_else(
        || format!("{HEADING}\n<!-- generated: server -->\n<!-- end -->\n"),
        str::to_string,
    )
}

/// The section of a page that begins with a heading.
fn section<'a>(page: &'a str, heading: &str) -> Option<&'a str> {
    let section = &page[page.find(heading)?..];
    let length = section[heading.len()..].find(ANY_HEADING);
    Some(&section[..length.map_or(section.len(), |length| heading.len() + length)])
}

/// The page with the section as it has to be.
///
/// # Errors
/// If the page has no place for it, or a program of it cannot be compiled.
pub fn with_section(page: &str) -> Result<String, String> {
    let [start, end] = MARKS;
    let parts = page.split_once(start).and_then(|(before, rest)| {
        let (_, behind) = rest.split_once(end)?;
        Some((before, behind))
    });
    let (before, behind) = parts.ok_or("docs/performance.md has no section on two targets")?;
    let section = [
        ABOUT.to_string(),
        sizes::functions()?,
        sizes::points()?,
        encodings::table(),
        CHANGES.to_string(),
    ];
    Ok(format!(
        "{before}{start}\n{}\n{end}{behind}",
        section.join("\n")
    ))
}

const ABOUT: &str = "\
All but emulation is the same on every machine: `cargo xtask bless` writes it anew, and
`tests/tests/two_targets.rs` compares it.
";

const CHANGES: &str = "\
### What the second target changed in the first

Code for x86-64 came first, as one crate of 5,589 lines. When AArch64 came it was taken apart: after that
`crates/lower-x64` had 3,232 lines, and `crates/lower`, which names no target, 3,624. States, saved values and layouts
did not change: no pass on the IR and no line of `crates/continuation` was touched for the second target. What was:

- **Who drives.** Block order, deferral, calls, suspension blocks, bounds checks, frames and trap tables were written
  against registers and instructions of x86-64. Now they are generic over a target, which is asked through the traits
  of `crates/lower/src/backend.rs` and `crates/lower/src/emitter.rs`. Its own instructions are still those of its
  assembler over virtual registers, so no target has a second list of instructions.
- **Registers of the convention** were the assembler's. They are the allocator's (`PReg`) down to the emission, made
  from the numbers in `crates/abi/src/convention.rs`.
- **A condition may carry registers.** On x86-64 it is a condition on flags. `cbz` and `tbz` test a register and leave
  flags alone, so a predicate names its operands to the allocator, and branches, traps and selections take any.
- **What is folded is the target's to say**, before anything is lowered. x86-64 takes sums and scaled indexes into
  addresses; AArch64 takes shifts, extensions, products, complements, and tests of single bits as well.
- **Constants in memory have numbers.** They were labels in memory operands, which AArch64 does not have: there the
  assembler puts them into pools within reach of their loads.
- **Relocations** were distances of 32 bits. Branches of 26 bits, pages, and offsets in a page came to that. Hence code
  is published at page boundaries on both targets, and each says how far it reaches and what stands between functions.
- **The activation record is a table** (`crates/abi/src/activation.rs`), read by entry trampolines and by what is
  written for debuggers: AArch64 has eighteen registers of the host to keep, x86-64 five.
- **Return addresses are read through the target**, since branch protection signs them on AArch64, and where an
  exception lands there may have to be a landing pad.
- **Making code runnable has steps**, which are empty on x86-64 and clean caches on AArch64
  (`crates/runtime/src/processor.rs`).
- **Tests of compiled code are shared**: `crates/lower/tests/native` is part of the tests of both lowering crates.
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_section_is_kept_and_nothing_around_it() {
        let page = format!("# Page\n{HEADING}\nabout\n\n### Part\n\n## Next\n");
        assert_eq!(kept(&page), format!("{HEADING}\nabout\n\n### Part\n"));
        let last = format!("# Page\n{HEADING}\nabout\n");
        assert_eq!(kept(&last), format!("{HEADING}\nabout\n"));
        assert!(kept("# Page\n").contains(&MARKS.concat()));
        assert!(with_section("# Page\n").is_err());
    }
}
