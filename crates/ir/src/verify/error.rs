//! What the verifier reports.

use super::rule::Rule;
use crate::entity::{
    Block, DataId, FuncId, GlobalId, Inst, LayoutId, MemoryId, ObjectTypeId, PointId, RootId,
    SigId, StackSlot, TableId,
};
use std::fmt;

/// What breaks a rule.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Subject {
    /// The declaration of a function, imported or defined.
    Function(FuncId),
    /// A linear memory.
    Memory(MemoryId),
    /// A data segment.
    Data(DataId),
    /// A global variable.
    Global(GlobalId),
    /// A table.
    Table(TableId),
    /// An object type.
    ObjectType(ObjectTypeId),
    /// An export, by its name.
    Export(String),
    /// What the module says about fuel.
    Fuel,
    /// The head of the function in which the error is.
    Head,
    /// A stack slot of that function.
    Slot(StackSlot),
    /// A root slot of that function.
    Root(RootId),
    /// A signature of that function.
    Signature(SigId),
    /// A layout of that function.
    Layout(LayoutId),
    /// A suspension point of that function.
    Point(PointId),
    /// A block of that function, or its parameters.
    Block(Block),
    /// An instruction of that function.
    Inst(Inst),
}

/// A rule that a module breaks, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifyError {
    /// The rule.
    pub rule: Rule,
    /// The name of the function that it is in; `None` for an error outside of bodies.
    pub function: Option<String>,
    /// What breaks it.
    pub subject: Subject,
    /// The printed instruction, or what else the subject is called in the text.
    pub context: String,
    /// How it is broken.
    pub message: String,
}

impl fmt::Display for VerifyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(function) = &self.function {
            write!(f, "function `%{function}`, ")?;
        }
        write!(f, "`{}`: {}: {}", self.context, self.rule, self.message)
    }
}

impl std::error::Error for VerifyError {}

/// Every error of a module or function: at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifyErrors(Vec<VerifyError>);

impl VerifyErrors {
    /// `Ok` if there is no error.
    pub(crate) fn none_or(errors: Vec<VerifyError>) -> Result<(), VerifyErrors> {
        if errors.is_empty() {
            Ok(())
        } else {
            Err(VerifyErrors(errors))
        }
    }

    /// The errors, in order of the text.
    pub fn iter(&self) -> std::slice::Iter<'_, VerifyError> {
        self.0.iter()
    }
    /// The first error.
    pub fn first(&self) -> &VerifyError {
        &self.0[0]
    }
}

impl<'a> IntoIterator for &'a VerifyErrors {
    type Item = &'a VerifyError;
    type IntoIter = std::slice::Iter<'a, VerifyError>;
    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl fmt::Display for VerifyErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, error) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{error}")?;
        }
        Ok(())
    }
}

impl std::error::Error for VerifyErrors {}

/// An error before its function and its text are known.
#[derive(Clone, Debug)]
pub(crate) struct Finding {
    pub(crate) rule: Rule,
    pub(crate) subject: Subject,
    pub(crate) message: String,
}

/// Collects what the checks find.
#[derive(Debug, Default)]
pub(crate) struct Report {
    pub(crate) findings: Vec<Finding>,
}

impl Report {
    pub(crate) fn add(&mut self, rule: Rule, subject: Subject, message: impl Into<String>) {
        self.findings.push(Finding {
            rule,
            subject,
            message: message.into(),
        });
    }
}
