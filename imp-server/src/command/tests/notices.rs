//! `judge_entries`, `make_notices`, `prepare_notice`, `notice_sent`, `notice_refused`, `notices_of_user`
use imp_events::Entry;
use imp_identity::event::{Channel, Event};
use imp_identity::tap::Purpose;
use imp_identity::{Actor, UserId};
use imp_review::Thresholds;
use jiff::SignedDuration;
use jiff::civil::time;
use jiff::tz::TimeZone;

use super::{Hospital, Ward, wards};
use crate::command::{
    Dispute, DisputeUseError, Disputed, Evening, JudgeEntriesError, Wording, contact_user,
    dispute_use, due_notices, events_page, judge_entries, make_notices, notice_of_link,
    notice_refused, notice_sent, notices_of_user, prepare_notice,
};
use crate::store::Tables as _;

const MINUTE: SignedDuration = SignedDuration::from_mins(1);

async fn entries(hospital: &Hospital) -> Vec<Entry> {
    let stored = events_page(&hospital.storage, 0, 500).await.unwrap();
    stored.iter().map(|stored| stored.entry().unwrap().unwrap()).collect()
}

async fn judge(hospital: &mut Hospital, batch: &[Entry]) -> usize {
    let lines = Thresholds { failures: 2, ..Thresholds::default() };
    judge_entries(&mut hospital.context(), batch, &lines, &TimeZone::UTC).await.unwrap()
}

/// A tap that is refused because somebody else signed it.
async fn refused_tap(ward: &mut Ward) {
    let Ward { hospital, desk, nurse, .. } = ward;
    let signed = hospital.signed(nurse, desk, Purpose::Unlock).await;
    hospital.submit(desk, &signed).await.unwrap_err();
    hospital.advance(SignedDuration::from_secs(30));
}

#[tokio::test]
async fn what_the_rules_remember_outlives_a_batch_and_nothing_is_found_twice() {
    for mut ward in wards().await {
        refused_tap(&mut ward).await;
        let first = entries(&ward.hospital).await;
        assert_eq!(judge(&mut ward.hospital, &first).await, 0);
        refused_tap(&mut ward).await;
        let both = entries(&ward.hospital).await;
        // The second refusal is the second only if the first is remembered; the first is shown again.
        assert_eq!(judge(&mut ward.hospital, &both).await, 1);
        assert_eq!(judge(&mut ward.hospital, &both).await, 0);
        let last = ward.hospital.facts_after(0).await.pop().unwrap();
        let Event::FindingMade { rule, cause, workstation, user, .. } = last else {
            panic!("{last:?}")
        };
        assert_eq!((rule.as_str(), cause), ("many-failures", both.last().unwrap().index));
        assert_eq!((workstation, user), (Some(ward.desk.id), Some(ward.nurse.user.id)));
    }
}

#[tokio::test]
async fn two_who_judge_at_once_find_a_thing_once() {
    for mut ward in wards().await {
        refused_tap(&mut ward).await;
        refused_tap(&mut ward).await;
        let batch = entries(&ward.hospital).await;
        let mut beside = ward.hospital.beside(9);
        let lines = Thresholds { failures: 2, ..Thresholds::default() };
        let (mut here, mut there) = (ward.hospital.context(), beside.context());
        let zone = TimeZone::UTC;
        let (one, other) = tokio::join!(
            judge_entries(&mut here, &batch, &lines, &zone),
            judge_entries(&mut there, &batch, &lines, &zone),
        );
        let found: usize = [one, other]
            .into_iter()
            .map(|made| match made {
                Ok(made) => made,
                Err(JudgeEntriesError::Overtaken) => 0,
                Err(error) => panic!("{error}"),
            })
            .sum();
        assert_eq!(found, 1);
        let names = ward.hospital.events_after(0).await;
        assert_eq!(names.iter().filter(|name| **name == "finding-made").count(), 1);
    }
}

fn evening(mail: bool) -> Evening {
    Evening { at: time(20, 0, 0, 0), zone: TimeZone::UTC, mail }
}

fn wording() -> Wording<'static> {
    static ZONE: TimeZone = TimeZone::UTC;
    Wording { zone: &ZONE, url: "https://imp.example", account: "https://id.imp.example" }
}

/// The ward at 20:00 of a day on which the nurse tapped in once; before it, notices began.
async fn at_eight(mut ward: Ward, mail: bool) -> Ward {
    let user = ward.nurse.user.id;
    if mail {
        let address = Some("ada@hospital.example".parse().unwrap());
        contact_user(&mut ward.hospital.context(), Actor::Server, user, address).await.unwrap();
    }
    assert_eq!(make_notices(&mut ward.hospital.context(), &evening(mail)).await.unwrap(), 0);
    ward.hospital.tap(&ward.nurse, &ward.desk, Purpose::TapIn).await.unwrap();
    ward.hospital.advance(SignedDuration::from_hours(11) + MINUTE * 59);
    assert_eq!(make_notices(&mut ward.hospital.context(), &evening(mail)).await.unwrap(), 0);
    ward.hospital.advance(MINUTE);
    assert_eq!(make_notices(&mut ward.hospital.context(), &evening(mail)).await.unwrap(), 1);
    assert_eq!(make_notices(&mut ward.hospital.context(), &evening(mail)).await.unwrap(), 0);
    ward
}

