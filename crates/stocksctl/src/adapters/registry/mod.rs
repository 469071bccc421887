//! A registry, by the OCI distribution protocol.

#[cfg(test)]
pub(crate) mod stand_in;
mod upload;

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use chrono::{DateTime, Utc};
use docker_credential::DockerCredential;
use http::HeaderValue;
use oci_client::client::{ClientConfig, ClientProtocol};
use oci_client::errors::{OciDistributionError, OciErrorCode};
use oci_client::secrets::RegistryAuth;
use oci_client::{Client, Reference};
use serde_json::Value;

use crate::release::{Digest, Image, Release, Service};
use crate::tag;

const TIMEOUT: Duration = Duration::from_secs(30);
const TAGS_A_PAGE: usize = 100;
/// A registry that gives more is not listed to its end.
const MAX_TAGS: usize = 100_000;
const MEDIA_TYPES: [&str; 4] = [
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.docker.distribution.manifest.v2+json",
];

/// Whether it is this host, where registries speak plain HTTP (as docker assumes it).
pub(crate) fn is_local(address: &str) -> bool {
    let host = address.split([':', '/']).next().unwrap_or_default();
    matches!(host, "localhost" | "127.0.0.1")
}

/// The registry that releases are kept in.
pub(crate) struct Registry {
    client: Client,
    auth: RegistryAuth,
    /// `host:port`.
    address: String,
}

/// What became of a name.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Tagged {
    /// It names the image now.
    Now,
    /// It did so before.
    Already,
}

/// A name that stays where it is.
#[derive(Debug, thiserror::Error)]
#[error("{tag} of {service} names {is} and never moves: {wanted} needs another name")]
pub(crate) struct Fixed {
    pub(crate) tag: String,
    pub(crate) service: Service,
    pub(crate) is: Digest,
    pub(crate) wanted: Digest,
}

impl Registry {
    /// Speaks plain HTTP to this host alone, or where that is wanted, and TLS to all others. Without credentials, those of
    /// `docker login` are used.
    pub(crate) fn new(
        address: &str,
        credentials: Option<(String, String)>,
        is_plain: bool,
    ) -> Self {
        let protocol = if is_plain || is_local(address) {
            ClientProtocol::Http
        } else {
            ClientProtocol::Https
        };
        Self {
            client: Client::new(ClientConfig {
                protocol,
                connect_timeout: Some(TIMEOUT),
                read_timeout: Some(TIMEOUT),
                ..ClientConfig::default()
            }),
            auth: credentials
                .or_else(|| logged_in(address))
                .map_or(RegistryAuth::Anonymous, |(user, password)| {
                    RegistryAuth::Basic(user, password)
                }),
            address: address.to_owned(),
        }
    }

    pub(crate) fn repository(&self, service: Service) -> String {
        format!("{}/stocks/{service}", self.address)
    }

    /// The release that a tag names now.
    pub(crate) async fn resolve(&self, tag: &str) -> Result<Release> {
        let [listing, trade] = Service::ALL;
        let of = |service| self.image(service, tag);
        let images = tokio::try_join!(of(listing), of(trade))?;
        let found = Service::ALL.into_iter().zip([images.0, images.1]);
        let found = found.map(|(service, image)| {
            let repository = self.repository(service);
            let image = image.with_context(|| format!("{repository} has no tag {tag}"))?;
            Ok((service, image))
        });
        Ok(Release {
            tag: tag.to_owned(),
            images: found.collect::<Result<_>>()?,
        })
    }

    /// The image that a tag names now, if it names one.
    pub(crate) async fn image(&self, service: Service, tag: &str) -> Result<Option<Image>> {
        ensure!(tag::is_valid(tag), "\"{tag}\" is no tag");
        let repository = self.repository(service);
        let digest = self.digest(&format!("{repository}:{tag}")).await?;
        Ok(digest.map(|digest| Image { repository, digest }))
    }

