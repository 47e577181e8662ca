//! Continuation objects and the instructions of lowered functions.
//!
//! An object knows more than compiled code does: which field each of its bytes was stored for.
//! `set_point` takes that away from every field that the point does not save, storing to a field
//! takes it from those that overlap, and a load faults unless the whole field is there and the
//! state in which the object was suspended saves it. Results are kept apart: the verifier sees to it
//! that no point saves a field where its results go.

use crate::call::SENTINEL;
use crate::control::wrong_payload;
use crate::error::Stop;
use crate::heap::Reference;
use crate::machine::{Flow, Machine};
use crate::options::Stats;
use crate::stack::{Chain, Site, Stack};
use crate::value::{Cell, decode};
use enjamb_ir::hash::{FxHashMap, FxHashSet};
use enjamb_ir::types::word_count;
use enjamb_ir::{
    Entity, FieldId, FieldType, Function, LayoutId, Module, Payload, PointId, Signature, Type,
};
use std::ops::Range;

type Outcome = Result<Flow, Stop>;

/// A byte that holds no field.
const NO_FIELD: u32 = u32::MAX;
/// What a byte of an object takes: itself and its owner.
const HELD_PER_BYTE: usize = 1 + size_of::<u32>();
/// Each result takes so many bytes of the result area.
const WORD_BYTES: usize = 8;
/// How many words stand in front of the result area.
const RESULT_WORDS: usize = 2;

/// A suspended activation.
#[derive(Debug)]
pub(crate) struct Object<'a> {
    pub(crate) function: &'a Function,
    layout: LayoutId,
    /// The point that it was last set to.
    pub(crate) point: Option<PointId>,
    /// The object of the caller; 0 is none.
    pub(crate) next: u64,
    /// The results of the call at its point, once delivered.
    results: Option<Vec<Cell>>,
    data: Vec<u8>,
    /// For each byte the index of the field that it was stored for.
    owners: Vec<u32>,
    /// The epochs in which references were stored.
    stored: FxHashMap<FieldId, u32>,
    /// The epoch in which it was resumed last.
    resumed: Option<u32>,
}

/// The continuation objects of an instance. Numbers are not used again.
#[derive(Debug, Default)]
pub(crate) struct Objects<'a> {
    objects: FxHashMap<u64, Object<'a>>,
    made: u64,
    bytes: u64,
    peak: u64,
    /// The fields that each point of each function saves; the function is its address.
    saved: FxHashSet<(*const Function, PointId, FieldId)>,
}

impl<'a> Objects<'a> {
    pub(crate) fn new(module: &'a Module) -> Self {
        let mut objects = Objects::default();
        objects.add_points(module);
        objects
    }

    /// Learns what the functions of a module save.
    pub(crate) fn add_points(&mut self, module: &'a Module) {
        for (_, function) in module.bodies() {
            for (point, decl) in function.points.iter() {
                let fields = decl.saved.iter().map(|saved| saved.field);
                let saved = fields.map(|field| (std::ptr::from_ref(function), point, field));
                self.saved.extend(saved);
            }
        }
    }

