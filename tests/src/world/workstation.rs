//! A workstation of the hospital.
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use imp_authenticator::invitation::InvitationUri;
use imp_client::agent::{Agent, CameraFactory, Devices, Parts};
use imp_client::broker;
use imp_client::config::ClientConfig;
use imp_client::meeting::enrol_machine;
use imp_client::state::StateDirectory;
use imp_client::tap::{TapCommand, TapOutcome, TapReport};
use imp_hardware::camera::CameraConfig;
use imp_hardware::desktop::Scripted;
use imp_hardware::keystore::{Keystore, KeystoreConfig};
use imp_hardware::security_key::EmulatedKey;
use imp_identity::refusal::Abandonment;
use imp_identity::tap::{Intent, Purpose};
use imp_identity::{Clock, Refusal};

use super::{World, faces};

/// A workstation with its running agent.
pub struct Workstation {
    /// The agent.
    pub agent: Arc<Agent>,
    /// Where it keeps things.
    pub folder: PathBuf,
    /// What its camera sees.
    pub scene: Scene,
    /// Its keys.
    pub keystore: Arc<dyn Keystore>,
    /// The security key that is in it, with the PIN [`PIN`]; whose it is, a registration says.
    pub key: Arc<EmulatedKey>,
    /// Its screen: everybody works in the session of the account `ward`.
    pub screen: Arc<Scripted>,
    /// Where browsers on its desktop ask.
    pub broker: SocketAddr,
}

/// The PIN of every security key.
pub const PIN: &str = "4711";

/// What stands before a camera: a picture or a folder of pictures.
#[derive(Clone)]
pub struct Scene(Arc<Mutex<CameraConfig>>);

impl Scene {
    /// Somebody is where the photograph was taken.
    pub fn shows(&self, picture: impl Into<PathBuf>) {
        self.becomes(CameraConfig::Picture { path: picture.into() });
    }

    /// Another camera is configured.
    pub fn becomes(&self, camera: CameraConfig) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = camera;
    }

    fn factory(&self) -> CameraFactory {
        let scene = Arc::clone(&self.0);
        Arc::new(move || scene.lock().unwrap_or_else(PoisonError::into_inner).open())
    }
}

impl Workstation {
    /// Enrols the machine and starts its agent.
    pub(super) async fn start(world: &World, name: &str, invitation: &InvitationUri) -> Self {
        let folder = world.folder.path().join(name.replace(' ', "-"));
        let keystore = KeystoreConfig::software(folder.join("keys")).open().expect("a keystore");
        Self::start_keeping(world, name, invitation, keystore).await
    }

    /// The same, with its keys there.
    pub(super) async fn start_keeping(
        world: &World,
        name: &str,
        invitation: &InvitationUri,
        keystore: Arc<dyn Keystore>,
    ) -> Self {
        let folder = world.folder.path().join(name.replace(' ', "-"));
        let state = StateDirectory::open(&folder).expect("a state folder");
        let clock: Arc<dyn Clock> = world.clock.clone();
        enrol_machine(&state, keystore.clone(), invitation, false, clock.clone())
            .await
            .expect("the workstation is enrolled");
        let scene =
            Scene(Arc::new(Mutex::new(CameraConfig::Picture { path: faces::path(faces::ADA) })));
        let mut config = ClientConfig::default();
        config.limits.tap_seconds = 60;
        config.capture.frames = 1;
        config.broker.port = world.broker_port;
        config.walk_away = world.walk_away;
        config.enrolment.interval_milliseconds = 0;
        let key = Arc::new(EmulatedKey::registered("localhost", &[], PIN, true));
        let screen = Arc::new(Scripted::with_sessions_of(&["ward"]).shared_by_all("ward"));
        let parts = Parts {
            config,
            state,
            clock,
            devices: Devices {
                central: world.air.central(),
                camera: scene.factory(),
                keystore: keystore.clone(),
                keys: key.clone(),
                desktop: screen.clone(),
                engine: faces::engine(),
            },
            recorder: Some(world.traffic.recorder()),
        };
        let agent = Agent::start(parts, &world.shutdown).await.expect("the agent starts");
        let broker = broker::serve(&agent).await.expect("the broker listens");
        Self { agent, folder, scene, keystore, key, screen, broker }
    }

    /// A press on "tap in" by somebody whose phone is near.
    pub async fn tap(&self, username: &str) -> TapReport {
        self.tap_for(username, None).await
    }

    /// A press for a purpose.
    pub async fn tap_for(&self, username: &str, purpose: Option<Purpose>) -> TapReport {
        self.agent.refresh_roster().await.expect("a roster");
        let user = Some(username.to_owned());
        let command = TapCommand { purpose, user, intent: Intent::Screen, phone_alone: false };
        self.agent.tap(command).await
    }

    /// A press on "my phone alone".
    pub async fn tap_by_phone_alone(&self) -> TapReport {
        self.agent.refresh_roster().await.expect("a roster");
        let command =
            TapCommand { purpose: None, user: None, intent: Intent::Screen, phone_alone: true };
        self.agent.tap(command).await
    }

    /// Taps and expects to be let in.
    pub async fn admits(&self, username: &str) -> imp_client::tap::ShownSession {
        match self.tap(username).await {
            TapReport { outcome: TapOutcome::Accepted { session }, .. } => session,
            report => panic!("{username} was not let in: {report:?}"),
        }
    }

    /// Taps and expects the server to refuse.
    pub async fn refuses(&self, username: &str) -> Refusal {
        match self.tap(username).await {
            TapReport { outcome: TapOutcome::Refused { reason }, .. } => reason,
            report => panic!("{username} was not refused: {report:?}"),
        }
    }

    /// Taps and expects the workstation to give up.
    pub async fn gives_up(&self, username: &str) -> Abandonment {
        match self.tap(username).await {
            TapReport { outcome: TapOutcome::Abandoned { reason }, .. } => reason,
            report => panic!("the tap of {username} was not given up: {report:?}"),
        }
    }
}
