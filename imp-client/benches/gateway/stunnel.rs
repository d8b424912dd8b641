//! Two `stunnel` with certificates on both sides, TLS 1.3.
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rcgen::{CertificateParams, KeyPair};

use super::Program;

/// Starts both; where the first listens. `None` without stunnel.
pub(super) fn pair(application: SocketAddr) -> Option<([Program; 2], SocketAddr)> {
    let folder = tempfile::tempdir().ok()?.keep();
    let key = KeyPair::generate().ok()?;
    let certificate =
        CertificateParams::new(vec!["stunnel".to_owned()]).ok()?.self_signed(&key).ok()?;
    let pem = format!("{}{}", key.serialize_pem(), certificate.pem());
    std::fs::write(folder.join("both.pem"), pem).ok()?;
    std::fs::write(folder.join("certificate.pem"), certificate.pem()).ok()?;
    let (near, far) = (free_port(), free_port());
    let server = start(&folder, "server", far, &application.to_string())?;
    let client = start(&folder, "client", near, &format!("127.0.0.1:{far}"))?;
    let address = SocketAddr::from(([127, 0, 0, 1], near));
    let until = Instant::now() + Duration::from_secs(10);
    while Instant::now() < until {
        if TcpStream::connect(address).is_ok() {
            return Some(([server, client], address));
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    None
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn start(folder: &Path, kind: &str, listen: u16, connect: &str) -> Option<Program> {
    let (both, certificate) = (folder.join("both.pem"), folder.join("certificate.pem"));
    let text = format!(
        "foreground = yes\npid =\nsslVersion = TLSv1.3\nsocket = l:TCP_NODELAY=1\nsocket = r:TCP_NODELAY=1\n[hl7]\nclient = {}\naccept = 127.0.0.1:{listen}\nconnect = {connect}\ncert = {}\nverifyPeer = yes\nCAfile = {}\n",
        if kind == "client" { "yes" } else { "no" },
        both.display(),
        certificate.display(),
    );
    let file = folder.join(format!("{kind}.conf"));
    std::fs::write(&file, text).ok()?;
    let mut command = Command::new("stunnel");
    let quiet = command.arg(file).stdout(Stdio::null()).stderr(Stdio::null());
    quiet.spawn().ok().map(Program)
}
