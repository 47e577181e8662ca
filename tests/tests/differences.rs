//! What makes engines differ is seen: each kind of difference is planted, by giving some of them another program.

use enjamb_ir::{FuelSupply, Module, Schedule, Val, parse_module};
use enjamb_tests::case::Case;
use enjamb_tests::differential::{Comparison, Difference, Kind};
use enjamb_tests::engines::{self, Engine, Interpreter, Jit};
use enjamb_tests::observed::{Call, Observed, Stats, counted};
use enjamb_tests::{golden, stages};

fn module(text: &str) -> Module {
    parse_module(text).expect("a module")
}

/// A case that calls `%main()` under each of these schedules.
fn case(text: &str, times: usize, schedules: &[Schedule]) -> Case {
    let module = module(text);
    let main = module.exported_function("main").expect("a function");
    let results = module.functions[main].signature().results.iter();
    let results: Vec<String> = results
        .map(|&ty| Val::from_bits(ty, 0).to_string())
        .collect();
    let expected = match results.as_slice() {
        [] => String::new(),
        results => format!(" == {}", results.join(", ")),
    };
    let header = format!("; schedule-dependent\n; run: %main(){expected}\n\n");
    let mut case = Case::of_text(&format!("{header}{text}")).expect("a case");
    case.times = times;
    case.schedules = schedules.to_vec();
    case
}

fn interpreter(name: &str, module: &Module) -> Interpreter {
    Interpreter::new(name.to_string(), module.clone(), false).with_instruction_limit(10_000)
}

type Engines = Vec<Box<dyn Engine>>;

/// What the file of a case fails with in these engines.
fn replayed(case: &Case, engines: &dyn Fn() -> Engines) -> Option<String> {
    let failure = golden::check_in(&|_, _| Ok(engines()), &case.to_text(&[]), false).err();
    let message = failure.map(|failure| failure.message)?;
    message.lines().next().map(String::from)
}

/// What a comparison of these engines finds, of which stages have a turn under every so many schedules only.
fn found(case: &Case, stages: usize, engines: &dyn Fn() -> Engines) -> Option<Difference> {
    let comparison = Comparison {
        engines: &|_, _| Ok(engines()),
        stages,
        ..Comparison::ALL
    };
    comparison.of_case(case).err()
}

/// Asks that each engine which runs the `planted` program is seen to differ from the interpreter on `text`, and none
/// that runs `text` itself.
fn is_seen(text: &str, planted: &str) {
    let (right, wrong) = (module(text), module(planted));
    let case = case(text, 1, &[Schedule::Always]);
    assert_eq!(Comparison::ALL.of_case(&case).err(), None, "{text}");
    let lowered = stages::after(&wrong, "async").expect("a module");
    let mut wrong: Engines = match engines::SUPPORTED {
        true => {
            let jit = Jit::all(&wrong, FuelSupply::Unlimited).expect("code");
            jit.into_iter().map(|jit| Box::new(jit) as _).collect()
        }
        false => Vec::new(),
    };
    wrong.push(Box::new(interpreter(
        "the interpreter after all passes",
        &lowered,
    )));
    for engine in wrong {
        let name = engine.name().to_string();
        let engine = std::cell::Cell::new(Some(engine));
        let engines = || {
            let reference = Box::new(interpreter("the reference", &right).of_source());
            vec![reference as Box<dyn Engine>, engine.take().expect("once")]
        };
        let found = found(&case, 1, &engines);
        let found = found.unwrap_or_else(|| panic!("{name} is taken for right:\n{planted}"));
        assert_eq!((found.stage, found.kind), (name, Kind::Differs));
    }
}

/// A program with objects, a task, a table, and the context word.
const PROGRAM: &str = r#"
import %yield = "enjamb" "yield" () async
import %sleep = "enjamb" "sleep" (i64) async
type %pair = { number: i64, other: ref }
type %list = [i16]
table %table [%main, null]
global %kept: ref = null

