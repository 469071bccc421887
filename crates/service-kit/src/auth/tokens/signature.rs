//! Checks signatures with ring, which is in the binary anyway: jsonwebtoken brings no cryptography of its own.

use jsonwebtoken::crypto::{CryptoProvider, JwkUtils, JwtVerifier};
use jsonwebtoken::errors::{Error, ErrorKind};
use jsonwebtoken::{Algorithm, DecodingKey, DecodingKeyKind};
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256,
    RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512, RSA_PSS_2048_8192_SHA256,
    RSA_PSS_2048_8192_SHA384, RSA_PSS_2048_8192_SHA512, RsaParameters, RsaPublicKeyComponents,
    UnparsedPublicKey, VerificationAlgorithm,
};
use signature::Verifier;

static PROVIDER: CryptoProvider = CryptoProvider {
    signer_factory: |_, _| Err(ErrorKind::InvalidAlgorithm.into()),
    verifier_factory: |algorithm, key| {
        let key = PublicKey::new(*algorithm, key)?;
        Ok(Box::new(key))
    },
    jwk_utils: JwkUtils::new_unimplemented(),
};

/// Once for the process; again, it does nothing.
pub(super) fn install() {
    // The one error is that the process has a provider already.
    let _ = PROVIDER.install_default();
}

/// A key that checks one kind of signature.
struct PublicKey {
    algorithm: Algorithm,
    check: Check,
    key: DecodingKey,
}

#[derive(Clone, Copy)]
enum Check {
    Rsa(&'static RsaParameters),
    Curve(&'static dyn VerificationAlgorithm),
}

impl PublicKey {
    /// Refuses an algorithm that signs and checks with one key, and a key of another family.
    fn new(algorithm: Algorithm, key: &DecodingKey) -> Result<Self, Error> {
        let check = match algorithm {
            Algorithm::RS256 => Check::Rsa(&RSA_PKCS1_2048_8192_SHA256),
            Algorithm::RS384 => Check::Rsa(&RSA_PKCS1_2048_8192_SHA384),
            Algorithm::RS512 => Check::Rsa(&RSA_PKCS1_2048_8192_SHA512),
            Algorithm::PS256 => Check::Rsa(&RSA_PSS_2048_8192_SHA256),
            Algorithm::PS384 => Check::Rsa(&RSA_PSS_2048_8192_SHA384),
            Algorithm::PS512 => Check::Rsa(&RSA_PSS_2048_8192_SHA512),
            Algorithm::ES256 => Check::Curve(&ECDSA_P256_SHA256_FIXED),
            Algorithm::ES384 => Check::Curve(&ECDSA_P384_SHA384_FIXED),
            Algorithm::EdDSA => Check::Curve(&ED25519),
            Algorithm::HS256 | Algorithm::HS384 | Algorithm::HS512 => {
                return Err(ErrorKind::InvalidAlgorithm.into());
            }
        };
        if key.family() != algorithm.family() {
            return Err(ErrorKind::InvalidKeyFormat.into());
        }
        Ok(Self {
            algorithm,
            check,
            key: key.clone(),
        })
    }
}

impl Verifier<Vec<u8>> for PublicKey {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> Result<(), signature::Error> {
        let checked = match (self.check, self.key.kind()) {
            (Check::Rsa(parameters), DecodingKeyKind::RsaModulusExponent { n, e }) => {
                RsaPublicKeyComponents { n, e }.verify(parameters, message, signature)
            }
            (Check::Curve(algorithm), DecodingKeyKind::SecretOrDer(bytes)) => {
                UnparsedPublicKey::new(algorithm, bytes).verify(message, signature)
            }
            _ => Err(ring::error::Unspecified),
        };
        checked.map_err(|_| signature::Error::new())
    }
}

impl JwtVerifier for PublicKey {
    fn algorithm(&self) -> Algorithm {
        self.algorithm
    }
}
