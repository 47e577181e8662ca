//! Random async functions, valid by construction.
//!
//! A graph of blocks is drawn first, irreducible cycles, self loops, unreachable blocks and branches
//! with equal targets included. Then the blocks are filled in reverse post-order; an operand is a
//! value of its type of the block itself or of one that dominates it. Every block counts down in a
//! stack slot and leaves for the exit at zero, so every program ends.

mod graph;

use graph::Graph;
use std::fmt::Write;

/// Numbers of SplitMix64.
pub struct Rng(pub u64);

impl Rng {
    pub fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) % bound as u64) as usize
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }
}

const TYPES: [&str; 10] = [
    "i8", "i16", "i32", "i64", "f32", "f64", "ref", "funcref", "task", "v128",
];

/// What every program has besides `%main`: leaves, an async function with results of many types,
/// one with the results of `%main`, tasks, a sync function that takes an address, functions that
/// throw, before and behind suspensions, or catch, and functions that make lists of objects and walk
/// along them.
const AROUND: &str = r#"
module trusted
import %yield = "enjamb" "yield" () async
import %test = "enjamb" "test" (i64) -> i64 async
global %kept: ref = null
type %node = { flag: i8, number: i64, next: ref }
type %refs = [ref]
function %work(i64) -> i64 async {
block0(v0: i64):
    v1 = call %test(v0)
    v2 = iadd v1, v0
    return v2
}
function %many(i64) -> i8, f32, v128, i64, i16, f64, funcref async {
block0(v0: i64):
    v1 = ireduce.i8 v0
    v2 = fcvt_from_sint.f32 v0
    v3 = call %test(v0)
    v4 = ireduce.i16 v3
    v5 = fcvt_from_uint.f64 v3
    v6 = func_addr %work
    v7 = splat.i16x8 v4
    return v1, v2, v7, v3, v4, v5, v6
}
function %finish(i64) -> i64, f64 async {
block0(v0: i64):
    call %yield()
    v1 = fcvt_from_sint.f64 v0
    return v0, v1
}
function %bump(addr, i64) -> i64 {
block0(v0: addr, v1: i64):
    v2 = load.i64 addr[v0]
    v3 = iadd v2, v1
    store addr[v0], v3
    return v2
}
function %strict(i64) -> i64 {
block0(v0: i64):
    v1 = ireduce.i8 v0
    brif v1, block1, block2
block1:
    return v0
block2:
    v2 = new %node
    set_field %node.number, v2, v0
    throw v0, v2
}
function %cons(ref, i64) -> ref {
block0(v0: ref, v1: i64):
    v2 = new %node
    set_field %node.number, v2, v1
    v3 = iconst.i64 2
    v4 = new_array %refs, v3
    v5 = iconst.i64 1
    set_element %refs, v4, v5, v0
    v6 = new %node
    v7 = get_element.ref %refs, v4, v5
    set_field %node.next, v2, v7
    return v2
}
function %sum(ref) -> i64 {
block0(v0: ref):
    v1 = iconst.i64 9
    v2 = iconst.i64 0
    jump block1(v0, v1, v2)
block1(v3: ref, v4: i64, v5: i64):
    v6 = is_instance %node, v3
    brif v6, block2, block4
block2:
    v7 = iconst.i64 1
    v8 = isub v4, v7
    v9 = get_field.i64 %node.number, v3
    v10 = iadd v5, v9
    v11, v12, v13 = try_call %strict(v9), block3(v3, v10), unwind block5(v3, v13, v10)
block3(v14: ref, v15: i64):
    v16 = get_field.ref %node.next, v14
    brif v8, block1(v16, v8, v15), block4
block4:
    return v5
block5(v17: ref, v18: ref, v19: i64):
    v20 = get_field.i64 %node.number, v18
    v21 = imul v20, v19
    jump block3(v17, v21)
}
function %later(ref, i64) -> ref async {
block0(v0: ref, v1: i64):
    v2 = call %cons(v0, v1)
    v3 = call %test(v1)
    v4 = call %cons(v2, v3)
    v5 = iconst.i64 5
    v6 = icmp eq v3, v5
    brif v6, block1, block2
block1:
    throw v3, v4
block2:
    return v4
}
function %carry(ref, i64) -> i64 async {
block0(v0: ref, v1: i64):
    v2 = call %later(v0, v1)
    call %yield()
    v3 = call %sum(v2)
    v4 = call %sum(v0)
    v5 = isub v3, v4
    return v5
}
function %risky(i64) -> i64 async {
block0(v0: i64):
    v1 = iconst.i64 3
    v2 = band v0, v1
    br_table v2, block1(v0), [block2, block3, block4]
block1(v3: i64):
    v4 = new %node
    set_field %node.number, v4, v3
    throw v3, v4
block2:
    v5 = call %test(v0)
    return v5
block3:
    call %yield()
    jump block1(v0)
block4:
    v6 = iconst.i64 2
    v7 = ushr v0, v6
    v8, v9, v10 = try_call %risky(v7), block5(v8), unwind block6(v9, v10)
block5(v11: i64):
    v12 = iadd v11, v0
    return v12
block6(v13: i64, v14: ref):
    call %yield()
    v15 = band v13, v1
    brif v15, block7, block8
block7:
    rethrow v13, v14
block8:
    return v13
}
"#;

