//! A release: one image for each service, each named by its digest.

use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};
use std::str::FromStr;

use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// A service that releases are made of.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Service {
    /// The catalogue.
    StockListing,
    /// Trading.
    Trade,
}

impl Service {
    /// In the order in which they start: trade asks the catalogue.
    pub(crate) const ALL: [Self; 2] = [Self::StockListing, Self::Trade];

    /// The one that is asked for, or all.
    pub(crate) fn one_or_all(one: Option<Self>) -> Vec<Self> {
        one.map_or_else(|| Self::ALL.to_vec(), |service| vec![service])
    }

    /// Its name in Compose, in image names and on the network.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::StockListing => "stock-listing",
            Self::Trade => "trade",
        }
    }

    /// The port that it listens on in its container.
    pub(crate) fn port(self) -> u16 {
        match self {
            Self::StockListing => 8000,
            Self::Trade => 8001,
        }
    }

    /// How the compose files' variables of it begin.
    pub(crate) fn variable(self) -> &'static str {
        match self {
            Self::StockListing => "STOCKS_LISTING",
            Self::Trade => "STOCKS_TRADE",
        }
    }
}

impl Display for Service {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// The SHA-256 digest of a manifest, `sha256:` and 64 hexadecimal digits.
#[derive(Clone, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct Digest(String);

/// It is no digest.
#[derive(Debug, thiserror::Error)]
#[error("\"{0}\" is no digest: sha256: and 64 hexadecimal digits")]
pub(crate) struct NoDigest(String);

impl Digest {
    /// The digest of these bytes.
    pub(crate) fn of(bytes: &[u8]) -> Self {
        Self(format!("sha256:{:x}", Sha256::digest(bytes)))
    }

    /// Its 64 digits.
    pub(crate) fn hex(&self) -> &str {
        &self.0["sha256:".len()..]
    }

    /// Its first 12 digits, which name its containers.
    pub(crate) fn short(&self) -> &str {
        &self.hex()[..12]
    }
}

impl FromStr for Digest {
    type Err = NoDigest;

    fn from_str(text: &str) -> Result<Self, NoDigest> {
        let digits = text.strip_prefix("sha256:");
        let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        if digits.is_some_and(|digits| digits.len() == 64 && digits.bytes().all(is_digit)) {
            return Ok(Self(text.to_owned()));
        }
        Err(NoDigest(text.to_owned()))
    }
}

impl TryFrom<String> for Digest {
    type Error = NoDigest;

    fn try_from(text: String) -> Result<Self, NoDigest> {
        text.parse()
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> Self {
        digest.0
    }
}

impl Display for Digest {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// An image: a repository with its registry, and the digest in it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct Image {
    /// `registry:port/stocks/trade`.
    pub(crate) repository: String,
    /// Of its manifest.
    pub(crate) digest: Digest,
}

impl Display for Image {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}@{}", self.repository, self.digest)
    }
}

/// What is deployed and rolled back as one.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct Release {
    /// The tag by which it was asked for.
    pub(crate) tag: String,
    /// One of each service.
    pub(crate) images: BTreeMap<Service, Image>,
}

impl Release {
    /// The image of this service.
    pub(crate) fn image(&self, service: Service) -> Option<&Image> {
        self.images.get(&service)
    }

    /// Whether both are of the same digests, whatever their tags.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.digests() == other.digests()
    }

    /// The argument that names exactly this release on the command line.
    pub(crate) fn argument(&self) -> String {
        let images = self.images.iter();
        let exact = images.map(|(service, image)| format!("{service}@{}", image.digest));
        exact.collect::<Vec<_>>().join(",")
    }

    /// The words that name it on a command line, as it was asked for; one that was asked for by digests is named in full.
    pub(crate) fn as_target(&self) -> String {
        if self.tag.contains('@') {
            return self.argument();
        }
        self.tag.clone()
    }

    /// What it is made of, whatever it is called and wherever it is kept.
    pub(crate) fn digests(&self) -> BTreeMap<Service, Digest> {
        let images = self.images.iter();
        images
            .map(|(service, image)| (*service, image.digest.clone()))
            .collect()
    }
}

impl Display for Release {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.tag)?;
        for (service, image) in &self.images {
            write!(formatter, " {service}@{}", image.digest.short())?;
        }
        Ok(())
    }
}

