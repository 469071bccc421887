//! An issuer on a port of its own, and tokens that are wrong in one way each.

use axum::routing::get;
use axum::{Json, Router};
use chrono::TimeDelta;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use serde_json::{Value, json};

use super::*;

/// A key of an issuer (ES256).
pub(crate) struct Signer {
    key: EcdsaKeyPair,
    random: SystemRandom,
}

impl Signer {
    pub(crate) fn new() -> Self {
        let (curve, random) = (&ECDSA_P256_SHA256_FIXED_SIGNING, SystemRandom::new());
        let document = EcdsaKeyPair::generate_pkcs8(curve, &random).unwrap();
        let key = EcdsaKeyPair::from_pkcs8(curve, document.as_ref(), &random).unwrap();
        Self { key, random }
    }

    pub(crate) fn token(&self, header: &Value, claims: &Value) -> String {
        let [header, claims] =
            [header, claims].map(|it| BASE64_URL_SAFE_NO_PAD.encode(it.to_string()));
        let signed = format!("{header}.{claims}");
        let signature = self.key.sign(&self.random, signed.as_bytes()).unwrap();
        format!(
            "{signed}.{}",
            BASE64_URL_SAFE_NO_PAD.encode(signature.as_ref())
        )
    }

    fn jwk(&self, kid: &str) -> Value {
        let point = self.key.public_key().as_ref();
        let [x, y] = [&point[1..33], &point[33..]].map(|it| BASE64_URL_SAFE_NO_PAD.encode(it));
        json!({"kty": "EC", "crv": "P-256", "kid": kid, "x": x, "y": y})
    }

    /// An issuer that publishes this key as `ec`; returns its name.
    pub(crate) async fn serve(&self, more: Router) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let described = json!({"issuer": url, "jwks_uri": format!("{url}/keys")});
        let keys = json!({"keys": [self.jwk("ec")]});
        let router = more
            .route(
                "/.well-known/openid-configuration",
                get(async || Json(described)),
            )
            .route("/keys", get(async || Json(keys)))
            .route(
                "/other/.well-known/openid-configuration",
                get(async || Json(json!({"issuer": "x", "jwks_uri": "x"}))),
            );
        tokio::spawn(async { axum::serve(listener, router).await });
        url
    }
}

pub(crate) fn header() -> Value {
    json!({"alg": "ES256", "kid": "ec"})
}

pub(crate) fn claims(issuer: &str) -> Value {
    json!({
        "iss": issuer, "aud": AUDIENCE, "nbf": 1_000, "exp": 1_600, "sub": "repo:owner/app:environment:prod",
        "repository": "owner/app", "run_id": "42", "sha": "a".repeat(40), "event_name": "push", "environment": "prod",
        "job_workflow_ref": "owner/app/.github/workflows/ci-cd.yml@refs/tags/v1.0.0",
    })
}

pub(crate) fn with(mut value: Value, name: &str, new: Value) -> Value {
    value[name] = new;
    value
}

pub(crate) fn at(second: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::seconds(second)
}

#[tokio::test]
async fn a_token_is_taken_by_the_keys_that_its_issuer_publishes() {
    drop(rustls::crypto::ring::default_provider().install_default());
    let signer = Signer::new();
    let issuer = signer.serve(Router::new()).await;
    let token = signer.token(&header(), &claims(&issuer));
    let verified = verify(&token, &issuer, at(1_200)).await.unwrap();
    assert_eq!(verified.run_id, "42");
    let foreign = Signer::new().token(&header(), &claims(&issuer));
    let told = format!(
        "{:#}",
        verify(&foreign, &issuer, at(1_200)).await.unwrap_err()
    );
    assert!(told.contains("signature is wrong"), "{told}");
    for wrong in [format!("{issuer}/other"), format!("{issuer}/nowhere")] {
        assert!(verify(&token, &wrong, at(1_200)).await.is_err(), "{wrong}");
    }
}

#[test]
fn a_token_that_is_wrong_in_one_way_is_refused_for_it() {
    let (signer, issuer) = (Signer::new(), "https://issuer.example");
    let keys: KeySet = serde_json::from_value(json!({"keys": [
        signer.jwk("ec"),
        with(signer.jwk("rsa"), "kty", json!("RSA")),
    ]}))
    .unwrap();
    let check = |token: &str, second| check(token, &keys, issuer, at(second));
    let sound = signer.token(&header(), &claims(issuer));
    for second in [1_000 - 60, 1_200, 1_600 + 59] {
        check(&sound, second).unwrap();
    }
    let of = |header: &Value, claims: &Value| signer.token(header, claims);
    let (start, signature) = sound.rsplit_once('.').unwrap();
    for (token, second, reason) in [
        (sound.clone(), 1_600 + 60, "has ended"),
        (sound.clone(), 1_000 - 61, "not valid yet"),
        (
            of(
                &header(),
                &with(claims(issuer), "iss", json!("https://other.example")),
            ),
            1_200,
            "it is of https://other",
        ),
        (
            of(
                &header(),
                &with(claims(issuer), "aud", json!("https://github.com/owner")),
            ),
            1_200,
            "it is for",
        ),
        (
            of(&header(), &with(claims(issuer), "run_id", json!(42))),
            1_200,
            "its claims",
        ),
        (
            of(&with(header(), "kid", json!("new")), &claims(issuer)),
            1_200,
            "does not know",
        ),
        (
            of(&with(header(), "alg", json!("none")), &claims(issuer)),
            1_200,
            "is not taken",
        ),
        (
            of(&with(header(), "alg", json!("HS256")), &claims(issuer)),
            1_200,
            "is not taken",
        ),
        (
            of(&with(header(), "kid", json!("rsa")), &claims(issuer)),
            1_200,
            "is not taken",
        ),
        (format!("{start}."), 1_200, "signature is wrong"),
        (
            format!("{start}.{}", signature.replace(&signature[..4], "AAAA")),
            1_200,
            "signature is wrong",
        ),
        (start.to_owned(), 1_200, "it is not a token"),
        ("x".to_owned(), 1_200, "it is not a token"),
    ] {
        let told = format!("{:#}", check(&token, second).unwrap_err());
        assert!(told.contains(reason), "{reason}: {told}");
    }
}

/// Made with OpenSSL, as this library makes no keys of that kind.
#[test]
fn a_token_signed_with_rsa_is_taken_as_github_signs_them() {
    let made: Value = serde_json::from_str(include_str!("id_token_rsa.json")).unwrap();
    let (n, token) = (&made["n"], made["token"].as_str().unwrap());
    let check = |key: Value, token: &str| {
        let keys: KeySet = serde_json::from_value(json!({"keys": [key]})).unwrap();
        check(token, &keys, "https://issuer.example", at(1_200))
    };
    let key = json!({"kty": "RSA", "kid": "rsa", "n": n, "e": "AQAB"});
    assert_eq!(check(key.clone(), token).unwrap().environment, None);
    assert!(check(with(key, "e", json!("AAAB")), token).is_err());
}
