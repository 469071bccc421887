//! The settings that every service has.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use ipnet::IpNet;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;

use super::{Reader, SecretSource};

/// The settings that every service has.
#[derive(Clone, Debug)]
pub struct CommonSettings {
    /// Where it listens and how much it takes on.
    pub server: ServerSettings,
    /// Where it keeps its data.
    pub database: DatabaseSettings,
    /// Who may call.
    pub auth: AuthSettings,
    /// How it logs.
    pub log: LogSettings,
    /// The image that it runs from, where it does.
    pub image: Option<String>,
}

impl CommonSettings {
    /// Reads them; the port's variable and default are the service's own.
    pub fn read(reader: &mut Reader, port_name: &str, default_port: u16) -> Self {
        Self {
            server: ServerSettings::read(reader, port_name, default_port),
            database: DatabaseSettings::read(reader),
            auth: AuthSettings::read(reader),
            log: LogSettings::read(reader),
            image: reader.optional(
                "APP_IMAGE",
                "the image that runs, as `/operations` shows it",
            ),
        }
    }
}

/// Where a service listens and how much it takes on.
#[derive(Clone, Debug)]
pub struct ServerSettings {
    /// Address and port to listen on; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Name of the variable that sets the port.
    pub port_name: String,
    /// How long one request may take.
    pub request_timeout: Duration,
    /// How long a stop waits for what is in flight.
    pub drain_timeout: Duration,
    /// Requests worked on at the same time; more are refused.
    pub max_in_flight: usize,
    /// Connections open at the same time; more wait to be accepted.
    pub max_connections: usize,
}

impl ServerSettings {
    /// Reads them; the port's variable and default are the service's own.
    pub fn read(reader: &mut Reader, port_name: &str, default_port: u16) -> Self {
        let host = reader.value(
            "HOST",
            IpAddr::V4(Ipv4Addr::LOCALHOST),
            "address to listen on; `0.0.0.0` in a container",
        );
        let port = reader.value(
            port_name,
            default_port,
            "port to listen on; `0` takes a free one",
        );
        let request_timeout = reader.number(
            "REQUEST_TIMEOUT_SECONDS",
            10_u32,
            1..=3_600,
            "longest time that one request may take",
        );
        let drain_timeout = reader.number(
            "DRAIN_TIMEOUT_SECONDS",
            30_u32,
            0..=3_600,
            "longest time that a stop waits for requests in flight",
        );
        let max_in_flight = reader.number(
            "MAX_IN_FLIGHT",
            8_192,
            1..=1_000_000,
            "requests worked on at once; more are answered with 503",
        );
        let max_connections = reader.number(
            "MAX_CONNECTIONS",
            16_384,
            1..=1_000_000,
            "connections open at once; more wait to be accepted",
        );
        Self {
            listen: SocketAddr::new(host, port),
            port_name: port_name.to_owned(),
            request_timeout: Duration::from_secs(request_timeout.into()),
            drain_timeout: Duration::from_secs(drain_timeout.into()),
            max_in_flight,
            max_connections,
        }
    }
}

/// Which database a service keeps its data in.
#[derive(Clone, Debug)]
pub struct DatabaseSettings {
    /// Where the URL of a PostgreSQL database comes from, or nothing for the embedded database.
    pub url: Option<SecretSource>,
    /// Folder of the embedded database.
    pub data_dir: PathBuf,
    /// Connections to PostgreSQL, or readers of the embedded database.
    pub max_connections: u32,
}

impl DatabaseSettings {
    /// Reads them.
    pub fn read(reader: &mut Reader) -> Self {
        Self {
            url: reader.secret(
                "DATABASE_URL",
                "`postgres://user:password@host:port/name`; unset: an embedded SQLite database",
            ),
            data_dir: reader
                .value(
                    "DATA_DIR",
                    "data".to_owned(),
                    "folder of the embedded database",
                )
                .into(),
            max_connections: reader.number(
                "DATABASE_MAX_CONNECTIONS",
                16,
                1..=1_000,
                "database connections of a service",
            ),
        }
    }
}

/// Who may call.
#[derive(Clone, Debug)]
pub struct AuthSettings {
    /// How callers show who they are.
    pub mode: AuthMode,
    /// Whether reading the catalogue wants it as well.
    pub protects_reads: bool,
    /// How often.
    pub rates: RateSettings,
}

/// How often somebody may ask; 0 is without limit.
#[derive(Clone, Debug, Default)]
pub struct RateSettings {
    /// Requests a second of one address.
    pub per_address: u32,
    /// Requests a second of one key, or of one token's subject.
    pub per_caller: u32,
    /// Networks of proxies that are believed what they write into X-Forwarded-For.
    pub trusted_proxies: Vec<IpNet>,
}

impl RateSettings {
    fn read(reader: &mut Reader) -> Self {
        Self {
            per_address: reader.value(
                "RATE_LIMIT_ADDRESS",
                0,
                "requests a second of one address, before 429; `0`: without limit",
            ),
            per_caller: reader.value(
                "RATE_LIMIT_CALLER",
                0,
                "requests a second of one key, or of one token's subject; `0`: without limit",
            ),
            trusted_proxies: reader.value(
                "TRUSTED_PROXIES",
                Networks::default(),
                "networks of proxies whose X-Forwarded-For counts, such as `10.0.0.0/8,fd00::/8`; other requests from there have no limit of an address",
            ).0,
        }
    }
}

/// Networks with commas between them.
#[derive(Default)]
struct Networks(Vec<IpNet>);

impl FromStr for Networks {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let networks = text.split(',').map(|network| network.trim().parse());
        let networks: Result<_, _> = networks.collect();
        networks
            .map(Self)
            .map_err(|_| "must be networks, such as 10.0.0.0/8,fd00::/8")
    }
}

