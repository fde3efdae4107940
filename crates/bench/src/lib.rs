//! Measures the whole: PostgreSQL, services as their release programs, nginx and the load generator of
//! `rollcall_stack::load`, all on one machine. Everything is in `benches/`; the Makefile says how to run it.
