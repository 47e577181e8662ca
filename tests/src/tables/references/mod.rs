//! Where a collector finds references, as the code of the functions has it after all passes.
//!
//! A collector moves objects at safepoints and writes the new address into the places it is told of: the root slots that
//! the safepoint lists, and for each suspension point the words of its continuation that the maps of the runtime name.
//! A place is *current* if it holds a reference that no collection has passed by. Along all ways through a function,
//! whatever its blocks do:
//!
//! - a safepoint lists, and a point maps, what is current only, so a collector never follows an address of the past;
//! - what is read is current, so what is needed was listed, and no value waits across a safepoint;
//! - what is listed or mapped is read on some way, so nothing dead is kept alive.
//!
//! A function that was resumed takes its references out of its continuation before the next safepoint: while it runs that is
//! no root.

mod dispatch;
mod live;

use dispatch::From;
use enjamb_abi::continuation::{RESULTS, WORD, field_size_align};
use enjamb_codegen::CompiledModule;
use enjamb_ir::hash::FxHashMap;
use enjamb_ir::{
    Block, Entity, Exception, FieldType, FuncId, Function, Inst, Module, Opcode, Payload, PointId,
    RootId, Stage, Type,
};
use enjamb_runtime::ReferenceMaps;
use std::collections::BTreeSet;

/// Checks the maps of all functions and of the global variables.
///
/// # Errors
/// A reference that is missed, one that is not there, or one that nothing needs.
pub(super) fn check(compiled: &CompiledModule) -> Result<(), String> {
    if compiled.source.object_types.is_empty() {
        return Ok(());
    }
    let maps = ReferenceMaps::new(compiled);
    let globals = compiled.source.globals.iter();
    let globals = globals.filter(|(_, decl)| decl.ty == Type::Ref);
    if !globals.map(|(id, _)| id).eq(maps.globals().iter().copied()) {
        return Err("the maps have other global variables".to_string());
    }
    for (id, body) in compiled.transformed.bodies() {
        // What was written in lowered form, or with root slots, is as its author has it.
        let written = compiled.source.functions[id].body();
        if written.is_none_or(|body| body.stage == Stage::Lowered || !body.roots.is_empty()) {
            continue;
        }
        let function = Checked {
            id,
            body,
            maps: &maps,
        };
        let checked = live::check(body).and_then(|()| function.results(&compiled.source));
        let checked = checked.and_then(|()| function.check());
        checked.map_err(|reason| format!("%{}: {reason}", body.name))?;
    }
    Ok(())
}

/// Which places are current somewhere in a function.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Current {
    roots: BTreeSet<RootId>,
    /// Words of the continuation that the function has, or is making.
    words: Words,
}

/// The words of a continuation that are current.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Words {
    /// Those that the state has saved that the function was resumed in, whichever of these it was. Of a function that was
    /// called there is no continuation.
    Saved(From),
    /// These.
    Stored(BTreeSet<u32>),
}

struct Checked<'a> {
    id: FuncId,
    body: &'a Function,
    maps: &'a ReferenceMaps,
}

