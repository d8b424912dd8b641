//! What the agent does while nobody taps: listens for phones, keeps roster, sessions and certificate fresh, asks for challenges ahead.
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use imp_api::machine::RenewCertificate;
use imp_api::tap::OpenTap;
use imp_api::{Client, ClientError};
use imp_authenticator::signer::{SignError, certificate_request};
use imp_authenticator::tls::TlsError;
use imp_hardware::ble::Advertisement;
use imp_identity::PhoneId;
use imp_identity::tap::Purpose;
use tokio::time::Instant;

use crate::agent::Agent;
use crate::crash;
use crate::credentials::{CredentialsError, Standing, StoredCredentials};
use crate::prefetch::Challenge;
use crate::roster::RosterError;
use crate::state::StateError;
use crate::status::RadioState;

/// How often the agent looks what is due.
const TICK: Duration = Duration::from_secs(1);
/// After a failure something is tried again no sooner than this.
const RETRY: Duration = Duration::from_secs(10);
/// An unknown phone has the roster asked for no more often than this.
const ROSTER_ON_DEMAND: Duration = Duration::from_secs(5);
/// The longest wait, while the roster never knows who is heard.
const ROSTER_ON_DEMAND_AT_MOST: Duration = Duration::from_mins(5);
/// The longest wait before the radio is opened again.
const LONGEST_RADIO_WAIT: Duration = Duration::from_secs(30);

