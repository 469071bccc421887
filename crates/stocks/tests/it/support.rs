//! The program under test, with data of its own.

use std::path::Path;

use tempfile::TempDir;
use testkit::Service;
use testkit::http::Client;

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
}
