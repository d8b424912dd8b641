use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use data_encoding::BASE64URL_NOPAD;

use super::*;

struct Key(EcdsaKeyPair);

impl Key {
    fn new() -> Self {
        let pkcs8 =
            EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new());
        let pair =
            EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8.unwrap().as_ref());
        Self(pair.unwrap())
    }

    fn spki(&self) -> Vec<u8> {
        let prefix = "3059301306072a8648ce3d020106082a8648ce3d030107034200";
        let prefix = data_encoding::HEXLOWER.decode(prefix.as_bytes()).unwrap();
        [prefix.as_slice(), self.0.public_key().as_ref()].concat()
    }

    fn sign(&self, message: &[u8]) -> [u8; 64] {
        let signature = self.0.sign(&SystemRandom::new(), message).unwrap();
        signature.as_ref().try_into().unwrap()
    }
}

fn copy() -> PolicyCopy {
    PolicyCopy {
        policy: policy(&["a,class:infusion-pump,class:server,tcp,8443,Programmes,"]),
        inventory: inventory(),
        issued_at: NOW,
        valid_until: NOW + SignedDuration::from_hours(24),
    }
}

fn signed(copy: &PolicyCopy, key: &Key) -> SignedPolicy {
    copy.sign(&key.spki(), |message| Ok::<_, ()>(key.sign(message))).unwrap()
}

fn verify(signed: &SignedPolicy, key: &Key, now: Timestamp) -> Result<PolicyCopy, CopyError> {
    signed.verify(Pinned { trust_domain: &domain(), keys: &[key.spki()] }, now, None)
}

#[test]
fn a_copy_decides_as_the_policy_does() {
    let key = Key::new();
    let signed = signed(&copy(), &key);
    let read = SignedPolicy::parse(format!("{}\n", signed.as_str()).as_bytes()).unwrap();
    let copy = verify(&read, &key, NOW).unwrap();
    let by = |port| copy.decide(&device(1), &device(3), (Protocol::Tcp, port), NOW);
    assert_eq!((by(8443).word(), by(22).word()), ("expected", "wrong-port"));
    assert_eq!(copy.edition(), Edition { version: 7, issued_at: NOW });
}

#[test]
fn a_machine_learns_the_rules_that_name_it_and_no_others() {
    let policy = policy(&[
        "a,class:infusion-pump & unit:ICU,class:server,tcp,8443,Programmes,",
        "b,class:infusion-pump & unit:Surgery,class:server,tcp,8443,Programmes,",
        "c,class:imaging,class:server,tcp,104,Images,",
        "d,zone:data centre,class:infusion-pump,tcp,9,Wakes,",
    ]);
    let part = PolicyCopy { policy, ..copy() }.of(&device(1)).unwrap();
    let rules: Vec<String> = part.policy.rules().iter().map(|rule| rule.id.to_string()).collect();
    assert_eq!(rules, ["a", "d"]);
    let machines: Vec<_> = part.inventory.members().into_iter().map(|it| it.machine).collect();
    assert_eq!(machines, [device(1), device(3)], "the pump and the server");
    let stranger = copy().of(&device(9)).unwrap();
    assert!(stranger.policy.rules().is_empty() && stranger.inventory.is_empty());
}

#[test]
fn a_copy_counts_for_its_time() {
    let key = Key::new();
    let signed = signed(&copy(), &key);
    let after = |hours| verify(&signed, &key, NOW + SignedDuration::from_hours(hours));
    assert!(after(23).is_ok());
    assert!(matches!(after(24), Err(CopyError::Expired { .. })));
    assert!(matches!(after(-1), Err(CopyError::Early { .. })));
    let little = NOW - SignedDuration::from_mins(4);
    assert!(verify(&signed, &key, little).is_ok(), "clocks differ");
}

#[test]
fn an_older_copy_than_one_that_was_seen_is_refused() {
    let (key, copy) = (Key::new(), copy());
    let signed = signed(&copy, &key);
    let after = |seen| {
        signed.verify(Pinned { trust_domain: &domain(), keys: &[key.spki()] }, NOW, Some(seen))
    };
    assert!(after(copy.edition()).is_ok(), "the same again");
    let earlier = Edition { version: 6, issued_at: NOW + SignedDuration::from_hours(1) };
    assert!(after(earlier).is_ok(), "the version counts first");
    let later_version = Edition { version: 8, ..copy.edition() };
    let later_time = Edition { issued_at: NOW + SignedDuration::from_secs(1), ..copy.edition() };
    for seen in [later_version, later_time] {
        assert!(matches!(after(seen), Err(CopyError::Older { .. })), "{seen:?}");
    }
}

#[test]
fn an_altered_copy_is_refused() {
    let key = Key::new();
    let text = signed(&copy(), &key).as_str().to_owned();
    let parts: Vec<_> = text.split('.').collect();
    let payload = String::from_utf8(BASE64URL_NOPAD.decode(parts[1].as_bytes()).unwrap()).unwrap();
    let wider = BASE64URL_NOPAD.encode(payload.replace("8443", "*").as_bytes());
    let other =
        BASE64URL_NOPAD.encode(br#"{"alg":"none","kid":"","typ":"imp-connection-policy+jws"}"#);
    let crit = BASE64URL_NOPAD.decode(parts[0].as_bytes()).unwrap();
    let crit = String::from_utf8(crit).unwrap().replace("\"alg\"", "\"crit\":[\"x\"],\"alg\"");
    let crit = BASE64URL_NOPAD.encode(crit.as_bytes());
    for altered in [
        format!("{}.{wider}.{}", parts[0], parts[2]),
        format!("{other}.{}.", parts[1]),
        format!("{crit}.{}.{}", parts[1], parts[2]),
        format!("{}.{}", parts[0], parts[1]),
        String::new(),
    ] {
        let read = SignedPolicy::parse(altered.as_bytes()).unwrap();
        let refused = verify(&read, &key, NOW);
        assert!(matches!(refused, Err(CopyError::Signature | CopyError::Malformed)), "{refused:?}");
    }
    assert!(matches!(SignedPolicy::parse(&[0xff]), Err(CopyError::Malformed)));
}

#[test]
fn only_the_pinned_key_and_the_own_installation_count() {
    let (key, other) = (Key::new(), Key::new());
    let copy = signed(&copy(), &key);
    assert!(matches!(verify(&copy, &other, NOW), Err(CopyError::UnknownKey)));
    let elsewhere: TrustDomain = "other.example".parse().unwrap();
    let pinned = Pinned { trust_domain: &elsewhere, keys: &[key.spki()] };
    assert!(matches!(copy.verify(pinned, NOW, None), Err(CopyError::OtherInstallation)));
}