    pub(crate) fn get(&self, number: u64) -> Option<&Object<'a>> {
        self.objects.get(&number)
    }

    pub(crate) fn expect_mut(&mut self, number: u64) -> Result<&mut Object<'a>, Stop> {
        self.objects.get_mut(&number).ok_or_else(|| match number {
            0 => Stop::fault("a continuation is null"),
            SENTINEL => Stop::fault("the continuation of a leaf has no fields"),
            _ => Stop::Fault(format!("continuation {number} was freed")),
        })
    }

    /// The bytes of the objects of a task.
    pub(crate) fn chain_bytes(&self, chain: &Chain) -> u64 {
        let mut bytes = 0;
        for first in [chain.after_sentinel, chain.running, chain.rest] {
            let mut next = first;
            while let Some(object) = self.get(next) {
                bytes += object.data.len() as u64;
                next = object.next;
            }
        }
        bytes
    }

    /// What all objects take.
    pub(crate) fn held(&self) -> usize {
        self.bytes as usize * HELD_PER_BYTE
    }

    /// Makes an object.
    fn make(&mut self, function: &'a Function, layout: LayoutId) -> u64 {
        let size = function.layouts[layout].size;
        self.bytes += u64::from(size);
        self.peak = self.peak.max(self.bytes);
        self.made += 1;
        let number = SENTINEL + self.made;
        let object = Object {
            function,
            layout,
            point: None,
            next: 0,
            results: None,
            data: vec![0; size as usize],
            owners: vec![NO_FIELD; size as usize],
            stored: FxHashMap::default(),
            resumed: None,
        };
        self.objects.insert(number, object);
        number
    }

    fn remove(&mut self, number: u64) -> Option<Object<'a>> {
        let object = self.objects.remove(&number)?;
        self.bytes -= object.data.len() as u64;
        Some(object)
    }

    /// Frees an object that its owner is done with; 0 is none.
    pub(crate) fn free(&mut self, number: u64) -> Result<(), Stop> {
        if number != 0 && self.remove(number).is_none() {
            return Err(Stop::Fault(format!("continuation {number} is freed twice")));
        }
        Ok(())
    }

    /// Frees every object of a task that ended early, also those of a chain half built.
    pub(crate) fn release(&mut self, chain: &Chain) {
        for first in [chain.after_sentinel, chain.running, chain.rest] {
            let mut next = first;
            while let Some(object) = self.remove(next) {
                next = object.next;
            }
        }
    }

    /// Visits every word that may be a reference: fields of that type which hold something, and results.
    /// The order of the objects does not matter to whoever visits.
    pub(crate) fn each_reference(&self, visit: &mut dyn FnMut(Reference)) {
        for object in self.objects.values() {
            for &field in object.stored.keys() {
                let range = object.range(object.layout, field);
                let bytes = range
                    .ok()
                    .map(|range| (&object.owners[range.clone()], range));
                let is_there = |owners: &[u32]| owners.iter().all(|&o| o == field.index() as u32);
                if let Some((owners, range)) = bytes
                    && is_there(owners)
                {
                    visit(decode(Type::Ref, &object.data[range]).bits);
                }
            }
            let results = object.results.iter().flatten();
            results.for_each(|cell| visit(cell.bits));
        }
    }

    pub(crate) fn count(&self, stats: &mut Stats) {
        stats.continuations_allocated = self.made;
        stats.continuations_live = self.objects.len() as u64;
        stats.continuation_bytes_live = self.bytes;
        stats.continuation_bytes_peak = self.peak;
    }

    /// The object that an operand names, which must have this layout of the site's function.
    fn of_layout(
        &mut self,
        site: &Site<'a>,
        number: u64,
        layout: LayoutId,
    ) -> Result<&mut Object<'a>, Stop> {
        let object = self.expect_mut(number)?;
        if std::ptr::eq(object.function, site.function) && object.layout == layout {
            return Ok(object);
        }
        let function = &object.function.name;
        let found = object.layout;
        Err(Stop::Fault(format!(
            "the object has {found} of %{function}, not {layout}"
        )))
    }

    /// Sets an object to a point of its function: what that does not save is no longer there.
    pub(crate) fn set_point(&mut self, number: u64, point: PointId) -> Result<(), Stop> {
        let Objects { objects, saved, .. } = self;
        let Some(object) = objects.get_mut(&number) else {
            return Err(Stop::fault("a state for no object"));
        };
        let function = std::ptr::from_ref(object.function);
        let keeps = |owner: u32| {
            let field = FieldId::from_index(owner as usize);
            saved.contains(&(function, point, field))
        };
        // The bytes of a field lie together, so one question per run of bytes is enough.
        let mut last = (NO_FIELD, false);
        for owner in object.owners.iter_mut().filter(|owner| **owner != NO_FIELD) {
            if last.0 != *owner {
                last = (*owner, keeps(*owner));
            }
            if !last.1 {
                *owner = NO_FIELD;
            }
        }
        object.point = Some(point);
        object.results = None;
        Ok(())
    }

    /// Fails unless a field of an object can be loaded.
    fn check_field(&self, number: u64, layout: LayoutId, field: FieldId) -> Result<(), Stop> {
        let Some(object) = self.get(number) else {
            return Err(Stop::fault("a field of no object"));
        };
        let name = || &object.function.layouts[layout].fields[field].name;
        let Some(point) = object.point else {
            return Err(Stop::Fault(format!(
                "{layout}.{} of an object without state",
                name()
            )));
        };
        let key = (std::ptr::from_ref(object.function), point, field);
        if !self.saved.contains(&key) {
            return Err(Stop::Fault(format!(
                "{point} does not save {layout}.{}",
                name()
            )));
        }
        let range = object.range(layout, field)?;
        if object.owners[range]
            .iter()
            .any(|&owner| owner != field.index() as u32)
        {
            return Err(Stop::Fault(format!(
                "nothing stored {layout}.{} for {point}",
                name()
            )));
        }
        Ok(())
    }
}