impl Checked<'_> {
    fn saved(&self, state: u32) -> &[u32] {
        self.maps.saved(self.id.index() as u32, state)
    }

    fn delivered(&self, state: u32) -> &[u32] {
        self.maps.results(self.id.index() as u32, state)
    }

    /// The same as a set.
    fn stored(&self, words: &Words) -> BTreeSet<u32> {
        let from = match words {
            Words::Stored(stored) => return stored.clone(),
            Words::Saved(from) => from,
        };
        let mut states = from.iter();
        let first = states.next().map_or(&[][..], |&state| self.saved(state));
        let mut stored: BTreeSet<u32> = first.iter().copied().collect();
        for &state in states {
            stored.retain(|word| self.saved(state).contains(word));
        }
        stored
    }

    /// What holds where two ways meet.
    fn meet(&self, one: &Current, other: &Current) -> Current {
        let words = match (&one.words, &other.words) {
            (Words::Saved(one), Words::Saved(other)) => Words::Saved(one | other),
            (Words::Saved(from), stored) | (stored, Words::Saved(from)) if from.is_empty() => {
                stored.clone()
            }
            (one, other) => Words::Stored(&self.stored(one) & &self.stored(other)),
        };
        Current {
            roots: &one.roots & &other.roots,
            words,
        }
    }

    /// What is current at the start of each block that is reached, by going round until nothing changes.
    fn solve(&self) -> Result<FxHashMap<Block, Current>, String> {
        let mut known = FxHashMap::default();
        let Some(entry) = self.body.entry() else {
            return Ok(known);
        };
        let words = Words::Saved(From::new());
        let roots = BTreeSet::new();
        known.insert(entry, Current { roots, words });
        let mut waiting = vec![entry];
        while let Some(block) = waiting.pop() {
            let mut current = known[&block].clone();
            for &inst in &self.body.blocks[block].insts {
                self.after(inst, &mut current);
            }
            let Some(end) = self.body.terminator(block) else {
                return Err(format!("{block} does not end"));
            };
            for (index, target) in self.body.targets(end).iter().enumerate() {
                let mut arriving = current.clone();
                if let Words::Saved(from) = &current.words {
                    match dispatch::edge(self.body, end, index, from) {
                        Some(from) => arriving.words = Words::Saved(from),
                        None => continue,
                    }
                }
                let met = match known.get(&target.block) {
                    Some(before) => self.meet(before, &arriving),
                    None => arriving,
                };
                if known.get(&target.block) != Some(&met) {
                    known.insert(target.block, met);
                    waiting.push(target.block);
                }
            }
        }
        Ok(known)
    }

    /// What an instruction changes.
    fn after(&self, inst: Inst, current: &mut Current) {
        let data = &self.body.insts[inst];
        if data.opcode.is_safepoint() {
            let listed = self.body.live_roots(inst);
            current.roots.retain(|root| listed.contains(root));
            current.words = Words::Stored(BTreeSet::new());
        }
        match (data.opcode, data.payload) {
            (Opcode::RootSet, Payload::Root(root)) => drop(current.roots.insert(root)),
            (Opcode::NewContinuation, _) => current.words = Words::Stored(BTreeSet::new()),
            (Opcode::FieldStore, Payload::Field(layout, field))
            | (Opcode::FieldSaveSlot, Payload::SlotField(layout, field, _)) => {
                let field = &self.body.layouts[layout].fields[field];
                let end = field.offset + field_size_align(field.ty).0;
                let mut stored = self.stored(&current.words);
                stored.retain(|&word| word + WORD <= field.offset || end <= word);
                if field.ty == FieldType::Value(Type::Ref) {
                    stored.insert(field.offset);
                }
                current.words = Words::Stored(stored);
            }
            _ => {}
        }
    }

    fn check(&self) -> Result<(), String> {
        let known = self.solve()?;
        // By state: what is read as the function is resumed in it.
        let mut read: Vec<BTreeSet<u32>> = vec![BTreeSet::new(); self.body.points.len()];
        for &block in &self.body.order {
            let Some(current) = known.get(&block) else {
                continue;
            };
            let mut current = current.clone();
            for &inst in &self.body.blocks[block].insts {
                self.instruction(inst, &current, &mut read)
                    .map_err(|what| {
                        format!("{block}, {inst}, {}: {what}", self.body.insts[inst].opcode)
                    })?;
                self.after(inst, &mut current);
            }
        }
        for (point, decl) in self.body.points.iter() {
            let saved = self.saved(point.index() as u32);
            // What only a handler needs is saved too.
            let goes_on = [Some(point), decl.unwind].into_iter().flatten();
            let goes_on: Vec<_> = goes_on.map(|point| &read[point.index()]).collect();
            let is_read = |word: &u32| goes_on.iter().any(|read| read.contains(word));
            if !saved.iter().all(is_read) {
                return Err(format!(
                    "{point} maps {saved:?}, of which {goes_on:?} are read"
                ));
            }
        }
        Ok(())
    }

    /// Whether what an instruction reads or lists is current.
    fn instruction(
        &self,
        inst: Inst,
        current: &Current,
        read: &mut [BTreeSet<u32>],
    ) -> Result<(), String> {
        let data = &self.body.insts[inst];
        let listed = self.body.live_roots(inst);
        if let Some(root) = listed.iter().find(|root| !current.roots.contains(root)) {
            return Err(format!("{root} is listed, and of the past"));
        }
        let none = From::new();
        let states = match &current.words {
            Words::Saved(from) => from,
            Words::Stored(_) => &none,
        };
        match (data.opcode, data.payload) {
            (Opcode::RootGet, Payload::Root(root)) if !current.roots.contains(&root) => {
                Err(format!("{root} is of the past"))
            }
            (Opcode::FieldLoad, Payload::Field(layout, field)) if data.ty == Type::Ref => {
                let word = self.body.layouts[layout].fields[field].offset;
                for &state in states {
                    read[state as usize].insert(word);
                }
                let is_current = self.stored(&current.words).contains(&word);
                is_current
                    .then_some(())
                    .ok_or_else(|| format!("the word at {word} is not in the maps"))
            }
            (Opcode::ResultLoad, Payload::PointResult(point, index)) if data.ty == Type::Ref => {
                let before = &self.body.points[point].results[..index as usize];
                let word = RESULTS + before.iter().map(|ty| ty.words() as u32).sum::<u32>() * WORD;
                let state = point.index() as u32;
                let is_current = states.iter().eq([&state]);
                (is_current && self.delivered(state).contains(&word))
                    .then_some(())
                    .ok_or_else(|| format!("the result at {word} is not in the maps"))
            }
            (Opcode::SetPoint, Payload::Point(point)) => {
                let stored = self.stored(&current.words);
                let exceptional = self.body.points[point].unwind;
                let mapped = [Some(point), exceptional].into_iter().flatten();
                let mut mapped = mapped.flat_map(|point| self.saved(point.index() as u32));
                match mapped.find(|word| !stored.contains(word)) {
                    Some(word) => Err(format!(
                        "the word at {word} is in the maps, and of the past"
                    )),
                    None => Ok(()),
                }
            }
            _ => Ok(()),
        }
    }

    /// What is delivered at each point is what the call gives that the program has there.
    fn results(&self, source: &Module) -> Result<(), String> {
        let references = |types: &[Type]| {
            let mut end = RESULTS;
            let mut words = Vec::new();
            for ty in types {
                if *ty == Type::Ref {
                    words.push(end);
                }
                end += ty.words() as u32 * WORD;
            }
            words
        };
        for (point, types) in self.results_of_points(source) {
            let (found, expected) = (self.delivered(point.index() as u32), references(types));
            if found != expected {
                return Err(format!(
                    "{point}: results with references at {found:?}, not at {expected:?}"
                ));
            }
        }
        Ok(())
    }

    fn results_of_points<'m>(&self, source: &'m Module) -> Vec<(PointId, &'m [Type])> {
        let exceptional = self.body.points.values().filter_map(|point| point.unwind);
        let mut all: Vec<_> = exceptional
            .map(|point| (point, &Exception::TYPES[..]))
            .collect();
        let insts = self
            .body
            .order
            .iter()
            .flat_map(|&block| &self.body.blocks[block].insts);
        for &inst in insts {
            let data = &self.body.insts[inst];
            if let (Opcode::SetPoint, Payload::Point(point)) = (data.opcode, data.payload) {
                all.push((point, self.results_of(source, self.body.source_inst(inst))));
            }
        }
        all
    }

    /// The results of the callee of an instruction of the program; none, if a pass has put it in.
    fn results_of<'m>(&self, source: &'m Module, inst: Inst) -> &'m [Type] {
        let body = source.functions[self.id].body();
        let Some(body) = body.filter(|body| inst.index() < body.insts.len()) else {
            return &[];
        };
        match body.insts[inst].payload {
            Payload::Function(callee) => &source.functions[callee].signature().results,
            Payload::Signature(signature) => &body.signatures[signature].results,
            _ => &[],
        }
    }
}
