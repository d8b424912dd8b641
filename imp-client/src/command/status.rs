//! `imp-client status` and `imp-client lock`
use std::process::ExitCode;

use imp_client::server::Reach;
use imp_client::socket::{Answer, Connection, Request};
use imp_client::status::{
    AloneStatus, Leaving, LeavingReason, RadioState, ScreenState, StatusReport, Switched,
};

use super::{Context, Failure, output};

pub(super) async fn status(context: &Context, json: bool) -> Result<ExitCode, Failure> {
    print(&ask(context, &Request::Status).await?, json)
}

pub(super) async fn lock(context: &Context, json: bool) -> Result<ExitCode, Failure> {
    print(&ask(context, &Request::Lock).await?, json)
}

async fn ask(context: &Context, request: &Request) -> Result<StatusReport, Failure> {
    let mut connection = Connection::ask(&context.socket(), request).await?;
    match connection.next().await? {
        Answer::Status(status) => Ok(*status),
        Answer::Failed { message } => Err(message.into()),
        Answer::Hint { .. }
        | Answer::Frame(_)
        | Answer::Progress(_)
        | Answer::Tap(_)
        | Answer::Enrolled(_)
        | Answer::Entered(_)
        | Answer::Token(_)
        | Answer::Vouched { .. } => {
            Err("the agent answered something else: is it of another version?".into())
        }
    }
}

fn print(status: &StatusReport, json: bool) -> Result<ExitCode, Failure> {
    if json {
        output::say_json(status)?;
        return Ok(ExitCode::SUCCESS);
    }
    for line in lines(status) {
        output::say(&line);
    }
    Ok(ExitCode::SUCCESS)
}

/// A clock that is so many seconds off is said to be: taps begin to fail at the policy's tolerance, which is twice as much as it comes.
const CLOCK_OFF: i64 = 60;

/// Who is signed in comes first, and large: nobody should work under another's name by mistake.
fn lines(status: &StatusReport) -> Vec<String> {
    let who = status.signed_in.as_ref().map_or("NOBODY", |s| s.person.display_name.as_str());
    let lock = match (&status.signed_in, status.locked) {
        (Some(_), true) => "LOCKED — ",
        (None, _) | (Some(_), false) => "",
    };
    let banner = format!("  {lock}{}  ", who.to_uppercase());
    let edge = "═".repeat(banner.chars().count());
    let names = |people: &[imp_client::tap::Person]| {
        let names: Vec<_> = people.iter().map(|p| p.display_name.as_str()).collect();
        if names.is_empty() { "none that is known here".to_owned() } else { names.join(", ") }
    };
    let mut lines = vec![format!("╔{edge}╗"), format!("║{banner}║"), format!("╚{edge}╝")];
    lines.extend(leaving(status.leaving));
    if let Some(Switched { from: Some(from), .. }) = &status.guard {
        lines.push(format!("A moment ago this was the desktop of {}", from.display_name));
    }
    lines.push(format!("Workstation   {}", status.workstation));
    if let Some(signed_in) = &status.signed_in {
        lines.push(format!("Session       until {:.0}", signed_in.expires_at));
    }
    lines.extend(screen(&status.screen));
    lines.push(format!("Phones near   {}", names(&status.near)));
    if status.unknown_phones > 0 {
        lines
            .push(format!("              and {} not bound to anybody here", status.unknown_phones));
    }
    lines.push(format!("Radio         {}", radio(&status.radio)));
    lines.push(format!("Server        {}", server(status.server)));
    lines.push(format!("Certificate   valid until {:.0}", status.certificate_expires_at));
    lines.push(match &status.roster {
        Some(r) => format!("Roster        phones known: {}, until {:.0}", r.phones, r.expires_at),
        None => "Roster        none: the server could not be asked yet".to_owned(),
    });
    if let Some(alone) = status.alone {
        let AloneStatus { minutes_left, waiting, refused } = alone;
        lines.push(format!(
            "Alone         decides for {minutes_left} min more; decisions that wait: {waiting}"
        ));
        if refused {
            lines
                .push("              THE SERVER REFUSES THEM: see `imp-client journal`".to_owned());
        }
    }
    if let Some(ahead) = status.clock_ahead.filter(|ahead| ahead.abs() >= CLOCK_OFF) {
        let way = if ahead > 0 { "ahead of" } else { "behind" };
        lines.push(format!(
            "CLOCK         {} s {way} the server's: `timedatectl set-ntp true`",
            ahead.abs()
        ));
    }
    if status.untold > 0 {
        lines.push(format!("To be told    {} messages wait for the server", status.untold));
    }
    if let Some(tap) = &status.last_tap {
        let total = tap.steps.iter().find(|step| step.name == "total");
        let time =
            total.map_or_else(String::new, |s| format!(" ({})", output::milliseconds(s.micros)));
        let means = tap.means.words();
        lines.push(format!("Last tap      {} By {means}{time}.", tap.explain()));
    }
    lines
}