/// What somebody asks for: a tag, or digests.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Target {
    /// Of both services.
    Tag(String),
    /// `sha256:…` or `trade@sha256:…`, with a comma between two; a service that none is of stays as it is.
    Digests(Vec<(Option<Service>, Digest)>),
}

impl FromStr for Target {
    type Err = NoDigest;

    fn from_str(text: &str) -> Result<Self, NoDigest> {
        if !text.contains("sha256:") {
            return Ok(Self::Tag(text.to_owned()));
        }
        let digest = |part: &str| match part.split_once('@') {
            None => Ok((None, part.parse()?)),
            Some((name, digest)) => {
                let mut services = Service::ALL.into_iter();
                let service = services.find(|service| service.name() == name);
                let service = service.ok_or_else(|| NoDigest(part.to_owned()))?;
                Ok((Some(service), digest.parse()?))
            }
        };
        text.split(',')
            .map(digest)
            .collect::<Result<_, _>>()
            .map(Self::Digests)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A release whose digests are made of these digits.
    pub(crate) fn release(tag: &str, listing: char, trade: char) -> Release {
        let images = [(Service::StockListing, listing), (Service::Trade, trade)];
        let image = |(service, digit): (Service, char)| {
            let digest = format!("sha256:{}", digit.to_string().repeat(64));
            let image = Image {
                repository: format!("localhost:5000/stocks/{service}"),
                digest: digest.parse().unwrap(),
            };
            (service, image)
        };
        Release {
            tag: tag.to_owned(),
            images: images.map(image).into(),
        }
    }

    #[test]
    fn its_argument_names_exactly_its_digests() {
        let release = release("dev-1", 'a', 'b');
        let Ok(Target::Digests(digests)) = release.argument().parse() else {
            panic!("{}", release.argument());
        };
        let named = digests
            .into_iter()
            .map(|(service, digest)| (service.unwrap(), digest));
        assert_eq!(named.collect::<BTreeMap<_, _>>(), release.digests());
    }

    #[test]
    fn a_target_is_a_tag_or_digests() {
        let digest = format!("sha256:{}", "0".repeat(64));
        let zeros: Digest = digest.parse().unwrap();
        let target = |text: &str| text.parse::<Target>();
        assert_eq!(target("v1.4.2").unwrap(), Target::Tag("v1.4.2".to_owned()));
        let one = Target::Digests(vec![(None, zeros.clone())]);
        assert_eq!(target(&digest).unwrap(), one);
        let both = format!("trade@{digest},stock-listing@{digest}");
        let services = [Service::Trade, Service::StockListing];
        let expected = services.map(|service| (Some(service), zeros.clone()));
        assert_eq!(target(&both).unwrap(), Target::Digests(expected.into()));
        for wrong in [
            "sha256:0",
            "trade@sha256:0",
            &format!("shop@{digest}"),
            &format!("{digest},"),
        ] {
            assert!(target(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_release_is_named_by_words_that_find_it_again() {
        let digest: Digest = format!("sha256:{}", "0".repeat(64)).parse().unwrap();
        let image = |service: Service| Image {
            repository: format!("localhost:5000/stocks/{service}"),
            digest: digest.clone(),
        };
        let mut release = Release {
            tag: "v1.4.2".to_owned(),
            images: Service::ALL.map(|service| (service, image(service))).into(),
        };
        assert_eq!(release.as_target(), "v1.4.2");
        release.tag = format!("trade@{}", digest.short());
        let digests = Service::ALL.map(|service| (Some(service), digest.clone()));
        let target: Target = release.as_target().parse().unwrap();
        assert_eq!(target, Target::Digests(digests.into()));
    }

    #[test]
    fn a_digest_is_read_or_refused() {
        let digits = "0123456789abcdef".repeat(4);
        let digest: Digest = format!("sha256:{digits}").parse().unwrap();
        assert_eq!(digest.short(), "0123456789ab");
        for wrong in [
            "",
            "sha256:",
            &digits,
            &format!("sha512:{digits}"),
            &format!("sha256:{}", digits.to_uppercase()),
        ] {
            assert!(wrong.parse::<Digest>().is_err(), "{wrong}");
        }
        assert!(format!("sha256:{digits}0").parse::<Digest>().is_err());
        // printf '' | sha256sum
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(Digest::of(b"").hex(), empty);
    }
}
