//! Debian's cfssl (package golang-cfssl), as `cfssl serve` with a P-256 authority in memory: it signs and keeps nothing.
use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use data_encoding::BASE64;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::estate::request;
use super::{ASKING, Failure, SPAN, say};

/// How long it may take to listen.
const PATIENCE: Duration = Duration::from_secs(10);

/// A server that goes with this.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Measures it, where it is installed.
pub(super) async fn run(folder: &Path) -> Result<(), Failure> {
    if Command::new("cfssl").arg("version").output().is_err() {
        println!("cfssl        skipped: it is not installed (Debian: golang-cfssl)");
        return Ok(());
    }
    fs::create_dir_all(folder)?;
    authority(folder)?;
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
    let _running = serve(folder, port)?;
    let url = format!("http://127.0.0.1:{port}/api/v1/cfssl/sign");
    let client = client()?;
    let body = body("warm.hospital.example")?;
    let start = Instant::now();
    while client.post(&url).json(&body).send().await.is_err() {
        if start.elapsed() > PATIENCE {
            return Err("cfssl does not listen".into());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    for asking in ASKING {
        let start = Instant::now();
        let mut tasks = JoinSet::new();
        for number in 0..asking {
            let (client, url) = (client.clone(), url.clone());
            let body = self::body(&format!("server-{number}.hospital.example"))?;
            tasks.spawn(async move { sign(&client, &url, &body).await });
        }
        let mut waits = vec![];
        while let Some(task) = tasks.join_next().await {
            waits.extend(task??);
        }
        let seconds = start.elapsed().as_secs_f64();
        let count = u32::try_from(waits.len()).map_or(f64::NAN, f64::from);
        say("cfssl", asking, count / seconds, &mut waits);
    }
    Ok(())
}

/// It speaks plain HTTP, and nothing but this would say which library would encrypt.
fn client() -> Result<reqwest::Client, Failure> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    Ok(reqwest::Client::builder().tls_backend_preconfigured(tls).no_proxy().build()?)
}

/// An authority with a P-256 key.
fn authority(folder: &Path) -> Result<(), Failure> {
    let wanted = json!({ "CN": "bench", "key": { "algo": "ecdsa", "size": 256 } });
    fs::write(folder.join("ca.json"), wanted.to_string())?;
    let profile = json!({ "signing": { "default": {
        "usages": ["digital signature", "server auth", "client auth"], "expiry": "336h"
    } } });
    fs::write(folder.join("config.json"), profile.to_string())?;
    let made = Command::new("cfssl")
        .current_dir(folder)
        .args(["genkey", "-initca", "ca.json"])
        .stderr(Stdio::null())
        .output()?;
    let made: Value = serde_json::from_slice(&made.stdout)?;
    for (name, file) in [("cert", "ca.pem"), ("key", "ca.key")] {
        fs::write(folder.join(file), made[name].as_str().ok_or("cfssl made no authority")?)?;
    }
    Ok(())
}

fn serve(folder: &Path, port: u16) -> Result<Running, Failure> {
    let port = port.to_string();
    let files = ["-ca", "ca.pem", "-ca-key", "ca.key", "-config", "config.json"];
    let child = Command::new("cfssl")
        .current_dir(folder)
        .args(["serve", "-address", "127.0.0.1", "-port", &port, "-loglevel", "5"])
        .args(files)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    Ok(Running(child))
}

fn body(host: &str) -> Result<Value, Failure> {
    let der = BASE64.encode(&request(host)?);
    let mut pem = String::from("-----BEGIN CERTIFICATE REQUEST-----\n");
    for line in der.as_bytes().chunks(64) {
        pem.push_str(std::str::from_utf8(line)?);
        pem.push('\n');
    }
    pem.push_str("-----END CERTIFICATE REQUEST-----\n");
    Ok(json!({ "hosts": [host], "certificate_request": pem }))
}

async fn sign(client: &reqwest::Client, url: &str, body: &Value) -> Result<Vec<Duration>, Failure> {
    let mut waits = vec![];
    let start = Instant::now();
    while start.elapsed() < SPAN {
        let asked = Instant::now();
        let answer: Value = client.post(url).json(body).send().await?.json().await?;
        if answer["success"] != true {
            return Err(format!("cfssl refuses: {answer}").into());
        }
        waits.push(asked.elapsed());
    }
    Ok(waits)
}
