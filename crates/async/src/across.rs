//! What is live across each suspension point: what its continuation has to hold.
//!
//! Saved is exactly what liveness says (M7): the values live behind the call less its results, and
//! the stack slots whose contents may be read behind it; of a call with an unwind target, what is live
//! into either of its targets. A frame address is never among them: those
//! and constants are recomputed, see [`crate::rematerialize`]. Nor is what [`crate::derive`] makes of others.

use crate::derive;
use crate::points::{SuspensionPoint, SuspensionPoints};
use enjamb_continuation::{Affinities, Need, PointNeed};
use enjamb_ir::hash::FxHashSet;
use enjamb_ir::{Block, FieldType, Function, SavedSource, Value};
use enjamb_liveness::{ControlFlow, Liveness, SlotLiveness};

/// No contents of a slot are aligned beyond 2 to this power, 8 bytes like the object itself.
const MOST_ALIGNED: u32 = 3;

/// Per state number, what is saved there.
#[derive(Clone, Debug)]
pub(crate) struct LiveAcross {
    /// What the layout is computed from, by state number.
    pub(crate) needs: Vec<PointNeed>,
    /// What is live across as well and computed from that.
    pub(crate) derived: Vec<Vec<Value>>,
    /// What of both is live into the normal and into the unwind target, for calls that have these.
    into_targets: Vec<IntoTargets>,
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
        let live_in = |target: Block| -> FxHashSet<SavedSource> {
            let values = liveness.live_in(target).into_iter();
            let slots = slots.live_in(target).into_iter();
            let values = values.map(SavedSource::Value);
            values.chain(slots.map(SavedSource::Slot)).collect()
        };
        let into_targets = |point: &SuspensionPoint| Some(point.targets(function)?.map(live_in));
        let into_targets: Vec<IntoTargets> = points.as_slice().iter().map(into_targets).collect();
        for (first, in_block) in points.by_block() {
            save_values(function, liveness, in_block, &mut needs[first..]);
        }
        let derived = take_derived(function, &mut needs, &into_targets);
        for (first, in_block) in points.by_block() {
            save_slots(function, &slots, in_block, &mut needs[first..]);
        }
        LiveAcross {
            needs,
            derived,
            into_targets,
        }
    }

    /// Whether something that lives across the point of this state is live into the target with this
    /// number of the call. A call without targets goes on in one place, where all of it is.
    pub(crate) fn is_live_into(&self, state: usize, target: usize, source: SavedSource) -> bool {
        match &self.into_targets[state] {
            Some(targets) => targets[target].contains(&source),
            None => true,
        }
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
        let results = function.normal_results(point.inst);
        needs[index].catches = function.insts[point.inst].opcode.has_unwind_edge();
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

/// What is live into the two targets of a call that has them.
type IntoTargets = Option<[FxHashSet<SavedSource>; 2]>;

/// Takes out of what points save what is computed from the rest, by state number. That is so at all points
/// that a value lives across or at none, so that one which is stable is in every object that it has to be in.
fn take_derived(
    function: &Function,
    needs: &mut [PointNeed],
    into_targets: &[IntoTargets],
) -> Vec<Vec<Value>> {
    let mut kept = FxHashSet::default();
    for (need, targets) in needs.iter().zip(into_targets) {
        let values = need.saved.iter().filter_map(saved_value);
        let values: Vec<Value> = values.collect();
        let targets = targets.as_ref().map_or(&[][..], |targets| &targets[..]);
        kept.extend(derive::to_be_saved(function, &values, targets));
    }
    let take = |need: &mut PointNeed| {
        let values: Vec<Value> = need.saved.iter().filter_map(saved_value).collect();
        let is_kept = |value: Option<Value>| value.is_none_or(|value| kept.contains(&value));
        need.saved.retain(|need| is_kept(saved_value(need)));
        let derived = values.into_iter().filter(|value| !kept.contains(value));
        derived.collect()
    };
    needs.iter_mut().map(take).collect()
}

fn saved_value(need: &Need) -> Option<Value> {
    match need.source {
        SavedSource::Value(value) => Some(value),
        SavedSource::Slot(_) => None,
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
        needs[index].saved.extend(cursor.live().map(|slot| {
            let size = function.slots[slot].size;
            // A copy is not faster for more, and two slots pack without padding.
            let align = 1 << size.trailing_zeros().min(MOST_ALIGNED);
            let ty = FieldType::Bytes { size, align };
            Need {
                source: SavedSource::Slot(slot),
                ty,
            }
        }));
    }
}
