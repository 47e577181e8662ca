//! Instructions on objects and root slots, and what happens at a safepoint.
//!
//! Nothing moves here, but what compiled code may rely on is checked: every safepoint begins an epoch. In
//! a function whose references go through root slots, one that was defined in an earlier epoch may be
//! moved and not used, and a root slot keeps what it holds across a safepoint only if that lists it.

use crate::continuation::Objects;
use crate::control::wrong_payload;
use crate::error::Stop;
use crate::heap::{Heap, Object, Reference};
use crate::machine::{Flow, Machine};
use crate::scheduler::Scheduler;
use crate::stack::{Site, Stack};
use enjamb_ir::{FieldId, ObjectTypeId, Payload, RootId, TrapCode, Type};

type Outcome = Result<Flow, Stop>;

impl<'a> Machine<'a> {
    /// The collector may run at this instruction, whose operands have been read.
    pub(crate) fn safepoint(&mut self, stack: &mut Stack<'a>, site: &Site<'a>) -> Result<(), Stop> {
        if self.heap.is_none() {
            return Ok(());
        }
        site.keep_listed(stack)?;
        self.epoch = self.epoch.wrapping_add(1);
        stack.epoch = self.epoch;
        if self.options.gc_stress {
            self.collect(stack);
        }
        Ok(())
    }

    /// A full collection while a task runs.
    pub(crate) fn collect(&mut self, stack: &Stack<'a>) {
        let Some(mut heap) = self.heap.take() else {
            return;
        };
        heap.collect(&|visit| self.each_reference(Some(stack), visit));
        self.heap = Some(heap);
    }

    /// Visits every word outside of the heap that may be a reference.
    pub(crate) fn each_reference(
        &self,
        running: Option<&Stack<'a>>,
        visit: &mut dyn FnMut(Reference),
    ) {
        let globals = self.module.globals.values().zip(&self.globals);
        let references = globals.filter(|(global, _)| global.ty == Type::Ref);
        references.for_each(|(_, cell)| visit(cell.bits));
        self.args.iter().for_each(|cell| visit(cell.bits));
        self.tasks(running).each_reference(visit);
    }

    /// All tasks, one of which may run.
    pub(crate) fn tasks<'r>(&'r self, running: Option<&'r Stack<'a>>) -> Tasks<'r, 'a> {
        Tasks {
            running,
            spawners: &self.spawners,
            scheduler: &self.scheduler,
            continuations: &self.objects,
        }
    }

    fn allocate(&mut self, stack: &Stack<'a>, ty: ObjectTypeId, length: u64) -> Result<u64, Stop> {
        let Some(mut heap) = self.heap.take() else {
            return Err(no_heap());
        };
        let made = heap.allocate(ty, length, &|visit| self.each_reference(Some(stack), visit));
        self.heap = Some(heap);
        Ok(made?)
    }

    fn heap(&self) -> Result<&Heap, Stop> {
        self.heap.as_ref().ok_or_else(no_heap)
    }

    fn heap_mut(&mut self) -> Result<&mut Heap, Stop> {
        self.heap.as_mut().ok_or_else(no_heap)
    }
}

/// Where tasks keep references.
pub(crate) struct Tasks<'r, 'a> {
    pub(crate) running: Option<&'r Stack<'a>>,
    pub(crate) spawners: &'r [Stack<'a>],
    pub(crate) scheduler: &'r Scheduler<'a>,
    pub(crate) continuations: &'r Objects<'a>,
}

impl Tasks<'_, '_> {
    /// Visits every word that may be a reference.
    pub(crate) fn each_reference(&self, visit: &mut dyn FnMut(Reference)) {
        for stack in self.running.into_iter().chain(self.spawners) {
            stack.each_reference(visit);
        }
        self.scheduler.each_reference(visit);
        self.continuations.each_reference(visit);
    }
}

fn no_heap() -> Stop {
    Stop::fault("an instance without object types has no heap")
}

fn type_of(site: &Site<'_>) -> Result<ObjectTypeId, Stop> {
    match site.data.payload {
        Payload::ObjectType(ty) => Ok(ty),
        _ => Err(wrong_payload(site)),
    }
}

fn root_of(site: &Site<'_>) -> Result<RootId, Stop> {
    match site.data.payload {
        Payload::Root(root) => Ok(root),
        _ => Err(wrong_payload(site)),
    }
}

pub(crate) fn new<'a>(
    machine: &mut Machine<'a>,
    stack: &mut Stack<'a>,
    site: &Site<'a>,
) -> Outcome {
    machine.args.clear();
    machine.safepoint(stack, site)?;
    let object = machine.allocate(stack, type_of(site)?, 0)?;
    site.define(stack, object);
    Ok(Flow::Next)
}

pub(crate) fn new_array<'a>(
    machine: &mut Machine<'a>,
    stack: &mut Stack<'a>,
    site: &Site<'a>,
) -> Outcome {
    let length = site.arg(stack, 0)?;
    machine.args.clear();
    machine.safepoint(stack, site)?;
    let array = machine.allocate(stack, type_of(site)?, length)?;
    site.define(stack, array);
    Ok(Flow::Next)
}

