//! What is said to a key: CTAP 2.1 §6.2 (signing), §6.4 (what it can), §6.5 (its PIN).
use aws_lc_rs::digest::{SHA256, digest};
use imp_identity::Secret;
use minicbor::data::Type;
use minicbor::{Decoder, Encoder};
use zeroize::Zeroizing;

use super::hid::{Channel, Reports};
use super::pin::{Protocol, Shared};
use super::{Assertion, AssertionRequest, SecurityKeyError};

const GET_ASSERTION: u8 = 0x02;
const GET_INFO: u8 = 0x04;
const CLIENT_PIN: u8 = 0x06;
const KEY_AGREEMENT: u8 = 0x02;
const PIN_TOKEN: u8 = 0x05;
const PIN_TOKEN_WITH_PERMISSIONS: u8 = 0x09;
const UV_TOKEN_WITH_PERMISSIONS: u8 = 0x06;
/// Credentials that a key is asked for at once: more than 8 are too many for some.
const NAMED_AT_ONCE: usize = 8;
/// The permission to sign (CTAP 2.1 §6.5.5.7).
const MAY_SIGN: u8 = 0x02;

/// What a key can.
#[derive(Debug, Default, PartialEq, Eq)]
struct Abilities {
    /// A PIN is set.
    pin: bool,
    /// It verifies by itself, and somebody is enrolled.
    verifies: bool,
    /// Its tokens have permissions.
    permissions: bool,
    protocols: Vec<u64>,
}

/// What proves to the key that it was verified who holds it.
struct Token {
    protocol: Protocol,
    token: Zeroizing<Vec<u8>>,
}

/// Has the key sign.
pub(super) fn assert(
    key: &mut Channel<impl Reports>,
    request: &AssertionRequest<'_>,
) -> Result<Assertion, SecurityKeyError> {
    if let Some(credentials) = request.touch {
        return touch(key, request, credentials);
    }
    let abilities = abilities(&key.say(&[GET_INFO])?).map_err(malformed)?;
    let token = match request.pin {
        Some(_) if !abilities.pin => return Err(SecurityKeyError::PinNotSet),
        Some(pin) => Some(token(key, &abilities, request.rp_id, Some(pin))?),
        None if !abilities.verifies && abilities.pin => return Err(SecurityKeyError::PinRequired),
        None if !abilities.verifies => return Err(SecurityKeyError::PinNotSet),
        None if abilities.permissions => Some(token(key, &abilities, request.rp_id, None)?),
        None => None,
    };
    let answer = key.say(&ask(request, token.as_ref()).map_err(malformed)?)?;
    let assertion = read(&answer, None).map_err(malformed)?;
    assertion.ok_or(SecurityKeyError::Protocol("a signature without its parts"))
}

/// Has the key sign with one of these credentials for whoever touches it (CTAP 2.1 §6.2.2: `up` without `uv`).
fn touch(
    key: &mut Channel<impl Reports>,
    request: &AssertionRequest<'_>,
    credentials: &[Vec<u8>],
) -> Result<Assertion, SecurityKeyError> {
    for named in credentials.chunks(NAMED_AT_ONCE) {
        let answer = match key.say(&ask_touch(request, named).map_err(malformed)?) {
            Err(SecurityKeyError::NotRegistered) => continue,
            Err(SecurityKeyError::PinRequired | SecurityKeyError::PinNotSet) => break,
            answer => answer?,
        };
        let only = if let [only] = named { Some(only.as_slice()) } else { None };
        let assertion = read(&answer, only).map_err(malformed)?;
        return assertion.ok_or(SecurityKeyError::Protocol("a signature without its parts"));
    }
    Err(SecurityKeyError::TouchRefused)
}

fn malformed<E>(_: E) -> SecurityKeyError {
    SecurityKeyError::Protocol("malformed CBOR")
}

type Encoded = Result<Vec<u8>, minicbor::encode::Error<std::convert::Infallible>>;

