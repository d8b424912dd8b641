//! From a stored stream to what delivers it.
use std::sync::Arc;

use imp_delivery::{
    HttpSetupError, Kinds, Nats, NatsSetupError, Push, PushSettings, PushSetupError, Subscription,
    Syslog, SyslogSetupError, Webhook,
};
use imp_events::export::Source;
use imp_events::{Consumer, Kind};
use imp_identity::Clock;

use super::form::Scribe;
use super::{Form, SetIssuer, Stream, Target};
use crate::ca::Keys;
use crate::config::Config;

/// Makes consumers of streams.
pub(crate) struct Workshop(Scribe);

/// Nothing can be delivered to that target.
#[derive(Debug, thiserror::Error)]
pub enum InvalidTarget {
    /// See the source.
    #[error("the push receiver cannot be used")]
    Push(#[from] PushSetupError),
    /// See the source.
    #[error("the webhook cannot be used")]
    Webhook(#[from] HttpSetupError),
    /// See the source.
    #[error("the NATS servers cannot be used")]
    Nats(#[from] NatsSetupError),
    /// See the source.
    #[error("the syslog receiver cannot be used")]
    Syslog(#[from] SyslogSetupError),
}

impl Workshop {
    /// With what the server knows of itself.
    pub(crate) fn new(
        keys: &Keys,
        config: &Config,
        clock: Arc<dyn Clock>,
        issuer: Arc<SetIssuer>,
    ) -> Self {
        let host = config.http.names.first().map_or_else(String::new, ToString::to_string);
        let source = Source {
            trust_domain: keys.trust_domain().clone(),
            host,
            site: None,
            version: env!("CARGO_PKG_VERSION").to_owned(),
        };
        Self(Scribe { source, issuer, clock })
    }

    /// Whether something could be delivered there. Connects to nobody.
    pub(crate) fn check(&self, target: &Target) -> Result<(), InvalidTarget> {
        let delivery = target.delivery();
        let subscription = Subscription {
            name: String::new(),
            kinds: Kinds::All,
            application: None,
            format: self.0.writer(Form::usual(delivery), delivery, ""),
        };
        self.deliver(subscription, target.clone()).map(drop)
    }

    /// What delivers the stream; `None` for one that its receiver polls.
    pub(crate) fn consumer(
        &self,
        stream: &Stream,
        target: Target,
    ) -> Result<Option<Arc<dyn Consumer>>, InvalidTarget> {
        let subscription = Subscription {
            name: stream.consumer(),
            kinds: kinds(&stream.kinds),
            application: stream.application(),
            format: self.0.writer(stream.form, target.delivery(), &stream.audience),
        };
        self.deliver(subscription, target)
    }

    fn deliver(
        &self,
        subscription: Subscription,
        target: Target,
    ) -> Result<Option<Arc<dyn Consumer>>, InvalidTarget> {
        Ok(Some(match target {
            Target::Push(settings) => Arc::new(Push::new(subscription, &settings, self.clock())?),
            Target::Poll => return Ok(None),
            Target::Webhook(settings) => {
                Arc::new(Webhook::new(subscription, &settings, self.clock())?)
            }
            Target::Nats(settings) => Arc::new(Nats::new(subscription, settings)?),
            Target::Syslog(settings) => Arc::new(Syslog::new(subscription, settings)?),
        }))
    }

    /// What pushes tokens that stand for no entry.
    pub(crate) fn push(
        &self,
        stream: &Stream,
        settings: &PushSettings,
    ) -> Result<Push, InvalidTarget> {
        let subscription = Subscription {
            name: stream.consumer(),
            kinds: Kinds::default(),
            application: None,
            format: self.0.writer(Form::Set, stream.delivery, &stream.audience),
        };
        Ok(Push::new(subscription, settings, self.clock())?)
    }

    fn clock(&self) -> Arc<dyn Clock> {
        self.0.clock.clone()
    }
}

fn kinds(kinds: &[Kind]) -> Kinds {
    if kinds.is_empty() {
        return Kinds::All;
    }
    Kinds::Only(kinds.iter().map(|kind| kind.name().to_owned()).collect())
}
