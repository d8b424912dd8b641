//! Why a tap did not succeed: one code for each reason, stable, in the log and on the screen.

/// Why the server refused a tap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Refusal {
    /// The server never gave out this challenge.
    ChallengeUnknown,
    /// The challenge was answered before: a replay.
    ChallengeUsed,
    /// The answer came too late.
    ChallengeExpired,
    /// The phone signed for another workstation than the one that submits.
    WrongWorkstation,
    /// Phone and workstation saw different TLS sessions: somebody sits between them.
    ExporterMismatch,
    /// The template that the phone released is not the enrolled one.
    ReferenceMismatch,
    /// The reference was revoked or never confirmed.
    ReferenceRevoked,
    /// The reference is past its date.
    ReferenceExpired,
    /// The face is not the enrolled one.
    ComparisonFailed,
    /// What stood before the camera was not a live face.
    PresentationAttack,
    /// The user may not be authenticated.
    UserDisabled,
    /// The phone is not bound to anybody here.
    PhoneUnknown,
    /// The phone was revoked.
    PhoneRevoked,
    /// The workstation was revoked.
    WorkstationRevoked,
    /// The phone's statement is malformed or not signed by the bound key.
    StatementInvalid,
    /// The workstation's evidence is malformed or not signed by its key.
    EvidenceInvalid,
    /// Statement, evidence and challenge name different purposes.
    PurposeMismatch,
    /// The statement's time is too far from the server's.
    ClockSkew,
    /// The models or thresholds of the comparison are not among those allowed.
    ModelSetRefused,
    /// Policy does not allow this role here.
    PolicyRole,
    /// Policy does not allow this person's unit here.
    PolicyPlace,
    /// Policy does not allow this hour.
    PolicyHour,
    /// Policy does not allow this purpose.
    PolicyPurpose,
    /// Too many failed comparisons: a wait is running.
    TooManyAttempts,
    /// Too many failed comparisons: the face is disabled until re-bound.
    BiometricDisabled,
    /// There is no session to unlock, step up or end.
    NoSession,
    /// One factor does not suffice here and now.
    OneFactorInsufficient,
}

crate::name::codes! { Refusal:
    ChallengeUnknown = "challenge-unknown",
    ChallengeUsed = "challenge-used",
    ChallengeExpired = "challenge-expired",
    WrongWorkstation = "wrong-workstation",
    ExporterMismatch = "exporter-mismatch",
    ReferenceMismatch = "reference-mismatch",
    ReferenceRevoked = "reference-revoked",
    ReferenceExpired = "reference-expired",
    ComparisonFailed = "comparison-failed",
    PresentationAttack = "presentation-attack",
    UserDisabled = "user-disabled",
    PhoneUnknown = "phone-unknown",
    PhoneRevoked = "phone-revoked",
    WorkstationRevoked = "workstation-revoked",
    StatementInvalid = "statement-invalid",
    EvidenceInvalid = "evidence-invalid",
    PurposeMismatch = "purpose-mismatch",
    ClockSkew = "clock-skew",
    ModelSetRefused = "model-set-refused",
    PolicyRole = "policy-role",
    PolicyPlace = "policy-place",
    PolicyHour = "policy-hour",
    PolicyPurpose = "policy-purpose",
    TooManyAttempts = "too-many-attempts",
    BiometricDisabled = "biometric-disabled",
    NoSession = "no-session",
    OneFactorInsufficient = "one-factor-insufficient",
}