/// Somebody is given results of other types than he has asked for.
pub(crate) fn wrong_types(whom: &str, given: &[Type], expected: &[Type]) -> Stop {
    let [given, expected] = [given, expected].map(|types| Signature::sync(types, &[]));
    Stop::Fault(format!("{whom} is given {given}, not {expected}"))
}

impl Object<'_> {
    /// Takes the results of the call at its point, which have these types. Whatever lay in the result area is
    /// gone.
    pub(crate) fn deliver(&mut self, results: &[Cell], types: &[Type]) -> Result<(), Stop> {
        let expected = match self.point {
            Some(point) => &self.function.points[point].results,
            None => return Err(Stop::fault("results for an object without state")),
        };
        if expected != types {
            let whom = format!("an object of %{}", self.function.name);
            return Err(wrong_types(&whom, types, expected));
        }
        let area = (RESULT_WORDS + word_count(expected)) * WORD_BYTES;
        let Some(area) = self.owners.get_mut(RESULT_WORDS * WORD_BYTES..area) else {
            return Err(Stop::fault("results that the object has no room for"));
        };
        area.fill(NO_FIELD);
        self.results = Some(results.to_vec());
        Ok(())
    }

    /// The activation goes on in an epoch. What the object holds from then on is not kept up to date.
    pub(crate) fn resume(&mut self, epoch: u32) {
        self.resumed = Some(epoch);
    }

    /// Fails if a reference that is loaded from it may be out of date.
    fn check_epoch(&self, site: &Site<'_>, stack: &Stack<'_>, ty: Type) -> Result<(), Stop> {
        let is_old = self.resumed.is_some_and(|epoch| epoch != stack.epoch);
        match site.checks && ty == Type::Ref && is_old {
            true => Err(Stop::fault(
                "a reference in an object is used behind a safepoint since that was resumed",
            )),
            false => Ok(()),
        }
    }

    /// Fails if a reference that a point saves was stored before the last safepoint.
    fn check_saved(&self, site: &Site<'_>, stack: &Stack<'_>, point: PointId) -> Result<(), Stop> {
        if !site.checks {
            return Ok(());
        }
        for saved in &site.function.points[point].saved {
            let decl = &site.function.layouts[self.layout].fields[saved.field];
            let is_reference = decl.ty == FieldType::Value(Type::Ref);
            if is_reference && self.stored.get(&saved.field) != Some(&stack.epoch) {
                let name = &decl.name;
                return Err(Stop::Fault(format!(
                    "{point} saves {name}, which was stored before the last safepoint"
                )));
            }
        }
        Ok(())
    }

    /// The exceptional entry of its point, if that has one.
    pub(crate) fn exceptional_entry(&self) -> Option<PointId> {
        self.function.points[self.point?].unwind
    }

    /// The bytes of a field.
    fn range(&self, layout: LayoutId, field: FieldId) -> Result<Range<usize>, Stop> {
        let decl = &self.function.layouts[layout].fields[field];
        let size = match decl.ty {
            FieldType::Value(ty) => ty.bytes(),
            FieldType::Bytes { size, .. } => size,
        };
        match decl.offset.checked_add(size) {
            Some(end) if end as usize <= self.data.len() => Ok(decl.offset as usize..end as usize),
            _ => Err(Stop::Fault(format!(
                "{layout}.{} lies outside the object",
                decl.name
            ))),
        }
    }

    fn store(&mut self, layout: LayoutId, field: FieldId, bytes: &[u8]) -> Result<(), Stop> {
        let range = self.range(layout, field)?;
        if range.len() != bytes.len() {
            let name = &self.function.layouts[layout].fields[field].name;
            return Err(Stop::Fault(format!("{layout}.{name} has another size")));
        }
        self.owners[range.clone()].fill(field.index() as u32);
        self.data[range].copy_from_slice(bytes);
        Ok(())
    }
}

