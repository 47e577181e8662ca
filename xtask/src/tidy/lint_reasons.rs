//! Exceptions from lints: each `allow` and `expect` attribute gives its `reason`.

use proc_macro2::Span;
use syn::spanned::Spanned;
use syn::visit::Visit;
use syn::{Attribute, Meta};

use crate::project::Project;

/// Looks at each attribute of each Rust file.
pub fn check(project: &Project) -> Vec<String> {
    let mut findings = Vec::new();
    for (path, text) in project.rust_files() {
        match syn::parse_file(text) {
            Ok(file) => {
                let mut visitor = Exceptions::default();
                visitor.visit_file(&file);
                findings.extend(visitor.lines.iter().map(|line| format!("{path}:{line}: an exception from a lint without `reason`")));
            }
            Err(error) => findings.push(format!("{path}:{}: not readable as Rust: {error}", line_of(error.span()))),
        }
    }
    findings
}

/// Collects the lines of exceptions without a reason.
#[derive(Default)]
struct Exceptions {
    lines: Vec<usize>,
}

impl Visit<'_> for Exceptions {
    fn visit_attribute(&mut self, attribute: &Attribute) {
        let Meta::List(list) = &attribute.meta else { return };
        // The tokens also cover `cfg_attr(condition, allow(lint))`.
        let tokens = format!("{}({})", quote(&list.path), list.tokens);
        let exempts = ["allow", "expect"].iter().any(|word| list.path.is_ident(word))
            || (list.path.is_ident("cfg_attr") && [" allow (", " expect ("].iter().any(|word| tokens.contains(word)));
        if exempts && !tokens.contains("reason =") {
            self.lines.push(line_of(attribute.span()));
        }
    }
}

/// The line of a span, from 1; the feature `span-locations` makes it known outside procedural macros.
fn line_of(span: Span) -> usize {
    span.start().line
}

fn quote(path: &syn::Path) -> String {
    path.segments.iter().map(|segment| segment.ident.to_string()).collect::<Vec<_>>().join("::")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_exceptions_without_a_reason() {
        let text = "//! A module.\n#![allow(dead_code)]\n\
                    #[expect(unused, reason = \"shown by the test\")]\nfn f() {\n    #[allow(clippy::all)]\n    let x = 1;\n}\n\
                    const TEXT: &str = \"#[allow(dead_code)]\";\n";
        assert_eq!(
            check(&Project::of(&[("a.rs", text)])),
            ["a.rs:2: an exception from a lint without `reason`", "a.rs:5: an exception from a lint without `reason`"]
        );
        assert_eq!(check(&Project::of(&[("b.rs", "fn (")])).len(), 1);
    }
}
