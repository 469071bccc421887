//! A catalogue to change, to silence and to switch off: answers `/stream`, `/stocks` and `/stocks/{symbol}/price` as
//! stock-listing does.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard},
};

use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::{JoinHandle, JoinSet},
};

/// Runs in the test's process; ends with this value.
pub(crate) struct Catalogue {
    address: SocketAddr,
    shared: Arc<Shared>,
    accepting: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    stocks: Mutex<Stocks>,
    /// Tells of each change, and of the end of a silence.
    changed: watch::Sender<()>,
}

#[derive(Default)]
struct Stocks {
    version: u64,
    /// Symbols with their price, in its digits, and the version that gave it to them.
    prices: BTreeMap<String, (String, u64)>,
    /// What streams say beside the prices.
    said: Vec<String>,
    is_silent: bool,
    /// The `Last-Event-ID` of each stream that was opened.
    opened: Vec<Option<u64>>,
}

struct Answer {
    status: &'static str,
    headers: String,
    body: String,
}

impl Catalogue {
    /// Listens on a port of its own, with these stocks.
    pub(crate) async fn start(stocks: &[(&str, &str)]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut catalogue = Self {
            address: listener.local_addr().unwrap(),
            shared: Arc::default(),
            accepting: None,
        };
        for (symbol, price) in stocks {
            catalogue.quote(symbol, price);
        }
        catalogue.accept(listener);
        catalogue
    }

    /// `http://…`, for `CATALOGUE_URL`.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Lists a stock, or gives it a new price.
    pub(crate) fn quote(&self, symbol: &str, price: &str) {
        self.change(|stocks| {
            stocks.version += 1;
            let quote = (price.to_owned(), stocks.version);
            stocks.prices.insert(symbol.to_owned(), quote);
        });
    }

    /// Takes a stock off the list, of which its stream says nothing.
    pub(crate) fn delist(&self, symbol: &str) {
        self.change(|stocks| drop(stocks.prices.remove(symbol)));
    }

    /// Says this on every stream that is open.
    pub(crate) fn say(&self, text: &str) {
        self.change(|stocks| stocks.said.push(text.to_owned()));
    }

    /// Says nothing any more and answers nothing, while its connections stay open.
    pub(crate) fn fall_silent(&self) {
        self.change(|stocks| stocks.is_silent = true);
    }

    /// Goes on with everything.
    pub(crate) fn speak(&self) {
        self.change(|stocks| stocks.is_silent = false);
    }

    /// The `Last-Event-ID` of each stream that was opened so far.
    pub(crate) fn opened(&self) -> Vec<Option<u64>> {
        self.shared.stocks().opened.clone()
    }

    /// Closes its connections, and refuses others from now on.
    pub(crate) async fn switch_off(&mut self) {
        if let Some(accepting) = self.accepting.take() {
            accepting.abort();
            // Its listener is closed once it has ended.
            let _ = accepting.await;
        }
    }

    /// Listens again, on the same port.
    pub(crate) async fn switch_on(&mut self) {
        let listener = TcpListener::bind(self.address).await.unwrap();
        self.accept(listener);
    }

    fn change(&self, change: impl FnOnce(&mut Stocks)) {
        change(&mut self.shared.stocks());
        self.shared.changed.send_replace(());
    }

    fn accept(&mut self, listener: TcpListener) {
        let shared = Arc::clone(&self.shared);
        self.accepting = Some(tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(serve(stream, Arc::clone(&shared)));
            }
        }));
    }
}

impl Drop for Catalogue {
    fn drop(&mut self) {
        if let Some(accepting) = &self.accepting {
            accepting.abort();
        }
    }
}

impl Shared {
    fn stocks(&self) -> MutexGuard<'_, Stocks> {
        self.stocks.lock().unwrap()
    }

    async fn wait_out_silence(&self) {
        let mut changed = self.changed.subscribe();
        while self.stocks().is_silent {
            changed.changed().await.unwrap();
        }
    }
}

