//! The context word as hosts see it, with every engine: at the borders of calls and tasks, and as what the spans
//! of a tracing library ride on.

use enjamb_engine::{
    Caller, Config, Engine, Error, Execution, Imports, Instance, Module, Schedule, Val,
};
use std::sync::{Arc, Mutex};
use tracing::Span;

/// Runs a test with an engine of each kind and under schedules that suspend always, never and at times.
fn with_each_engine(test: impl Fn(&Engine)) {
    for execution in [Execution::Interpreter, Execution::Jit] {
        for schedule in [Schedule::Always, Schedule::Never, Schedule::Random(3)] {
            let config = Config::new().execution(execution).schedule(schedule);
            match Engine::new(config) {
                Ok(engine) => test(&engine),
                Err(Error::UnsupportedHost(_)) => assert_eq!(execution, Execution::Jit),
                Err(error) => panic!("{error}"),
            }
        }
    }
}

fn instance(engine: &Engine, text: &str, imports: &Imports) -> Instance {
    let module = Module::from_text(engine, text).unwrap_or_else(|error| panic!("{error}"));
    Instance::new(&module, imports).unwrap_or_else(|error| panic!("{error}"))
}

const BORDERS: &str = r#"
import %yield = "enjamb" "yield" () async
import %add = "host" "add" (i64)
import %add_and_fail = "host" "add_and_fail" (i64)
import %add_async = "host" "add_async" (i64) async

; Adds a number to the word, and gives what it was.
function %sync(i64) -> i64 {
block0(v0: i64):
    v1 = context_get
    v2 = iadd v0, v1
    context_set v2
    return v1
}
function %async(i64) -> i64 async {
block0(v0: i64):
    v1 = call %sync(v0)
    call %yield()
    return v1
}
function %throws(i64) {
block0(v0: i64):
    context_set v0
    v1 = null.ref
    throw v0, v1
}
function %traps_async(i64) async {
block0(v0: i64):
    context_set v0
    call %yield()
    trap user
}
function %by_the_host(i64) -> i64, i64, i64 async {
block0(v0: i64):
    call %add(v0)
    call %yield()
    v1 = context_get
    v2, v3 = try_call %add_and_fail(v0), block1, unwind block1
block1:
    v4 = context_get
    call %add_async(v0)
    v5 = context_get
    return v1, v4, v5
}
"#;

fn adding(seen: &Arc<Mutex<Vec<i64>>>) -> Imports {
    let seen = Arc::clone(seen);
    let add = |caller: &Caller<'_>, amount: i64| {
        caller.set_context(caller.context() + amount);
    };
    let mut imports = Imports::new();
    imports
        .func("host", "add", add)
        .func(
            "host",
            "add_async",
            move |caller: &Caller<'_>, amount: i64| {
                seen.lock().unwrap().push(caller.context());
                add(caller, amount);
            },
        )
        .func(
            "host",
            "add_and_fail",
            |caller: &Caller<'_>, amount: i64| {
                caller.set_context(caller.context() + amount);
                Err::<(), &str>("it fails")
            },
        );
    imports
}

#[test]
fn a_call_begins_with_the_word_of_the_instance() {
    with_each_engine(|engine| {
        let instance = instance(engine, BORDERS, &adding(&Arc::default()));
        let call = |name: &str, number: i64| instance.call(name, &[Val::I64(number)]);
        assert_eq!(instance.context().unwrap(), 0);
        instance.set_context(40).unwrap();
        assert_eq!(call("async", 7).unwrap(), [Val::I64(40)]);
        assert_eq!(
            instance.context().unwrap(),
            40,
            "an async function leaves it"
        );
        assert_eq!(call("sync", 2).unwrap(), [Val::I64(40)]);
        assert_eq!(instance.context().unwrap(), 42, "a sync one does not");
        call("throws", -5).unwrap_err();
        assert_eq!(instance.context().unwrap(), -5, "however it ends");
        call("traps_async", 9).unwrap_err();
        assert_eq!(instance.context().unwrap(), -5);
    });
}

#[test]
fn functions_of_the_host_set_the_word_of_their_caller() {
    with_each_engine(|engine| {
        let seen = Arc::default();
        let instance = instance(engine, BORDERS, &adding(&seen));
        instance.set_context(100).unwrap();
        let results = instance.call("by_the_host", &[Val::I64(1)]).unwrap();
        // What stands for an async import sees the word, and gives it back.
        assert_eq!(*seen.lock().unwrap(), [102]);
        assert_eq!(results, [Val::I64(101), Val::I64(102), Val::I64(102)]);
        assert_eq!(instance.context().unwrap(), 100);
    });
}