fn ask(request: &AssertionRequest<'_>, token: Option<&Token>) -> Encoded {
    let mut message = Encoder::new(vec![GET_ASSERTION]);
    message.map(if token.is_some() { 4 } else { 3 })?;
    message.u8(1)?.str(request.rp_id)?.u8(2)?.bytes(request.client_data_hash)?;
    if let Some(Token { protocol, token }) = token {
        let proof = protocol.authenticate(token, request.client_data_hash);
        message.u8(6)?.bytes(&proof)?.u8(7)?.u8(protocol.number())?;
    } else {
        message.u8(5)?.map(1)?.str("uv")?.bool(true)?;
    }
    Ok(message.into_writer())
}

fn ask_touch(request: &AssertionRequest<'_>, credentials: &[Vec<u8>]) -> Encoded {
    let mut message = Encoder::new(vec![GET_ASSERTION]);
    message.map(3)?.u8(1)?.str(request.rp_id)?.u8(2)?.bytes(request.client_data_hash)?;
    message.u8(3)?.array(credentials.len() as u64)?;
    for credential in credentials {
        message.map(2)?.str("id")?.bytes(credential)?.str("type")?.str("public-key")?;
    }
    Ok(message.into_writer())
}

/// Gets a token, by the PIN or by the key's own means.
fn token(
    key: &mut Channel<impl Reports>,
    abilities: &Abilities,
    rp_id: &str,
    pin: Option<&Secret<String>>,
) -> Result<Token, SecurityKeyError> {
    let unknown = SecurityKeyError::Protocol("an unknown PIN protocol");
    let protocol = Protocol::choose(&abilities.protocols).ok_or(unknown)?;
    let agree = || -> Encoded {
        let mut message = Encoder::new(vec![CLIENT_PIN]);
        message.map(2)?.u8(1)?.u8(protocol.number())?.u8(2)?.u8(KEY_AGREEMENT)?;
        Ok(message.into_writer())
    };
    let answer = key.say(&agree().map_err(malformed)?)?;
    let point = member(&answer, 1, point).map_err(malformed)?.flatten();
    let point = point.ok_or(SecurityKeyError::Protocol("no key to agree with"))?;
    let (shared, own) = Shared::agree(protocol, &point)?;
    let pin = match pin {
        Some(pin) => {
            let hash = digest(&SHA256, pin.expose().as_bytes());
            Some(shared.encrypt(&hash.as_ref()[..16])?)
        }
        None => None,
    };
    let permitted = abilities.permissions.then_some(rp_id);
    let asked = ask_token(protocol, &own, pin.as_deref(), permitted).map_err(malformed)?;
    let answer = key.say(&asked)?;
    let sent = member(&answer, 2, |value| Ok(value.bytes()?.to_vec())).map_err(malformed)?;
    let sent = sent.ok_or(SecurityKeyError::Protocol("no token"))?;
    Ok(Token { protocol, token: shared.decrypt(&sent)? })
}

fn ask_token(
    protocol: Protocol,
    own: &[u8; 65],
    pin: Option<&[u8]>,
    permitted: Option<&str>,
) -> Encoded {
    let mut message = Encoder::new(vec![CLIENT_PIN]);
    let members = 3 + u64::from(pin.is_some()) + if permitted.is_some() { 2 } else { 0 };
    let subcommand = match (pin, permitted) {
        (Some(_), None) => PIN_TOKEN,
        (Some(_), Some(_)) => PIN_TOKEN_WITH_PERMISSIONS,
        (None, _) => UV_TOKEN_WITH_PERMISSIONS,
    };
    message.map(members)?.u8(1)?.u8(protocol.number())?.u8(2)?.u8(subcommand)?.u8(3)?;
    // COSE_Key (RFC 9053 §7.1.1), ECDH-ES+HKDF-256 over P-256
    message.map(5)?.u8(1)?.u8(2)?.u8(3)?.i8(-25)?.i8(-1)?.u8(1)?;
    message.i8(-2)?.bytes(&own[1..33])?.i8(-3)?.bytes(&own[33..])?;
    if let Some(pin) = pin {
        message.u8(6)?.bytes(pin)?;
    }
    if let Some(rp_id) = permitted {
        message.u8(9)?.u8(MAY_SIGN)?.u8(10)?.str(rp_id)?;
    }
    Ok(message.into_writer())
}