    /// The image of this digest, if it is there.
    pub(crate) async fn image_of(
        &self,
        service: Service,
        digest: &Digest,
    ) -> Result<Option<Image>> {
        let repository = self.repository(service);
        let found = self.digest(&format!("{repository}@{digest}")).await?;
        Ok(found.map(|digest| Image { repository, digest }))
    }

    async fn digest(&self, reference: &str) -> Result<Option<Digest>> {
        let reference = parse(reference)?;
        match self
            .client
            .fetch_manifest_digest(&reference, &self.auth)
            .await
        {
            Ok(digest) => Ok(Some(digest.parse()?)),
            Err(error) if is_missing(&error) => Ok(None),
            Err(error) => Err(self.unanswered(error)),
        }
    }

    /// The bytes of a manifest.
    pub(crate) async fn manifest(&self, image: &Image) -> Result<Vec<u8>> {
        let reference = parse(&image.to_string())?;
        let pulled = self
            .client
            .pull_manifest_raw(&reference, &self.auth, &MEDIA_TYPES)
            .await;
        let (bytes, digest) = pulled.map_err(|error| self.unanswered(error))?;
        ensure!(
            digest == image.digest.to_string(),
            "{image} is answered as {digest}"
        );
        Ok(bytes.to_vec())
    }

    /// Whether an image has this name already. Fails when it cannot have it: a name that is fixed does not move.
    pub(crate) async fn has_name(
        &self,
        service: Service,
        image: &Image,
        tag: &str,
    ) -> Result<bool> {
        match self.image(service, tag).await? {
            Some(named) if named.digest == image.digest => Ok(true),
            Some(named) if tag::is_fixed(tag) => bail!(Fixed {
                tag: tag.to_owned(),
                service,
                is: named.digest,
                wanted: image.digest.clone(),
            }),
            _ => Ok(false),
        }
    }

    /// Gives an image another name: its manifest, byte for byte, under the name.
    pub(crate) async fn tag(&self, service: Service, image: &Image, tag: &str) -> Result<Tagged> {
        if self.has_name(service, image, tag).await? {
            return Ok(Tagged::Already);
        }
        let bytes = self.manifest(image).await?;
        let manifest: Value = serde_json::from_slice(&bytes)?;
        let media_type = manifest["mediaType"].as_str().unwrap_or(MEDIA_TYPES[1]);
        let name = format!("{}:{tag}", image.repository);
        let reference = parse(&name)?;
        self.client
            .store_auth_if_needed(reference.resolve_registry(), &self.auth)
            .await;
        let pushed = self
            .client
            .push_manifest_raw(&reference, bytes, HeaderValue::from_str(media_type)?)
            .await;
        match pushed {
            Ok(_) => {}
            // Harbor's answer where a rule makes the tag immutable, even when it names this very manifest.
            Err(OciDistributionError::ServerError {
                code: 409 | 412, ..
            }) => match self.image(service, tag).await? {
                Some(named) if named.digest == image.digest => return Ok(Tagged::Already),
                named => bail!(
                    "the registry does not move {name}: it is immutable there and names {}",
                    named.map_or_else(|| "nothing".to_owned(), |named| named.digest.to_string())
                ),
            },
            Err(error) => return Err(self.not_pushed(&name, error)),
        }
        let named = self.image(service, tag).await?;
        ensure!(
            named.as_ref() == Some(image),
            "{name} was written and names {} now",
            named.map_or_else(|| "nothing".to_owned(), |named| named.digest.to_string())
        );
        Ok(Tagged::Now)
    }

    /// All names in a service's repository, in order; none when there is no such repository.
    pub(crate) async fn tags(&self, service: Service) -> Result<BTreeSet<String>> {
        let reference = parse(&self.repository(service))?;
        let mut tags = BTreeSet::new();
        let mut last = None;
        loop {
            let page = self
                .client
                .list_tags(&reference, &self.auth, Some(TAGS_A_PAGE), last.as_deref())
                .await;
            let page = match page {
                Ok(page) => page.tags,
                Err(error) if is_missing(&error) => return Ok(tags),
                Err(error) => return Err(self.unanswered(error)),
            };
            last = page.last().cloned();
            let before = tags.len();
            tags.extend(page);
            // A registry that does not know pages answers all, again and again.
            if tags.len() == before {
                return Ok(tags);
            }
            ensure!(
                tags.len() <= MAX_TAGS,
                "{} has more than {MAX_TAGS} tags",
                self.repository(service)
            );
        }
    }

