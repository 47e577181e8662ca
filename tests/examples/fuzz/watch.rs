//! Ends a process whose run does not come back.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

/// Ends the process if nothing is renewed for too long. Ticks of a thread are counted, and no time is read: a process
/// that was stopped, or whose machine slept, has not been late.
pub struct Watch(Arc<AtomicU32>);

impl Watch {
    /// Begins to count.
    pub fn begin(tick: Duration, limit: u32) -> Watch {
        let ticks = Arc::new(AtomicU32::new(0));
        let counted = Arc::clone(&ticks);
        thread::spawn(move || {
            loop {
                thread::sleep(tick);
                if counted.fetch_add(1, Ordering::Relaxed) >= limit {
                    eprintln!("no answer for {limit} times {tick:?}");
                    std::process::abort();
                }
            }
        });
        Watch(ticks)
    }

    /// Begins to count anew.
    pub fn renew(&self) {
        self.0.store(0, Ordering::Relaxed);
    }
}
