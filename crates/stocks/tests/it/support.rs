//! The program under test, with data of its own.

use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use testkit::http::Client;
use testkit::keys::KeyFile;
use testkit::{Service, eventually};

pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_stocks");

/// Both services and the page, running on an embedded database.
pub(crate) struct Stack {
    pub(crate) catalogue: Client,
    pub(crate) trading: Client,
    _service: Service,
    _folder: TempDir,
}

impl Stack {
    /// Starts it; `env` is what is set beside ports and data.
    pub(crate) async fn start(args: &[&str], env: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let data = folder.path().to_str().expect("a path in UTF-8");
        let own = [
            ("STOCK_LISTING_PORT", "0"),
            ("TRADE_PORT", "0"),
            ("DATA_DIR", data),
        ];
        let env: Vec<_> = own.iter().chain(env).copied().collect();
        let service = Service::spawn(Path::new(BINARY), args, &env);
        Self {
            catalogue: service.wait_ready_of("stock-listing").await,
            trading: service.wait_ready_of("trade").await,
            _service: service,
            _folder: folder,
        }
    }

    /// Starts it where callers show a key; yields one for these scopes too, and the file that it is read from.
    pub(crate) async fn start_closed(scopes: &str) -> (Self, String, KeyFile) {
        let mut keys = KeyFile::default();
        let shown = keys.add(scopes);
        let path = keys.path();
        let path = path.to_str().expect("a path in UTF-8");
        let stack = Self::start(&[], &[("AUTH", "keys"), ("API_KEYS_FILE", path)]).await;
        (stack, shown, keys)
    }

    /// The trades of the user whom commands are for.
    pub(crate) async fn trades(&self) -> Value {
        let path = "/trades?user_id=user-001";
        self.trading.get(path).await.expect(200).json()
    }

    /// What the catalogue says of all stocks.
    pub(crate) async fn stocks(&self) -> String {
        let reply = self.catalogue.get("/stocks").await.expect(200);
        reply.text().to_owned()
    }

    /// Waits until it says something else than it said before.
    pub(crate) async fn moves_on_from(&self, before: &str) {
        let limit = Duration::from_secs(20);
        let is_other = async || self.stocks().await != before;
        eventually(limit, "a price has changed", is_other).await;
    }
}
