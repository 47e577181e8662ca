//! What can be written on the command line.

use clap::{Args, Parser, Subcommand, ValueEnum};
use enjamb::{Schedule, TraceLimits};
use std::path::PathBuf;
use std::time::Duration;

const AFTER_HELP: &str = "\
A program is a module in the text format, described in docs/ir.md:

    import %yield = \"enjamb\" \"yield\" () async
    function %main(i64) -> i64 async {
    block0(v0: i64):
        call %yield()
        v1 = iadd v0, v0
        return v1
    }

Saved as double.enj:

    enjamb run double.enj 21 --suspend always --stats
    enjamb compile double.enj --emit async
    enjamb help iadd

Exit codes:
    0  done (also if the reader of the output has gone)
    1  the program is wrong, trapped or cannot be read; arguments do not fit its function;
       a tool is missing
    2  the command line is wrong";

/// Runs, compiles and checks programs in Enjamb's text format.
#[derive(Debug, Parser)]
#[command(name = "enjamb", version, disable_help_subcommand = true, after_help = AFTER_HELP)]
pub struct Arguments {
    /// Log what happens to the standard error: `info`, `debug` (passes and functions), `trace`
    /// (the IR before and after each pass), or a filter such as `enjamb_codegen=trace`.
    #[arg(long, global = true, value_name = "FILTER")]
    pub log: Option<String>,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Stands for the hyphen in front of a negative number until the command line has been read.
const MINUS: char = '\u{2212}';

impl Arguments {
    /// Reads the command line. What begins with a hyphen and goes on as a number, `-inf` and `-0x1`
    /// included, is no option.
    pub fn read() -> Arguments {
        let is_number = |text: &str| {
            let digits = text.strip_prefix("0x").unwrap_or(text);
            text == "inf"
                || text.starts_with("nan:")
                || digits.starts_with(|first: char| first == '.' || first.is_ascii_digit())
                || digits != text && digits.starts_with(|first: char| first.is_ascii_hexdigit())
        };
        let escaped = std::env::args_os().map(|argument| match argument.to_str() {
            Some(text) => match text.strip_prefix('-') {
                Some(number) if is_number(number) => format!("{MINUS}{number}").into(),
                _ => argument,
            },
            None => argument,
        });
        Arguments::parse_from(escaped)
    }
}

impl Run {
    /// The texts of the arguments.
    pub fn arguments(&self) -> impl ExactSizeIterator<Item = String> + '_ {
        self.args.iter().map(|text| match text.strip_prefix(MINUS) {
            Some(number) => format!("-{number}"),
            None => text.clone(),
        })
    }
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    Run(Run),
    Compile(Compile),
    Check(Check),
    Help(Help),
}

/// Run a function and print its results, one per line.
///
/// Integers are printed in signed decimal, floats with the fewest digits that read back, a NaN as
/// `nan:0xBITS`. An async function is run until it finishes; tasks that are left then end.
#[derive(Args, Debug)]
pub struct Run {
    /// The program; `-` is the standard input.
    pub file: PathBuf,
    /// Arguments of the function: numbers of the types that its signature says, `null` for a
    /// reference, `nan:0xBITS` for a NaN. Negative numbers need nothing special.
    pub args: Vec<String>,
    /// The function, by the name of its export or its own.
    #[arg(long, default_value = "main", value_name = "NAME")]
    pub func: String,
    /// What runs the program.
    #[arg(long, value_enum, default_value_t = Engine::Jit)]
    pub engine: Engine,
    /// Which calls of `yield` and `test` suspend: natural (they decide), never, always,
    /// random:SEED, only:K (the call with number K, counted from 0).
    #[arg(long, default_value_t = Schedule::Natural, value_name = "SCHEDULE")]
    pub suspend: Schedule,
    /// What `sleep` waits on: the time of the machine, or a clock that jumps to the next deadline
    /// when nothing else can run.
    #[arg(long, value_enum, default_value_t = Clock::Real)]
    pub clock: Clock,
    /// Let the program run on fuel: each instruction uses one, and there is this much.
    #[arg(long, value_name = "AMOUNT")]
    pub fuel: Option<u64>,
    /// What happens when there is none left: trap, or suspend, where the amount is that of each turn of
    /// a task and the next task has its turn.
    #[arg(long, value_enum, default_value_t = FuelMode::Trap, requires = "fuel")]
    pub fuel_mode: FuelMode,
    /// How much more than that of its turn a sync function may use, which cannot suspend, before it
    /// traps; no limit unless it is said.
    #[arg(long, value_name = "AMOUNT", requires = "fuel")]
    pub fuel_debt: Option<u32>,
    /// The most bytes that objects may take before the program traps.
    #[arg(long, default_value_t = 1 << 30, value_name = "BYTES")]
    pub heap_limit: usize,
    /// Collect garbage wherever that may happen, which moves every object, and overwrite what is free: what
    /// has not been found is used wrongly at once.
    #[arg(long)]
    pub gc_stress: bool,
    /// How much of the logical stack to print when the program traps or throws: off, short, full.
    /// Callers that were suspended are in it; lines of the source too, where the program has
    /// positions in files that can be read.
    #[arg(long, default_value = "short", value_name = "LENGTH")]
    pub trace: TraceLimits,
    /// Let code for AArch64 sign return addresses and begin with landing pads wherever an indirect
    /// branch leads. Processors that know these check them.
    #[arg(long)]
    pub branch_protection: bool,
    /// Print what happened to the standard error, as lines `name=value`: suspensions,
    /// frames_suspended, resumptions, continuations_allocated, continuations_live,
    /// continuation_bytes_live, continuation_bytes_peak, tasks_live, tasks_started, tasks_finished,
    /// tasks_failed, cancellations_cut_short, handlers_skipped, task_bytes, host_calls, host_calls_pending, collections, objects_live and object_bytes_live (as the last collection
    /// found), object_bytes_allocated, fuel_used, compile_ns, run_ns, code_bytes. The interpreter makes neither
    /// continuations nor code, and suspends frames that compiled code may do without.
    #[arg(long)]
    pub stats: bool,
    /// Show, while the program runs, its tasks, how often they suspend, and memory. If the standard output is
    /// no terminal, these are lines of JSON, of which the last one has the numbers of `--stats` at the end; the
    /// results come after them, and none of those begins with a brace.
    #[arg(long)]
    pub watch: bool,
    /// Seconds from one look of `--watch` to the next.
    #[arg(long, default_value = "1", value_name = "SECONDS", value_parser = seconds, requires = "watch")]
    pub watch_interval: Duration,
    /// Show the machine code to debuggers: names of functions, lines of the program and the way out
    /// of each frame, as in `gdb --args enjamb run --debug-info FILE`.
    #[arg(long)]
    pub debug_info: bool,
    /// Show the machine code to `perf`, in the file `/tmp/perf-PID.map`, which stays.
    #[arg(long)]
    pub perf_map: bool,
}

