//! Signing a browser on: the owner has scanned the code of a page, and picks the number that it shows.
use std::sync::Arc;

use imp_api::phone_sign_in::{AnswerPhoneSignIn, PhoneSignIn, SignInUri};
use imp_api::{Client, ClientError};
use imp_authenticator::{SignError, SignInStatement};
use imp_identity::Clock;

use crate::Phone;
use crate::holder::{ConnectError, Holder, HolderError};
use crate::screen::printable;

/// A browser waits, and the server has said for what.
pub struct SignInRequest {
    /// The origin of the page; the address bar must show it.
    pub origin: String,
    /// The application.
    pub application: String,
    /// One of these is on the page.
    pub numbers: Vec<u8>,
    uri: SignInUri,
    asked: PhoneSignIn,
    holder: Holder,
    client: Client,
}

/// The browser was not signed on.
#[derive(Debug, thiserror::Error)]
pub enum PhoneSignInError {
    /// Nobody's phone.
    #[error(
        "this phone is not bound: run `imp-phone bind` with the invitation of the enrolment desk"
    )]
    NotBound,
    /// Its key or binding.
    #[error("this phone cannot act as the one it was bound as")]
    Holder(#[from] HolderError),
    /// The client could not be made.
    #[error("the server cannot be asked")]
    Connect(#[from] ConnectError),
    /// It is none of those that the phone showed.
    #[error("{0} is none of the numbers that were shown")]
    Number(u8),
    /// What the server wants signed is not of this protocol.
    #[error("the server's question does not make sense")]
    Question,
    /// The device key failed.
    #[error("the phone could not sign")]
    Sign(#[from] SignError),
    /// It did not answer, or said no.
    #[error("the server did not accept it")]
    Server(#[source] ClientError),
}

impl Phone {
    /// Asks the server to which this phone is bound what the browser with this code wants.
    pub async fn sign_in_request(
        &self,
        uri: SignInUri,
        clock: Arc<dyn Clock>,
    ) -> Result<SignInRequest, PhoneSignInError> {
        let holder = Holder::load(self)?.ok_or(PhoneSignInError::NotBound)?;
        let client = holder.client(clock)?;
        let asked = client.phone_sign_in(uri.0).await.map_err(PhoneSignInError::Server)?;
        Ok(SignInRequest {
            origin: printable(&asked.origin),
            application: printable(&asked.application),
            numbers: asked.numbers.clone(),
            uri,
            asked,
            holder,
            client,
        })
    }
}

impl SignInRequest {
    /// Signs for the browser that shows `number`. Nothing here verifies the owner, and the statement says so: whoever holds the
    /// unlocked phone can do this.
    pub async fn agree(self, number: u8, clock: &dyn Clock) -> Result<(), PhoneSignInError> {
        if !self.numbers.contains(&number) {
            return Err(PhoneSignInError::Number(number));
        }
        let nonce = self.asked.nonce.0.as_slice();
        let statement = SignInStatement {
            nonce: nonce.try_into().map_err(|_| PhoneSignInError::Question)?,
            origin: self.asked.origin.clone(),
            number,
            verified: false,
            at: clock.now(),
        };
        let signed = statement.sign(self.holder.binding.phone, self.holder.signer.as_ref())?;
        self.answer(Some(signed)).await
    }

    /// Tells the server that the owner does not want it.
    pub async fn refuse(self) -> Result<(), PhoneSignInError> {
        self.answer(None).await
    }

    async fn answer(self, statement: Option<Vec<u8>>) -> Result<(), PhoneSignInError> {
        let body = AnswerPhoneSignIn { statement: statement.map(Into::into) };
        let answered = self.client.answer_phone_sign_in(self.uri.0, &body).await;
        answered.map_err(PhoneSignInError::Server)
    }
}
