//! HTTP and raw TCP between two gateways.
use super::*;

async fn pair(protocol: RouteProtocol, application: SocketAddr) -> (Hospital, Running, Running) {
    let hospital = Hospital::new();
    let rules = [rule(SENDER, RECEIVER)];
    let mut route = inward(protocol, application);
    route.limits.message_bytes = 2048;
    let receiving =
        Running::start(&hospital, RECEIVER, hospital.folder(RECEIVER, &rules), route).await;
    let mut route = outward(protocol, receiving.address, RECEIVER);
    route.limits.message_bytes = 4096;
    let sending = Running::start(&hospital, SENDER, hospital.folder(SENDER, &rules), route).await;
    (hospital, sending, receiving)
}

/// Takes one connection after the other and answers each request with its own head, with a field that only a gateway may say.
async fn echo_of_heads() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let serve = async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut buffer = vec![0; 16384];
            while let Ok(read @ 1..) = stream.read(&mut buffer).await {
                let text = String::from_utf8_lossy(&buffer[..read]).into_owned();
                let answer = format!(
                    "HTTP/1.1 201 Created\r\ncontent-type: text/plain\r\nimp-resume: 7\r\ncontent-length: {}\r\n\r\n{text}",
                    text.len()
                );
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
        }
    };
    in_the_background(serve);
    address
}

/// One request on a connection, and everything that is answered until it closes.
async fn request(to: SocketAddr, text: &str) -> String {
    let mut stream = TcpStream::connect(to).await.unwrap();
    stream.write_all(text.as_bytes()).await.unwrap();
    let mut answer = String::new();
    let read = tokio::time::timeout(Duration::from_secs(30), stream.read_to_string(&mut answer));
    read.await.unwrap().unwrap();
    answer
}

#[tokio::test]
async fn requests_reach_the_application_signed_and_with_the_senders_name() {
    let (_hospital, sending, receiving) = pair(RouteProtocol::Http, echo_of_heads().await).await;
    let asked = "POST /fhir/Bundle?x=1 HTTP/1.1\r\nhost: ehr\r\nconnection: close, x-hop\r\nx-hop: 1\r\nimp-sender: me\r\ncontent-type: application/fhir+json\r\ncontent-length: 2\r\n\r\n{}";
    let answer = request(sending.address, asked).await;
    assert!(answer.starts_with("HTTP/1.1 201 Created\r\n"), "{answer}");
    assert!(answer.contains("POST /fhir/Bundle?x=1 HTTP/1.1\r\n"), "{answer}");
    assert!(answer.contains(&format!("imp-sender: {}\r\n", name(SENDER))), "{answer}");
    assert!(answer.contains("imp-assurance: legacy-gateway\r\n"), "{answer}");
    assert!(answer.contains("imp-signature: ey"), "{answer}");
    assert!(!answer.contains("x-hop") && !answer.contains("imp-sender: me"), "{answer}");
    assert!(answer.ends_with("\r\n\r\n{}"), "{answer}");
    assert_eq!(receiving.gateway.status().routes[0].carried, 1);

    let long = "x".repeat(3000);
    let asked = format!(
        "POST / HTTP/1.1\r\nhost: ehr\r\nconnection: close\r\ncontent-length: 3000\r\n\r\n{long}"
    );
    let answer = request(sending.address, &asked).await;
    assert!(!answer.starts_with("HTTP/1.1 2"), "the receiver takes 2048 bytes: {answer}");
    let long = "x".repeat(5000);
    let asked = format!(
        "POST / HTTP/1.1\r\nhost: ehr\r\nconnection: close\r\ncontent-length: 5000\r\n\r\n{long}"
    );
    let answer = request(sending.address, &asked).await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
}

#[tokio::test]
async fn the_inventory_knows_better_than_a_gateway_that_calls_itself_a_machine() {
    let hospital = Hospital::new();
    let rules = [rule(LEGACY, RECEIVER)];
    let route = inward(RouteProtocol::Http, echo_of_heads().await);
    let receiving =
        Running::start(&hospital, RECEIVER, hospital.folder(RECEIVER, &rules), route).await;
    let mut route = outward(RouteProtocol::Http, receiving.address, RECEIVER);
    route.legacy = false;
    let sending = Running::start(&hospital, LEGACY, hospital.folder(LEGACY, &rules), route).await;
    let asked = "GET / HTTP/1.1\r\nhost: ehr\r\nconnection: close\r\n\r\n";
    let answer = request(sending.address, asked).await;
    assert!(answer.contains("imp-assurance: legacy-gateway\r\n"), "{answer}");
}

