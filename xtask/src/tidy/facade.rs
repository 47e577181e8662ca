//! The facade only re-exports: no function of its own, and few lines beside its documentation.

use syn::visit::Visit;
use syn::{ImplItemFn, ItemFn};

use crate::project::Project;

const FACADE: &str = "crates/enjamb/src/lib.rs";
/// The most lines of code, documentation and empty lines apart.
const LIMIT: usize = 60;

/// Looks at the facade's only file.
pub fn check(project: &Project) -> Vec<String> {
    let mut findings = Vec::new();
    for (path, text) in project.files_that(|path| path.starts_with("crates/enjamb/src/")) {
        if path != FACADE {
            findings.push(format!("{path}:1: the facade has one file"));
        }
        let code = |line: &&str| !line.trim().is_empty() && !line.trim_start().starts_with("//");
        let lines = text.lines().filter(code).count();
        if lines > LIMIT {
            findings.push(format!("{path}:1: {lines} lines of code, the limit is {LIMIT}"));
        }
        let mut functions = Functions(0);
        if let Ok(file) = syn::parse_file(text) {
            functions.visit_file(&file);
        }
        if functions.0 > 0 {
            findings.push(format!("{path}:1: {} functions; what they do belongs in a crate below", functions.0));
        }
    }
    findings
}

/// Counts functions.
struct Functions(usize);

impl Visit<'_> for Functions {
    fn visit_item_fn(&mut self, _: &ItemFn) {
        self.0 += 1;
    }

    fn visit_impl_item_fn(&mut self, _: &ImplItemFn) {
        self.0 += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_functions_further_files_and_length() {
        let long = "pub use a::b;\n".repeat(LIMIT + 1);
        let project = Project::of(&[
            (FACADE, "//! Doc: fn main() {}\n//! ```\n//! fn f() {}\n//! ```\npub use engine::Engine;\nfn f() {}\n"),
            ("crates/enjamb/src/more.rs", &long),
        ]);
        assert_eq!(
            check(&project),
            [
                "crates/enjamb/src/lib.rs:1: 1 functions; what they do belongs in a crate below",
                "crates/enjamb/src/more.rs:1: the facade has one file",
                "crates/enjamb/src/more.rs:1: 61 lines of code, the limit is 60",
            ]
        );
    }
}
