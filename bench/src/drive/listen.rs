//! `bench listen`: many clients of the stream of prices in one thread. Each keeps the last price of every stock that it
//! was told, so that in the end it can be seen whether any of them missed what matters.
//!
//! It prints `ready` once every client has every price. A line of JSON on its input, `{"AAPL":"189.5",…}`, names the
//! prices that all of them must come to; then it prints the outcome and ends.

use std::{
    collections::BTreeMap,
    io::{self, BufRead as _, ErrorKind, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use rustix::{
    buffer::spare_capacity,
    event::{
        Timespec,
        epoll::{self, EventData, EventFlags},
    },
    fd::OwnedFd,
    io::Errno,
};
use serde::{Deserialize, Serialize};

use super::{SYMBOLS, response::end_of_head};
use crate::{cpu, http};

/// How long all clients may take to connect and to have every price.
const READY_DEADLINE: Duration = Duration::from_mins(1);
/// How long the last prices may take to reach everybody.
const SETTLE_DEADLINE: Duration = Duration::from_secs(30);
/// Longest wait for news, after which the input is looked at.
const PAUSE: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 20_000_000,
};
/// Clients that may be connecting at a time: below the backlog of a listening socket.
const CONNECT_AT_ONCE: usize = 100;
const BUFFER_BYTES: usize = 64 * 1024;
const EVENTS_AT_ONCE: usize = 1024;
/// An unfinished line is no longer than this.
const MAX_LINE_BYTES: usize = 4 * 1024;

/// What the clients have seen.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Heard {
    pub(crate) clients: usize,
    /// Clients that have the last price of every stock.
    pub(crate) complete: usize,
    /// Clients that were disconnected.
    pub(crate) lost: usize,
    pub(crate) events: u64,
    /// How long after the question the last client had every last price, in seconds.
    pub(crate) settled: f64,
    /// Processor time of all clients together, in seconds.
    pub(crate) cpu: f64,
}

/// The prices that a client has, by the place of their symbols.
type Prices = [Option<Price>; SYMBOLS.len()];

/// The digits of a price; longer ones than any price are cut off.
type Price = [u8; 16];

/// Runs the clients.
pub(crate) fn main(address: SocketAddr, clients: usize) -> Result<()> {
    let mut crowd = Crowd::connect(address, clients)?;
    let deadline = Instant::now() + READY_DEADLINE;
    while !crowd.clients.iter().all(Client::has_every_price) {
        ensure!(
            Instant::now() < deadline,
            "not every client has every price within {READY_DEADLINE:?}"
        );
        crowd.hear()?;
    }
    println!("ready");
    let (questions, question) = mpsc::channel();
    thread::spawn(move || {
        let mut line = String::new();
        // Nobody hears a question after the end, which is no loss.
        if io::stdin().lock().read_line(&mut line).is_ok() {
            drop(questions.send(line));
        }
    });
    let line = loop {
        match question.try_recv() {
            Ok(line) => break line,
            Err(mpsc::TryRecvError::Empty) => crowd.hear()?,
            Err(mpsc::TryRecvError::Disconnected) => bail!("the input ended without a question"),
        }
    };
    let heard = crowd.settle(&serde_json::from_str(&line)?)?;
    println!("{}", serde_json::to_string(&heard)?);
    Ok(())
}

struct Crowd {
    poll: OwnedFd,
    clients: Vec<Client>,
    buffer: Vec<u8>,
    events: u64,
    lost: usize,
}

impl Crowd {
    fn connect(address: SocketAddr, count: usize) -> Result<Self> {
        let mut crowd = Self {
            poll: epoll::create(epoll::CreateFlags::CLOEXEC)?,
            clients: Vec::with_capacity(count),
            buffer: vec![0; BUFFER_BYTES],
            events: 0,
            lost: 0,
        };
        for id in 0..count {
            let client = Client::connect(address, &crowd.poll, id)
                .with_context(|| format!("client {id} of {count} cannot connect"))?;
            crowd.clients.push(client);
            if id % CONNECT_AT_ONCE == 0 {
                crowd.hear()?;
            }
        }
        Ok(crowd)
    }

