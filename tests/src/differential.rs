//! What is asked of a random program and of a random text: the logic of `cargo xtask fuzz` and of the fuzz
//! targets, which also runs in the tests.

use crate::case::{self, Case};
use crate::engines::{self, Engine};
use crate::observed::{Call, Ending, Observed, Stats, counted, leaks};
use crate::{report, tables};
use enjamb_ir::{FuelSupply, Function, Module, Schedule, Stage, parse_module, verify_module};
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// Schedules that an engine runs under before the next engine has its turn.
const TOGETHER: usize = 32;

/// In which way engines differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The module is refused, with this complaint, numbers taken out.
    Refused(String),
    /// It panics, with this message, numbers taken out.
    Panics(String),
    /// It ends the process: by a signal, or by going on for ever.
    Crashes,
    /// No call may end like this; numbers taken out.
    Breaks(String),
    /// It does something else than the interpreter on the source.
    Differs,
    /// It does the same, but suspends or resumes more or fewer frames than another engine.
    Counts,
    /// Continuations are left.
    Leaves,
    /// It does something else than under the first schedule.
    DependsOnSchedule,
    /// What unwinders and debuggers read is not what the code does.
    Misleads,
}

/// The first engine, in the order of the pipeline, that does not do what it should.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The engine, or what was done when there was none yet.
    pub stage: String,
    /// In which way.
    pub kind: Kind,
    /// The schedule; `None` if there is no code to be run.
    pub schedule: Option<Schedule>,
    /// All that is known.
    pub detail: String,
}

impl Difference {
    /// Whether a smaller program fails in the same way as a larger one.
    pub fn is_like(&self, other: &Difference) -> bool {
        self.stage == other.stage && self.kind == other.kind
    }

    /// The difference that it is when a module is refused, before any code runs.
    pub fn refused(reason: String) -> Self {
        let first = reason.lines().next().unwrap_or_default();
        let stage = first.split(':').next().unwrap_or_default();
        Difference {
            stage: stage.to_string(),
            kind: Kind::Refused(pattern(first)),
            schedule: None,
            detail: reason,
        }
    }

    /// The difference that it is when tables are wrong.
    pub fn misleading(reason: String) -> Self {
        Difference {
            stage: "the tables".to_string(),
            kind: Kind::Misleads,
            schedule: None,
            detail: reason,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Kind::Refused(reason) => write!(f, "refused ({reason})"),
            Kind::Panics(message) => write!(f, "panics ({message})"),
            Kind::Crashes => f.write_str("crashes"),
            Kind::Breaks(reason) => write!(f, "breaks ({reason})"),
            Kind::Differs => f.write_str("differs from the interpreter on the source"),
            Kind::Counts => f.write_str("counts other suspensions than an engine before"),
            Kind::Leaves => f.write_str("leaves continuations"),
            Kind::DependsOnSchedule => f.write_str("depends on the schedule"),
            Kind::Misleads => f.write_str("do not say what the code does"),
        }
    }
}

/// One line.
impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.stage)?;
        if let Some(schedule) = self.schedule {
            write!(f, ", schedule {schedule}")?;
        }
        write!(f, ": {}", self.kind)
    }
}

/// A message of one line without its numbers and what it quotes of the program, by which a message about a smaller
/// program is known again.
fn pattern(message: &str) -> String {
    let first = message.lines().next().unwrap_or_default();
    let unquoted: Vec<&str> = first.split('`').step_by(2).collect();
    let unquoted = unquoted.join("…");
    let kept = unquoted.chars().filter(|c| !c.is_ascii_digit());
    kept.take(160).collect()
}

/// What engines have agreed on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Agreement {
    /// How the case ended under each schedule that it ran under, as [`Ending::kind`] has it. There are fewer
    /// than it asks for if it takes too long for the interpreter.
    pub endings: Vec<String>,
}

/// Makes the engines of a module with this fuel, the reference first.
pub type MakeEngines<'a> = dyn Fn(&Module, FuelSupply) -> Result<Vec<Box<dyn Engine>>, String> + 'a;

/// How a comparison is done.
pub struct Comparison<'a> {
    /// Makes the engines.
    pub engines: &'a MakeEngines<'a>,
    /// Is told the engine and the schedule before each run, so that it is known which of them did not
    /// come back.
    pub before: &'a (dyn Fn(&str, Schedule) + Sync),
    /// Is asked whether there is time, for each engine and some schedules at a time. A comparison ends where there
    /// is not, with what all engines have agreed on until then.
    pub has_time: &'a dyn Fn() -> bool,
    /// The [`cost`](case::cost) of the runs of a case after which it is left alone.
    pub work: u64,
    /// Engines that run what [only some passes](Engine::is_stage) make have a turn under one schedule of this many, and
    /// under those that show a difference.
    pub stages: usize,
}

