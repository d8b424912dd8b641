//! A hospital's log for tests, and a server that shows it: honestly, or as somebody tampers.
use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use imp_api::log::{Consistency, OwnUse, OwnUses};
use imp_authenticator::{Receipt, tls};
use imp_identity::refusal::Refusal;
use imp_identity::tap::Purpose;
use imp_identity::{Actor, Event, EventId, Record, SessionId, TapId, UserId, WorkstationId};
use imp_translog::{
    Checkpoint, CompactRange, Hash, InclusionProof, LogKey, Node, TileId, commitment,
    consistency_plan, inclusion_plan, leaf_hash, sign_checkpoint,
};
use jiff::Timestamp;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use uuid::Uuid;

use super::hospital::Hospital;

pub(super) const ORIGIN: &str = "hospital.example/log";

/// One entry, as the server keeps it.
#[derive(Clone)]
struct Kept {
    record: Record,
    text: String,
    salt: [u8; 32],
    erased: bool,
}

/// A log in memory.
pub(super) struct Log {
    pub(super) key: LogKey,
    kept: Vec<Kept>,
    range: CompactRange,
    tiles: HashMap<TileId, Vec<Hash>>,
}

/// An entry that was just appended, with what a receipt needs.
pub(super) struct Appended {
    pub(super) index: u64,
    pub(super) record: Record,
    text: String,
    salt: [u8; 32],
    proof: InclusionProof,
    checkpoint: String,
}

/// What happened.
pub(super) fn accepted(user: UserId, number: u128) -> Event {
    Event::TapAccepted(Box::new(imp_identity::event::TapFacts {
        tap: TapId::from(Uuid::from_u128(number)),
        workstation: WorkstationId::from(Uuid::from_u128(1)),
        phone: imp_identity::PhoneId::from(Uuid::from_u128(2)),
        user,
        purpose: Purpose::TapIn,
        session: SessionId::from(Uuid::from_u128(number)),
        model_set: "imp-face@1".to_owned(),
        mask: false,
        steps: vec![],
    }))
}

/// A tap that the server refused.
pub(super) fn refused(user: UserId) -> Event {
    Event::TapRefused {
        tap: TapId::from(Uuid::from_u128(9)),
        workstation: WorkstationId::from(Uuid::from_u128(1)),
        phone: None,
        user: Some(user),
        purpose: Some(Purpose::TapIn),
        reason: Refusal::ComparisonFailed,
    }
}

impl Log {
    pub(super) fn new() -> Self {
        Self::with(LogKey::generate(ORIGIN).unwrap())
    }

    fn with(key: LogKey) -> Self {
        Self { key, kept: vec![], range: CompactRange::new(), tiles: HashMap::new() }
    }

    /// A log with the same key and the first entries of this one: the beginning of another history.
    pub(super) fn fork(&self, size: usize) -> Self {
        let key = LogKey::from_pkcs8(ORIGIN, &self.key.pkcs8().unwrap()).unwrap();
        let mut fork = Self::with(key);
        for kept in &self.kept[..size] {
            fork.keep(kept.clone());
        }
        fork
    }

    pub(super) fn size(&self) -> u64 {
        self.range.size()
    }

    pub(super) fn append(&mut self, at: Timestamp, event: Event) -> Appended {
        self.append_as(u128::from(self.size()) + 1000, at, event)
    }

    /// The same, with an event of this name.
    pub(super) fn append_as(&mut self, name: u128, at: Timestamp, event: Event) -> Appended {
        let number = self.size();
        let id = EventId::from(Uuid::from_u128(name));
        let record = Record { id, at, actor: Actor::Server, event };
        let text = serde_json::to_string(&record).unwrap();
        let mut salt = [7; 32];
        salt[..8].copy_from_slice(&number.to_be_bytes());
        let proof = self.range.proof_of_next();
        self.keep(Kept { record: record.clone(), text: text.clone(), salt, erased: false });
        Appended { index: number, record, text, salt, proof, checkpoint: self.checkpoint() }
    }

    fn keep(&mut self, kept: Kept) {
        let leaf = leaf_hash(&commitment(&kept.salt, &kept.text));
        let mut nodes = vec![Node { height: 0, position: self.size(), hash: leaf }];
        self.range.push(leaf, &mut |node| nodes.push(node));
        for node in nodes.into_iter().filter(|node| node.height.is_multiple_of(8)) {
            let id = TileId { level: node.height / 8, index: node.position / 256 };
            self.tiles.entry(id).or_default().push(node.hash);
        }
        self.kept.push(kept);
    }

    pub(super) fn erase(&mut self, index: usize) {
        self.kept[index].erased = true;
    }

    pub(super) fn checkpoint(&self) -> String {
        let checkpoint = Checkpoint {
            origin: ORIGIN.to_owned(),
            size: self.range.size(),
            root: self.range.root(),
            extensions: vec![],
        };
        sign_checkpoint(&checkpoint, &self.key).unwrap().to_string()
    }

    fn entry(&self, index: u64, size: u64) -> Option<OwnUse> {
        let kept = self.kept.get(usize::try_from(index).ok()?)?;
        let proof = inclusion_plan(index, size).ok()?.inclusion(&self.tiles).unwrap();
        Some(OwnUse {
            index,
            commitment: commitment(&kept.salt, &kept.text).to_vec().into(),
            record: (!kept.erased).then(|| kept.text.clone()),
            salt: (!kept.erased).then(|| kept.salt.to_vec().into()),
            proof: proof.0.iter().map(|hash| hash.0.to_vec().into()).collect(),
            workstation_label: Some("Ward 3, bed 7".to_owned()),
        })
    }

