//! A hospital: a server on a free port of loopback, with a clock that stands still until it is moved.
use std::sync::{Arc, Mutex};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use imp_api::admin::{CreateUser, InviteWorkstation, SignIn};
use imp_api::enrolment::{EnrolmentOpened, OpenEnrolment};
use imp_api::machine::{BindPhone, Credentials, EnrolWorkstation, PhoneBound};
use imp_api::{Client, ClientError};
use imp_authenticator::tls::{first_meeting, machine_to_server};
use imp_authenticator::{
    InvitationUri, MachineIdentity, SignError, Signer, TrustAnchors, certificate_request,
};
use imp_identity::invitation::Code;
use imp_identity::user::Role;
use imp_identity::{Clock, Secret, UserId, WorkstationId};
use imp_server::{Config, Server};
use jiff::{SignedDuration, Timestamp};

pub(crate) struct Hospital {
    pub(crate) server: Server,
    pub(crate) clock: Arc<Hands>,
    _data: tempfile::TempDir,
}

/// A clock that is moved by hand.
pub(crate) struct Hands(Mutex<Timestamp>);

/// A workstation or a phone with its certificate.
pub(crate) struct Machine {
    pub(crate) signer: Arc<dyn Signer>,
    pub(crate) credentials: Credentials,
    pub(crate) client: Client,
}

/// An enrolment that waits for the phone.
pub(crate) struct Desk {
    pub(crate) officer: Client,
    pub(crate) opened: EnrolmentOpened,
}

impl Hands {
    pub(crate) fn advance(&self, by: SignedDuration) {
        *self.0.lock().unwrap() += by;
    }
}

impl Clock for Hands {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }
}

impl Hospital {
    pub(crate) async fn open() -> Self {
        Self::open_with(|_| {}).await
    }

    /// With a configuration that is not the default.
    pub(crate) async fn open_with(configure: impl FnOnce(&mut Config)) -> Self {
        let data = tempfile::tempdir().unwrap();
        let mut config = Config::at(data.path());
        configure(&mut config);
        config.storage.url = Some("sqlite::memory:".to_owned());
        let clock = Arc::new(Hands(Mutex::new("2026-03-01T08:00:00Z".parse().unwrap())));
        let server = Server::start(config, clock.clone()).await.unwrap();
        Self { server, clock, _data: data }
    }

    /// Knows the CA's fingerprint only.
    pub(crate) fn stranger(&self) -> Client {
        let tls = first_meeting(self.server.ca(), self.clock.clone()).unwrap();
        Client::new(self.server.url(), tls).unwrap()
    }

    pub(crate) async fn first_administrator(&self) -> Client {
        let code = self.server.administrator_code().unwrap().clone();
        let ada = user("ada", Role::Administrator);
        let sign_in = SignIn { code, first_administrator: Some(ada) };
        let signed_in = self.stranger().sign_in(&sign_in).await.unwrap();
        self.stranger().with_token(signed_in.token)
    }

    /// A new user, and a client with her token.
    pub(crate) async fn person(
        &self,
        administrator: &Client,
        username: &str,
        role: Role,
    ) -> (UserId, Secret<String>) {
        let user = administrator.create_user(&user(username, role)).await.unwrap();
        let code = administrator.issue_sign_in_code(user.id).await.unwrap().code;
        let sign_in = SignIn { code, first_administrator: None };
        (user.id, self.stranger().sign_in(&sign_in).await.unwrap().token)
    }

    pub(crate) async fn workstation(&self, administrator: &Client) -> (WorkstationId, Machine) {
        let body = InviteWorkstation { name: "Ward 3".to_owned(), unit: None, site: None };
        let invited = administrator.invite_workstation(&body).await.unwrap();
        let invitation: InvitationUri = invited.invitation.parse().unwrap();
        assert_eq!(
            (invitation.ca, invitation.server.as_str()),
            (self.server.ca(), self.server.url())
        );
        let signer = signer();
        let enrolled = self.enrol(&invitation.code, &signer).await.unwrap();
        assert_eq!(enrolled.workstation, invited.workstation);
        (enrolled.workstation, self.machine(signer, enrolled.credentials))
    }

