//! The tests that concern more than one crate.
//!
//! In: golden files, and random programs. Out: what differs, and where first. What holds: every
//! program runs in every [engine](engines) that exists and under every [schedule](schedules), and
//! all of them agree with the interpreter on the program as it was written. Where there are objects, the
//! same code also runs with a collection at every safepoint.
//!
//! - [`golden`] checks one file of `tests/golden`, whose [`header`] says what to expect;
//! - [`differential`] compares what engines make of a [`case`](case::Case), such as a random program of the crate
//!   `enjamb-gen`;
//! - [`reduce`] makes one that fails small;
//! - [`tables`] compares the tables that an unwinder, a debugger or a collector goes by with the code.
//!
//! It may depend on every crate.
//!
//! ```
//! let text = "; run: %one() == 1\n\nfunction %one() -> i64 {\nblock0:\n    v0 = iconst.i64 1\n    return v0\n}\n";
//! assert_eq!(enjamb_tests::golden::check(text, false).unwrap(), text);
//! let wrong = text.replace("== 1", "== 2");
//! assert_eq!(enjamb_tests::golden::check(&wrong, false).unwrap_err().line, 1);
//! ```

#![forbid(unsafe_code)]

pub mod bench;
pub mod case;
pub mod differential;
pub mod engines;
pub mod golden;
pub mod header;
pub mod host;
pub mod listing;
pub mod observed;
pub mod reduce;
pub mod remains;
pub mod report;
pub mod schedules;
pub mod stages;
pub mod tables;
pub mod two_targets;
