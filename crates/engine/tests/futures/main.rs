//! Calls as futures, and futures of the host, under several executors.

mod calls;
mod completion;
mod host;
mod spawned;
mod support;
mod tasks;
