//! `imp-client`: the workstation's agent and what people ask it for.
mod command;
mod face;

use std::alloc::System;
use std::process::ExitCode;

use clap::Parser as _;
use zeroizing_alloc::ZeroAlloc;

/// Whatever is freed is wiped: also the copies that libraries make of templates and frames.
#[global_allocator]
static ALLOCATOR: ZeroAlloc<System> = ZeroAlloc(System);

fn main() -> ExitCode {
    let arguments = command::Arguments::parse();
    if let Err(error) = imp_client::hardening::protect_memory() {
        command::output::complain(&format!("the memory cannot be protected: {error}"));
        return ExitCode::from(2);
    }
    #[cfg(feature = "emulator")]
    if let Some((_, point)) = std::env::vars().find(|(key, _)| key == "IMP_CLIENT_ABORT_AT")
        && !imp_client::crash::arm(&point)
    {
        command::output::complain(&format!("there is no point {point} to abort at"));
        return ExitCode::from(2);
    }
    match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(command::run(arguments)),
        Err(error) => {
            command::output::complain(&format!("the runtime cannot start: {error}"));
            ExitCode::from(2)
        }
    }
}
