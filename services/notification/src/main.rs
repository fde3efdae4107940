//! The notification service: `serve`, `migrate`, `openapi`, `check-config`, and `deliveries` for operators.

use std::process::ExitCode;

fn main() -> ExitCode {
    rollcall_common::cli::main::<rollcall_notification::App>()
}
