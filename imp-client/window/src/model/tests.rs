//! From what the agent says and the person does to what is shown and asked, without a window.
use imp_identity::tap::Step;
use imp_identity::{Refusal, SessionId, UserId};
use imp_socket::{
    AloneStatus, Hint, Leaving, LeavingReason, RadioState, Reach, Session, SignedIn, Switched,
    TapMeans, Tapping,
};
use jiff::Timestamp;
use uuid::Uuid;

use super::*;

pub(crate) fn person(name: &str) -> Person {
    Person { display_name: name.to_owned(), username: name.to_lowercase() }
}

fn signed_in(name: &str) -> SignedIn {
    let session = SessionId::from(Uuid::from_u128(u128::from(name.as_bytes()[0])));
    SignedIn { person: person(name), session, expires_at: Timestamp::UNIX_EPOCH }
}

pub(crate) fn status() -> StatusReport {
    StatusReport {
        workstation: "Ward 3".to_owned(),
        signed_in: None,
        locked: true,
        tapping: None,
        leaving: None,
        guard: None,
        screen: imp_socket::ScreenState::Uncontrolled,
        near: vec![],
        unknown_phones: 0,
        radio: RadioState::Listening,
        server: Reach::Reachable,
        certificate_renew_after: Timestamp::UNIX_EPOCH,
        certificate_expires_at: Timestamp::UNIX_EPOCH,
        roster: None,
        challenges: 0,
        untold: 0,
        clock_ahead: None,
        alone: None,
        last_tap: None,
    }
}

pub(crate) fn of(name: &str, locked: bool) -> StatusReport {
    StatusReport { signed_in: Some(signed_in(name)), locked, ..status() }
}

pub(crate) fn report(outcome: TapOutcome) -> TapReport {
    let steps = vec![Step { name: "total".to_owned(), micros: 1_234_567 }];
    let (purpose, means) = (Some(Purpose::TapIn), TapMeans::Face);
    TapReport { purpose, person: None, means, outcome, hint: None, detail: None, steps }
}

pub(crate) fn accepted(name: &str) -> TapReport {
    let SignedIn { person, session, expires_at } = signed_in(name);
    let user = UserId::from(Uuid::from_u128(1));
    let Person { display_name, username } = person;
    let state = "active".to_owned();
    let session = Session { id: session, user, username, display_name, expires_at, state };
    report(TapOutcome::Accepted { session })
}

/// A window, and what it asked.
struct Window {
    model: Model,
    now: Instant,
    asked: Vec<Command>,
}

impl Window {
    fn showing(status: StatusReport) -> Self {
        let now = Instant::now();
        let mut window = Self { model: Model::new(now), now, asked: vec![] };
        window.hears(status);
        window
    }

    fn takes(&mut self, input: Input) -> Screen {
        self.asked.extend(self.model.take(input, self.now));
        self.model.screen()
    }

    fn hears(&mut self, status: StatusReport) -> Screen {
        self.takes(Input::Status(Box::new(status)))
    }

    fn wishes(&mut self, wish: Wish) -> Screen {
        self.takes(Input::Wish(wish))
    }

    /// The tap that was asked for last.
    fn tap(&self) -> &TapCommand {
        match self.asked.last() {
            Some(Command::Begin(Request::Tap(command))) => command,
            asked => panic!("no tap was asked for: {asked:?}"),
        }
    }
}

#[test]
fn without_an_agent_the_screen_is_covered_and_says_so() {
    let now = Instant::now();
    let mut model = Model::new(now);
    assert_eq!(model.screen(), Screen::Starting);
    model.take(Input::AgentAway, now);
    assert_eq!((model.screen(), model.owner()), (Screen::AgentAway, None));
    assert!(model.take(Input::Wish(Wish::SignIn), now).is_none(), "nobody could be asked");
    let mut window = Window::showing(of("Ada", false));
    assert_eq!(window.takes(Input::AgentAway), Screen::AgentAway);
    assert_eq!(window.hears(of("Ada", false)), Screen::Open);
}

#[test]
fn a_press_asks_for_a_tap_shows_its_hints_and_opens() {
    let mut window = Window::showing(status());
    assert_eq!(window.model.screen(), Screen::Idle);
    assert_eq!(window.wishes(Wish::SignIn), Screen::Looking { hint: None, stoppable: true });
    let expected =
        TapCommand { purpose: None, user: None, intent: Intent::Screen, phone_alone: false };
    assert_eq!(window.tap(), &expected);
    let tapping = Some(Tapping { hint: Some(Hint::ComeCloser) });
    let looking = window.hears(StatusReport { tapping, ..status() });
    assert_eq!(looking, Screen::Looking { hint: Some(Hint::ComeCloser), stoppable: true });
    window.takes(Input::Ended(Ended::Tap(Box::new(accepted("Ada")))));
    let last_tap = Some(accepted("Ada"));
    assert_eq!(window.hears(StatusReport { last_tap, ..of("Ada", false) }), Screen::Open);
    assert_eq!(window.model.took(), Some(1234));
    assert_eq!(window.model.owner().unwrap().name.as_deref(), Some("Ada"));
}

