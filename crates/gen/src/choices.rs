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
        let any = self.bytes.arbitrary::<u64>().unwrap_or(0);
        let integers = [
            0,
            1,
            u64::MAX,
            2,
            7,
            1 << 63,
            i64::MAX as u64,
            255,
            1 << 31,
            any,
        ];
        match ty {
            Type::F64 if any & 15 != 7 => self.of(&FLOATS).to_bits(),
            Type::F32 if any & 15 != 7 => u64::from((self.of(&FLOATS) as f32).to_bits()),
            Type::F32 => any & 0xffff_ffff,
            Type::F64 => any,
            _ => {
                let unused = 64 - ty.bits();
                ((self.of(&integers) << unused) as i64 >> unused) as u64
            }
        }
    }
}
