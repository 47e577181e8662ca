//! The results as JSON, and as the page `docs/performance.md`.

use crate::compile::{POINTS, SINGLE_PASS};
use crate::machine;
use crate::measure::Row;
use enjamb_tests::bench::exponent;
use enjamb_tests::two_targets;
use serde_json::Value;
use std::error::Error;
use std::fmt::Write;
use std::path::Path;

/// A part of the page: the names of its workloads start so.
struct Section {
    prefix: &'static str,
    about: &'static str,
}

const SECTIONS: &[Section] = &[
    Section {
        prefix: "yield_loop",
        about: "A loop with two live integers that suspends once per iteration and is resumed at once. `raw`: one \
                task that has the instance to itself, so that the dispatcher resumes it without leaving emitted \
                code. `task`: two tasks that take turns, so that each suspension goes through the run queue; \
                *futures in a queue* are two boxed `dyn Future` that a loop takes from a `VecDeque` and puts back. \
                Nanoseconds for each suspension with its resumption and the loop around it.",
    },
    Section {
        prefix: "deep_yield",
        about: "The loop of `yield_loop/raw` at the bottom of 1, 10, 100 and 1000 frames with four live integers \
                each. Nanoseconds for each suspension with its resumption. Rust futures are polled from the top \
                each time, our chain is resumed at its bottom.",
    },
    Section {
        prefix: "async_call",
        about: "fib(30), 2,692,537 calls. `async`: each call is an async call that does not suspend, against the \
                same calls as sync ones and as futures. `sync`: the same function without async, against Rust's. \
                Nanoseconds for each call.",
    },
    Section {
        prefix: "fib_yield",
        about: "fib(20) with a suspension in every call, 21,891 of them, at depths up to 20. Nanoseconds for each call.",
    },
    Section {
        prefix: "throw_chain",
        about: "An exception that is thrown below 1, 10, 100 and 1000 frames and caught above them. Nanoseconds for \
                each, the calls down to it included. `suspended`: the frames are suspended when the exception leaves \
                them, beside the same frames when all of them return, and when each has a handler that throws on; \
                suspending them is included. The logical stack is kept as by default.",
    },
    Section {
        prefix: "fuel",
        about: "What it costs to run on fuel, beside the same code without. `loop`: a loop of four instructions, \
                nanoseconds for each round. `call`: fib(20), nanoseconds for each call. With a budget that does not \
                run out, in a sync and in an async function, and in slices of 10,000 instructions, of which each ends \
                with a suspension.",
    },
    Section {
        prefix: "host_call",
        about: "Async functions of the host in a loop, and a compiled function that Rust awaits in a loop, under \
                tokio's executor of one thread, beside boxed futures that do the same there. `ready`: the function \
                of the host has its result at once. `pending`: it yields to tokio first, so the task suspends and \
                is woken. `awaited`: nanoseconds for each call as a future, with one ready call inside.",
    },
    Section {
        prefix: "waiting",
        about: "100,000 calls of a compiled function that awaits an async function of the host, from the future that \
                Rust polls down to the future that the host gave, beside boxed futures that await another one; \
                measured in a process of its own. `polled`: they stand in a list and are polled by hand. `spawned`: \
                each is a task of tokio. `memory`: growth of resident memory, bytes for each. `start`: nanoseconds to \
                make one and run it until it waits. `cancel`: nanoseconds to drop one, or to abort its task, while it \
                waits. `handler`: a handler counts what is cancelled, the peer has a value with a destructor that does.",
    },
    Section {
        prefix: "many_tasks",
        about: "`many_tasks/DEPTH/TASKS`: tasks that are all suspended at once below 1 or 5 frames with four live \
                integers each; measured in a process of its own. `memory`: growth of resident memory, bytes for \
                each task. `spawn`: nanoseconds to make a task and run it until it suspends. `finish`: nanoseconds \
                to resume it, run it to its end and free it. Coroutines are fewer, as a process may not have \
                a million stacks. `-- many_tasks --large` runs 10,000,000 tasks as well: 128 bytes each below one \
                frame, 1.28 GB in all, and 352 below five, 3.52 GB; so they fit into 4 GiB either way.",
    },
    Section {
        prefix: "compile",
        about: "A function with 1 to 10,000 suspension points in a loop, four values live across each and ten \
                instructions between two. Nanoseconds from IR to linked code for each instruction of the IR before \
                the transform. Ours is the default allocator, beside the single-pass one, which very large functions \
                get in any case.",
    },
];