/// What can be called with an unwind target: the text, with an `i64` for `A`, a `funcref` for `F`,
/// a `ref` for `R` and a `task` for `T`, and the types of the results.
const TRIED: [(&str, &[&str]); 10] = [
    ("try_call %later(R, A)", &["ref"]),
    ("try_call %cons(R, A)", &["ref"]),
    ("try_call %risky(A)", &["i64"]),
    ("try_call %risky(A)", &["i64"]),
    ("try_call %strict(A)", &["i64"]),
    ("try_call %yield()", &[]),
    ("try_call %work(A)", &["i64"]),
    ("try_call_indirect sig1, F(A)", &["i64"]),
    ("try_join sig0, T", &["i64"]),
    (
        "try_call %many(A)",
        &["i8", "f32", "v128", "i64", "i16", "f64", "funcref"],
    ),
];

/// The text of a module with the function `%main(i64, f64) -> i64, f64 async`.
pub fn module(seed: u64) -> String {
    let mut rng = Rng(seed);
    let graph = Graph::random(&mut rng);
    let mut writer = Writer {
        rng,
        values: 0,
        text: String::new(),
        defined: vec![Vec::new(); graph.blocks()],
        params: vec![Vec::new(); graph.blocks()],
        above: Vec::new(),
    };
    // Block 0 is the entry; of block n > 0, the parts are 2n - 1 and 2n. The last is the exit.
    for block in 1..graph.blocks() {
        for _ in 0..writer.rng.below(4) {
            let ty = writer.rng.pick(&TYPES);
            let value = writer.fresh();
            writer.params[block].push((ty, value));
        }
    }
    let mut texts = vec![String::new(); graph.blocks()];
    for &block in &graph.order {
        writer.block(&graph, block);
        texts[block] = std::mem::take(&mut writer.text);
    }
    writer.exit(&graph);
    let body = texts.concat() + &writer.text;
    format!(
        "{AROUND}function %main(i64, f64) -> i64, f64 async {{
    ss0 = slot 8 align 8
    ss1 = slot 24 align 8
    ss2 = slot 1 align 1
    ss3 = slot 4 align 4
    ss4 = slot 1024 align 16
    sig0 = () -> i64
    sig1 = (i64) -> i64 async
{body}}}
"
    )
}

