//! The looks, one by one.
use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use imp_api::{Client, ClientError};
use imp_biometrics::{Engine, Inspection, PIPELINE};
use imp_hardware::ble::{Central as _, RadioError};
use imp_identity::Clock;
use jiff::{SignedDuration, Timestamp};

use super::Check;
use crate::config::ClientConfig;
use crate::credentials::{CredentialsError, Standing};
use crate::devices::{self, LateCentral};
use crate::receipt::{CertificateReceiptError, Proven};
use crate::roster::RosterKeeper;
use crate::socket::{Answer, Connection, Request};
use crate::state::StateDirectory;
use crate::status::ScreenState;
use crate::tap::{image, with_causes};

/// How long the radio listens.
const LISTEN: Duration = Duration::from_secs(3);
/// How far the clocks may be apart, as the server's policy has it unless it was changed.
const CLOCK_TOLERANCE: SignedDuration = SignedDuration::from_secs(120);

/// Credentials and key: enrolled, fitting, in their time.
pub(super) async fn enrolment(
    config: &ClientConfig,
    state: &StateDirectory,
    clock: Arc<dyn Clock>,
) -> (Vec<Check>, Option<Standing>) {
    let (keystore, folder, now) = (config.keystore(state), state.clone(), clock.now());
    let load = move || {
        let keystore = keystore.open()?;
        let standing = Standing::load(&folder, keystore.as_ref(), clock)?;
        let signed = standing.identity.signer.sign(b"imp-client doctor");
        Ok::<_, CredentialsError>((standing, signed.is_ok()))
    };
    match blocking(load).await {
        Ok((standing, signs)) => {
            let stored = &standing.stored;
            let found = format!("enrolled as “{}” at {}", stored.name, stored.server);
            let key = if signs {
                Check::good("key", "in the keystore, and it signs")
            } else {
                let mend =
                    "see the keystore's own diagnosis; for a TPM: `tpm2_getcap properties-fixed`";
                Check::bad("key", "in the keystore, but it does not sign", mend)
            };
            let checks = vec![
                Check::good("enrolment", found),
                key,
                certificate(&standing, now),
                log(&standing),
            ];
            (checks, Some(standing))
        }
        Err(error) => {
            let mend = match &error {
                CredentialsError::NotEnrolled => {
                    "ask an administrator for `imp-server workstation add NAME`, then run `imp-client enrol machine 'imp:enrol?…'`"
                }
                CredentialsError::State(_) | CredentialsError::Keystore(_) => {
                    "run this as the account of the agent, and look at the permissions of the state folder"
                }
                CredentialsError::KeyMissing
                | CredentialsError::NotAWorkstation
                | CredentialsError::Tls(_) => {
                    "ask an administrator for a new invitation, then run `imp-client enrol machine --replace 'imp:enrol?…'`"
                }
            };
            (vec![Check::bad("enrolment", with_causes(&error), mend)], None)
        }
    }
}

/// The certificate's time.
pub(super) fn certificate(standing: &Standing, now: Timestamp) -> Check {
    let credentials = &standing.stored.credentials;
    let (renew, expires) = (credentials.renew_after, credentials.expires_at);
    if now >= expires {
        let mend = "ask an administrator for a new invitation, then run `imp-client enrol machine --replace 'imp:enrol?…'`; keep the agent running so that it renews in time";
        return Check::bad("certificate", format!("expired at {expires}"), mend);
    }
    if now >= renew {
        let found = format!("valid until {expires}, but due for renewal since {renew}");
        return Check::bad(
            "certificate",
            found,
            "start the agent, and see why it cannot reach the server",
        );
    }
    Check::good("certificate", format!("valid until {expires}, renewed after {renew}"))
}

/// The server's log: that its key is known, and that it holds the certificate.
pub(super) fn log(standing: &Standing) -> Check {
    match standing.stored.prove_certificate() {
        Ok(Proven { log, index }) => {
            let found = format!("{log}; the receipt of the certificate proves it, number {index}");
            Check::good("log", found)
        }
        Err(error @ (CertificateReceiptError::NoLogKey | CertificateReceiptError::Missing)) => {
            let mend = "it comes with the next certificate: keep the agent running";
            Check::bad("log", with_causes(&error), mend)
        }
        Err(error) => {
            let mend = "show this to the hospital's security officer: server and log contradict each other";
            Check::bad("log", with_causes(&error), mend)
        }
    }
}

