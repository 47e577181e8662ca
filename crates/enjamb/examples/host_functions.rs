//! A program that imports Rust closures: one that gives results, one that may fail, and one that
//! looks into the memory of the instance that calls it.

use enjamb::prelude::*;

/// Greets by number: `greet` writes the name of a guest to memory, `print` shows what is there.
const PROGRAM: &str = r#"
import %name = "guests" "name" (i64, i64) -> i64
import %print = "screen" "print" (i64, i64)

memory %text 1..1
data %hello = %text[0] "Hello, "
export "text" = %text
export "greet" = %greet

; Greets the guest of a number, and gives the length of what was printed.
function %greet(i64) -> i64 {
block0(v0: i64):
    v1 = iconst.i64 7                       ; behind "Hello, "
    v2 = call %name(v0, v1)                 ; writes the name there and gives its length
    v3 = iadd v1, v2
    v4 = iconst.i64 0
    call %print(v4, v3)
    return v3
}
"#;

fn main() -> Result<(), Error> {
    let engine = Engine::jit()?;
    let module = Module::from_text(&engine, PROGRAM)?;

    let mut imports = Imports::new();
    imports.func(
        "guests",
        "name",
        |caller: &Caller<'_>, guest: u64, at: u64| {
            let name = ["Ada", "Grace", "Barbara"]
                .get(guest as usize)
                .ok_or("no such guest")?;
            caller.memory("text")?.write(at, name.as_bytes())?;
            Ok::<_, Box<dyn std::error::Error + Send + Sync>>(name.len() as u64)
        },
    );
    imports.func(
        "screen",
        "print",
        |caller: &Caller<'_>, at: u64, length: u64| {
            let mut bytes = vec![0; length as usize];
            caller.memory("text")?.read(at, &mut bytes)?;
            println!("{}", String::from_utf8_lossy(&bytes));
            Ok::<(), Error>(())
        },
    );

    let instance = Instance::new(&module, &imports)?;
    let greet = instance.func::<(i64,), i64>("greet")?;
    assert_eq!(greet.call((1,))?, "Hello, Grace".len() as i64);

    // An error of a host function ends the call and says where; the instance goes on.
    let error = greet.call((7,)).unwrap_err();
    println!("{error}");
    assert!(error.to_string().contains("no such guest"));
    assert_eq!(greet.call((0,))?, "Hello, Ada".len() as i64);
    Ok(())
}