/// One request a connection.
async fn serve(stream: TcpStream, shared: Arc<Shared>) {
    let mut stream = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if stream.read_line(&mut head).await.unwrap_or(0) == 0 {
            return;
        }
    }
    shared.wait_out_silence().await;
    if head.starts_with("GET /stream ") {
        let _ = tell_prices(&mut stream, &head, &shared).await;
        return;
    }
    let Answer {
        status,
        headers,
        body,
    } = answer(&head, &shared.stocks());
    let length = body.len();
    let text = format!(
        "HTTP/1.1 {status}\r\n{headers}content-length: {length}\r\nconnection: close\r\n\r\n{body}"
    );
    let _ = stream.write_all(text.as_bytes()).await;
}

/// First the prices that came after `Last-Event-ID`, then each change; ends with the connection.
async fn tell_prices(
    stream: &mut BufReader<TcpStream>,
    head: &str,
    shared: &Shared,
) -> std::io::Result<()> {
    let mut changed = shared.changed.subscribe();
    let last_id = header(head, "last-event-id").and_then(|id| id.parse().ok());
    let (mut sent, mut said) = {
        let mut stocks = shared.stocks();
        stocks.opened.push(last_id);
        (last_id.unwrap_or(0), stocks.said.len())
    };
    // Without a length, the body ends with the connection.
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";
    let mut text = format!("{head}retry: 1000\n\n");
    loop {
        {
            let stocks = shared.stocks();
            let mut news: Vec<_> = stocks.prices.iter().collect();
            news.retain(|(_, (_, version))| *version > sent);
            news.sort_by_key(|(_, (_, version))| *version);
            text.extend(news.into_iter().map(|(symbol, (price, version))| {
                let data = price_of(symbol, price);
                format!("id: {version}\nevent: price\ndata: {data}\n\n")
            }));
            text.extend(stocks.said[said..].iter().map(String::as_str));
            (sent, said) = (stocks.version, stocks.said.len());
        }
        stream.write_all(text.as_bytes()).await?;
        text.clear();
        let _ = changed.changed().await;
        shared.wait_out_silence().await;
    }
}

fn answer(head: &str, stocks: &Stocks) -> Answer {
    let target = head.split(' ').nth(1).unwrap_or_default();
    if target == "/stocks?limit=1" {
        return page_of_one(stocks);
    }
    let symbol = target
        .strip_prefix("/stocks/")
        .and_then(|path| path.strip_suffix("/price"));
    let found = symbol.and_then(|symbol| Some((symbol, stocks.prices.get(symbol)?)));
    match found {
        Some((symbol, (price, _))) => Answer {
            status: "200 OK",
            headers: "content-type: application/json\r\n".to_owned(),
            body: price_of(symbol, price),
        },
        None => Answer {
            status: "404 Not Found",
            headers: "content-type: application/problem+json\r\n".to_owned(),
            body: r#"{"status":404,"code":"unknown_symbol"}"#.to_owned(),
        },
    }
}

fn page_of_one(stocks: &Stocks) -> Answer {
    let first = stocks.prices.iter().next();
    let listed = first.map(|(symbol, (price, _))| {
        format!(
            r#"{{"symbol":"{symbol}","name":"{symbol}","sector":null,"current_price":{price},"change_pct":0,"volume":0,"market_cap":null,"updated_at":"2026-01-31T09:30:00.000000Z"}}"#
        )
    });
    let total = stocks.prices.len();
    Answer {
        status: "200 OK",
        headers: format!("content-type: application/json\r\nx-total-count: {total}\r\n"),
        body: format!("[{}]", listed.unwrap_or_default()),
    }
}

fn price_of(symbol: &str, price: &str) -> String {
    format!(
        r#"{{"symbol":"{symbol}","current_price":{price},"change_pct":0,"updated_at":"2026-01-31T09:30:00.000000Z"}}"#
    )
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let mut headers = head.lines().filter_map(|line| line.split_once(": "));
    let found = headers.find(|(found, _)| found.eq_ignore_ascii_case(name))?;
    Some(found.1)
}
