//! `enjamb help` and the usage texts.

mod command;

use command::enjamb;

#[test]
fn help_explains_an_instruction() {
    let entry = enjamb(&["help", "iadd"]).succeeds();
    assert!(entry.starts_with("#### `v2 = iadd v0, v1`\n\nSum, modulo two to the width.\n"));
    assert_eq!(enjamb(&["help", "iadd.i64"]).succeeds(), entry);
    let errors = enjamb(&["help", "add"]).fails();
    assert!(
        errors.contains("iadd") && errors.contains("fadd"),
        "{errors}"
    );
    let errors = enjamb(&["help", "qqq"]).fails();
    assert!(errors.contains("there is no instruction `qqq`"), "{errors}");
}

#[test]
fn help_alone_lists_commands_and_instructions() {
    let overview = enjamb(&["help"]).succeeds();
    for expected in [
        "Usage: enjamb",
        "check",
        "Exit codes:",
        "Integer arithmetic:\n    iadd ",
    ] {
        assert!(overview.contains(expected), "{expected}");
    }
}

#[test]
fn every_subcommand_explains_itself() {
    let run = enjamb(&["run", "--help"]).succeeds();
    for expected in [
        "random:SEED",
        "virtual",
        "name=value",
        "--stats",
        "nan:0xBITS",
    ] {
        assert!(run.contains(expected), "{expected}");
    }
    let compile = enjamb(&["compile", "--help"]).succeeds();
    for expected in ["layout", "cfg-dot", "--pass-limit", "--json", "Graphviz"] {
        assert!(compile.contains(expected), "{expected}");
    }
    assert!(enjamb(&["check", "--help"]).succeeds().contains("caret"));
    assert!(enjamb(&["--version"]).succeeds().starts_with("enjamb "));
}