impl Comparison<'static> {
    /// All engines that there are.
    pub const ALL: Comparison<'static> = Comparison {
        engines: &engines::of_module,
        before: &|_, _| {},
        has_time: &|| true,
        work: u64::MAX,
        stages: 1,
    };
}

impl Comparison<'_> {
    /// Runs a case everywhere.
    ///
    /// # Errors
    /// The first difference.
    pub fn of_case(&self, case: &Case) -> Result<Agreement, Difference> {
        let compared = catch_unwind(AssertUnwindSafe(|| self.compare(case)));
        compared.unwrap_or_else(|payload| {
            let text = payload.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| payload.downcast_ref::<&str>().copied());
            let message = text.unwrap_or("without a message").to_string();
            Err(Difference {
                stage: "a panic".to_string(),
                kind: Kind::Panics(pattern(&message)),
                schedule: None,
                detail: message,
            })
        })
    }

    fn compare(&self, case: &Case) -> Result<Agreement, Difference> {
        if case.tables {
            let checked = tables::check_source(&case.module);
            checked.map_err(Difference::misleading)?;
        }
        let engines = (self.engines)(&case.module, case.fuel).map_err(Difference::refused)?;
        let mut first: Option<Observed> = None;
        let mut agreement = Agreement::default();
        let mut work = 0;
        for (chunk, schedules) in case.schedules.chunks(TOGETHER).enumerate() {
            let with_stages =
                |number: usize| (chunk * TOGETHER + number).is_multiple_of(self.stages);
            let agreed = self.agreed(&engines, case, schedules, &with_stages, &mut work);
            let agreed = agreed.map_err(|found| self.first_stage(&engines, case, found))?;
            let is_last = agreed.len() < schedules.len();
            for (&schedule, observed) in schedules.iter().zip(agreed) {
                agreement.endings.push(observed.calls[0].1.kind());
                let first = &*first.get_or_insert_with(|| observed.clone());
                if case.schedule_independent && !first.agrees_with_schedule(&observed) {
                    return Err(Difference {
                        stage: "every engine".to_string(),
                        kind: Kind::DependsOnSchedule,
                        schedule: Some(schedule),
                        detail: report::diff(&first.to_string(), &observed.to_string()),
                    });
                }
            }
            if is_last {
                break;
            }
        }
        Ok(agreement)
    }

    /// The same difference, or that of an engine further to the front which had no turn under this schedule.
    fn first_stage(
        &self,
        engines: &[Box<dyn Engine>],
        case: &Case,
        found: Difference,
    ) -> Difference {
        let before = engines
            .iter()
            .take_while(|engine| engine.name() != found.stage);
        let between = before.clone().any(|engine| engine.is_stage());
        let Some(schedule) = found.schedule.filter(|_| self.stages > 1 && between) else {
            return found;
        };
        let mut work = 0;
        let count = before.count();
        let again = self.agreed(&engines[..count], case, &[schedule], &|_| true, &mut work);
        again.err().unwrap_or(found)
    }

    /// What all engines observe under these schedules, as far as the program does not take too long; what that has
    /// cost is added to `work`. Those that run what some passes make do it under the schedules `with_stages`. Each
    /// engine does all of them before the next one begins, so that its code is not fetched for each of them again.
    fn agreed(
        &self,
        engines: &[Box<dyn Engine>],
        case: &Case,
        schedules: &[Schedule],
        with_stages: &dyn Fn(usize) -> bool,
        work: &mut u64,
    ) -> Result<Vec<Observed>, Difference> {
        let Some((reference, others)) = engines.split_first() else {
            return Ok(Vec::new());
        };
        let calls = case.calls();
        let Some(runs) = self.runs(&**reference, &calls, schedules) else {
            return Ok(Vec::new());
        };
        let mut agreed = Vec::new();
        for (run, &schedule) in runs.into_iter().zip(schedules) {
            let (observed, stats) = match whole(run) {
                Err((Kind::Breaks(_), reason)) if reason == engines::TOO_LONG => break,
                run => run.map_err(|fault| differs(&**reference, schedule, fault))?,
            };
            agreed.push(observed);
            *work += case::cost(&stats);
            if *work > self.work {
                break;
            }
        }
        let schedules = &schedules[..agreed.len()];
        let mut counts: Vec<Option<String>> = vec![None; agreed.len()];
        for engine in others {
            let has_turn = |&number: &usize| !engine.is_stage() || with_stages(number);
            let numbers: Vec<usize> = (0..schedules.len()).filter(has_turn).collect();
            let some: Vec<Schedule> = numbers.iter().map(|&number| schedules[number]).collect();
            let Some(runs) = self.runs(&**engine, &calls, &some) else {
                return Ok(Vec::new());
            };
            for (run, &number) in runs.into_iter().zip(&numbers) {
                let differs = |fault| differs(&**engine, schedules[number], fault);
                let (observed, stats) = whole(run).map_err(differs)?;
                if !agreed[number].agrees(&observed) {
                    let diff = report::diff(&agreed[number].to_string(), &observed.to_string());
                    return Err(differs((Kind::Differs, diff)));
                }
                if let Some(counted) = counted(&stats).filter(|_| engine.counts()) {
                    let first = counts[number].get_or_insert_with(|| counted.clone());
                    if *first != counted {
                        return Err(differs((Kind::Counts, report::diff(first, &counted))));
                    }
                }
            }
        }
        Ok(agreed)
    }

    /// The runs of an engine, unless there is no time for them.
    fn runs(
        &self,
        engine: &dyn Engine,
        calls: &[Call],
        schedules: &[Schedule],
    ) -> Option<Vec<Run>> {
        let (before, name) = (self.before, engine.name());
        let before = |schedule| before(name, schedule);
        (self.has_time)().then(|| engine.run_all(calls, schedules, &before))
    }
}

