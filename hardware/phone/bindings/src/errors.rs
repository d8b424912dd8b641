//! Why something did not work, one kind of error for each call. The message is one English line with all causes.
use imp_phone::explain;

/// The phone cannot be opened.
#[derive(Debug, thiserror::Error, uniffi::Error)]
#[uniffi(flat_error)]
pub enum OpenError {
    /// The app's storage failed, or what it keeps is damaged or belongs to another phone.
    #[error("{0}")]
    Storage(String),
    /// The app's keystore failed.
    #[error("{0}")]
    Keystore(String),
    /// The system gave no threads.
    #[error("{0}")]
    System(String),
}

/// The phone was not bound.
#[derive(Debug, thiserror::Error, uniffi::Error)]
#[uniffi(flat_error)]
pub enum BindError {
    /// The text is no invitation, or one for a workstation.
    #[error("{0}")]
    Invitation(String),
    /// It is somebody's phone: bind with `replace` to start over.
    #[error("{0}")]
    AlreadyBound(String),
    /// It serves: stop the service first.
    #[error("{0}")]
    Serving(String),
    /// What answers is not the server of the invitation: somebody may be in the middle.
    #[error("{0}")]
    NotTheServer(String),
    /// Nothing answers: try again with the same invitation.
    #[error("{0}")]
    Unreachable(String),
    /// The server said no, or an earlier attempt used the code up: ask for a new invitation.
    #[error("{0}")]
    Refused(String),
    /// The server's answer cannot be used.
    #[error("{0}")]
    Answer(String),
    /// The app's keystore failed.
    #[error("{0}")]
    Keystore(String),
    /// The app's storage failed.
    #[error("{0}")]
    Storage(String),
}

/// The phone does not serve.
#[derive(Debug, thiserror::Error, uniffi::Error)]
#[uniffi(flat_error)]
pub enum ServeError {
    /// Nobody's phone: bind it first.
    #[error("{0}")]
    NotBound(String),
    /// It serves already.
    #[error("{0}")]
    Serving(String),
    /// Its key or its certificate cannot be used: bind it again.
    #[error("{0}")]
    Identity(String),
    /// The app's storage failed.
    #[error("{0}")]
    Storage(String),
}

/// The phone's state cannot be told.
#[derive(Debug, thiserror::Error, uniffi::Error)]
#[uniffi(flat_error)]
pub enum StatusError {
    /// Its key or its binding cannot be used.
    #[error("{0}")]
    Identity(String),
    /// The app's storage failed.
    #[error("{0}")]
    Storage(String),
}

/// The receipts cannot be read.
#[derive(Debug, thiserror::Error, uniffi::Error)]
#[uniffi(flat_error)]
pub enum UsesError {
    /// The binding, with the server's keys, cannot be read.
    #[error("{0}")]
    Identity(String),
    /// The app's storage failed.
    #[error("{0}")]
    Storage(String),
}

/// The uses could not be checked against the server's log.
#[derive(Debug, thiserror::Error, uniffi::Error)]
#[uniffi(flat_error)]
pub enum VerifyError {
    /// Nobody's phone.
    #[error("{0}")]
    NotBound(String),
    /// Its key or its binding cannot be used.
    #[error("{0}")]
    Identity(String),
    /// The server has not said yet which key its log has.
    #[error("{0}")]
    NoLogKey(String),
    /// Nothing answers: what the receipts prove without it, `uses` tells.
    #[error("{0}")]
    Unreachable(String),
    /// The server does not answer as one with a log does.
    #[error("{0}")]
    Server(String),
    /// The log was rolled back, forked or forged: show this to the security officer. Both checkpoints are kept.
    #[error("{0}")]
    Alarm(String),
    /// The app's storage failed.
    #[error("{0}")]
    Storage(String),
}

/// The certificate was not renewed.
#[derive(Debug, thiserror::Error, uniffi::Error)]
#[uniffi(flat_error)]
pub enum RenewError {
    /// Nobody's phone.
    #[error("{0}")]
    NotBound(String),
    /// It serves, and renews its certificate by itself.
    #[error("{0}")]
    Serving(String),
    /// Its key or its binding cannot be used.
    #[error("{0}")]
    Identity(String),
    /// The server did not answer, or said no.
    #[error("{0}")]
    Server(String),
    /// The app's storage failed.
    #[error("{0}")]
    Storage(String),
}

/// Not everything could be erased.
#[derive(Debug, thiserror::Error, uniffi::Error)]
#[uniffi(flat_error)]
pub enum EraseError {
    /// It serves, and would lose its binding: stop the service first.
    #[error("{0}")]
    Serving(String),
    /// The app's keystore failed.
    #[error("{0}")]
    Keystore(String),
    /// The app's storage failed.
    #[error("{0}")]
    Storage(String),
}