/// A length of time.
fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "this is no number".to_string())?;
    let time = Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())?;
    match time.is_zero() {
        true => Err("there has to be some time".to_string()),
        false => Ok(time),
    }
}

/// What runs a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Engine {
    /// Machine code.
    Jit,
    /// The interpreter, on every host.
    Interp,
}

/// What happens without fuel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FuelMode {
    /// The call ends with the trap `out_of_fuel`.
    Trap,
    /// An async function suspends until its next turn.
    Suspend,
}

/// What `sleep` waits on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Clock {
    /// The time of the machine.
    Real,
    /// Jumps to the next deadline.
    Virtual,
}

/// Show what the compiler makes of a program.
///
/// `--after`, `--only` and `--pass-limit` choose passes for `ir`, `async`, `layout`, `cfg` and
/// `cfg-dot`. Without them `ir` and `cfg` show the program as it was written, `async` and `layout`
/// after all passes. What is further down the line needs all passes.
#[derive(Args, Debug)]
pub struct Compile {
    /// The program; `-` is the standard input.
    #[arg(required_unless_present = "list_passes")]
    pub file: Option<PathBuf>,
    /// One function alone, by the name of its export or its own.
    #[arg(long, value_name = "NAME")]
    pub func: Option<String>,
    /// What to show: `asm`, or `ir` if passes are chosen, unless it is said.
    #[arg(long, value_enum)]
    pub emit: Option<Emit>,
    /// The machine that code is made for, `x86_64` or `aarch64`, or a triple such as
    /// `aarch64-unknown-linux-gnu`; this one, unless it is said.
    #[arg(long, value_name = "TARGET")]
    pub target: Option<String>,
    /// Let code for AArch64 sign return addresses and begin with landing pads wherever an indirect
    /// branch leads.
    #[arg(long)]
    pub branch_protection: bool,
    /// Print JSON: an array with an object per function. What is text otherwise stands in `text`.
    #[arg(long)]
    pub json: bool,
    /// Run the passes up to and with this one.
    #[arg(long, value_name = "PASS")]
    pub after: Option<String>,
    /// Run this pass alone.
    #[arg(long, value_name = "PASS", conflicts_with = "after")]
    pub only: Option<String>,
    /// Run the first N passes, counted over all functions: halving N finds where something first
    /// goes wrong.
    #[arg(long, value_name = "N")]
    pub pass_limit: Option<usize>,
    /// List the passes in order and do nothing else.
    #[arg(long)]
    pub list_passes: bool,
}

impl Compile {
    /// Whether passes are chosen.
    pub fn chooses_passes(&self) -> bool {
        self.after.is_some() || self.only.is_some() || self.pass_limit.is_some()
    }

    /// What to show.
    pub fn emit(&self) -> Emit {
        let by_default = if self.chooses_passes() {
            Emit::Ir
        } else {
            Emit::Asm
        };
        self.emit.unwrap_or(by_default)
    }
}

/// What `compile` shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Emit {
    /// The IR.
    Ir,
    /// The IR after the async transform.
    Async,
    /// Machine code in virtual registers.
    Vcode,
    /// The machine code as an annotated listing.
    Asm,
    /// The machine code as hexadecimal bytes with offsets.
    Bytes,
    /// The continuations of async functions: fields with their offsets, and for every suspension
    /// point what is live and what is stored.
    Layout,
    /// The control flow as an SVG picture, drawn by Graphviz.
    Cfg,
    /// The control flow in the language of Graphviz.
    CfgDot,
}

/// Report every error of a program, with its place.
///
/// Each comes on the standard error with file, line, column, the line itself and a caret. A program
/// without errors gives no output and exit code 0.
#[derive(Args, Debug)]
pub struct Check {
    /// The program; `-` is the standard input.
    pub file: PathBuf,
}

/// Explain an instruction, or the command and which instructions there are.
#[derive(Args, Debug)]
pub struct Help {
    /// The mnemonic of an instruction, such as `iadd`, or a command, such as `run`.
    pub opcode: Option<String>,
}
