//! Keeps memory from being looked at: a template is in it for a moment.
use rustix::process::{Resource, Rlimit, setrlimit};

/// Writes no core dumps and, in a release build, lets no other process of the same account look in. Tests of a debug build look at the memory
/// to see that nothing is left there.
pub fn protect_memory() -> std::io::Result<()> {
    setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })?;
    #[cfg(not(debug_assertions))]
    rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_core_is_dumped() {
        protect_memory().unwrap();
        assert_eq!(rustix::process::getrlimit(Resource::Core).current, Some(0));
    }
}