/// The hospital could not be told that a use was not hers.
#[derive(Debug, thiserror::Error, uniffi::Error)]
#[uniffi(flat_error)]
pub enum DisputeError {
    /// Nobody's phone.
    #[error("{0}")]
    NotBound(String),
    /// Its key or its binding cannot be used.
    #[error("{0}")]
    Identity(String),
    /// The log has no use of hers with this number.
    #[error("{0}")]
    NotYours(String),
    /// The remark is empty, too long, or has control characters.
    #[error("{0}")]
    Remark(String),
    /// The server did not answer, or said no.
    #[error("{0}")]
    Server(String),
}

impl From<imp_phone::OpenError> for OpenError {
    fn from(error: imp_phone::OpenError) -> Self {
        use imp_phone::OpenError as Core;
        let text = explain(&error);
        match error {
            Core::State(_) => Self::Storage(text),
            Core::Vault(_) | Core::Keystore(_) => Self::Keystore(text),
        }
    }
}

impl From<imp_phone::BindError> for BindError {
    fn from(error: imp_phone::BindError) -> Self {
        use imp_phone::BindError as Core;
        let text = explain(&error);
        match error {
            Core::AlreadyBound(_) => Self::AlreadyBound(text),
            Core::Serving => Self::Serving(text),
            Core::OtherPurpose => Self::Invitation(text),
            Core::NotTheServer(..) => Self::NotTheServer(text),
            Core::Unreachable(..) => Self::Unreachable(text),
            Core::Refused(_) | Core::Interrupted(_) => Self::Refused(text),
            Core::Answer(_) | Core::Exchange(_) | Core::Tls(_) => Self::Answer(text),
            Core::Keystore(_) | Core::Sign(_) | Core::Vault(_) => Self::Keystore(text),
            Core::State(_) => Self::Storage(text),
        }
    }
}

impl From<imp_phone::ServeError> for ServeError {
    fn from(error: imp_phone::ServeError) -> Self {
        use imp_phone::ServeError as Core;
        let text = explain(&error);
        match error {
            Core::NotBound => Self::NotBound(text),
            Core::Serving => Self::Serving(text),
            Core::Holder(_) | Core::Tls(_) => Self::Identity(text),
            Core::State(_) => Self::Storage(text),
        }
    }
}

impl From<imp_phone::StatusError> for StatusError {
    fn from(error: imp_phone::StatusError) -> Self {
        use imp_phone::StatusError as Core;
        let text = explain(&error);
        match error {
            Core::Holder(_) => Self::Identity(text),
            Core::State(_) => Self::Storage(text),
        }
    }
}

impl From<imp_phone::UsesError> for UsesError {
    fn from(error: imp_phone::UsesError) -> Self {
        use imp_phone::UsesError as Core;
        let text = explain(&error);
        match error {
            Core::Binding(_) => Self::Identity(text),
            Core::State(_) => Self::Storage(text),
        }
    }
}

impl From<imp_phone::VerifyError> for VerifyError {
    fn from(error: imp_phone::VerifyError) -> Self {
        use imp_phone::VerifyError as Core;
        let text = explain(&error);
        match error {
            Core::NotBound => Self::NotBound(text),
            Core::Holder(_) => Self::Identity(text),
            Core::NoLogKey => Self::NoLogKey(text),
            Core::Unreachable(_) => Self::Unreachable(text),
            Core::Connect(_) | Core::Server(_) | Core::List => Self::Server(text),
            Core::Alarm(_) => Self::Alarm(text),
            Core::Seen(_) | Core::State(_) => Self::Storage(text),
        }
    }
}

impl From<imp_phone::RenewError> for RenewError {
    fn from(error: imp_phone::RenewError) -> Self {
        use imp_phone::RenewError as Core;
        let text = explain(&error);
        match error {
            Core::NotBound => Self::NotBound(text),
            Core::Serving => Self::Serving(text),
            Core::Holder(_) | Core::Sign(_) => Self::Identity(text),
            Core::Connect(_) | Core::Server(_) | Core::Answer(_) => Self::Server(text),
            Core::State(_) => Self::Storage(text),
        }
    }
}

impl From<imp_phone::EraseError> for EraseError {
    fn from(error: imp_phone::EraseError) -> Self {
        use imp_phone::EraseError as Core;
        let text = explain(&error);
        match error {
            Core::Serving => Self::Serving(text),
            Core::Vault(_) | Core::Keystore(_) => Self::Keystore(text),
            Core::State(_) => Self::Storage(text),
        }
    }
}

impl From<imp_phone::DisputeError> for DisputeError {
    fn from(error: imp_phone::DisputeError) -> Self {
        use imp_phone::DisputeError as Core;
        let text = explain(&error);
        match error {
            Core::NotBound => Self::NotBound(text),
            Core::Holder(_) => Self::Identity(text),
            Core::NotYours(_) => Self::NotYours(text),
            Core::Connect(_) | Core::Server(_) => Self::Server(text),
        }
    }
}
