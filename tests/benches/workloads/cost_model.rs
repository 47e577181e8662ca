//! What a suspended frame costs, in bytes, instructions and time, as more lives in it: the cost model.
//!
//! Each figure is of a loop that suspends in every round with so many values alive, each of which is
//! stored and loaded every time. A series is a row of [`SERIES`]; one of another type is one row more.

#[path = "../../tests/callgrind/mod.rs"]
mod callgrind;

use crate::measure::{Settings, alone, subject};
use crate::programs;
use enjamb::Imports;
use enjamb_codegen::{CompileOptions, FrameReport, Selection, compile, run_passes};
use enjamb_ir::{Module, Val, parse_module};
use enjamb_runtime::{Instance, LoadedModule, Options};
use std::error::Error;
use std::fmt::Write;
use std::path::Path;
use std::sync::Arc;

/// The name of the workload.
const NAME: &str = "cost_model";
/// The argument with which this program counts instructions in a child.
pub const CHILD: &str = "--count-cost-model";
/// What is before and behind the tables in the page.
const MARKS: [&str; 2] = ["<!-- generated: cost model -->\n", "<!-- end -->\n"];

/// How many values live across the suspension, beside the counter of the loop.
const LIVE: [usize; 8] = [0, 1, 2, 4, 8, 16, 32, 64];
/// Iterations from whose difference the cost of one follows.
const ITERATIONS: [u64; 2] = [1_000, 2_000];

/// A type and a constant of it.
type Kind = (&'static str, &'static str);

const I8: Kind = ("i8", "iconst.i8 7");
const I32: Kind = ("i32", "iconst.i32 7");
const I64: Kind = ("i64", "iconst.i64 7");
const F64: Kind = ("f64", "fconst.f64 1.5");
const V128: Kind = ("v128", "splat.i64x2 v0");
/// An object of a program with a heap, whose references stand in root slots at calls.
const REF: Kind = ("ref", "new %cell");

/// Series by name: the types that the values have in turn.
const SERIES: &[(&str, &[Kind])] = &[
    ("i8", &[I8]),
    ("i32", &[I32]),
    ("i64", &[I64]),
    ("f64", &[F64]),
    ("v128", &[V128]),
    ("ref", &[REF]),
    ("mixed", &[I64, F64, I32, I8]),
];

/// Programs whose frames are shown.
const EXAMPLES: &[&str] = &[
    "fib_yield",
    "many_tasks",
    "pipeline",
    "sleep_sort",
    "sort_list",
];

/// The loop. Its parameters are handed on as they are, so a round does nothing beside suspending but count.
fn program(kinds: &[Kind], live: usize) -> String {
    let mut text = String::from("import %yield = \"enjamb\" \"yield\" () async\n");
    if kinds.contains(&REF) {
        text += "type %cell = { value: i64 }\n";
    }
    for (number, (ty, _)) in kinds.iter().enumerate() {
        let _ = write!(
            text,
            "function %use{number}({ty}) {{\nblock0(v0: {ty}):\n    return\n}}\n"
        );
    }
    text += "function %main(i64) -> i64 async {\nblock0(v0: i64):\n";
    for (number, (_, constant)) in kinds.iter().enumerate() {
        let _ = writeln!(text, "    v{} = {constant}", number + 1);
    }
    let kind = |index: usize| index % kinds.len();
    let first = kinds.len() + 2;
    let (counter, one, left) = (first - 1, first + live, first + live + 1);
    let values = |prefix: &dyn Fn(usize) -> String| -> String {
        (0..live)
            .map(|index| format!(", {}", prefix(index)))
            .collect()
    };
    let constants = values(&|index| format!("v{}", kind(index) + 1));
    let params = values(&|index| format!("v{}: {}", first + index, kinds[kind(index)].0));
    let handed = values(&|index| format!("v{}", first + index));
    let uses: String = (0..live)
        .map(|index| format!("    call %use{}(v{})\n", kind(index), first + index))
        .collect();
    let _ = write!(
        text,
        "    jump block1(v0{constants})\n\
         block1(v{counter}: i64{params}):\n    call %yield()\n    v{one} = iconst.i64 1\n    \
         v{left} = isub v{counter}, v{one}\n    brif v{left}, block1(v{left}{handed}), block2\n\
         block2:\n{uses}    return v{left}\n}}\n"
    );
    text
}

/// The continuations of the functions of a program, by name; those that never suspend have none.
fn frames(text: &str) -> Result<Vec<(String, FrameReport)>, Box<dyn Error>> {
    let mut module: Module = parse_module(text).map_err(|errors| errors.to_string())?;
    run_passes(&mut module, &Selection::default(), false)?;
    let frames = module
        .bodies()
        .map(|(_, body)| (body.name.clone(), FrameReport::new(body)));
    Ok(frames
        .filter(|(_, frame)| !frame.points.is_empty())
        .collect())
}

/// Bytes of an object of the common layout, and what is the least for it.
fn bytes(frame: &FrameReport) -> [u32; 2] {
    [frame.layouts[0].size, frame.layouts[0].lower_bound]
}