    /// The entry as it is listed, whomever it is about.
    pub(super) fn entry_of(&self, index: u64) -> OwnUse {
        self.entry(index, self.size()).unwrap()
    }

    fn uses(&self, user: UserId, size: u64, after: Option<u64>) -> OwnUses {
        let from = after.map_or(0, |after| after + 1);
        let hers = |index: &u64| {
            let kept = &self.kept[usize::try_from(*index).unwrap()];
            !kept.erased && kept.record.event.user() == Some(user)
        };
        let mut indexes = (from..size).filter(hers);
        // Small pages, so that every test turns them.
        let entries: Vec<_> =
            indexes.by_ref().take(3).filter_map(|index| self.entry(index, size)).collect();
        OwnUses { size, entries, more: indexes.next().is_some() }
    }

    fn consistency(&self, from: u64, to: u64) -> Option<Consistency> {
        let proof = consistency_plan(from, to).ok()?.consistency(&self.tiles).unwrap();
        Some(Consistency {
            from,
            to,
            proof: proof.0.iter().map(|hash| hash.0.to_vec().into()).collect(),
        })
    }
}

impl Appended {
    /// What the server says of it; the caller may change it before it is signed.
    pub(super) fn receipt(&self) -> Receipt {
        let event = &self.record.event;
        let tap = if let Event::TapAccepted(facts) = event { Some(facts) } else { None };
        let (purpose, session) = (tap.map(|facts| facts.purpose), tap.map(|facts| facts.session));
        Receipt {
            event: self.record.id,
            index: self.index,
            kind: event.name().to_owned(),
            at: self.record.at,
            user: event.user(),
            workstation: event.workstation(),
            workstation_label: "Ward 3, bed 7".to_owned(),
            purpose,
            session,
            record: self.text.clone(),
            salt: self.salt,
            proof: self.proof.0.iter().map(|hash| hash.0).collect(),
            checkpoint: self.checkpoint.clone(),
        }
    }
}

/// How a server tampers with its answers.
type Tamper = Box<dyn Fn(&mut OwnUses) + Send + Sync>;

/// What the server shows.
#[derive(Default)]
pub(super) struct Shown {
    /// Another log than the hospital's.
    pub(super) log: Option<Log>,
    /// Another checkpoint than the log's.
    pub(super) checkpoint: Option<String>,
    /// What becomes of a page of uses.
    pub(super) tamper: Option<Tamper>,
    /// Whether single entries are shown.
    pub(super) forgetful: bool,
    /// How often the server was asked.
    pub(super) asked: usize,
}

/// A server that answers the phone's questions about the log.
pub(super) struct LogServer {
    pub(super) address: String,
    pub(super) shown: Arc<Mutex<Shown>>,
}

impl Hospital {
    /// Answers about this hospital's log from now on.
    pub(super) async fn answer(&self) -> LogServer {
        let (chain, signer, anchors) = self.server();
        let config = tls::server(chain, signer, &anchors, self.clock.clone()).unwrap();
        let mut config = (*config).clone();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("https://{}", listener.local_addr().unwrap());
        let shown = Arc::new(Mutex::new(Shown::default()));
        let (honest, user) = (Arc::clone(&self.log), self.user);
        let tampered = Arc::clone(&shown);
        #[expect(clippy::disallowed_methods, reason = "ends with the test's runtime")]
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let Ok(mut stream) = acceptor.accept(stream).await else { continue };
                assert!(
                    stream.get_ref().1.peer_certificates().is_some(),
                    "the phone shows who it is"
                );
                let mut request = Vec::new();
                while !request.ends_with(b"\r\n\r\n") {
                    let Ok(byte) = stream.read_u8().await else { break };
                    request.push(byte);
                }
                let request = String::from_utf8(request).unwrap();
                let path = request.split(' ').nth(1).unwrap_or_default().to_owned();
                let (status, body) = route(&honest, &tampered, user, &path);
                let answer = format!(
                    "HTTP/1.1 {status} X\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
                    body.len()
                );
                let _gone = stream.write_all(answer.as_bytes()).await;
                let _gone = stream.shutdown().await;
            }
        });
        LogServer { address, shown }
    }
}

fn route(honest: &Mutex<Log>, shown: &Mutex<Shown>, user: UserId, path: &str) -> (u16, String) {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let number = |name: &str| {
        query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('=')?.parse().ok())
    };
    let mut shown = shown.lock().unwrap();
    shown.asked += 1;
    let honest = honest.lock().unwrap();
    let log = shown.log.as_ref().unwrap_or(&honest);
    let json = |found: Option<serde_json::Value>| match found {
        Some(json) => (200, json.to_string()),
        None => (404, problem()),
    };
    match path {
        "/checkpoint" => (200, shown.checkpoint.clone().unwrap_or_else(|| log.checkpoint())),
        "/v1/log/consistency" => json(
            log.consistency(number("from").unwrap(), number("to").unwrap())
                .map(|proof| serde_json::to_value(proof).unwrap()),
        ),
        "/v1/me/uses" => {
            let mut page = log.uses(user, number("size").unwrap(), number("after"));
            if let Some(tamper) = &shown.tamper {
                tamper(&mut page);
            }
            (200, serde_json::to_string(&page).unwrap())
        }
        path => {
            let index = path.strip_prefix("/v1/me/uses/").and_then(|index| index.parse().ok());
            let entry = index.and_then(|index| log.entry(index, number("size").unwrap()));
            json(
                entry
                    .filter(|_| !shown.forgetful)
                    .map(|entry| serde_json::to_value(entry).unwrap()),
            )
        }
    }
}

fn problem() -> String {
    serde_json::json!({
        "type": "https://hospital.example/problems/not-found", "title": "There is no such thing.", "status": 404
    })
    .to_string()
}
