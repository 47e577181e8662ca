//! Runs a script: the functions of the host, the instance, and what to say when it ends badly.

use crate::compile::compile;
use crate::statements::THROWN;
use enjamb::prelude::*;
use enjamb::{HostError, ir, reference};
use futures_timer::Delay;
use std::time::Duration;

/// Compiles and runs a script, whose lines go to `print`. Gives what `main` returns, or a message for people.
pub async fn run(
    engine: &Engine,
    file_name: &str,
    text: &str,
    print: impl Fn(&str) + Send + Sync + 'static,
) -> Result<i64, String> {
    let (module, texts) = compile(file_name, text)
        .map_err(|wrong| ir::diagnostic::render(&[wrong], file_name, text, false))?;
    let module = Module::from_ir(engine, module);
    let instance = module.and_then(|module| Instance::new(&module, &host(texts, print)));
    let instance = instance.map_err(|error| format!("error: {error}\n"))?;
    let result = match instance.func::<(), i64>("main") {
        Ok(main) => main.call_async(()).await,
        Err(error) => Err(error),
    };
    result.map_err(|error| describe(&instance, &error))
}

/// The functions that the prelude imports.
fn host(texts: Vec<String>, print: impl Fn(&str) + Send + Sync + 'static) -> Imports {
    let mut imports = Imports::new();
    let print = move |caller: &Caller<'_>, text| text_of(caller.objects(), text).map(|t| print(&t));
    imports.func("host", "print", print);
    imports.func("host", "literal", move |caller: &Caller<'_>, index: u64| {
        new_text(caller, &texts[index as usize])
    });
    imports.func("host", "show", |caller: &Caller<'_>, number: i64| {
        new_text(caller, &number.to_string())
    });
    imports.func("host", "int", |caller: &Caller<'_>, text| {
        let text = text_of(caller.objects(), text)?;
        let number = text.trim().parse::<i64>();
        number.or_else(|_| {
            let message = new_text(caller, &format!("'{text}' is no number"))?;
            Err(HostError::from(Error::throw(THROWN, message)))
        })
    });
    imports.async_func("host", "ask", ask);
    imports
}

/// Thinks about a number, which takes time. The script waits without knowing, and others may run.
async fn ask(number: i64) -> i64 {
    Delay::new(Duration::from_millis(20)).await;
    number.wrapping_mul(number)
}

fn new_text(caller: &Caller<'_>, text: &str) -> Result<Option<Ref>, HostError> {
    Ok(Some(caller.objects().new_bytes("lang.text", text.as_bytes())?))
}

fn text_of(objects: Objects<'_>, text: Option<Ref>) -> Result<String, HostError> {
    let bytes = objects.bytes(text.ok_or("a text is null")?)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Why a script ended, and where: its lines, innermost first, whatever it has waited for in between.
fn describe(instance: &Instance, error: &Error) -> String {
    let mut what = error.trap_code().map_or(error.to_string(), |code| code.to_string());
    if let Some(thrown) = error.exception()
        && let Ok(text) = text_of(instance.objects(), reference(Val::Ref(thrown.exception.payload)))
    {
        what = text;
    }
    let mut described = format!("error: {what}\n");
    for frame in error.trace().iter().flat_map(|trace| &trace.frames) {
        if let Some((file, line, column)) = &frame.position {
            described += &format!("  at {file}:{line}:{column} in {}\n", frame.function);
        }
    }
    described
}
