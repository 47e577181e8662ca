//! enjamb-tests.