/// Measures, if that was asked for; gives the tables.
pub fn run(settings: &Settings) -> Result<Option<String>, Box<dyn Error>> {
    if !settings.selects(NAME) {
        return Ok(None);
    }
    let mut counted = instructions()?.into_iter();
    let mut table = String::from(
        "| live values | how many | bytes | least | instructions | ns |\n|---|---:|---:|---:|---:|---:|\n",
    );
    let mut slopes = String::new();
    for &(name, kinds) in SERIES {
        let mut costs = Vec::new();
        for live in LIVE {
            let text = program(kinds, live);
            let frames = frames(&text)?;
            let [size, least] = bytes(&frames.first().ok_or("no function suspends")?.1);
            let instance = programs::instance(&text, &Imports::new());
            let main = programs::function(&instance, "main");
            let time = alone(settings, subject("ours", |n| main([n])));
            let count = counted.next();
            let shown = count.map_or("–".to_string(), |count| format!("{count:.0}"));
            writeln!(
                table,
                "| {name} | {live} | {size} | {least} | {shown} | {time:.2} |"
            )?;
            println!("{NAME}/{name}/{live}: {size} bytes, {shown} instructions, {time:.2} ns");
            costs.push((f64::from(size), count, time));
        }
        slopes += &slope(name, &costs);
    }
    let page = format!(
        "A loop that suspends in each round and is resumed at once, with so many values alive beside its counter. \
         *Bytes* of the\ncontinuation, header of 16 and counter of 8 included, beside the *least* that any layout needs; \
         *instructions*, counted\nwith callgrind, and nanoseconds for a suspension with its resumption, the loop of three \
         instructions included. No\nregister of floats survives a call, so a float is moved to the frame and back in any \
         case.\n\n{table}\n\
         What each further value costs, on average over all 64:\n\n\
         | live values | bytes | instructions | ns |\n|---|---:|---:|---:|\n{slopes}\n{}",
        examples()?
    );
    Ok(Some(page))
}

/// The average cost of a value.
fn slope(name: &str, costs: &[(f64, Option<f64>, f64)]) -> String {
    let (Some(&first), Some(&last), Some(&most)) = (costs.first(), costs.last(), LIVE.last())
    else {
        return String::new();
    };
    let each = |first: f64, last: f64| (last - first) / most as f64;
    let instructions = first.1.zip(last.1);
    let instructions = instructions.map(|(first, last)| format!("{:.2}", each(first, last)));
    format!(
        "| {name} | {:.2} | {} | {:.2} |\n",
        each(first.0, last.0),
        instructions.as_deref().unwrap_or("–"),
        each(first.2, last.2)
    )
}

/// The table of the frames of examples.
fn examples() -> Result<String, Box<dyn Error>> {
    let mut table = String::from(
        "The frames of the programs in `examples/`: bytes of a continuation, beside what its largest point needs.\n\n\
         | program | function | points | bytes | least |\n|---|---|---:|---:|---:|\n",
    );
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples");
    for example in EXAMPLES {
        let text = std::fs::read_to_string(folder.join(format!("{example}.enj")))?;
        for (name, frame) in frames(&text)? {
            let [size, least] = bytes(&frame);
            let points = frame.points.len();
            writeln!(
                table,
                "| {example}.enj | `%{name}` | {points} | {size} | {least} |"
            )?;
        }
    }
    Ok(table)
}

/// Instructions of each figure in the order of the tables; none where they cannot be counted.
fn instructions() -> Result<Vec<f64>, Box<dyn Error>> {
    if !callgrind::is_there() {
        println!("{NAME}: no instructions, as valgrind is missing");
        return Ok(Vec::new());
    }
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(NAME);
    let parts = SERIES.len() * LIVE.len() * ITERATIONS.len();
    let counts = callgrind::counts(&folder, CHILD, parts)?;
    let [few, many] = ITERATIONS;
    let pairs = counts.chunks_exact(ITERATIONS.len());
    let costs = pairs.map(|pair| (pair[1] - pair[0]) as f64 / (many - few) as f64);
    Ok(costs.collect())
}

/// The child: resumes each loop so many times, without the executor.
pub fn child() -> Result<(), Box<dyn Error>> {
    let mut instances = Vec::new();
    for &(_, kinds) in SERIES {
        for live in LIVE {
            let module =
                parse_module(&program(kinds, live)).map_err(|errors| errors.to_string())?;
            let compiled = compile(Arc::new(module), &CompileOptions::default())?;
            let loaded = LoadedModule::new(Arc::new(compiled))?;
            let imports = enjamb_runtime::Imports::new();
            instances.push(Instance::new(loaded, imports, Options::default())?);
        }
    }
    let resume = |instance: &mut Instance, iterations: u64| {
        let module = instance.loaded().module().clone();
        let main = module.function_named("main").expect("the program has it");
        let argument = Val::I64(iterations as i64);
        let task = instance.spawn(main, &[argument]).expect("it suspends");
        let done = callgrind::part(|| instance.resume(task, iterations));
        assert!(done.expect("it is the only task"));
        let results = instance.run_until(task).expect("it does not trap");
        assert_eq!(results, [Val::I64(0)]);
    };
    callgrind::counting(|| {
        resume(&mut instances[0], 1);
        for instance in &mut instances {
            for iterations in ITERATIONS {
                resume(instance, iterations);
            }
        }
    });
    Ok(())
}

/// The section for a page that has none yet.
pub fn section(tables: Option<&str>) -> String {
    let [start, end] = MARKS;
    format!(
        "\n## Cost model\n\n{start}\n{}\n{end}",
        tables.unwrap_or_default()
    )
}

/// A page with these tables in place of those that it has.
pub fn with_tables(page: &str, tables: &str) -> Option<String> {
    let [start, end] = MARKS;
    let (before, rest) = page.split_once(start)?;
    let (_, behind) = rest.split_once(end)?;
    Some(format!("{before}{start}\n{tables}\n{end}{behind}"))
}
