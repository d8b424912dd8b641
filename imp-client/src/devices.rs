//! Opens what the configuration names.
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use imp_biometrics::{Engine, LoadError};
use imp_hardware::ble::{Address, Advertisement, Central, CentralConfig, Connection, RadioError};
use imp_hardware::desktop::{DesktopSession, Touchable};
use imp_hardware::keystore::KeystoreError;
use imp_hardware::security_key::UsbKeys;
use imp_models::OpenError;
use tokio::sync::{OnceCell, mpsc};

use crate::agent::{CameraFactory, Devices};
use crate::config::ClientConfig;
use crate::state::StateDirectory;

/// A device cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DevicesError {
    /// The keystore.
    #[error("the keystore cannot be opened")]
    Keystore(#[from] KeystoreError),
    /// The models.
    #[error("the models cannot be opened: set `models` in the configuration")]
    Models(#[from] OpenError),
    /// The models.
    #[error("the models cannot be loaded")]
    Engine(#[from] LoadError),
}

impl Devices {
    /// Opens keystore and models; camera and radio are opened when they are used, so that the agent starts without them and says what is wrong.
    /// Blocks for about a second.
    pub fn open(config: &ClientConfig, state: &StateDirectory) -> Result<Self, DevicesError> {
        let store = config.model_store()?;
        Ok(Self {
            central: Arc::new(LateCentral::new(config.radio.clone())),
            camera: camera(config),
            keystore: config.keystore(state).open()?,
            keys: Arc::new(UsbKeys::new()),
            desktop: desktop(config),
            engine: Arc::new(Engine::load(&store, config.capture.threads())?),
        })
    }
}

/// The configured desktop; with what its keyboard and pointer say, where that is watched.
fn desktop(config: &ClientConfig) -> Arc<dyn DesktopSession> {
    let desktop = config.desktop.open();
    if !(config.walk_away.enabled && config.walk_away.input) {
        return desktop;
    }
    let (devices, class) = (Path::new("/dev/input"), Path::new("/sys/class/input"));
    match Touchable::watching(Arc::clone(&desktop), devices, class) {
        Ok(touchable) => Arc::new(touchable),
        Err(error) => {
            tracing::warn!(%error, "keyboard and pointer are not watched");
            desktop
        }
    }
}

/// Opens the configured camera.
pub fn camera(config: &ClientConfig) -> CameraFactory {
    let camera = config.camera.clone();
    Arc::new(move || camera.open())
}

/// A radio that is opened when it is first used, and again after that failed.
pub struct LateCentral {
    config: CentralConfig,
    central: OnceCell<Arc<dyn Central>>,
}

impl LateCentral {
    /// Not opened yet.
    pub fn new(config: CentralConfig) -> Self {
        Self { config, central: OnceCell::new() }
    }

    async fn central(&self) -> Result<&Arc<dyn Central>, RadioError> {
        self.central.get_or_try_init(|| self.config.open()).await
    }
}

#[async_trait]
impl Central for LateCentral {
    async fn scan(&self) -> Result<mpsc::Receiver<Advertisement>, RadioError> {
        self.central().await?.scan().await
    }

    async fn connect(&self, address: &Address) -> Result<Box<dyn Connection>, RadioError> {
        self.central().await?.connect(address).await
    }
}
