//! The work of the workloads on tokio and on stackful coroutines.

use crate::futures::{Boxed, count, fib_boxed, live};
use corosensei::stack::DefaultStack;
use corosensei::{ScopedCoroutine, Yielder};
use std::hint::black_box;
use tokio::runtime::{Builder, Runtime};
use tokio::task::yield_now;

/// A runtime of one thread.
pub fn runtime() -> Runtime {
    Builder::new_current_thread()
        .build()
        .expect("a runtime without drivers can be built")
}

/// Two tasks that count in turn, so that each suspension goes through the queue.
pub fn count_in_tasks(runtime: &Runtime, iterations: u64) -> u64 {
    runtime.block_on(async {
        let tasks = [(); 2].map(|()| tokio::spawn(count(iterations, yield_now)));
        let mut sum = 0_u64;
        for task in tasks {
            sum = sum.wrapping_add(task.await.expect("counting does not panic"));
        }
        sum
    })
}

/// fib(n) in a task, where each call yields to the runtime.
pub fn fib_in_task(runtime: &Runtime, n: u64) -> u64 {
    fn fib(n: u64) -> Boxed {
        Box::pin(async move {
            yield_now().await;
            if n < 2 {
                return n;
            }
            fib(n - 1).await + fib(n - 2).await
        })
    }
    let task = async move { tokio::spawn(fib(n)).await.expect("fib does not panic") };
    runtime.block_on(task)
}

/// fib(n) in a task, without suspending.
pub fn fib_ready_in_task(runtime: &Runtime, n: u64) -> u64 {
    let task = async move {
        tokio::spawn(fib_boxed::<false>(n))
            .await
            .expect("fib does not panic")
    };
    runtime.block_on(task)
}

/// What a coroutine suspends with.
pub type Suspend = Yielder<(), ()>;

/// Runs `body` on a stack of its own and resumes it whenever it suspends.
fn drive_coroutine(body: impl FnOnce(&Suspend) -> u64) -> u64 {
    let stack = DefaultStack::new(1 << 20).expect("there is room for a stack");
    let coroutine = ScopedCoroutine::with_stack(stack, |suspend: &Suspend, ()| body(suspend));
    coroutine.scope(|mut coroutine| {
        loop {
            if let Some(result) = coroutine.as_mut().resume(()).as_return() {
                return result;
            }
        }
    })
}

#[inline(never)]
fn count_on_stack(suspend: &Suspend, iterations: u64) -> u64 {
    let (mut left, mut sum) = (iterations, 0_u64);
    while left != 0 {
        suspend.suspend(());
        sum = sum.wrapping_add(left);
        left -= 1;
    }
    sum
}

#[inline(never)]
fn deep_on_stack(suspend: &Suspend, depth: u64, iterations: u64) -> u64 {
    if depth == 0 {
        return count_on_stack(suspend, iterations);
    }
    let [a, b, c, d] = black_box(live(depth));
    let result = black_box(deep_on_stack(suspend, depth - 1, iterations));
    result
        .wrapping_add(a)
        .wrapping_add(b)
        .wrapping_add(c)
        .wrapping_add(d)
}

#[inline(never)]
fn fib_on_stack(suspend: &Suspend, n: u64) -> u64 {
    suspend.suspend(());
    if n < 2 {
        return n;
    }
    fib_on_stack(suspend, n - 1) + fib_on_stack(suspend, n - 2)
}

/// `depth` frames with four integers that live across a suspension at the bottom.
#[inline(never)]
pub fn frames_on_stack(suspend: &Suspend, depth: u64, live: [u64; 4]) -> u64 {
    let [a, b, c, d] = black_box(live);
    let result = match depth {
        1 => {
            suspend.suspend(());
            0
        }
        _ => black_box(frames_on_stack(suspend, depth - 1, [b, c, d, a + 1])),
    };
    result
        .wrapping_add(a)
        .wrapping_add(b)
        .wrapping_add(c)
        .wrapping_add(d)
}

/// The loop of `yield_loop` below `depth` frames of a coroutine.
pub fn deep_coroutine(depth: u64, iterations: u64) -> u64 {
    drive_coroutine(|suspend| deep_on_stack(suspend, depth, iterations))
}

/// fib(n) in a coroutine that suspends in each call.
pub fn fib_coroutine(n: u64) -> u64 {
    drive_coroutine(|suspend| fib_on_stack(suspend, n))
}

/// fib(n) as a plain function.
#[inline(never)]
pub fn fib_sync(n: u64) -> u64 {
    if n < 2 {
        return n;
    }
    // Hidden, or one of the two calls becomes a loop.
    black_box(fib_sync(n - 1)) + black_box(fib_sync(n - 2))
}
