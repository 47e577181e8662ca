//! The blocks that suspend an activation at one point.
//!
//! ```text
//! where a resumed activation can come to the point:      otherwise:
//!
//!   S:  own = own_continuation                             S:  new = new_continuation
//!       brif is_suspended(own), U(own), N                      store everything
//!   N:  new = new_continuation                                 set_point, link, suspend
//!       store what is stable
//!       jump U(new)
//!   U(object):  store the rest
//!       set_point, link, suspend
//! ```
//!
//! In a function with several layouts the object is only reused if it has the point's.

use enjamb_ir::{Block, Opcode, Payload, PointId, SavedField, SavedSource, Type, Value};

use crate::edit::Editor;
use crate::points::SuspensionPoint;
use crate::rewrite::Analyses;

/// Makes the blocks and returns them, the first one to be entered first. `callee` is the
/// continuation of the call that suspended.
pub(crate) fn run(
    editor: &mut Editor<'_>,
    analyses: &Analyses<'_>,
    point: &SuspensionPoint,
    id: PointId,
    callee: Value,
) -> Vec<Block> {
    let suspension = Suspension {
        analyses,
        id,
        callee,
    };
    let entry = editor.cold_block();
    if !analyses.resumed.reaches(point.block, point.position) {
        let object = suspension.allocate(editor, entry);
        suspension.store(editor, entry, object, |_| true);
        suspension.leave(editor, entry, object);
        return vec![entry];
    }
    let fresh = editor.cold_block();
    let common = editor.cold_block();
    let object = editor.function.append_param(common, Type::Cont);
    let reuse = suspension.test_for_reuse(editor, entry, fresh, common);

    let allocated = suspension.allocate(editor, fresh);
    suspension.store(editor, fresh, allocated, |stable| stable);
    let target = editor.function.target(common, &[allocated]);
    editor.branch(fresh, Opcode::Jump, &[], &[target]);

    suspension.store(editor, common, object, |stable| !stable);
    suspension.leave(editor, common, object);
    let mut blocks = vec![entry];
    blocks.extend(reuse);
    blocks.extend([fresh, common]);
    blocks
}

struct Suspension<'a> {
    analyses: &'a Analyses<'a>,
    id: PointId,
    callee: Value,
}

impl Suspension<'_> {
    /// Ends `entry` with the choice between the activation's object and a fresh one. Returns the
    /// block that compares layouts, where one is needed.
    fn test_for_reuse(
        &self,
        editor: &mut Editor<'_>,
        entry: Block,
        fresh: Block,
        common: Block,
    ) -> Option<Block> {
        let own = editor.value(
            entry,
            Opcode::OwnContinuation,
            Payload::None,
            &[],
            Type::Cont,
        );
        let has = editor.value(entry, Opcode::IsSuspended, Payload::None, &[own], Type::I8);
        let to_fresh = editor.function.target(fresh, &[]);
        let to_common = editor.function.target(common, &[own]);
        if self.analyses.layouts.is_union() {
            editor.branch(entry, Opcode::Brif, &[has], &[to_common, to_fresh]);
            return None;
        }
        let compare = editor.cold_block();
        let to_compare = editor.function.target(compare, &[]);
        editor.branch(entry, Opcode::Brif, &[has], &[to_compare, to_fresh]);
        let layout = Payload::Layout(editor.function.points[self.id].layout);
        let same = editor.value(compare, Opcode::HasLayout, layout, &[own], Type::I8);
        editor.branch(compare, Opcode::Brif, &[same], &[to_common, to_fresh]);
        Some(compare)
    }

    fn allocate(&self, editor: &mut Editor<'_>, block: Block) -> Value {
        let layout = Payload::Layout(editor.function.points[self.id].layout);
        editor.value(
            block,
            Opcode::NewContinuation,
            layout,
            &[self.callee],
            Type::Cont,
        )
    }

    /// Stores those of the saved fields whose stability `wanted` accepts. Contents of stack slots
    /// are never stable.
    fn store(
        &self,
        editor: &mut Editor<'_>,
        block: Block,
        object: Value,
        wanted: impl Fn(bool) -> bool,
    ) {
        let layout = editor.function.points[self.id].layout;
        for SavedField { field, source } in editor.function.points[self.id].saved.clone() {
            match source {
                SavedSource::Value(value) => {
                    if wanted(self.analyses.stable.contains(&value)) {
                        let ty = editor.function.value_type(value);
                        let payload = Payload::Field(layout, field);
                        editor.effect(block, Opcode::FieldStore, ty, payload, &[object, value]);
                    }
                }
                SavedSource::Slot(slot) if wanted(false) => {
                    let payload = Payload::SlotField(layout, field, slot);
                    editor.effect(block, Opcode::FieldSaveSlot, Type::I64, payload, &[object]);
                }
                SavedSource::Slot(_) => {}
            }
        }
    }

    fn leave(&self, editor: &mut Editor<'_>, block: Block, object: Value) {
        let point = Payload::Point(self.id);
        editor.effect(block, Opcode::SetPoint, Type::I64, point, &[object]);
        editor.effect(
            block,
            Opcode::Link,
            Type::I64,
            Payload::None,
            &[self.callee, object],
        );
        editor.branch(block, Opcode::Suspend, &[object], &[]);
    }
}
