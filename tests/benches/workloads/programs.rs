//! Our side: the programs of the workloads, compiled.

use enjamb::{Config, Engine, Fuel, Imports, Instance, Module, Val};

/// The loop of `yield_loop`, alone and in two tasks that take turns.
pub const YIELD_LOOP: &str = include_str!("../programs/yield_loop.enj");

/// fib(n): sync, async without suspending, and with a suspension in every call.
pub const FIB: &str = include_str!("../programs/fib.enj");

/// Exceptions that leave frames, on the stack and suspended.
pub const THROW_CHAIN: &str = include_str!("../programs/throw_chain.enj");

/// Calls of an async function of the host.
pub const HOST_CALL: &str = include_str!("../programs/host_call.enj");

/// A loop that does little.
pub const FUEL: &str = include_str!("../programs/fuel.enj");

/// Tasks suspended below frames with four integers each that live across the call. `measure` is
/// called before the first, when all wait, and when all are done.
pub const MANY_TASKS: &str = include_str!("../programs/many_tasks.enj");

/// A program, compiled and with its imports.
pub fn instance(text: &str, imports: &Imports) -> Instance {
    instance_of(Config::new(), text, imports)
}

/// A program that runs on fuel.
pub fn instance_on_fuel(text: &str, fuel: Fuel) -> Instance {
    instance_of(Config::new().fuel(fuel), text, &Imports::new())
}

fn instance_of(config: Config, text: &str, imports: &Imports) -> Instance {
    let config = config.memory_limit(64 << 30);
    let engine = Engine::new(config).expect("this host runs machine code");
    let module = Module::from_text(&engine, text).expect("the program is valid");
    Instance::new(&module, imports).expect("the imports are satisfied")
}

/// A function of an instance, as Rust calls it.
pub fn function<const PARAMETERS: usize>(
    instance: &Instance,
    name: &'static str,
) -> impl Fn([u64; PARAMETERS]) -> u64 + use<PARAMETERS> {
    let instance = instance.clone();
    move |arguments| {
        let arguments = arguments.map(|argument| Val::I64(argument as i64));
        let results = instance
            .call(name, &arguments)
            .expect("the program does not trap");
        match results[..] {
            [Val::I64(result)] => result as u64,
            _ => unreachable!("{name} has one result"),
        }
    }
}
