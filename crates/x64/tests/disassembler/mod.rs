//! An instruction against an independent disassembler.

use enjamb_x64::{Inst, Mem, Operand, Reg};
use iced_x86::{
    Decoder, DecoderOptions, Formatter, Instruction, IntelFormatter, MemorySizeOptions, NumberBase,
};

fn formatter() -> IntelFormatter {
    let mut formatter = IntelFormatter::new();
    let options = formatter.options_mut();
    options.set_number_base(NumberBase::Decimal);
    options.set_signed_immediate_operands(true);
    options.set_space_after_operand_separator(true);
    options.set_memory_size_options(MemorySizeOptions::Always);
    options.set_branch_leading_zeros(false);
    options.set_show_branch_size(false);
    options.set_use_pseudo_ops(false);
    formatter
}

/// The bytes of an instruction that refers to no label.
pub fn encode(inst: &Inst<Reg>) -> Vec<u8> {
    let mut bytes = Vec::new();
    let field = inst
        .encode(&mut bytes)
        .expect("instructions can be encoded");
    assert_eq!(field, None);
    bytes
}

/// What the disassembler makes of bytes.
pub fn decode(bytes: &[u8]) -> Instruction {
    Decoder::with_ip(64, bytes, 0, DecoderOptions::NONE).decode()
}

/// The bytes of an instruction are one instruction, of the same text.
pub fn check(inst: &Inst<Reg>) {
    let form = inst.op().info();
    let bytes = encode(inst);
    let decoded = decode(&bytes);
    assert_eq!(
        decoded.len(),
        bytes.len(),
        "{:?}: {inst}: {bytes:02x?}",
        form.op
    );
    let mut formatter = formatter();
    let mut text = String::new();
    if form.encoding.distance_bytes > 0 {
        formatter.format_mnemonic(&decoded, &mut text);
        text += &format!(" ${:+}", decoded.near_branch_target() as i64);
    } else {
        formatter.format(&decoded, &mut text);
        // An absolute address alone is printed unsigned there and signed here.
        let address = decoded.memory_displacement64();
        text = text.replace(&format!("[{address}]"), &format!("[{}]", address as i64));
    }
    if form.mnemonic.starts_with("rep ") {
        // The operands that the disassembler shows cannot be chosen.
        text.truncate(form.mnemonic.len());
    }
    assert_eq!(inst.to_string(), text, "{:?}: {bytes:02x?}", form.op);
}

/// The same, of an instruction with any operands: what cannot be encoded is an index in RSP.
pub fn check_any(inst: &Inst<Reg>) {
    let is_rsp = |mem: &Mem<Reg>| mem.index.is_some_and(|(index, _)| index == Reg::RSP);
    let mut operands = inst.operands().iter();
    let refused = operands.any(|operand| matches!(operand, Operand::Mem(mem) if is_rsp(mem)));
    match inst.encode(&mut Vec::new()) {
        Ok(_) if !refused => check(inst),
        Err(_) if refused => {}
        encoded => panic!("{:?}: {inst}: {encoded:?}", inst.op()),
    }
}