    pub(crate) async fn enrol(
        &self,
        code: &Code,
        signer: &Arc<dyn Signer>,
    ) -> Result<imp_api::machine::WorkstationEnrolled, ClientError> {
        let certificate_request = certificate_request(signer).unwrap().into();
        let body = EnrolWorkstation { code: code.clone(), certificate_request };
        self.stranger().enrol_workstation(&body).await
    }

    /// An officer begins to enrol `username` at `workstation`.
    pub(crate) async fn desk(
        &self,
        administrator: &Client,
        workstation: &Machine,
        username: &str,
    ) -> Desk {
        let (_, token) = self.person(administrator, "olga", Role::Officer).await;
        administrator.create_user(&user(username, Role::Staff)).await.unwrap();
        let officer = workstation.client.with_token(token);
        let body = OpenEnrolment { username: username.to_owned(), notice: "2026-01".to_owned() };
        let opened = officer.open_enrolment(&body).await.unwrap();
        Desk { officer, opened }
    }

    pub(crate) async fn bind(
        &self,
        code: &Code,
        signer: &Arc<dyn Signer>,
    ) -> Result<PhoneBound, ClientError> {
        let certificate_request = certificate_request(signer).unwrap().into();
        self.stranger().bind_phone(&BindPhone { code: code.clone(), certificate_request }).await
    }

    pub(crate) async fn phone(&self, desk: &Desk) -> (PhoneBound, Machine) {
        let invitation: InvitationUri = desk.opened.invitation.parse().unwrap();
        let signer = signer();
        let bound = self.bind(&invitation.code, &signer).await.unwrap();
        let machine = self.machine(signer, bound.credentials.clone());
        (bound, machine)
    }

    /// An HTTP client that says what it is told: with a machine's certificate, or without.
    pub(crate) fn http(&self, machine: Option<&Machine>) -> reqwest::Client {
        let tls = match machine {
            Some(Machine { signer, credentials, .. }) => self.machine_tls(signer, credentials),
            None => first_meeting(self.server.ca(), self.clock.clone()).unwrap(),
        };
        let builder = reqwest::Client::builder().tls_backend_preconfigured(tls).no_proxy();
        builder.redirect(reqwest::redirect::Policy::none()).build().unwrap()
    }

    pub(crate) fn machine(&self, signer: Arc<dyn Signer>, credentials: Credentials) -> Machine {
        let tls = self.machine_tls(&signer, &credentials);
        let client = Client::new(self.server.url(), tls).unwrap();
        Machine { signer, credentials, client }
    }

    fn machine_tls(
        &self,
        signer: &Arc<dyn Signer>,
        credentials: &Credentials,
    ) -> rustls::ClientConfig {
        let bytes = |all: &[imp_api::Base64]| all.iter().map(|b| b.0.clone()).collect();
        let anchors = TrustAnchors {
            trust_domain: credentials.spiffe_id.trust_domain.clone(),
            roots: bytes(&credentials.trust_anchors),
        };
        let identity = MachineIdentity {
            spiffe_id: credentials.spiffe_id.clone(),
            chain: bytes(&credentials.certificate_chain),
            signer: signer.clone(),
        };
        machine_to_server(Some(&identity), &anchors, self.clock.clone()).unwrap()
    }
}

pub(crate) fn user(username: &str, role: Role) -> CreateUser {
    CreateUser {
        username: username.to_owned(),
        display_name: username.to_uppercase(),
        role: Some(role),
        unit: None,
        email: None,
    }
}

/// The last part of the problem's type URI.
pub(crate) fn problem<T: std::fmt::Debug>(answer: Result<T, ClientError>) -> String {
    let error = answer.unwrap_err();
    error.problem().unwrap_or_else(|| panic!("{error:?}")).code().to_owned()
}

/// A machine's key.
pub(crate) fn signer() -> Arc<dyn Signer> {
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    let spki = aws_lc_rs::encoding::AsDer::as_der(pair.public_key()).unwrap().as_ref().to_vec();
    Arc::new(MachineKey { pair, spki })
}

struct MachineKey {
    pair: EcdsaKeyPair,
    spki: Vec<u8>,
}

impl Signer for MachineKey {
    fn public_key(&self) -> &[u8] {
        &self.spki
    }

    fn sign(&self, message: &[u8]) -> Result<[u8; 64], SignError> {
        let signature = self.pair.sign(&SystemRandom::new(), message).map_err(SignError::new)?;
        Ok(signature.as_ref().try_into().unwrap())
    }
}
