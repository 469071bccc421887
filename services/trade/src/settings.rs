//! The settings of the trading service.

use std::num::NonZeroUsize;
use std::sync::Arc;

use catalogue_client::CatalogueClient;
use secrecy::ExposeSecret as _;
use service_kit::settings::{CommonSettings, Reader, SecretSource};

/// Lanes on PostgreSQL: one decides while the other commits. More of them only make smaller batches.
const DEFAULT_LANES: NonZeroUsize = NonZeroUsize::new(2).unwrap();

/// Past this, lanes would only wait for each other's connections.
const MAX_LANES: NonZeroUsize = NonZeroUsize::new(256).unwrap();

/// Everything that can be set.
#[derive(Clone)]
pub struct Settings {
    /// What every service has.
    pub common: CommonSettings,
    /// The catalogue that knows symbols and prices.
    pub catalogue: Option<Arc<CatalogueClient>>,
    /// Batches of orders that may be under way at a time; the embedded database has one.
    pub lanes: NonZeroUsize,
}

impl Settings {
    /// Reads them for a service of its own.
    pub fn read(reader: &mut Reader) -> Self {
        Self::read_with_port(reader, "PORT")
    }

    /// Reads them where another service lives in the same process, so that the port has its own name.
    pub fn read_with_port(reader: &mut Reader, port_name: &str) -> Self {
        let common = CommonSettings::read(reader, port_name, 8001);
        let url: Option<String> = reader.optional(
            "CATALOGUE_URL",
            "`http://host:port` of the catalogue; unset: any symbol may be traded, positions have no market value",
        );
        let key = reader.secret(
            "CATALOGUE_KEY",
            "key for the catalogue, where it wants one (`AUTH_READS`); read anew for each call",
        );
        let catalogue = url.and_then(|url| match CatalogueClient::new(&url) {
            Ok(client) => Some(Arc::new(match key {
                Some(source) => client.with_key(move || read(&source)),
                None => client,
            })),
            Err(error) => {
                reader.reject("CATALOGUE_URL", error);
                None
            }
        });
        let lanes = reader.number(
            "LANES",
            DEFAULT_LANES,
            NonZeroUsize::MIN..=MAX_LANES,
            "batches of orders under way at a time; SQLite has one",
        );
        Self {
            common,
            catalogue,
            lanes,
        }
    }
}

fn read(source: &SecretSource) -> Option<String> {
    let key = source.read().ok()?;
    Some(key.expose_secret().to_owned())
}
