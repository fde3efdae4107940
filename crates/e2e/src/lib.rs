//! Tests across services live in `tests/`.
