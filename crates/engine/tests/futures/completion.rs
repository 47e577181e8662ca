//! Async host functions that leave something in the instance as they end.

use crate::support::*;
use enjamb_engine::{
    Caller, Completion, Config, Error, Exception, Execution, Imports, Instance, Ref, Val,
};
use futures::executor::block_on;

const TEXT: &str = r#"
    type %bytes = [i8]
    import %read = "host" "read" (i64) -> i64 async
    import %make = "host" "make" (i64) -> ref async
    memory %text 1..1
    global %seen: i64 = 0
    function %first(i64) -> i64 async {
    block0(v0: i64):
        v1, v2, v3 = try_call %read(v0), block1(v1), unwind block2(v2)
    block1(v4: i64):
        v5 = load.i8 %text[v0]
        v6 = uextend.i64 v5
        v7 = global_get.i64 %seen
        v8 = iadd v6, v7
        v9 = iadd v8, v4
        return v9
    block2(v10: i64):
        return v10
    }
    function %length(i64) -> i64 async {
    block0(v0: i64):
        v1 = iconst.i64 77
        context_set v1
        v2 = call %make(v0)
        v3 = array_length %bytes, v2
        v4 = context_get
        v5 = iadd v3, v4
        return v5
    }
"#;

const OUTSIDE: i64 = 1 << 20;
const PANICS: i64 = 9;

/// `read` writes where it is told, `make` makes an array; the odd ones wait first.
fn imports() -> Imports {
    let mut imports = Imports::new();
    imports.async_func("host", "read", |at: i64| async move {
        if at % 2 == 1 {
            give_way().await;
        }
        Completion::new(move |caller| {
            assert!(at != PANICS, "at last");
            caller.memory("text")?.write(at as u64, b"d")?;
            caller.global("seen")?.set(Val::I64(1000))?;
            Ok::<i64, Error>(1)
        })
    });
    imports.async_func("host", "make", |caller: &Caller<'_>, length: i64| {
        caller.set_context(5);
        async move {
            if length % 2 == 1 {
                give_way().await;
                give_way().await;
            }
            let make = move |caller: &Caller<'_>| -> Result<Option<Ref>, Error> {
                assert_eq!(caller.context(), if length % 2 == 1 { 77 } else { 5 });
                caller.set_context(6);
                let objects = caller.objects();
                let lost = objects.new_bytes("bytes", b"lost")?;
                let found = objects.new_array("bytes", length as u64)?;
                assert_eq!(objects.bytes(lost)?, b"lost");
                Ok(Some(found))
            };
            Ok::<_, Error>(Completion::new(make))
        }
    });
    imports
}

fn instances() -> impl Iterator<Item = Instance> {
    [Execution::Jit, Execution::Interpreter]
        .into_iter()
        .map(|execution| {
            let config = Config::new().execution(execution).gc_stress(true);
            instance_with(config, TEXT, &imports())
        })
}

#[test]
fn a_task_finds_what_was_written_for_it() {
    for instance in instances() {
        for at in [4, 5] {
            let sum = block_on(call(&instance, "first", at)).unwrap();
            assert_eq!(sum, i64::from(b'd') + 1000 + 1);
        }
        for at in [OUTSIDE, OUTSIDE + 1] {
            let tag = block_on(call(&instance, "first", at)).unwrap();
            assert_eq!(tag, Exception::HOST_ERROR);
        }
        assert_eq!(instance.stats().unwrap().continuations_live, 0);
    }
}

#[test]
fn a_panic_at_the_end_is_thrown_as_one() {
    for instance in instances() {
        let tag = block_on(call(&instance, "first", PANICS)).unwrap();
        assert_eq!(tag, Exception::HOST_PANIC);
        assert!(block_on(call(&instance, "first", 1)).is_ok());
    }
}

#[test]
fn objects_are_made_for_a_task_that_has_waited() {
    for instance in instances() {
        for length in [6, 7] {
            let sum = block_on(call(&instance, "length", length)).unwrap();
            assert_eq!(sum, length + 77, "it has its own context word");
        }
        let objects = instance.objects();
        objects.collect().unwrap();
        let statistics = objects.statistics().unwrap().unwrap();
        assert_eq!(statistics.objects, 0, "no handle holds any");
    }
}
