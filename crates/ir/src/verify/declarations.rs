//! What a module declares outside of function bodies.

use super::error::{Report, Subject};
use super::rule::Rule;
use super::structure;
use crate::entity::FuncId;
use crate::hash::KeyedHashSet;
use crate::module::{
    DataDecl, Export, FuelPolicy, FunctionKind, GlobalDecl, GlobalInit, MAX_PAGES, Module,
    PAGE_SIZE, is_name,
};
use crate::object::{MAX_OBJECT_FIELDS, ObjectType};
use crate::types::{Signature, Type, TypeClass};

pub(super) fn check(module: &Module, report: &mut Report) {
    names(module, report);
    pause(module, report);
    for (id, decl) in module.functions.iter() {
        if let FunctionKind::Import { signature, .. } = &decl.kind {
            structure::signature(signature, false, Subject::Function(id), report);
        }
    }
    for (id, memory) in module.memories.iter() {
        let (min, max) = (memory.min_pages, memory.max_pages);
        if max > MAX_PAGES {
            let message = format!("{max} pages are more than {MAX_PAGES}");
            report.add(Rule::MemoryLimits, Subject::Memory(id), message);
        }
        if min > max {
            let message = format!("{min} pages at the start, {max} at the most");
            report.add(Rule::MemoryLimits, Subject::Memory(id), message);
        }
    }
    for (id, data) in module.data.iter() {
        active_data(module, data, Subject::Data(id), report);
    }
    for (id, global) in module.globals.iter() {
        initial_value(module, global, Subject::Global(id), report);
    }
    for (id, decl) in module.object_types.iter() {
        object_type(&decl.shape, Subject::ObjectType(id), report);
    }
    for (id, table) in module.tables.iter() {
        for &entry in table.entries.iter().flatten() {
            function_exists(module, entry, Subject::Table(id), report);
        }
    }
    for (name, &export) in &module.exports {
        let subject = Subject::Export(name.clone());
        let missing = match export {
            Export::Function(id) => {
                function_exists(module, id, subject, report);
                continue;
            }
            Export::Memory(id) if module.memories.get(id).is_none() => id.to_string(),
            Export::Global(id) if module.globals.get(id).is_none() => id.to_string(),
            Export::Table(id) if module.tables.get(id).is_none() => id.to_string(),
            _ => continue,
        };
        report.add(
            Rule::Declared,
            subject,
            format!("{missing} is not declared"),
        );
    }
}

fn names(module: &Module, report: &mut Report) {
    let functions = (module.functions.iter()).map(|(id, d)| (&d.name, Subject::Function(id)));
    let memories = (module.memories.iter()).map(|(id, d)| (&d.name, Subject::Memory(id)));
    let data = (module.data.iter()).map(|(id, d)| (&d.name, Subject::Data(id)));
    let globals = (module.globals.iter()).map(|(id, d)| (&d.name, Subject::Global(id)));
    let tables = (module.tables.iter()).map(|(id, d)| (&d.name, Subject::Table(id)));
    let types = (module.object_types.iter()).map(|(id, d)| (&d.name, Subject::ObjectType(id)));
    let all = functions
        .chain(memories)
        .chain(data)
        .chain(globals)
        .chain(types)
        .chain(tables);
    let mut seen = KeyedHashSet::default();
    for (name, subject) in all {
        if !is_name(name) {
            let message = format!("{name:?} is no name");
            report.add(Rule::Names, subject, message);
        } else if !seen.insert(name) {
            let message = format!("`%{name}` is declared twice");
            report.add(Rule::Names, subject, message);
        }
    }
    for (id, decl) in module.functions.iter() {
        if let Some(body) = decl.body().filter(|body| body.name != decl.name) {
            let message = format!("the body is that of `%{}`", body.name);
            report.add(Rule::Names, Subject::Function(id), message);
        }
    }
}

fn pause(module: &Module, report: &mut Report) {
    let Some(FuelPolicy::Suspend { pause, .. }) = module.fuel else {
        return;
    };
    let message = match module.functions.get(pause) {
        None => format!("{pause} is not declared"),
        Some(decl) if *decl.signature() == Signature::asynchronous(&[], &[]) => return,
        Some(decl) => format!("`{}` is no `() async`", decl.signature()),
    };
    report.add(Rule::Pause, Subject::Fuel, message);
}

fn function_exists(module: &Module, function: FuncId, subject: Subject, report: &mut Report) {
    if module.functions.get(function).is_none() {
        let message = format!("{function} is not declared");
        report.add(Rule::Declared, subject, message);
    }
}

fn active_data(module: &Module, data: &DataDecl, subject: Subject, report: &mut Report) {
    let Some((memory, start)) = data.place else {
        return;
    };
    let Some(decl) = module.memories.get(memory) else {
        let message = format!("{memory} is not declared");
        return report.add(Rule::Declared, subject, message);
    };
    let size = decl.min_pages.saturating_mul(PAGE_SIZE);
    let end = start.saturating_add(data.bytes.len() as u64);
    if end > size {
        let message = format!(
            "it ends at byte {end} of `%{}`, which has {size} at the start",
            decl.name
        );
        report.add(Rule::ActiveData, subject, message);
    }
}

fn object_type(shape: &ObjectType, subject: Subject, report: &mut Report) {
    let fields = match shape {
        ObjectType::Array(element) if !ObjectType::HELD.contains(*element) => {
            let message = format!("an element cannot be {element}");
            return report.add(Rule::ObjectTypes, subject, message);
        }
        ObjectType::Array(_) => return,
        ObjectType::Fields(fields) => fields,
    };
    if fields.len() > MAX_OBJECT_FIELDS {
        let message = format!("{} fields are more than {MAX_OBJECT_FIELDS}", fields.len());
        report.add(Rule::ObjectTypes, subject.clone(), message);
    }
    for (_, field) in fields.iter() {
        if !ObjectType::HELD.contains(field.ty) {
            let message = format!("field `{}` cannot be {}", field.name, field.ty);
            report.add(Rule::ObjectTypes, subject.clone(), message);
        }
    }
}

fn initial_value(module: &Module, global: &GlobalDecl, subject: Subject, report: &mut Report) {
    let ty = global.ty;
    if !TypeClass::Data.contains(ty) {
        return report.add(
            Rule::GlobalInit,
            subject,
            format!("a global cannot be {ty}"),
        );
    }
    let message = match global.init {
        GlobalInit::Number(bits) if TypeClass::Number.contains(ty) => {
            // Integers are sign-extended, an `f32` is in the low half.
            let unused = 64 - ty.bits();
            let kept = match ty.is_int() {
                true => (((bits << unused) as i64) >> unused) as u64,
                false => (bits << unused) >> unused,
            };
            if kept == bits {
                return;
            }
            format!("{bits:#x} does not fit {ty}")
        }
        GlobalInit::Vector(_) if ty == Type::V128 => return,
        GlobalInit::Vector(_) => format!("a vector for {ty}"),
        GlobalInit::Number(_) => format!("a number for {ty}"),
        // A task that is null names no task: joining it traps.
        GlobalInit::Null if TypeClass::Identity.contains(ty) => return,
        GlobalInit::Null => format!("null for {ty}"),
        GlobalInit::Function(function) if ty == Type::FuncRef => {
            return function_exists(module, function, subject, report);
        }
        GlobalInit::Function(_) => format!("a function for {ty}"),
    };
    report.add(Rule::GlobalInit, subject, message);
}
