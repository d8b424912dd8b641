//! Signing a browser on with a phone that scanned its code.
//!
//! The page and the phone show the same number, so that nobody agrees to a browser that she does not see. It does not stop
//! somebody who shows her a page that relays ours: such a sign-on is never called resistant to phishing (docs/sign-in.md).
use imp_authenticator::UnverifiedSignInStatement;
use imp_identity::authentication::{Aal, Authentication, Means, Method, SignInRefusal};
use imp_identity::phone::Phone;
use imp_identity::user::User;
use imp_identity::{Actor, Event, InteractionId};
use imp_storage::{StorageError, Transaction};
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::Context;
use super::interaction;
use super::sign_in_browser::{
    Attempt, Browser, SignInError, SignedOn, desktop_of, refuse, sign_on,
};
use super::sign_on::NewSignOn;
use crate::store::{PhoneSignIn, Tables as _};

/// How long a phone may take.
const LIFETIME: SignedDuration = SignedDuration::from_mins(3);

/// A browser waits for a phone.
#[derive(Clone, Copy, Debug)]
pub struct PhoneAwaited {
    /// Goes into the code on the page.
    pub id: Uuid,
    /// The page shows it, and the phone asks for it.
    pub number: u8,
}

/// What a phone is asked.
#[derive(Clone, Debug)]
pub struct PhoneAsked {
    /// The application.
    pub application: String,
    /// One of these is on the page; in the same order each time.
    pub numbers: [u8; 3],
    /// To be signed.
    pub nonce: [u8; 32],
    /// First instant at which it no longer counts.
    pub expires_at: Timestamp,
}

