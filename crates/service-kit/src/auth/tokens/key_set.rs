//! The keys of an issuer (RFC 7517). Pure.

use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use serde_json::Value;

/// Keys that are kept of an issuer.
const MAX_KEYS: usize = 100;

/// All that tokens may be signed with. There is no algorithm among them whose checking key can sign.
const RSA: [Algorithm; 6] = [
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
];

/// The keys that an issuer signs with now.
pub(super) struct KeySet(Vec<Key>);

struct Key {
    kid: Option<String>,
    algorithms: Vec<Algorithm>,
    decoding: DecodingKey,
}

/// What was found of a key.
pub(super) enum Sought<'a> {
    /// It is this.
    Found(&'a DecodingKey),
    /// It signs otherwise than the token says, or the token does not say which it is.
    Unfit,
    /// There is none of this name, yet.
    Unknown,
}

#[derive(Deserialize)]
struct Document {
    /// One that cannot be read is no reason to do without the others.
    keys: Vec<Value>,
}

impl KeySet {
    /// Reads the document of an issuer.
    pub(super) fn parse(text: &[u8]) -> serde_json::Result<Self> {
        let document: Document = serde_json::from_slice(text)?;
        let keys = document.keys.into_iter().take(MAX_KEYS);
        Ok(Self(
            keys.filter_map(|key| serde_json::from_value(key).ok())
                .filter_map(|key| Key::new(&key))
                .collect(),
        ))
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// The key that a token names; a token may leave it out where there is one alone.
    pub(super) fn find(&self, kid: Option<&str>, algorithm: Algorithm) -> Sought<'_> {
        let named = match (kid, self.0.as_slice()) {
            (None, [key]) => Some(key),
            (None, _) => return Sought::Unfit,
            (Some(_), keys) => keys.iter().find(|key| key.kid.as_deref() == kid),
        };
        match named {
            Some(key) if key.algorithms.contains(&algorithm) => Sought::Found(&key.decoding),
            Some(_) => Sought::Unfit,
            None => Sought::Unknown,
        }
    }
}

impl Key {
    /// None of one that is for something else than signing, or signs otherwise.
    fn new(jwk: &Jwk) -> Option<Self> {
        let uses = jwk.common.public_key_use.as_ref();
        if uses.is_some_and(|it| *it != PublicKeyUse::Signature) {
            return None;
        }
        let fitting: &[Algorithm] = match &jwk.algorithm {
            AlgorithmParameters::RSA(_) => &RSA,
            AlgorithmParameters::EllipticCurve(key) => match key.curve {
                EllipticCurve::P256 => &[Algorithm::ES256],
                EllipticCurve::P384 => &[Algorithm::ES384],
                _ => &[],
            },
            AlgorithmParameters::OctetKeyPair(_) => &[Algorithm::EdDSA],
            AlgorithmParameters::OctetKey(_) => &[],
        };
        let said = jwk.common.key_algorithm;
        let is_said = |algorithm: &&Algorithm| {
            said.is_none_or(|said: KeyAlgorithm| said.to_string() == format!("{algorithm:?}"))
        };
        let algorithms: Vec<Algorithm> = fitting.iter().filter(is_said).copied().collect();
        if algorithms.is_empty() {
            return None;
        }
        Some(Self {
            kid: jwk.common.key_id.clone(),
            algorithms,
            decoding: DecodingKey::from_jwk(jwk).ok()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// What a set of these keys finds under a name.
    fn found(keys: &[Value], kid: Option<&str>, algorithm: Algorithm) -> &'static str {
        let set = KeySet::parse(json!({"keys": keys}).to_string().as_bytes()).unwrap();
        match set.find(kid, algorithm) {
            Sought::Found(_) => "found",
            Sought::Unfit => "unfit",
            Sought::Unknown => "unknown",
        }
    }

    #[test]
    fn a_key_is_found_by_its_name_for_what_it_signs_with() {
        let rsa = json!({"kty": "RSA", "kid": "r", "n": "sXch", "e": "AQAB"});
        let rs256 = json!({"kty": "RSA", "kid": "s", "alg": "RS256", "n": "sXch", "e": "AQAB"});
        let curve = json!({"kty": "EC", "kid": "e", "crv": "P-256", "x": "AA", "y": "AA"});
        let edwards = json!({"kty": "OKP", "kid": "d", "crv": "Ed25519", "x": "AA"});
        let others = [
            json!({"kty": "RSA", "kid": "enc", "use": "enc", "n": "sXch", "e": "AQAB"}),
            json!({"kty": "oct", "kid": "o", "alg": "HS256", "k": "AA"}),
            json!({"kty": "EC", "kid": "5", "crv": "P-521", "x": "AA", "y": "AA"}),
            json!({"kty": "OKP", "kid": "x", "crv": "X25519", "x": "AA"}),
            json!({"kty": "new", "kid": "n"}),
            json!("no key"),
        ];
        let all = [&[rsa.clone(), rs256, curve, edwards][..], &others].concat();
        for (kid, algorithm, expected) in [
            (Some("r"), Algorithm::RS256, "found"),
            (Some("r"), Algorithm::PS512, "found"),
            (Some("r"), Algorithm::ES256, "unfit"),
            (Some("r"), Algorithm::HS256, "unfit"),
            (Some("s"), Algorithm::RS256, "found"),
            (Some("s"), Algorithm::PS256, "unfit"),
            (Some("e"), Algorithm::ES256, "found"),
            (Some("e"), Algorithm::ES384, "unfit"),
            (Some("d"), Algorithm::EdDSA, "found"),
            (Some("enc"), Algorithm::RS256, "unknown"),
            (Some("o"), Algorithm::HS256, "unknown"),
            (Some("5"), Algorithm::ES256, "unknown"),
            (Some("x"), Algorithm::EdDSA, "unknown"),
            (Some("z"), Algorithm::RS256, "unknown"),
            (None, Algorithm::RS256, "unfit"),
        ] {
            assert_eq!(
                found(&all, kid, algorithm),
                expected,
                "{kid:?} {algorithm:?}"
            );
        }
        assert_eq!(found(&[rsa], None, Algorithm::RS256), "found");
        assert!(KeySet::parse(b"{}").is_err());
    }
}