/// The certificate could not be renewed.
#[derive(Debug, thiserror::Error)]
pub enum RenewalError {
    /// The key does not sign.
    #[error("the certificate request cannot be signed")]
    Sign(#[from] SignError),
    /// The server did not renew it.
    #[error("the server did not renew the certificate")]
    Server(#[from] ClientError),
    /// The answer cannot be used.
    #[error("the new certificate cannot be used")]
    Credentials(#[from] CredentialsError),
    /// No TLS configuration.
    #[error("the connection to the server cannot be prepared")]
    Tls(#[from] TlsError),
    /// It cannot be kept.
    #[error(transparent)]
    State(#[from] StateError),
    /// The server gave this machine another name.
    #[error("the new certificate is that of another machine")]
    OtherMachine,
}

/// When each thing was done, or failed, last.
struct Due {
    at: Instant,
}

impl Due {
    fn after(wait: Duration) -> Self {
        Self { at: Instant::now() + wait }
    }

    fn is_now(&self) -> bool {
        self.at <= Instant::now()
    }
}

/// When a phone that is not known has the roster asked for. Anybody can send identifiers that no roster knows, and at every workstation at
/// once: each question that they cause in vain doubles the wait before the next.
struct Demand {
    wanted: bool,
    wait: Duration,
    asked: Instant,
}

impl Demand {
    const fn new(now: Instant) -> Self {
        Self { wanted: false, wait: ROSTER_ON_DEMAND, asked: now }
    }

    fn is_due(&self, now: Instant) -> bool {
        self.wanted && now.saturating_duration_since(self.asked) >= self.wait
    }

    /// The roster was asked for; `recognised` says whether that named a phone that was unknown.
    fn asked(&mut self, recognised: bool, now: Instant) {
        if recognised {
            self.wait = ROSTER_ON_DEMAND;
        } else if self.wanted {
            self.wait = (self.wait * 2).min(ROSTER_ON_DEMAND_AT_MOST);
        }
        (self.wanted, self.asked) = (false, now);
    }
}

/// Listens for phones until the agent stops; a radio that fails is opened again.
pub(crate) async fn listen(agent: Arc<Agent>) {
    let token = agent.shutdown.token();
    let mut wait = Duration::from_secs(1);
    while !token.is_cancelled() {
        match agent.devices.central.scan().await {
            Ok(mut heard) => {
                agent.set_radio(RadioState::Listening);
                wait = Duration::from_secs(1);
                while let Some(Some(advertisement)) = token.run_until_cancelled(heard.recv()).await
                {
                    agent.hear(advertisement);
                }
            }
            Err(error) => {
                tracing::warn!(error = %error, "the radio cannot be used");
                agent.set_radio(RadioState::Failing { reason: error.to_string() });
            }
        }
        token.run_until_cancelled(tokio::time::sleep(wait)).await;
        wait = (wait * 2).min(LONGEST_RADIO_WAIT);
    }
}

/// Keeps everything fresh until the agent stops.
pub(crate) async fn keep_up(agent: Arc<Agent>) {
    let token = agent.shutdown.token();
    let (roster, sessions) = agent.intervals();
    let mut roster_due = Due::after(roster);
    let mut demand = Demand::new(Instant::now());
    let mut sessions_due = Due::after(sessions);
    let mut outbox_due = Due::after(RETRY);
    let mut renewal_due = Due::after(Duration::ZERO);
    loop {
        tokio::select! {
            () = token.cancelled() => return,
            () = tokio::time::sleep(TICK) => {}
            () = agent.news.notified() => {}
            () = agent.roster_wanted.notified() => demand.wanted = true,
            () = agent.outbox_wanted.notified() => outbox_due = Due::after(Duration::ZERO),
        }
        let round = async {
            agent.presence().forget_gone(Instant::now());
            if roster_due.is_now() || demand.is_due(Instant::now()) {
                let asked = agent.refresh_roster_or_log().await;
                roster_due = Due::after(if asked.is_some() { roster } else { RETRY });
                demand.asked(asked.unwrap_or_default(), Instant::now());
            }
            let anything = !agent.outbox.is_empty() || agent.journal.is_waiting();
            if anything && outbox_due.is_now() {
                agent.tell().await;
                outbox_due = Due::after(RETRY);
            }
            if sessions_due.is_now() && !agent.watching.load(Ordering::Relaxed) {
                agent.refresh_sessions().await;
                sessions_due = Due::after(sessions);
            }
            if renewal_due.is_now() {
                agent.renew_if_due().await;
                renewal_due = Due::after(RETRY);
            }
            agent.fetch_challenges().await;
        };
        if token.run_until_cancelled(round).await.is_none() {
            return;
        }
    }
}

impl Agent {
    /// One round of everything now, whether due or not; the certificate by the clock.
    pub async fn maintain(&self) {
        self.presence().forget_gone(Instant::now());
        self.tell().await;
        self.refresh_roster_or_log().await;
        self.refresh_sessions().await;
        self.renew_if_due().await;
        self.fetch_challenges().await;
    }

    /// Asks the server who may tap here.
    pub async fn refresh_roster(&self) -> Result<(), RosterError> {
        self.ask_roster().await.map(|_recognised| ())
    }

    /// The same; says whether a phone was recognised that was unknown before.
    async fn ask_roster(&self) -> Result<bool, RosterError> {
        let signed = self.server.roster().await?.roster.0;
        let now = self.now();
        let (keeper, standing) = (Arc::clone(&self.roster), self.standing());
        let accept = move || keeper.accept(&signed, &standing.stored, now);
        tokio::task::spawn_blocking(accept)
            .await
            .unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))?;
        // The server makes the roster as it is asked for it.
        if let Some(newest) = self.roster.newest() {
            let ahead = now.duration_since(newest.roster().issued_at).as_secs();
            *self.clock_ahead.lock().unwrap_or_else(PoisonError::into_inner) = Some(ahead);
        }
        let Some(known) = self.roster.current(now) else { return Ok(false) };
        let recognised = self.presence().reconsider(|identifier| known.resolve(identifier, now));
        self.news.notify_waiters();
        Ok(recognised)
    }

    /// Has the certificate renewed, for the same key.
    pub async fn renew_certificate(&self) -> Result<(), RenewalError> {
        let standing = self.standing();
        let signer = standing.identity.signer.clone();
        let request = certificate_request(&signer)?;
        let body = RenewCertificate { certificate_request: request.into() };
        let credentials = self.server.renew_certificate(&body).await?;
        crash::point("renewal:answered");
        if credentials.spiffe_id != standing.stored.credentials.spiffe_id {
            return Err(RenewalError::OtherMachine);
        }
        let stored = StoredCredentials { credentials, ..standing.stored.clone() };
        let renewed = Standing::new(stored, signer, self.clock.clone())?;
        let tls = renewed.server_tls(self.clock.clone())?;
        renewed.stored.write(&self.state)?;
        renewed.stored.check_receipt();
        if standing.stored.has_another_log(&renewed.stored) {
            tracing::error!(
                "the server's log has another key than before: ask whether that was planned"
            );
        }
        crash::point("renewal:stored");
        self.server.replace(Client::new(&renewed.stored.server, tls)?);
        *self.standing.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(renewed);
        tracing::info!("the certificate was renewed");
        Ok(())
    }

    /// Remembers what was heard.
    pub(crate) fn hear(&self, advertisement: Advertisement) {
        let now = self.now();
        let known = self.roster.current(now);
        let phone = known.as_ref().and_then(|known| known.resolve(advertisement.identifier, now));
        let entry = phone.and_then(|phone| known.as_ref()?.entry(phone));
        self.departures.hear(&advertisement, entry.map(|entry| (entry.phone, entry.user)));
        let news = self.presence().hear(advertisement, phone, Instant::now());
        if news && phone.is_none() {
            self.roster_wanted.notify_one();
        }
        if news {
            self.news.notify_waiters();
            self.notice();
        }
    }

    /// Asks for a challenge for each known phone that is near and has none.
    async fn fetch_challenges(&self) {
        let now = self.now();
        let wanted = self.expected_taps();
        let due = self.prefetch().due(&wanted, now);
        for (phone, purpose) in due {
            match self.server.open_tap(&OpenTap { phone, purpose, ahead: true }).await {
                Ok(opened) => match Challenge::try_from(opened) {
                    Ok(challenge) => self.prefetch().keep(phone, purpose, challenge),
                    Err(error) => tracing::warn!(error = %error, "no challenge ahead"),
                },
                Err(ClientError::Unreachable(_)) => return,
                Err(error) => {
                    tracing::debug!(error = %error, phone.id = %phone, "no challenge ahead");
                    self.prefetch().refused(phone, purpose, now);
                }
            }
        }
    }

    /// The taps that are likely: those of active, enrolled people whose phones are near.
    fn expected_taps(&self) -> Vec<(PhoneId, Purpose)> {
        let Some(known) = self.roster.current(self.now()) else { return vec![] };
        let desktop = self.desktop();
        let near = self.presence().known(Instant::now());
        let entries = near.iter().filter_map(|(phone, _)| known.entry(*phone));
        let active = entries.filter(|entry| entry.active && entry.reference.is_some());
        active.map(|entry| (entry.phone, desktop.purpose_for(entry.user))).collect()
    }

    /// Whether a phone was recognised that was unknown before; `None` without a roster.
    async fn refresh_roster_or_log(&self) -> Option<bool> {
        match self.ask_roster().await {
            Ok(recognised) => Some(recognised),
            Err(RosterError::Server(ClientError::Unreachable(_))) => None,
            Err(error) => {
                tracing::warn!(error = %error, "no new roster");
                None
            }
        }
    }

    async fn renew_if_due(&self) {
        if self.standing().stored.credentials.renew_after > self.now() {
            return;
        }
        if let Err(error) = self.renew_certificate().await {
            tracing::warn!(error = %error, "the certificate is due and was not renewed");
        }
    }

    fn intervals(&self) -> (Duration, Duration) {
        let refresh = self.config.refresh;
        (
            Duration::from_secs(refresh.roster_seconds.into()),
            Duration::from_secs(refresh.sessions_seconds.into()),
        )
    }

    fn set_radio(&self, state: RadioState) {
        *self.radio.lock().unwrap_or_else(PoisonError::into_inner) = state;
        self.notice();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_beacon_of_random_identifiers_has_the_roster_asked_for_ever_less_often() {
        let start = Instant::now();
        let mut demand = Demand::new(start);
        let mut asked_after = Vec::new();
        for second in 0..3600 {
            let now = start + Duration::from_secs(second);
            demand.wanted = true;
            if demand.is_due(now) {
                demand.asked(false, now);
                asked_after.push(second);
            }
        }
        assert_eq!(asked_after[..8], [5, 15, 35, 75, 155, 315, 615, 915]);
        assert_eq!(asked_after.len(), 8 + (3599 - 915) / 300);
    }

    #[tokio::test(start_paused = true)]
    async fn a_phone_that_the_roster_comes_to_know_ends_the_long_wait() {
        let start = Instant::now();
        let mut demand = Demand::new(start);
        for _ in 0..10 {
            demand.wanted = true;
            demand.asked(false, start);
        }
        demand.wanted = true;
        assert!(!demand.is_due(start + Duration::from_secs(299)));
        // The roster that is asked for anyway, by the clock.
        demand.asked(true, start);
        assert!(!demand.is_due(start + Duration::from_secs(5)), "nobody wants it");
        demand.wanted = true;
        assert!(demand.is_due(start + Duration::from_secs(5)));
        demand.wanted = false;
        demand.asked(false, start);
        assert_eq!(demand.wait, ROSTER_ON_DEMAND, "asked for by the clock, not in vain");
    }
}
