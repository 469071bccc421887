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

#[cfg(test)]
mod tests {
    use jsonwebtoken::crypto::verify;

    use super::*;

    /// The examples of RFC 7515 appendix A.2 and of RFC 8037 appendix A.4.
    #[test]
    fn signatures_of_the_standards_are_right_and_others_are_not() {
        install();
        let rsa = DecodingKey::from_rsa_components(
            "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ",
            "AQAB",
        );
        let edwards =
            DecodingKey::from_ed_components("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo");
        let (rsa, edwards) = (rsa.unwrap(), edwards.unwrap());
        for (key, algorithm, other, signed) in [
            (
                &rsa,
                Algorithm::RS256,
                Algorithm::PS256,
                "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw",
            ),
            (
                &edwards,
                Algorithm::EdDSA,
                Algorithm::ES256,
                "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg",
            ),
        ] {
            let (message, signature) = signed.rsplit_once('.').unwrap();
            let check = |message: &str, algorithm| {
                verify(signature, message.as_bytes(), key, algorithm).unwrap_or_default()
            };
            assert!(check(message, algorithm), "{algorithm:?}");
            assert!(!check(&message[1..], algorithm), "{algorithm:?}");
            assert!(!check(message, other), "{other:?}");
            assert!(!check(message, Algorithm::HS256));
        }
    }
}