/// The object that the first operand refers to, and where the field lies.
fn field<'m>(
    machine: &'m Machine<'_>,
    stack: &Stack<'_>,
    site: &Site<'_>,
) -> Result<(&'m Object, (Type, usize)), Stop> {
    let (ty, field): (ObjectTypeId, FieldId) = match site.data.payload {
        Payload::ObjectField(ty, field) => (ty, field),
        _ => return Err(wrong_payload(site)),
    };
    let heap = machine.heap()?;
    let object = heap.of_type(site.arg(stack, 0)?, ty)?;
    let place = heap.field(ty, field).ok_or_else(|| wrong_payload(site))?;
    Ok((object, place))
}

pub(crate) fn get_field<'a>(
    machine: &mut Machine<'a>,
    stack: &mut Stack<'a>,
    site: &Site<'a>,
) -> Outcome {
    let (object, place) = field(machine, stack, site)?;
    site.set(stack, 0, Heap::load(object, place));
    Ok(Flow::Next)
}

pub(crate) fn set_field<'a>(
    machine: &mut Machine<'a>,
    stack: &mut Stack<'a>,
    site: &Site<'a>,
) -> Outcome {
    let value = site.cell(stack, site.args()[1])?;
    let (_, place) = field(machine, stack, site)?;
    let object = site.arg(stack, 0)?;
    machine.heap_mut()?.store(object, place, value);
    Ok(Flow::Next)
}

/// The array that the first operand refers to, and where the element lies that the second selects.
fn element<'m>(
    machine: &'m Machine<'_>,
    stack: &Stack<'_>,
    site: &Site<'_>,
) -> Result<(&'m Object, (Type, usize)), Stop> {
    let (array, index) = (site.arg(stack, 0)?, site.arg(stack, 1)?);
    let heap = machine.heap()?;
    let array = heap.of_type(array, type_of(site)?)?;
    Ok((array, heap.element_at(array, index)?))
}

pub(crate) fn get_element<'a>(
    machine: &mut Machine<'a>,
    stack: &mut Stack<'a>,
    site: &Site<'a>,
) -> Outcome {
    let (array, place) = element(machine, stack, site)?;
    site.set(stack, 0, Heap::load(array, place));
    Ok(Flow::Next)
}

pub(crate) fn set_element<'a>(
    machine: &mut Machine<'a>,
    stack: &mut Stack<'a>,
    site: &Site<'a>,
) -> Outcome {
    let value = site.cell(stack, site.args()[2])?;
    let (_, place) = element(machine, stack, site)?;
    let array = site.arg(stack, 0)?;
    machine.heap_mut()?.store(array, place, value);
    Ok(Flow::Next)
}

pub(crate) fn array_length<'a>(
    machine: &mut Machine<'a>,
    stack: &mut Stack<'a>,
    site: &Site<'a>,
) -> Outcome {
    let array = site.arg(stack, 0)?;
    let length = machine.heap()?.of_type(array, type_of(site)?)?.length;
    site.define(stack, length);
    Ok(Flow::Next)
}

pub(crate) fn array_copy<'a>(
    machine: &mut Machine<'a>,
    stack: &mut Stack<'a>,
    site: &Site<'a>,
) -> Outcome {
    let ty = type_of(site)?;
    let mut words = [0; 5];
    for (position, word) in words.iter_mut().enumerate() {
        *word = site.arg(stack, position)?;
    }
    let [to, to_index, from, from_index, count] = words;
    let heap = machine.heap_mut()?;
    let to_length = heap.of_type(to, ty)?.length;
    let source = heap.of_type(from, ty)?;
    let is_inside = |first: u64, length| first.checked_add(count).is_some_and(|end| end <= length);
    if !is_inside(to_index, to_length) || !is_inside(from_index, source.length) {
        return Err(TrapCode::ArrayOutOfBounds.into());
    }
    let element = heap.element(ty).ok_or_else(|| wrong_payload(site))?;
    let at = |index: u64| index as usize * element.bytes() as usize;
    let copied = source.bytes[at(from_index)..at(from_index + count)].to_vec();
    heap.write(to, at(to_index), &copied);
    Ok(Flow::Next)
}

pub(crate) fn is_instance<'a>(
    machine: &mut Machine<'a>,
    stack: &mut Stack<'a>,
    site: &Site<'a>,
) -> Outcome {
    let reference = site.arg(stack, 0)?;
    let is_it = reference != 0 && machine.heap()?.get(reference)?.ty == type_of(site)?;
    site.define(stack, is_it.into());
    Ok(Flow::Next)
}

pub(crate) fn root_set<'a>(_: &mut Machine<'a>, stack: &mut Stack<'a>, site: &Site<'a>) -> Outcome {
    let root = root_of(site)?;
    site.set_root(stack, root)?;
    Ok(Flow::Next)
}

pub(crate) fn root_get<'a>(_: &mut Machine<'a>, stack: &mut Stack<'a>, site: &Site<'a>) -> Outcome {
    let held = site.root(stack, root_of(site)?)?;
    site.set(stack, 0, held);
    Ok(Flow::Next)
}