type Decoded<T> = Result<T, minicbor::decode::Error>;

fn abilities(answer: &[u8]) -> Decoded<Abilities> {
    let mut found = Abilities::default();
    let options = member(answer, 4, |value| {
        each(value, |value| {
            let (name, set) = (value.str()?.to_owned(), value.bool()?);
            Ok((name, set))
        })
    })?;
    for (name, set) in options.unwrap_or_default() {
        match name.as_str() {
            "clientPin" => found.pin = set,
            "uv" => found.verifies = set,
            "pinUvAuthToken" => found.permissions = set,
            _ => {}
        }
    }
    let protocols = member(answer, 6, |value| {
        let count = value.array()?.unwrap_or_default();
        (0..count).map(|_| value.u64()).collect()
    })?;
    found.protocols = protocols.unwrap_or_else(|| vec![1]);
    Ok(found)
}

/// Reads an assertion. A key that was asked for `only` one credential need not name it, nor its user (CTAP 2.1 §6.2.2).
fn read(answer: &[u8], only: Option<&[u8]>) -> Decoded<Option<Assertion>> {
    let id = |value: &mut Decoder<'_>| named_bytes(value, "id");
    let bytes = |value: &mut Decoder<'_>| Ok(value.bytes()?.to_vec());
    let credential = member(answer, 1, id)?.flatten().or_else(|| only.map(<[u8]>::to_vec));
    let user = member(answer, 4, id)?.flatten().or_else(|| only.map(|_| vec![]));
    let parts = (credential, member(answer, 2, bytes)?, member(answer, 3, bytes)?, user);
    let (Some(credential), Some(authenticator_data), Some(signature), Some(user)) = parts else {
        return Ok(None);
    };
    Ok(Some(Assertion { credential, authenticator_data, signature, user }))
}

/// The member `wanted` of a map with small numbers as keys.
fn member<T>(
    map: &[u8],
    wanted: u8,
    read: impl FnOnce(&mut Decoder<'_>) -> Decoded<T>,
) -> Decoded<Option<T>> {
    let mut map = Decoder::new(map);
    let count = map.map()?.unwrap_or_default();
    for _ in 0..count {
        if map.datatype()? == Type::U8 && map.u8()? == wanted {
            return read(&mut map).map(Some);
        }
        map.skip()?;
    }
    Ok(None)
}

/// Every member of a map.
fn each<T>(
    map: &mut Decoder<'_>,
    mut read: impl FnMut(&mut Decoder<'_>) -> Decoded<T>,
) -> Decoded<Vec<T>> {
    let count = map.map()?.unwrap_or_default();
    (0..count).map(|_| read(map)).collect()
}

/// The bytes called `name` in a map of names.
fn named_bytes(map: &mut Decoder<'_>, name: &str) -> Decoded<Option<Vec<u8>>> {
    let count = map.map()?.unwrap_or_default();
    let mut found = None;
    for _ in 0..count {
        if map.str()? == name {
            found = Some(map.bytes()?.to_vec());
        } else {
            map.skip()?;
        }
    }
    Ok(found)
}

/// The point of a `COSE_Key` over P-256.
fn point(key: &mut Decoder<'_>) -> Decoded<Option<[u8; 65]>> {
    let count = key.map()?.unwrap_or_default();
    let mut point = [4; 65];
    let mut coordinates = 0;
    for _ in 0..count {
        let place = match key.i8()? {
            -2 => 1..33,
            -3 => 33..65,
            _ => {
                key.skip()?;
                continue;
            }
        };
        let bytes = key.bytes()?;
        if bytes.len() == 32 {
            point[place].copy_from_slice(bytes);
            coordinates += 1;
        }
    }
    Ok((coordinates == 2).then_some(point))
}
