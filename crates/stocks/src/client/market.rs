//! `stocks list` and `stocks watch`: the catalogue, and its prices as they change.

use std::io::{Write as _, stdout};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use catalogue_client::{Event, Events, Stock, StockPrice};
use reqwest::{Method, Response, Url, header};
use serde::Serialize;
use serde_json::value::RawValue;
use tokio::time::{sleep, timeout};

use super::output::{print, table};
use super::{Client, at, parse, send, text};

/// Stocks of a page.
const PAGE: &str = "1000";
/// The stream's heartbeat comes every 15 s: this long without one it is dead.
const SILENCE: Duration = Duration::from_secs(20);
/// Pause before a stream that was lost is opened again.
const PAUSE: Duration = Duration::from_secs(1);

/// Lists stocks with their prices
#[derive(Debug, clap::Args)]
pub(crate) struct List {
    /// Only those of this sector
    #[arg(long)]
    sector: Option<String>,
    /// JSON, as the service says it
    #[arg(long)]
    json: bool,
}

/// Shows prices as they change, until Ctrl-C
#[derive(Debug, clap::Args)]
pub(crate) struct Watch {
    /// Only these; all without any
    symbols: Vec<String>,
    /// JSON, one price a line
    #[arg(long)]
    json: bool,
}

impl List {
    pub(crate) async fn run(&self, client: &Client) -> Result<()> {
        if self.json {
            let stocks: Vec<Box<RawValue>> = client.pages(self.sector.as_deref()).await?;
            return print(&serde_json::to_string(&stocks)?);
        }
        let columns = [
            ("SYMBOL", false),
            ("NAME", false),
            ("SECTOR", false),
            ("PRICE", true),
            ("CHANGE %", true),
        ];
        let rows = client.stocks(self.sector.as_deref()).await?;
        let rows = rows.into_iter().map(|stock| {
            [
                stock.symbol.to_string(),
                stock.name.to_string(),
                stock.sector.map_or_else(String::new, |it| it.to_string()),
                stock.current_price.to_string(),
                stock.change_pct.to_string(),
            ]
        });
        print(&table(columns, rows))
    }
}

impl Watch {
    pub(crate) async fn run(&self, client: &Client) -> Result<()> {
        let mut url = at(&client.catalogue, &["stream"]);
        if !self.symbols.is_empty() {
            let symbols = self.symbols.join(",");
            url.query_pairs_mut().append_pair("symbols", &symbols);
        }
        let mut events = Events::default();
        let mut response = client.listen(url.clone(), &events).await?;
        loop {
            if self.follow(&mut response, &mut events).await? {
                return Ok(());
            }
            // Whoever reads it sees the gap; what comes then is complete.
            tracing::warn!("the stream was lost");
            response = loop {
                sleep(PAUSE).await;
                if let Ok(response) = client.listen(url.clone(), &events).await {
                    break response;
                }
            };
            events = events.resumed();
        }
    }

    /// Prints what a stream tells until it ends; whether nobody reads it any more.
    async fn follow(&self, response: &mut Response, events: &mut Events) -> Result<bool> {
        while let Ok(Ok(Some(piece))) = timeout(SILENCE, response.chunk()).await {
            let mut told = Vec::new();
            events.take(&piece, |Event { kind, data }| {
                if kind == b"price" {
                    told.push(String::from_utf8_lossy(data).into_owned());
                }
            });
            for price in told {
                let line = if self.json {
                    price
                } else {
                    line(&parse(&price)?)
                };
                if writeln!(stdout(), "{line}").is_err() {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }
}

fn line(price: &StockPrice) -> String {
    let StockPrice {
        symbol,
        current_price,
        change_pct,
        updated_at,
    } = price;
    let [symbol, price, change] = [
        symbol.to_string(),
        current_price.to_string(),
        change_pct.to_string(),
    ];
    format!("{updated_at}  {symbol:<12} {price:>14} {change:>10} %")
}

impl Client {
    /// The stocks of the catalogue, or of one sector.
    pub(crate) async fn stocks(&self, sector: Option<&str>) -> Result<Vec<Stock>> {
        self.pages(sector).await
    }

    async fn pages<T: serde::de::DeserializeOwned>(&self, sector: Option<&str>) -> Result<Vec<T>> {
        let mut url = at(&self.catalogue, &["stocks"]);
        url.query_pairs_mut().append_pair("limit", PAGE);
        if let Some(sector) = sector {
            url.query_pairs_mut().append_pair("sector", sector);
        }
        let mut all = Vec::new();
        loop {
            let response = send(self.get(url.clone())).await?;
            let next = next_page(&response).map(|path| self.catalogue.join(&path));
            all.append(&mut parse::<Vec<T>>(&text(response).await?)?);
            match next {
                Some(next) => url = next.context("the next page's address cannot be read")?,
                None => return Ok(all),
            }
        }
    }

    /// The price of one stock now.
    pub(crate) async fn price(&self, symbol: &str) -> Result<StockPrice> {
        let url = at(&self.catalogue, &["stocks", symbol, "price"]);
        parse(&self.ask(url).await?)
    }

    /// Gives many stocks new prices; one that is refused is an error, and the others have theirs.
    pub(crate) async fn put_prices(&self, prices: &(impl Serialize + ?Sized)) -> Result<()> {
        #[derive(serde::Deserialize)]
        struct Outcome {
            rejected: Vec<Box<RawValue>>,
        }
        let url = at(&self.catalogue, &["prices"]);
        let request = self.request(Method::PUT, url).timeout(super::TIMEOUT);
        let answer = text(send(request.json(prices)).await?).await?;
        match parse::<Outcome>(&answer)?.rejected.first() {
            Some(first) => bail!("a price was refused: {}", first.get()),
            None => Ok(()),
        }
    }

    async fn listen(&self, url: Url, events: &Events) -> Result<Response> {
        let mut request = self.request(Method::GET, url);
        request = request.header(header::ACCEPT, "text/event-stream");
        if !events.last_id().is_empty() {
            request = request.header("Last-Event-ID", events.last_id());
        }
        let sent = timeout(super::TIMEOUT, send(request)).await;
        sent.context("the catalogue does not answer")?
    }
}

/// The path of the next page, as the Link header has it.
fn next_page(response: &Response) -> Option<String> {
    let link = response.headers().get(header::LINK)?.to_str().ok()?;
    let (path, rest) = link.strip_prefix('<')?.split_once('>')?;
    rest.contains(r#"rel="next""#).then(|| path.to_owned())
}