    /// When an image was made, as it says itself; those that are the same at whatever time they are made say nothing.
    pub(crate) async fn created(&self, image: &Image) -> Result<Option<DateTime<Utc>>> {
        let reference = parse(&image.to_string())?;
        let pulled = self
            .client
            .pull_manifest_and_config(&reference, &self.auth)
            .await;
        let (_, _, config) = pulled.map_err(|error| self.unanswered(error))?;
        let config: Value = serde_json::from_str(&config)?;
        let created = config["created"].as_str();
        let created = created.and_then(|created| created.parse::<DateTime<Utc>>().ok());
        Ok(created.filter(|created| created.timestamp() > 0))
    }

    /// Fails unless it answers.
    pub(crate) async fn ping(&self) -> Result<()> {
        self.tags(Service::Trade).await.map(drop)
    }

    /// The reason of a push that failed. `name` has a tag or a digest.
    fn not_pushed(&self, name: &str, error: OciDistributionError) -> anyhow::Error {
        if !is_denied(&error) {
            return self
                .unanswered(error)
                .context(format!("{name} cannot be written"));
        }
        let address = &self.address;
        let reason = format!(
            "this account may not push to {name}: give it that right, or log in with another (docker login {address})"
        );
        anyhow::Error::new(error).context(reason)
    }

    fn unanswered(&self, error: OciDistributionError) -> anyhow::Error {
        let address = &self.address;
        let said = match &error {
            OciDistributionError::RequestError(_) => {
                format!("the registry {address} does not answer")
            }
            OciDistributionError::AuthenticationFailure(_) => {
                format!(
                    "the registry {address} does not know this user or password: docker login {address}"
                )
            }
            error if is_denied(error) => format!(
                "this account may not pull from the registry {address}: give it that right, or log in with another (docker login {address})"
            ),
            _ => format!("the registry {address} does not answer as it should"),
        };
        anyhow::Error::new(error).context(said)
    }
}

fn parse(reference: &str) -> Result<Reference> {
    reference
        .parse()
        .with_context(|| format!("\"{reference}\" is no reference"))
}

/// Whether it says that there is no such thing, rather than nothing at all.
fn is_missing(error: &OciDistributionError) -> bool {
    match error {
        OciDistributionError::ImageManifestNotFoundError(_) => true,
        OciDistributionError::ServerError { code, .. } => *code == 404,
        OciDistributionError::RegistryError { envelope, .. } => {
            envelope.errors.iter().any(|error| {
                matches!(
                    error.code,
                    OciErrorCode::ManifestUnknown
                        | OciErrorCode::NameUnknown
                        | OciErrorCode::NotFound
                )
            })
        }
        _ => false,
    }
}

/// Returns true for a request that the account has no right to.
fn is_denied(error: &OciDistributionError) -> bool {
    match error {
        OciDistributionError::UnauthorizedError { .. } => true,
        OciDistributionError::ServerError { code, .. } => matches!(code, 401 | 403),
        OciDistributionError::RegistryError { envelope, .. } => {
            let mut errors = envelope.errors.iter();
            errors.any(|it| matches!(it.code, OciErrorCode::Denied | OciErrorCode::Unauthorized))
        }
        _ => false,
    }
}

/// The credentials that `docker login` has kept.
fn logged_in(address: &str) -> Option<(String, String)> {
    match docker_credential::get_credential(address).ok()? {
        DockerCredential::UsernamePassword(user, password) => Some((user, password)),
        DockerCredential::IdentityToken(_) => None,
    }
}

#[cfg(test)]
mod tests;
