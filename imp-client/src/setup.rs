//! What makes a workstation ready (`imp-client setup`): the devices that this machine has, and its configuration file, in which only what was
//! chosen is changed.
use std::fs::{self, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use crate::config::{ClientConfig, InvalidConfig};

/// The file of a machine that has none yet: every key, explained.
const EXAMPLE: &str = include_str!("../client.example.toml");
/// Most devices of a kind that are offered.
const MOST_DEVICES: usize = 32;

/// What was chosen; what was not stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Choices {
    /// The device file of the camera.
    pub camera: Option<PathBuf>,
    /// The Bluetooth adapter, such as `hci0`.
    pub adapter: Option<String>,
    /// What is locked.
    pub desktop: Option<DesktopChoice>,
    /// Where programs of other accounts ask.
    pub socket: Option<PathBuf>,
}

/// What is locked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DesktopChoice {
    /// Nothing: the window covers the screen.
    None,
    /// The sessions of logind; these accounts are everybody's.
    Logind {
        /// Such as `ward`.
        shared: Vec<String>,
    },
}

/// A device that could be chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// Its file, or its name.
    pub name: String,
    /// What it calls itself.
    pub title: String,
}

/// The configuration was not changed.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// The file cannot be read or written; it is as it was.
    #[error("could not {action} {}", .path.display())]
    File {
        /// What was tried.
        action: &'static str,
        /// Which file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// It would not be understood afterwards.
    #[error("the configuration would not be understood: mend {} first", .path.display())]
    Invalid {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        source: InvalidConfig,
    },
}

/// The capture devices of this machine; `root` is `/`.
pub fn cameras(root: &Path) -> Vec<Device> {
    let class = root.join("sys/class/video4linux");
    let device = |name: String| {
        let about = |file: &str| fs::read_to_string(class.join(&name).join(file)).ok();
        // The further nodes of a camera give no pictures (V4L2: metadata).
        let first = about("index").is_none_or(|index| index.trim() == "0");
        let title = about("name").unwrap_or_default().trim().to_owned();
        first.then(|| Device { name: format!("/dev/{name}"), title })
    };
    entries(&class).into_iter().filter_map(device).collect()
}

/// The Bluetooth adapters of this machine.
pub fn adapters(root: &Path) -> Vec<Device> {
    let class = root.join("sys/class/bluetooth");
    let controllers = entries(&class).into_iter().filter(|name| !name.contains(':'));
    controllers.map(|name| Device { title: "Bluetooth adapter".to_owned(), name }).collect()
}

fn entries(folder: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder) else { return vec![] };
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let mut names: Vec<_> = names.take(MOST_DEVICES).collect();
    names.sort();
    names
}

/// Puts the choices into the configuration file at `path`, whatever else it says, or into a new one. What it said before is kept beside it,
/// as `client.toml.before-setup`.
pub fn write(path: &Path, choices: &Choices) -> Result<ClientConfig, SetupError> {
    let failed = |action| move |source| SetupError::File { action, path: path.to_owned(), source };
    let before = match fs::read_to_string(path) {
        Ok(text) => Some(text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(failed("read")(error)),
    };
    let text = edited(before.as_deref().unwrap_or(EXAMPLE), choices);
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(failed("make the folder of"))?;
    }
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    let new = PathBuf::from(name);
    let written = fs::File::create(&new).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.set_permissions(Permissions::from_mode(0o644))?;
        file.sync_all()
    });
    written.map_err(failed("write"))?;
    let config = ClientConfig::load(Some(&new), std::iter::empty()).map_err(|source| {
        let _left_or_not = fs::remove_file(&new);
        SetupError::Invalid { path: path.to_owned(), source }
    })?;
    if before.is_some_and(|before| before != text) {
        let mut kept = path.as_os_str().to_owned();
        kept.push(".before-setup");
        fs::copy(path, kept).map_err(failed("keep a copy of"))?;
    }
    fs::rename(&new, path).map_err(failed("replace"))?;
    Ok(config)
}

/// The same text with other values in the sections that were chosen.
fn edited(text: &str, choices: &Choices) -> String {
    let mut text = text.to_owned();
    if let Some(path) = &choices.camera {
        let lines = format!("kind = \"device\"\npath = {}\n", quoted(&path.to_string_lossy()));
        text = with_section(&text, "camera", &lines);
    }
    if let Some(adapter) = &choices.adapter {
        let lines = format!("kind = \"bluez\"\nadapter = {}\n", quoted(adapter));
        text = with_section(&text, "radio", &lines);
    }
    match &choices.desktop {
        Some(DesktopChoice::None) => text = with_section(&text, "desktop", "kind = \"none\"\n"),
        Some(DesktopChoice::Logind { shared }) => {
            let shared: Vec<_> = shared.iter().map(|account| quoted(account)).collect();
            let lines = format!("kind = \"logind\"\nshared = [{}]\n", shared.join(", "));
            text = with_section(&text, "desktop", &lines);
        }
        None => {}
    }
    if let Some(path) = &choices.socket {
        let lines = format!("path = {}\n", quoted(&path.to_string_lossy()));
        text = with_section(&text, "socket", &lines);
    }
    text
}

