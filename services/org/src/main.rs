//! `rollcall-org`: serve, migrate, print the description, check the settings.

fn main() -> std::process::ExitCode {
    rollcall_common::cli::main::<rollcall_org::App>()
}