export "kept" = %kept

function %waits(i64) async {
block0(v0: i64):
    call %sleep(v0)
    call %sleep(v0)
    return
}

function %main() -> ref, ref async {
block0:
    v0 = new %pair
    v1 = new %pair
    v2 = iconst.i64 7
    v3 = iconst.i64 1
    call %yield()
    v4 = spawn %waits(v2)
    detach v4
    set_field %pair.number, v1, v2
    set_field %pair.other, v0, v1
    set_field %pair.other, v1, v0
    v5 = new_array %list, v2
    v6 = iconst.i16 5
    set_element %list, v5, v3, v6
    v7 = func_addr %main
    table_set %table, v3, v7
    global_set %kept, v5
    context_set v2
    return v0, v1
}
"#;

fn changed(from: &str, to: &str) -> String {
    let changed = PROGRAM.replacen(from, to, 1);
    assert_ne!(changed, PROGRAM, "{from} is there");
    changed
}

#[test]
fn what_objects_hold_is_seen() {
    let field = "set_field %pair.number, v1, v2";
    is_seen(PROGRAM, &changed(field, "set_field %pair.number, v1, v3"));
    is_seen(PROGRAM, &changed("iconst.i16 5", "iconst.i16 6"));
    let longer = "v8 = iconst.i64 8\n    v5 = new_array %list, v8";
    is_seen(PROGRAM, &changed("v5 = new_array %list, v2", longer));
}

#[test]
fn which_objects_hold_which_is_seen() {
    let back = "set_field %pair.other, v1, v0";
    is_seen(PROGRAM, &changed(back, "set_field %pair.other, v1, v1"));
    is_seen(PROGRAM, &changed("return v0, v1", "return v0, v0"));
}

#[test]
fn an_object_that_somebody_keeps_is_seen() {
    // The list has as many elements as before, and one of them is an object that nobody looks at.
    let long = |count: usize| {
        let text = PROGRAM.replace("[i16]", "[ref]");
        let text = text.replace("v2 = iconst.i64 7", "v2 = iconst.i64 40");
        let text = text.replace("v6 = iconst.i16 5", "v6 = new %pair");
        text.replace("v3 = iconst.i64 1\n", &format!("v3 = iconst.i64 {count}\n"))
            .replace(
                "table_set %table, v3, v7",
                "v9 = iconst.i64 1\n    table_set %table, v9, v7",
            )
    };
    is_seen(
        &long(30),
        &long(30).replace("v6 = new %pair", "v6 = null.ref"),
    );
}

#[test]
fn tasks_that_are_left_are_seen() {
    is_seen(PROGRAM, &changed("    detach v4\n", ""));
    is_seen(
        PROGRAM,
        &changed("v4 = spawn %waits(v2)", "v4 = spawn %waits(v3)"),
    );
    // One more, which is at its second wait.
    is_seen(
        PROGRAM,
        &changed(
            "spawn %waits(v2)",
            "spawn %waits(v2)\n    v8 = spawn %waits(v2)",
        ),
    );
}

#[test]
fn where_a_task_stands_is_seen() {
    let elsewhere = changed(
        "    call %sleep(v0)\n    call",
        "    v1 = isub v0, v0\n    call %sleep(v1)\n    call",
    );
    is_seen(PROGRAM, &elsewhere);
}

#[test]
fn tables_and_the_context_word_are_seen() {
    is_seen(PROGRAM, &changed("table_set %table, v3, v7\n", "\n"));
    let sync =
        "function %main() {\nblock0:\n    v0 = iconst.i64 3\n    context_set v0\n    return\n}\n";
    is_seen(sync, &sync.replace("iconst.i64 3", "iconst.i64 4"));
}

