//! Many bugs in one build: the block around each is there once with the bug and once without, and which of them
//! runs is said by an environment variable when a program starts.
//!
//! ```text
//! { a(); b() }   →   {{ if crate::__planted::is(BUG) { a(); wrong() } else { a(); b() } }}
//! ```
//!
//! The block is the innermost one that contains all of the change, or the expression that is a closure's body. What
//! stands in no block (constants, tables, macros), or has to be known at compile time, cannot be switched.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::ops::Range;

use anyhow::{Context, Result};
use syn::spanned::Spanned;
use syn::visit::{self, Visit};

use super::{Edit, Mutation};

/// Holds the [hash](Mutation::hash) of the bug that is to run.
pub const VARIABLE: &str = "ENJAMB_PLANTED";

/// What stands behind the last line of every crate with bugs in it.
pub const MODULE: &str = "
mod __planted {
    pub(crate) fn is(bug: u64) -> bool {
        static BUG: std::sync::OnceLock<Option<u64>> = std::sync::OnceLock::new();
        let read = || std::env::var(\"ENJAMB_PLANTED\").ok()?.parse().ok();
        *BUG.get_or_init(read) == Some(bug)
    }
}
";

/// A file with bugs that can be switched.
pub struct Switched {
    /// The text.
    pub text: String,
    /// The bugs in it.
    pub bugs: Vec<&'static Mutation>,
    /// Which bugs stretches of the text belong to; of two that contain a place the first counts.
    stretches: Vec<(Range<usize>, Vec<&'static Mutation>)>,
}

impl Switched {
    /// Puts all bugs into the text of a file that can be switched there.
    pub fn new(source: &str, bugs: &[&'static Mutation]) -> Result<Switched> {
        let file = syn::parse_file(source).context("it does not parse")?;
        let mut blocks = Blocks::default();
        blocks.visit_file(&file);

        // Of blocks in each other the outermost comes first, and gets the bugs of those inside of it.
        let mut chosen: BTreeMap<(usize, Reverse<usize>), Vec<Edit>> = BTreeMap::new();
        for bug in bugs {
            let edit = bug.edit(source)?;
            if let Some(block) = blocks.around(source, &edit) {
                let place = (block.start, Reverse(block.end));
                chosen.entry(place).or_default().push(edit);
            }
        }
        let mut outermost: Vec<(Range<usize>, Vec<Edit>)> = Vec::new();
        for ((start, Reverse(end)), edits) in chosen {
            match outermost.last_mut() {
                Some((block, all)) if start < block.end => all.extend(edits),
                _ => outermost.push((start..end, edits)),
            }
        }
        let mut switched = Switched {
            text: String::with_capacity(source.len() * 2),
            bugs: Vec::new(),
            stretches: Vec::new(),
        };
        let mut copied = 0;
        for (block, edits) in outermost {
            switched.text.push_str(&source[copied..block.start]);
            switched.block(source, &block, &edits);
            copied = block.end;
        }
        switched.text.push_str(&source[copied..]);
        Ok(switched)
    }

    /// Writes a block once for each of its bugs, and as it was.
    fn block(&mut self, source: &str, block: &Range<usize>, edits: &[Edit<'static>]) {
        let start = self.text.len();
        self.text.push('{');
        for edit in edits {
            // Writing to a text cannot fail.
            let _ = write!(self.text, "if crate::__planted::is({}) {{", edit.bug.hash());
            let start = self.text.len();
            self.text.push_str(&edit.within(source, block));
            self.stretches
                .push((start..self.text.len(), vec![edit.bug]));
            self.text.push_str("\n} else ");
        }
        self.text.push('{');
        self.text.push_str(&source[block.clone()]);
        self.text.push_str("\n}}");
        let bugs: Vec<_> = edits.iter().map(|edit| edit.bug).collect();
        self.bugs.extend(&bugs);
        self.stretches.push((start..self.text.len(), bugs));
    }

    /// The bugs that what stands at a place may come from.
    pub fn bugs_at(&self, place: usize) -> &[&'static Mutation] {
        let around = |(stretch, _): &&(Range<usize>, _)| stretch.contains(&place);
        self.stretches
            .iter()
            .find(around)
            .map_or(&[], |found| &found.1)
    }
}

/// The insides of all blocks, and the bodies of closures, that run when the program does.
#[derive(Default)]
struct Blocks(Vec<Range<usize>>);

impl Blocks {
    /// The innermost one around a change, if with the change it still is one.
    fn around(&self, source: &str, edit: &Edit) -> Option<&Range<usize>> {
        let contains =
            |block: &&Range<usize>| block.start <= edit.place.start && edit.place.end <= block.end;
        let block = self
            .0
            .iter()
            .filter(contains)
            .min_by_key(|block| block.len())?;
        let changed = format!("{{{}\n}}", edit.within(source, block));
        syn::parse_str::<syn::Block>(&changed).ok().map(|_| block)
    }
}

impl<'ast> Visit<'ast> for Blocks {
    fn visit_block(&mut self, block: &'ast syn::Block) {
        let braces = block.brace_token.span;
        let (open, close) = (braces.open().byte_range(), braces.close().byte_range());
        self.0.push(open.end..close.start);
        visit::visit_block(self, block);
    }

    fn visit_expr_closure(&mut self, closure: &'ast syn::ExprClosure) {
        self.0.push(closure.body.span().byte_range());
        visit::visit_expr_closure(self, closure);
    }

    fn visit_item_fn(&mut self, function: &'ast syn::ItemFn) {
        if function.sig.constness.is_none() {
            visit::visit_item_fn(self, function);
        }
    }

    fn visit_impl_item_fn(&mut self, function: &'ast syn::ImplItemFn) {
        if function.sig.constness.is_none() {
            visit::visit_impl_item_fn(self, function);
        }
    }

    fn visit_item_const(&mut self, _: &'ast syn::ItemConst) {}

    fn visit_impl_item_const(&mut self, _: &'ast syn::ImplItemConst) {}

    fn visit_trait_item_const(&mut self, _: &'ast syn::TraitItemConst) {}

    fn visit_item_static(&mut self, _: &'ast syn::ItemStatic) {}

    fn visit_expr_const(&mut self, _: &'ast syn::ExprConst) {}

    fn visit_type(&mut self, _: &'ast syn::Type) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The text with these changes, each a text and what stands instead.
    fn switched(source: &str, changes: &[(&'static str, &'static str)]) -> Switched {
        let bug = |&(text, replacement): &(&'static str, &'static str)| {
            &*Box::leak(Box::new(Mutation {
                name: text,
                file: "f.rs",
                text,
                replacement,
                what: "w",
            }))
        };
        let bugs: Vec<_> = changes.iter().map(bug).collect();
        Switched::new(source, &bugs).unwrap()
    }

    /// The same with the names of bugs for their hashes, and without line breaks.
    fn text(source: &str, changes: &[(&'static str, &'static str)]) -> String {
        let switched = switched(source, changes);
        let mut text = switched.text.replace('\n', "");
        for bug in &switched.bugs {
            text = text.replace(&bug.hash().to_string(), bug.name);
        }
        text
    }

    #[test]
    fn the_innermost_block_is_there_twice() {
        assert_eq!(
            text("fn f() { if a { b(); } }", &[("b()", "c()")]),
            "fn f() { if a {{if crate::__planted::is(b()) { c(); } else { b(); }}} }"
        );
        assert_eq!(
            text("fn f() { g(|x| x + 1) }", &[("+ 1", "- 1")]),
            "fn f() { g(|x| {if crate::__planted::is(+ 1) {x - 1} else {x + 1}}) }"
        );
    }

    #[test]
    fn bugs_of_blocks_in_each_other_share_the_outer_one() {
        let both = switched(
            "fn f() { a(); if b { c(); } }",
            &[("a()", "x()"), ("c()", "y()")],
        );
        assert_eq!(both.text.matches("else").count(), 2);
        for (at, name) in [("x()", "a()"), ("y()", "c()")] {
            let bugs = both.bugs_at(both.text.find(at).unwrap());
            assert_eq!(bugs.iter().map(|bug| bug.name).collect::<Vec<_>>(), [name]);
        }
        let original = both.text.rfind("c()").unwrap();
        assert_eq!(both.bugs_at(original).len(), 2);
        assert!(both.bugs_at(0).is_empty());
    }

    #[test]
    fn what_runs_at_compile_time_or_is_no_block_any_more_is_left_out() {
        for source in [
            "const A: u8 = { 1 + 2 };",
            "const fn a() -> u8 { 1 + 2 }",
            "static A: [u8; 1 + 2] = [0; 3];",
            "macro_rules! a { () => { 1 + 2 } }",
        ] {
            assert_eq!(text(source, &[("1 + 2", "3")]), source);
        }
        let source = "fn f() { if a { b() } }";
        assert_eq!(text(source, &[("b()", "b() }")]), source);
    }
}
