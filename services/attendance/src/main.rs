//! The attendance service: `serve`, `migrate`, `openapi`, `check-config`.

use std::process::ExitCode;

fn main() -> ExitCode {
    rollcall_common::cli::main::<rollcall_attendance::App>()
}
