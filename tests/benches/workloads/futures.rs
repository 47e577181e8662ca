//! The work of the workloads as Rust futures.
//!
//! *Out of line* futures are what a program has that composes futures and boxes none: each callee
//! lies in the caller's future and is polled through `&mut dyn Future`, hidden from the optimiser, so
//! that each frame has a `poll` of its own. *Boxed* ones have an allocation for each async call.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::Future;
use std::hint::black_box;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

/// A future on the heap.
pub type Boxed = Pin<Box<dyn Future<Output = u64> + Send>>;

/// Awaits a future that lies in this one, by way of its `poll` only.
macro_rules! out_of_line {
    ($future:expr) => {{
        let future: Pin<&mut (dyn Future<Output = _> + Send)> = pin!($future);
        black_box(future).await
    }};
}

thread_local! {
    /// Who waits in a [`Leaf`].
    pub static WAITING: RefCell<Vec<Waker>> = const { RefCell::new(Vec::new()) };
}

/// Suspends once.
pub struct Leaf {
    has_waited: bool,
}

/// A leaf that has not waited.
pub fn leaf() -> Leaf {
    Leaf { has_waited: false }
}

impl Future for Leaf {
    type Output = ();

    #[inline(never)]
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.has_waited {
            return Poll::Ready(());
        }
        self.has_waited = true;
        // Whoever polls in a loop needs no waking.
        if !context.waker().will_wake(Waker::noop()) {
            WAITING.with_borrow_mut(|waiting| waiting.push(context.waker().clone()));
        }
        Poll::Pending
    }
}

/// Polls until it is ready: resumes at once.
pub fn drive(mut future: Pin<&mut dyn Future<Output = u64>>) -> u64 {
    let mut context = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(result) = black_box(future.as_mut()).poll(&mut context) {
            return result;
        }
    }
}

/// Polls two futures in turn, each of which goes behind the other where it waits.
pub fn drive_in_turn(futures: [Boxed; 2]) -> u64 {
    let mut context = Context::from_waker(Waker::noop());
    let mut queue = VecDeque::from(futures);
    let mut sum = 0_u64;
    while let Some(mut future) = queue.pop_front() {
        match black_box(future.as_mut()).poll(&mut context) {
            Poll::Ready(result) => sum = sum.wrapping_add(result),
            Poll::Pending => queue.push_back(future),
        }
    }
    sum
}

/// The loop of `yield_loop` around any leaf.
pub async fn count<L: Future<Output = ()> + Send>(iterations: u64, leaf: fn() -> L) -> u64 {
    let (mut left, mut sum) = (iterations, 0_u64);
    while left != 0 {
        out_of_line!(leaf());
        sum = sum.wrapping_add(left);
        left -= 1;
    }
    sum
}

/// The same with a box for each call of the leaf.
pub async fn count_boxed(iterations: u64) -> u64 {
    let (mut left, mut sum) = (iterations, 0_u64);
    while left != 0 {
        let boxed: Pin<Box<dyn Future<Output = ()> + Send>> = Box::pin(leaf());
        black_box(boxed).await;
        sum = sum.wrapping_add(left);
        left -= 1;
    }
    sum
}

/// A frame of `deep_yield`, with four integers that live across the call.
async fn frame(inner: Pin<&mut dyn Future<Output = u64>>, live: [u64; 4]) -> u64 {
    let [a, b, c, d] = black_box(live);
    let result = inner.await;
    result
        .wrapping_add(a)
        .wrapping_add(b)
        .wrapping_add(c)
        .wrapping_add(d)
}

/// Drives a future below `depth` frames, all of them on the stack.
pub fn drive_deep(depth: u64, inner: Pin<&mut dyn Future<Output = u64>>) -> u64 {
    if depth == 0 {
        return drive(inner);
    }
    let frame = pin!(frame(inner, live(depth)));
    drive_deep(depth - 1, black_box(frame))
}

/// The four integers of a frame.
pub fn live(depth: u64) -> [u64; 4] {
    [depth, depth + 1, depth + 2, depth + 3]
}

/// The frames of `deep_yield`, each in a box.
pub fn deep_boxed(depth: u64, iterations: u64) -> Boxed {
    if depth == 0 {
        return Box::pin(count(iterations, leaf));
    }
    Box::pin(async move {
        let [a, b, c, d] = black_box(live(depth));
        let result = deep_boxed(depth - 1, iterations).await;
        result
            .wrapping_add(a)
            .wrapping_add(b)
            .wrapping_add(c)
            .wrapping_add(d)
    })
}

/// Numbers as types: a future that contains itself needs a type for each level.
pub trait Level {
    /// fib(n), where n is at most the level; waits in each call if `SUSPEND`.
    fn fib<const SUSPEND: bool>(n: u64) -> impl Future<Output = u64> + Send;
    /// As many frames as the level, with four integers that live across a leaf at the bottom.
    fn frames(live: [u64; 4]) -> impl Future<Output = u64> + Send;
}

/// The bottom.
pub struct Bottom;
/// A level above another.
pub struct Above<L>(L);

impl Level for Bottom {
    async fn fib<const SUSPEND: bool>(n: u64) -> u64 {
        if SUSPEND {
            out_of_line!(leaf());
        }
        n
    }

    async fn frames(live: [u64; 4]) -> u64 {
        let [a, b, c, d] = black_box(live);
        out_of_line!(leaf());
        a.wrapping_add(b).wrapping_add(c).wrapping_add(d)
    }
}

impl<L: Level> Level for Above<L> {
    async fn fib<const SUSPEND: bool>(n: u64) -> u64 {
        if SUSPEND {
            out_of_line!(leaf());
        }
        if n < 2 {
            return n;
        }
        let first = out_of_line!(L::fib::<SUSPEND>(n - 1));
        let second = out_of_line!(L::fib::<SUSPEND>(n - 2));
        first + second
    }

    async fn frames(live: [u64; 4]) -> u64 {
        let [a, b, c, d] = black_box(live);
        let result = out_of_line!(L::frames([b, c, d, a + 1]));
        result
            .wrapping_add(a)
            .wrapping_add(b)
            .wrapping_add(c)
            .wrapping_add(d)
    }
}

/// Five levels above another.
pub type Five<L> = Above<Above<Above<Above<Above<L>>>>>;
/// Level twenty.
pub type Twenty = Five<Five<Five<Five<Bottom>>>>;
/// Level thirty.
pub type Thirty = Five<Five<Twenty>>;

/// fib(n) with a box for each call; waits in each call if `SUSPEND`.
pub fn fib_boxed<const SUSPEND: bool>(n: u64) -> Boxed {
    Box::pin(async move {
        if SUSPEND {
            leaf().await;
        }
        if n < 2 {
            return n;
        }
        fib_boxed::<SUSPEND>(n - 1).await + fib_boxed::<SUSPEND>(n - 2).await
    })
}

/// `depth` frames, each in a box, with four integers that live across a leaf at the bottom.
pub fn frames_boxed(depth: u64, live: [u64; 4]) -> Boxed {
    Box::pin(async move {
        let [a, b, c, d] = black_box(live);
        let result = match depth {
            1 => {
                leaf().await;
                0
            }
            _ => frames_boxed(depth - 1, [b, c, d, a + 1]).await,
        };
        result
            .wrapping_add(a)
            .wrapping_add(b)
            .wrapping_add(c)
            .wrapping_add(d)
    })
}
