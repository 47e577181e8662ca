//! The 32 bits of a form as the architecture manual draws them, parsed while the crate is compiled.

/// Makes the enum of fields, with the name that stands in a template and the number of bits.
macro_rules! fields {
    ($($name:ident $text:literal $width:literal $doc:literal;)*) => {
        /// A named field of a template.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Field {
            $(#[doc = $doc] $name,)*
        }

        /// Each field with its name and width.
        const FIELDS: &[(Field, &str, u8)] = &[$((Field::$name, $text, $width)),*];
    };
}

fields! {
    Rd "Rd" 5 "The destination register.";
    Rn "Rn" 5 "The first source, or the base of a memory reference.";
    Rm "Rm" 5 "The second source, or the index of a memory reference.";
    Ra "Ra" 5 "The third source, of a multiplication with addition.";
    Rt "Rt" 5 "The register that is loaded or stored.";
    Rt2 "Rt2" 5 "The second register that is loaded or stored.";
    Rs "Rs" 5 "The register that tells whether an exclusive store has happened.";
    Shifted "sh" 1 "Whether `imm12` is shifted to the left by 12.";
    Shift "shift" 2 "The kind of shift.";
    Option "option" 3 "The kind of extension.";
    Scaled "S" 1 "Whether an index is scaled.";
    Half "hw" 2 "Which quarter of the register a wide move sets.";
    N "N" 1 "The size bit of a logical immediate.";
    Immr "immr" 6 "A rotation.";
    Imms "imms" 6 "The end of a run of bits.";
    Imm3 "imm3" 3 "A left shift after an extension.";
    Imm5 "imm5" 5 "A comparison's immediate.";
    Imm6 "imm6" 6 "A shift.";
    Imm7 "imm7" 7 "A pair's displacement, in units of one register's bytes.";
    Imm8 "imm8" 8 "A float: sign, three bits of exponent, four of fraction.";
    Imm9 "imm9" 9 "A displacement in bytes.";
    Imm12 "imm12" 12 "An immediate, or a displacement in units of the access.";
    Imm14 "imm14" 14 "A distance in instructions.";
    Imm16 "imm16" 16 "An immediate.";
    Imm19 "imm19" 19 "A distance in instructions.";
    Imm26 "imm26" 26 "A distance in instructions.";
    ImmLow "immlo" 2 "The low bits of a distance in bytes or pages.";
    ImmHigh "immhi" 19 "The high bits of a distance in bytes or pages.";
    BitHigh "b5" 1 "The high bit of the number of a tested bit.";
    BitLow "b40" 5 "The low bits of the number of a tested bit.";
    Cond "cond" 4 "A condition.";
    Nzcv "nzcv" 4 "The flags if the condition does not hold.";
    Scope "CRm" 4 "The scope of a barrier.";
    Hint "hint" 7 "The number of a hint.";
    System "sysreg" 15 "A system register.";
    Abc "abc" 3 "The high bits of a vector immediate.";
    Defgh "defgh" 5 "The low bits of a vector immediate.";
    Lane1 "i1" 1 "The number of a 64-bit element.";
    Lane2 "i2" 2 "The number of a 32-bit element.";
    Lane3 "i3" 3 "The number of a 16-bit element.";
    Lane4 "i4" 4 "The number of an 8-bit element.";
    Source1 "j1" 1 "The number of a 64-bit element that is read.";
    Source2 "j2" 2 "The number of a 32-bit element that is read.";
    Source3 "j3" 3 "The number of a 16-bit element that is read.";
    Source4 "j4" 4 "The number of an 8-bit element that is read.";
    Shift3 "s3" 3 "A shift of 8-bit elements.";
    Shift4 "s4" 4 "A shift of 16-bit elements.";
    Shift5 "s5" 5 "A shift of 32-bit elements.";
    Shift6 "s6" 6 "A shift of 64-bit elements.";
    Bytes1 "at1" 1 "By how many bytes the immediate of 16-bit elements is shifted.";
    Bytes2 "at2" 2 "By how many bytes the immediate of 32-bit elements is shifted.";
    Imm4 "imm4" 4 "The number of the first byte.";
}

impl Field {
    /// The number of bits.
    pub const fn width(self) -> u8 {
        FIELDS[self as usize].2
    }
}

/// A field and its lowest bit's place in the instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot {
    /// The field.
    pub field: Field,
    /// The place of its lowest bit.
    pub shift: u8,
}

