//! The server never sees a face: nothing that leaves a workstation holds template, embedding or pixels, in any form.
use imp_biometrics::Image;
use imp_tests::leak::{self, Form};
use imp_tests::world::{World, caller, faces};

use super::Ward;

/// More than the statements, requests and certificates of a whole day, less than any picture of a face.
const MOST: usize = 48 * 1024;

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_a_face_leaves_the_workstation_for_the_server() {
    let ward = Ward::open().await;
    ward.workstation.admits("ada").await;
    ward.workstation.agent.lock().await;
    let masked = faces::masked(faces::ADA, ward.world.folder.path());
    ward.workstation.scene.shows(&masked);
    ward.workstation.admits("ada").await;
    ward.workstation.scene.shows(faces::path(faces::BEA));
    ward.workstation.refuses("ada").await;

    let sent = everything_sent(&ward.world);
    for path in ["v1/enrolments", "v1/taps", "/reference", "/confirmation", "/submission"] {
        assert!(ward.world.traffic.uploads().iter().any(|u| u.path.contains(path)), "{path}");
    }
    let secrets = secrets_of(&ward, &masked).await;
    assert!(secrets.len() > 60);
    assert_eq!(leak::found(&secrets, &sent), std::collections::BTreeSet::new());
    assert!(sent.len() < MOST, "{} bytes were sent", sent.len());
    for magic in [b"\x89PNG\r\n".as_slice(), b"\xff\xd8\xff\xe0", b"JFIF", b"Exif\0\0", b"WEBPVP8"]
    {
        assert!(!sent.windows(magic.len()).any(|w| w == magic), "a picture was sent");
    }
    // The search finds each of them, had a part of it been sent.
    for secret in secrets {
        let part = Form { bytes: secret.bytes.into_iter().take(6000).collect(), ..secret };
        let planted = part.windows().take(1).flatten().copied();
        let message: Vec<u8> = sent[..2000].iter().copied().chain(planted).collect();
        assert_eq!(leak::found(std::slice::from_ref(&part), &message).len(), 1, "{}", part.name);
    }
}

/// Paths and bodies, one after the other.
fn everything_sent(world: &World) -> Vec<u8> {
    let uploads = world.traffic.uploads();
    uploads.iter().flat_map(|u| [u.path.as_bytes(), b"\n", &u.body, b"\n"].concat()).collect()
}

/// The template as it is on the phone, the embeddings in it and of the probes, and every picture that the camera saw.
async fn secrets_of(ward: &Ward, masked: &std::path::Path) -> Vec<Form> {
    let standing = ward.workstation.agent.standing();
    let clock = ward.world.clock.clone();
    let roster = caller::roster(&standing, clock.clone()).await;
    let central = ward.world.air.central();
    let entry = &roster.entries[0];
    let reference = caller::released(central.as_ref(), &standing, entry, clock).await;
    let mut secrets = leak::reference_forms(&reference);
    let masked = Image::open(masked).expect("the masked photograph");
    for (name, picture) in [
        (faces::ADA_ENROLLED[0], faces::photograph(faces::ADA_ENROLLED[0])),
        (faces::ADA_ENROLLED[1], faces::photograph(faces::ADA_ENROLLED[1])),
        (faces::ADA, faces::photograph(faces::ADA)),
        (faces::BEA, faces::photograph(faces::BEA)),
        ("the masked face", masked),
    ] {
        let measured = faces::engine().measure(&picture).expect("a face is embedded");
        let measured = measured.expect("the picture shows a face");
        for embedding in [measured.straight(), measured.embedding()] {
            let name = format!("embedding of {name}");
            secrets.extend(leak::embedding_forms(&name, embedding.values()));
        }
        secrets.extend(leak::picture_forms(name, &picture));
    }
    secrets
}