fn leaving(leaving: Option<Leaving>) -> Option<String> {
    let Leaving { seconds_left, reason } = leaving?;
    let why = match reason {
        LeavingReason::SignalLow => "the phone is far away",
        LeavingReason::PhoneSilent => "the phone is not heard",
        LeavingReason::LinkLost => "the link to the phone was lost",
        LeavingReason::Idle => "nobody has touched anything for long",
    };
    Some(format!("LOCKS IN {seconds_left} s: {why}; any key stops it"))
}

fn radio(state: &RadioState) -> String {
    match state {
        RadioState::Starting => "starting".to_owned(),
        RadioState::Listening => "listening".to_owned(),
        RadioState::Failing { reason } => format!("does not work: {reason}"),
    }
}

/// The desktop's own lock: of interest where it is not as it should be.
fn screen(state: &ScreenState) -> Option<String> {
    let what = match state {
        ScreenState::Starting | ScreenState::Uncontrolled => return None,
        ScreenState::Locked => "locked".to_owned(),
        ScreenState::Open => "open".to_owned(),
        ScreenState::SignIn => "sign in at the screen: there is no desktop of hers yet".to_owned(),
        ScreenState::NotLocked { reason } => format!("CANNOT BE LOCKED: {reason}"),
        ScreenState::NotOpened { reason } => format!("cannot be opened: {reason}"),
    };
    Some(format!("Screen        {what}"))
}

const fn server(reach: Reach) -> &'static str {
    match reach {
        Reach::Unknown => "not asked yet",
        Reach::Reachable => "answers",
        Reach::Unreachable => "DOES NOT ANSWER",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use imp_client::status::SignedIn;
    use imp_client::tap::Person;
    use imp_identity::SessionId;
    use jiff::Timestamp;

    fn report(signed_in: bool, locked: bool) -> StatusReport {
        let person = Person { display_name: "Ada L".to_owned(), username: "ada".to_owned() };
        let at = Timestamp::UNIX_EPOCH;
        let session = SessionId::from_bytes([1; 16]);
        StatusReport {
            workstation: "Ward 3".to_owned(),
            signed_in: signed_in.then_some(SignedIn { person, session, expires_at: at }),
            locked,
            tapping: None,
            leaving: None,
            guard: None,
            screen: ScreenState::Uncontrolled,
            near: vec![],
            unknown_phones: 2,
            radio: RadioState::Listening,
            server: Reach::Unreachable,
            certificate_renew_after: at,
            certificate_expires_at: at,
            roster: None,
            challenges: 0,
            untold: 1,
            last_tap: None,
            clock_ahead: Some(-90),
            alone: Some(AloneStatus { minutes_left: 30, waiting: 2, refused: true }),
        }
    }

    #[test]
    fn who_is_signed_in_is_the_largest_thing_to_see() {
        assert_eq!(lines(&report(true, false))[1], "║  ADA L  ║");
        assert_eq!(lines(&report(true, true))[1], "║  LOCKED — ADA L  ║");
        assert_eq!(lines(&report(false, true))[1], "║  NOBODY  ║");
        let text = lines(&report(false, true)).join("\n");
        assert!(text.contains("DOES NOT ANSWER") && text.contains("2 not bound"));
        assert!(
            text.contains("90 s behind")
                && text.contains("30 min more")
                && text.contains("REFUSES")
        );
    }

    #[test]
    fn a_countdown_and_a_change_of_hands_are_said() {
        let reason = LeavingReason::PhoneSilent;
        let person =
            |name: &str| Person { display_name: name.to_owned(), username: name.to_owned() };
        let (from, to, at) = (Some(person("Bea")), person("Ada L"), Timestamp::UNIX_EPOCH);
        let report = StatusReport {
            leaving: Some(Leaving { seconds_left: 4, reason }),
            guard: Some(Switched { from, to, at }),
            ..report(true, false)
        };
        let text = lines(&report).join("\n");
        assert!(text.contains("LOCKS IN 4 s: the phone is not heard"), "{text}");
        assert!(text.contains("the desktop of Bea"), "{text}");
    }
}
