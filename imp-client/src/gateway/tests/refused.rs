//! Who does not come through, and what is said about it.
use super::*;
use imp_authenticator::tls::Machines;
use tokio_rustls::TlsConnector;

/// Connects as `machines` and says whether the gateway goes on after the handshake.
async fn is_let_in(machines: &Machines, to: SocketAddr) -> bool {
    let (config, _) = machines.connecting(&[imp_message::frame::PROTOCOL]).unwrap();
    let tcp = TcpStream::connect(to).await.unwrap();
    let host = rustls::pki_types::ServerName::try_from("gateway").unwrap();
    let connector = TlsConnector::from(std::sync::Arc::new(config));
    let Ok(mut tls) = connector.connect(host, tcp).await else { return false };
    // Nothing of a frame: a gateway that let us in waits for more.
    let mut byte = [0];
    let waited = tokio::time::timeout(Duration::from_secs(2), tls.read(&mut byte)).await;
    waited.is_err()
}

async fn receiving(
    hospital: &Hospital,
    rules: &[Rule],
    change: impl FnOnce(&mut Route),
) -> Running {
    let (application, _) = application().await;
    let mut route = inward(RouteProtocol::Mllp, application);
    change(&mut route);
    Running::start(hospital, RECEIVER, hospital.folder(RECEIVER, rules), route).await
}

#[tokio::test]
async fn a_machine_of_another_authority_is_refused_and_named() {
    let (hospital, foreign) = (Hospital::new(), Hospital::new());
    let gateway = receiving(&hospital, &[rule(SENDER, RECEIVER)], |_| {}).await;
    assert!(is_let_in(&hospital.device(SENDER).machines, gateway.address).await);
    // It trusts us; we have never heard of who signed its certificate.
    let (posing, anchors) = (foreign.device(SENDER), hospital.device(SENDER).anchors);
    let clock = std::sync::Arc::new(SystemClock);
    let posing = Machines::new(&posing.identity, &anchors, clock).unwrap();
    assert!(!is_let_in(&posing, gateway.address).await);
    let expected = format!("machine {} (127.0.0.1) unknown-issuer", name(SENDER));
    assert_eq!(gateway.refusals(), [expected]);
}

#[tokio::test]
async fn a_machine_that_no_rule_expects_is_refused_with_both_names() {
    let hospital = Hospital::new();
    let gateway = receiving(&hospital, &[rule(SENDER, RECEIVER)], |_| {}).await;
    assert!(!is_let_in(&hospital.device(MIDDLE).machines, gateway.address).await);
    assert!(!is_let_in(&hospital.device(201).machines, gateway.address).await);
    let expected = ["connection 3 2 no-rule false", "connection 201 2 unknown-machine false"];
    assert_eq!(gateway.refusals(), expected);
    // One gateway works in a folder.
    gateway.stop().await;
    let rules = [rule(SENDER, RECEIVER)];
    let only = receiving(&hospital, &rules, |route| route.peers = vec![name(MIDDLE)]).await;
    assert!(!is_let_in(&hospital.device(SENDER).machines, only.address).await);
    assert_eq!(only.refusals().last().unwrap(), "connection 1 2 not-a-peer false");
}

#[tokio::test]
async fn another_machine_that_answers_is_not_taken_for_the_peer() {
    let hospital = Hospital::new();
    let rules = [rule(SENDER, RECEIVER), rule(SENDER, MIDDLE)];
    let gateway = receiving(&hospital, &rules, |_| {}).await;
    let route = outward(RouteProtocol::Mllp, gateway.address, MIDDLE);
    let sending = Running::start(&hospital, SENDER, hospital.folder(SENDER, &rules), route).await;
    let said = Sender::connect(sending.address).await.send(MESSAGE).await;
    assert!(said.contains("MSA|AR|4711|not-a-peer"), "{said}");
    assert_eq!(sending.refusals(), ["connection 1 2 not-a-peer false"]);
}

