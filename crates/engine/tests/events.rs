//! What a host hears, through `tracing`, of tasks that are suspended and go on.

use enjamb_engine::{
    Caller, Clock, Config, Engine, Error, Execution, Imports, Instance, Module, Schedule,
};
use std::sync::{Arc, Mutex};

/// The lines of a log.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// What is traced under a filter while something runs.
fn traced(filter: &str, run: impl FnOnce()) -> String {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(move || writer.clone())
        .with_ansi(false)
        .with_level(false)
        .with_target(false)
        .without_time()
        .finish();
    tracing::subscriber::with_default(subscriber, run);
    let bytes = log.0.lock().unwrap().clone();
    String::from_utf8(bytes).unwrap()
}

/// The numbers of tasks are each engine's own: here they stand in the order in which they come.
fn with_own_numbers(text: &str) -> String {
    let mut seen: Vec<String> = Vec::new();
    let mut words: Vec<String> = text.split(' ').map(str::to_string).collect();
    for index in 0..words.len() {
        let (prefix, number) = match words[index].strip_prefix("task=") {
            Some(number) => ("task=", number),
            None if index > 0 && words[index - 1] == "task" => ("", words[index].as_str()),
            None => continue,
        };
        let position = seen.iter().position(|seen| seen == number);
        let position = position.unwrap_or_else(|| {
            seen.push(number.to_string());
            seen.len() - 1
        });
        words[index] = format!("{prefix}{position}");
    }
    words.join(" ")
}

fn with_each_engine(schedule: Schedule, test: impl Fn(&Engine)) {
    for execution in [Execution::Interpreter, Execution::Jit] {
        let config = Config::new().execution(execution).schedule(schedule);
        match Engine::new(config.clock(Clock::Virtual)) {
            Ok(engine) => test(&engine),
            Err(Error::UnsupportedHost(_)) => assert_eq!(execution, Execution::Jit),
            Err(error) => panic!("{error}"),
        }
    }
}

fn instance(engine: &Engine, text: &str, imports: &Imports) -> Instance {
    let module = Module::from_text(engine, text).unwrap_or_else(|error| panic!("{error}"));
    Instance::new(&module, imports).unwrap_or_else(|error| panic!("{error}"))
}

const PROGRAM: &str = r#"
file0 = "nap.src"
import %yield = "enjamb" "yield" () async
import %sleep = "enjamb" "sleep" (i64) async

function %throws(i64) async {
block0(v0: i64):
    call %sleep(v0)
    v1 = null.ref
    throw v0, v1
}
function %nap(i64) -> i64 async {
block0(v0: i64):
    context_set v0
    call %sleep(v0) @ file0:3:5
    call %yield()
    return v0
}
function %main() -> i64 async {
    sig0 = ()
block0:
    v0 = iconst.i64 20
    v1 = spawn %throws(v0)
    v2 = call %nap(v0)
    call %yield()
    call %yield()
    v3, v4 = try_join sig0, v1, block1, unwind block1
block1:
    return v2
}
"#;

#[test]
fn every_suspension_and_every_turn_is_an_event_in_every_engine() {
    let expected = r#"
suspend task=0 function="throws" at=%throws: `call %sleep(v0)` state=sleeps for 20ms context=0
suspend task=1 function="main" at=%nap: `call %sleep(v0)` at nap.src:3:5 state=sleeps for 20ms context=20
resume task=0 function="throws" at=%throws: `call %sleep(v0)` context=0
resume task=1 function="main" at=%nap: `call %sleep(v0)` at nap.src:3:5 context=20
suspend task=1 function="main" at=%nap: `call %yield()` state=is ready context=20
resume task=1 function="main" at=%nap: `call %yield()` context=20
suspend task=1 function="main" at=%main: `call %yield()` state=is ready context=0
resume task=1 function="main" at=%main: `call %yield()` context=0
suspend task=1 function="main" at=%main: `call %yield()` state=is ready context=0
resume task=1 function="main" at=%main: `call %yield()` context=0
"#;
    with_each_engine(Schedule::Natural, |engine| {
        let instance = instance(engine, PROGRAM, &Imports::new());
        let run = || {
            instance.call("main", &[]).unwrap();
        };
        let text = traced("enjamb::task=trace", run);
        assert_eq!(with_own_numbers(&text), expected.trim_start());
        assert_eq!(traced("enjamb::task=debug", run), "");
    });
    // Nothing is told of what does not happen.
    let expected = r#"
suspend task=0 function="throws" at=%throws: `call %sleep(v0)` state=sleeps for 20ms context=0
suspend task=1 function="main" at=%nap: `call %sleep(v0)` at nap.src:3:5 state=sleeps for 20ms context=20
resume task=0 function="throws" at=%throws: `call %sleep(v0)` context=0
resume task=1 function="main" at=%nap: `call %sleep(v0)` at nap.src:3:5 context=20
"#;
    with_each_engine(Schedule::Never, |engine| {
        let instance = instance(engine, PROGRAM, &Imports::new());
        let text = traced("enjamb::task=trace", || {
            instance.call("main", &[]).unwrap();
        });
        assert_eq!(with_own_numbers(&text), expected.trim_start());
    });
}

const JOINS: &str = r#"
import %yield = "enjamb" "yield" () async
import %mark = "host" "mark" (i64)
function %child(i64) -> i64 async {
block0(v0: i64):
    call %mark(v0)
    call %yield()
    return v0
}
function %main() -> i64 async {
    sig0 = () -> i64
block0:
    v0 = iconst.i64 7
    v1 = spawn %child(v0)
    v2 = join sig0, v1
    return v2
}
"#;

#[test]
fn events_carry_the_context_word_and_the_task_that_is_joined() {
    let expected = r#"
suspend task=0 function="child" at=%child: `call %yield()` state=is ready context=7
suspend task=1 function="main" at=%main: `v2 = join sig0, v1` state=joins task 0 context=0
resume task=0 function="child" at=%child: `call %yield()` context=7
resume task=1 function="main" at=%main: `v2 = join sig0, v1` context=0
"#;
    with_each_engine(Schedule::Natural, |engine| {
        let mut imports = Imports::new();
        imports.func("host", "mark", |caller: &Caller<'_>, word: i64| {
            caller.set_context(word);
        });
        let instance = instance(engine, JOINS, &imports);
        let text = traced("enjamb::task=trace", || {
            instance.call("main", &[]).unwrap();
        });
        assert_eq!(with_own_numbers(&text), expected.trim_start());
    });
}
