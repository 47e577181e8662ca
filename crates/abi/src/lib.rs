//! The contract between code compiled by Enjamb and its runtime: conventions, layouts, tables.