#[tokio::test]
async fn a_sender_hears_why_its_connection_is_not_expected() {
    let hospital = Hospital::new();
    let gateway = receiving(&hospital, &[], |_| {}).await;
    let route = outward(RouteProtocol::Mllp, gateway.address, RECEIVER);
    let sending = Running::start(&hospital, SENDER, hospital.folder(SENDER, &[]), route).await;
    let said = Sender::connect(sending.address).await.send(MESSAGE).await;
    assert!(said.contains("MSA|AR|4711|no-rule"), "{said}");
    assert_eq!(sending.refusals(), ["connection 1 2 no-rule false"]);
    assert!(gateway.refusals().is_empty(), "it was not even tried");
}

#[tokio::test]
async fn without_a_policy_a_route_fails_as_it_is_told() {
    let hospital = Hospital::new();
    let state = hospital.folder(RECEIVER, &[]);
    for (on_failure, let_in) in [(OnFailure::Closed, false), (OnFailure::Open, true)] {
        state.remove("policy.jws").unwrap();
        let (application, _) = application().await;
        let mut route = inward(RouteProtocol::Mllp, application);
        route.peers = vec![name(SENDER)];
        route.on_failure = on_failure;
        let gateway = Running::start(&hospital, RECEIVER, state.clone(), route).await;
        assert_eq!(is_let_in(&hospital.device(SENDER).machines, gateway.address).await, let_in);
        assert!(!is_let_in(&hospital.device(MIDDLE).machines, gateway.address).await, "no peer");
        let refusals = gateway.refusals();
        let open = refusals.contains(&"connection 1 2 policy-unknown true".to_owned());
        assert_eq!(open, let_in, "{refusals:?}");
        gateway.stop().await;
    }
}

#[tokio::test]
async fn an_older_policy_or_one_of_somebody_else_is_not_taken_up() {
    let (hospital, foreign) = (Hospital::new(), Hospital::new());
    for jws in [foreign.policy(1, &[rule(SENDER, RECEIVER)]), "no policy".to_owned()] {
        let state = hospital.folder(RECEIVER, &[]);
        state.write("policy.jws", jws.as_bytes()).unwrap();
        let (application, _) = application().await;
        let route = inward(RouteProtocol::Mllp, application);
        let gateway = Running::start(&hospital, RECEIVER, state, route).await;
        assert_eq!(gateway.gateway.status().policy, None);
        assert!(!is_let_in(&hospital.device(SENDER).machines, gateway.address).await);
        gateway.stop().await;
    }
}

#[tokio::test]
async fn a_revoked_certificate_is_refused_though_it_has_not_expired() {
    let hospital = Hospital::new();
    let state = hospital.folder(RECEIVER, &[rule(SENDER, RECEIVER)]);
    let stolen = hospital.device(SENDER);
    let list = hospital.revoked(&[stolen.identity.chain[0].clone()], 0);
    let publication = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}/crl/aa.crl", publication.local_addr().unwrap());
    in_the_background(async move {
        while let Ok((mut stream, _)) = publication.accept().await {
            let _request = stream.read(&mut [0; 1024]).await;
            let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", list.len());
            let _gone = stream.write_all(&[head.as_bytes(), &list].concat()).await;
        }
    });
    let (application, _) = application().await;
    let mut config = GatewayConfig {
        routes: vec![inward(RouteProtocol::Mllp, application)],
        ..GatewayConfig::default()
    };
    config.upkeep.revocation_lists = vec![address];
    let gateway = Running::start_with(&hospital, RECEIVER, state, config).await;
    assert!(!is_let_in(&stolen.machines, gateway.address).await);
    assert!(is_let_in(&hospital.device(SENDER).machines, gateway.address).await, "a new one");
    let expected = format!("machine {} (127.0.0.1) revoked", name(SENDER));
    assert_eq!(gateway.refusals(), [expected]);
}
