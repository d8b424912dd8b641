//! An emergency through the agent: somebody whose phone is broken works at once, and everybody can tell later how she came in.
use imp_client::entry::{BreakGlassCommand, EntryError};
use imp_identity::event::Event;
use imp_identity::policy::BreakGlass;
use jiff::SignedDuration;
use reqwest::StatusCode;
use serde_json::json;

use super::sign_on::Desk;

const AAL2: &str = "http://idmanagement.gov/ns/assurance/aal/2";

fn bea() -> BreakGlassCommand {
    BreakGlassCommand { username: "bea".to_owned(), reason: "Cardiac arrest in bed 7".to_owned() }
}

fn refused<T>(entered: Result<T, EntryError>) -> String {
    match entered {
        Err(EntryError::Server(error)) => {
            error.problem().expect("the server's word").code().to_owned()
        }
        Err(error) => panic!("{error:?}"),
        Ok(_) => panic!("she was let in"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn in_an_emergency_a_second_person_vouches_and_the_session_is_short_weak_and_reviewed() {
    let mut desk = Desk::open().await;
    desk.ward.world.user("bea", imp_identity::user::Role::Staff, None).await;
    let agent = desk.ward.workstation.agent.clone();
    assert_eq!(refused(agent.break_glass(bea()).await), "break-glass-refused");
    let policy: BreakGlass = serde_json::from_value(json!({})).expect("the least of a policy");
    desk.ward.world.set_policy(|all| all.break_glass = Some(policy)).await;
    assert_eq!(refused(agent.break_glass(bea()).await), "second-person-required");
    desk.ward.world.clock.advance(SignedDuration::from_secs(10));
    desk.ward.workstation.admits("ada").await;
    desk.ward.world.clock.advance(SignedDuration::from_secs(10));
    let before = desk.ward.events().await;
    let session = agent.break_glass(bea()).await.expect("Ada vouched");
    assert_eq!(session.username, "bea");
    assert_eq!(session.expires_at, desk.ward.world.now() + SignedDuration::from_mins(30));
    let names = desk.ward.world.event_names(before).await;
    assert_eq!(names, ["session-suspended", "session-established", "break-glass-used"]);
    assert_eq!(agent.desktop().session().expect("she is at work").username, "bea");

    // Her applications know that nobody proved anything, and those that want more do not open.
    let said = desk.sign_on().await;
    assert_eq!(said["amr"], json!(["urn:imp:amr:break-glass"]), "{said}");
    desk.browser.forget();
    let interaction = desk.interaction(&format!("&acr_values={AAL2}")).await;
    let (status, told) = desk.fetch(&desk.browser.origin(), &interaction).await;
    assert_eq!((status, told["error"].as_str()), (StatusCode::FORBIDDEN, Some("step-up-required")));

    // It is over by itself; nothing but another emergency brings it back.
    agent.lock().await;
    desk.ward.world.clock.advance(SignedDuration::from_mins(30));
    agent.refresh_sessions().await;
    assert!(agent.desktop().session().is_none(), "half an hour, whatever happens");
    let events = desk.ward.world.events().await;
    let reason = events.iter().find_map(|entry| {
        if let Event::BreakGlassUsed { reason, .. } = &entry.record.event {
            Some(reason.to_string())
        } else {
            None
        }
    });
    assert_eq!(reason.as_deref(), Some("Cardiac arrest in bed 7"));
}
