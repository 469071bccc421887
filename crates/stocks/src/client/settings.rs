//! Where the services are, and who asks.

use std::str::FromStr;

use anyhow::{Context as _, Result};
use reqwest::Url;
use service_kit::settings::{Reader, SecretSource};

use super::Client;

/// Where the catalogue answers, unless something else is said.
const CATALOGUE: &str = "http://localhost:8000";
/// Where trading does.
const TRADING: &str = "http://localhost:8001";
/// For whom orders are, unless something else is said.
const USER: &str = "user-001";

/// What the commands that call the services go by.
pub(crate) struct ClientSettings {
    catalogue: Option<ServiceUrl>,
    trading: Option<ServiceUrl>,
    key: Option<SecretSource>,
    /// Whose orders, trades and portfolio.
    pub(crate) user: String,
}

/// Where a service answers.
struct ServiceUrl(Url);

impl FromStr for ServiceUrl {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_http = |url: &Url| matches!(url.scheme(), "http" | "https") && url.has_host();
        let url = Url::parse(text).ok().filter(is_http);
        url.map(Self)
            .ok_or("must be http://host:port or https://host:port")
    }
}

impl ClientSettings {
    /// Reads them.
    pub(crate) fn read(reader: &mut Reader) -> Self {
        Self {
            catalogue: reader.optional("STOCKS_URL", "where the catalogue answers"),
            trading: reader.optional("STOCKS_TRADE_URL", "where trading answers"),
            key: reader.secret("STOCKS_KEY", "key or token to show, where one is wanted"),
            user: reader.value("STOCKS_USER", USER.to_owned(), "for whom orders are"),
        }
    }

    /// A client that goes by them.
    pub(crate) fn client(&self) -> Result<Client> {
        let key = self.key.as_ref().map(SecretSource::read).transpose();
        let key = key.context("the key cannot be read")?;
        let url = |set: &Option<ServiceUrl>, default| match set {
            Some(ServiceUrl(url)) => Ok(url.clone()),
            None => Url::parse(default),
        };
        let catalogue = url(&self.catalogue, CATALOGUE)?;
        let trading = url(&self.trading, TRADING)?;
        Client::new(catalogue, trading, key)
    }
}
