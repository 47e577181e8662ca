//! Random programs, of whose continuations one in turn cannot be had.

use crate::support::{Faults, Plan};
use enjamb::heap::CopyingHeap;
use enjamb::memory::MemorySource;
use enjamb_abi::code::CodeOptions;
use enjamb_codegen::{CompileOptions, compile};
use enjamb_gen::bytes_of_seed;
use enjamb_ir::{Exception, Module, Schedule, TrapCode, Val};
use enjamb_runtime::Options;
use enjamb_runtime::{ClockKind, Error, HostError, Imports, Instance, LoadOptions, LoadedModule};
use enjamb_tests::host::{self, Failure};
use std::sync::{Arc, Mutex, PoisonError};

const PROGRAMS: u64 = 30;
/// The most requests of a program that are refused in turn, from the first to the last one evenly.
const TURNS: u64 = 8;

/// How a call has ended, and the calls of host functions until then.
#[derive(Clone, Debug, PartialEq)]
struct Seen {
    end: Result<Vec<Val>, End>,
    host_calls: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum End {
    Trap(TrapCode),
    Exception(Exception),
}

/// A program that is ready to run.
struct Ready {
    loaded: Arc<LoadedModule>,
    function: String,
    args: Vec<Val>,
    schedule: Schedule,
    /// Whether the heap has its memory from the same source, and asks for some at every safepoint.
    moves: bool,
    faults: Faults,
}

impl Ready {
    fn new(seed: u64) -> Ready {
        let program = enjamb_gen::program(&bytes_of_seed(seed)).unwrap();
        let faults = Faults::default();
        // Code that counts asks for every continuation.
        let code = CodeOptions {
            count: seed.is_multiple_of(2),
            ..CodeOptions::default()
        };
        let options = CompileOptions {
            code,
            ..CompileOptions::default()
        };
        let compiled = compile(Arc::new(program.module), &options).unwrap();
        let memory = MemorySource {
            blocks: Arc::new(faults.clone()),
            ..MemorySource::default()
        };
        let options = LoadOptions {
            memory,
            ..LoadOptions::default()
        };
        Ready {
            loaded: LoadedModule::with_options(Arc::new(compiled), &options).unwrap(),
            function: program.function,
            args: program.args,
            schedule: [Schedule::Always, Schedule::Random(seed)][seed as usize / 2 % 2],
            moves: seed.is_multiple_of(3),
            faults,
        }
    }

    fn module(&self) -> &Module {
        self.loaded.module()
    }

    /// Whether tasks may end of which nobody hears.
    fn has_tasks(&self) -> bool {
        self.module().to_string().contains("spawn")
    }

    /// Whether something may be refused that is not needed: a collection.
    fn may_get_by(&self) -> bool {
        self.moves && !self.module().object_types.is_empty()
    }

    fn imports(host_calls: &Arc<Mutex<Vec<String>>>) -> Imports {
        let mut imports = Imports::new();
        for name in host::NAMES {
            let host_calls = Arc::clone(host_calls);
            imports.define_sync(host::NAMESPACE, name, move |_, args| {
                let mut host_calls = host_calls.lock().unwrap_or_else(PoisonError::into_inner);
                host_calls.push(format!("{name}, {} arguments", args.len()));
                host::call(name, args).map_err(|failure| match failure {
                    Failure::Error(message) => HostError::from(message),
                    Failure::Exception(exception) => HostError::from(exception),
                })
            });
        }
        imports
    }

    fn call(&self, instance: &mut Instance) -> Result<Vec<Val>, End> {
        let function = self.module().exported_function(&self.function).unwrap();
        let result = instance.call(function, &self.args);
        instance.drop_tasks();
        result.map_err(|error| match error {
            Error::Trap(trap) => {
                let message = trap.message.as_deref().unwrap_or_default();
                let says_why = message.contains("no memory for ");
                assert!(says_why || trap.code != TrapCode::OutOfMemory, "{trap}");
                End::Trap(trap.code)
            }
            Error::Exception(thrown) => End::Exception(thrown.exception),
            other => panic!("{other}"),
        })
    }

    /// Runs the program, of whose requests some are refused, twice: what is seen of the first run, how many
    /// requests it has made, and whether any was refused.
    fn run(&self, plan: Plan) -> (Seen, u64, bool) {
        let options = Options {
            schedule: self.schedule,
            clock: ClockKind::Virtual,
            continuation_chunk: 0,
            gc_stress: self.moves,
            count: self.loaded.compiled().options.count,
            ..Options::default()
        };
        let host_calls = Arc::default();
        let loaded = Arc::clone(&self.loaded);
        let imports = Ready::imports(&host_calls);
        let instance = match self.moves {
            true => Instance::new(loaded, imports, options),
            false => Instance::with_heap(loaded, imports, options, || {
                Box::new(CopyingHeap::new(1 << 30))
            }),
        };
        let mut instance = instance.unwrap();
        self.faults.begin(plan);
        let end = self.call(&mut instance);
        let (was_refused, requests) = (self.faults.end() > 0, self.faults.requests());
        let host_calls = std::mem::take(&mut *host_calls.lock().unwrap());
        let live = |instance: &Instance| {
            // Known without code that counts.
            (instance.continuation_bytes(), instance.stats().tasks_live)
        };
        assert_eq!(live(&instance), (0, 0));
        // Whatever it comes to, by what the first call has left in globals.
        let again = self.call(&mut instance);
        assert_ne!(again, Err(End::Trap(TrapCode::OutOfMemory)));
        assert_eq!(live(&instance), (0, 0));
        drop(instance);
        assert_eq!(self.faults.live(), 0);
        (Seen { end, host_calls }, requests, was_refused)
    }
}

#[test]
fn each_continuation_of_random_programs_in_turn_cannot_be_had() {
    let (mut refusals, mut got_by, mut with_host_calls) = (0, 0, 0);
    for seed in 1..=PROGRAMS {
        let ready = Ready::new(seed);
        let (expected, requests, _) = ready.run(Plan::None);
        let step = requests.div_ceil(TURNS).max(1);
        for number in (1..=requests).step_by(step as usize) {
            for plan in [Plan::Only(number), Plan::From(number)] {
                let (seen, _, was_refused) = ready.run(plan);
                assert!(was_refused);
                refusals += 1;
                if ready.has_tasks() {
                    continue;
                }
                if ready.may_get_by() && seen == expected {
                    got_by += 1;
                    continue;
                }
                assert_eq!(
                    seen.end,
                    Err(End::Trap(TrapCode::OutOfMemory)),
                    "{seed}, {plan:?}"
                );
                assert!(
                    expected.host_calls.starts_with(&seen.host_calls),
                    "{seed}, {plan:?}"
                );
                with_host_calls += u64::from(!seen.host_calls.is_empty());
            }
        }
    }
    println!(
        "{refusals} refusals: {got_by} changed nothing, {with_host_calls} behind calls of the host"
    );
    assert!(refusals > PROGRAMS && got_by > 0 && with_host_calls > 0);
}