pub(crate) fn is_suspended<'a>(
    _: &mut Machine<'a>,
    stack: &mut Stack<'a>,
    site: &Site<'a>,
) -> Outcome {
    let suspended = site.arg(stack, 0)? != 0;
    site.define(stack, suspended.into());
    Ok(Flow::Next)
}

pub(crate) fn state<'a>(
    machine: &mut Machine<'a>,
    stack: &mut Stack<'a>,
    site: &Site<'a>,
) -> Outcome {
    let object = machine.objects.expect_mut(site.arg(stack, 0)?)?;
    let point = object
        .point
        .ok_or_else(|| Stop::fault("an object without state"))?;
    site.define(stack, point.index() as u64);
    Ok(Flow::Next)
}

pub(crate) fn own<'a>(_: &mut Machine<'a>, stack: &mut Stack<'a>, site: &Site<'a>) -> Outcome {
    let own = stack.frames.last().map_or(0, |frame| frame.own);
    site.define(stack, own);
    Ok(Flow::Next)
}

/// The layout that an instruction names.
fn layout_of(site: &Site<'_>) -> Result<LayoutId, Stop> {
    match site.data.payload {
        Payload::Layout(layout) => Ok(layout),
        _ => Err(wrong_payload(site)),
    }
}

pub(crate) fn has_layout<'a>(
    machine: &mut Machine<'a>,
    stack: &mut Stack<'a>,
    site: &Site<'a>,
) -> Outcome {
    let object = machine.objects.expect_mut(site.arg(stack, 0)?)?;
    let same = object.layout == layout_of(site)? && std::ptr::eq(object.function, site.function);
    site.define(stack, same.into());
    Ok(Flow::Next)
}

pub(crate) fn new<'a>(
    machine: &mut Machine<'a>,
    stack: &mut Stack<'a>,
    site: &Site<'a>,
) -> Outcome {
    if site.arg(stack, 0)? == 0 {
        return Err(Stop::fault("an object for a callee that is not suspended"));
    }
    let layout = layout_of(site)?;
    machine.keep(site.function.layouts[layout].size as usize * HELD_PER_BYTE)?;
    let number = machine.objects.make(site.function, layout);
    site.define(stack, number);
    Ok(Flow::Next)
}

/// The layout and the field that an instruction names.
fn field_of(site: &Site<'_>) -> Result<(LayoutId, FieldId), Stop> {
    match site.data.payload {
        Payload::Field(layout, field) => Ok((layout, field)),
        _ => Err(wrong_payload(site)),
    }
}

pub(crate) fn field_store<'a>(
    machine: &mut Machine<'a>,
    stack: &mut Stack<'a>,
    site: &Site<'a>,
) -> Outcome {
    let (layout, field) = field_of(site)?;
    let bytes = site.cell(stack, site.args()[1])?.wide_bits().to_le_bytes();
    let size = site.function.value_type(site.args()[1]).bytes() as usize;
    let object = machine
        .objects
        .of_layout(site, site.arg(stack, 0)?, layout)?;
    object.store(layout, field, &bytes[..size])?;
    if site.function.value_type(site.args()[1]) == Type::Ref {
        object.stored.insert(field, stack.epoch);
    }
    Ok(Flow::Next)
}

pub(crate) fn field_load<'a>(
    machine: &mut Machine<'a>,
    stack: &mut Stack<'a>,
    site: &Site<'a>,
) -> Outcome {
    let (layout, field) = field_of(site)?;
    let number = site.arg(stack, 0)?;
    machine.objects.of_layout(site, number, layout)?;
    machine.objects.check_field(number, layout, field)?;
    let object = machine.objects.expect_mut(number)?;
    let range = object.range(layout, field)?;
    let ty = site.function.value_type(site.results()[0]);
    if range.len() != ty.bytes() as usize {
        return Err(Stop::fault("a field of another size"));
    }
    object.check_epoch(site, stack, ty)?;
    site.set(stack, 0, decode(ty, &object.data[range]));
    Ok(Flow::Next)
}