/// A parsed template.
///
/// A row of the table holds its template as the manual draws the encoding, from bit 31 to bit 0:
/// runs of `0` and `1` are bits, everything else is the name of a [`Field`]. `1 0 0 01011 shift 0 Rm
/// imm6 Rn Rd` is the addition of a shifted register. A template that has an unknown name or not 32
/// bits does not compile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Template {
    bits: u32,
    slots: [Slot; Template::MAX_FIELDS],
    count: u8,
}

impl Template {
    const MAX_FIELDS: usize = 6;

    /// The bits that are the same in all instructions of the form, the others being zero.
    pub const fn bits(&self) -> u32 {
        self.bits
    }

    /// The fields, from the highest to the lowest.
    pub fn slots(&self) -> &[Slot] {
        &self.slots[..usize::from(self.count)]
    }

    /// Parses the notation described at [`Template`].
    ///
    /// # Panics
    /// On anything else. It runs at compile time, on the rows of the table.
    pub(crate) const fn parse(notation: &str) -> Template {
        let text = notation.as_bytes();
        let nothing = Slot {
            field: Field::Rd,
            shift: 0,
        };
        let mut template = Template {
            bits: 0,
            slots: [nothing; Template::MAX_FIELDS],
            count: 0,
        };
        let mut left = 32;
        let mut at = 0;
        while at < text.len() {
            let start = at;
            while at < text.len() && text[at] != b' ' {
                at += 1;
            }
            if matches!(text[start], b'0' | b'1') {
                let mut digit = start;
                while digit < at {
                    assert!(matches!(text[digit], b'0' | b'1'), "a run of bits");
                    left -= 1;
                    template.bits |= ((text[digit] - b'0') as u32) << left;
                    digit += 1;
                }
            } else {
                let field = find(text, start, at);
                left -= field.width();
                template.slots[template.count as usize] = Slot { field, shift: left };
                template.count += 1;
            }
            at += 1;
        }
        assert!(left == 0, "a template has 32 bits");
        template
    }

    /// The place of a field, which the template has.
    fn shift(&self, field: Field) -> u8 {
        let slot = self.slots().iter().find(|slot| slot.field == field);
        // The tests compare the fields of each template with those of its operands.
        slot.map_or(0, |slot| slot.shift)
    }
}

const fn find(text: &[u8], start: usize, end: usize) -> Field {
    let mut index = 0;
    while index < FIELDS.len() {
        let (field, name, _) = FIELDS[index];
        let name = name.as_bytes();
        if name.len() == end - start {
            let mut at = 0;
            while at < name.len() && name[at] == text[start + at] {
                at += 1;
            }
            if at == name.len() {
                return field;
            }
        }
        index += 1;
    }
    panic!("unknown field in a template")
}

/// An instruction while its fields are filled in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Word<'a> {
    template: &'a Template,
    pub(crate) bits: u32,
}

impl<'a> Word<'a> {
    pub(crate) fn new(template: &'a Template) -> Word<'a> {
        Word {
            template,
            bits: template.bits,
        }
    }

    /// Puts the low bits of `value` into `field`.
    pub(crate) fn set(&mut self, field: Field, value: u32) {
        let mask = u32::MAX >> (32 - field.width());
        self.bits |= (value & mask) << self.template.shift(field);
    }

    /// What has been put into `field`.
    pub(crate) fn get(&self, field: Field) -> u32 {
        let mask = u32::MAX >> (32 - field.width());
        self.bits >> self.template.shift(field) & mask
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notation_is_parsed() {
        let template = Template::parse("1 0 0 01011 shift 0 Rm imm6 Rn Rd");
        assert_eq!(template.bits(), 0x8B00_0000);
        let slots: Vec<_> = template
            .slots()
            .iter()
            .map(|slot| (slot.field, slot.shift))
            .collect();
        let expected = [
            (Field::Shift, 22),
            (Field::Rm, 16),
            (Field::Imm6, 10),
            (Field::Rn, 5),
            (Field::Rd, 0),
        ];
        assert_eq!(slots, expected);
        let mut word = Word::new(&template);
        word.set(Field::Rm, 31);
        assert_eq!(word.bits, 0x8B1F_0000);
        assert_eq!(word.get(Field::Rm), 31);
    }

    #[test]
    fn fields_are_in_the_order_of_their_enum() {
        for (index, (field, ..)) in FIELDS.iter().enumerate() {
            assert_eq!(*field as usize, index);
        }
    }

    #[test]
    #[should_panic(expected = "32 bits")]
    fn a_template_of_another_length_is_refused() {
        Template::parse("00010 imm26");
    }

    #[test]
    #[should_panic(expected = "unknown field")]
    fn an_unknown_field_is_refused() {
        Template::parse("000101 imm25 0");
    }
}
