//! What is live across each suspension point: what its continuation has to hold.
//!
//! Saved is exactly what liveness says (M7): the values live behind the call less its results, and
//! the stack slots whose contents may be read behind it. A frame address is never among them: those
//! and constants are recomputed, see [`crate::rematerialize`].

use crate::points::{SuspensionPoint, SuspensionPoints};
use enjamb_continuation::{Affinities, Need, PointNeed};
use enjamb_ir::hash::FxHashSet;
use enjamb_ir::{FieldType, Function, SavedSource, Value};
use enjamb_liveness::{ControlFlow, Liveness, SlotLiveness};

/// Per state number, what is saved there.
#[derive(Clone, Debug)]
pub(crate) struct LiveAcross {
    /// What the layout is computed from, by state number.
    pub(crate) needs: Vec<PointNeed>,
}

impl LiveAcross {
    /// Walks back once through every block that has a point.
    pub(crate) fn run(
        function: &Function,
        flow: &ControlFlow,
        liveness: &Liveness,
        points: &SuspensionPoints,
    ) -> Self {
        let slots = SlotLiveness::new(function, flow);
        let mut needs = vec![PointNeed::default(); points.as_slice().len()];
        for (first, in_block) in points.by_block() {
            save_values(function, liveness, in_block, &mut needs[first..]);
            save_slots(function, &slots, in_block, &mut needs[first..]);
        }
        LiveAcross { needs }
    }

    /// Block parameters and what is handed to them, as far as both are saved somewhere: they had
    /// better share a place, since a loop parameter changes with every turn anyway.
    pub(crate) fn affinities(&self, function: &Function) -> Affinities {
        let sources = self
            .needs
            .iter()
            .flat_map(|need| &need.saved)
            .map(|need| need.source);
        let saved: FxHashSet<SavedSource> = sources.collect();
        let mut affinities = Affinities::default();
        for &block in &function.order {
            let Some(branch) = function.terminator(block) else {
                continue;
            };
            for &target in function.targets(branch) {
                let params = function.blocks[target.block].params.iter();
                for (&param, &arg) in params.zip(function.target_args(target)) {
                    let (param, arg) = (SavedSource::Value(param), SavedSource::Value(arg));
                    if saved.contains(&param) && saved.contains(&arg) {
                        affinities.entry(param).or_default().push(arg);
                        affinities.entry(arg).or_default().push(param);
                    }
                }
            }
        }
        affinities
    }
}

fn save_values(
    function: &Function,
    liveness: &Liveness,
    points: &[SuspensionPoint],
    needs: &mut [PointNeed],
) {
    let Some(first) = points.first() else { return };
    let mut cursor = liveness.walk_back(function, first.block);
    for (index, point) in points.iter().enumerate().rev() {
        while cursor.next_inst().is_some_and(|inst| inst != point.inst) {
            cursor.step();
        }
        let results = function.results(point.inst);
        needs[index].results = results
            .iter()
            .map(|&value| function.value_type(value))
            .collect();
        let need = |value: Value| Need {
            source: SavedSource::Value(value),
            ty: FieldType::Value(function.value_type(value)),
        };
        needs[index].saved = cursor.live_across().map(need).collect();
    }
}

fn save_slots(
    function: &Function,
    slots: &SlotLiveness,
    points: &[SuspensionPoint],
    needs: &mut [PointNeed],
) {
    let Some(first) = points.first() else { return };
    let mut cursor = slots.walk_back(function, first.block);
    for (index, point) in points.iter().enumerate().rev() {
        while cursor.next_inst().is_some_and(|inst| inst != point.inst) {
            cursor.step();
        }
        needs[index].saved.extend(cursor.live().iter().map(|&slot| {
            let data = function.slots[slot];
            let ty = FieldType::Bytes {
                size: data.size,
                align: data.align,
            };
            Need {
                source: SavedSource::Slot(slot),
                ty,
            }
        }));
    }
}
