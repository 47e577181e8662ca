//! The Intel manual's notation for an encoding, parsed while the crate is compiled.

/// What the ModRM byte of a form holds in its `reg` field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ModRm {
    /// The form has no ModRM byte.
    None,
    /// A register operand.
    Register,
    /// A digit that extends the opcode.
    Digit(u8),
}

/// A parsed encoding.
///
/// A row of the table holds the encoding as the manual prints it ("Interpreting the Instruction
/// Reference Pages", volume 2, 3.1.1.1), so a row can be read beside the manual:
///
/// | notation | meaning |
/// | --- | --- |
/// | `66`, `F2`, `F3` before the opcode | mandatory or operand-size prefix |
/// | `REX.W` | REX prefix with W set |
/// | `0F`, `AF`, .. | opcode bytes |
/// | `B8+r` | the low three bits of the opcode hold a register |
/// | `/r` | ModRM byte with a register in `reg` |
/// | `/0` .. `/7` | ModRM byte with this digit in `reg` |
/// | `ib` `iw` `id` `io` | immediate of 1, 2, 4 or 8 bytes |
/// | `cb` `cd` | distance of a branch in 1 or 4 bytes |
///
/// The rest of the REX prefix follows from the operands. A row in bad notation does not compile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Encoding {
    prefixes: [u8; 2],
    prefix_count: u8,
    opcode: [u8; 3],
    opcode_count: u8,
    /// REX.W is set.
    pub rex_w: bool,
    /// The last opcode byte holds a register in its low three bits.
    pub register_in_opcode: bool,
    /// The ModRM byte.
    pub modrm: ModRm,
    /// The size of the immediate in bytes; 0 if there is none.
    pub immediate_bytes: u8,
    /// The size of the branch distance in bytes; 0 if there is none.
    pub distance_bytes: u8,
}

impl Encoding {
    /// The prefixes that stand before REX.
    pub fn prefixes(&self) -> &[u8] {
        &self.prefixes[..self.prefix_count as usize]
    }

    /// The opcode bytes.
    pub fn opcode(&self) -> &[u8] {
        &self.opcode[..self.opcode_count as usize]
    }

    /// Parses the notation described at [`Encoding`].
    ///
    /// # Panics
    /// On anything else. It runs at compile time, on the rows of the table.
    pub(crate) const fn parse(notation: &str) -> Encoding {
        let text = notation.as_bytes();
        let mut encoding = Encoding {
            prefixes: [0; 2],
            prefix_count: 0,
            opcode: [0; 3],
            opcode_count: 0,
            rex_w: false,
            register_in_opcode: false,
            modrm: ModRm::None,
            immediate_bytes: 0,
            distance_bytes: 0,
        };
        let mut at = 0;
        while at < text.len() {
            let start = at;
            while at < text.len() && text[at] != b' ' {
                at += 1;
            }
            encoding.token(text, start, at);
            at += 1;
        }
        assert!(encoding.opcode_count > 0, "an encoding has an opcode");
        encoding
    }

    const fn token(&mut self, text: &[u8], start: usize, end: usize) {
        let first = text[start];
        let second = text[start + 1];
        match (first, second, end - start) {
            (b'R', b'E', 5) => self.rex_w = true,
            (b'/', b'r', 2) => self.modrm = ModRm::Register,
            (b'/', b'0'..=b'7', 2) => self.modrm = ModRm::Digit(second - b'0'),
            (b'i', _, 2) => self.immediate_bytes = size(second),
            (b'c', _, 2) => self.distance_bytes = size(second),
            (_, _, 2) => self.byte(hexadecimal(first) << 4 | hexadecimal(second)),
            (_, _, 4) => {
                assert!(text[start + 2] == b'+' && text[start + 3] == b'r');
                self.byte(hexadecimal(first) << 4 | hexadecimal(second));
                self.register_in_opcode = true;
            }
            _ => panic!("unknown token in an encoding"),
        }
    }

    const fn byte(&mut self, byte: u8) {
        let is_prefix = matches!(byte, 0x66 | 0xF2 | 0xF3);
        if is_prefix && self.opcode_count == 0 {
            self.prefixes[self.prefix_count as usize] = byte;
            self.prefix_count += 1;
        } else {
            self.opcode[self.opcode_count as usize] = byte;
            self.opcode_count += 1;
        }
    }
}

const fn size(letter: u8) -> u8 {
    match letter {
        b'b' => 1,
        b'w' => 2,
        b'd' => 4,
        b'o' => 8,
        _ => panic!("unknown size letter in an encoding"),
    }
}

const fn hexadecimal(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        b'A'..=b'F' => digit - b'A' + 10,
        _ => panic!("an opcode byte is two upper-case hexadecimal digits"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notation_is_parsed() {
        let encoding = Encoding::parse("66 REX.W 0F 3A 0A /r ib");
        assert_eq!(encoding.prefixes(), [0x66]);
        assert_eq!(encoding.opcode(), [0x0F, 0x3A, 0x0A]);
        assert!(encoding.rex_w);
        assert_eq!(encoding.modrm, ModRm::Register);
        assert_eq!(encoding.immediate_bytes, 1);

        let encoding = Encoding::parse("REX.W B8+r io");
        assert!(encoding.register_in_opcode);
        assert_eq!(encoding.opcode(), [0xB8]);
        assert_eq!(encoding.immediate_bytes, 8);

        let encoding = Encoding::parse("81 /7 id");
        assert_eq!(encoding.modrm, ModRm::Digit(7));
        assert_eq!(Encoding::parse("0F 84 cd").distance_bytes, 4);
    }

    #[test]
    #[should_panic(expected = "unknown token")]
    fn bad_notation_is_refused() {
        Encoding::parse("REX 81 /7 id");
    }
}
