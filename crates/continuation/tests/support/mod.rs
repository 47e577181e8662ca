//! Random needs, and what must hold of the layouts for any.
#![allow(dead_code, reason = "each user takes a part")]

use enjamb_continuation::{Affinities, Layouts, Need, PointNeed};
use enjamb_ir::{Entity, FieldType, SavedSource, StackSlot, Type, Value};

/// Where decisions come from: gives a number below its argument, which is not zero.
pub type Below<'a> = dyn FnMut(usize) -> usize + 'a;

/// Numbers of SplitMix64.
pub struct Rng(pub u64);

impl Rng {
    /// A number below a bound.
    pub fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) % bound as u64) as usize
    }
}

/// What values have for types.
pub const TYPES: [Type; 10] = [
    Type::I8,
    Type::I16,
    Type::I32,
    Type::I64,
    Type::F32,
    Type::F64,
    Type::Ref,
    Type::FuncRef,
    Type::Task,
    Type::V128,
];

/// A value by its number.
pub fn value(index: usize) -> SavedSource {
    SavedSource::Value(Value::from_index(index))
}

/// A value of this type is saved.
pub fn save(index: usize, ty: Type) -> Need {
    Need {
        source: value(index),
        ty: FieldType::Value(ty),
    }
}

/// A stack slot of this size is saved, aligned as its size suggests.
pub fn save_slot(index: usize, size: u32) -> Need {
    let align = 1 << size.trailing_zeros().min(4);
    Need {
        source: SavedSource::Slot(StackSlot::from_index(index)),
        ty: FieldType::Bytes { size, align },
    }
}

/// Random needs: every source has one type and is saved at random points.
pub fn random_needs(below: &mut Below<'_>) -> (Vec<PointNeed>, Affinities) {
    let mut points = vec![PointNeed::default(); 1 + below(12)];
    for point in &mut points {
        let results = (0..below(4)).map(|_| TYPES[below(TYPES.len())]);
        point.results = results.collect();
        point.catches = below(3) == 0;
    }
    let mut sources = Vec::new();
    for index in 0..below(30) {
        let need = match below(4) {
            0 => save_slot(index, [1, 3, 8, 20, 64, 3000][below(6)]),
            _ => save(index, TYPES[below(TYPES.len())]),
        };
        sources.push(need.source);
        let dense = 1 + below(4);
        for point in &mut points {
            if below(dense) == 0 {
                point.saved.push(need);
            }
        }
    }
    let mut affinities = Affinities::default();
    for _ in 0..sources.len() {
        let (a, b) = (below(sources.len()), below(sources.len()));
        affinities.entry(sources[a]).or_default().push(sources[b]);
    }
    (points, affinities)
}

/// The size and the alignment, which is never above 8.
fn bytes(ty: FieldType) -> (u32, u32) {
    match ty {
        FieldType::Value(ty) => (ty.bytes(), ty.bytes().min(8)),
        FieldType::Bytes { size, align } => (size, align.min(8)),
    }
}

fn is_reference(ty: FieldType) -> bool {
    ty == FieldType::Value(Type::Ref)
}

/// What a byte of an object holds.
const NOTHING: u8 = 0;
const REFERENCE: u8 = 1;
const OTHER: u8 = 2;

/// Nothing that is saved together shares a byte, with the header and the results neither; every field is aligned;
/// and a collector that goes by the fields of a point finds the references that it saves, and nothing else.
pub fn check(points: &[PointNeed], layouts: &Layouts) {
    for layout in layouts.layouts().values() {
        assert!(layout.size.is_multiple_of(8));
        for field in layout.fields.values() {
            let (size, align) = bytes(field.ty);
            assert!(field.offset.is_multiple_of(align), "{field:?}");
            assert!(field.offset + size <= layout.size, "{field:?}");
        }
    }
    for (state, point) in points.iter().enumerate() {
        let computed = layouts.point(state);
        let layout = &layouts.layouts()[computed.layout];
        let exception = if point.catches { 2 } else { 0 };
        let results = point.results.iter().map(|ty| ty.words()).sum();
        let results_end = 16 + 8 * exception.max(results);
        assert!(layout.size as usize >= results_end);
        let mut used = vec![NOTHING; layout.size as usize];
        assert_eq!(computed.saved.len(), point.saved.len());
        for (field, need) in computed.saved.iter().zip(&point.saved) {
            let decl = &layout.fields[field.field];
            assert_eq!((field.source, decl.ty), (need.source, need.ty));
            let (start, size) = (decl.offset as usize, bytes(need.ty).0 as usize);
            assert!(start >= results_end, "state {state}: {decl:?}");
            let place = &mut used[start..start + size];
            assert_eq!(place, vec![NOTHING; size], "state {state}: {decl:?}");
            place.fill(if is_reference(need.ty) {
                REFERENCE
            } else {
                OTHER
            });
        }
        let map = computed
            .saved
            .iter()
            .map(|saved| &layout.fields[saved.field]);
        let map = map.filter(|field| is_reference(field.ty));
        let mut found: Vec<usize> = map.map(|field| field.offset as usize).collect();
        found.sort_unstable();
        // Objects of a megabyte, of which there are some, have none.
        let has_references = used.contains(&REFERENCE);
        let words = used[..if has_references { used.len() } else { 0 }].chunks(8);
        let words = words
            .enumerate()
            .filter(|(_, word)| word.contains(&REFERENCE));
        let expected: Vec<usize> = words.map(|(word, _)| 8 * word).collect();
        assert_eq!(found, expected, "references of state {state}");
    }
}
