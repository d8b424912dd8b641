//! HL7 v2 between two gateways.
use super::middle::{Middle, Mischief};
use super::*;

/// Sender, receiver, and what the application got.
struct Pair {
    hospital: Hospital,
    sending: Running,
    receiving: Running,
    got: UnboundedReceiver<String>,
}

async fn pair() -> Pair {
    let hospital = Hospital::new();
    let (application, got) = application().await;
    let rules = [rule(SENDER, RECEIVER)];
    let route = inward(RouteProtocol::Mllp, application);
    let receiving =
        Running::start(&hospital, RECEIVER, hospital.folder(RECEIVER, &rules), route).await;
    let route = outward(RouteProtocol::Mllp, receiving.address, RECEIVER);
    let sending = Running::start(&hospital, SENDER, hospital.folder(SENDER, &rules), route).await;
    Pair { hospital, sending, receiving, got }
}

#[tokio::test]
async fn messages_go_through_and_answers_come_back() {
    let Pair { hospital: _folders, sending, receiving, mut got } = pair().await;
    let mut sender = Sender::connect(sending.address).await;
    for _ in 0..3 {
        assert!(sender.send(MESSAGE).await.contains("MSA|AA|4711"));
        assert_eq!(got.recv().await.unwrap(), MESSAGE);
    }
    // A second connection has a lane of its own.
    let mut second = Sender::connect(sending.address).await;
    assert!(second.send(MESSAGE).await.contains("MSA|AA|4711"));
    let (out, within) = (sending.gateway.status(), receiving.gateway.status());
    assert_eq!((out.routes[0].carried, within.routes[0].carried), (4, 4));
    assert_eq!(out.routes[0].assurance, "signed-by-gateway");
    assert_eq!(out.routes[0].connections, 2);
    assert!(sending.refusals().is_empty() && receiving.refusals().is_empty());
}

#[tokio::test]
async fn what_somebody_in_the_middle_does_is_refused_each_with_its_reason() {
    let hospital = Hospital::new();
    let (application, mut got) = application().await;
    let rules = [rule(SENDER, MIDDLE), rule(MIDDLE, RECEIVER)];
    let mut route = inward(RouteProtocol::Mllp, application);
    route.signers = vec![name(SENDER)];
    let receiving =
        Running::start(&hospital, RECEIVER, hospital.folder(RECEIVER, &rules), route).await;
    let middle = Middle::start(&hospital, MIDDLE, receiving.address).await;
    let mut route = outward(RouteProtocol::Mllp, middle.address, MIDDLE);
    route.receiver = Some(name(RECEIVER));
    let sending = Running::start(&hospital, SENDER, hospital.folder(SENDER, &rules), route).await;

    let mut sender = Sender::connect(sending.address).await;
    // After a refusal the gateway connects anew, and the one in the middle remembers one connection only: hence what is sent between.
    let plan = [
        (Mischief::None, "AA"),
        (Mischief::Alter, "AR altered"),
        (Mischief::None, "AA"),
        (Mischief::Swap, "AR altered"),
        (Mischief::None, "AA"),
        (Mischief::Replay, "AR replayed"),
        (Mischief::None, "AA"),
        (Mischief::None, "AA"),
        (Mischief::OldAnswer, "AE altered"),
    ];
    for (number, (mischief, expected)) in plan.into_iter().enumerate() {
        middle.plan(mischief);
        let id = format!("M{number}");
        let said = sender.send(&MESSAGE.replace("4711", &id)).await;
        let (code, reason) = expected.split_once(' ').unwrap_or((expected, ""));
        assert!(said.contains(&format!("MSA|{code}|{id}")), "{mischief:?}: {said}");
        assert!(said.contains(reason), "{mischief:?}: {said}");
    }

    let expected = ["message 1 altered", "message 1 altered", "message 1 replayed"];
    assert_eq!(receiving.refusals(), expected);
    assert_eq!(sending.refusals(), ["message 2 altered"]);
    let mut delivered = 0;
    while got.try_recv().is_ok() {
        delivered += 1;
    }
    assert_eq!(delivered, 6, "nothing but what was accepted");
}