/// The phone's answer was not taken.
#[derive(Debug, thiserror::Error)]
pub enum AnswerPhoneError {
    /// There is no such question, or no longer, or it was answered.
    #[error("no browser waits for this any more")]
    Unknown,
    /// The statement does not count.
    #[error("the phone's statement does not count")]
    Statement,
    /// She picked another number than the page shows.
    #[error("this is not the number that the page shows: the sign-in is refused")]
    Number,
    /// She may not sign in so.
    #[error("signing in with this phone is not allowed")]
    NotAllowed,
    /// See the source.
    #[error("could not store the answer")]
    Storage(#[from] StorageError),
}

/// Makes a question to a phone for the browser; an earlier one counts no longer.
pub async fn await_phone(
    context: &mut Context<'_>,
    browser: Browser<'_>,
) -> Result<PhoneAwaited, SignInError> {
    let asked =
        interaction::find_interaction(context, browser.interaction, browser.binding).await?;
    let mut transaction = context.storage.begin().await?;
    let allowed = transaction.policies().current().await?.sign_on.phones;
    if !allowed || asked.requirements.phishing_resistant {
        return Err(SignInError::Refused(SignInRefusal::Policy));
    }
    let mut random = [0; 33];
    context.rng.fill_bytes(&mut random);
    let mut nonce = [0; 32];
    nonce.copy_from_slice(&random[..32]);
    let waiting = PhoneSignIn {
        id: InteractionId::generate(context.now, &mut context.rng).as_uuid(),
        interaction: asked.id,
        nonce,
        number: 10 + random[32] % 90,
        expires_at: context.now + LIFETIME,
        user: None,
        authentication: None,
        refusal: None,
    };
    transaction.ceremonies().add_phone(&waiting).await?;
    transaction.commit().await?;
    Ok(PhoneAwaited { id: waiting.id, number: waiting.number })
}

/// What a phone shows to its owner; `None` when no browser waits (any more).
pub async fn phone_question(
    context: &Context<'_>,
    id: Uuid,
) -> Result<Option<PhoneAsked>, StorageError> {
    let mut reading = context.storage.read().await?;
    let Some(waiting) = open(context, &mut reading, id).await? else { return Ok(None) };
    let Some(asked) = reading.interactions().find(waiting.interaction).await? else {
        return Ok(None);
    };
    Ok(Some(PhoneAsked {
        application: asked.requirements.client_name.to_string(),
        numbers: numbers(&waiting),
        nonce: waiting.nonce,
        expires_at: waiting.expires_at,
    }))
}

/// The number among two others. The nonce, which no browser sees, draws them.
fn numbers(waiting: &PhoneSignIn) -> [u8; 3] {
    let other = |seed: u8, not: &[u8]| {
        let mut number = 10 + seed % 90;
        while not.contains(&number) {
            number = if number == 99 { 10 } else { number + 1 };
        }
        number
    };
    let first = other(waiting.nonce[0], &[waiting.number]);
    let second = other(waiting.nonce[1], &[waiting.number, first]);
    let mut all = [waiting.number, first, second];
    all.rotate_right(usize::from(waiting.nonce[2] % 3));
    all
}

async fn open(
    context: &Context<'_>,
    transaction: &mut Transaction,
    id: Uuid,
) -> Result<Option<PhoneSignIn>, StorageError> {
    let found = transaction.ceremonies().find_phone(id).await?;
    Ok(found.filter(|found| {
        let answered = found.authentication.is_some() || found.refusal.is_some();
        !answered && context.now < found.expires_at
    }))
}

/// Takes a phone's answer: its statement, or that its owner does not want to. The first one counts.
pub async fn answer_phone(
    context: &mut Context<'_>,
    phone: &Phone,
    id: Uuid,
    origin: &str,
    statement: Option<&[u8]>,
) -> Result<(), AnswerPhoneError> {
    let mut transaction = context.storage.begin().await?;
    let found = open(context, &mut transaction, id).await?;
    let mut waiting = found.ok_or(AnswerPhoneError::Unknown)?;
    waiting.user = Some(phone.user);
    let judged = match statement {
        Some(statement) => judge(context, &waiting, phone, origin, statement),
        // She does not know the browser that asks.
        None => Err((SignInRefusal::OtherBrowser, Ok(()))),
    };
    let user = transaction.users().find(phone.user).await?;
    let allowed = transaction.policies().current().await?.sign_on.phones;
    let judged = match judged {
        Ok(_) if !user.is_some_and(|user| User::is_active(&user)) => {
            Err((SignInRefusal::UserDisabled, Err(AnswerPhoneError::NotAllowed)))
        }
        Ok(_) if !allowed => Err((SignInRefusal::Policy, Err(AnswerPhoneError::NotAllowed))),
        other => other,
    };
    let answer = match judged {
        Ok(authentication) => {
            waiting.authentication = Some(authentication);
            Ok(())
        }
        Err((reason, answer)) => {
            waiting.refusal = Some(reason);
            let event = Event::SignInRefused {
                user: Some(phone.user),
                workstation: None,
                means: Means::Phone,
                reason,
            };
            context.append(&mut transaction, &Actor::Phone(phone.id), event).await?;
            answer
        }
    };
    transaction.ceremonies().answer_phone(&waiting).await?;
    transaction.commit().await?;
    answer
}

type Judged = Result<Authentication, (SignInRefusal, Result<(), AnswerPhoneError>)>;

/// What the statement proves: the phone's key, and that somebody was present; a second factor only if the phone says that it
/// verified its owner.
fn judge(
    context: &Context<'_>,
    waiting: &PhoneSignIn,
    phone: &Phone,
    origin: &str,
    statement: &[u8],
) -> Judged {
    let wrong = || (SignInRefusal::Signature, Err(AnswerPhoneError::Statement));
    let claim = UnverifiedSignInStatement::parse(statement).map_err(|_| wrong())?;
    let key = phone.binding().map(|binding| binding.public_key.as_slice()).ok_or_else(wrong)?;
    if claim.phone() != phone.id {
        return Err(wrong());
    }
    let statement = claim.verify(key).map_err(|_| wrong())?;
    if statement.nonce != waiting.nonce || statement.origin != origin {
        return Err(wrong());
    }
    if statement.number != waiting.number {
        return Err((SignInRefusal::OtherBrowser, Err(AnswerPhoneError::Number)));
    }
    let mut methods = vec![Method::HardwareKey, Method::Presence];
    let aal = if statement.verified {
        methods.push(Method::Pin);
        Aal::Aal2
    } else {
        Aal::Aal1
    };
    Ok(Authentication::new(context.now, methods, aal))
}

/// Signs the browser on if a phone has answered; `None` while it waits.
pub async fn redeem_phone(
    context: &mut Context<'_>,
    browser: Browser<'_>,
) -> Result<Option<SignedOn>, SignInError> {
    let asked =
        interaction::find_interaction(context, browser.interaction, browser.binding).await?;
    let found = context.storage.read().await?.ceremonies().phone_of_interaction(asked.id).await?;
    let Some(waiting) = found.filter(|found| context.now < found.expires_at) else {
        return Err(SignInError::Refused(SignInRefusal::Expired));
    };
    if let Some(reason) = waiting.refusal {
        return Err(SignInError::Refused(reason));
    }
    let (Some(user), Some(authentication)) = (waiting.user, waiting.authentication) else {
        return Ok(None);
    };
    let mut transaction = context.storage.begin().await?;
    // Once, whoever asks at the same time.
    if transaction.ceremonies().find_phone(waiting.id).await?.is_none() {
        return Err(SignInError::Refused(SignInRefusal::Expired));
    }
    transaction.ceremonies().remove_phone(waiting.id).await?;
    let found = transaction.users().find(user).await?;
    if !found.is_some_and(|found| User::is_active(&found)) {
        let attempt = Attempt { user: Some(user), workstation: None, means: Means::Phone };
        return refuse(context, transaction, attempt, SignInRefusal::UserDisabled).await;
    }
    let Ok(session) = desktop_of(context, &mut transaction, &asked, user).await? else {
        let (user, workstation) = (Some(user), asked.workstation);
        let attempt = Attempt { user, workstation, means: Means::Phone };
        return refuse(context, transaction, attempt, SignInRefusal::NoSession).await;
    };
    let new =
        NewSignOn { user, session, authentication, credential: None, replaces: browser.before };
    sign_on(context, transaction, asked, new).await.map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_phone_offers_three_numbers_of_which_one_is_on_the_page() {
        for (number, seed) in [(10, 0), (99, 255), (42, 32), (12, 2), (11, 1)] {
            let waiting = PhoneSignIn {
                id: Uuid::nil(),
                interaction: Uuid::nil().into(),
                nonce: [seed; 32],
                number,
                expires_at: Timestamp::UNIX_EPOCH,
                user: None,
                authentication: None,
                refusal: None,
            };
            let mut all = numbers(&waiting);
            assert!(all.contains(&number) && all.iter().all(|one| (10..=99).contains(one)));
            all.sort_unstable();
            assert!(all[0] < all[1] && all[1] < all[2], "{all:?}");
        }
    }
}