type Typed = (&'static str, usize);

struct Writer {
    rng: Rng,
    values: usize,
    text: String,
    /// Per block what it defines.
    defined: Vec<Vec<Typed>>,
    params: Vec<Vec<Typed>>,
    /// The blocks whose values the current one may use.
    above: Vec<usize>,
}

impl Writer {
    fn fresh(&mut self) -> usize {
        self.values += 1;
        self.values + 1
    }

    fn line(&mut self, line: std::fmt::Arguments<'_>) {
        writeln!(self.text, "    {line}").unwrap();
    }

    /// Writes an instruction with a result and makes it available.
    fn define(&mut self, ty: &'static str, inst: std::fmt::Arguments<'_>) -> usize {
        let value = self.fresh();
        self.line(format_args!("v{value} = {inst}"));
        let here = self.above[0];
        self.defined[here].push((ty, value));
        value
    }

    /// A value of a type: an available one or a constant.
    fn value(&mut self, ty: &'static str) -> usize {
        let available = self.above.iter().flat_map(|&block| &self.defined[block]);
        let fitting: Vec<usize> = available
            .filter(|value| value.0 == ty)
            .map(|value| value.1)
            .collect();
        if !fitting.is_empty() && self.rng.below(8) != 0 {
            return self.rng.pick(&fitting);
        }
        let number = self.rng.below(256) as i64 - 128;
        match ty {
            "ref" => match self.rng.below(3) {
                0 => self.define(ty, format_args!("null.ref")),
                1 => self.define(ty, format_args!("new %node")),
                _ => self.define(ty, format_args!("global_get.ref %kept")),
            },
            "funcref" => {
                let function = self.rng.pick(&["work", "risky"]);
                self.define(ty, format_args!("func_addr %{function}"))
            }
            "task" => {
                let argument = self.value("i64");
                match self.rng.pick(&["work", "risky", "carry"]) {
                    "carry" => {
                        let list = self.value("ref");
                        self.define(ty, format_args!("spawn %carry(v{list}, v{argument})"))
                    }
                    function => self.define(ty, format_args!("spawn %{function}(v{argument})")),
                }
            }
            "v128" => {
                let bits = (number as u128).rotate_left(40);
                self.define(ty, format_args!("vconst {bits:#x}"))
            }
            "f32" | "f64" => self.define(ty, format_args!("fconst.{ty} {number}.5")),
            _ => self.define(ty, format_args!("iconst.{ty} {number}")),
        }
    }

    fn params(&self, block: usize) -> String {
        let params = self.params[block].iter();
        let params: Vec<String> = params
            .map(|(ty, value)| format!("v{value}: {ty}"))
            .collect();
        match params.is_empty() {
            true => String::new(),
            false => format!("({})", params.join(", ")),
        }
    }

    fn block(&mut self, graph: &Graph, block: usize) {
        self.above = vec![block];
        self.above.extend(graph.dominators(block));
        if block == 0 {
            writeln!(self.text, "block0(v0: i64, v1: f64):").unwrap();
            self.defined[0] = vec![("i64", 0), ("f64", 1)];
            let turns = 1 + self.rng.below(12);
            let turns = self.define("i64", format_args!("iconst.i64 {turns}"));
            self.line(format_args!("store ss0[0], v{turns}"));
            self.instructions();
            return self.terminator(graph, block);
        }
        let params = self.params(block);
        writeln!(self.text, "block{}{params}:", 2 * block - 1).unwrap();
        self.defined[block] = self.params[block].clone();
        self.instructions();
        let count = self.fresh();
        self.line(format_args!("v{count} = load.i64 ss0[0]"));
        let (one, less) = (self.fresh(), self.fresh());
        self.line(format_args!("v{one} = iconst.i64 1"));
        self.line(format_args!("v{less} = isub v{count}, v{one}"));
        self.line(format_args!("store ss0[0], v{less}"));
        let exit = self.target(graph.exit());
        let (this, cold) = (2 * block, self.rng.pick(&["", " cold"]));
        self.line(format_args!("brif v{less}, block{this}, {exit}"));
        writeln!(self.text, "block{this}{cold}:").unwrap();
        self.instructions();
        self.terminator(graph, block);
    }

    /// A block with values for its parameters.
    fn target(&mut self, block: usize) -> String {
        self.target_with(block, &[])
    }

    /// The same, for an edge that has values of its own.
    fn target_with(&mut self, block: usize, given: &[Typed]) -> String {
        let types: Vec<&str> = self.params[block].iter().map(|param| param.0).collect();
        let mut args = Vec::new();
        for ty in types {
            let fitting = given.iter().filter(|value| value.0 == ty);
            let fitting: Vec<usize> = fitting.map(|value| value.1).collect();
            let value = match fitting.is_empty() || self.rng.below(3) == 0 {
                true => self.value(ty),
                false => self.rng.pick(&fitting),
            };
            args.push(format!("v{value}"));
        }
        match args.is_empty() {
            true => format!("block{}", 2 * block - 1),
            false => format!("block{}({})", 2 * block - 1, args.join(", ")),
        }
    }

    /// A call that goes on in one block with its results and in the other with an exception.
    fn try_call(&mut self, normal: usize, unwind: usize) {
        let (call, types) = self.rng.pick(&TRIED);
        let mut call = call.to_string();
        for (letter, ty) in [("A", "i64"), ("F", "funcref"), ("R", "ref"), ("T", "task")] {
            if call.contains(letter) {
                call = call.replace(letter, &format!("v{}", self.value(ty)));
            }
        }
        let results: Vec<Typed> = types.iter().map(|&ty| (ty, self.fresh())).collect();
        let exception = [("i64", self.fresh()), ("ref", self.fresh())];
        let normal = self.target_with(normal, &results);
        let unwind = self.target_with(unwind, &exception);
        let names = results.iter().chain(&exception);
        let names: Vec<String> = names.map(|(_, value)| format!("v{value}")).collect();
        let names = names.join(", ");
        self.line(format_args!("{names} = {call}, {normal}, unwind {unwind}"));
    }

    fn terminator(&mut self, graph: &Graph, block: usize) {
        if let [normal, unwind] = graph.successors[block][..]
            && self.rng.below(2) == 0
        {
            return self.try_call(normal, unwind);
        }
        let targets: Vec<String> = graph.successors[block]
            .iter()
            .map(|&to| self.target(to))
            .collect();
        match &targets[..] {
            [] if self.rng.below(4) == 0 => {
                let (tag, payload) = (self.value("i64"), self.value("ref"));
                let throw = self.rng.pick(&["throw", "rethrow"]);
                self.line(format_args!("{throw} v{tag}, v{payload}"));
            }
            [] => {
                let argument = self.value("i64");
                let (first, second) = (self.fresh(), self.fresh());
                self.line(format_args!(
                    "v{first}, v{second} = call %finish(v{argument})"
                ));
                self.line(format_args!("return v{first}, v{second}"));
            }
            [only] => self.line(format_args!("jump {only}")),
            [yes, no] => {
                let condition = self.value("i8");
                self.line(format_args!("brif v{condition}, {yes}, {no}"));
            }
            [default, others @ ..] => {
                let others = others.join(", ");
                let selector = self.value("i32");
                self.line(format_args!("br_table v{selector}, {default}, [{others}]"));
            }
        }
    }

    fn instructions(&mut self) {
        for _ in 0..self.rng.below(7) {
            match self.rng.below(13) {
                0..=3 => self.arithmetic(),
                4..=6 => self.memory(),
                7..=9 => self.object(),
                _ => self.suspension_point(),
            }
        }
    }

    fn arithmetic(&mut self) {
        match self.rng.below(8) {
            0..=2 => {
                let ty = self.rng.pick(&["i8", "i16", "i32", "i64", "f32", "f64"]);
                let operations: &[&str] = match ty.starts_with('f') {
                    true => &["fadd", "fsub", "fmul"],
                    false => &["iadd", "isub", "imul", "bxor"],
                };
                let operation = self.rng.pick(operations);
                let (a, b) = (self.value(ty), self.value(ty));
                self.define(ty, format_args!("{operation} v{a}, v{b}"));
            }
            3 => {
                let ty = self.rng.pick(&["i8", "i16", "i32"]);
                let narrow = self.value(ty);
                self.define("i64", format_args!("sextend.i64 v{narrow}"));
            }
            4 => {
                let ty = self.rng.pick(&["i8", "i16", "i32"]);
                let wide = self.value("i64");
                self.define(ty, format_args!("ireduce.{ty} v{wide}"));
            }
            5 => {
                let operation =
                    self.rng
                        .pick(&["viadd.i16x8", "bxor", "visub.i64x2", "vfadd.f32x4"]);
                let (a, b) = (self.value("v128"), self.value("v128"));
                self.define("v128", format_args!("{operation} v{a}, v{b}"));
            }
            6 => {
                let (vector, lane) = (self.value("v128"), self.rng.below(2));
                self.define("i64", format_args!("extract_lane.i64x2 v{vector}, {lane}"));
                let (vector, value) = (self.value("v128"), self.value("i64"));
                let inserted = format_args!("insert_lane.i64x2 v{vector}, v{value}, {lane}");
                self.define("v128", inserted);
            }
            _ => {
                let float = self.value("f64");
                self.define("i64", format_args!("bitcast.i64 v{float}"));
            }
        }
    }

    /// Makes objects, links them and reads them.
    fn object(&mut self) {
        match self.rng.below(8) {
            0 => {
                let (fresh, value) = (
                    self.define("ref", format_args!("new %node")),
                    self.value("i64"),
                );
                self.line(format_args!("set_field %node.number, v{fresh}, v{value}"));
                let next = self.value("ref");
                self.line(format_args!("set_field %node.next, v{fresh}, v{next}"));
            }
            1 => {
                let list = self.value("ref");
                self.line(format_args!("global_set %kept, v{list}"));
            }
            2 => {
                let (a, b) = (self.value("ref"), self.value("ref"));
                self.define("i8", format_args!("same_ref v{a}, v{b}"));
            }
            3 => {
                let (condition, a, b) = (self.value("i8"), self.value("ref"), self.value("ref"));
                self.define("ref", format_args!("select v{condition}, v{a}, v{b}"));
            }
            4 => {
                let (list, number) = (self.value("ref"), self.value("i64"));
                self.define("ref", format_args!("call %cons(v{list}, v{number})"));
            }
            5 => {
                let list = self.value("ref");
                self.define("i64", format_args!("call %sum(v{list})"));
            }
            6 => {
                let list = self.value("ref");
                self.define("i8", format_args!("is_instance %node, v{list}"));
            }
            _ => {
                let (list, number) = (self.value("ref"), self.value("i64"));
                self.define("ref", format_args!("call %later(v{list}, v{number})"));
            }
        }
    }

    /// Loads, stores and addresses. An available address has room for 8 bytes.
    fn memory(&mut self) {
        match self.rng.below(9) {
            0 => {
                let value = self.value("i64");
                self.line(format_args!("istore8 ss2[0], v{value}"));
            }
            1 => {
                self.define("i64", format_args!("uload8.i64 ss2[0]"));
            }
            2 => {
                let (ty, slot) = self
                    .rng
                    .pick(&[("i32", 3), ("i64", 1), ("f64", 1), ("i64", 4)]);
                let value = self.value(ty);
                self.line(format_args!("store ss{slot}[0], v{value}"));
            }
            3 => {
                let (ty, slot) = self
                    .rng
                    .pick(&[("i32", 3), ("i64", 1), ("f64", 1), ("i64", 4)]);
                self.define(ty, format_args!("load.{ty} ss{slot}[0]"));
            }
            4 => {
                let (mask, value) = (self.fresh(), self.value("i64"));
                self.line(format_args!("v{mask} = iconst.i64 15"));
                let index = self.define("i64", format_args!("band v{value}, v{mask}"));
                match self.rng.below(2) {
                    0 => self.line(format_args!("store ss1[v{index}+1], v{value}")),
                    _ => {
                        self.define("i64", format_args!("load.i64 ss1[v{index}]"));
                    }
                }
            }
            5 => {
                let offset = self.rng.below(9);
                self.define("addr", format_args!("stack_addr ss1[{offset}]"));
            }
            6 => {
                // Beyond the slot and back.
                let far = self.fresh();
                self.line(format_args!("v{far} = stack_addr ss1[16]"));
                let (there, back) = (self.fresh(), self.fresh());
                let amount = self.define("i64", format_args!("iconst.i64 1000"));
                self.line(format_args!("v{there} = addr_add v{far}, v{amount}"));
                let amount = self.define("i64", format_args!("iconst.i64 -1012"));
                self.line(format_args!("v{back} = addr_add v{there}, v{amount}"));
                let here = self.above[0];
                self.defined[here].push(("addr", back));
            }
            _ => self.through_address(),
        }
    }

    fn through_address(&mut self) {
        let available = self.above.iter().flat_map(|&block| &self.defined[block]);
        let addresses: Vec<usize> = available
            .filter(|value| value.0 == "addr")
            .map(|value| value.1)
            .collect();
        if addresses.is_empty() {
            return;
        }
        let address = self.rng.pick(&addresses);
        match self.rng.below(3) {
            0 => {
                let value = self.value("i64");
                self.line(format_args!("store addr[v{address}], v{value}"));
            }
            1 => {
                self.define("i64", format_args!("load.i64 addr[v{address}+3]"));
            }
            _ => {
                let value = self.value("i64");
                self.define("i64", format_args!("call %bump(v{address}, v{value})"));
            }
        }
    }

    fn suspension_point(&mut self) {
        match self.rng.below(10) {
            0..=2 => self.line(format_args!("call %yield()")),
            3..=4 => {
                let value = self.value("i64");
                self.define("i64", format_args!("call %test(v{value})"));
            }
            5 => {
                let value = self.value("i64");
                let function = match self.rng.below(6) {
                    0 => "risky",
                    _ => "work",
                };
                self.define("i64", format_args!("call %{function}(v{value})"));
            }
            6 => {
                let task = self.value("task");
                self.define("i64", format_args!("join sig0, v{task}"));
            }
            7 => {
                let (callee, value) = (self.value("funcref"), self.value("i64"));
                self.define(
                    "i64",
                    format_args!("call_indirect sig1, v{callee}(v{value})"),
                );
            }
            _ => {
                let argument = self.value("i64");
                let types = ["i8", "f32", "v128", "i64", "i16", "f64", "funcref"];
                let results = types.map(|ty| (ty, self.fresh()));
                let names = results.map(|(_, value)| format!("v{value}")).join(", ");
                self.line(format_args!("{names} = call %many(v{argument})"));
                let here = self.above[0];
                self.defined[here].extend(results);
            }
        }
    }

    /// The exit mixes its parameters and, in some programs, what the slots hold.
    fn exit(&mut self, graph: &Graph) {
        let exit = graph.exit();
        self.above = vec![exit];
        let params = self.params(exit);
        writeln!(self.text, "block{}{params}:", 2 * exit - 1).unwrap();
        self.defined[exit] = self.params[exit].clone();
        let mut total = self.value("i64");
        let loads = [
            "uload8.i64 ss2[0]",
            "load.i64 ss1[16]",
            "load.i64 ss1[3]",
            "load.i64 ss4[0]",
        ];
        for load in loads {
            if self.rng.below(3) == 0 {
                let loaded = self.define("i64", format_args!("{load}"));
                total = self.define("i64", format_args!("bxor v{total}, v{loaded}"));
            }
        }
        let vector = self.value("v128");
        let lane = self.define("i64", format_args!("extract_lane.i64x2 v{vector}, 1"));
        total = self.define("i64", format_args!("bxor v{total}, v{lane}"));
        let list = self.value("ref");
        let sum = self.define("i64", format_args!("call %sum(v{list})"));
        total = self.define("i64", format_args!("bxor v{total}, v{sum}"));
        let float = self.value("f64");
        self.line(format_args!("return v{total}, v{float}"));
    }
}
