//! What the table says an allocator and a scheduler have to know, against the rules that mnemonics
//! follow.

use enjamb_aarch64::{Feature, Field, Flags, Kind, Op, Role};

/// Forms that keep a part of their destination, so that they read it.
const MERGING: [&str; 11] = [
    "movk", "bfm", "bfi", "bfxil", "bsl", "bit", "bif", "tbx", "umlal", "mla", "mls",
];

#[test]
fn destinations_are_written_and_sources_read() {
    for &op in Op::ALL {
        let form = op.info();
        let mnemonic = form.mnemonic();
        let is_store = mnemonic.starts_with("st");
        let is_insertion = format!("{op:?}").starts_with("Ins");
        for operand in form.operands {
            let Kind::Register(_, fields) = operand.kind else {
                continue;
            };
            let expected = match fields.first() {
                Some(Field::Rd) if MERGING.contains(&mnemonic) || is_insertion => Role::UseDef,
                Some(Field::Rd | Field::Rs) => Role::Def,
                Some(Field::Rt | Field::Rt2) if mnemonic.starts_with("ld") || mnemonic == "mrs" => {
                    Role::Def
                }
                _ => Role::Use,
            };
            assert_eq!(operand.role, expected, "{op:?}");
            assert!(!(is_store && fields.first() == Some(&Field::Rt)) || operand.role == Role::Use);
        }
    }
}

#[test]
fn flags_are_used_as_the_mnemonic_says() {
    let writes = [
        "adds", "subs", "cmp", "cmn", "negs", "ands", "bics", "tst", "fcmp", "fcmpe", "bl", "blr",
    ];
    let both = ["adcs", "sbcs", "ccmp", "ccmn", "fccmp", "msr"];
    for &op in Op::ALL {
        let form = op.info();
        let mnemonic = form.mnemonic();
        let has_condition = form
            .operands
            .iter()
            .any(|operand| matches!(operand.kind, Kind::Condition(_)));
        let expected = if both.contains(&mnemonic) {
            Flags::ReadWrite
        } else if writes.contains(&mnemonic) {
            Flags::Write
        } else if has_condition || ["adc", "sbc", "mrs"].contains(&mnemonic) {
            Flags::Read
        } else {
            Flags::Keep
        };
        assert_eq!(form.flags, expected, "{op:?}");
    }
}

#[test]
fn nothing_but_signed_returns_needs_an_extension() {
    let newer: Vec<Op> = Op::ALL
        .iter()
        .copied()
        .filter(|op| op.info().feature != Feature::Baseline)
        .collect();
    assert_eq!(newer, [Op::Retaa, Op::Retab]);
}