/// Every model of the manifest, by its digest; and whether they load.
pub(super) async fn models(config: &ClientConfig) -> (Check, Option<Arc<Engine>>) {
    let (store, threads) = (config.model_store(), config.capture.threads());
    let shown = config.models().display().to_string();
    let mend = "install the models again, or set `models` in the configuration to their folder";
    let load = move || {
        let store = store.map_err(|error| with_causes(&error))?;
        let models = &store.manifest().models;
        for model in models {
            store.read(&model.name).map_err(|error| with_causes(&error))?;
        }
        let count = models.len();
        let engine = Engine::load(&store, threads).map_err(|error| with_causes(&error))?;
        let calibration = store.calibration(PIPELINE).map_err(|error| with_causes(&error))?;
        Ok::<_, String>((count, engine, calibration.made))
    };
    match blocking(load).await {
        Ok((count, engine, made)) => {
            let set = engine.model_set();
            let found = format!(
                "{set} in {shown}: {count} models, each with the digest of the manifest; calibrated {} with {} people ({})",
                made.at, made.people, made.data
            );
            (Check::good("models", found), Some(Arc::new(engine)))
        }
        Err(error) => (Check::bad("models", error, mend), None),
    }
}

/// One frame, and what is in it.
pub(super) async fn camera(config: &ClientConfig, engine: Option<Arc<Engine>>) -> Check {
    let factory = devices::camera(config);
    let look = move || {
        let mut camera = factory().map_err(|error| with_causes(&error))?;
        let name = camera.describe();
        let frame = camera.capture().map_err(|error| with_causes(&error))?;
        let image = image(frame).map_err(|error| with_causes(&error))?;
        let seen = match engine {
            Some(engine) => Some(engine.inspect(&image).map_err(|error| with_causes(&error))?),
            None => None,
        };
        Ok::<_, String>(format!(
            "{name}, {}",
            describe(image.width(), image.height(), seen.as_ref())
        ))
    };
    match blocking(look).await {
        Ok(found) => Check::good("camera", found),
        Err(error) => Check::bad(
            "camera",
            error,
            "see that it is plugged in, not covered, not used by another program, and that [camera] in the configuration names it",
        ),
    }
}

/// What the camera saw.
fn describe(width: u32, height: u32, seen: Option<&Inspection>) -> String {
    let size = format!("a picture of {width}×{height}");
    let Some(seen) = seen else { return size };
    match seen.faces.as_slice() {
        [] => format!("{size}, no face in it"),
        [face] => {
            let hint = face.hint.map_or_else(String::new, |hint| format!(": {hint}"));
            let mask = if face.mask_worn { ", with a mask" } else { "" };
            format!("{size}, one face in it{mask}{hint}")
        }
        faces => format!("{size}, {} faces in it", faces.len()),
    }
}

/// Whether the radio hears, and whom.
pub(super) async fn radio(
    config: &ClientConfig,
    state: &StateDirectory,
    standing: Option<Standing>,
    now: Timestamp,
) -> Check {
    let heard = match listen(&LateCentral::new(config.radio.clone())).await {
        Ok(heard) => heard,
        Err(error) => {
            let mend = "see that there is a Bluetooth adapter, that it is switched on (`bluetoothctl power on`), and that the service runs (`systemctl status bluetooth`)";
            return Check::bad("radio", with_causes(&error), mend);
        }
    };
    let (keystore, folder) = (config.keystore(state), state.clone());
    let open = move || {
        let (keystore, stored) = (keystore.open().ok()?, standing?.stored);
        RosterKeeper::open(folder, keystore, &stored, now).current(now)
    };
    let roster = blocking(open).await;
    let known =
        heard.iter().filter(|id| roster.as_ref().is_some_and(|r| r.resolve(**id, now).is_some()));
    let seconds = LISTEN.as_secs();
    let found = format!(
        "{} phones heard in {seconds} s, {} of them known here",
        heard.len(),
        known.count()
    );
    Check::good("radio", found)
}

async fn listen(central: &LateCentral) -> Result<HashSet<[u8; 8]>, RadioError> {
    let opened = tokio::time::timeout(Duration::from_secs(10), central.scan()).await;
    let mut heard = opened.map_err(|_| RadioError::Timeout("begin to listen"))??;
    let mut identifiers = HashSet::new();
    let collect = async {
        while let Some(advertisement) = heard.recv().await {
            if identifiers.len() < 1000 {
                identifiers.insert(advertisement.identifier);
            }
        }
    };
    let _time_is_up = tokio::time::timeout(LISTEN, collect).await;
    Ok(identifiers)
}

/// Reachable, trusted both ways, and of the same time.
pub(super) async fn server(standing: &Standing, clock: Arc<dyn Clock>) -> Vec<Check> {
    let client = match standing.server_tls(clock.clone()) {
        Ok(tls) => Client::new(&standing.stored.server, tls).map_err(|error| with_causes(&error)),
        Err(error) => Err(with_causes(&error)),
    };
    let client = match client {
        Ok(client) => client,
        Err(error) => return vec![Check::bad("server", error, "enrol the workstation anew")],
    };
    let before = clock.now();
    let date = client.server_time().await;
    let after = clock.now();
    let mut checks = vec![reach(&standing.stored.server, &client).await];
    if let Ok(date) = date {
        checks.push(skew(date, before, after));
    }
    checks
}

