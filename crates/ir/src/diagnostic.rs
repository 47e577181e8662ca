//! Messages about a text, with the place they are about.
//!
//! A [`Diagnostic`] is a value: what is wrong, where, and what may help. [`render`] shows a list of
//! them to a person, each with its line and a caret.

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use std::fmt;
use std::ops::Range;

/// A part of a text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Span {
    /// Byte offset of its first character.
    pub start: u32,
    /// Byte offset of the character behind its last one.
    pub end: u32,
    /// Line of its first character, counted from one.
    pub line: u32,
    /// Column of its first character, in characters counted from one.
    pub column: u32,
}

impl Span {
    /// From the start of this span to the end of a later one.
    pub fn to(self, end: Span) -> Span {
        Span {
            end: end.end.max(self.end),
            ..self
        }
    }
}

/// What is wrong with a text, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// What is wrong, a sentence without a full stop.
    pub message: String,
    /// The part of the text that it is about, if there is one.
    pub span: Option<Span>,
    /// What helps to understand it.
    pub notes: Vec<String>,
}

impl Diagnostic {
    /// A message about a part of the text.
    pub fn at(span: Span, message: impl Into<String>) -> Self {
        Diagnostic {
            message: message.into(),
            span: Some(span),
            notes: Vec::new(),
        }
    }

    /// A message about the whole.
    pub fn general(message: impl Into<String>) -> Self {
        Diagnostic {
            message: message.into(),
            span: None,
            notes: Vec::new(),
        }
    }

    /// The same with one more note.
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }
}

/// `line:column: message`, then the notes on lines of their own.
impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(span) = self.span {
            write!(f, "{}:{}: ", span.line, span.column)?;
        }
        f.write_str(&self.message)?;
        self.notes
            .iter()
            .try_for_each(|note| write!(f, "\n    note: {note}"))
    }
}

impl std::error::Error for Diagnostic {}

/// Shows diagnostics about a text: file, line, column, the line itself and a caret, and an empty
/// line between two of them.
///
/// Time is linear in the lines shown, whatever the length of the text.
pub fn render(diagnostics: &[Diagnostic], file_name: &str, text: &str, color: bool) -> String {
    let renderer = if color {
        Renderer::styled()
    } else {
        Renderer::plain()
    };
    let mut shown = Vec::new();
    for diagnostic in diagnostics {
        let title = Level::ERROR.primary_title(diagnostic.message.as_str());
        let mut group = match diagnostic.span {
            Some(span) => {
                let (line, marked) = line_of(text, span);
                let snippet = Snippet::source(line)
                    .line_start(span.line as usize)
                    .path(file_name)
                    .annotation(AnnotationKind::Primary.span(marked));
                title.element(snippet)
            }
            None => Group::with_title(title).element(Origin::path(file_name)),
        };
        for note in &diagnostic.notes {
            group = group.element(Level::NOTE.message(note.as_str()));
        }
        shown.push(format!("{}\n", renderer.render(&[group]).trim_end()));
    }
    shown.join("\n")
}

/// The line on which a span starts, and the part of that line which the span covers.
///
/// A very long line is cut to the surroundings of the span, so that showing many errors of one
/// line stays linear. A span that does not fit the text marks nothing.
fn line_of(text: &str, span: Span) -> (&str, Range<usize>) {
    const AROUND: usize = 500;
    let start = text.floor_char_boundary(span.start as usize);
    let end = text.floor_char_boundary((span.end as usize).min(start + AROUND));
    let before = &text[text.floor_char_boundary(start.saturating_sub(AROUND))..start];
    let line_start = start
        - before
            .rfind('\n')
            .map_or(before.len(), |at| before.len() - at - 1);
    let after = &text[start..text.floor_char_boundary(start + AROUND)];
    let line_end = start + after.find('\n').unwrap_or(after.len());
    let marked = start - line_start..end.clamp(start, line_end) - line_start;
    (&text[line_start..line_end], marked)
}
