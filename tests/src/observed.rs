//! What can be seen of a program from outside: what engines have to agree on.

use crate::remains::{Objects, Tasks};
use enjamb_ir::{Exception, Trace, TrapCode, Val};
use std::fmt;

/// A call from the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// The name of the function, without the percent sign.
    pub function: String,
    /// What it is called with.
    pub args: Vec<Val>,
}

/// How a call ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// With these results.
    Results(Vec<Val>),
    /// Without results, for this reason.
    Trap(TrapCode),
    /// With an exception that nothing caught.
    Exception(Exception),
    /// In a way in which no call may end; what the engine says about it.
    Broken(String),
}

impl Ending {
    /// In which way it ended, without the values.
    pub fn kind(&self) -> String {
        match self {
            Ending::Results(_) => "results".to_string(),
            Ending::Trap(code) => format!("trap {code}"),
            Ending::Exception(_) => "exception".to_string(),
            Ending::Broken(_) => "broken".to_string(),
        }
    }
}

/// What was seen of the calls into one instance.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Observed {
    /// Each call as text, and how it ended.
    pub calls: Vec<(String, Ending)>,
    /// The calls of host functions, in order: `log(1)`.
    pub host_calls: Vec<String>,
    /// The fuel of the instance in the end.
    pub fuel: Fuel,
    /// Name and value of each exported global.
    pub globals: Vec<(String, Val)>,
    /// Name and bytes of each exported memory.
    pub memories: Vec<(String, Vec<u8>)>,
    /// Name and entries of each table.
    pub tables: Vec<(String, Vec<Val>)>,
    /// The context word.
    pub context: i64,
    /// The tasks that were left; `None` where it is the engine's own business how far they are.
    pub tasks: Option<Tasks>,
    /// What was on the heap when they were gone, if there is one.
    pub objects: Option<Objects>,
    /// The logical stack of each call that ended without results, innermost first; `None` where the
    /// engine runs another program than the source, or where it is the engine's own business.
    pub stacks: Vec<Option<Vec<String>>>,
}

impl Observed {
    /// Whether two engines have done the same.
    pub fn agrees(&self, other: &Observed) -> bool {
        let same_stack = |(one, other): (&Option<Vec<String>>, &Option<Vec<String>>)| {
            one.is_none() || other.is_none() || one == other
        };
        let Observed {
            calls,
            host_calls,
            fuel,
            globals,
            memories,
            tables,
            context,
            tasks,
            objects,
            stacks,
        } = self;
        let same_tasks = tasks.iter().zip(&other.tasks);
        stacks.iter().zip(&other.stacks).all(same_stack)
            && same_tasks.into_iter().all(|(one, other)| one.agrees(other))
            && *calls == other.calls
            && *host_calls == other.host_calls
            && *fuel == other.fuel
            && *globals == other.globals
            && *memories == other.memories
            && *tables == other.tables
            && *context == other.context
            && *objects == other.objects
    }

    /// Whether a program that no schedule makes a difference to has done the same: which of its tasks have come how
    /// far when its call ends, and what is left of a slice of fuel, is another matter.
    pub fn agrees_with_schedule(&self, other: &Observed) -> bool {
        let done = |observed: &Observed| Observed {
            tasks: None,
            fuel: Fuel {
                left: 0,
                ..observed.fuel
            },
            ..observed.clone()
        };
        done(self) == done(other)
    }

    /// The objects that the host has, as handles.
    pub fn handles(&self) -> impl Iterator<Item = u64> + '_ {
        let results = self.calls.iter().flat_map(|(_, ending)| match ending {
            Ending::Results(values) => values.clone(),
            Ending::Exception(Exception { payload, .. }) => vec![Val::Ref(*payload)],
            _ => Vec::new(),
        });
        let globals = self.globals.iter().map(|(_, value)| *value);
        results.chain(globals).filter_map(|value| match value {
            Val::Ref(handle) => handle,
            _ => None,
        })
    }

    /// Takes the numbers out of handles, which engines choose as they like, if the instance `has_heap`.
    pub fn without_handles(mut self, has_heap: bool) -> Self {
        for (_, ending) in &mut self.calls {
            match ending {
                Ending::Results(values) => *values = all_seen(values, has_heap),
                Ending::Exception(Exception { payload, .. }) if has_heap => {
                    *payload = payload.and(Some(1));
                }
                _ => {}
            }
        }
        for (_, value) in &mut self.globals {
            *value = seen(*value, has_heap);
        }
        self
    }

    /// Adds what was seen of a call.
    pub fn add(&mut self, call: &Call, ending: Ending, trace: Option<&Trace>) {
        // How deep a stack is that is too deep depends on the size of frames.
        let is_own = matches!(
            ending,
            Ending::Trap(TrapCode::StackOverflow | TrapCode::OutOfMemory)
        );
        let frames = trace.filter(|_| !is_own).map(Trace::to_string);
        self.stacks
            .push(frames.map(|frames| frames.lines().map(String::from).collect()));
        self.calls.push((call.to_string(), ending));
    }
}

