//! Logical stack traces: which calls a program is in, innermost first, as if nothing had ever been
//! suspended.
//!
//! An engine collects frames in a [`TraceBuffer`], in a form of its own, as they are looked at or
//! dropped; what is in the middle of a very deep stack is counted only. A [`Trace`] is for people:
//! it names functions, instructions and source positions.

use crate::entity::{FuncId, Inst};
use crate::function::{Function, SourcePos};
use crate::module::Module;
use crate::print::display_inst;
use std::collections::VecDeque;
use std::fmt;
use std::str::FromStr;

/// How many frames of a stack are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceLimits {
    /// How many from the place where it happened outwards.
    pub innermost: u32,
    /// How many up to where the program was entered.
    pub outermost: u32,
}

impl TraceLimits {
    /// Nothing is kept but the place itself.
    pub const OFF: TraceLimits = TraceLimits {
        innermost: 0,
        outermost: 0,
    };
    /// What fits a screen.
    pub const SHORT: TraceLimits = TraceLimits {
        innermost: 16,
        outermost: 8,
    };
    /// More than a person reads.
    pub const FULL: TraceLimits = TraceLimits {
        innermost: 4096,
        outermost: 4096,
    };
}

impl Default for TraceLimits {
    fn default() -> Self {
        TraceLimits::SHORT
    }
}

impl FromStr for TraceLimits {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "off" => Ok(TraceLimits::OFF),
            "short" => Ok(TraceLimits::SHORT),
            "full" => Ok(TraceLimits::FULL),
            _ => Err(format!("`{text}` is none of off, short and full")),
        }
    }
}

/// Frames as an engine has them, innermost first, no more than the limits allow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceBuffer<F> {
    limits: TraceLimits,
    inner: Vec<F>,
    outer: VecDeque<F>,
    pushed: u64,
}

impl<F: Copy> TraceBuffer<F> {
    /// An empty buffer.
    pub fn new(limits: TraceLimits) -> Self {
        TraceBuffer {
            limits,
            inner: Vec::new(),
            outer: VecDeque::new(),
            pushed: 0,
        }
    }

    /// Adds the next frame outwards. Without memory for it, it is only counted. The first frame is
    /// kept whatever the limits say.
    pub fn push(&mut self, frame: F) {
        let limits = self.limits;
        self.pushed += 1;
        if self.inner.len() < limits.innermost.max(1) as usize && self.outer.is_empty() {
            if self.inner.try_reserve(1).is_ok() {
                self.inner.push(frame);
            }
        } else if limits.outermost > 0 {
            if self.outer.len() == limits.outermost as usize {
                self.outer.pop_front();
            }
            if self.outer.try_reserve(1).is_ok() {
                self.outer.push_back(frame);
            }
        }
    }

    /// Forgets all frames; the memory stays.
    pub fn clear(&mut self) {
        self.inner.clear();
        self.outer.clear();
        self.pushed = 0;
    }

    /// Forgets all frames but the first, and gives back the memory of the others.
    pub fn shorten(&mut self) {
        self.outer = VecDeque::new();
        self.inner.truncate(1);
        self.inner.shrink_to_fit();
    }

    /// The first frame: where it happened.
    pub fn first(&self) -> Option<F> {
        self.inner.first().copied()
    }

    /// The frames that are kept, innermost first.
    pub fn frames(&self) -> impl Iterator<Item = &F> {
        self.inner.iter().chain(&self.outer)
    }

    /// Bytes that it takes.
    pub fn size(&self) -> u64 {
        ((self.inner.capacity() + self.outer.capacity()) * std::mem::size_of::<F>()) as u64
    }

    /// The trace for people, by what each frame is.
    pub fn resolve(&self, locate: impl FnMut(&F) -> Location) -> Trace {
        if self.limits == TraceLimits::OFF {
            return Trace::default();
        }
        let kept = (self.inner.len() + self.outer.len()) as u64;
        Trace {
            frames: self.frames().map(locate).collect(),
            omitted: self.pushed - kept,
            gap: self.inner.len(),
        }
    }
}

/// A place in a program.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Location {
    /// The name of the function, without the percent sign.
    pub function: String,
    /// The instruction in the text format, without its position; empty if it has none, as when the
    /// stack overflows on entry.
    pub instruction: String,
    /// The position in the source: file, line, column.
    pub position: Option<(String, u32, u32)>,
}

impl Location {
    /// The place of an instruction of a function, or on its entry.
    pub fn new(module: &Module, function: FuncId, inst: Option<Inst>) -> Location {
        let Some(decl) = module.functions.get(function) else {
            return Location::default();
        };
        match decl.body() {
            Some(body) => Location::inside(module, body, inst),
            None => Location {
                function: decl.name.clone(),
                ..Location::default()
            },
        }
    }

