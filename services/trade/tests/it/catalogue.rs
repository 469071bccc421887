//! A catalogue to change and to switch off: answers `/stocks` and `/stocks/{symbol}/price` as stock-listing does.

use std::{
    collections::BTreeMap,
    hash::{DefaultHasher, Hash, Hasher},
    net::SocketAddr,
    ops::Bound,
    sync::{Arc, Mutex},
};

use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// Stocks on one page, fewer than anybody asks for.
const PAGE: usize = 2;

/// Runs in the test's process; ends with this value.
pub(crate) struct Catalogue {
    address: SocketAddr,
    prices: Prices,
    accepting: Option<JoinHandle<()>>,
}

/// Symbols with their price, in its digits.
type Prices = Arc<Mutex<BTreeMap<String, String>>>;

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
            prices: Prices::default(),
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
        let mut prices = self.prices.lock().unwrap();
        prices.insert(symbol.to_owned(), price.to_owned());
    }

    /// Takes a stock off the list.
    pub(crate) fn delist(&self, symbol: &str) {
        self.prices.lock().unwrap().remove(symbol);
    }

    /// Refuses connections from now on.
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

    fn accept(&mut self, listener: TcpListener) {
        let prices = Arc::clone(&self.prices);
        self.accepting = Some(tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&prices)));
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

/// One request a connection.
async fn serve(stream: TcpStream, prices: Prices) {
    let mut stream = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if stream.read_line(&mut head).await.unwrap_or(0) == 0 {
            return;
        }
    }
    let Answer {
        status,
        headers,
        body,
    } = answer(&head, &prices.lock().unwrap());
    let length = body.len();
    let text = format!(
        "HTTP/1.1 {status}\r\n{headers}content-length: {length}\r\nconnection: close\r\n\r\n{body}"
    );
    let _ = stream.write_all(text.as_bytes()).await;
}

fn answer(head: &str, prices: &BTreeMap<String, String>) -> Answer {
    let target = head.split(' ').nth(1).unwrap_or_default();
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    if path == "/stocks" {
        let cursor = query.split('&').find_map(|it| it.strip_prefix("cursor="));
        return page(head, cursor, prices);
    }
    let symbol = path
        .strip_prefix("/stocks/")
        .and_then(|path| path.strip_suffix("/price"));
    let found = symbol.and_then(|symbol| Some((symbol, prices.get(symbol)?)));
    match found {
        Some((symbol, price)) => Answer {
            status: "200 OK",
            headers: "content-type: application/json\r\n".to_owned(),
            body: stock(symbol, price),
        },
        None => Answer {
            status: "404 Not Found",
            headers: "content-type: application/problem+json\r\n".to_owned(),
            body: r#"{"status":404,"code":"unknown_symbol"}"#.to_owned(),
        },
    }
}

/// As in stock-listing, the tag is of the body alone, while the Link tells whether there is more.
fn page(head: &str, cursor: Option<&str>, prices: &BTreeMap<String, String>) -> Answer {
    let after = cursor.map_or(Bound::Unbounded, Bound::Excluded);
    let mut rest = prices.range::<str, _>((after, Bound::Unbounded));
    let stocks: Vec<_> = rest.by_ref().take(PAGE).collect();
    let listed = stocks.iter().map(|(symbol, price)| stock(symbol, price));
    let body = format!("[{}]", listed.collect::<Vec<_>>().join(","));
    let mut hasher = DefaultHasher::new();
    body.hash(&mut hasher);
    let tag = format!("W/\"{:016x}\"", hasher.finish());
    let last = stocks.last().filter(|_| rest.next().is_some());
    let link = last.map_or_else(String::new, |(last, _)| {
        format!("link: </stocks?limit={PAGE}&cursor={last}>; rel=\"next\"\r\n")
    });
    let headers = format!("content-type: application/json\r\netag: {tag}\r\n{link}");
    let is_known = head.lines().any(|line| {
        let header = line.split_once(": ").unwrap_or_default();
        header.0.eq_ignore_ascii_case("if-none-match") && header.1 == tag
    });
    if is_known {
        return Answer {
            status: "304 Not Modified",
            headers,
            body: String::new(),
        };
    }
    Answer {
        status: "200 OK",
        headers,
        body,
    }
}

fn stock(symbol: &str, price: &str) -> String {
    format!(
        r#"{{"symbol":"{symbol}","name":"{symbol}","sector":null,"current_price":{price},"change_pct":0,"volume":0,"market_cap":null,"updated_at":"2026-01-31T09:30:00.000000Z"}}"#
    )
}