/// A pass that makes a program go on for ever is found; one that goes on for ever by itself tells nothing.
#[test]
fn what_goes_on_for_ever_behind_the_source_is_found() {
    let ends = "function %main() {\nblock0:\n    return\n}\n";
    let goes_on = "function %main() {\nblock0:\n    jump block1\nblock1:\n    jump block1\n}\n";
    let engines = |first: &str, second: &str| -> Engines {
        let first = interpreter("the source", &module(first)).of_source();
        vec![
            Box::new(first),
            Box::new(interpreter("a pass", &module(second))),
        ]
    };
    let case = case(ends, 1, &[Schedule::Natural]);
    let difference = found(&case, 1, &|| engines(ends, goes_on)).expect("it is found");
    assert_eq!(difference.stage, "a pass");
    assert_eq!(difference.kind, Kind::Breaks(engines::TOO_LONG.to_string()));
    assert_eq!(found(&case, 1, &|| engines(goes_on, goes_on)), None);
}

/// A call finds what the one before it has left.
#[test]
fn what_only_a_second_call_shows_is_found() {
    let counts = "global %calls: i64 = 0\n\nfunction %main() -> i64 async {\nblock0:\n    v0 = global_get.i64 %calls\n    \
                  v1 = iconst.i64 1\n    v2 = iadd v0, v1\n    global_set %calls, v2\n    return v0\n}\n";
    let forgets = counts.replace("global_set %calls, v2", "global_set %calls, v0");
    let engines = || -> Engines {
        let first = interpreter("the source", &module(counts)).of_source();
        vec![
            Box::new(first),
            Box::new(interpreter("another", &module(&forgets))),
        ]
    };
    let once = case(counts, 1, &[Schedule::Natural]);
    assert_eq!(found(&once, 1, &engines), None);
    let twice = case(counts, 2, &[Schedule::Natural]);
    assert_eq!(
        found(&twice, 1, &engines).map(|found| found.kind),
        Some(Kind::Differs)
    );
    // A file says so, too.
    let text = twice.to_text(&[]);
    assert_eq!(Case::of_text(&text).expect("a case").times, 2, "{text}");
    assert_eq!(golden::check(&text, false).expect("it holds"), text);
}

/// What is done to what an engine has observed.
type Change = fn(Schedule, &mut Observed, &mut Stats);

/// An engine whose observations are changed.
struct Changed {
    engine: Interpreter,
    is_stage: bool,
    change: Change,
}

impl Engine for Changed {
    fn name(&self) -> &str {
        self.engine.name()
    }

    fn is_complete(&self) -> bool {
        !self.is_stage
    }

    fn is_stage(&self) -> bool {
        self.is_stage
    }

    fn run(&self, calls: &[Call], schedule: Schedule) -> Result<(Observed, Stats), String> {
        let (mut observed, mut stats) = self.engine.run(calls, schedule)?;
        (self.change)(schedule, &mut observed, &mut stats);
        Ok((observed, stats))
    }
}

/// Engines of [`PROGRAM`], the names of the last ones with what is changed of what they observe.
fn with_changed(changed: &[(&str, bool, Change)]) -> Engines {
    let module = module(PROGRAM);
    let source = Box::new(interpreter("the source", &module).of_source());
    let changed = changed.iter().map(|&(name, is_stage, change)| {
        let engine = interpreter(name, &module);
        Box::new(Changed {
            engine,
            is_stage,
            change,
        }) as Box<dyn Engine>
    });
    std::iter::once(source as Box<dyn Engine>)
        .chain(changed)
        .collect()
}

