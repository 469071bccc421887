//! Tokens of an OpenID Connect issuer: JWTs that it has signed for us (RFC 7519, RFC 9068).

mod issuer;
mod key_set;
mod signature;

use std::sync::Arc;

use jsonwebtoken::{Algorithm, Validation, errors, errors::ErrorKind};
use serde::Deserialize;

use super::caller::{Caller, Identity, Known};
use super::rights::Rights;
use crate::problem::Problem;
use crate::settings::TokenSettings;

use self::issuer::Issuer;
use self::key_set::Sought;

/// How far our clock and the issuer's may differ, in seconds.
const LEEWAY_SECONDS: u64 = 30;

/// The one who reads tokens.
pub(super) struct Tokens {
    issuer: Issuer,
    /// What every token must be, but for how it is signed.
    validation: Validation,
}

/// What is read of a token.
#[derive(Deserialize)]
struct Claims {
    sub: String,
    #[serde(default)]
    scope: Scope,
}

/// One text with spaces (RFC 8693 section 4.2), or a list, as some issuers write it.
#[derive(Deserialize)]
#[serde(untagged)]
enum Scope {
    Text(String),
    List(Vec<String>),
}

impl Default for Scope {
    fn default() -> Self {
        Self::Text(String::new())
    }
}

impl Tokens {
    pub(super) fn new(settings: &TokenSettings) -> Self {
        signature::install();
        // Each token brings the algorithm of its own key.
        let mut validation = Validation::new(Algorithm::ES256);
        validation.leeway = LEEWAY_SECONDS;
        validation.validate_nbf = true;
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        validation.set_issuer(&[&settings.issuer]);
        validation.set_audience(&[&settings.audience]);
        Self {
            issuer: Issuer::new(&settings.issuer),
            validation,
        }
    }

    /// Keeps the issuer's keys current; never ends.
    pub(super) async fn follow(&self) {
        self.issuer.follow().await;
    }

    /// Who shows this token.
    pub(super) async fn caller(&self, token: &str) -> Result<Caller, Problem> {
        // An algorithm that there is not, such as `none`, cannot be read at all.
        let header = jsonwebtoken::decode_header(token).map_err(|error| refusal(&error))?;
        if header.crit.is_some() {
            return Err(Problem::unauthenticated(
                "the token demands an extension that is not understood here",
            ));
        }
        let kid = header.kid.as_deref();
        let missing =
            || Problem::unavailable("keys_unavailable", "the issuer has not answered yet");
        let mut keys = self.issuer.keys().ok_or_else(missing)?;
        let mut sought = keys.find(kid, header.alg);
        if let Sought::Unknown = sought {
            keys = self.issuer.keys_anew().await.ok_or_else(missing)?;
            sought = keys.find(kid, header.alg);
        }
        let Sought::Found(key) = sought else {
            return Err(Problem::unauthenticated(
                "the token is signed by none of the issuer's keys, or not as its key signs",
            ));
        };
        let mut validation = self.validation.clone();
        validation.algorithms = vec![header.alg];
        let token = jsonwebtoken::decode::<Claims>(token, key, &validation);
        let Claims { sub, scope } = token.map_err(|error| refusal(&error))?.claims;
        let scopes = match scope {
            Scope::Text(text) => text,
            Scope::List(words) => words.join(" "),
        };
        Ok(Caller::known(Arc::new(Known {
            identity: Identity::subject(&sub),
            rights: Rights::of_token(&scopes, &sub),
        })))
    }
}

/// Says what is wrong with a token; what it was signed with, and how, is nobody's business.
fn refusal(error: &errors::Error) -> Problem {
    Problem::unauthenticated(match error.kind() {
        ErrorKind::ExpiredSignature => "the token has expired",
        ErrorKind::ImmatureSignature => "the token is not valid yet",
        ErrorKind::InvalidIssuer => "the token is of another issuer",
        ErrorKind::InvalidAudience => "the token is for another audience",
        ErrorKind::MissingRequiredClaim(_) => "the token lacks one of exp, iss, aud, sub",
        _ => "the token cannot be read, or its signature is wrong",
    })
}