#[tokio::test]
async fn a_lasting_connection_of_raw_bytes_ends_with_its_rule() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let application = listener.local_addr().unwrap();
    in_the_background(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut byte = [0];
        while stream.read_exact(&mut byte).await.is_ok() {
            stream.write_all(&byte).await.unwrap();
        }
    });
    let hospital = Hospital::new();
    let until = super::super::testing::now() + jiff::SignedDuration::from_secs(4);
    let rules = [Rule { until: Some(until), ..rule(SENDER, RECEIVER) }];
    let route = inward(RouteProtocol::Tcp, application);
    let receiving =
        Running::start(&hospital, RECEIVER, hospital.folder(RECEIVER, &rules), route).await;
    let route = outward(RouteProtocol::Tcp, receiving.address, RECEIVER);
    let sending = Running::start(&hospital, SENDER, hospital.folder(SENDER, &rules), route).await;
    let mut stream = TcpStream::connect(sending.address).await.unwrap();
    let mut byte = [7];
    stream.write_all(&byte).await.unwrap();
    stream.read_exact(&mut byte).await.unwrap();
    // Nobody says anything, and no other policy comes.
    let ended = tokio::time::timeout(Duration::from_secs(30), stream.read(&mut byte)).await;
    assert_eq!(ended.expect("it ends").unwrap_or(0), 0);
    let refused = receiving.refusals().into_iter().chain(sending.refusals());
    let refused: Vec<_> = refused.collect();
    assert!(refused.iter().any(|it| it.starts_with("connection 1 2 ")), "{refused:?}");
}

#[tokio::test]
async fn a_request_without_a_signature_does_not_reach_the_application() {
    let (hospital, _sending, receiving) = pair(RouteProtocol::Http, echo_of_heads().await).await;
    let machines = hospital.device(SENDER).machines;
    let (config, _) = machines.connecting(&[b"http/1.1"]).unwrap();
    let tcp = TcpStream::connect(receiving.address).await.unwrap();
    let host = rustls::pki_types::ServerName::try_from("gateway").unwrap();
    let connector = tokio_rustls::TlsConnector::from(std::sync::Arc::new(config));
    let mut tls = connector.connect(host, tcp).await.unwrap();
    tls.write_all(b"GET / HTTP/1.1\r\nhost: ehr\r\nconnection: close\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    let _without_goodbye = tls.read_to_string(&mut answer).await;
    assert!(answer.starts_with("HTTP/1.1 403 "), "{answer}");
    assert!(answer.contains(r#""reason":"malformed""#), "{answer}");
    assert_eq!(receiving.refusals(), ["message 1 malformed"]);
}

#[tokio::test]
async fn raw_bytes_pass_in_both_directions_as_long_as_they_are_expected() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let application = listener.local_addr().unwrap();
    in_the_background(async move {
        while let Ok((stream, _)) = listener.accept().await {
            in_the_background(async move {
                let (mut read, mut write) = stream.into_split();
                let _done = tokio::io::copy(&mut read, &mut write).await;
            });
        }
    });
    let (_hospital, sending, receiving) = pair(RouteProtocol::Tcp, application).await;
    let mut stream = TcpStream::connect(sending.address).await.unwrap();
    let bytes: Vec<u8> = (0..100_000_u32).map(|n| (n % 251) as u8).collect();
    let (mut read, mut write) = stream.split();
    let mut back = vec![0; bytes.len()];
    let (written, got) = tokio::join!(write.write_all(&bytes), read.read_exact(&mut back));
    written.unwrap();
    got.unwrap();
    assert_eq!(back, bytes);
    assert_eq!(sending.gateway.status().routes[0].assurance, "channel");
    sending.stop().await;
    assert_eq!(stream.read(&mut [0; 8]).await.unwrap_or(0), 0, "the gateway ends what is open");
    assert_eq!(receiving.gateway.status().routes[0].carried, 1);
}
