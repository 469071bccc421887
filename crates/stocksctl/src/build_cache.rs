//! The cache of builds: layers in the registry under a tag that every account with push rights can move.
//!
//! A build reads a cache only by a digest that is attested to be the cache of this service in this repository. An attestation of
//! a type of its own keeps caches and images apart: a signed image is not a cache, and a cache is not a signed image.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::release::Service;

/// The type of the attestation's predicate.
pub(crate) const PREDICATE: &str = "urn:stocks-app:build-cache:v1";
/// The tag of the cache that the next build reads, once it is verified.
pub(crate) const TAG: &str = "buildcache";
/// The tag under which a builder writes a cache, as it cannot write one without. No build reads it.
pub(crate) const UPLOAD_TAG: &str = "buildcache-upload";

/// The builds that a cache is for.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct BuildCache {
    /// `owner/name`.
    pub(crate) repository: String,
    pub(crate) service: Service,
}

impl BuildCache {
    /// Returns true if one of these predicates names this repository and this service.
    pub(crate) fn is_among(&self, predicates: &[Value]) -> bool {
        predicates
            .iter()
            .any(|predicate| Self::deserialize(predicate).is_ok_and(|cache| cache == *self))
    }
}

/// Returns true if a tag names a cache.
pub(crate) fn is_cache(tag: &str) -> bool {
    matches!(tag, TAG | UPLOAD_TAG)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_cache_is_of_one_service_in_one_repository() {
        let cache = BuildCache {
            repository: "owner/stocks-app".to_owned(),
            service: Service::Trade,
        };
        let is_named = |repository: &str, service: &str| {
            let predicate = json!({"repository": repository, "service": service});
            cache.is_among(&[json!({}), predicate])
        };
        assert!(is_named("owner/stocks-app", "trade"));
        assert!(!is_named("owner/stocks-app", "stock-listing"));
        assert!(!is_named("other/stocks-app", "trade"));
        assert!(!cache.is_among(&[]));
    }
}