async fn only(ward: &Ward, user: UserId) -> crate::store::Notice {
    let mut reading = ward.hospital.storage.read().await.unwrap();
    let mut notices = reading.notices().of_user(user, 10).await.unwrap();
    assert_eq!(notices.len(), 1);
    notices.remove(0)
}

#[tokio::test]
async fn a_person_is_mailed_once_what_was_done_in_her_name_that_day() {
    for ward in wards().await {
        let mut ward = at_eight(ward, true).await;
        let user = ward.nurse.user.id;
        let due = due_notices(&ward.hospital.context(), 10).await.unwrap();
        assert_eq!(due.len(), 1);
        let ready = prepare_notice(&mut ward.hospital.context(), due[0], &wording()).await;
        let ready = ready.unwrap().unwrap();
        assert_eq!(ready.subject, "hospital.example: 1 use in your name on 2026-03-02");
        assert!(ready.text.contains("  08:00  tapped in, Ward 3, bed 7"), "{}", ready.text);
        // Until it is known to have gone it is tried again, later.
        assert_eq!(due_notices(&ward.hospital.context(), 10).await.unwrap(), []);
        ward.hospital.advance(MINUTE * 5);
        assert_eq!(due_notices(&ward.hospital.context(), 10).await.unwrap(), due);
        notice_sent(&mut ward.hospital.context(), due[0]).await.unwrap();
        notice_sent(&mut ward.hospital.context(), due[0]).await.unwrap();
        ward.hospital.advance(MINUTE * 500);
        assert_eq!(due_notices(&ward.hospital.context(), 10).await.unwrap(), []);
        let sent: Vec<Event> = ward.hospital.facts_after(0).await;
        let sent = sent.iter().filter(|event| event.name() == "notice-sent").count();
        assert_eq!(sent, 1);
        assert_eq!(only(&ward, user).await.channel, Channel::Mail);
        // The link tells what the mail told, for thirty days, and only the latest link.
        let link = ready.text.split("https://imp.example/notices/").nth(1).unwrap();
        let link = link.lines().next().unwrap();
        let found = notice_of_link(&ward.hospital.context(), link, &TimeZone::UTC).await;
        assert_eq!(found.unwrap().unwrap().1.len(), 1);
        ward.hospital.advance(SignedDuration::from_hours(24 * 30));
        let found = notice_of_link(&ward.hospital.context(), link, &TimeZone::UTC).await;
        assert_eq!(found.unwrap(), None);
    }
}

#[tokio::test]
async fn what_cannot_be_mailed_waits_on_the_phone() {
    for (mail, refuse) in [(false, false), (true, true), (true, false)] {
        for ward in wards().await {
            let mut ward = at_eight(ward, mail).await;
            let user = ward.nurse.user.id;
            for _ in 0..40 {
                for id in due_notices(&ward.hospital.context(), 10).await.unwrap() {
                    let context = &mut ward.hospital.context();
                    prepare_notice(context, id, &wording()).await.unwrap();
                    if refuse {
                        notice_refused(context, id).await.unwrap();
                    }
                }
                ward.hospital.advance(MINUTE * 60);
            }
            let notice = only(&ward, user).await;
            assert_eq!((notice.channel, notice.sent_at), (Channel::Phone, None));
            for _ in 0..2 {
                let context = &mut ward.hospital.context();
                let told = notices_of_user(context, user, 10, &TimeZone::UTC).await.unwrap();
                assert_eq!(told[0].1[0].deed, "tapped in");
            }
            let names = ward.hospital.events_after(0).await;
            assert_eq!(names.iter().filter(|name| **name == "notice-sent").count(), 1);
        }
    }
}

#[tokio::test]
async fn a_disputed_use_is_one_case_however_often_she_says_so() {
    for ward in wards().await {
        let mut ward = at_eight(ward, false).await;
        let user = ward.nurse.user.id;
        let index = only(&ward, user).await.entries[0];
        let dispute = |user, index| Dispute {
            user,
            actor: Actor::Phone(ward.nurse.phone),
            index,
            notice: None,
            comment: Some("I was at home.".parse().unwrap()),
        };
        let (hers, others) = (dispute(user, index), dispute(ward.officer.id, index));
        // Neither somebody else's use, nor what is no use, nor what is not there.
        for foreign in [others, dispute(user, 0), dispute(user, 1 << 40)] {
            let refused = dispute_use(&mut ward.hospital.context(), foreign).await;
            assert!(matches!(refused, Err(DisputeUseError::NotFound)), "{refused:?}");
        }
        let before = ward.hospital.place().await;
        let first = dispute_use(&mut ward.hospital.context(), hers.clone()).await.unwrap();
        assert_eq!((first.number, first.opened), (1, true));
        assert_eq!(
            ward.hospital.events_after(before).await,
            ["case-opened", "case-commented", "use-disputed"]
        );
        let again = dispute_use(&mut ward.hospital.context(), hers).await.unwrap();
        assert_eq!(again, Disputed { opened: false, ..first });
        assert_eq!(ward.hospital.events_after(before).await.len(), 3);
        let mut reading = ward.hospital.storage.read().await.unwrap();
        let case = reading.cases().find(first.case).await.unwrap().unwrap();
        assert_eq!((case.user, case.entries), (Some(user), vec![index]));
        assert_eq!(reading.cases().steps(1).await.unwrap().len(), 3);
    }
}
