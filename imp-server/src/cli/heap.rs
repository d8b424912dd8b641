//! One heap for all threads of the server.
use std::ffi::{OsStr, OsString};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;

/// Into how many heaps glibc spreads what threads allocate; it reads this only when a program starts (mallopt(3)).
const ARENAS: &str = "MALLOC_ARENA_MAX";

/// Begins this program anew with one heap, in the same process, unless the environment says already how many it has. Left alone,
/// each thread has its own, and what one frees no other uses: a third of the server's memory. Returns when it cannot be done,
/// or need not.
pub(super) fn share() {
    let Ok(program) = std::env::current_exe() else { return };
    let command = anew(&program, std::env::args_os(), std::env::var_os(ARENAS).as_deref());
    let Some(mut command) = command else { return };
    // It is a matter of memory only: the server runs as it is.
    let error = command.exec();
    tracing::debug!(%error, "several heaps are used");
}

/// The command that begins this program anew; `None` if it was told how many heaps to have.
fn anew(
    program: &Path,
    mut arguments: impl Iterator<Item = OsString>,
    told: Option<&OsStr>,
) -> Option<Command> {
    if told.is_some() || !cfg!(target_env = "gnu") {
        return None;
    }
    let mut command = Command::new(program);
    command.arg0(arguments.next()?).args(arguments).env(ARENAS, "1");
    Some(command)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words() -> impl Iterator<Item = OsString> {
        ["imp-server", "--data", "d", "serve"].into_iter().map(Into::into)
    }

    #[test]
    fn the_program_begins_anew_with_the_same_words_and_one_heap() {
        let command = anew(Path::new("/usr/bin/imp-server"), words(), None).unwrap();
        assert_eq!(command.get_program(), "/usr/bin/imp-server");
        assert!(command.get_args().eq(["--data", "d", "serve"]));
        assert!(command.get_envs().eq([(OsStr::new(ARENAS), Some(OsStr::new("1")))]));
    }

    #[test]
    fn it_goes_on_as_it_is_when_it_was_told_how_many_heaps_to_have() {
        for told in ["1", "4", ""] {
            let command = anew(Path::new("/usr/bin/imp-server"), words(), Some(OsStr::new(told)));
            assert!(command.is_none(), "{told:?}");
        }
    }
}