/// A step that takes fewer nanoseconds for the whole of the largest function does not look at it.
const AT_ONCE: f64 = 50_000.0;

/// Writes the rows.
pub fn write_json(path: &Path, rows: &[Row]) -> Result<(), Box<dyn Error>> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let rows: Vec<Value> = rows.iter().map(Row::to_json).collect();
    std::fs::write(path, serde_json::to_string_pretty(&rows)? + "\n")?;
    println!("rows written to {}", path.display());
    Ok(())
}

/// The page. `growth` is what the growth benchmark has written, `cost_model` the section on that, `old` the
/// page so far.
pub fn markdown(
    rows: &[Row],
    growth: Option<&str>,
    cost_model: &str,
    old: &str,
) -> Result<String, Box<dyn Error>> {
    let mut page = format!(
        "# Performance\n\n\
         <!-- Generated by `cargo xtask bench`; changes by hand are lost. -->\n\n\
         Made by `cargo xtask bench` on {}, which other programs may have used at the same time.\n\
         Times are processor time of the thread that does the work.\n\n\
         Each figure stands beside the same work done by a peer in the same process, in turn with ours, round by \
         round. *Ratio* is the median over the rounds of ours divided by the peer's: below 1, ours is less. It is \
         what counts; the other numbers belong to that machine. *Spread* is how far apart the quartiles of the \
         ratio are. *Out-of-line futures* lie in their caller's future and are polled through `&mut dyn Future`, so \
         that each frame keeps a `poll` of its own as our frames keep a function; *boxed futures* have an \
         allocation for each async call.\n\n\
         ![Ratios, ours to the peer](performance.svg)\n",
        machine::description()
    );
    for section in SECTIONS {
        let of_section = rows
            .iter()
            .filter(|row| row.name.starts_with(section.prefix));
        write!(page, "\n## {}\n\n{}\n\n", section.prefix, section.about)?;
        page.push_str("| workload | ours | peer | peer's | unit | ratio | spread | samples |\n");
        page.push_str("|---|---:|---|---:|---|---:|---:|---:|\n");
        for row in of_section {
            writeln!(
                page,
                "| {} | {} | {} | {} | {} | {} | {:.0} % | {} |",
                row.name,
                figure(row.ours),
                row.peer,
                figure(row.peer_value),
                row.unit,
                figure(row.ratio),
                row.spread * 100.0,
                row.samples
            )?;
        }
        if section.prefix == "compile" {
            page.push_str(&compile_exponents(rows));
        }
    }
    page.push_str(cost_model);
    page.push_str(&growth_section(growth)?);
    page.push_str(&two_targets::kept_server(old));
    page.push_str(&two_targets::kept(old));
    page.push_str(&faster_peers(rows)?);
    Ok(two_targets::with_section(&page)?)
}

/// What other programs do in less than we: all such rows, so that none has to be looked for.
fn faster_peers(rows: &[Row]) -> Result<String, std::fmt::Error> {
    let mut section = String::from(
        "\n## Where a peer is faster\n\nThe rows above whose ratio is over 1, rows against ourselves aside:\n\n",
    );
    let others = rows.iter().filter(|row| !row.peer.starts_with("ours"));
    for row in others.filter(|row| row.ratio > 1.0) {
        writeln!(
            section,
            "- `{}`, {}: {} {}, ours {}, ratio {}",
            row.name,
            row.peer,
            figure(row.peer_value),
            row.unit,
            figure(row.ours),
            figure(row.ratio)
        )?;
    }
    section.push_str(
        "\nA coroutine keeps what is live on a stack of its own and suspends by exchanging a few registers, whatever \
         the depth. Ours stores it into a frame and loads it again: what that costs in time it saves in memory, as \
         `many_tasks` shows.\n",
    );
    Ok(section)
}

/// Three digits.
fn figure(value: f64) -> String {
    let decimals = (2 - value.abs().max(1e-3).log10().floor() as i32).clamp(0, 4);
    format!("{value:.*}", decimals as usize)
}

