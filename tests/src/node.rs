//! Other people's OpenID clients and browsers' drivers: Node.js programs in the folder that `tests/setup/node.sh` makes.
use std::path::PathBuf;
use std::process::Command;

use crate::source_tree;

/// The folder is not there.
#[derive(Debug, thiserror::Error)]
#[error("no Node.js packages beside {0}: install them with tests/setup/node.sh")]
pub struct NodeMissing(PathBuf);

/// Where the packages are: `node` beside a profile's folder in the target directory.
pub fn packages() -> Result<PathBuf, NodeMissing> {
    let running = std::env::current_exe().unwrap_or_default();
    let places = running.ancestors().skip(1).take(4).map(|folder| folder.join("node"));
    places.into_iter().find(|path| path.join("bin/node").exists()).ok_or(NodeMissing(running))
}

/// `tests/foreign/node/<script>`, ready for arguments, which finds the installed packages.
pub fn command(script: &str) -> Result<Command, NodeMissing> {
    let packages = packages()?;
    let mut command = Command::new(packages.join("bin/node"));
    command.arg("--import").arg(source_tree::root().join("tests/foreign/node/resolve.mjs"));
    command.arg(source_tree::root().join("tests/foreign/node").join(script));
    command.env("IMP_NODE_PACKAGES", packages).current_dir(source_tree::root());
    Ok(command)
}
