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
