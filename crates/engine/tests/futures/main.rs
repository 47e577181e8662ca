//! Calls as futures, and futures of the host, under several executors.

mod calls;
mod host;
mod support;