    /// Waits a moment for news and takes them.
    fn hear(&mut self) -> Result<()> {
        let mut events = Vec::with_capacity(EVENTS_AT_ONCE);
        match epoll::wait(&self.poll, spare_capacity(&mut events), Some(&PAUSE)) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error).context("epoll_wait"),
        }
        for event in events {
            let client = &mut self.clients[event.data.u64() as usize];
            match client.stream.read(&mut self.buffer) {
                Ok(0) => {
                    epoll::delete(&self.poll, &client.stream)?;
                    self.lost += 1;
                }
                Ok(count) => self.events += client.take(&self.buffer[..count])?,
                Err(error)
                    if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
                Err(_) => {
                    epoll::delete(&self.poll, &client.stream)?;
                    self.lost += 1;
                }
            }
        }
        Ok(())
    }

    /// Hears until every client has these prices, or for as long as it may take.
    fn settle(mut self, last: &BTreeMap<String, String>) -> Result<Heard> {
        let expected: Prices =
            SYMBOLS.map(|symbol| last.get(symbol).map(|price| digits(price.as_bytes())));
        ensure!(
            expected.iter().all(Option::is_some),
            "the question leaves out a stock"
        );
        let asked = Instant::now();
        loop {
            let complete = self
                .clients
                .iter()
                .filter(|client| client.prices == expected)
                .count();
            let settled = asked.elapsed();
            if complete == self.clients.len() || settled > SETTLE_DEADLINE {
                return Ok(Heard {
                    clients: self.clients.len(),
                    complete,
                    lost: self.lost,
                    events: self.events,
                    settled: settled.as_secs_f64(),
                    cpu: cpu::own(),
                });
            }
            self.hear()?;
        }
    }
}

struct Client {
    stream: TcpStream,
    is_in_head: bool,
    /// The line, or the head, that has not come to its end.
    unfinished: Vec<u8>,
    prices: Prices,
}

impl Client {
    fn connect(address: SocketAddr, poll: &OwnedFd, id: usize) -> Result<Self> {
        let mut stream = TcpStream::connect(address)?;
        stream.write_all(&http::request("GET", "/stream", ""))?;
        stream.set_nonblocking(true)?;
        epoll::add(poll, &stream, EventData::new_u64(id as u64), EventFlags::IN)?;
        Ok(Self {
            stream,
            is_in_head: true,
            unfinished: Vec::new(),
            prices: [None; SYMBOLS.len()],
        })
    }

    fn has_every_price(&self) -> bool {
        self.prices.iter().all(Option::is_some)
    }

    /// Takes what came; says how many prices it was told. The sizes of chunks stand on lines of their own, between
    /// events.
    fn take(&mut self, news: &[u8]) -> Result<u64> {
        let joined;
        let mut bytes = news;
        if !self.unfinished.is_empty() {
            self.unfinished.extend_from_slice(news);
            joined = std::mem::take(&mut self.unfinished);
            bytes = &joined;
        }
        if self.is_in_head {
            let Some(end) = end_of_head(bytes) else {
                return self.keep(bytes).map(|()| 0);
            };
            let status = bytes.get(9..12).unwrap_or_default();
            ensure!(
                status == b"200",
                "the stream answers {}",
                String::from_utf8_lossy(status)
            );
            self.is_in_head = false;
            bytes = &bytes[end..];
        }
        let mut told = 0;
        while let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
            if let Some((place, price)) = read_event(&bytes[..end]) {
                self.prices[place] = Some(price);
                told += 1;
            }
            bytes = &bytes[end + 1..];
        }
        self.keep(bytes).map(|()| told)
    }

    fn keep(&mut self, rest: &[u8]) -> Result<()> {
        ensure!(
            rest.len() <= MAX_LINE_BYTES,
            "a line of the stream is too long"
        );
        self.unfinished.extend_from_slice(rest);
        Ok(())
    }
}

/// Reads `data: {"symbol":"AAPL","current_price":189.5,…`.
fn read_event(line: &[u8]) -> Option<(usize, Price)> {
    let rest = line.strip_prefix(b"data: {\"symbol\":\"")?;
    let end = rest.iter().position(|byte| *byte == b'"')?;
    let (symbol, rest) = rest.split_at(end);
    let place = SYMBOLS
        .iter()
        .position(|known| known.as_bytes() == symbol)?;
    let rest = rest.strip_prefix(b"\",\"current_price\":")?;
    let end = rest
        .iter()
        .position(|byte| !byte.is_ascii_digit() && *byte != b'.')?;
    Some((place, digits(&rest[..end])))
}

fn digits(text: &[u8]) -> Price {
    let mut price = [0; 16];
    for (place, digit) in price.iter_mut().zip(text) {
        *place = *digit;
    }
    price
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_tells_a_stock_and_its_price() {
        let line = br#"data: {"symbol":"MSFT","current_price":415.2,"change_pct":0.4}"#;
        assert_eq!(read_event(line), Some((5, digits(b"415.2"))));
        assert_eq!(
            read_event(br#"data: {"symbol":"META","current_price":1,"#),
            None
        );
        assert_eq!(read_event(b"event: price"), None);
        assert_eq!(read_event(b":"), None);
    }

    #[test]
    fn prices_differ_when_one_digit_does() {
        assert_ne!(digits(b"415.2"), digits(b"415.25"));
        assert_eq!(digits(b"415.2"), digits(b"415.2"));
    }
}
