//! A hundred thousand calls, cancelled at random: nothing is left of them.
//!
//! `cargo test -p enjamb-engine --test futures random_cancels`, with `--release` for all of them; without optimisation it is 20,000.

use crate::support::{PollOnce, instance_with};
use enjamb_engine::{Call, Config, Engine, Imports, Instance, Ref};
use futures::executor::block_on;
use futures::future::poll_immediate;
use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

const ROUNDS: u64 = if cfg!(debug_assertions) {
    20_000
} else {
    100_000
};

/// Each call of `tree` does one of eight things, which its seed decides, with calls of less depth; at depth
/// zero it waits for the host.
const PROGRAM: &str = r#"
    import %wait = "host" "wait" (i64, ref) -> i64 async
    import %yield = "enjamb" "yield" () async
    import %sleep = "enjamb" "sleep" (i64) async
    type %box = { number: i64 }
    function %tree(i64, i64) -> i64 async {
        sig0 = () -> i64
    block0(v0: i64, v1: i64):
        v2 = new %box
        set_field %box.number, v2, v0
        v3 = iconst.i64 6364136223846793005
        v4 = imul v0, v3
        v5 = iconst.i64 1442695040888963407
        v6 = iadd v4, v5
        v7 = iconst.i64 40
        v8 = ushr v6, v7
        v9 = iconst.i64 7
        v10 = band v8, v9
        v11 = iconst.i64 1
        v12 = isub v1, v11
        brif v1, block1, block2
    block2:
        v13 = call %wait(v8, v2)
        v14 = get_field.i64 %box.number, v2
        v15 = iadd v13, v14
        return v15
    block1:
        br_table v10, block3, [block3, block4, block5, block6, block7, block8, block9, block10]
    block3:
        v16 = call %tree(v6, v12)
        v17 = get_field.i64 %box.number, v2
        v18 = iadd v16, v17
        return v18
    block4:
        v19, v20, v21 = try_call %tree(v6, v12), block11(v19), unwind block11(v20)
    block11(v22: i64):
        v23 = get_field.i64 %box.number, v2
        v24 = iadd v22, v23
        return v24
    block5:
        v25, v26, v27 = try_call %tree(v6, v12), block11(v25), unwind block12(v26, v27)
    block12(v28: i64, v29: ref):
        v30 = call %wait(v6, v2)
        rethrow v28, v29
    block6:
        v31, v32, v33 = try_call %tree(v6, v12), block11(v31), unwind block13()
    block13:
        call %sleep(v11)
        throw v9, v2
    block7:
        v34 = spawn %tree(v6, v12)
        v35 = join sig0, v34
        return v35
    block8:
        v36 = spawn %tree(v6, v12)
        v37, v38, v39 = try_join sig0, v36, block11(v37), unwind block14()
    block14:
        cancel v36
        v40, v41, v42 = try_join sig0, v36, block11(v40), unwind block11(v41)
    block9:
        call %sleep(v11)
        call %yield()
        return_call %tree(v6, v12)
    block10:
        v43 = spawn %tree(v6, v12)
        v44, v45, v46 = try_call %tree(v8, v12), block15(v44), unwind block16()
    block15(v47: i64):
        cancel v43
        detach v43
        return v47
    block16:
        detach v43
        call %yield()
        return_call %tree(v6, v12)
    }
"#;

/// The futures that exist, those that wait for `open` with their wakers.
#[derive(Default)]
struct Host {
    open: bool,
    made: u64,
    alive: BTreeMap<u64, Option<Waker>>,
}

/// Is ready after some polls, or when everything is open.
struct Wait {
    host: Arc<Mutex<Host>>,
    number: u64,
    polls: i64,
}

impl Wait {
    fn new(host: &Arc<Mutex<Host>>, polls: i64) -> Wait {
        let mut state = host.lock().unwrap();
        state.made += 1;
        let number = state.made;
        state.alive.insert(number, None);
        Wait {
            host: Arc::clone(host),
            number,
            polls,
        }
    }
}

impl Future for Wait {
    type Output = Result<i64, String>;
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.polls -= 1;
        let mut host = self.host.lock().unwrap();
        match self.polls {
            _ if host.open => Poll::Ready(Ok(1)),
            ..=0 => Poll::Ready(Ok(2)),
            5.. => {
                host.alive
                    .insert(self.number, Some(context.waker().clone()));
                Poll::Pending
            }
            _ => {
                context.waker().wake_by_ref();
                Poll::Pending
            }
        }
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        self.host.lock().unwrap().alive.remove(&self.number);
    }
}

fn instance(host: &Arc<Mutex<Host>>) -> Instance {
    let (host, mut imports) = (Arc::clone(host), Imports::new());
    imports.async_func("host", "wait", move |seed: i64, _: Option<Ref>| {
        // A quarter of them wait until all is over.
        let polls = match seed & 3 {
            3 => 1_000_000,
            polls => polls,
        };
        Wait::new(&host, polls)
    });
    instance_with(Config::new(), PROGRAM, &imports)
}

fn next(seed: &mut u64) -> u64 {
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    *seed
}

/// Polls a call a few times: whether it has ended.
fn poll(call: &mut Call<(i64, i64), i64>, times: u64) -> bool {
    (0..times).any(|_| block_on(poll_immediate(&mut *call)).is_some())
}

#[test]
fn nothing_is_left_of_random_cancels() {
    if Engine::jit().is_err() {
        return;
    }
    let host = Arc::<Mutex<Host>>::default();
    let instance = instance(&host);
    let tree = instance.func::<(i64, i64), i64>("tree").unwrap();
    let mut seed = 0x2545_F491_4F6C_DD1D;
    let mut kept: Vec<Call<(i64, i64), i64>> = Vec::new();
    let (mut cancelled, mut ended) = (0, 0);
    while cancelled < ROUNDS {
        let arguments = (next(&mut seed) as i64, (next(&mut seed) % 6) as i64);
        let mut call = tree.call_async(arguments);
        if poll(&mut call, 1 + next(&mut seed) % 3) {
            ended += 1;
            continue;
        }
        kept.push(call);
        // Some wait for others for a while.
        if kept.len() < 20 {
            continue;
        }
        let mut call = kept.swap_remove(next(&mut seed) as usize % 20);
        if poll(&mut call, next(&mut seed) % 2) {
            ended += 1;
            continue;
        }
        cancelled += 1;
        if next(&mut seed).is_multiple_of(2) {
            call = call.cancel();
            let times = next(&mut seed) % 4;
            poll(&mut call, times);
        }
        drop(call);
    }
    drop(kept);
    assert!(ended > 0, "some calls come to their end");

    // What was left behind, and is of no call, comes to its end too.
    let mut state = host.lock().unwrap();
    state.open = true;
    let waiting = std::mem::take(&mut state.alive);
    state.alive = waiting.keys().map(|&number| (number, None)).collect();
    drop(state);
    waiting.into_values().flatten().for_each(Waker::wake);
    block_on(instance.drive()).unwrap();
    instance.objects().collect().unwrap();
    let stats = instance.stats().unwrap();
    assert!(host.lock().unwrap().alive.is_empty(), "futures of the host");
    assert_eq!(stats.continuations_live, 0);
    assert_eq!((stats.tasks_live, stats.task_bytes), (0, 0));
    assert_eq!(stats.objects_live, 0, "objects, and handles that hold them");
    assert_eq!(stats.cancellations_cut_short, 0);
    // The instance works.
    assert!(tree.call_async((1, 3)).poll_once().is_ok());
}
