//! What calls leave in an instance: tasks, and objects once these are gone.

use enjamb_ir::host_objects::{HostObjects, ObjectError};
use enjamb_ir::{Module, ObjectType, TaskInfo, TaskState, Val};
use std::fmt;

/// The most objects that are looked at, and elements of an array.
const OBJECTS: usize = 64;
const ELEMENTS: u64 = 16;

/// The tasks that calls have left, in an order that all engines share.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tasks {
    /// What each of them is and waits for.
    tasks: Vec<String>,
    /// Where they stand; `None` where the engine runs another program than the source.
    stacks: Option<Vec<String>>,
}

impl Tasks {
    /// The tasks of a walk, with their stacks if they are those of the source.
    pub fn of(walk: impl Iterator<Item = TaskInfo>, of_source: bool) -> Tasks {
        let (mut tasks, mut stacks) = (Vec::new(), Vec::new());
        for task in walk {
            let state = match &task.state {
                // Each engine counts its tasks in its own way.
                TaskState::Joining(_) => "joins a task".to_string(),
                state => state.to_string(),
            };
            let detached = if task.detached { ", detached" } else { "" };
            let context = task.context.unwrap_or(0);
            let function = &task.function;
            tasks.push(format!("%{function} {state}{detached}, context {context}"));
            stacks.push(format!("%{function} at {}", task.stack));
        }
        tasks.sort_unstable();
        stacks.sort_unstable();
        Tasks {
            tasks,
            stacks: of_source.then_some(stacks),
        }
    }

    /// Whether two engines have left the same.
    pub fn agrees(&self, other: &Tasks) -> bool {
        let stacks = self.stacks.as_ref().zip(other.stacks.as_ref());
        self.tasks == other.tasks && stacks.is_none_or(|(one, other)| one == other)
    }
}

/// A line for each task, and where they stand if that is known.
impl fmt::Display for Tasks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut tasks = self.tasks.iter();
        tasks.try_for_each(|task| writeln!(f, "left task {task}"))?;
        let mut stacks = self.stacks.iter().flatten();
        stacks.try_for_each(|stack| writeln!(f, "left {}", stack.trim_end()))
    }
}

/// The objects of an instance after a collection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Objects {
    /// How many there are.
    live: u64,
    /// What the first of them hold, those first that the host has. They are numbered as they are met.
    shapes: Vec<String>,
}

impl Objects {
    /// Collects what is garbage, and looks at the rest, from these handles on.
    ///
    /// # Errors
    /// If there is no heap, or a handle is none of it.
    pub fn of(
        module: &Module,
        heap: &mut dyn HostObjects,
        handles: impl Iterator<Item = u64>,
    ) -> Result<Objects, ObjectError> {
        heap.collect()?;
        let statistics = heap.heap_statistics().ok_or(ObjectError::NoHeap)?;
        let mut walk = Walk {
            module,
            heap,
            met: Vec::new(),
        };
        let mut shapes = Vec::new();
        for handle in handles {
            shapes.push(walk.value(Val::Ref(Some(handle)))?);
        }
        let mut next = 0;
        while let Some(&handle) = walk.met.get(next) {
            shapes.push(format!("#{next} = {}", walk.shape(handle)?));
            next += 1;
        }
        Ok(Objects {
            live: statistics.objects,
            shapes,
        })
    }
}

/// The number of objects, and a line for each that was looked at.
impl fmt::Display for Objects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} objects", self.live)?;
        let mut shapes = self.shapes.iter();
        shapes.try_for_each(|shape| writeln!(f, "object {shape}"))
    }
}

/// A walk over objects in the order in which they are met.
struct Walk<'a> {
    module: &'a Module,
    heap: &'a mut dyn HostObjects,
    /// A handle of each.
    met: Vec<u64>,
}

impl Walk<'_> {
    /// A value as all engines show it: an object by its number in the walk, and a task, which each engine counts in
    /// its own way, as one.
    fn value(&mut self, value: Val) -> Result<String, ObjectError> {
        let handle = match value {
            Val::Ref(Some(handle)) => handle,
            Val::Task(word) if word != 0 => return Ok("a task".to_string()),
            value => return Ok(value.to_string()),
        };
        for (number, &met) in self.met.iter().enumerate() {
            if self.heap.is_same(met, handle)? {
                return Ok(format!("#{number}"));
            }
        }
        if self.met.len() == OBJECTS {
            return Ok("one more".to_string());
        }
        self.met.push(handle);
        Ok(format!("#{}", self.met.len() - 1))
    }

    /// The type of an object and what it holds.
    fn shape(&mut self, object: u64) -> Result<String, ObjectError> {
        let module = self.module;
        let ty = self.heap.object_type(object)?;
        let decl = module.object_types.get(ty);
        let decl = decl.ok_or(ObjectError::NotThatKind(ty))?;
        let mut values = Vec::new();
        let length = match &decl.shape {
            ObjectType::Fields(fields) => {
                for (field, _) in fields.iter() {
                    let value = self.heap.get_field(object, field)?;
                    values.push(self.value(value)?);
                }
                String::new()
            }
            ObjectType::Array(_) => {
                let length = self.heap.array_length(object)?;
                for index in 0..length.min(ELEMENTS) {
                    let value = self.heap.get_element(object, index)?;
                    values.push(self.value(value)?);
                }
                format!(" of {length}")
            }
        };
        Ok(format!(
            "%{}{length} {{ {} }}",
            decl.name,
            values.join(", ")
        ))
    }
}