#[test]
fn a_refusal_says_why_and_leaves_after_a_while() {
    let mut window = Window::showing(status());
    window.wishes(Wish::SignIn);
    let refused = report(TapOutcome::Refused { reason: Refusal::ComparisonFailed });
    let screen = window.takes(Input::Ended(Ended::Tap(Box::new(refused.clone()))));
    assert_eq!(
        screen,
        Screen::Refused(Why::Refused { reason: Refusal::ComparisonFailed, hint: None })
    );
    // The status tells of the same tap: it is shown once, also after she has gone back.
    window.wishes(Wish::Back);
    let told = StatusReport { last_tap: Some(refused), ..status() };
    assert_eq!(window.hears(told.clone()), Screen::Idle);
    window.wishes(Wish::SignIn);
    let poor = TapReport {
        hint: Some(Hint::MoreLight),
        ..report(TapOutcome::Abandoned { reason: Abandonment::PoorQuality })
    };
    let screen = window.takes(Input::Ended(Ended::Tap(Box::new(poor))));
    let why = Why::Abandoned { reason: Abandonment::PoorQuality, hint: Some(Hint::MoreLight) };
    assert_eq!(screen, Screen::Refused(why.clone()));
    window.now += PATIENCE.saturating_sub(Duration::from_secs(1));
    assert_eq!(window.takes(Input::Tick), Screen::Refused(why));
    window.now += Duration::from_secs(1);
    assert_eq!(window.takes(Input::Tick), Screen::Idle);
}

#[test]
fn what_others_asked_for_is_shown_too_but_not_what_was_before_the_window() {
    let refused = |reason| Some(report(TapOutcome::Refused { reason }));
    let old = StatusReport { last_tap: refused(Refusal::PolicyHour), ..status() };
    let mut window = Window::showing(old.clone());
    assert_eq!(window.model.screen(), Screen::Idle);
    let tapping = Some(Tapping { hint: None });
    let looking = window.hears(StatusReport { tapping, ..old });
    assert_eq!(looking, Screen::Looking { hint: None, stoppable: false });
    let shown = window.hears(StatusReport { last_tap: refused(Refusal::PolicyRole), ..status() });
    assert_eq!(shown, Screen::Refused(Why::Refused { reason: Refusal::PolicyRole, hint: None }));
}

#[test]
fn stopping_a_tap_tells_the_agent_and_shows_no_refusal() {
    let mut window = Window::showing(status());
    window.wishes(Wish::SignIn);
    assert_eq!(window.wishes(Wish::Back), Screen::Idle);
    assert!(matches!(window.asked.last(), Some(Command::Stop)));
    let cancelled = report(TapOutcome::Abandoned { reason: Abandonment::Cancelled });
    let told = StatusReport { last_tap: Some(cancelled), ..status() };
    assert_eq!(window.hears(told), Screen::Idle);
}

#[test]
fn several_people_are_asked_who_they_are_and_the_purpose_is_kept() {
    let mut window = Window::showing(of("Ada", false));
    window.wishes(Wish::Switch);
    let people = vec![person("Bob"), person("Cleo")];
    let choose = report(TapOutcome::Choose { people: people.clone() });
    let screen = window.takes(Input::Ended(Ended::Tap(Box::new(choose))));
    assert_eq!(screen, Screen::Choose(people.clone()));
    window.wishes(Wish::Be(people[1].clone()));
    let tap = window.tap();
    assert_eq!((tap.user.as_deref(), tap.purpose), (Some("cleo"), Some(Purpose::TapIn)));
}

#[test]
fn one_press_switches_to_the_only_other_person_who_is_near() {
    let near = vec![person("Ada"), person("Bob")];
    let mut window = Window::showing(StatusReport { near, ..of("Ada", false) });
    window.wishes(Wish::Switch);
    assert_eq!(window.tap().user.as_deref(), Some("bob"));
    let near = vec![person("Ada"), person("Bob"), person("Cleo")];
    let mut window = Window::showing(StatusReport { near, ..of("Ada", false) });
    window.wishes(Wish::Switch);
    assert_eq!(window.tap().user, None, "the agent asks who of them");
}

#[test]
fn any_key_stops_the_countdown_and_takes_the_notice_of_a_switch_away() {
    let leaving = Leaving { seconds_left: 7, reason: LeavingReason::PhoneSilent };
    let mut window = Window::showing(StatusReport { leaving: Some(leaving), ..of("Ada", false) });
    assert_eq!(window.model.screen(), Screen::Leaving(leaving));
    window.takes(Input::Touched);
    assert!(matches!(window.asked.last(), Some(Command::Tell(Request::Stay))));
    let at = Timestamp::UNIX_EPOCH;
    let guard = Switched { from: Some(person("Ada")), to: person("Bob"), at };
    let shown = window.hears(StatusReport { guard: Some(guard.clone()), ..of("Bob", false) });
    assert_eq!(shown, Screen::Guard(guard));
    window.takes(Input::Touched);
    assert_eq!(window.asked.len(), 2);
    window.hears(of("Bob", false));
    window.takes(Input::Touched);
    assert_eq!(window.asked.len(), 2, "there is nothing to stop");
}

