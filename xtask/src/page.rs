//! The parts of `docs/performance.md` that are measured with several programs.

use std::fs;

use anyhow::{Context, Result};

use crate::process::Workspace;

const PAGE: &str = "docs/performance.md";

/// Puts a part into the page, in the place of the old one of that name.
pub fn write_part(workspace: &Workspace, name: &str, part: &str) -> Result<()> {
    let path = workspace.root().join(PAGE);
    let page = fs::read_to_string(&path).with_context(|| format!("cannot read {PAGE}"))?;
    let page =
        with_part(&page, name, part).with_context(|| format!("{PAGE} has no place for {name}"))?;
    fs::write(&path, page).with_context(|| format!("cannot write {PAGE}"))
}

/// The page with another part of a name.
fn with_part(page: &str, name: &str, part: &str) -> Option<String> {
    let (start, end) = (format!("<!-- generated: {name} -->\n"), "<!-- end -->\n");
    let (before, rest) = page.split_once(&start)?;
    let (_, behind) = rest.split_once(end)?;
    Some(format!(
        "{before}{start}\n{}\n\n{end}{behind}",
        part.trim_end()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_takes_the_place_of_the_old_one_and_of_no_other() {
        let (start, end) = ("<!-- generated: a -->\n", "<!-- end -->\n");
        let page = format!("one\n{end}two\n{start}\nold\n\n{end}three\n");
        let expected = format!("one\n{end}two\n{start}\nnew\n\n{end}three\n");
        assert_eq!(with_part(&page, "a", "new\n"), Some(expected));
        assert_eq!(with_part("no marks\n", "a", "new\n"), None);
    }
}