#[test]
fn counters_that_differ_are_found_and_what_is_left_is() {
    let nothing = |_: Schedule, _: &mut Observed, _: &mut Stats| {};
    let case = case(PROGRAM, 1, &[Schedule::Natural]);
    let engines = || with_changed(&[("one", false, nothing), ("two", false, nothing)]);
    assert_eq!(found(&case, 1, &engines), None);
    let engines = || {
        with_changed(&[
            ("one", false, nothing),
            ("two", false, |_, _, stats| {
                let resumptions = stats.iter_mut().find(|(name, _)| *name == "resumptions");
                resumptions.expect("it counts").1 += 1;
            }),
        ])
    };
    let difference = found(&case, 1, &engines).expect("it is found");
    assert_eq!((&*difference.stage, difference.kind), ("two", Kind::Counts));
    let replayed = replayed(&case, &engines).expect("its file fails, too");
    assert_eq!(
        replayed,
        "two, schedule natural: counts otherwise than an engine before"
    );
    let engines = || {
        with_changed(&[("one", false, |_, _, stats| {
            stats.push(("continuation_bytes", 48))
        })])
    };
    let difference = found(&case, 1, &engines).expect("it is found");
    assert_eq!((&*difference.stage, difference.kind), ("one", Kind::Leaves));
}

#[test]
fn what_depends_on_the_schedule_is_found() {
    let always = |schedule: Schedule, observed: &mut Observed, _: &mut Stats| {
        observed.context += i64::from(schedule == Schedule::Always);
    };
    let engines = || with_changed(&[("one", false, always)]).split_off(1);
    let mut case = case(PROGRAM, 1, &[Schedule::Natural, Schedule::Always]);
    assert_eq!(found(&case, 1, &engines), None);
    assert_eq!(replayed(&case, &engines), None);
    case.schedule_independent = true;
    let difference = found(&case, 1, &engines).expect("it is found");
    assert_eq!(difference.kind, Kind::DependsOnSchedule);
    let replayed = replayed(&case, &engines).expect("its file fails, too");
    assert_eq!(replayed, "schedule always makes a difference");
}

/// A run of machine code that waits for the host suspends more often than in other engines. That it could wait changes nothing.
#[test]
fn machine_code_that_does_not_wait_is_compared_in_all() {
    let text = |amount: u32| {
        format!(
            "import %later = \"host\" \"later\" (i64) -> i64 async\n\nfunction %main() -> i64 async {{\nblock0:\n    \
             v0 = iconst.i64 {amount}\n    v1 = call %later(v0)\n    return v1\n}}\n"
        )
    };
    for (amount, waits) in [(4, false), (3, true)] {
        if !engines::SUPPORTED {
            break;
        }
        let module = module(&text(amount));
        for jit in Jit::all(&module, FuelSupply::Unlimited).expect("code") {
            let call = case(&text(amount), 1, &[]).call;
            let (observed, stats) = jit.run(&[call], Schedule::Natural).expect("it runs");
            assert_eq!(observed.tasks.is_none(), waits, "{}", jit.name());
            let counts = jit.counts() && !waits;
            assert_eq!(counted(&stats).is_some(), counts, "{}", jit.name());
        }
    }
}

/// A stage has a turn under some schedules only, but where another engine differs it is asked, and named if it does.
#[test]
fn the_first_stage_is_named_though_it_had_no_turn() {
    let wrong = |schedule: Schedule, observed: &mut Observed, _: &mut Stats| {
        observed.context += i64::from(schedule == Schedule::Never);
    };
    let schedules = [Schedule::Natural, Schedule::Never, Schedule::Always];
    let case = case(PROGRAM, 1, &schedules);
    let alone = || with_changed(&[("a stage", true, wrong)]);
    assert_eq!(found(&case, 4, &alone), None);
    let stage = |found: Option<Difference>| found.map(|found| (found.stage, found.schedule));
    let named = Some(("a stage".to_string(), Some(Schedule::Never)));
    assert_eq!(stage(found(&case, 1, &alone)), named);
    let both = || with_changed(&[("a stage", true, wrong), ("all passes", false, wrong)]);
    assert_eq!(stage(found(&case, 4, &both)), named);
    let right = |_: Schedule, _: &mut Observed, _: &mut Stats| {};
    let last = || with_changed(&[("a stage", true, right), ("all passes", false, wrong)]);
    let named = Some(("all passes".to_string(), Some(Schedule::Never)));
    assert_eq!(stage(found(&case, 4, &last)), named);
}
