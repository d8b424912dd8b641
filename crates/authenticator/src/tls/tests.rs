use rustls::{ClientConnection, Connection, ServerConnection};

use super::*;
use crate::testing::{Authority, Profile, SoftwareKey, StandingClock, clock, now, sample};
use jiff::ToSpan as _;

/// Lets two ends shake hands in memory; what each says, and whom the server saw.
fn shake(
    client: ClientConfig,
    server: Arc<ServerConfig>,
    name: &str,
) -> (Result<(), rustls::Error>, Option<Peer>) {
    let name = rustls::pki_types::ServerName::try_from(name.to_owned()).unwrap();
    let mut client: Connection = ClientConnection::new(Arc::new(client), name).unwrap().into();
    let mut server: Connection = ServerConnection::new(server).unwrap().into();
    let mut outcome = Ok(());
    for _ in 0..4 {
        for forth in [true, false] {
            let (from, to) =
                if forth { (&mut client, &mut server) } else { (&mut server, &mut client) };
            let mut bytes = vec![];
            while from.wants_write() {
                from.write_tls(&mut bytes).unwrap();
            }
            let mut bytes = bytes.as_slice();
            while !bytes.is_empty() {
                to.read_tls(&mut bytes).unwrap();
                outcome = outcome.and(to.process_new_packets().map(drop));
            }
        }
    }
    if outcome.is_ok() {
        assert_eq!(client.protocol_version(), Some(rustls::ProtocolVersion::TLSv1_3));
        let group = client.negotiated_key_exchange_group().unwrap().name();
        assert_eq!(group, rustls::NamedGroup::X25519MLKEM768);
    }
    (outcome, server.peer_certificates().and_then(peer_of))
}

fn https(authority: &Authority) -> Arc<ServerConfig> {
    let (chain, signer) = authority.server("imp.hospital.example");
    server(chain, signer, &authority.anchors, clock()).unwrap()
}

fn problem(outcome: &Result<(), rustls::Error>) -> Option<CertificateProblem> {
    outcome.as_ref().err().and_then(CertificateProblem::of)
}

#[test]
fn the_server_knows_machines_by_their_certificates_and_lets_others_ask() {
    let authority = Authority::new("hospital.example");
    let name = "imp.hospital.example";
    for (identity, who) in [
        (
            authority.machine(&sample::workstation_name(), &Profile::workstation()),
            sample::workstation_name(),
        ),
        (authority.machine(&sample::phone_name(), &Profile::phone()), sample::phone_name()),
    ] {
        let client = machine_to_server(Some(&identity), &authority.anchors, clock()).unwrap();
        let (outcome, peer) = shake(client, https(&authority), name);
        outcome.unwrap();
        let public_key = identity.signer.public_key().to_vec();
        assert_eq!(peer, Some(Peer { spiffe_id: who, public_key }));
    }
    let client = machine_to_server(None, &authority.anchors, clock()).unwrap();
    assert_eq!(shake(client, https(&authority), name), (Ok(()), None));
}

#[test]
fn the_server_must_be_the_one_that_was_meant() {
    let (ours, foreign) = (Authority::new("hospital.example"), Authority::new("hospital.example"));
    let client = || machine_to_server(None, &ours.anchors, clock()).unwrap();
    let (outcome, _) = shake(client(), https(&ours), "other.hospital.example");
    assert_eq!(problem(&outcome), Some(CertificateProblem::WrongName));
    let (outcome, _) = shake(client(), https(&foreign), "imp.hospital.example");
    assert_eq!(problem(&outcome), Some(CertificateProblem::UntrustedIssuer));
    let late = Arc::new(StandingClock(now() + (24 * 365 * 11).hours()));
    let client = machine_to_server(None, &ours.anchors, late).unwrap();
    let (outcome, _) = shake(client, https(&ours), "imp.hospital.example");
    assert_eq!(problem(&outcome), Some(CertificateProblem::Expired));
}

#[test]
fn a_machine_of_a_foreign_authority_is_not_let_in() {
    let (ours, foreign) = (Authority::new("hospital.example"), Authority::new("hospital.example"));
    let identity = foreign.machine(&sample::workstation_name(), &Profile::workstation());
    let client = machine_to_server(Some(&identity), &ours.anchors, clock()).unwrap();
    let (outcome, _) = shake(client, https(&ours), "imp.hospital.example");
    assert_eq!(problem(&outcome), Some(CertificateProblem::UntrustedIssuer));
}

#[test]
fn the_first_meeting_trusts_one_root_only() {
    let (ours, foreign) = (Authority::new("hospital.example"), Authority::new("hospital.example"));
    let fingerprint = |authority: &Authority| Digest::of(&[&authority.anchors.roots[0]]);
    let name = "imp.hospital.example";
    let client = || first_meeting(fingerprint(&ours), clock()).unwrap();
    assert_eq!(shake(client(), https(&ours), name), (Ok(()), None));
    let (outcome, _) = shake(client(), https(&foreign), name);
    assert_eq!(problem(&outcome), Some(CertificateProblem::UntrustedIssuer));
    let (outcome, _) = shake(client(), https(&ours), "other.hospital.example");
    assert_eq!(problem(&outcome), Some(CertificateProblem::WrongName));

    // The right root beside a certificate that it did not issue.
    let (mut chain, signer) = foreign.server(name);
    chain.pop();
    chain.push(ours.anchors.roots[0].clone());
    let impostor = server(chain, signer, &ours.anchors, clock()).unwrap();
    let (outcome, _) = shake(client(), impostor, name);
    assert_eq!(problem(&outcome), Some(CertificateProblem::UntrustedIssuer));
}

#[test]
fn a_machine_cannot_pose_as_the_server() {
    let authority = Authority::new("hospital.example");
    let phone = authority.machine(&sample::phone_name(), &Profile::phone());
    let mut chain = phone.chain.clone();
    chain.extend(authority.anchors.roots.clone());
    let impostor =
        || server(chain.clone(), phone.signer.clone(), &authority.anchors, clock()).unwrap();
    let fingerprint = Digest::of(&[&authority.anchors.roots[0]]);
    for client in [
        machine_to_server(None, &authority.anchors, clock()).unwrap(),
        first_meeting(fingerprint, clock()).unwrap(),
    ] {
        let (outcome, _) = shake(client, impostor(), "imp.hospital.example");
        assert!(problem(&outcome).is_some(), "{outcome:?}");
    }
}

#[test]
fn an_identity_that_does_not_fit_is_refused_at_once() {
    let authority = Authority::new("hospital.example");
    let good = authority.machine(&sample::phone_name(), &Profile::phone());
    let try_it = |identity: &MachineIdentity, anchors: &TrustAnchors| {
        phone_to_workstation(identity, anchors, clock()).map(drop)
    };
    assert!(try_it(&good, &authority.anchors).is_ok());
    let other_key = MachineIdentity { signer: SoftwareKey::generate(), ..good.clone() };
    assert!(matches!(try_it(&other_key, &authority.anchors), Err(TlsError::Mismatch)));
    let other_name = MachineIdentity { spiffe_id: sample::workstation_name(), ..good.clone() };
    assert!(matches!(try_it(&other_name, &authority.anchors), Err(TlsError::Mismatch)));
    let no_chain = MachineIdentity { chain: vec![], ..good.clone() };
    assert!(matches!(try_it(&no_chain, &authority.anchors), Err(TlsError::Certificate)));
    for roots in [vec![], vec![vec![1, 2, 3]]] {
        let anchors = TrustAnchors { roots, ..authority.anchors.clone() };
        assert!(matches!(try_it(&good, &anchors), Err(TlsError::Anchors)));
    }
}
