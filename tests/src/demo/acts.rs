//! The play.
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::DemoError;
use super::hospital::{Hospital, Phone, Tapped, shown};
use super::narrator::Narrator;
use crate::process;
use crate::world::faces;

/// The people's pictures.
struct Pictures {
    ada_enrolled: Vec<PathBuf>,
    ada: PathBuf,
    ada_masked: PathBuf,
    bea: PathBuf,
    stranger: PathBuf,
}

/// Everything on the stage.
struct Cast<'a> {
    hospital: Hospital<'a>,
    narrator: &'a Narrator,
    pictures: Pictures,
    ada: Phone<'a>,
    bea: Phone<'a>,
}

/// Plays every act in `folder`; what goes wrong in an act is counted by the narrator.
pub(super) fn play(folder: &Path, narrator: &Narrator) -> Result<(), DemoError> {
    prologue(folder, narrator);
    let pictures = pictures(folder);
    let mut cast = Cast {
        hospital: Hospital::new(folder, "hospital", narrator)?,
        narrator,
        pictures,
        ada: Phone::new(folder, "phone-a", narrator),
        bea: Phone::new(folder, "phone-b", narrator),
    };
    cast.set_up()?;
    cast.enrol()?;
    cast.tap_with_mask()?;
    cast.borrowed_phone()?;
    cast.stranger(folder)?;
    cast.replay()?;
    cast.swapped_template()?;
    cast.disabled()?;
    cast.look_back()?;
    let Cast { hospital, mut ada, mut bea, .. } = cast;
    let config = hospital.config();
    ada.stop()?;
    bea.stop()?;
    hospital.close()?;
    epilogue(folder, &config, narrator);
    Ok(())
}

fn prologue(folder: &Path, narrator: &Narrator) {
    narrator.line("IMP: a nurse taps in with phone and face, and the server never sees her face.");
    narrator.line("");
    narrator.say("What runs here are the real programs, each in a process of its own: a server, the agent of a");
    narrator.say(
        "workstation, and the phones of nurse A (Ada), nurse B (Bea) and a stranger. The faces are",
    );
    narrator.say("public-domain photographs, looked at by the networks that look at real faces. Emulated are");
    narrator.say("the radio (a socket in place of Bluetooth) and the camera (a photograph in place of a lens).");
    narrator.say(&format!(
        "Lines with $ are the commands as they are run; $DEMO is {}.",
        folder.display()
    ));
}

fn pictures(folder: &Path) -> Pictures {
    Pictures {
        ada_enrolled: faces::ADA_ENROLLED.iter().map(|name| faces::path(name)).collect(),
        ada: faces::path(faces::ADA),
        ada_masked: faces::masked(faces::ADA, folder),
        bea: faces::path(faces::BEA),
        stranger: faces::path(faces::STRANGER),
    }
}

