//! EST (RFC 7030), as a small device speaks it.
use std::sync::Arc;

use data_encoding::BASE64;
use imp_identity::DeviceId;
use imp_identity::invitation::Code;
use imp_pki::Certificate;

use super::{Failure, Held, Key, Site};

impl Site {
    /// Enrols with a one-time code by HTTP Basic authentication; `name` is the device's serial number.
    pub(crate) async fn est_enrol(
        &self,
        (name, code): (&str, &Code),
        key: &Arc<Key>,
        issuers: &[Vec<u8>],
    ) -> Result<Held, Failure> {
        let asked = self.stranger().post(self.est_url("simpleenroll"));
        est(asked.basic_auth(name, Some(code.expose())), key.clone(), issuers).await
    }

    /// Renews with the certificate that it has.
    pub(crate) async fn est_renew(&self, device: DeviceId, held: &Held) -> Result<Held, Failure> {
        let asked = self.shows(device, held).post(self.est_url("simplereenroll"));
        est(asked, Key::new(), &held.issuers).await
    }

    fn est_url(&self, operation: &str) -> String {
        format!("{}/.well-known/est/{operation}", self.est)
    }
}

async fn est(
    asked: reqwest::RequestBuilder,
    key: Arc<Key>,
    issuers: &[Vec<u8>],
) -> Result<Held, Failure> {
    let asked = asked.header("content-type", "application/pkcs10");
    let answer = asked.body(BASE64.encode(&key.request())).send().await?;
    let status = answer.status();
    let text = answer.text().await?;
    if status != 200 {
        return Err(format!("{status}: {text}").into());
    }
    let plain: String = text.split_whitespace().collect();
    let message = BASE64.decode(plain.as_bytes())?;
    let der = certificate(&message).ok_or("no certificate in the answer")?;
    Ok(Held { key, certificate: Certificate::parse(der)?, issuers: issuers.to_vec() })
}

/// The one certificate of a "certs-only" message (RFC 5652 §5.1): `ContentInfo`, `[0]`, `SignedData`, `[0]`, the certificate.
fn certificate(message: &[u8]) -> Option<Vec<u8>> {
    let info = parts(parts(message)?.first()?.1)?;
    let signed = parts(parts(info.get(1)?.1)?.first()?.1)?;
    let certificates = signed.iter().find(|(tag, _, _)| *tag == 0xa0)?.1;
    Some(parts(certificates)?.first()?.2.to_vec())
}

/// A value's tag, its content, and all of it.
type Part<'a> = (u8, &'a [u8], &'a [u8]);

/// The values in a row, in DER.
fn parts(mut der: &[u8]) -> Option<Vec<Part<'_>>> {
    let mut all = vec![];
    while let Some((tag, rest)) = der.split_first() {
        let (first, rest) = rest.split_first()?;
        let more = if *first < 0x80 { 0 } else { usize::from(*first & 0x7f) };
        let length = if more == 0 {
            usize::from(*first)
        } else {
            rest.get(..more)?.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte))
        };
        let start = 2 + more;
        all.push((*tag, der.get(start..start + length)?, der.get(..start + length)?));
        der = &der[start + length..];
    }
    Some(all)
}
