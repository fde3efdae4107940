//! The user service: `serve`, `migrate`, `openapi`, `check-config`, and `keys` and `accounts` for operators.

use std::process::ExitCode;

fn main() -> ExitCode {
    rollcall_common::cli::main::<rollcall_user::App>()
}