impl Cast<'_> {
    fn set_up(&mut self) -> Result<(), DemoError> {
        let (narrator, hospital) = (self.narrator, &mut self.hospital);
        narrator.act("A server, a workstation, and the staff");
        let greeting = hospital.open()?;
        narrator.quote(&greeting.join("\n"));
        narrator.check(true, "the server made its keys, its certificate authority and a one-time administrator token");
        for (username, name, role) in [
            ("olga", "Officer Olga", "officer"),
            ("ada", "Nurse Ada", "staff"),
            ("bea", "Nurse Bea", "staff"),
        ] {
            hospital.administer(&[
                "user", "add", username, "--name", name, "--role", role, "--unit", "Ward 3",
            ])?;
        }
        narrator
            .check(true, "staff are created: an officer who may enrol others, nurse A and nurse B");
        hospital.equip("Ward 3 left", "olga")?;
        narrator.check(
            true,
            "the workstation has its key and certificate, and its agent watches the radio",
        );
        Ok(())
    }

    fn enrol(&mut self) -> Result<(), DemoError> {
        let narrator = self.narrator;
        narrator.act("The officer enrols nurse A and nurse B");
        narrator.say("A code on the screen binds the phone. The workstation makes the template in memory, the server");
        narrator.say("signs its salted digest, and the phone seals it: from now on it is there and nowhere else.");
        self.hospital.camera_sees(&self.pictures.ada_enrolled)?;
        let enrolled = self.hospital.enrol("ada", &mut self.ada)?;
        self.check_enrolled("A", &enrolled, self.pictures.ada_enrolled.len());
        self.hospital.camera_sees(std::slice::from_ref(&self.pictures.bea))?;
        let enrolled = self.hospital.enrol("bea", &mut self.bea)?;
        self.check_enrolled("B", &enrolled, 1);
        narrator.quote(&self.ada.ask(&["status"])?);
        narrator.say("Nurse B goes home: only nurse A's phone is near.");
        self.bea.stop()?;
        self.hospital.near(&["ada"], 0)
    }

    fn check_enrolled(&self, who: &str, enrolled: &Value, photographs: usize) {
        let found = enrolled["photographs"].as_u64().unwrap_or_default();
        let met = enrolled["receipt_delivered"] == true && found == photographs as u64;
        let text = format!(
            "nurse {who} is enrolled from {found} photograph(s); her phone holds a signed reference and a receipt"
        );
        self.narrator.check(met, &text);
    }

    fn tap_with_mask(&self) -> Result<(), DemoError> {
        let narrator = self.narrator;
        narrator.act("Nurse A taps in, wearing a mask");
        self.hospital.camera_sees(std::slice::from_ref(&self.pictures.ada_masked))?;
        let tapped = self.hospital.tap(&[])?;
        self.accepted(&tapped, "nurse A is let in with a mask on: a session is open");
        narrator.say(
            "How long each step took (steps overlap: phone and face are asked at the same time):",
        );
        narrator.quote(&steps(&tapped.report));
        narrator.quote(&self.hospital.client(&["status"])?);
        self.hospital.camera_sees(std::slice::from_ref(&self.pictures.ada))?;
        let tapped = self.hospital.tap(&["--purpose", "tap-out"])?;
        self.accepted(&tapped, "nurse A taps out, without the mask");
        Ok(())
    }

    fn borrowed_phone(&self) -> Result<(), DemoError> {
        self.narrator.act("What must not work: B holding A's phone");
        self.hospital.camera_sees(std::slice::from_ref(&self.pictures.bea))?;
        self.refused("comparison-failed", &[])
    }

    fn stranger(&mut self, folder: &Path) -> Result<(), DemoError> {
        let narrator = self.narrator;
        narrator.act("What must not work: a stranger");
        narrator.say(
            "She has a phone of her own, bound at another hospital, which has a server of its own:",
        );
        self.ada.stop()?;
        let mut elsewhere = Hospital::new(folder, "other-hospital", narrator)?;
        elsewhere.open()?;
        for (username, role) in [("otto", "officer"), ("stranger", "staff")] {
            elsewhere.administer(&["user", "add", username, "--name", username, "--role", role])?;
        }
        elsewhere.equip("Elsewhere", "otto")?;
        elsewhere.camera_sees(std::slice::from_ref(&self.pictures.stranger))?;
        let mut phone = Phone::new(folder, "phone-c", narrator);
        elsewhere.enrol("stranger", &mut phone)?;
        elsewhere.close()?;
        narrator.say("Back in our hospital:");
        self.hospital.camera_sees(std::slice::from_ref(&self.pictures.stranger))?;
        self.hospital.near(&[], 1)?;
        self.given_up("phone-untrusted")?;
        phone.stop()?;
        narrator.say("Then she finds nurse B's phone in the corridor:");
        self.bea.run(&[])?;
        self.hospital.near(&["bea"], 0)?;
        self.refused("comparison-failed", &[])?;
        self.bea.stop()
    }

    fn replay(&mut self) -> Result<(), DemoError> {
        let narrator = self.narrator;
        narrator.act("What must not work: a replayed statement");
        narrator.say("A patched phone answers once, keeps its signed statement, and shows the same one again.");
        self.hospital.camera_sees(std::slice::from_ref(&self.pictures.ada))?;
        self.ada.run(&["--misbehave", "replay"])?;
        self.hospital.near(&["ada"], 0)?;
        let tapped = self.hospital.tap(&[])?;
        self.accepted(&tapped, "the first use is genuine");
        self.hospital.client(&["lock"])?;
        self.refused("challenge-used", &["--purpose", "tap-in"])
    }

    fn swapped_template(&mut self) -> Result<(), DemoError> {
        self.narrator.act("What must not work: a phone that swaps its template");
        self.narrator.say("A patched phone releases another template than the one whose digest the server signed.");
        self.ada.run(&["--misbehave", "swap-template"])?;
        self.refused("reference-mismatch", &[])
    }

    fn disabled(&mut self) -> Result<(), DemoError> {
        self.narrator.act("What must not work: nurse A, after she was disabled");
        self.ada.run(&[])?;
        self.hospital.administer(&["user", "disable", "ada"])?;
        self.refused("user-disabled", &["--purpose", "tap-in"])
    }

    fn look_back(&self) -> Result<(), DemoError> {
        let narrator = self.narrator;
        narrator.act("What is left of it");
        let events = self.hospital.administer(&["events", "--all"])?;
        narrator.quote(&events);
        for (what, at_least) in [
            ("tap-accepted", 3),
            ("tap-refused", 5),
            ("tap-abandoned", 1),
            ("session-established", 2),
        ] {
            let count = events.lines().filter(|line| line.contains(what)).count();
            narrator.check(count >= at_least, &format!("{count} events `{what}`"));
        }
        narrator.say(
            "And on nurse A's phone, every use of her face and phone, each checked against the log:",
        );
        let uses = self.ada.ask(&["uses", "--verify"])?;
        narrator.quote(&uses);
        narrator.check(!uses.contains("ALARM"), "receipts and log agree on every use");
        Ok(())
    }

    fn accepted(&self, tapped: &Tapped, text: &str) {
        if tapped.outcome() == "accepted" && tapped.code == Some(0) {
            self.narrator.check(true, text);
        } else {
            let said =
                format!("{text}: {} ({}) {}", tapped.outcome(), tapped.reason(), tapped.detail());
            self.narrator.check(false, &said);
        }
    }

    /// Taps; the server must refuse for exactly this reason.
    fn refused(&self, reason: &str, more: &[&str]) -> Result<(), DemoError> {
        let tapped = self.hospital.tap(more)?;
        self.ended(&tapped, "refused", reason);
        Ok(())
    }

    /// Taps; the workstation must give up for exactly this reason.
    fn given_up(&self, reason: &str) -> Result<(), DemoError> {
        let tapped = self.hospital.tap(&[])?;
        self.ended(&tapped, "abandoned", reason);
        Ok(())
    }

    fn ended(&self, tapped: &Tapped, outcome: &str, reason: &str) {
        let met =
            tapped.outcome() == outcome && tapped.reason() == reason && tapped.code == Some(1);
        let said = sentence(tapped.reason());
        let text = if met {
            format!("{outcome}: {reason} – “{said}”")
        } else {
            let found = format!("{} {} {}", tapped.outcome(), tapped.reason(), tapped.detail());
            format!("{outcome}: {reason} was expected, this came: {found}")
        };
        self.narrator.check(met, &text);
    }
}

