use super::*;
use crate::question::Kind;
use crate::testing::MACHINE_TIME;
use imp_identity::event::Outcome;
use imp_identity::{UserId, WorkstationId};
use uuid::Uuid;

const DAY: SignedDuration = SignedDuration::from_hours(24);

fn days(first: i32, count: i32) -> Question {
    let from = MACHINE_TIME + DAY * first;
    Question { from: Some(from), until: Some(from + DAY * count), ..Question::default() }
}

fn of_a_person(question: Question) -> Question {
    Question { person: Some(UserId::from(Uuid::from_u128(1))), ..question }
}

fn kinds(mut question: Question, names: &str) -> Question {
    question.kinds = Kind::list(names).unwrap();
    question
}

fn ask(question: &Question, form: Form) -> Result<(), AttendanceRefused> {
    refuse_attendance(question, &Circumstances { form, case_is_open: false, earlier: &[] })
}

#[test]
fn a_week_of_one_person_around_an_incident_may_be_read() {
    for form in [Form::Pages, Form::Table, Form::Archive] {
        assert_eq!(ask(&of_a_person(days(0, 7)), form), Ok(()));
        assert_eq!(ask(&kinds(of_a_person(days(0, 7)), "tap-accepted"), form), Ok(()));
    }
}

#[test]
fn weeks_of_one_person_are_refused_however_they_are_asked_for() {
    let device = Question { device: Some(Uuid::from_u128(1)), ..days(0, 8) };
    let open_ended = Question { until: None, ..of_a_person(days(0, 1)) };
    let always = of_a_person(Question::everything());
    let accepted = Question { outcome: Some(Outcome::Accepted), ..of_a_person(days(0, 8)) };
    for question in [
        of_a_person(days(0, 8)),
        kinds(of_a_person(days(0, 31)), "session-established,session-revoked"),
        kinds(of_a_person(days(0, 31)), "policy-changed,tap-accepted"),
        kinds(of_a_person(days(0, 31)), "notice-sent"),
        device,
        open_ended,
        always,
        accepted,
    ] {
        for form in [Form::Pages, Form::Table, Form::Archive] {
            assert_eq!(ask(&question, form), Err(AttendanceRefused::Person), "{question:?}");
        }
    }
}

#[test]
fn failures_of_one_person_may_be_read_over_years() {
    let year = of_a_person(days(0, 365));
    assert_eq!(ask(&kinds(year.clone(), "tap-refused,biometric-delayed"), Form::Pages), Ok(()));
    assert_eq!(
        ask(&Question { outcome: Some(Outcome::Refused), ..year.clone() }, Form::Table),
        Ok(())
    );
    assert_eq!(ask(&kinds(year, "log-read"), Form::Pages), Ok(()));
}

#[test]
fn an_open_case_allows_what_it_needs() {
    let question = of_a_person(days(0, 60));
    let circumstances =
        Circumstances { form: Form::Table, case_is_open: true, earlier: &[days(0, 60)] };
    assert_eq!(refuse_attendance(&question, &circumstances), Ok(()));
}

#[test]
fn a_month_cut_into_weeks_is_a_month() {
    let week = |number: i32| of_a_person(days(number * 7, 7));
    let ask = |question: &Question, earlier: &[Question]| {
        let circumstances = Circumstances { form: Form::Pages, case_is_open: false, earlier };
        refuse_attendance(question, &circumstances)
    };
    assert_eq!(ask(&week(0), &[]), Ok(()));
    assert_eq!(ask(&week(1), &[week(0)]), Err(AttendanceRefused::Pieces));
    // The same week again shows nothing new; pages of one question neither.
    assert_eq!(ask(&week(0), &[week(0), week(0)]), Ok(()));
    let day = |number| of_a_person(days(number, 1));
    let six: Vec<_> = (0..6).map(|number| day(number * 3)).collect();
    assert_eq!(ask(&day(20), &six), Ok(()));
    let seven: Vec<_> = (0..7).map(|number| day(number * 3)).collect();
    assert_eq!(ask(&day(30), &seven), Err(AttendanceRefused::Pieces));
    // What was asked about failures, or about somebody else, does not count.
    let failures = kinds(of_a_person(days(100, 300)), "tap-refused");
    let other = Question { person: Some(UserId::from(Uuid::from_u128(2))), ..days(50, 7) };
    assert_eq!(ask(&week(0), &[failures, other]), Ok(()));
}

#[test]
fn a_table_of_everybodys_presence_covers_a_day() {
    assert_eq!(ask(&days(0, 1), Form::Table), Ok(()));
    assert_eq!(ask(&days(0, 2), Form::Table), Err(AttendanceRefused::Everybody));
    assert_eq!(ask(&Question::everything(), Form::Table), Err(AttendanceRefused::Everybody));
    assert_eq!(ask(&kinds(days(0, 365), "tap-refused,log-read"), Form::Table), Ok(()));
}

#[test]
fn an_archive_takes_the_whole_log_but_not_a_choice_of_presence() {
    assert_eq!(ask(&days(0, 365), Form::Archive), Ok(()));
    assert_eq!(ask(&Question::everything(), Form::Archive), Ok(()));
    let taps = kinds(days(0, 2), "tap-accepted");
    assert_eq!(ask(&taps, Form::Archive), Err(AttendanceRefused::Everybody));
    let workstation = Some(WorkstationId::from(Uuid::from_u128(1)));
    let desk = Question { workstation, ..days(0, 30) };
    assert_eq!(ask(&desk, Form::Archive), Err(AttendanceRefused::Everybody));
}

#[test]
fn one_workstation_may_be_read_page_by_page() {
    let workstation = Some(WorkstationId::from(Uuid::from_u128(1)));
    assert_eq!(ask(&Question { workstation, ..days(0, 90) }, Form::Pages), Ok(()));
}

#[test]
fn nobody_is_followed_live() {
    let person = of_a_person(Question::everything());
    assert_eq!(ask(&person, Form::Live), Err(AttendanceRefused::Following));
    assert_eq!(ask(&kinds(person, "tap-refused"), Form::Live), Ok(()));
    assert_eq!(ask(&Question::everything(), Form::Live), Ok(()));
}