impl fmt::Display for Networks {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let networks: Vec<_> = self.0.iter().map(IpNet::to_string).collect();
        out.write_str(&networks.join(","))
    }
}

/// How callers show who they are.
#[derive(Clone, Debug)]
pub enum AuthMode {
    /// Not at all: everybody may do everything.
    Open,
    /// With one of these keys.
    Keys(SecretSource),
    /// With a token of this issuer, or with one of these keys.
    Tokens(TokenSettings, Option<SecretSource>),
}

/// Whose tokens count.
#[derive(Clone, Debug)]
pub struct TokenSettings {
    /// Who has signed them: the URL of an OpenID Connect issuer, as it stands in its tokens.
    pub issuer: IssuerUrl,
    /// Whom they are for.
    pub audience: String,
}

/// The name of an issuer, to the letter; a URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssuerUrl(String);

impl IssuerUrl {
    /// Whether nobody on the way can change what it says.
    pub fn is_encrypted(&self) -> bool {
        self.0.starts_with("https:")
    }
}

impl FromStr for IssuerUrl {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_http = |url: &reqwest::Url| matches!(url.scheme(), "http" | "https");
        match reqwest::Url::parse(text) {
            Ok(url) if is_http(&url) && url.has_host() => Ok(Self(text.to_owned())),
            _ => Err("must be an http or https URL"),
        }
    }
}

impl fmt::Display for IssuerUrl {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

/// Where nobody may leave the door open.
const CLOSED_ENVIRONMENTS: [&str; 2] = ["stage", "prod"];

impl AuthSettings {
    /// Reads them.
    pub fn read(reader: &mut Reader) -> Self {
        let wanted = reader.value(
            "AUTH",
            AuthName::Open,
            "`open`: everybody may call; `keys`: `Authorization: Bearer <key>`; `jwt`: the same with a token of an OIDC issuer, or with a key",
        );
        let protects_reads = reader.value(
            "AUTH_READS",
            false,
            "whether reading the catalogue wants a key too",
        );
        let keys = reader.secret(
            "API_KEYS",
            "the keys, as `stocksctl keys` keeps them; read again when their file changes",
        );
        let issuer: Option<IssuerUrl> = reader.optional(
            "JWT_ISSUER",
            "URL of the OIDC issuer, to the letter as in its tokens",
        );
        let audience: Option<String> = reader.optional(
            "JWT_AUDIENCE",
            "whom tokens must be for (`aud`), such as `stocks`",
        );
        let environment: Option<String> = reader.optional(
            "APP_ENV",
            "name of the environment; `stage` and `prod` do not start with `AUTH=open`",
        );
        let mode = match (wanted, keys, issuer.zip(audience)) {
            (AuthName::Open, ..) => {
                if let Some(name) = environment.filter(|it| CLOSED_ENVIRONMENTS.contains(&&**it)) {
                    reader.reject("AUTH", format!("\"open\" is not for {name}"));
                }
                AuthMode::Open
            }
            (AuthName::Keys, Some(keys), _) => AuthMode::Keys(keys),
            (AuthName::Jwt, keys, Some((issuer, audience))) => {
                AuthMode::Tokens(TokenSettings { issuer, audience }, keys)
            }
            (AuthName::Keys, None, _) => {
                reader.reject("AUTH", "\"keys\" wants API_KEYS or API_KEYS_FILE");
                AuthMode::Open
            }
            (AuthName::Jwt, _, None) => {
                reader.reject("AUTH", "\"jwt\" wants JWT_ISSUER and JWT_AUDIENCE");
                AuthMode::Open
            }
        };
        Self {
            mode,
            protects_reads,
            rates: RateSettings::read(reader),
        }
    }
}

/// A mode by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum AuthName {
    Open,
    Keys,
    Jwt,
}

impl FromStr for AuthName {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "open" => Ok(Self::Open),
            "keys" => Ok(Self::Keys),
            "jwt" => Ok(Self::Jwt),
            _ => Err("must be open, keys or jwt"),
        }
    }
}

impl fmt::Display for AuthName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Open => "open",
            Self::Keys => "keys",
            Self::Jwt => "jwt",
        })
    }
}

/// How a service logs.
#[derive(Clone, Debug)]
pub struct LogSettings {
    /// The form of a line; decided by whether standard error is a terminal when unset.
    pub format: Option<LogFormat>,
    /// Filter directives of tracing-subscriber.
    pub filter: LogFilter,
}

impl LogSettings {
    /// Reads them.
    pub fn read(reader: &mut Reader) -> Self {
        Self {
            format: reader.optional(
                "LOG_FORMAT",
                "`pretty` or `json`; unset: `pretty` on a terminal, else `json`",
            ),
            filter: reader.value(
                "LOG",
                LogFilter("info".to_owned()),
                "log filter, such as `debug` or `trade=debug,info`",
            ),
        }
    }
}

/// Filter directives of tracing-subscriber that can be read.
#[derive(Clone, Debug)]
pub struct LogFilter(String);

impl LogFilter {
    /// The filter.
    pub(crate) fn to_filter(&self) -> EnvFilter {
        EnvFilter::new(&self.0)
    }
}

impl FromStr for LogFilter {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        EnvFilter::builder().parse(text)?;
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for LogFilter {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

/// The form of a log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Pretty,
    /// For machines.
    Json,
}

impl FromStr for LogFormat {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "pretty" => Ok(Self::Pretty),
            "json" => Ok(Self::Json),
            _ => Err("must be pretty or json"),
        }
    }
}

impl fmt::Display for LogFormat {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Pretty => "pretty",
            Self::Json => "json",
        })
    }
}
