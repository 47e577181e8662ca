//! Decisions drawn from bytes: a fuzzer's, or a pseudo-random sequence.

use arbitrary::Unstructured;
use enjamb_ir::{Shape, Type};

/// A source of decisions. When the bytes are used up every decision is the first one.
#[derive(Debug)]
pub struct Choices<'d> {
    bytes: Unstructured<'d>,
}

/// Bytes of the SplitMix64 sequence of a seed, enough for any program.
pub fn bytes_of_seed(seed: u64) -> Vec<u8> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)).to_le_bytes()
    };
    (0..8192).flat_map(|_| next()).collect()
}

/// Around these numbers a processor's instructions stop taking a number as it is.
const LIMITS: [i64; 18] = [
    15,
    16,
    63,
    64,
    127,
    128,
    255,
    256,
    4095,
    4096,
    0xffff,
    0x10000,
    0xff_f000,
    1 << 24,
    0x7fff_ffff,
    1 << 31,
    0xffff_ffff,
    1 << 32,
];

const FLOATS: [f64; 10] = [
    0.0,
    -0.0,
    1.0,
    -1.5,
    0.1,
    1e300,
    -3e9,
    f64::INFINITY,
    f64::NEG_INFINITY,
    f64::NAN,
];

impl<'d> Choices<'d> {
    /// Decisions drawn from these bytes.
    pub fn new(bytes: &'d [u8]) -> Self {
        Choices {
            bytes: Unstructured::new(bytes),
        }
    }

    /// A number below a bound, which is not zero.
    pub fn below(&mut self, bound: usize) -> usize {
        self.bytes.int_in_range(0..=bound - 1).unwrap_or(0)
    }

    /// A number from a range, both ends included.
    pub fn between(&mut self, low: usize, high: usize) -> usize {
        low + self.below(high - low + 1)
    }

    /// Yes, once in this many times.
    pub fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == times - 1
    }

    /// One of these, of which there is at least one.
    pub fn of<T: Copy>(&mut self, items: &[T]) -> T {
        items[self.below(items.len())]
    }

    /// The bits of a constant of any type; a vector has lanes of a random shape.
    pub fn bits(&mut self, ty: Type) -> u128 {
        if ty != Type::V128 {
            return self.constant(ty).into();
        }
        let lane = self.of(Shape::ALL).lane_type();
        (0..128).step_by(lane.bits() as usize).fold(0, |bits, at| {
            let constant = self.constant(lane) & (u64::MAX >> (64 - lane.bits()));
            bits | u128::from(constant) << at
        })
    }

    /// The bits of a constant that is no vector: small, at a border of its type, or any.
    pub fn constant(&mut self, ty: Type) -> u64 {
        match ty {
            Type::F64 if !self.once_in(16) => self.of(&FLOATS).to_bits(),
            Type::F32 if !self.once_in(16) => u64::from((self.of(&FLOATS) as f32).to_bits()),
            Type::F32 => self.any() & 0xffff_ffff,
            Type::F64 => self.any(),
            _ => {
                let unused = 64 - ty.bits();
                let integer = self.integer(ty.bits());
                ((integer << unused) as i64 >> unused) as u64
            }
        }
    }

    fn any(&mut self) -> u64 {
        self.bytes.arbitrary().unwrap_or(0)
    }

    /// An integer of which a type with so many bits takes the low ones.
    fn integer(&mut self, bits: u32) -> u64 {
        let least = 1 << (bits - 1);
        match self.below(16) {
            0..9 => self.of(&[0, 1, u64::MAX, 2, 7, least, least - 1, 3, 1 << (bits / 2)]),
            9..12 => {
                let limit = self.of(&LIMITS) + self.of(&[0, 1, -1]);
                self.of(&[limit, -limit]) as u64
            }
            12 => (self.any() & 0xfff) << 12,
            13 => {
                let part = (self.any() & 0xffff) << self.of(&[0, 16, 32, 48]);
                self.of(&[part, !part])
            }
            14 => self.mask() ^ self.of(&[0, 0, 1]),
            _ => self.any(),
        }
    }

    /// A run of ones, rotated in a piece of the word and repeated in all pieces: what AArch64 takes as the
    /// operand of an instruction on bits.
    fn mask(&mut self) -> u64 {
        let piece = self.of(&[2, 4, 8, 16, 32, 64]);
        let ones = self.between(1, piece - 1);
        let turned = self.below(piece);
        let bit = |at: usize| u64::from((at + turned) % piece < ones) << at;
        (0..64).map(bit).sum()
    }
}
