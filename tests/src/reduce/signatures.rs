//! Functions with fewer parameters and results, and signatures without a user.
//!
//! A call through a reference names a signature and no function. So all functions that may be meant lose the same
//! parameter, and with them the calls through references, or the same result, and with them the joins of their
//! tasks and the functions that end with a call of theirs. Which belong together is found out anew for each attempt,
//! in one walk over the module.

use super::edit;
use crate::case::Case;
use enjamb_ir::hash::{FxHashMap, FxHashSet, FxIndexMap};
use enjamb_ir::{
    Block, Entity, FuncId, Function, GlobalInit, Module, Opcode, Payload, PrimaryMap, SigId,
    Signature, Type, TypeRule, Val, Value,
};

/// Which list of a signature becomes shorter.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Parameters,
    Results,
}

impl Side {
    fn of(self, signature: &Signature) -> &[Type] {
        match self {
            Side::Parameters => &signature.params,
            Side::Results => &signature.results,
        }
    }

    fn remove(self, signature: &mut Signature, position: usize) {
        match self {
            Side::Parameters => signature.params.remove(position),
            Side::Results => signature.results.remove(position),
        };
    }

    /// Where the list begins among the operands or results of an instruction, if it is there.
    fn begins(self, opcode: Opcode) -> Option<usize> {
        let rules = match self {
            Side::Parameters => opcode.info().operands,
            Side::Results => opcode.info().results,
        };
        rules.iter().position(|&rule| rule == TypeRule::Rest)
    }
}

/// How many parameters functions have, those that belong together counted once.
pub(super) fn parameters(case: &Case) -> usize {
    count(case, Side::Parameters)
}

/// The case without one of them, zero in its place.
pub(super) fn without_parameter(case: &Case, index: usize) -> Option<Case> {
    without(case, Side::Parameters, index)
}

/// How many results functions have, those that belong together counted once.
pub(super) fn results(case: &Case) -> usize {
    count(case, Side::Results)
}

/// The case without one of them; where functions are called or joined, zero is in its place.
pub(super) fn without_result(case: &Case, index: usize) -> Option<Case> {
    without(case, Side::Results, index)
}

/// Functions and named signatures of which one cannot change without the others.
#[derive(Default)]
struct Group {
    functions: FxHashSet<FuncId>,
    signatures: FxHashSet<Signature>,
    /// How long the list is.
    length: usize,
}

impl Group {
    fn has(&self, function: &Function, payload: Payload) -> bool {
        match payload {
            Payload::Function(callee) => self.functions.contains(&callee),
            Payload::Signature(id) => self.signatures.contains(&function.signatures[id]),
            _ => false,
        }
    }
}

fn count(case: &Case, side: Side) -> usize {
    let groups = groups(case, side);
    groups.iter().map(|group| group.length).sum()
}

fn without(case: &Case, side: Side, index: usize) -> Option<Case> {
    let mut position = index;
    let group = groups(case, side).into_iter().find(|group| {
        let is_here = position < group.length;
        position -= if is_here { 0 } else { group.length };
        is_here
    })?;
    let mut case = case.clone();
    for id in case.module.body_ids() {
        let body = case.module.functions[id].body_mut()?;
        let mut gone = FxHashSet::default();
        for block in body.order.clone() {
            shorten(body, block, side, position, &group, &mut gone);
        }
        if group.functions.contains(&id) {
            side.remove(&mut body.signature, position);
            match side {
                Side::Parameters => {
                    let entry = body.entry()?;
                    let mut params = body.blocks[entry].params.clone();
                    gone.insert(params.remove(position));
                    body.set_params(entry, &params);
                }
                Side::Results => shorten_returns(body, position),
            }
        }
        for signature in body.signatures.values_mut() {
            if group.signatures.contains(signature) {
                side.remove(signature, position);
            }
        }
        edit::put_zeros(body, &gone);
    }
    let called = case.module.function_named(&case.call.function)?;
    if side == Side::Parameters && group.functions.contains(&called) {
        case.call.args.remove(position);
    }
    Some(case)
}

/// Takes the operand or result away from the calls and joins of a block. What they gave is `gone`.
fn shorten(
    body: &mut Function,
    block: Block,
    side: Side,
    position: usize,
    group: &Group,
    gone: &mut FxHashSet<Value>,
) {
    for at in 0..body.blocks[block].insts.len() {
        let inst = body.blocks[block].insts[at];
        let data = body.insts[inst];
        let Some(first) = side.begins(data.opcode) else {
            continue;
        };
        if !group.has(body, data.payload) {
            continue;
        }
        match side {
            Side::Parameters => {
                let mut args = body.args(inst).to_vec();
                args.remove(first + position);
                edit::with_args(body, block, at, &args);
            }
            Side::Results => {
                let mut results = body.results(inst).to_vec();
                gone.insert(results.remove(first + position));
                body.set_results(inst, &results);
            }
        }
    }
}