async fn reach(address: &str, client: &Client) -> Check {
    match client.roster().await {
        Ok(_) => Check::good("server", format!("{address} answers, and we trust each other")),
        Err(error @ (ClientError::Unreachable(_) | ClientError::Url(_))) => Check::bad(
            "server",
            format!("{address} cannot be reached or trusted: {}", with_causes(&error)),
            "see that the server runs, that its name resolves and no firewall is between, and that it is the one this workstation was enrolled with",
        ),
        Err(error) => Check::bad(
            "server",
            format!("{address} answers, but not to us: {}", with_causes(&error)),
            "if this workstation was revoked, ask an administrator for a new invitation",
        ),
    }
}

/// The server tells whole seconds.
fn skew(date: Timestamp, before: Timestamp, after: Timestamp) -> Check {
    let earliest = before.duration_since(date) - SignedDuration::from_secs(1);
    let latest = after.duration_since(date);
    let skew = if earliest.is_positive() {
        earliest
    } else if latest.is_negative() {
        latest
    } else {
        SignedDuration::ZERO
    };
    let found = format!("{:.1} s from the server's", skew.as_secs_f64());
    if skew.abs() < CLOCK_TOLERANCE {
        Check::good("clock", found)
    } else {
        Check::bad("clock", found, "set the clock by the network: `timedatectl set-ntp true`")
    }
}

/// Whether the agent answers on its socket.
pub(super) async fn agent(socket: &Path) -> Check {
    let ask = async {
        let mut connection = Connection::ask(socket, &Request::Status).await?;
        connection.next().await
    };
    match tokio::time::timeout(Duration::from_secs(5), ask).await {
        Ok(Ok(Answer::Status(status))) => {
            let who =
                status.signed_in.map_or_else(|| "nobody".to_owned(), |s| s.person.display_name);
            let lock = if status.locked { "locked" } else { "open" };
            let found = format!("runs; {who} is signed in, the desktop is {lock}");
            match status.screen {
                ScreenState::NotLocked { reason } | ScreenState::NotOpened { reason } => {
                    let found = format!("{found}, but the screen does not obey: {reason}");
                    Check::bad("agent", found, "see what `desktop` says above")
                }
                ScreenState::Starting
                | ScreenState::Uncontrolled
                | ScreenState::Locked
                | ScreenState::Open
                | ScreenState::SignIn => Check::good("agent", found),
            }
        }
        Ok(Err(error)) => Check::bad(
            "agent",
            with_causes(&error),
            "start it: `systemctl start imp-client`, or `imp-client agent`",
        ),
        Ok(Ok(_)) | Err(_) => {
            let found = "it listens, but does not answer as it should";
            Check::bad("agent", found, "restart it, and report this")
        }
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::NOW;
    use jiff::ToSpan as _;

    #[test]
    fn a_clock_that_is_off_is_found_however_long_the_answer_took() {
        // The server's date is cut to seconds: up to one second is no skew.
        assert!(skew(NOW, NOW, NOW + 1.second()).ok);
        assert!(skew(NOW - 1.second(), NOW, NOW).found.starts_with("0.0 s"));
        assert!(skew(NOW, NOW - 30.seconds(), NOW + 30.seconds()).found.starts_with("0.0 s"));
        let slow = skew(NOW + 10.minutes(), NOW, NOW);
        assert!(!slow.ok && slow.found.starts_with("-600.0 s") && slow.mend.is_some());
        assert!(!skew(NOW - 10.minutes(), NOW, NOW).ok);
    }

    #[tokio::test]
    async fn what_is_missing_is_named_with_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let state = StateDirectory::open(folder.path().join("state")).unwrap();
        let clock: Arc<dyn Clock> = Arc::new(imp_identity::clock::SystemClock);
        let mut config =
            ClientConfig { models: Some(folder.path().to_owned()), ..ClientConfig::default() };
        config.camera =
            imp_hardware::camera::CameraConfig::Picture { path: folder.path().join("none.jpg") };
        let (enrolment, standing) = enrolment(&config, &state, clock).await;
        assert!(standing.is_none());
        let (models, engine) = models(&config).await;
        assert!(engine.is_none());
        for (check, words) in [
            (&enrolment[0], "imp-server workstation add"),
            (&models, "install the models"),
            (&camera(&config, None).await, "plugged in"),
            (&agent(&state.socket()).await, "imp-client agent"),
        ] {
            assert!(!check.ok, "{check:?}");
            assert!(check.mend.as_ref().is_some_and(|mend| mend.contains(words)), "{check:?}");
        }
    }
}
