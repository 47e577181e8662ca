//! Code memory, dispatcher, tasks and executor for code compiled by Enjamb.