/// Replaces what `[name]` says, or adds it. Comments and empty lines after its last value belong to what follows, and stay.
fn with_section(text: &str, name: &str, body: &str) -> String {
    let header = format!("[{name}]");
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let Some(start) = lines.iter().position(|line| is_header(line, &header)) else {
        let gap = if text.is_empty() || text.ends_with("\n\n") { "" } else { "\n" };
        return format!("{text}{gap}{header}\n{body}");
    };
    let next = lines.iter().skip(start + 1).position(|line| line.trim_start().starts_with('['));
    let next = next.map_or(lines.len(), |offset| start + 1 + offset);
    let says = |line: &&str| !line.trim().is_empty() && !line.trim_start().starts_with('#');
    let end = (start + 1..next).rev().find(|&at| says(&lines[at])).map_or(start + 1, |at| at + 1);
    let (before, after) = (lines[..start].concat(), lines[end..].concat());
    format!("{before}{header}\n{body}{after}")
}

fn is_header(line: &str, header: &str) -> bool {
    let rest = line.trim().strip_prefix(header);
    rest.is_some_and(|rest| rest.trim().is_empty() || rest.trim_start().starts_with('#'))
}

/// A basic string of TOML, which a string of JSON is.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use imp_hardware::ble::CentralConfig;
    use imp_hardware::camera::CameraConfig;

    fn all() -> Choices {
        Choices {
            camera: Some("/dev/v4l/by-id/usb-\"odd\"".into()),
            adapter: Some("hci1".to_owned()),
            desktop: Some(DesktopChoice::Logind { shared: vec!["ward".to_owned()] }),
            socket: Some("/run/imp-client/agent.sock".into()),
        }
    }

    #[test]
    fn a_new_file_says_what_was_chosen_and_explains_the_rest() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("imp/client.toml");
        let config = write(&path, &all()).unwrap();
        assert!(matches!(&config.camera, CameraConfig::Device { path: Some(path), .. }
            if path.to_str() == Some("/dev/v4l/by-id/usb-\"odd\"")));
        assert_eq!(config.radio, CentralConfig::Bluez { adapter: Some("hci1".to_owned()) });
        assert_eq!(config.desktop.shared(), ["ward"]);
        assert_eq!(config.socket.path.as_deref(), Some(Path::new("/run/imp-client/agent.sock")));
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains("# What hears the phone."), "{text}");
        assert_eq!(ClientConfig::load(Some(&path), std::iter::empty()).unwrap(), config);
    }

    #[test]
    fn what_was_not_chosen_stays_and_the_old_file_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("client.toml");
        let old = "# ours\n[capture]\nframes = 5 # five\n\n[camera]\nkind = \"picture\"\npath = \"/x\"\n\n# the radio\n[radio]\nkind = \"bluez\"\n";
        fs::write(&path, old).unwrap();
        let config =
            write(&path, &Choices { camera: Some("/dev/video2".into()), ..Choices::default() });
        assert_eq!(config.unwrap().capture.frames, 5);
        let text = fs::read_to_string(&path).unwrap();
        let expected = "# ours\n[capture]\nframes = 5 # five\n\n[camera]\nkind = \"device\"\npath = \"/dev/video2\"\n\n# the radio\n[radio]\nkind = \"bluez\"\n";
        assert_eq!(text, expected);
        let kept = fs::read_to_string(folder.path().join("client.toml.before-setup")).unwrap();
        assert_eq!(kept, old);
        // Again: nothing changes, and what was kept is not overwritten.
        write(&path, &Choices { camera: Some("/dev/video2".into()), ..Choices::default() })
            .unwrap();
        assert_eq!(
            fs::read_to_string(folder.path().join("client.toml.before-setup")).unwrap(),
            old
        );
    }

    #[test]
    fn a_file_that_is_not_understood_is_left_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("client.toml");
        let old = "[capture]\nframes = \"many\"\n";
        fs::write(&path, old).unwrap();
        let error = write(&path, &all()).unwrap_err();
        assert!(matches!(error, SetupError::Invalid { .. }), "{error:?}");
        assert_eq!(fs::read_to_string(&path).unwrap(), old);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn devices_are_found_where_the_kernel_names_them() {
        let root = tempfile::tempdir().unwrap();
        assert!(cameras(root.path()).is_empty() && adapters(root.path()).is_empty());
        for (node, index) in [("video0", "0\n"), ("video1", "1\n"), ("video2", "0\n")] {
            let folder = root.path().join("sys/class/video4linux").join(node);
            fs::create_dir_all(&folder).unwrap();
            fs::write(folder.join("index"), index).unwrap();
            fs::write(folder.join("name"), "Ward Cam\n").unwrap();
        }
        for name in ["hci1", "hci0", "hci0:11"] {
            fs::create_dir_all(root.path().join("sys/class/bluetooth").join(name)).unwrap();
        }
        let names = |devices: Vec<Device>| devices.into_iter().map(|d| d.name).collect::<Vec<_>>();
        assert_eq!(cameras(root.path())[0].title, "Ward Cam");
        assert_eq!(names(cameras(root.path())), ["/dev/video0", "/dev/video2"]);
        assert_eq!(names(adapters(root.path())), ["hci0", "hci1"]);
    }
}
