//! The files of policies and cases: the shipped ones, or a folder's.
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use imp_access::PolicyText;

/// The largest file, in bytes.
const LARGEST: u64 = 1024 * 1024;
/// The most files.
const MOST: usize = 128;

macro_rules! shipped {
    ($($name:literal),+ $(,)?) => {
        /// The shipped files, which are what an installation has that says nothing else.
        const SHIPPED: &[(&str, &str)] =
            &[$(($name, include_str!(concat!("../../policies/", $name)))),+];
    };
}

shipped! {
    "acme.cedar", "acme.toml",
    "anyone.cedar", "anyone.toml",
    "applications.cedar", "applications.toml",
    "connections.cedar", "connections.toml",
    "devices.cedar", "devices.toml",
    "directory.cedar", "directory.toml",
    "machines.cedar", "machines.toml",
    "people.cedar", "people.toml",
    "review.cedar", "review.toml",
    "saml.cedar", "saml.toml",
    "sessions.cedar", "sessions.toml",
    "sign-on.cedar", "sign-on.toml",
    "two-factors.cedar",
    "who.toml",
}

/// Policies with their cases.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policies {
    /// What counts (`*.cedar`).
    pub policies: Vec<PolicyText>,
    /// What must hold of it (`*.toml`).
    pub cases: Vec<PolicyText>,
}

/// The files cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum FilesError {
    /// A file or folder cannot be read or written.
    #[error("{} cannot be used", .path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// There is no policy, so that nobody could do anything.
    #[error("{} has no policies (*.cedar): nobody could do anything", .0.display())]
    Empty(PathBuf),
    /// More than anybody can read.
    #[error("{} has more than {MOST} files", .0.display())]
    Many(PathBuf),
}

impl Policies {
    /// The shipped ones.
    pub fn shipped() -> Self {
        let mut all = Self::default();
        for (name, text) in SHIPPED {
            all.add(name, (*text).to_owned());
        }
        all
    }

    /// Those of a folder; other files in it, and folders, do not matter.
    pub fn read(folder: &Path) -> Result<Self, FilesError> {
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| FilesError::Io { path, source }
        };
        let mut paths = vec![];
        for entry in fs::read_dir(folder).map_err(failed(folder))? {
            let path = entry.map_err(failed(folder))?.path();
            let extension = path.extension().and_then(std::ffi::OsStr::to_str);
            if matches!(extension, Some("cedar" | "toml")) {
                paths.push(path);
            }
            if paths.len() > MOST {
                return Err(FilesError::Many(folder.to_owned()));
            }
        }
        paths.sort_unstable();
        let mut all = Self::default();
        for path in paths {
            if fs::metadata(&path).map_err(failed(&path))?.len() > LARGEST {
                return Err(failed(&path)(io::ErrorKind::FileTooLarge.into()));
            }
            let text = fs::read_to_string(&path).map_err(failed(&path))?;
            all.add(&path.file_name().unwrap_or_default().to_string_lossy(), text);
        }
        if all.policies.is_empty() { Err(FilesError::Empty(folder.to_owned())) } else { Ok(all) }
    }

    /// Writes the files into a folder, which is made; none is overwritten.
    pub fn write(&self, folder: &Path) -> Result<(), FilesError> {
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| FilesError::Io { path, source }
        };
        fs::create_dir_all(folder).map_err(failed(folder))?;
        for PolicyText { name, text } in self.policies.iter().chain(&self.cases) {
            let path = folder.join(name);
            let file = fs::File::create_new(&path).map_err(failed(&path))?;
            io::Write::write_all(&mut &file, text.as_bytes()).map_err(failed(&path))?;
        }
        Ok(())
    }

    fn add(&mut self, name: &str, text: String) {
        let file = PolicyText { name: name.to_owned(), text };
        let is_policy = Path::new(name).extension().is_some_and(|extension| extension == "cedar");
        if is_policy { self.policies.push(file) } else { self.cases.push(file) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shipped_is_everything_in_the_folder() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies");
        assert_eq!(Policies::read(&folder).unwrap(), Policies::shipped());
    }

    #[test]
    fn what_was_written_out_is_read_again_and_not_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("policies");
        Policies::shipped().write(&target).unwrap();
        assert_eq!(Policies::read(&target).unwrap(), Policies::shipped());
        assert!(matches!(Policies::shipped().write(&target), Err(FilesError::Io { .. })));
        let empty = Policies::read(folder.path());
        assert!(matches!(empty, Err(FilesError::Empty(_))), "{empty:?}");
    }
}
