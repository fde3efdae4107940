//! The attendance service: `serve`, `migrate`, `openapi`, `check-config`.

use mimalloc::MiMalloc;
use std::process::ExitCode;

/// A punch is some hundred small pieces of memory, made on one thread and given back on another.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    rollcall_common::cli::main::<rollcall_attendance::App>()
}
