//! A stand-in for cosign, and the rules for several identities.

use std::fs;
use std::path::Path;

use serde_json::json;
use tempfile::TempDir;

use super::*;

/// The script is linked, not written: a program that is being written while another thread forks cannot be started.
const SCRIPT: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/src/adapters/cosign_stand_in.sh"
);

/// A stand-in for cosign that answers from the records below.
pub(crate) struct StandIn {
    folder: TempDir,
}

impl StandIn {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink(SCRIPT, folder.path().join("cosign")).unwrap();
        Self { folder }
    }

    /// Checks by these keys.
    pub(crate) fn cosign(&self, keys: &[&str]) -> Cosign {
        Cosign {
            program: self.folder.path().join("cosign"),
            identities: keys
                .iter()
                .map(|key| Identity::Key((*key).to_owned()))
                .collect(),
            is_plain: true,
        }
    }

    pub(crate) fn sign(&self, key: &str, image: &Image) {
        self.verified_as(key, image, SIGNATURES[0]);
    }

    /// `cosign verify` succeeds from now on, with something of this type.
    fn verified_as(&self, key: &str, image: &Image, kind: &str) {
        let payload = json!([{"critical": {"type": kind}, "optional": {}}]);
        self.add(key, image, "signed", &payload.to_string());
    }

    pub(crate) fn attest(&self, key: &str, image: &Image, kind: &str, predicate: &Value) {
        let statement = json!({"predicateType": kind, "predicate": predicate}).to_string();
        let envelope = json!({"payload": BASE64_STANDARD.encode(statement)});
        self.add(key, image, &kind.replace(':', "_"), &envelope.to_string());
    }

    /// From now on this key cannot be checked.
    pub(crate) fn break_key(&self, key: &str) {
        let folder = self.folder.path().join("record").join(key);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("broken"), "").unwrap();
    }

    fn add(&self, key: &str, image: &Image, name: &str, line: &str) {
        let digest = image.digest.to_string();
        let digits = digest.trim_start_matches("sha256:");
        let folder = self.folder.path().join("record").join(key).join(digits);
        fs::create_dir_all(&folder).unwrap();
        let before = fs::read_to_string(folder.join(name)).unwrap_or_default();
        fs::write(folder.join(name), format!("{before}{line}\n")).unwrap();
    }
}

pub(crate) fn image(digit: char) -> Image {
    Image {
        repository: "localhost:5000/stocks/trade".to_owned(),
        digest: format!("sha256:{}", digit.to_string().repeat(64))
            .parse()
            .unwrap(),
    }
}

#[tokio::test]
async fn one_live_identity_is_enough_for_a_signature() {
    let (stand_in, image) = (StandIn::new(), image('a'));
    stand_in.sign("new", &image);
    stand_in.break_key("broken");
    for keys in [
        &["new"][..],
        &["old", "new"],
        &["new", "old"],
        &["broken", "new"],
    ] {
        stand_in.cosign(keys).verify(&image).await.unwrap();
    }
    for keys in [&["old"][..], &["old", "broken"], &[]] {
        let refused = stand_in.cosign(keys).verify(&image).await.unwrap_err();
        let told = format!("{refused:#}");
        assert!(told.contains("is not signed by"), "{told}");
    }
}

#[tokio::test]
async fn all_that_any_live_identity_attests_is_found() {
    let (stand_in, image) = (StandIn::new(), image('a'));
    let predicates = [json!({"n": 1}), json!({"n": 2}), json!({"n": 3})];
    for (key, predicate) in ["old", "new", "new"].into_iter().zip(&predicates) {
        stand_in.attest(key, &image, "vuln", predicate);
    }
    let attested =
        async |keys: &[&str], kind: &str| stand_in.cosign(keys).attested(&image, kind).await;
    assert_eq!(attested(&["old", "new"], "vuln").await.unwrap(), predicates);
    assert_eq!(
        attested(&["none", "old"], "vuln").await.unwrap(),
        predicates[..1]
    );
    let both = stand_in
        .cosign(&["old", "new"])
        .attestations(&image, "vuln")
        .await
        .unwrap();
    assert_eq!(
        both.iter().map(|it| it.by.as_str()).collect::<Vec<_>>(),
        ["old", "new", "new"]
    );
    for (keys, kind) in [
        (&["none"][..], "vuln"),
        (&["old", "new"], "cyclonedx"),
        (&[], "vuln"),
    ] {
        let told = format!("{:#}", attested(keys, kind).await.unwrap_err());
        assert!(
            told.contains(&format!("no attestation of {kind}")),
            "{told}"
        );
    }
    // One that cannot be checked may have said that the image must not run.
    stand_in.break_key("new");
    let told = format!("{:#}", attested(&["old", "new"], "vuln").await.unwrap_err());
    assert!(told.contains("connection refused"), "{told}");
}

#[tokio::test]
async fn a_key_itself_is_handed_over_as_a_file_and_named_by_its_fingerprint() {
    let pem = "-----BEGIN PUBLIC KEY-----\nMFkw\n-----END PUBLIC KEY-----\n";
    let (stand_in, image) = (StandIn::new(), image('a'));
    let counted = std::process::Command::new("sh")
        .args(["-c", "printf %s \"$0\" | cksum | cut -d ' ' -f 1", pem])
        .output()
        .unwrap();
    let sum = String::from_utf8(counted.stdout).unwrap();
    stand_in.sign(&format!("pem-{}", sum.trim()), &image);
    let cosign = stand_in.cosign(&[pem]);
    cosign.verify(&image).await.unwrap();
    // As `printf '\x30\x59\x30' | sha256sum` prints it.
    let print = "42a8e1313a896b7375ecb664afd2068c6f92d1cd56a346c1a92774553f2a2c51";
    let named = name(&cosign.identities[0]);
    assert_eq!(named, format!("key sha256:{print}"));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.pub");
    fs::write(&file, pem).unwrap();
    let path = |file: &Path| Identity::Key(file.display().to_string());
    assert_eq!(name(&path(&file)), format!("{} ({named})", file.display()));
    assert_eq!(
        name(&Identity::Key("hashivault://k".to_owned())),
        "hashivault://k"
    );
    assert_eq!(
        name(&Identity::Key("-----BEGIN PUBLIC KEY-----\n?".to_owned())),
        "a key that cannot be read"
    );
}

#[test]
fn an_attestation_is_not_a_signature() {
    // As cosign 3.1.3 prints it.
    let verified = |types: &[&str]| {
        let payload =
            |kind: &&str| json!({"critical": {"image": {}, "type": kind}, "optional": {}});
        let payloads: Vec<_> = types.iter().map(payload).collect();
        has_signature(&format!("\n{}\n", json!(payloads)))
    };
    let (cache, [bundle, before]) = (crate::build_cache::PREDICATE, SIGNATURES);
    assert!(verified(&[bundle]));
    assert!(verified(&[before]));
    assert!(verified(&[cache, bundle]));
    assert!(!verified(&[cache]));
    assert!(!verified(&[]));
    assert!(!has_signature("verified"));
}

#[tokio::test]
async fn an_image_that_is_only_attested_is_not_signed() {
    let (stand_in, image) = (StandIn::new(), image('a'));
    stand_in.verified_as("key", &image, crate::build_cache::PREDICATE);
    let refused = stand_in.cosign(&["key"]).verify(&image).await.unwrap_err();
    let told = format!("{refused:#}");
    assert!(told.contains("it has attestations alone"), "{told}");
}
