//! A program whose strings are arrays of bytes on its heap: a host function reads them, makes new ones,
//! and keeps one for later.

use enjamb::prelude::*;
use std::sync::{Arc, Mutex};

/// Greets whoever the host names, after a while.
const PROGRAM: &str = r#"
import %yield = "enjamb" "yield" () async
import %name = "guests" "name" (i64) -> ref
import %print = "screen" "print" (ref)
type %string = [i8]
export "greet" = %greet

; The greeting of a guest, which is printed, too.
function %greet(ref, i64) -> ref async {
block0(v0: ref, v1: i64):
    v2 = call %name(v1)
    call %yield()
    v3 = call %concat(v0, v2)
    call %print(v3)
    return v3
}

function %concat(ref, ref) -> ref {
block0(v0: ref, v1: ref):
    v2 = array_length %string, v0
    v3 = array_length %string, v1
    v4 = iadd v2, v3
    v5 = new_array %string, v4
    v6 = iconst.i64 0
    array_copy %string, v5, v6, v0, v6, v2
    array_copy %string, v5, v2, v1, v6, v3
    return v5
}
"#;

fn main() -> Result<(), Error> {
    let engine = Engine::jit()?;
    let module = Module::from_text(&engine, PROGRAM)?;
    let last = Arc::new(Mutex::new(None));

    let mut imports = Imports::new();
    imports.func("guests", "name", |caller: &Caller<'_>, guest: u64| {
        let names = ["Ada", "Grace", "Barbara"];
        let name = names.get(guest as usize).ok_or("no such guest")?;
        let string = caller.objects().new_bytes("string", name.as_bytes())?;
        Ok::<_, Box<dyn std::error::Error + Send + Sync>>(Some(string))
    });
    let printed = Arc::clone(&last);
    imports.func(
        "screen",
        "print",
        move |caller: &Caller<'_>, string: Option<Ref>| {
            let string = string.ok_or("nothing to print")?;
            let bytes = caller.objects().bytes(string)?;
            println!("{}", String::from_utf8_lossy(&bytes));
            // The reference would end with this call.
            caller.objects().keep(string)?;
            let earlier = printed.lock().unwrap().replace(string);
            if let Some(earlier) = earlier {
                caller.objects().release(earlier)?;
            }
            Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
        },
    );

    let instance = Instance::new(&module, &imports)?;
    let objects = instance.objects();
    let hello = objects.new_bytes("string", b"Hello, ")?;
    let greet = instance.func::<(Option<Ref>, i64), Option<Ref>>("greet")?;
    for guest in [1, 0] {
        let greeting = greet.block_on((Some(hello), guest))?;
        objects.release(greeting.expect("a string"))?;
    }
    let last = last.lock().unwrap().expect("something was printed");
    assert_eq!(objects.bytes(last)?, b"Hello, Ada");

    // What nobody refers to is gone: left are the two that the host holds.
    objects.collect()?;
    let statistics = objects
        .statistics()?
        .expect("the module has types of objects");
    assert_eq!(statistics.objects, 2);
    objects.release(hello)?;
    let error = greet.block_on((Some(hello), 0)).unwrap_err();
    println!("{error}");
    Ok(())
}
