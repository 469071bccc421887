//! A registry, by the OCI distribution protocol.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use oci_client::client::{ClientConfig, ClientProtocol};
use oci_client::secrets::RegistryAuth;
use oci_client::{Client, Reference};

use crate::release::{Image, Release, Service};

/// The registry that releases are taken from.
pub(crate) struct Registry {
    client: Client,
    auth: RegistryAuth,
    /// `host:port`.
    address: String,
}

impl Registry {
    /// Speaks plain HTTP to this host alone, and TLS to all others.
    pub(crate) fn new(address: &str, credentials: Option<(String, String)>) -> Self {
        let host = address.split(':').next().unwrap_or_default();
        let protocol = if matches!(host, "localhost" | "127.0.0.1") {
            ClientProtocol::Http
        } else {
            ClientProtocol::Https
        };
        Self {
            client: Client::new(ClientConfig {
                protocol,
                ..ClientConfig::default()
            }),
            auth: credentials.map_or(RegistryAuth::Anonymous, |(user, password)| {
                RegistryAuth::Basic(user, password)
            }),
            address: address.to_owned(),
        }
    }

    /// The release that a tag names now.
    pub(crate) async fn resolve(&self, tag: &str) -> Result<Release> {
        let mut images = BTreeMap::new();
        for service in Service::ALL {
            let repository = format!("{}/stocks/{service}", self.address);
            let reference: Reference = format!("{repository}:{tag}")
                .parse()
                .with_context(|| format!("\"{tag}\" is no tag"))?;
            let digest = self
                .client
                .fetch_manifest_digest(&reference, &self.auth)
                .await;
            let digest = digest
                .with_context(|| format!("{repository} has no tag {tag}, or does not answer"))?;
            images.insert(
                service,
                Image {
                    repository,
                    digest: digest.parse()?,
                },
            );
        }
        Ok(Release {
            tag: tag.to_owned(),
            images,
        })
    }
}