#[test]
fn a_countdown_comes_before_a_form_that_was_left_open() {
    let mut window = Window::showing(of("Ada", false));
    assert_eq!(window.wishes(Wish::TypePin), Screen::Pin);
    let leaving = Leaving { seconds_left: 9, reason: LeavingReason::Idle };
    let shown = window.hears(StatusReport { leaving: Some(leaving), ..of("Ada", false) });
    assert_eq!(shown, Screen::Leaving(leaving));
}

#[test]
fn a_form_does_not_outlive_the_person_who_opened_it() {
    let mut window = Window::showing(of("Ada", true));
    assert_eq!(window.wishes(Wish::Explain), Screen::Emergency);
    assert_eq!(window.hears(of("Ada", true)), Screen::Emergency);
    assert_eq!(window.hears(status()), Screen::Idle);
}

#[test]
fn the_other_ways_in_ask_what_they_need_and_say_what_became_of_it() {
    let mut window = Window::showing(of("Ada", true));
    assert_eq!(window.model.screen(), Screen::Locked);
    assert_eq!(window.wishes(Wish::TypePin), Screen::Pin);
    assert_eq!(
        window.wishes(Wish::UseKey("1234".to_owned().into())),
        Screen::Waiting { key: true }
    );
    let Some(Command::Begin(Request::Key(command))) = window.asked.last() else { panic!("no key") };
    assert_eq!(command.pin.as_ref().map(|pin| pin.expose().as_str()), Some("1234"));
    let message = "the key has another PIN".to_owned();
    let failed = window.takes(Input::Ended(Ended::Failed(message.clone())));
    assert_eq!(failed, Screen::Refused(Why::Failed { message }));
    window.wishes(Wish::UseKey(String::new().into()));
    let Some(Command::Begin(Request::Key(command))) = window.asked.last() else { panic!("no key") };
    assert!(command.pin.is_none() && !command.touch, "the key reads a finger");
    window.wishes(Wish::TouchKey);
    let Some(Command::Begin(Request::Key(command))) = window.asked.last() else { panic!("no key") };
    assert!(command.touch);
    window.wishes(Wish::PhoneAlone);
    assert!(window.tap().phone_alone);
}

#[test]
fn an_emergency_needs_a_name_and_a_reason() {
    let mut window = Window::showing(status());
    window.wishes(Wish::Explain);
    let say = |username: &str, reason: &str| Wish::BreakGlass {
        username: username.to_owned(),
        reason: reason.to_owned(),
    };
    assert_eq!(window.wishes(say("ada", "  ")), Screen::Emergency);
    assert!(window.asked.is_empty());
    assert_eq!(window.wishes(say(" ada", "fire ")), Screen::Waiting { key: false });
    let Some(Command::Begin(Request::BreakGlass(command))) = window.asked.last() else {
        panic!("nobody was asked")
    };
    assert_eq!((command.username.as_str(), command.reason.as_str()), ("ada", "fire"));
}

#[test]
fn a_picture_is_forgotten_when_the_tap_is_over() {
    let mut window = Window::showing(status());
    let frame = Frame::new(2, 2, b"jpeg").unwrap();
    window.takes(Input::Frame(frame.clone()));
    assert!(window.model.frame().is_none(), "nothing looks");
    let tapping = Some(Tapping { hint: None });
    window.hears(StatusReport { tapping, ..status() });
    window.takes(Input::Frame(frame));
    assert!(window.model.frame().is_some());
    window.hears(status());
    assert!(window.model.frame().is_none());
}

#[test]
fn everybody_is_told_that_the_server_or_the_radio_is_away() {
    let radio = RadioState::Failing { reason: "no adapter".to_owned() };
    let server = Reach::Unreachable;
    let window = Window::showing(StatusReport { radio, server, untold: 3, ..of("Ada", false) });
    let offline = Notice::Offline { waiting: 3, minutes_left: None };
    assert_eq!(window.model.notices(), [offline, Notice::RadioFails]);
    let alone = Some(AloneStatus { minutes_left: 7, waiting: 2, refused: true });
    let window =
        Window::showing(StatusReport { server, alone, clock_ahead: Some(-75), ..of("Ada", false) });
    let offline = Notice::Offline { waiting: 2, minutes_left: Some(7) };
    let told = [Notice::JournalRefused, offline, Notice::ClockOff { seconds: 75 }];
    assert_eq!(window.model.notices(), told);
    assert!(Window::showing(status()).model.notices().is_empty());
}

#[test]
fn another_persons_time_is_not_shown() {
    let last_tap = Some(accepted("Bob"));
    let window = Window::showing(StatusReport { last_tap, ..of("Ada", false) });
    assert_eq!(window.model.took(), None);
}
