//! The file of http-01 (RFC 8555 §8.3). One request, over a connection to the address that was looked at; redirects are not
//! followed, and no more is read than an answer may be long.
use std::net::SocketAddr;

use axum::body::Body;
use axum::http::{Request, StatusCode, Version, header};
use http_body_util::BodyExt as _;
use hyper_util::rt::TokioIo;
use imp_pki::acme::KeyAuthorization;
use tokio::net::TcpStream;

use super::validate::ValidationError;

/// The most that is read of a file, in bytes: a key authorization has 87.
const MOST: usize = 1024;

/// Looks whether the file at `address` says what it should; `host` is what the client calls it.
pub(super) async fn check(
    address: SocketAddr,
    host: &str,
    token: &str,
    expected: &KeyAuthorization,
) -> Result<(), ValidationError> {
    let stream = TcpStream::connect(address).await.map_err(ValidationError::Connect)?;
    let http = |_: hyper::Error| ValidationError::Http;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(http)?;
    let host = match address.port() {
        80 => host.to_owned(),
        port => format!("{host}:{port}"),
    };
    let request = Request::get(format!("/.well-known/acme-challenge/{token}"))
        .version(Version::HTTP_11)
        .header(header::HOST, host)
        .header(header::USER_AGENT, concat!("imp-server/", env!("CARGO_PKG_VERSION")))
        .header(header::CONNECTION, "close")
        .body(Body::empty())
        .map_err(|_| ValidationError::Http)?;
    let exchange = async {
        let response = sender.send_request(request).await.map_err(http)?;
        match response.status() {
            StatusCode::OK => {}
            status if status.is_redirection() => return Err(ValidationError::Redirect),
            status => return Err(ValidationError::Status(status.as_u16())),
        }
        let mut body = response.into_body();
        let mut file = Vec::new();
        while let Some(frame) = body.frame().await {
            let Ok(chunk) = frame.map_err(http)?.into_data() else { continue };
            if file.len() + chunk.len() > MOST {
                return Err(ValidationError::TooLong);
            }
            file.extend_from_slice(&chunk);
        }
        if expected.is_in(&file) { Ok(()) } else { Err(ValidationError::Incorrect) }
    };
    // The connection is driven as long as the exchange lasts, and no longer.
    let mut exchange = std::pin::pin!(exchange);
    tokio::select! {
        biased;
        result = &mut exchange => result,
        _ended = connection => exchange.await,
    }
}
