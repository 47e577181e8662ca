//! The executor that a host has registered, and what it runs: a future that drives an instance.
//!
//! ```text
//!   leaving an instance: tasks can run or wait, and nobody waits for it
//!       │                     ↑ more to do
//!       ↓                     │
//!   Spawner::spawn ──→ InstanceDriver ──→ no task waits for anything that can happen
//!                             └─────────→ the instance is gone
//! ```

use crate::backend::Errand;
use crate::call::Driving;
use crate::instance::{Instance, WeakInstance};
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

/// What an executor is given to run.
pub type InstanceDriver = Pin<Box<dyn Future<Output = ()> + Send>>;

/// An executor of the host's, for [`Config::spawner`](crate::Config::spawner).
#[derive(Clone)]
pub struct Spawner(Arc<dyn Fn(InstanceDriver) + Send + Sync>);

impl Spawner {
    pub(crate) fn new(spawn: impl Fn(InstanceDriver) + Send + Sync + 'static) -> Spawner {
        Spawner(Arc::new(spawn))
    }

    /// Lets the executor drive an instance.
    pub(crate) fn spawn(&self, instance: WeakInstance) {
        let driver = Driver {
            instance,
            driving: Driving::default(),
            has_ended: false,
        };
        let spawn = AssertUnwindSafe(|| (self.0)(Box::pin(driver)));
        if catch_unwind(spawn).is_err() {
            tracing::error!("the spawner of an engine panicked");
        }
    }
}

impl fmt::Debug for Spawner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Spawner")
    }
}

/// Spawners are equal if they are one.
impl PartialEq for Spawner {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Spawner {}

/// Drives an instance, which it does not keep alive.
struct Driver {
    instance: WeakInstance,
    driving: Driving,
    has_ended: bool,
}

impl Future for Driver {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        let Some(instance) = this.instance.upgrade() else {
            return Poll::Ready(());
        };
        match this.driving.poll(&instance, context) {
            Poll::Ready(Ok(())) => {}
            // It is polled from inside, where it cannot wait.
            Poll::Ready(Err(_)) => {
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            Poll::Pending => return Poll::Pending,
        }
        this.has_ended = true;
        this.leave(&instance);
        Poll::Ready(())
    }
}

impl Driver {
    fn leave(&mut self, instance: &Instance) {
        instance.ask(Errand::LeaveDriving {
            party: self.driving.take_party(),
            is_refused: !self.has_ended,
        });
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        if !self.has_ended
            && let Some(instance) = self.instance.upgrade()
        {
            self.leave(&instance);
        }
    }
}
