//! The log as everybody sees it, and what only two people together may do to it.
use imp_api::Client;
use imp_api::log::{Erasure, Erasures, LogKey, RefuseErasure, RequestErasure};
use imp_authenticator::tls::first_meeting;
use imp_identity::user::Role;
use imp_translog::{
    ConsistencyProof, Hash, InclusionProof, VerifierKey, decode_bundle, leaf_hash, open_checkpoint,
    tile_from_bytes,
};
use jiff::SignedDuration;
use serde_json::Value;

use crate::hospital::{Hospital, problem};

fn hash(bytes: &imp_api::Base64) -> Hash {
    Hash::from_slice(&bytes.0).unwrap()
}

/// An HTTP client that nobody knows.
fn anybody(hospital: &Hospital) -> reqwest::Client {
    let tls = first_meeting(hospital.server.ca(), hospital.clock.clone()).unwrap();
    reqwest::Client::builder().tls_backend_preconfigured(tls).build().unwrap()
}

async fn key(client: &Client) -> VerifierKey {
    let shown: LogKey = client.get("v1/log/key").await.unwrap();
    let key: VerifierKey = shown.key.parse().unwrap();
    assert_eq!(key.name(), shown.origin);
    key
}

#[tokio::test]
async fn everybody_may_check_the_log() {
    let hospital = Hospital::open().await;
    let administrator = hospital.first_administrator().await;
    let stranger = hospital.stranger();
    let key = key(&stranger).await;
    let older = open_checkpoint(&stranger.checkpoint().await.unwrap(), &key).unwrap();
    hospital.person(&administrator, "bea", Role::Staff).await;
    let newer = open_checkpoint(&stranger.checkpoint().await.unwrap(), &key).unwrap();
    assert!(newer.size > older.size, "what was answered is in the checkpoint");

    let shown = stranger.consistency(older.size, newer.size).await.unwrap();
    let proof = ConsistencyProof(shown.proof.iter().map(hash).collect());
    assert_eq!(proof.verify(older.size, older.root, newer.size, newer.root), Ok(()));

    let (tile, bundle) = (format!("tile/0/000.p/{}", newer.size), "tile/entries/000.p");
    let tile = bytes(&hospital, &tile).await;
    let leaves = tile_from_bytes(&tile).unwrap();
    let bundle = bytes(&hospital, &format!("{bundle}/{}", newer.size)).await;
    let entries = decode_bundle(&bundle).unwrap();
    assert_eq!(entries.iter().map(|entry| leaf_hash(entry)).collect::<Vec<_>>(), leaves);
    for (index, leaf) in (0_u64..).zip(leaves) {
        let shown = stranger.inclusion(index, newer.size).await.unwrap();
        assert_eq!(hash(&shown.leaf), leaf);
        let proof = InclusionProof(shown.proof.iter().map(hash).collect());
        assert_eq!(proof.verify(index, newer.size, leaf, newer.root), Ok(()));
    }
    for beyond in [stranger.inclusion(newer.size, newer.size).await.err(), None].iter().flatten() {
        assert_eq!(beyond.problem().unwrap().code(), "not-in-log");
    }
    let beyond = stranger.consistency(1, newer.size + 1).await;
    assert_eq!(problem(beyond), "not-in-log");
}

/// A tile, with the headers that let caches keep it for ever.
async fn bytes(hospital: &Hospital, path: &str) -> Vec<u8> {
    let url = format!("{}/{path}", hospital.server.url());
    let answer = anybody(hospital).get(url).send().await.unwrap();
    assert_eq!(answer.status(), 200, "{path}");
    assert_eq!(answer.headers()["content-type"], "application/octet-stream");
    assert!(answer.headers()["cache-control"].to_str().unwrap().contains("immutable"));
    answer.bytes().await.unwrap().to_vec()
}

#[tokio::test]
async fn what_the_log_does_not_reach_is_not_found_and_a_checkpoint_is_not_kept() {
    let hospital = Hospital::open().await;
    let http = anybody(&hospital);
    let url = |path: &str| format!("{}/{path}", hospital.server.url());
    for path in [
        "tile/0/000",
        "tile/0/000.p/255",
        "tile/0/001.p/1",
        "tile/1/000.p/1",
        "tile/63/999",
        "tile/entries/000",
        "tile/entries/x999/x999/x999/999",
        "tile/0/0",
        "tile/nothing",
        "tile/0/x018/x446/x744/x073/x709/x551/615",
        "tile/0/000.p/0",
        "tile/0/..%2f..",
    ] {
        let answer = http.get(url(path)).send().await.unwrap();
        assert_eq!(answer.status(), 404, "{path}");
        let problem: Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
        assert_eq!(problem["type"], "urn:imp:problem:not-in-log", "{path}");
    }
    let checkpoint = http.get(url("checkpoint")).send().await.unwrap();
    assert_eq!(checkpoint.headers()["cache-control"], "no-cache");
    assert_eq!(checkpoint.headers()["content-type"], "text/plain; charset=utf-8");
}

#[tokio::test]
async fn an_administrator_asks_for_an_erasure_and_an_auditor_decides() {
    let hospital = Hospital::open().await;
    let administrator = hospital.first_administrator().await;
    let (_, token) = hospital.person(&administrator, "olga", Role::Auditor).await;
    let auditor = hospital.stranger().with_token(token);
    let (bea, _) = hospital.person(&administrator, "bea", Role::Staff).await;
    let about = |index, user| RequestErasure { index, user, reason: "a wish".parse().unwrap() };
    let path = "v1/log/erasures";

    let both = administrator.post::<Erasure>(path, &about(Some(1), Some(bea))).await;
    assert_eq!(problem(both), "erasure-scope");
    let kept = administrator.post::<Erasure>(path, &about(Some(0), None)).await;
    assert_eq!(problem(kept), "erasure-kept");
    let refused = auditor.post::<Erasure>(path, &about(None, Some(bea))).await;
    assert_eq!(problem(refused), "role-insufficient");

    let asked: Erasure = administrator.post(path, &about(None, Some(bea))).await.unwrap();
    assert_eq!((asked.state.as_str(), asked.user, asked.erased), ("requested", Some(bea), 0));
    let approval = format!("{path}/{}/approval", asked.id);
    let alone = administrator.post::<Erasure>(&approval, &()).await;
    assert_eq!(problem(alone), "role-insufficient");
    let done: Erasure = auditor.post(&approval, &()).await.unwrap();
    assert_eq!(done.state, "done");
    let again = auditor.post::<Erasure>(&approval, &()).await;
    assert_eq!(problem(again), "erasure-state");

    hospital.clock.advance(SignedDuration::from_secs(1));
    let other: Erasure = administrator.post(path, &about(None, Some(bea))).await.unwrap();
    let no = RefuseErasure { reason: "done already".parse().unwrap() };
    let refusal = format!("{path}/{}/refusal", other.id);
    let refused: Erasure = auditor.post(&refusal, &no).await.unwrap();
    assert_eq!(refused.state, "refused");
    let listed: Erasures = administrator.get(path).await.unwrap();
    assert_eq!(listed.erasures, [refused, done]);
}
