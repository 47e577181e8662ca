//! A thousand tasks that are suspended while the host looks into the memory they share.
//!
//! Each task writes its progress to a cell of its own and waits before and after. A host function,
//! called from the midst of it all, reads the cells.

use enjamb::prelude::*;

const PROGRAM: &str = r#"
import %sleep = "enjamb" "sleep" (i64) async
import %report = "host" "report" ()

memory %progress 1..1
export "progress" = %progress
export "main" = %main

function %main(i64) async {
block0(v0: i64):
    v1 = iconst.i64 0
    v2 = iconst.i64 1
    jump block1(v1)
block1(v3: i64):
    v4 = icmp ult v3, v0
    brif v4, block2, block3
block2:
    v5 = spawn %work(v3)
    detach v5
    v6 = iadd v3, v2
    jump block1(v6)
block3:
    call %report()                          ; all have started
    v7 = iconst.i64 500
    call %sleep(v7)
    call %report()                          ; those with a number up to 500 have finished
    call %sleep(v7)
    call %report()
    return
}

; Sets its cell to 1, sleeps as many milliseconds as its number, and sets it to 2.
function %work(i64) async {
block0(v0: i64):
    v1 = iconst.i8 1
    store %progress[v0], v1
    call %sleep(v0)
    v2 = iconst.i8 2
    store %progress[v0], v2
    return
}
"#;

const TASKS: usize = 1000;

fn main() -> Result<(), Error> {
    // On the virtual clock a second of sleep takes no time.
    let engine = Engine::new(Config::new().clock(Clock::Virtual).count(true))?;
    let module = Module::from_text(&engine, PROGRAM)?;

    let mut imports = Imports::new();
    imports.func("host", "report", |caller: &Caller<'_>| {
        let mut cells = [0; TASKS];
        caller.memory("progress")?.read(0, &mut cells)?;
        let count = |wanted: u8| cells.iter().filter(|&&cell| cell == wanted).count();
        println!("{} wait, {} have finished", count(1), count(2));
        Ok::<(), Error>(())
    });

    let instance = Instance::new(&module, &imports)?;
    instance
        .func::<(i64,), ()>("main")?
        .block_on((TASKS as i64,))?;

    let mut cells = [0; TASKS];
    instance.memory("progress")?.read(0, &mut cells)?;
    assert_eq!(cells, [2; TASKS]);
    let stats = instance.stats()?;
    println!(
        "{} suspensions, at most {} bytes of continuations at a time",
        stats.suspensions, stats.continuation_bytes_peak
    );
    assert_eq!(stats.continuations_live, 0);
    Ok(())
}
