//! A table-driven x86-64 assembler: encodings, labels, fix-ups and a printer.
