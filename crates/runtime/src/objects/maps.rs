//! Where references are in continuations, by suspension point, and among global variables.

use enjamb_abi::continuation::{RESULTS, WORD};
use enjamb_codegen::CompiledModule;
use enjamb_ir::suspension::{LayoutDecl, PointDecl};
use enjamb_ir::{FieldType, GlobalId, Type};

/// A point of a function: a stretch of offsets for what is saved, one for what is delivered.
#[derive(Clone, Copy, Debug)]
struct PointMap {
    saved: u32,
    results: u32,
    end: u32,
}

/// Where a collector finds references in the continuations of a module, and among its global variables.
///
/// A point is a function and a state of it, as the record of the point has them. Of a module whose instances have no heap
/// there are no maps, and nothing may be asked for; nor may a point that the module does not have.
#[derive(Debug, Default)]
pub struct ReferenceMaps {
    /// The first point of each function.
    functions: Vec<u32>,
    points: Vec<PointMap>,
    /// Offsets in continuations.
    offsets: Vec<u32>,
    /// The global variables that are references.
    globals: Vec<GlobalId>,
}

/// The numbers of the words that are references, in words of these types.
pub(super) fn reference_words(types: &[Type]) -> impl Iterator<Item = usize> {
    let words = types.iter().scan(0, |end, &ty| {
        let first = *end;
        *end += ty.words();
        Some((ty, first))
    });
    words.filter_map(|(ty, word)| (ty == Type::Ref).then_some(word))
}

/// The same as offsets in a continuation with these results.
pub(super) fn reference_results(types: &[Type]) -> impl Iterator<Item = u32> {
    reference_words(types).map(|word| RESULTS + word as u32 * WORD)
}

fn saved_references<'a>(
    layout: &'a LayoutDecl,
    point: &'a PointDecl,
) -> impl Iterator<Item = u32> + 'a {
    let fields = point.saved.iter().map(|saved| &layout.fields[saved.field]);
    fields.filter_map(|field| (field.ty == FieldType::Value(Type::Ref)).then_some(field.offset))
}

impl ReferenceMaps {
    /// The maps of a module.
    pub fn new(compiled: &CompiledModule) -> ReferenceMaps {
        let mut maps = ReferenceMaps::default();
        if compiled.layout.objects().is_empty() {
            return maps;
        }
        for decl in compiled.transformed.functions.values() {
            maps.functions.push(maps.points.len() as u32);
            let Some(body) = decl.body() else { continue };
            for point in body.points.values() {
                let saved = maps.offsets.len() as u32;
                let layout = &body.layouts[point.layout];
                maps.offsets.extend(saved_references(layout, point));
                let results = maps.offsets.len() as u32;
                maps.offsets.extend(reference_results(&point.results));
                let end = maps.offsets.len() as u32;
                maps.points.push(PointMap {
                    saved,
                    results,
                    end,
                });
            }
        }
        let globals = compiled.transformed.globals.iter();
        let references = globals.filter(|(_, decl)| decl.ty == Type::Ref);
        maps.globals = references.map(|(id, _)| id).collect();
        maps
    }

    fn point(&self, function: u32, state: u32) -> PointMap {
        self.points[(self.functions[function as usize] + state) as usize]
    }

    /// Offsets of the references that are saved at a point of a function.
    pub fn saved(&self, function: u32, state: u32) -> &[u32] {
        let point = self.point(function, state);
        &self.offsets[point.saved as usize..point.results as usize]
    }

    /// Offsets of the references among the results that a point waits for.
    pub fn results(&self, function: u32, state: u32) -> &[u32] {
        let point = self.point(function, state);
        &self.offsets[point.results as usize..point.end as usize]
    }

    /// The global variables that are references.
    pub fn globals(&self) -> &[GlobalId] {
        &self.globals
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vector_takes_two_words() {
        let types = [Type::Ref, Type::V128, Type::I8, Type::Ref, Type::Ref];
        assert_eq!(reference_words(&types).collect::<Vec<_>>(), [0, 4, 5]);
        assert_eq!(reference_results(&types).collect::<Vec<_>>(), [16, 48, 56]);
    }
}
