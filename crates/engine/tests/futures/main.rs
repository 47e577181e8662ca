//! Calls as futures, and futures of the host, under several executors.

mod calls;
mod cancel;
mod cancel_many;
mod completion;
mod host;
mod joins;
mod left_behind;
mod monitor;
mod spawned;
mod spawner;
mod support;
mod tasks;
mod threads;
