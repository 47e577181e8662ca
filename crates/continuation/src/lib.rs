//! Continuation layouts: what a suspended frame stores, and where.
