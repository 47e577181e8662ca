//! How long things live: modules, instances, calls and code, however they are dropped.

mod churn;
mod drops;
mod replace;
mod support;