#[tokio::test]
async fn a_message_that_was_held_back_is_refused_as_reordered() {
    let hospital = Hospital::new();
    let (application, _got) = application().await;
    let rules = [rule(SENDER, MIDDLE), rule(MIDDLE, RECEIVER)];
    let mut route = inward(RouteProtocol::Mllp, application);
    route.signers = vec![name(SENDER)];
    let receiving =
        Running::start(&hospital, RECEIVER, hospital.folder(RECEIVER, &rules), route).await;
    let middle = hospital.device(MIDDLE).machines;
    let (sender, machines) = (hospital.device(SENDER), middle);
    let sign = |sequence: u64| {
        let message = imp_message::Message {
            sender: name(SENDER),
            receiver: name(RECEIVER),
            stream: "results/0".parse().unwrap(),
            sequence,
            at: super::super::testing::now(),
            content_type: imp_message::hl7::CONTENT_TYPE.to_owned(),
            subject: None,
            assurance: imp_message::Assurance::Machine,
        };
        let (payload, identity) = (MESSAGE.as_bytes(), &sender.identity);
        let signature = imp_message::sign(&message, payload, &identity.chain, |input| {
            identity.signer.sign(input)
        });
        imp_message::Frame::Message { signature: signature.unwrap(), payload: payload.to_vec() }
    };
    let (config, _) = machines.connecting(&[imp_message::frame::PROTOCOL]).unwrap();
    let tcp = TcpStream::connect(receiving.address).await.unwrap();
    let host = rustls::pki_types::ServerName::try_from("gateway").unwrap();
    let connector = tokio_rustls::TlsConnector::from(std::sync::Arc::new(config));
    let mut tls = connector.connect(host, tcp).await.unwrap();
    let mut decoder = imp_message::FrameDecoder::new(1 << 20);
    let (one, two, three) = (sign(1), sign(2), sign(3));
    let mut words = vec![];
    for frame in [&one, &three, &two, &three] {
        tls.write_all(&frame.to_bytes()).await.unwrap();
        words.push(match middle::next(&mut tls, &mut decoder).await.unwrap() {
            imp_message::Frame::Message { .. } => "accepted".to_owned(),
            imp_message::Frame::Refused(reason) => reason.code().to_owned(),
            other @ (imp_message::Frame::Resume(_)
            | imp_message::Frame::Undelivered
            | imp_message::Frame::Unavailable) => format!("{other:?}"),
        });
    }
    assert_eq!(words, ["accepted", "accepted", "reordered", "replayed"]);
    assert_eq!(receiving.refusals(), ["message 1 reordered", "message 1 replayed"]);
}

#[tokio::test]
async fn nothing_is_lost_or_taken_twice_when_the_receiver_stops_or_crashes() {
    let Pair { hospital, sending, receiving, mut got } = pair().await;
    let mut sender = Sender::connect(sending.address).await;
    for _ in 0..2 {
        assert!(sender.send(MESSAGE).await.contains("MSA|AA|4711"));
    }
    let address = receiving.address;
    let state =
        StateDirectory::open(hospital.folder(RECEIVER, &[rule(SENDER, RECEIVER)]).root()).unwrap();
    // As a crash would leave it: the horizon only.
    let unsettled = state.read("received.json").unwrap().unwrap();
    receiving.stop().await;
    let refused = sender.send(MESSAGE).await;
    assert!(refused.contains("MSA|A"), "{refused}");
    assert!(!refused.contains("MSA|AA"), "{refused}");
    state.write("received.json", &unsettled).unwrap();
    let (application, mut again) = application().await;
    let mut route = inward(RouteProtocol::Mllp, application);
    route.outside.listen = Some(address.to_string());
    let receiving = Running::start(&hospital, RECEIVER, state.clone(), route).await;
    assert!(sender.send(MESSAGE).await.contains("MSA|AA|4711"), "signed anew, beyond the horizon");
    assert_eq!(again.recv().await.unwrap(), MESSAGE);
    assert!(again.try_recv().is_err(), "once");
    assert!(receiving.refusals().is_empty());
    receiving.stop().await;
    let settled = state.read("received.json").unwrap().unwrap();
    assert!(String::from_utf8(settled).unwrap().contains("\"settled\": true"));
    assert_eq!(got.recv().await.unwrap(), MESSAGE);
    assert_eq!(got.recv().await.unwrap(), MESSAGE);
    assert!(got.try_recv().is_err());
}

#[tokio::test]
async fn a_new_certificate_is_shown_to_new_connections_and_old_ones_go_on() {
    let Pair { hospital, sending, receiving, .. } = pair().await;
    let mut sender = Sender::connect(sending.address).await;
    assert!(sender.send(MESSAGE).await.contains("MSA|AA|4711"));
    let renewed = hospital.device(SENDER);
    let before = sending.gateway.certificate();
    sending.gateway.renewed(renewed);
    assert_ne!(sending.gateway.certificate(), before);
    assert!(sender.send(MESSAGE).await.contains("MSA|AA|4711"));
    let mut second = Sender::connect(sending.address).await;
    assert!(second.send(MESSAGE).await.contains("MSA|AA|4711"));
    assert_eq!(receiving.gateway.status().routes[0].connections, 2, "none was dropped");
}

#[tokio::test]
async fn an_application_that_is_away_costs_no_message() {
    let hospital = Hospital::new();
    let nowhere = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let place = nowhere.local_addr().unwrap();
    drop(nowhere);
    let rules = [rule(SENDER, RECEIVER)];
    let route = inward(RouteProtocol::Mllp, place);
    let receiving =
        Running::start(&hospital, RECEIVER, hospital.folder(RECEIVER, &rules), route).await;
    let route = outward(RouteProtocol::Mllp, receiving.address, RECEIVER);
    let sending = Running::start(&hospital, SENDER, hospital.folder(SENDER, &rules), route).await;
    let mut sender = Sender::connect(sending.address).await;
    let said = sender.send(MESSAGE).await;
    assert!(said.contains("MSA|AR|4711|unavailable"), "{said}");
    assert!(receiving.refusals().is_empty());
}