#[test]
fn a_module_that_does_not_know_the_word_carries_it() {
    let text = r#"
        import %yield = "enjamb" "yield" () async
        import %add = "host" "add" (i64)
        function %main(i64) async {
        block0(v0: i64):
            call %add(v0)
            call %yield()
            call %add(v0)
            return
        }"#;
    with_each_engine(|engine| {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let words = Arc::clone(&seen);
        let mut imports = Imports::new();
        imports.func("host", "add", move |caller: &Caller<'_>, amount: i64| {
            caller.set_context(caller.context() + amount);
            words.lock().unwrap().push(caller.context());
        });
        let instance = instance(engine, text, &imports);
        instance.set_context(5).unwrap();
        instance.call("main", &[Val::I64(1)]).unwrap();
        assert_eq!(*seen.lock().unwrap(), [6, 7]);
        assert_eq!(instance.context().unwrap(), 5);
    });
}

/// A program that knows nothing of tracing but how to open a span and to write a line. Each request is a task of its
/// own; what it calls waits in between.
const REQUESTS: &str = r#"
import %yield = "enjamb" "yield" () async
import %open = "trace" "open" (i64)
import %event = "trace" "event" (i64)

function %query(i64) async {
block0(v0: i64):
    v1 = iconst.i64 1000
    v2 = iadd v0, v1
    call %open(v2)
    call %event(v0)
    call %yield()
    call %event(v0)
    return
}
function %request(i64) async {
block0(v0: i64):
    call %open(v0)
    call %event(v0)
    call %yield()
    call %query(v0)
    v1 = context_get
    call %event(v0)
    return
}
function %main() async {
    sig0 = ()
block0:
    v0 = iconst.i64 7
    v1 = iconst.i64 8
    v2 = spawn %request(v0)
    v3 = spawn %request(v1)
    call %event(v1)
    join sig0, v2
    join sig0, v3
    return
}
"#;

/// What a host has to keep: the word of a task is the number of its span, from 1 on.
#[derive(Default)]
struct Spans(Vec<Span>);

impl Spans {
    fn of(&self, caller: &Caller<'_>) -> Option<&Span> {
        let number = usize::try_from(caller.context()).ok()?;
        self.0.get(number.checked_sub(1)?)
    }

    /// Opens a span inside of that of the task, and makes it that of the task.
    fn open(&mut self, caller: &Caller<'_>, id: i64) {
        let span = match self.of(caller) {
            Some(outer) => tracing::info_span!(parent: outer, "query", id),
            None => tracing::info_span!("request", id),
        };
        self.0.push(span);
        caller.set_context(self.0.len() as i64);
    }
}

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

#[test]
fn a_span_rides_on_the_word_across_suspensions() {
    with_each_engine(|engine| {
        let spans = Arc::new(Mutex::new(Spans::default()));
        let (opened, entered) = (Arc::clone(&spans), Arc::clone(&spans));
        let mut imports = Imports::new();
        imports
            .func("trace", "open", move |caller: &Caller<'_>, id: i64| {
                opened.lock().unwrap().open(caller, id);
            })
            .func("trace", "event", move |caller: &Caller<'_>, of: i64| {
                let spans = entered.lock().unwrap();
                let span = spans.of(caller).cloned().unwrap_or_else(Span::none);
                span.in_scope(|| tracing::info!("{of}"));
            });
        let instance = instance(engine, REQUESTS, &imports);

        let log = Log::default();
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_writer(move || writer.clone())
            .with_ansi(false)
            .with_level(false)
            .with_target(false)
            .without_time()
            .finish();
        tracing::subscriber::with_default(subscriber, || instance.call("main", &[])).unwrap();

        // One span per task and one per query, however often they were suspended.
        assert_eq!(spans.lock().unwrap().0.len(), 4);
        let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
        let mut lines: Vec<&str> = text.lines().map(str::trim).collect();
        // The order of the tasks depends on the schedule, that of the lines of each does not.
        lines.sort_by_key(|line| line.split("id=").nth(1).map(|id| &id[..1]));
        let expected = [
            "8",
            "request{id=7}: 7",
            "request{id=7}:query{id=1007}: 7",
            "request{id=7}:query{id=1007}: 7",
            "request{id=7}: 7",
            "request{id=8}: 8",
            "request{id=8}:query{id=1008}: 8",
            "request{id=8}:query{id=1008}: 8",
            "request{id=8}: 8",
        ];
        assert_eq!(lines, expected);
    });
}