/// What an instance did with its fuel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fuel {
    /// How much it used.
    pub used: u64,
    /// How much it has left; below zero it is a debt.
    pub left: i64,
}

/// What is seen of a handle to an object. Which number it has is the business of the engine.
pub const OBJECT: Val = Val::Ref(Some(1));

/// A value as all engines see it, in an instance that `has_heap`.
pub fn seen(value: Val, has_heap: bool) -> Val {
    match value {
        Val::Ref(Some(_)) if has_heap => OBJECT,
        value => value,
    }
}

/// Values as all engines see them, in an instance that `has_heap`.
pub fn all_seen(values: &[Val], has_heap: bool) -> Vec<Val> {
    values.iter().map(|&value| seen(value, has_heap)).collect()
}

/// Counters of an engine: name and value.
pub type Stats = Vec<(&'static str, u64)>;

/// The counters that are nothing when no task is left.
const NOTHING_LEFT: [&str; 2] = ["continuations_live", "continuation_bytes"];

/// The counters of what programs do, which are the same in all engines that run what all passes make. A run that has
/// waited for the host has none of them.
const ALIKE: [&str; 6] = [
    "suspensions",
    "frames_suspended",
    "resumptions",
    "tasks_started",
    "tasks_finished",
    "tasks_failed",
];

/// What is left when no task is.
pub fn leaks(stats: &Stats) -> Option<String> {
    let mut left = stats.iter();
    let left = left.find(|(name, count)| NOTHING_LEFT.contains(name) && *count != 0);
    left.map(|(name, count)| format!("{name} is {count} in the end"))
}

/// Whether a counter is about what a program has done.
pub fn is_alike((name, _): &(&str, u64)) -> bool {
    ALIKE.contains(name)
}

/// What counters say about what a program has done, if there are any.
pub fn counted(stats: &Stats) -> Option<String> {
    let alike = stats.iter().filter(|counter| is_alike(counter));
    let lines = alike.map(|(name, count)| format!("{name} {count}\n"));
    lines.reduce(|text, line| text + &line)
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "%{}({})", self.function, list(&self.args))
    }
}

/// Values with commas between them.
pub fn list(values: &[Val]) -> String {
    let texts: Vec<String> = values.iter().map(Val::to_string).collect();
    texts.join(", ")
}

/// As a header expects it.
impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Ending::Results(values) if values.is_empty() => Ok(()),
            Ending::Results(values) => write!(f, " == {}", list(values)),
            Ending::Trap(code) => write!(f, " trap {code}"),
            Ending::Exception(exception) => write!(f, " throws {exception}"),
            Ending::Broken(reason) => write!(f, " broken: {reason}"),
        }
    }
}

/// One fact per line, so that a diff of two shows the facts that differ.
impl fmt::Display for Observed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (call, ending) in &self.calls {
            writeln!(f, "{call}{ending}")?;
        }
        for frame in self.stacks.iter().flatten().flatten() {
            writeln!(f, "frame {frame}")?;
        }
        for call in &self.host_calls {
            writeln!(f, "host call {call}")?;
        }
        let Fuel { used, left } = self.fuel;
        writeln!(f, "fuel {used} used, {left} left")?;
        for (name, value) in &self.globals {
            writeln!(f, "global %{name} == {value}")?;
        }
        for (name, bytes) in &self.memories {
            writeln!(f, "memory %{name}: {} pages", bytes.len() / 65_536)?;
            for (row, bytes) in bytes.chunks(16).enumerate() {
                if bytes.iter().any(|&byte| byte != 0) {
                    let hex: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
                    writeln!(f, "%{name}[{}] == {}", row * 16, hex.join(" "))?;
                }
            }
        }
        for (name, entries) in &self.tables {
            writeln!(f, "table %{name} == {}", list(entries))?;
        }
        writeln!(f, "context {}", self.context)?;
        self.tasks
            .iter()
            .try_for_each(|tasks| write!(f, "{tasks}"))?;
        let mut objects = self.objects.iter();
        objects.try_for_each(|objects| write!(f, "{objects}"))
    }
}