/// How compile time grows: cost per instruction grows by the exponent less one.
fn compile_exponents(rows: &[Row]) -> String {
    let costs = |figure: fn(&Row) -> f64| -> Vec<(f64, f64)> {
        let at = |points: u64| {
            let name = format!("compile/{points}");
            let row = rows
                .iter()
                .find(|row| row.name == name && row.peer == SINGLE_PASS)?;
            Some((points as f64, figure(row) * points as f64))
        };
        POINTS
            .into_iter()
            .filter(|&points| points >= 10)
            .filter_map(at)
            .collect()
    };
    let (ours, single_pass) = (costs(|row| row.ours), costs(|row| row.peer_value));
    if ours.len() < 2 {
        return String::new();
    }
    format!(
        "\nThe time for the whole function grows with the number of points, from 10 on, to the power {:.2} with \
         the default allocator and {:.2} with the single-pass one (least squares over the logarithms).\n",
        exponent(&ours),
        exponent(&single_pass)
    )
}

/// How one step grows, as the growth benchmark has written it.
struct Growth {
    shape: String,
    step: String,
    unit: String,
    sizes: Vec<f64>,
    ns_each: Vec<f64>,
    exponent: f64,
}

impl Growth {
    fn from_json(row: &Value) -> Growth {
        let text = |key: &str| row[key].as_str().unwrap_or_default().to_string();
        let numbers = |key: &str| {
            let values = row[key].as_array().into_iter().flatten();
            values.filter_map(Value::as_f64).collect()
        };
        Growth {
            shape: text("shape"),
            step: text("step"),
            unit: text("unit"),
            sizes: numbers("sizes"),
            ns_each: numbers("ns_each"),
            exponent: row["exponent"].as_f64().unwrap_or(f64::NAN),
        }
    }

    fn looks_at_the_function(&self) -> bool {
        let largest = self.sizes.last().zip(self.ns_each.last());
        largest.is_some_and(|(size, each)| size * each >= AT_ONCE)
    }
}

fn growth_section(growth: Option<&str>) -> Result<String, Box<dyn Error>> {
    let mut section = String::from(
        "\n## Growth\n\n`cargo bench -p enjamb-tests --bench growth` runs each step of the compiler on functions of \
         growing size. The exponent is fitted by least squares over the logarithms of all sizes: near 1 is linear, \
         near 2 quadratic. Steps that return at once, as passes for async functions do on others, are left out.\n\n\
         The lowering picks the single-pass allocator by itself for very large functions. `lower, backtracking` is \
         therefore what users get who change no option: the backtracking allocator for small sizes and the \
         single-pass one for large ones, where both rows take the same time; its exponent, often below 1, \
         is one of the change between them. `lower, single pass` has the same allocator at all sizes and tells how the lowering grows.\n\n\
         All blocks of `shared-exit` branch to one block with a parameter. The arms of `switch` go to two blocks in turn; \
         twenty values live across a point in front of it, ten for each of the two, so an arm costs in proportion to these. In `live-across` a hundred values live \
         across every point; as each is stored and loaded at each point, a point costs in proportion to what \
         lives across it. The start and the end of that function, which do not grow, are why its other steps are \
         below 1.\n\n",
    );
    let Some(growth) = growth else {
        section.push_str("It was not run before this page was made.\n");
        return Ok(section);
    };
    let rows = serde_json::from_str::<Vec<Value>>(growth)?;
    let rows = rows.iter().map(Growth::from_json);
    let rows: Vec<Growth> = rows.filter(Growth::looks_at_the_function).collect();
    let steepest = rows
        .iter()
        .max_by(|a, b| a.exponent.total_cmp(&b.exponent))
        .ok_or("the growth benchmark has written no rows")?;
    write!(
        section,
        "The largest exponent is {:.2}, of `{}` on `{}`. No row is quadratic; the \
         backtracking allocator would be, at a block of many predecessors, which is one reason why large functions \
         do not get it. What makes exponents larger than 1 is, as far as was looked into, memory: cache misses and \
         pages that are touched for the first time, once the data of a step no longer fits the caches. \
         Counted with callgrind on `points-in-loops`, `tail_await` and `state_machine` execute no \
         more instructions for each value at 100,000 values than at 10,000, while their time for each more than doubles.\n\n",
        steepest.exponent, steepest.step, steepest.shape
    )?;
    section.push_str(
        "| function | step | size | nanoseconds for each | exponent |\n|---|---|---|---|---:|\n",
    );
    for row in rows {
        let sizes: Vec<_> = row.sizes.iter().map(f64::to_string).collect();
        let times: Vec<_> = row.ns_each.iter().copied().map(figure).collect();
        writeln!(
            section,
            "| {} | {} | {} {} | {} | {:.2} |",
            row.shape,
            row.step,
            sizes.join(", "),
            row.unit,
            times.join(", "),
            row.exponent,
        )?;
    }
    Ok(section)
}