pub(crate) fn field_save_slot<'a>(
    machine: &mut Machine<'a>,
    stack: &mut Stack<'a>,
    site: &Site<'a>,
) -> Outcome {
    let Payload::SlotField(layout, field, slot) = site.data.payload else {
        return Err(wrong_payload(site));
    };
    let object = machine
        .objects
        .of_layout(site, site.arg(stack, 0)?, layout)?;
    object.store(layout, field, &stack.slots[site.slot(slot)])?;
    Ok(Flow::Next)
}

pub(crate) fn field_restore_slot<'a>(
    machine: &mut Machine<'a>,
    stack: &mut Stack<'a>,
    site: &Site<'a>,
) -> Outcome {
    let Payload::SlotField(layout, field, slot) = site.data.payload else {
        return Err(wrong_payload(site));
    };
    let number = site.arg(stack, 0)?;
    machine.objects.of_layout(site, number, layout)?;
    machine.objects.check_field(number, layout, field)?;
    let object = machine.objects.expect_mut(number)?;
    let bytes = &object.data[object.range(layout, field)?];
    let slot = &mut stack.slots[site.slot(slot)];
    if slot.len() != bytes.len() {
        return Err(Stop::fault("a field of another size than the slot"));
    }
    slot.copy_from_slice(bytes);
    Ok(Flow::Next)
}

pub(crate) fn result_load<'a>(
    machine: &mut Machine<'a>,
    stack: &mut Stack<'a>,
    site: &Site<'a>,
) -> Outcome {
    let Payload::PointResult(point, position) = site.data.payload else {
        return Err(wrong_payload(site));
    };
    let layout = site.function.points[point].layout;
    let object = machine
        .objects
        .of_layout(site, site.arg(stack, 0)?, layout)?;
    if object.point != Some(point) {
        return Err(Stop::Fault(format!(
            "the object was not suspended at {point}"
        )));
    }
    let delivered = object
        .results
        .as_ref()
        .and_then(|results| results.get(position as usize));
    let result = *delivered.ok_or_else(|| Stop::fault("a result that was not delivered"))?;
    object.check_epoch(site, stack, site.function.value_type(site.results()[0]))?;
    site.set(stack, 0, result);
    Ok(Flow::Next)
}

pub(crate) fn set_point<'a>(
    machine: &mut Machine<'a>,
    stack: &mut Stack<'a>,
    site: &Site<'a>,
) -> Outcome {
    let Payload::Point(point) = site.data.payload else {
        return Err(wrong_payload(site));
    };
    let layout = site.function.points[point].layout;
    let number = site.arg(stack, 0)?;
    let object = machine.objects.of_layout(site, number, layout)?;
    object.check_saved(site, stack, point)?;
    machine.objects.set_point(number, point)?;
    Ok(Flow::Next)
}

pub(crate) fn link<'a>(
    machine: &mut Machine<'a>,
    stack: &mut Stack<'a>,
    site: &Site<'a>,
) -> Outcome {
    let (callee, own) = (site.arg(stack, 0)?, site.arg(stack, 1)?);
    machine.objects.expect_mut(own)?;
    if callee == SENTINEL {
        stack.chain.after_sentinel = own;
        return Ok(Flow::Next);
    }
    let object = machine.objects.expect_mut(callee)?;
    if object.next != 0 {
        return Err(Stop::fault("an object is linked to a second caller"));
    }
    object.next = own;
    Ok(Flow::Next)
}

pub(crate) fn suspend<'a>(
    machine: &mut Machine<'a>,
    stack: &mut Stack<'a>,
    site: &Site<'a>,
) -> Outcome {
    let continuation = site.arg(stack, 0)?;
    if machine.objects.expect_mut(continuation)?.point.is_none() {
        return Err(Stop::fault("an object is suspended without state"));
    }
    machine.stats.frames_suspended += 1;
    machine.pop(stack);
    machine.deliver_suspended(stack, continuation)
}