fn shorten_returns(body: &mut Function, position: usize) {
    for block in body.order.clone() {
        let Some(inst) = body.terminator(block) else {
            continue;
        };
        if body.insts[inst].opcode == Opcode::Return {
            let mut args = body.args(inst).to_vec();
            args.remove(position);
            let at = body.blocks[block].insts.len() - 1;
            edit::with_args(body, block, at, &args);
        }
    }
}

/// All groups whose list is not empty and that no import belongs to, since what the host has does not change.
fn groups(case: &Case, side: Side) -> Vec<Group> {
    let module = &case.module;
    let mut members = Members::of(module);
    let mut referenced = references(module);
    referenced.extend(case.call.args.iter().filter_map(|arg| match arg {
        Val::FuncRef(function) => *function,
        _ => None,
    }));
    for function in referenced {
        let signature = module.functions[function].signature();
        members.link_signature(function, signature);
    }
    if side == Side::Results {
        link_results(module, &mut members);
    }
    members.groups(module, side)
}

/// Functions that something refers to without calling them.
fn references(module: &Module) -> Vec<FuncId> {
    let mut found: Vec<FuncId> = Vec::new();
    for_each_payload(module, |_, _, opcode, payload| {
        if let (Opcode::FuncAddr, Payload::Function(function)) = (opcode, payload) {
            found.push(function);
        }
    });
    let tables = module.tables.values();
    found.extend(tables.flat_map(|table| table.entries.iter().flatten()));
    for global in module.globals.values() {
        if let GlobalInit::Function(function) = global.init {
            found.push(function);
        }
    }
    found
}

/// Whoever ends with a call returns what the callee does, and whoever joins a task gets what its function returns.
fn link_results(module: &Module, members: &mut Members) {
    for_each_payload(module, |id, body, opcode, payload| {
        match (opcode, payload) {
            (Opcode::ReturnCall, Payload::Function(callee)) => members.link_functions(id, callee),
            (Opcode::ReturnCallIndirect, Payload::Signature(callee)) => {
                members.link_signature(id, &body.signatures[callee]);
            }
            (Opcode::Spawn, Payload::Function(callee)) => {
                let joined = Signature::sync(&[], &module.functions[callee].signature().results);
                members.link_signature(callee, &joined);
            }
            _ => {}
        }
    });
}

fn for_each_payload(module: &Module, mut visit: impl FnMut(FuncId, &Function, Opcode, Payload)) {
    for (id, body) in module.bodies() {
        let insts = body
            .order
            .iter()
            .flat_map(|&block| &body.blocks[block].insts);
        for &inst in insts {
            let data = &body.insts[inst];
            visit(id, body, data.opcode, data.payload);
        }
    }
}

/// What may be in groups, functions first; a member leads to another one of its group, and the first one to itself.
struct Members {
    leads_to: Vec<usize>,
    functions: usize,
    /// The signatures that instructions name.
    named: FxIndexMap<Signature, ()>,
}

impl Members {
    fn of(module: &Module) -> Members {
        let bodies = module.bodies();
        let named = bodies.flat_map(|(_, body)| body.signatures.values().cloned());
        let named: FxIndexMap<Signature, ()> = named.map(|signature| (signature, ())).collect();
        let functions = module.function_count();
        Members {
            leads_to: (0..functions + named.len()).collect(),
            functions,
            named,
        }
    }

    fn first_of(&mut self, mut member: usize) -> usize {
        while self.leads_to[member] != member {
            self.leads_to[member] = self.leads_to[self.leads_to[member]];
            member = self.leads_to[member];
        }
        member
    }

    fn link(&mut self, one: usize, other: usize) {
        let (one, other) = (self.first_of(one), self.first_of(other));
        self.leads_to[one.max(other)] = one.min(other);
    }

    fn link_functions(&mut self, one: FuncId, other: FuncId) {
        self.link(one.index(), other.index());
    }

    /// Links a function with a signature, if any instruction names that.
    fn link_signature(&mut self, function: FuncId, signature: &Signature) {
        if let Some(index) = self.named.get_index_of(signature) {
            self.link(function.index(), self.functions + index);
        }
    }

