//! A phone of the hospital.
use std::sync::Arc;

use imp_authenticator::invitation::InvitationUri;
use imp_hardware::ble::emulated::{Air, AirScript, SharedScript};
use imp_hardware::keystore::KeystoreConfig;
use imp_identity::PhoneId;
use imp_phone::{Bind, Misbehaviour, Notice, Phone, Question, Screen, Serving};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::World;

/// Waits until a phone is on the air; agrees to nothing.
#[derive(Default)]
struct OnAir(Notify);

#[async_trait::async_trait]
impl Screen for OnAir {
    fn show(&self, notice: &Notice) {
        if matches!(notice, Notice::Advertising) {
            self.0.notify_one();
        }
    }

    async fn ask(&self, _: &Question) -> bool {
        false
    }
}

/// A phone, on the air while it is served.
pub struct BoundPhone {
    /// The phone.
    pub phone: Phone,
    /// Its identifier, once bound.
    pub id: Option<PhoneId>,
    /// How it behaves on the air.
    pub script: SharedScript,
    name: String,
    serving: Option<(CancellationToken, JoinHandle<()>)>,
}

impl BoundPhone {
    /// A phone out of the box.
    pub fn new(world: &World, name: &str) -> Self {
        let folder = world.folder.path().join(name);
        let keystore = KeystoreConfig::software(folder.join("keys")).open().expect("a keystore");
        Self {
            phone: Phone::open(&folder, keystore).expect("a state folder"),
            id: None,
            script: SharedScript::new(AirScript::default()).expect("a perfect link"),
            name: name.to_owned(),
            serving: None,
        }
    }

    /// Binds it by the invitation, as if the code had been scanned, and serves.
    pub async fn bind(&mut self, world: &World, invitation: &InvitationUri) {
        let bound = self.phone.bind(invitation, Bind { replace: false }, world.clock.clone()).await;
        self.id = Some(bound.expect("the phone is bound").phone);
        self.serve(world, None).await;
    }

    /// Serves, after it stopped serving as before, and is on the air; with `misbehaviour` as a patched phone.
    pub async fn serve(&mut self, world: &World, misbehaviour: Option<Misbehaviour>) {
        self.serve_at(world, &world.air, misbehaviour).await;
    }

    /// The same, where no workstation of this world hears it.
    pub async fn serve_at(
        &mut self,
        world: &World,
        air: &Arc<Air>,
        misbehaviour: Option<Misbehaviour>,
    ) {
        self.stop().await;
        let peripheral = air.peripheral(&self.name, self.script.clone());
        let on_air = Arc::new(OnAir::default());
        let mut serving = Serving::new(peripheral, world.clock.clone()).screen(on_air.clone());
        if let Some(misbehaviour) = misbehaviour {
            serving = serving.misbehaving(misbehaviour);
        }
        let (phone, stop) = (self.phone.clone(), world.shutdown.token().child_token());
        let stopped = stop.clone();
        let task = world.shutdown.spawn(async move {
            phone.serve(serving, stopped).await.expect("the phone serves");
        });
        self.serving = Some((stop, task));
        on_air.0.notified().await;
    }

    /// Goes off the air, as when its battery is empty.
    pub async fn stop(&mut self) {
        if let Some((stop, task)) = self.serving.take() {
            stop.cancel();
            task.await.expect("the phone stops");
        }
    }

    /// The folder where it keeps everything.
    pub fn folder(&self, world: &World) -> std::path::PathBuf {
        world.folder.path().join(&self.name)
    }
}