    /// The same for a function with a body.
    pub fn inside(module: &Module, body: &Function, inst: Option<Inst>) -> Location {
        let mut location = Location {
            function: body.name.clone(),
            ..Location::default()
        };
        if let Some(inst) = inst {
            let position = body.positions[inst];
            location.instruction = display_inst(Some(module), body, inst).to_string();
            // The text ends with the position, which stands here in full.
            if let (Some(_), Some((bare, _))) = (position, location.instruction.rsplit_once(" @ "))
            {
                location.instruction.truncate(bare.len());
            }
            location.position = position.map(|position| named_position(module, position));
        }
        location
    }
}

/// A position with the name of its file.
pub fn named_position(module: &Module, position: SourcePos) -> (String, u32, u32) {
    let file = module.files.get(position.file).cloned();
    let file = file.unwrap_or_else(|| position.file.to_string());
    (file, position.line, position.column)
}

/// As in ``%divide: `v2 = sdiv v0, v1` at main.src:3:7``.
impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "%{}", self.function)?;
        if !self.instruction.is_empty() {
            write!(f, ": `{}`", self.instruction)?;
        }
        match &self.position {
            Some((file, line, column)) => write!(f, " at {file}:{line}:{column}"),
            None => Ok(()),
        }
    }
}

/// A logical stack.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trace {
    /// Its frames, innermost first.
    pub frames: Vec<Location>,
    /// How many more frames there were.
    pub omitted: u64,
    /// Before which of `frames` these were.
    pub gap: usize,
}

impl Trace {
    /// Bytes of its texts.
    pub fn size(&self) -> u64 {
        let texts = |frame: &Location| {
            let file = frame.position.as_ref().map_or(0, |(file, ..)| file.len());
            std::mem::size_of::<Location>() + frame.function.len() + frame.instruction.len() + file
        };
        self.frames.iter().map(texts).sum::<usize>() as u64
    }

    /// Writes a line per frame, each behind `indent`, and what `more` adds to it.
    pub fn write(
        &self,
        f: &mut impl fmt::Write,
        indent: &str,
        mut more: impl FnMut(&Location) -> Option<String>,
    ) -> fmt::Result {
        for index in 0..=self.frames.len() {
            if self.omitted > 0 && index == self.gap {
                writeln!(f, "{indent}… {} more frames", self.omitted)?;
            }
            if let Some(frame) = self.frames.get(index) {
                writeln!(f, "{indent}{frame}")?;
                if let Some(more) = more(frame) {
                    writeln!(f, "{more}")?;
                }
            }
        }
        Ok(())
    }
}

/// A line per frame.
impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f, "", |_| None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(limits: TraceLimits, frames: u32) -> (Vec<String>, u64, usize) {
        let mut buffer = TraceBuffer::new(limits);
        (0..frames).for_each(|frame| buffer.push(frame));
        assert_eq!(buffer.first(), (frames > 0).then_some(0));
        let trace = buffer.resolve(|frame| Location {
            function: frame.to_string(),
            ..Location::default()
        });
        let names = trace.frames.iter().map(|frame| frame.function.clone());
        (names.collect(), trace.omitted, trace.gap)
    }

    #[test]
    fn what_is_in_the_middle_is_counted() {
        let limits = TraceLimits {
            innermost: 2,
            outermost: 1,
        };
        let names = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(kept(limits, 0), (names(&[]), 0, 0));
        assert_eq!(kept(limits, 2), (names(&["0", "1"]), 0, 2));
        assert_eq!(kept(limits, 3), (names(&["0", "1", "2"]), 0, 2));
        assert_eq!(kept(limits, 1000), (names(&["0", "1", "999"]), 997, 2));
        assert_eq!(kept(TraceLimits::OFF, 1000), (names(&[]), 0, 0));
    }

    #[test]
    fn the_gap_stands_where_frames_are_left_out() {
        let mut buffer = TraceBuffer::new(TraceLimits {
            innermost: 1,
            outermost: 1,
        });
        (0..5).for_each(|frame| buffer.push(frame));
        let trace = buffer.resolve(|frame| Location {
            function: format!("f{frame}"),
            instruction: String::new(),
            position: Some(("a.src".to_string(), 7, 1)),
        });
        let expected = "%f0 at a.src:7:1\n… 3 more frames\n%f4 at a.src:7:1\n";
        assert_eq!(trace.to_string(), expected);
    }
}
