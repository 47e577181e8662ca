//! What a Markdown document names: code spans, lines of code blocks and link targets, each with its line.

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

/// Where a mention stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Between backticks.
    Code,
    /// One line of a code block.
    Block,
    /// The target of a link.
    Link,
}

/// One mention of something.
#[derive(Debug, PartialEq, Eq)]
pub struct Mention {
    /// Where it stands.
    pub kind: Kind,
    /// Its line in the document, from 1.
    pub line: usize,
    /// What it says.
    pub text: String,
}

/// The documents that make promises about the tree.
pub fn is_document(path: &str) -> bool {
    let top = [
        "README.md",
        "ARCHITECTURE.md",
        "CONTRIBUTING.md",
        "CHANGELOG.md",
    ];
    top.contains(&path) || (path.starts_with("docs/") && path.ends_with(".md"))
}

/// Every mention in a document, in order.
pub fn mentions(document: &str) -> Vec<Mention> {
    let starts: Vec<usize> = std::iter::once(0)
        .chain(document.match_indices('\n').map(|(at, _)| at + 1))
        .collect();
    let line_of = |offset: usize| starts.partition_point(|start| *start <= offset);
    let mut mentions = Vec::new();
    let mut in_block = false;
    for (event, range) in Parser::new_ext(document, Options::ENABLE_TABLES).into_offset_iter() {
        let line = line_of(range.start);
        match event {
            Event::Code(text) => mentions.push(Mention {
                kind: Kind::Code,
                line,
                text: text.into_string(),
            }),
            Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                mentions.push(Mention {
                    kind: Kind::Link,
                    line,
                    text: dest_url.into_string(),
                });
            }
            Event::Start(Tag::CodeBlock(_)) => in_block = true,
            Event::End(TagEnd::CodeBlock) => in_block = false,
            Event::Text(text) if in_block => {
                for (index, code) in text.lines().enumerate() {
                    mentions.push(Mention {
                        kind: Kind::Block,
                        line: line + index,
                        text: code.to_owned(),
                    });
                }
            }
            _ => {}
        }
    }
    mentions
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_blocks_and_links_have_their_lines() {
        let found = mentions("A `span`.\n\n```sh\none\ntwo\n```\n\n| a |\n|---|\n| [x](y.md) |\n");
        let expected = [
            (Kind::Code, 1, "span"),
            (Kind::Block, 4, "one"),
            (Kind::Block, 5, "two"),
            (Kind::Link, 10, "y.md"),
        ];
        let found: Vec<_> = found
            .iter()
            .map(|mention| (mention.kind, mention.line, mention.text.as_str()))
            .collect();
        assert_eq!(found, expected);
    }
}
