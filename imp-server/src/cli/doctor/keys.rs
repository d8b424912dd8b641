//! The keys: there, for this account only, readable, and not about to expire.
use jiff::{SignedDuration, Timestamp};

use super::{Finding, chain};
use crate::app;
use crate::ca::{DIRECTORY, Keys};
use crate::config::Config;

/// How long before its end an authority should be replaced.
const EARLY: SignedDuration = SignedDuration::from_hours(24 * 180);

/// The keys, if they can be used, and what was found.
pub(super) fn check(config: &Config, now: Timestamp) -> (Option<Keys>, Vec<Finding>) {
    let directory = config.data.join(DIRECTORY);
    if !directory.exists() {
        let what = format!("there are no keys in {}", directory.display());
        let mend =
            "run `imp-server serve`: the first start creates them; or name the folder with --data";
        return (None, vec![Finding::wrong(what, mend)]);
    }
    // Nothing is created here: the folder exists.
    let keys = match Keys::open(config, now, &mut app::rng()) {
        Ok(keys) => keys,
        Err(error) => {
            let mend = "mend what it says, or restore the folder from a backup";
            return (None, vec![Finding::wrong(chain(&error), mend)]);
        }
    };
    let mut findings =
        vec![Finding::well(format!("the keys can be used; CA fingerprint {}", keys.fingerprint()))];
    let issuing = keys.issuing();
    for (name, certificate) in [("root", keys.root()), ("issuing", &issuing.certificate)] {
        let end = certificate.expires_at();
        findings.push(if now + EARLY < end {
            Finding::well(format!("the {name} certificate counts until {end}"))
        } else {
            let what = format!("the {name} certificate counts only until {end}");
            let mend = match name {
                "issuing" => "run `imp-server ca new-issuing`: machines need not be told",
                _ => "plan a new installation of keys: machines enrol again with it",
            };
            Finding::wrong(what, mend)
        });
    }
    (Some(keys), findings)
}