/// What came of a run.
type Run = Result<(Observed, Stats), String>;

/// What is wrong with a run, and all that is known of it.
type Fault = (Kind, String);

fn differs(engine: &dyn Engine, schedule: Schedule, (kind, detail): Fault) -> Difference {
    Difference {
        stage: engine.name().to_string(),
        kind,
        schedule: Some(schedule),
        detail,
    }
}

/// What a run has shown that ended as runs may and left nothing behind, or else what is wrong with it.
fn whole(run: Run) -> Result<(Observed, Stats), Fault> {
    let broken = |reason: String| (Kind::Breaks(pattern(&reason)), reason);
    let (observed, stats) = run.map_err(broken)?;
    for (_, ending) in &observed.calls {
        if let Ending::Broken(reason) = ending {
            return Err(broken(reason.clone()));
        }
    }
    match leaks(&stats) {
        Some(left) => Err((Kind::Leaves, left)),
        None => Ok((observed, stats)),
    }
}

/// A random program in every engine and under a few schedules.
///
/// # Errors
/// The first difference, with the program.
pub fn check_program(bytes: &[u8]) -> Result<(), String> {
    let program = enjamb_gen::program(bytes).map_err(|error| format!("no program: {error}"))?;
    let mut case = Case::of_program(program);
    (case.schedules).extend([Schedule::Random(1), Schedule::Only(1)]);
    check(&case)
}

/// A random program in a module that runs on fuel: every engine uses as much, and runs out in the same
/// place, however little there is.
///
/// # Errors
/// The first difference, with the program.
pub fn check_fuel(bytes: &[u8]) -> Result<(), String> {
    let program = enjamb_gen::program(bytes).map_err(|error| format!("no program: {error}"))?;
    let mut case = Case::on_fuel(program, case::fuel_of(bytes))?;
    case.schedules = vec![Schedule::Random(1)];
    check(&case)
}

fn check(case: &Case) -> Result<(), String> {
    let compared = Comparison::ALL.of_case(case);
    compared.map(|_| ()).map_err(|difference| {
        let text = case.to_text(&[difference.to_string()]);
        format!("{difference}\n{}\n{text}", difference.detail)
    })
}

/// A text that may be anything: the parser answers, and what it accepts prints and parses back.
///
/// # Errors
/// What is different after printing.
pub fn check_text(text: &str) -> Result<(), String> {
    match parse_module(text) {
        Ok(module) => crate::stages::survives_printing(&module),
        Err(errors) if errors.diagnostics.is_empty() => {
            Err("an error without a reason".to_string())
        }
        Err(_) => Ok(()),
    }
}

/// A text that may be anything: what the verifier accepts compiles, for each target and with each allocator, every
/// pass verified and every allocation checked, and the tables say what the code does. Only what is lowered already
/// may be refused, in a module that is not trusted.
///
/// # Errors
/// Why it does not compile, or what a table has wrong.
pub fn check_compiles(text: &str) -> Result<(), String> {
    let Ok(module) = parse_module(text) else {
        return Ok(());
    };
    let is_lowered = |body: &Function| body.stage == Stage::Lowered || !body.roots.is_empty();
    let is_refused = !module.trusted && module.bodies().any(|(_, body)| is_lowered(body));
    if is_refused || verify_module(&module).is_err() {
        return Ok(());
    }
    tables::check_module(&Arc::new(module))
}