    fn groups(mut self, module: &Module, side: Side) -> Vec<Group> {
        let mut groups: FxIndexMap<usize, Group> = FxIndexMap::default();
        let mut fixed: FxHashSet<usize> = FxHashSet::default();
        for (id, decl) in module.functions.iter() {
            let first = self.first_of(id.index());
            if decl.body().is_none() {
                fixed.insert(first);
            }
            let group = groups.entry(first).or_default();
            group.functions.insert(id);
            group.length = side.of(decl.signature()).len();
        }
        for index in 0..self.named.len() {
            let first = self.first_of(self.functions + index);
            let Some((signature, ())) = self.named.get_index(index) else {
                continue;
            };
            let group = groups.entry(first).or_default();
            group.signatures.insert(signature.clone());
            group.length = side.of(signature).len();
        }
        let groups = groups.into_iter();
        let free = groups.filter(|(first, group)| group.length > 0 && !fixed.contains(first));
        free.map(|(_, group)| group).collect()
    }
}

/// The case in which functions declare each signature that they use once, and no others.
pub(super) fn tidied(case: &Case) -> Option<Case> {
    let mut case = case.clone();
    for id in case.module.body_ids() {
        let body = case.module.functions[id].body_mut()?;
        let mut kept: PrimaryMap<SigId, Signature> = PrimaryMap::new();
        let mut numbers: FxHashMap<Signature, SigId> = FxHashMap::default();
        for block in body.order.clone() {
            for inst in body.blocks[block].insts.clone() {
                if let Payload::Signature(old) = body.insts[inst].payload {
                    let signature = &body.signatures[old];
                    let new = *numbers
                        .entry(signature.clone())
                        .or_insert_with(|| kept.push(signature.clone()));
                    body.insts[inst].payload = Payload::Signature(new);
                }
            }
        }
        body.signatures = kept;
    }
    Some(case)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reduce::reduce;

    const PROGRAM: &str = "; run: %main(1, 2) == 3, 3

file0 = \"program.txt\"

function %main(i64, i64) -> i64, i64 async {
    sig0 = (i64, i64) -> i64, i64 async
    sig1 = () -> i64, i64
block0(v0: i64, v1: i64):
    v2 = func_addr %add @ file0:1:1
    v3, v4 = call_indirect sig0, v2(v0, v1)
    v5 = spawn %add(v3, v4)
    v6, v7 = join sig1, v5
    v8 = spawn %passes(v6, v7)
    v9, v10, v11 = task_try_result sig1, v8
    v12, v13, v14, v15 = try_call_indirect sig0, v2(v10, v11), block1(v12), unwind block1(v14)
block1(v16: i64):
    v17 = spawn %add(v16, v16)
    v18, v19, v20, v21 = try_join sig1, v17, block2(v18), unwind block2(v20)
block2(v22: i64):
    return v22, v22
}

function %passes(i64, i64) -> i64, i64 async {
    sig0 = (i64, i64) -> i64, i64 async
block0(v0: i64, v1: i64):
    v2 = func_addr %add
    brif v0, block1, block2
block1:
    return_call %add(v0, v1)
block2:
    return_call_indirect sig0, v2(v0, v1)
}

function %add(i64, i64) -> i64, i64 async {
block0(v0: i64, v1: i64):
    v2 = iadd v0, v1
    return v2, v2
}
";

    /// Instructions that a signature ties together.
    const TIED: [Opcode; 9] = [
        Opcode::CallIndirect,
        Opcode::TryCallIndirect,
        Opcode::ReturnCall,
        Opcode::ReturnCallIndirect,
        Opcode::FuncAddr,
        Opcode::Spawn,
        Opcode::Join,
        Opcode::TryJoin,
        Opcode::TaskTryResult,
    ];

    #[test]
    fn whatever_uses_a_signature_loses_the_same() {
        let case = Case::of_text(PROGRAM).expect("a program");
        let mut attempts = 0;
        let mut fails = |case: &Case| {
            attempts += 1;
            let mut found = FxHashSet::default();
            for_each_payload(&case.module, |_, _, opcode, _| {
                found.insert(opcode);
            });
            TIED.iter().all(|opcode| found.contains(opcode))
        };
        let small = reduce(case, &mut fails, &mut |_| {}).module;
        for (_, body) in small.bodies() {
            let signatures = body.signatures.values().chain([&body.signature]);
            for signature in signatures {
                assert!(signature.params.is_empty(), "{small}");
                assert!(signature.results.is_empty(), "{small}");
            }
            assert!(body.signatures.len() <= 2, "{small}");
        }
        assert!(!small.to_string().contains("file0"), "{small}");
        assert!(attempts < 200, "{attempts} attempts");
    }

    #[test]
    fn what_an_import_has_stays() {
        let case = Case::of_text(PROGRAM).expect("a program");
        assert_eq!((parameters(&case), results(&case)), (6, 4));
        let import = "\n\nimport %host = \"host\" \"pair\" (i64, i64) -> i64, i64 async\ntable %table [%host]\n";
        let text = PROGRAM.replacen("\n\n", import, 1);
        let case = Case::of_text(&text).expect("a program");
        assert_eq!((parameters(&case), results(&case)), (4, 2));
    }
}
