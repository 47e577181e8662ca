//! Documents name only what exists: paths of this repository, link targets, crates, and the commands of
//! `cargo xtask` and of `enjamb` (read from the command line definitions themselves).

use syn::{Attribute, Item};

use super::markdown::{Kind, Mention, is_document, mentions};
use crate::project::{Project, resolved};

/// Paths that begin so are meant from the root of the repository.
const FOLDERS: [&str; 8] = ["crates/", "docs/", "tests/", "examples/", "xtask/", "fuzz/", ".ci/", ".cargo/"];
/// The endings of files that a document names when it names them at the root.
const ENDINGS: [&str; 3] = [".md", ".toml", ".lock"];

/// Resolves every mention of every document.
pub fn check(project: &Project) -> Vec<String> {
    let commands = Commands { xtask: crate::command_names(), enjamb: enjamb_commands(project) };
    let mut findings = Vec::new();
    for (path, text) in project.files_that(is_document) {
        for mention in mentions(text) {
            let complaints = match mention.kind {
                Kind::Link => link_problem(project, path, &mention.text).into_iter().collect(),
                Kind::Code | Kind::Block => code_problems(project, &commands, &mention),
            };
            findings.extend(complaints.iter().map(|what| format!("{path}:{}: {what}", mention.line)));
        }
    }
    findings
}

/// The commands that exist.
struct Commands {
    xtask: Vec<String>,
    enjamb: Vec<String>,
}

fn link_problem(project: &Project, document: &str, target: &str) -> Option<String> {
    let file = target.split('#').next().unwrap_or_default();
    if target.contains("://") || target.starts_with("mailto:") || file.is_empty() {
        return None;
    }
    let folder = document.rsplit_once('/').map_or("", |(folder, _)| folder);
    (!project.exists(&resolved(folder, file))).then(|| format!("the link target {target} does not exist"))
}

fn code_problems(project: &Project, commands: &Commands, mention: &Mention) -> Vec<String> {
    let mut problems = Vec::new();
    let words: Vec<&str> = mention.text.split_whitespace().map(bare).collect();
    for (index, word) in words.iter().enumerate() {
        problems.extend(word_problem(project, word));
        let next = words.get(index + 1).copied().unwrap_or_default();
        // In prose-like blocks `enjamb` may be any word; a command line starts with it.
        let is_enjamb = *word == "enjamb" && (index == 0 || words[index - 1] == "$");
        let is_xtask = *word == "xtask" && index > 0 && words[index - 1] == "cargo";
        for (applies, name, known) in [(is_xtask, "cargo xtask", &commands.xtask), (is_enjamb, "enjamb", &commands.enjamb)] {
            if applies && is_command_word(next) && !known.iter().any(|command| command == next) {
                problems.push(format!("`{name} {next}` is no command"));
            }
        }
    }
    problems
}

/// A word without the punctuation of the sentence or the code round it.
fn bare(word: &str) -> &str {
    word.trim_matches(|character: char| "()[]{},;:\"'`".contains(character)).trim_end_matches('.')
}

fn is_command_word(word: &str) -> bool {
    !word.is_empty() && word.chars().all(|character| character.is_ascii_lowercase() || character == '-') && !word.starts_with('-')
}

fn word_problem(project: &Project, word: &str) -> Option<String> {
    if word.starts_with("enjamb-") && word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-') {
        let known = project.members.iter().any(|member| member.name == word);
        return (!known).then(|| format!("the crate {word} does not exist"));
    }
    let at_root = !word.contains('/') && ENDINGS.iter().any(|ending| word.ends_with(ending)) && !word.starts_with(['.', '*']);
    if !at_root && !FOLDERS.iter().any(|folder| word.starts_with(folder)) {
        return None;
    }
    // A line number and what a pattern leaves open are no part of the path.
    let path = word.split([':', '#']).next().unwrap_or(word);
    let fixed = match path.find(['*', '<', '{', '…', '$']) {
        Some(open) => path[..open].rsplit_once('/').map_or("", |(folder, _)| folder),
        None => path,
    };
    // A bare file name may stand for the file of that name in each crate.
    let anywhere = at_root && project.files.keys().any(|file| file.rsplit('/').next() == Some(fixed));
    (!anywhere && !project.exists(fixed)).then(|| format!("the path {word} does not exist"))
}

/// The subcommands of `enjamb`: the variants of the enums that derive clap's `Subcommand` in its crate, and
/// `help`, which clap adds.
fn enjamb_commands(project: &Project) -> Vec<String> {
    let mut commands = vec!["help".to_owned()];
    for (_, text) in project.rust_files().filter(|(path, _)| path.starts_with("crates/cli/src/")) {
        let Ok(file) = syn::parse_file(text) else { continue };
        for item in file.items {
            if let Item::Enum(definition) = item
                && definition.attrs.iter().any(derives_subcommand)
            {
                commands.extend(definition.variants.iter().map(|variant| kebab(&variant.ident.to_string())));
            }
        }
    }
    commands
}

fn derives_subcommand(attribute: &Attribute) -> bool {
    let mut found = false;
    if attribute.path().is_ident("derive") {
        let parsed = attribute.parse_nested_meta(|meta| {
            found |= meta.path.segments.last().is_some_and(|segment| segment.ident == "Subcommand");
            Ok(())
        });
        found &= parsed.is_ok();
    }
    found
}

/// clap's spelling of a variant: `RunAll` is `run-all`.
fn kebab(variant: &str) -> String {
    let mut name = String::new();
    for character in variant.chars() {
        if character.is_uppercase() && !name.is_empty() {
            name.push('-');
        }
        name.extend(character.to_lowercase());
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLI: &str = "//! The command.\n#[derive(Clone, clap::Subcommand)]\nenum Task { Run { file: String }, CheckAll }\n";

    fn findings(document: &str) -> Vec<String> {
        let project = Project::of(&[
            ("docs/x.md", document),
            ("README.md", ""),
            ("crates/ir/src/lib.rs", ""),
            ("crates/cli/src/main.rs", CLI),
        ]);
        check(&project.with_member("enjamb-ir", "crates/ir", &[]))
    }

    #[test]
    fn what_exists_is_accepted() {
        let good = "`crates/ir/src/lib.rs:12`, `crates/*/src`, `crates/ir/`, `README.md`, `lib.rs`, `enjamb-ir`,\n\
                    [a](../README.md#top) [b](https://example.org/docs/none) [c](#here)\n\n\
                    ```sh\ncargo xtask test --require-all\nenjamb run docs/x.md 20\nenjamb check-all\n```\n";
        assert_eq!(findings(good), [""; 0]);
    }

    #[test]
    fn what_does_not_exist_is_flagged_with_its_line() {
        let bad = "`crates/ir/src/gone.rs` and\n`enjamb-gone`, [a](gone.md)\n\n    cargo xtask dance\n\n`enjamb fly x`, `GONE.md`\n";
        assert_eq!(
            findings(bad),
            [
                "docs/x.md:1: the path crates/ir/src/gone.rs does not exist",
                "docs/x.md:2: the crate enjamb-gone does not exist",
                "docs/x.md:2: the link target gone.md does not exist",
                "docs/x.md:4: `cargo xtask dance` is no command",
                "docs/x.md:6: `enjamb fly` is no command",
                "docs/x.md:6: the path GONE.md does not exist",
            ]
        );
    }
}
