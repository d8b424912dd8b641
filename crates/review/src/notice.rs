//! The notice of the day: what was done in a person's name, told to her the same day.
//!
//! A controlled trial found that telling people what was done in their name cut repeated misuse by 95 %.
use std::fmt::Write as _;

use imp_identity::event::{Event, Outcome};
use imp_identity::grant::GrantEnd;
use imp_identity::session::OneFactor;
use imp_identity::tap::Purpose;
use jiff::civil::{Date, DateTime};

/// The most uses that one notice lists; it says how many more there were.
pub const MOST_LISTED: usize = 50;

/// One thing that was done in her name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Use {
    /// The entry's place in the log.
    pub index: u64,
    /// The wall clock at the hospital.
    pub local: DateTime,
    /// What, as [`deed`] says it.
    pub deed: &'static str,
    /// The workstation, as it is shown to people.
    pub place: Option<String>,
}

/// One day's notice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// How she is shown to people.
    pub name: String,
    /// The hospital's installation.
    pub installation: String,
    /// The day.
    pub day: Date,
    /// What was done, in order.
    pub uses: Vec<Use>,
    /// Where a press opens a case; absent when the notice is read on the phone, which has its own way.
    pub dispute: Option<String>,
    /// Where she sees what is registered in her name, and where she is signed in; absent where the notice has no links.
    pub account: Option<String>,
}

/// What an event did in the name of [`Event::user`], in words for her; nothing if she need not be told.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "what is not done with her face, phone or codes is no use"
)]
pub fn deed(event: &Event) -> Option<&'static str> {
    if let Event::TapAccepted(facts) = event {
        return Some(accepted(facts.purpose));
    }
    if let Event::SecurityKeyAccepted { purpose, .. } = event {
        return Some(accepted(*purpose));
    }
    if let Event::OfflineTapReconciled { purpose, outcome: Outcome::Accepted, .. } = event {
        return Some(accepted(*purpose));
    }
    if let Event::SessionReauthenticated { means, .. } = event {
        return Some(match means {
            OneFactor::Phone => "unlocked by your phone alone",
            OneFactor::SecurityKey => "unlocked by a touch of your security key",
        });
    }
    Some(match event {
        Event::TapRefused { user: Some(_), .. } => "tap refused",
        Event::BreakGlassUsed { .. } => "emergency access",
        Event::SignInCodeIssued { .. } => "one-time code for signing in made for you",
        Event::AccessTokenIssued { .. } => "signed in with a one-time code",
        Event::PhoneBound { .. } => "phone bound to you",
        Event::PhoneRevoked { .. } => "your phone revoked",
        Event::EnrolmentOpened { .. } => "enrolment of your face begun",
        Event::EnrolmentCompleted { .. } => "enrolment of your face completed",
        Event::ReferenceRevoked { .. } => "your face reference revoked",
        Event::BiometricDisabled { .. } => "your face disabled after failed comparisons",
        // A browser at her desktop is signed on by her tap, which stands here already.
        Event::SignOnEstablished { session: None, .. } => "signed in in a browser",
        Event::SignInRefused { user: Some(_), .. } => "sign-in refused",
        Event::CredentialRegistered { .. } => "passkey or security key registered for you",
        Event::CredentialRemoved { .. } => "your passkey or security key removed",
        Event::GrantRevoked { reason: GrantEnd::CodeReused | GrantEnd::RefreshReused, .. } => {
            "an application signed out, because its token was used twice"
        }
        _ => return None,
    })
}

const fn accepted(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::TapIn => "tapped in",
        Purpose::Unlock => "unlocked",
        Purpose::StepUp => "confirmed an act",
        Purpose::TapOut => "tapped out",
    }
}

impl Notice {
    /// The subject line.
    pub fn subject(&self) -> String {
        match self.uses.len() {
            1 => format!("{}: 1 use in your name on {}", self.installation, self.day),
            n => format!("{}: {n} uses in your name on {}", self.installation, self.day),
        }
    }

    /// The text, in plain lines.
    pub fn text(&self) -> String {
        let mut text = format!("{},\n\nthis was done in your name on {}:\n\n", self.name, self.day);
        for one in self.uses.iter().take(MOST_LISTED) {
            let (hour, minute) = (one.local.hour(), one.local.minute());
            let place = one.place.as_ref().map(|place| format!(", {place}")).unwrap_or_default();
            let _infallible = writeln!(
                text,
                "  {hour:02}:{minute:02}  {}{place}  (entry {})",
                one.deed, one.index
            );
        }
        if let more @ 1.. = self.uses.len().saturating_sub(MOST_LISTED) {
            let _infallible = writeln!(text, "  … and {more} more");
        }
        match &self.dispute {
            Some(url) => {
                let _infallible = write!(
                    text,
                    "\nWas one of these not you? Say so here, and the security team looks into it:\n{url}\n"
                );
            }
            None => text.push_str("\nWas one of these not you? Dispute it on this phone.\n"),
        }
        if let Some(url) = &self.account {
            let _infallible = write!(
                text,
                "\nYour passkeys and security keys, and where you are signed in:\n{url}\n"
            );
        }
        text.push_str("\nIf all of it was you, you need not do anything.\n");
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::{date, time};

    fn notice(uses: usize, dispute: Option<&str>) -> Notice {
        let day = date(2026, 11, 22);
        let uses = (0..uses as u64).map(|index| Use {
            index,
            local: day.to_datetime(time(7, 5, 0, 0)),
            deed: accepted(Purpose::TapIn),
            place: Some("Ward 3, desk 2".to_owned()),
        });
        Notice {
            name: "Ada Rossi".to_owned(),
            installation: "imp.internal".to_owned(),
            day,
            uses: uses.collect(),
            dispute: dispute.map(str::to_owned),
            account: dispute.map(|_| "https://imp.example/account".to_owned()),
        }
    }

    #[test]
    fn a_notice_says_when_what_where_and_how_to_dispute_it() {
        let one = notice(1, Some("https://imp.example/dispute/abc"));
        assert_eq!(one.subject(), "imp.internal: 1 use in your name on 2026-11-22");
        let text = one.text();
        assert!(text.contains("  07:05  tapped in, Ward 3, desk 2  (entry 0)\n"), "{text}");
        assert!(text.contains("https://imp.example/dispute/abc\n"));
        assert!(text.contains("where you are signed in:\nhttps://imp.example/account\n"), "{text}");
        assert!(!notice(1, None).text().contains("/account"), "the phone has no links");
    }

    #[test]
    fn a_long_day_is_cut_and_says_so() {
        let long = notice(MOST_LISTED + 7, None);
        assert_eq!(long.subject(), "imp.internal: 57 uses in your name on 2026-11-22");
        let text = long.text();
        assert!(text.contains("  … and 7 more\n"));
        assert!(text.contains("Dispute it on this phone."));
        assert_eq!(text.matches("tapped in").count(), MOST_LISTED);
    }
}
