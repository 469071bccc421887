//! HTTP/1.1 by hand, one connection at a time: it shows each answer as it came, and each connection that broke.

use std::{io, net::SocketAddr, time::Duration};

use testkit::{Service, eventually};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use crate::support::order_body;

/// Nothing here takes this long, but a service that is stuck.
const ANSWER_DEADLINE: Duration = Duration::from_secs(30);
const CLOSE_DEADLINE: Duration = Duration::from_secs(10);

/// A connection to a service.
pub(crate) struct Connection {
    stream: TcpStream,
    read: Vec<u8>,
}

/// A whole answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: String,
}

impl Answer {
    /// A header's value in lower case; none when it is missing.
    pub(crate) fn header(&self, name: &str) -> Option<String> {
        self.head.lines().skip(1).find_map(|line| {
            let (found, value) = line.split_once(':')?;
            let is_it = found.eq_ignore_ascii_case(name);
            is_it.then(|| value.trim().to_ascii_lowercase())
        })
    }

    /// Whether the service asks for the next request on another connection.
    pub(crate) fn closes(&self) -> bool {
        self.header("connection").as_deref() == Some("close")
    }
}

impl Connection {
    pub(crate) async fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            read: Vec::new(),
        })
    }

    pub(crate) async fn send(&mut self, text: &str) -> io::Result<()> {
        self.stream.write_all(text.as_bytes()).await
    }

    /// Reads one answer to its end.
    pub(crate) async fn answer(&mut self) -> io::Result<Answer> {
        let answer = timeout(ANSWER_DEADLINE, self.read_answer()).await;
        answer.unwrap_or_else(|_| panic!("no answer within {ANSWER_DEADLINE:?}"))
    }

    /// Sends a request and reads its answer.
    pub(crate) async fn ask(&mut self, request: &str) -> io::Result<Answer> {
        self.send(request).await?;
        self.answer().await
    }

    async fn read_answer(&mut self) -> io::Result<Answer> {
        let head_end = loop {
            let end = self.read.windows(4).position(|bytes| bytes == b"\r\n\r\n");
            match end {
                Some(end) => break end,
                None => self.read_more().await?,
            }
        };
        let head = String::from_utf8_lossy(&self.read[..head_end]).into_owned();
        let status = head.get(9..12).and_then(|status| status.parse().ok());
        let mut answer = Answer {
            status: status.unwrap_or_else(|| panic!("no status line: {head}")),
            head,
            body: String::new(),
        };
        let length = answer.header("content-length");
        let length: usize = length
            .and_then(|length| length.parse().ok())
            .unwrap_or_else(|| panic!("no length: {answer:?}"));
        let end = head_end + 4 + length;
        while self.read.len() < end {
            self.read_more().await?;
        }
        let rest = self.read.split_off(end);
        answer.body = String::from_utf8_lossy(&self.read[head_end + 4..]).into_owned();
        self.read = rest;
        Ok(answer)
    }

    async fn read_more(&mut self) -> io::Result<()> {
        match self.stream.read_buf(&mut self.read).await? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }
}

/// A `GET`.
pub(crate) fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nhost: trade\r\n\r\n")
}

/// An order: the head, and a body of half a share.
pub(crate) fn order(side: &str, user_id: &str, key: &str) -> [String; 2] {
    let body = order_body(user_id, "AAPL", "0.5", "189.5");
    let head = format!(
        "POST /trades/{side} HTTP/1.1\r\nhost: trade\r\ncontent-type: application/json\r\n\
         idempotency-key: {key}\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    [head, body]
}

/// Where the only service of this process listens.
pub(crate) async fn address_of(service: &Service) -> SocketAddr {
    service.address("trade").await
}

/// Waits until the service takes no connection any more.
pub(crate) async fn listener_closed(address: SocketAddr) {
    let refused = async || Connection::open(address).await.is_err();
    eventually(CLOSE_DEADLINE, "new connections are refused", refused).await;
}
