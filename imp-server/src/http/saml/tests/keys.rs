//! The key that signs is replaced, with both in the metadata meanwhile, and without anybody being locked out.
use super::*;
use crate::command::SamlKeyChange;

async fn change(house: &House, change: SamlKeyChange) {
    let mut rng = app::rng();
    let context = &mut house.app.context(&mut rng);
    command::change_saml_key(context, &house.app.saml, &Actor::Server, change).await.unwrap();
}

/// The certificates that the metadata names, and the one that signed it.
async fn metadata(house: &House) -> (Vec<String>, String) {
    let document = house.visit("/saml/metadata", "").await.body;
    let certificates = |text: &str| -> Vec<String> {
        let each = text.split("<ds:X509Certificate>").skip(1);
        each.map(|rest| rest.split('<').next().unwrap().to_owned()).collect()
    };
    let (signature, rest) = document.split_once("</ds:Signature>").unwrap();
    (certificates(rest), certificates(signature).remove(0))
}

/// The certificate that goes with the signature of a response.
async fn signed_by(house: &House, cookies: &str) -> String {
    let response = house.visit(&house.address("", ""), cookies).await.response();
    let (_, rest) = response.split_once("<ds:X509Certificate>").unwrap();
    rest.split('<').next().unwrap().to_owned()
}

#[tokio::test]
async fn both_keys_are_in_the_metadata_while_one_replaces_the_other() {
    let house = House::new().await;
    let (_, value) = house.sign_on("nurse", tap(&house)).await;
    let cookies = cookie(&value);
    let (named, first) = metadata(&house).await;
    assert_eq!(
        (named.as_slice(), signed_by(&house, &cookies).await),
        ([first.clone()].as_slice(), first.clone())
    );

    change(&house, SamlKeyChange::Next).await;
    let (named, signs) = metadata(&house).await;
    assert_eq!((named.len(), &signs, &named[0]), (2, &first, &first));
    let second = named[1].clone();
    assert_eq!(signed_by(&house, &cookies).await, first, "and does not sign yet");

    change(&house, SamlKeyChange::Switch).await;
    let (named, signs) = metadata(&house).await;
    assert_eq!((named, signs), (vec![second.clone(), first], second.clone()));
    assert_eq!(signed_by(&house, &cookies).await, second, "whoever read it before knows it");

    change(&house, SamlKeyChange::Retire).await;
    assert_eq!(metadata(&house).await, (vec![second.clone()], second));
    let entries = command::events_page(&house.app.storage, 0, 500).await.unwrap();
    let kinds: Vec<_> = entries.iter().map(|entry| entry.kind.as_str()).collect();
    assert!(kinds.contains(&"signing-key-made") && kinds.contains(&"signing-key-retired"));
}
