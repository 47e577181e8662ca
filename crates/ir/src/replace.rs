//! Replacing the body of a function: what two modules must have in common, and the module that results.

use crate::context::uses_context;
use crate::entity::{Entity, FileId, FuncId, PrimaryMap};
use crate::function::Function;
use crate::module::{FunctionDecl, FunctionKind, Module};

/// What keeps functions of `new` from taking the place of those of `old`: the first declaration that is not
/// the same. Bodies may differ, and so may the names of source files.
///
/// # Errors
/// Names what is different.
pub fn check_replacement(old: &Module, new: &Module) -> Result<(), String> {
    check_declarations(old, new)?;
    // Functions of a module that never does are not made to give the word back.
    let uses = (uses_context(old), uses_context(new));
    same(uses.0 == uses.1, "whether they use the context word")
}

fn same(is_same: bool, what: &str) -> Result<(), String> {
    match is_same {
        true => Ok(()),
        false => Err(format!("the modules differ in {what}")),
    }
}

/// The same but for the context word, which is a matter of bodies: a module in which some were replaced may
/// have none left that uses it.
///
/// # Errors
/// Names what is different.
pub fn check_declarations(old: &Module, new: &Module) -> Result<(), String> {
    same(old.trusted == new.trusted, "whether they are trusted")?;
    same(old.fuel == new.fuel, "what they do about fuel")?;
    check_functions(&old.functions, &new.functions)?;
    each(&old.memories, &new.memories, "memory", |decl| &decl.name)?;
    each(&old.data, &new.data, "data", |decl| &decl.name)?;
    each(&old.globals, &new.globals, "global", |decl| &decl.name)?;
    each(&old.object_types, &new.object_types, "type", |decl| {
        &decl.name
    })?;
    each(&old.tables, &new.tables, "table", |decl| &decl.name)?;
    same(old.exports == new.exports, "their exports")
}

fn check_functions(
    old: &PrimaryMap<FuncId, FunctionDecl>,
    new: &PrimaryMap<FuncId, FunctionDecl>,
) -> Result<(), String> {
    for (old, new) in old.values().zip(new.values()) {
        let (name, is_same) = (&old.name, old.name == new.name);
        let (signature, other) = (old.signature(), new.signature());
        if is_same && signature != other {
            return Err(format!(
                "`%{name}` is {signature}, and {other} in the new module"
            ));
        }
        let is_same = is_same
            && match (&old.kind, &new.kind) {
                (FunctionKind::Body(_), FunctionKind::Body(_)) => true,
                (old, new) => old == new,
            };
        if !is_same {
            return Err(format!(
                "function `%{name}` is another one in the new module"
            ));
        }
    }
    same_number(old, new, "function", |decl| &decl.name)
}

fn each<K: Entity, D: PartialEq>(
    old: &PrimaryMap<K, D>,
    new: &PrimaryMap<K, D>,
    kind: &str,
    name: impl Fn(&D) -> &String,
) -> Result<(), String> {
    match old.values().zip(new.values()).find(|(old, new)| old != new) {
        Some((old, _)) => Err(format!(
            "{kind} `%{}` is another one in the new module",
            name(old)
        )),
        None => same_number(old, new, kind, name),
    }
}

fn same_number<K: Entity, D>(
    old: &PrimaryMap<K, D>,
    new: &PrimaryMap<K, D>,
    kind: &str,
    name: impl Fn(&D) -> &String,
) -> Result<(), String> {
    let common = old.len().min(new.len());
    if let Some(missing) = old.values().nth(common) {
        return Err(format!("the new module lacks {kind} `%{}`", name(missing)));
    }
    match new.values().nth(common) {
        Some(more) => Err(format!("the new module has {kind} `%{}` more", name(more))),
        None => Ok(()),
    }
}

impl Module {
    /// This module with the body that a function has in another one, which has the same declarations. Source
    /// files of both are in it.
    pub fn with_body_of(&self, function: FuncId, other: &Module) -> Module {
        let mut module = self.clone();
        let files = module.files.len();
        for name in other.files.values() {
            module.files.push(name.clone());
        }
        if let Some(body) = other.functions[function].body() {
            let mut body = body.clone();
            move_files(&mut body, files);
            module.functions[function].kind = FunctionKind::Body(Box::new(body));
        }
        module
    }
}

/// Lets positions refer to files that come so much later.
fn move_files(body: &mut Function, by: usize) {
    let moved = |file: FileId| FileId::from_index(file.index() + by);
    for inst in body.insts.keys() {
        if let Some(position) = &mut body.positions[inst] {
            position.file = moved(position.file);
        }
    }
    for point in body.points.values_mut() {
        if let Some(position) = &mut point.position {
            position.file = moved(position.file);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse_module;

    const OLD: &str = "file0 = \"old.lang\"
        import %host = \"host\" \"it\" (i64)
        memory %bytes 1..2
        global %count: i64 = 0
        type %box = { value: i64 }
        function %work(i64) -> i64 {
        block0(v0: i64):
            v1 = iadd v0, v0 @ file0:1:1
            return v1
        }
        export \"work\" = %work";

    fn difference(from: &str, to: &str) -> String {
        let new = OLD.replacen(from, to, 1);
        assert_ne!(new, OLD, "{from}");
        let (old, new) = (parse_module(OLD).unwrap(), parse_module(&new).unwrap());
        check_replacement(&old, &new).expect_err(to)
    }

    #[test]
    fn what_differs_is_named() {
        for (from, to, expected) in [
            (
                "\"it\"",
                "\"other\"",
                "function `%host` is another one in the new module",
            ),
            (
                "(i64)\n",
                "(i32)\n",
                "`%host` is (i64), and (i32) in the new module",
            ),
            (
                "1..2",
                "1..3",
                "memory `%bytes` is another one in the new module",
            ),
            (
                "%count: i64 = 0",
                "%count: i64 = 1",
                "global `%count` is another one in the new module",
            ),
            (
                "value: i64",
                "value: i32",
                "type `%box` is another one in the new module",
            ),
            (
                "memory %bytes 1..2\n",
                "\n",
                "the new module lacks memory `%bytes`",
            ),
            (
                "memory",
                "memory %more 1..1\nmemory",
                "memory `%bytes` is another one in the new module",
            ),
            (
                "global",
                "global %less: i64 = 0\nglobal",
                "global `%count` is another one in the new module",
            ),
            (
                "export \"work\"",
                "export \"play\"",
                "the modules differ in their exports",
            ),
            (
                "iadd v0, v0",
                "context_get",
                "the modules differ in whether they use the context word",
            ),
        ] {
            assert_eq!(difference(from, to), expected);
        }
        let more = format!("{OLD}\nglobal %more: i64 = 0");
        let (old, new) = (parse_module(OLD).unwrap(), parse_module(&more).unwrap());
        let message = check_replacement(&old, &new).expect_err("one more");
        assert_eq!(message, "the new module has global `%more` more");
    }

    #[test]
    fn a_body_brings_its_files() {
        let text = OLD.replace("old.lang", "new.lang").replace("iadd", "imul");
        let (old, new) = (parse_module(OLD).unwrap(), parse_module(&text).unwrap());
        check_replacement(&old, &new).unwrap();
        let work = old.function_named("work").unwrap();
        let both = old.with_body_of(work, &new);
        let files: Vec<&str> = both.files.values().map(String::as_str).collect();
        assert_eq!(files, ["old.lang", "new.lang"]);
        let text = both.to_string();
        assert!(text.contains("imul v0, v0 @ file1:1:1"), "{text}");
    }
}
