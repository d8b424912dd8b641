//! What an administrator asks for, as the HTTP contract and the command line say it, read into a stream that can be made.
use imp_api::stream::{CreateStream, NatsTarget, SyslogTarget};
use imp_delivery::{
    InvalidEndpoint, InvalidWebhookSecret, NatsLogin, NatsSettings, PushSettings, SyslogSettings,
    TlsIdentity, TlsSettings, WebhookSecret, WebhookSettings,
};
use imp_events::{InvalidQuestion, Kind};
use imp_identity::Secret;
use imp_identity::event::Delivery;
use rand::CryptoRng;

use super::Target;
use super::form::InvalidForm;
use crate::command::NewStream;

/// What is asked for is not a stream.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InvalidWish {
    /// Something is missing.
    #[error("a {delivery} stream needs `{member}`")]
    Missing {
        /// The delivery.
        delivery: &'static str,
        /// What it needs.
        member: &'static str,
    },
    /// Something is there that would not count.
    #[error("a {delivery} stream has no `{member}`")]
    Unexpected {
        /// The delivery.
        delivery: &'static str,
        /// What it does not have.
        member: &'static str,
    },
    /// Not an address.
    #[error(transparent)]
    Endpoint(#[from] InvalidEndpoint),
    /// Not a secret.
    #[error(transparent)]
    Secret(#[from] InvalidWebhookSecret),
    /// Not a server.
    #[error(transparent)]
    Nats(#[from] imp_delivery::nats::InvalidNatsServer),
    /// More than one way to log in, or half of one.
    #[error("NATS wants one of `user` with `password`, `token`, and `credentials`")]
    NatsLogin,
    /// A certificate without its key, or the reverse.
    #[error("`certificate` and `key` belong together")]
    Identity,
    /// Not a type.
    #[error(transparent)]
    Kinds(#[from] InvalidQuestion),
    /// Not a form.
    #[error(transparent)]
    Form(#[from] InvalidForm),
}

/// A wish that can be fulfilled.
pub(crate) struct Wish {
    pub(crate) new: NewStream,
    /// A webhook's secret that was made here, to be shown once.
    pub(crate) secret: Option<Secret<String>>,
}

/// Reads a wish. `rng` makes a webhook's secret if none is given.
pub(crate) fn read(
    body: CreateStream,
    rng: &mut (impl CryptoRng + ?Sized),
) -> Result<Wish, InvalidWish> {
    only_what_counts(&body)?;
    let kinds = kinds(&body.kinds)?;
    let form = body.form.as_deref().map(str::parse).transpose()?;
    let tls = tls(&body)?;
    let mut secret = None;
    let target = match body.delivery {
        Delivery::Push => Target::Push(PushSettings {
            endpoint: need(body.delivery, "endpoint", body.endpoint)?.parse()?,
            authorization: body.authorization,
            tls,
        }),
        Delivery::Poll => Target::Poll,
        Delivery::Webhook => {
            let endpoint = need(body.delivery, "endpoint", body.endpoint)?.parse()?;
            let key = if let Some(given) = &body.secret {
                given.expose().parse()?
            } else {
                let mut random = [0; 32];
                rng.fill_bytes(&mut random);
                let key = WebhookSecret::from_random(random);
                secret = Some(key.to_text());
                key
            };
            Target::Webhook(WebhookSettings { endpoint, secret: key, tls })
        }
        Delivery::Nats => Target::Nats(nats(need(body.delivery, "nats", body.nats)?, tls)?),
        Delivery::Syslog => {
            let SyslogTarget { server, port, largest } =
                need(body.delivery, "syslog", body.syslog)?;
            let (port, largest) = (port.unwrap_or(6514), largest.unwrap_or(8192));
            Target::Syslog(SyslogSettings { server, port, largest, tls })
        }
    };
    let new = NewStream {
        name: body.name,
        receiver: body.receiver,
        target,
        kinds,
        form,
        audience: body.audience,
        description: None,
        from: body.from,
    };
    Ok(Wish { new, secret })
}

/// Reads names of types, each once.
pub(crate) fn kinds(names: &[String]) -> Result<Vec<Kind>, InvalidQuestion> {
    let kinds: Result<Vec<Kind>, _> = names.iter().map(|name| name.parse()).collect();
    let question = imp_events::Question { kinds: kinds?, ..imp_events::Question::default() };
    question.check()?;
    Ok(question.kinds)
}

/// Refuses members that would be ignored: whoever sets one expects that it counts.
fn only_what_counts(body: &CreateStream) -> Result<(), InvalidWish> {
    let delivery = body.delivery;
    let posts = matches!(delivery, Delivery::Push | Delivery::Webhook);
    let goes_out = delivery != Delivery::Poll;
    for (member, is_there, counts) in [
        ("endpoint", body.endpoint.is_some(), posts),
        ("authorization", body.authorization.is_some(), delivery == Delivery::Push),
        ("secret", body.secret.is_some(), delivery == Delivery::Webhook),
        ("receiver", body.receiver.is_some(), delivery == Delivery::Poll),
        ("nats", body.nats.is_some(), delivery == Delivery::Nats),
        ("syslog", body.syslog.is_some(), delivery == Delivery::Syslog),
        ("ca", body.ca.is_some(), goes_out),
        ("certificate", body.certificate.is_some(), goes_out),
        ("key", body.key.is_some(), goes_out),
    ] {
        if is_there && !counts {
            return Err(InvalidWish::Unexpected { delivery: delivery.code(), member });
        }
    }
    Ok(())
}

fn need<T>(delivery: Delivery, member: &'static str, value: Option<T>) -> Result<T, InvalidWish> {
    value.ok_or(InvalidWish::Missing { delivery: delivery.code(), member })
}

fn tls(body: &CreateStream) -> Result<TlsSettings, InvalidWish> {
    let identity = match (&body.certificate, &body.key) {
        (Some(certificates), Some(key)) => {
            Some(TlsIdentity { certificates: certificates.clone(), key: key.clone() })
        }
        (None, None) => None,
        (Some(_), None) | (None, Some(_)) => return Err(InvalidWish::Identity),
    };
    Ok(TlsSettings { ca: body.ca.clone(), identity })
}

fn nats(nats: NatsTarget, tls: TlsSettings) -> Result<NatsSettings, InvalidWish> {
    let NatsTarget { servers, stream, create, user, password, token, credentials } = nats;
    let login = match (user, password, token, credentials) {
        (None, None, None, None) => NatsLogin::None,
        (Some(user), Some(password), None, None) => NatsLogin::Password { user, password },
        (None, None, Some(token), None) => NatsLogin::Token(token),
        (None, None, None, Some(credentials)) => NatsLogin::Credentials(credentials),
        _ => return Err(InvalidWish::NatsLogin),
    };
    let servers: Result<Vec<_>, _> = servers.iter().map(|server| server.parse()).collect();
    let stream = stream.unwrap_or_else(|| "IMP_EVENTS".to_owned());
    Ok(NatsSettings { servers: servers?, stream, create, login, tls })
}