impl Refusal {
    /// One sentence for the person before the screen: what happened, and what to do now.
    pub const fn explain(self) -> &'static str {
        match self {
            Self::ChallengeUnknown => {
                "The workstation answered a question that this server never asked. Tap again."
            }
            Self::ChallengeUsed => {
                "This answer was used before. A recorded answer does not count twice."
            }
            Self::ChallengeExpired => "It took too long. Tap again.",
            Self::WrongWorkstation => {
                "The phone answered another workstation, not this one. Tap again here."
            }
            Self::ExporterMismatch => {
                "Something sits between the phone and the workstation. Tap again close to the screen; security has been told."
            }
            Self::ReferenceMismatch => {
                "The face template on this phone is not the one that was enrolled. Visit the enrolment desk."
            }
            Self::ReferenceRevoked => {
                "The enrolment on this phone is no longer valid. Visit the enrolment desk."
            }
            Self::ReferenceExpired => {
                "The enrolment on this phone has expired. Visit the enrolment desk."
            }
            Self::ComparisonFailed => {
                "The face does not match the owner of this phone. Look straight at the camera and tap again."
            }
            Self::PresentationAttack => {
                "The camera did not see a live face. Look straight at the camera in even light and tap again."
            }
            Self::UserDisabled => "This account is disabled. Ask your supervisor or the help desk.",
            Self::PhoneUnknown => {
                "This phone is not bound to anybody here. Visit the enrolment desk."
            }
            Self::PhoneRevoked => "This phone was revoked. Visit the enrolment desk.",
            Self::WorkstationRevoked => {
                "This workstation was withdrawn from service. Use another one."
            }
            Self::StatementInvalid => {
                "The phone's signature does not verify. Visit the enrolment desk."
            }
            Self::EvidenceInvalid => {
                "The workstation's signature does not verify. Tell the help desk."
            }
            Self::PurposeMismatch => {
                "The phone confirmed something else than the workstation asked for. Tap again."
            }
            Self::ClockSkew => "The phone's clock is wrong. Set it to network time and tap again.",
            Self::ModelSetRefused => {
                "This workstation's face recognition is not one that the hospital allows. Tell the help desk."
            }
            Self::PolicyRole => "Your role may not sign in at this workstation.",
            Self::PolicyPlace => "Staff of your unit may not sign in at this workstation.",
            Self::PolicyHour => "Sign-in is not allowed here at this hour.",
            Self::PolicyPurpose => "This is not allowed at this workstation.",
            Self::TooManyAttempts => {
                "Too many failed attempts. Wait a little and tap again, or use your security key."
            }
            Self::BiometricDisabled => {
                "Face recognition is disabled for this account after too many failures. Visit the enrolment desk."
            }
            Self::NoSession => "There is no session of yours to continue. Tap in.",
            Self::OneFactorInsufficient => {
                "One factor does not suffice here now. Tap with your face, or use your security key with its PIN."
            }
        }
    }
}

/// Why a workstation gave up before the server had anything to decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Abandonment {
    /// No phone that the roster knows is near.
    NoPhone,
    /// The phone could not be reached, or the link was lost.
    PhoneUnreachable,
    /// The phone's certificate did not verify.
    PhoneUntrusted,
    /// The phone declined: not bound, no template, or not willing.
    PhoneDeclined,
    /// What the phone sent cannot be understood.
    PhoneProtocol,
    /// The phone's reference is from before a change of face recognition.
    ReferenceOutdated,
    /// The camera gave no usable picture.
    Camera,
    /// No face was found.
    NoFace,
    /// Several faces were found.
    SeveralFaces,
    /// The face was too small, turned away, dark or blurred.
    PoorQuality,
    /// The server could not be reached in time.
    Timeout,
    /// Somebody stopped it.
    Cancelled,
}

crate::name::codes! { Abandonment:
    NoPhone = "no-phone",
    PhoneUnreachable = "phone-unreachable",
    PhoneUntrusted = "phone-untrusted",
    PhoneDeclined = "phone-declined",
    PhoneProtocol = "phone-protocol",
    ReferenceOutdated = "reference-outdated",
    Camera = "camera",
    NoFace = "no-face",
    SeveralFaces = "several-faces",
    PoorQuality = "poor-quality",
    Timeout = "timeout",
    Cancelled = "cancelled",
}

impl Abandonment {
    /// One sentence for the person before the screen: what happened, and what to do now.
    pub const fn explain(self) -> &'static str {
        match self {
            Self::NoPhone => {
                "No phone that this hospital knows is near. Bring your phone closer and switch Bluetooth on."
            }
            Self::PhoneUnreachable => "The phone did not answer. Bring it closer and tap again.",
            Self::PhoneUntrusted => {
                "This phone cannot prove that it belongs to this hospital. Visit the enrolment desk."
            }
            Self::PhoneDeclined => "The phone declined. Open its app to see why.",
            Self::PhoneProtocol => {
                "The phone sent something that cannot be understood. Update its app."
            }
            Self::ReferenceOutdated => {
                "The enrolment on this phone is from before a change of face recognition. Enrol again at the enrolment desk."
            }
            Self::Camera => "The camera gives no picture. Tell the help desk.",
            Self::NoFace => "No face in the picture. Step before the camera and tap again.",
            Self::SeveralFaces => {
                "Several faces in the picture. Let one person stand before the camera and tap again."
            }
            Self::PoorQuality => {
                "The face could not be seen well enough. Come closer, look at the camera, and tap again."
            }
            Self::Timeout => "The server did not answer in time. Tap again.",
            Self::Cancelled => "Stopped.",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_its_own_code_and_sentence() {
        let mut codes: Vec<_> = Refusal::ALL
            .iter()
            .map(|r| r.code())
            .chain(Abandonment::ALL.iter().map(|a| a.code()))
            .collect();
        let mut sentences: Vec<_> = Refusal::ALL.iter().map(|r| r.explain()).collect();
        let (count, refusals) = (codes.len(), sentences.len());
        codes.sort_unstable();
        codes.dedup();
        sentences.sort_unstable();
        sentences.dedup();
        assert_eq!((codes.len(), sentences.len()), (count, refusals));
        for reason in Refusal::ALL {
            assert_eq!(reason.code().parse::<Refusal>().unwrap(), *reason);
        }
    }
}