/// What the person before the screen reads.
fn sentence(reason: &str) -> &'static str {
    use imp_identity::refusal::{Abandonment, Refusal};
    let refusal = reason.parse::<Refusal>().map(Refusal::explain);
    refusal.or_else(|_| reason.parse::<Abandonment>().map(Abandonment::explain)).unwrap_or("")
}

/// The steps of a tap as a small table.
fn steps(report: &Value) -> String {
    let steps = report["steps"].as_array().into_iter().flatten();
    let rows = steps.map(|step| {
        let name = step["name"].as_str().unwrap_or_default();
        let micros = step["micros"].as_u64().unwrap_or_default();
        format!("{name:<22}{:>7}.{} ms", micros / 1000, micros % 1000 / 100)
    });
    rows.collect::<Vec<_>>().join("\n")
}

fn epilogue(folder: &Path, config: &Path, narrator: &Narrator) {
    let bin = |name: &str| shown(&process::binary(name));
    let (server, client, phone) = (bin("imp-server"), bin("imp-client"), bin("imp-phone"));
    let own = "~/imp";
    narrator.line("");
    narrator.line("Look at the events of this run:");
    narrator.say(&format!("{server} --config {} events", config.display()));
    narrator.say(&format!("{server} --config {} events --person ada --json", config.display()));
    narrator.line("Start a server, a workstation and a phone of your own (docs/quickstart.md explains each line):");
    narrator.say(&format!("{server} --data {own}/server serve     # and in other terminals:"));
    narrator.say(&format!("{server} --data {own}/server user add olga --name Olga --role officer"));
    narrator.say(&format!("{server} --data {own}/server user add me --name Me"));
    narrator.say(&format!("{server} --data {own}/server workstation add Mine"));
    narrator.say(&format!(
        "{client} --state {own}/workstation enrol machine 'imp:enrol?…'   # the line printed before"
    ));
    narrator.say(&format!("{client} --state {own}/workstation agent"));
    narrator.say(&format!(
        "{phone} --state {own}/phone bind 'imp:bind?…'   # the code that `enrol person` shows"
    ));
    narrator.say(&format!("{phone} --state {own}/phone run"));
    narrator.line("");
    narrator.say(&format!(
        "Everything of this run is in {}; remove it when you like.",
        folder.display()
    ));
    let (checks, failures) = (narrator.checks(), narrator.failures());
    narrator.line(&match failures {
        0 => format!("All {checks} expectations were met."),
        n => format!("{n} of {checks} expectations were NOT met."),
    });
}
