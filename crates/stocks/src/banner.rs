//! What a person sees once both services are ready: where to look and what to try.

use std::net::SocketAddr;
use std::path::PathBuf;

pub(crate) struct Banner {
    pub(crate) catalogue: SocketAddr,
    pub(crate) trading: SocketAddr,
    /// Whether the prices move by themselves.
    pub(crate) is_demo: bool,
    /// Folder of the embedded database, where there is one.
    pub(crate) data_dir: Option<PathBuf>,
}

impl Banner {
    #[expect(clippy::print_stdout, reason = "this is what the program has to say")]
    pub(crate) fn print(&self) {
        println!("{}", self.text());
    }

    fn text(&self) -> String {
        let Self {
            catalogue, trading, ..
        } = self;
        let data = match &self.data_dir {
            Some(folder) => format!("in {}", folder.display()),
            None => "in PostgreSQL".to_owned(),
        };
        let moving = if self.is_demo {
            "move at random"
        } else {
            "stand still until they are put (--demo moves them)"
        };
        format!(
            r#"
Stocks App is running.

  page       http://{catalogue}
  catalogue  http://{catalogue}  (try it in a browser: http://{catalogue}/docs)
  trading    http://{trading}  (http://{trading}/docs)
  prices     {moving}
  data       {data}

Try:

  curl http://{catalogue}/stocks

  curl -X POST http://{trading}/trades/buy \
    -H 'Content-Type: application/json' \
    -d '{{"user_id":"user-001","symbol":"AAPL","quantity":10,"price":189.50}}'

  curl http://{trading}/portfolio/user-001

Stop with Ctrl-C.
"#
        )
    }
}
