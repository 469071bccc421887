//! Bytes on a socket, for what no HTTP client would send.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use crate::http::Client;

const DEADLINE: Duration = Duration::from_secs(10);

/// Sends these bytes and yields the answer, or what came before the service hung up.
pub async fn exchange(api: &Client, bytes: &[u8]) -> Vec<u8> {
    let [answer] = exchange_all(api, [bytes]).await;
    answer
}

/// Sends one after the other over one connection, and yields the answer to each.
pub async fn exchange_all<const N: usize>(api: &Client, requests: [&[u8]; N]) -> [Vec<u8>; N] {
    let mut stream = connect(api).await;
    let mut answers = requests.map(|_| Vec::new());
    let talk = async {
        for (bytes, answer) in requests.iter().zip(&mut answers) {
            // The service may answer, and hang up, before all is sent.
            let _ = stream.write_all(bytes).await;
            while !is_whole(answer) && stream.read_buf(answer).await.is_ok_and(|read| read > 0) {}
        }
    };
    let ended = timeout(DEADLINE, talk).await;
    assert!(ended.is_ok(), "not in time: an answer");
    answers
}

/// Whether all of an answer is there, by its `Content-Length`.
fn is_whole(answer: &[u8]) -> bool {
    let text = String::from_utf8_lossy(answer);
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return false;
    };
    let length = header(head, "content-length").and_then(|length| length.parse().ok());
    body.len() >= length.unwrap_or(0)
}

/// The first header of this name in the head of an answer.
pub fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let mut headers = head.lines().filter_map(|line| line.split_once(": "));
    let found = headers.find(|(found, _)| found.eq_ignore_ascii_case(name))?;
    Some(found.1)
}

/// Sends these bytes, ends the sending side, and yields what comes back until the service hangs up too.
pub async fn cut_off_after(api: &Client, bytes: &[u8]) -> Vec<u8> {
    let mut stream = connect(api).await;
    let mut answer = Vec::new();
    let talk = async {
        let _ = stream.write_all(bytes).await;
        let _ = stream.shutdown().await;
        let _ = stream.read_to_end(&mut answer).await;
    };
    let ended = timeout(DEADLINE, talk).await;
    assert!(ended.is_ok(), "not in time: the service hangs up");
    answer
}

/// Opens a connection, sends these bytes and hangs up without waiting for anything.
pub async fn drop_after(api: &Client, bytes: &[u8]) {
    let _ = connect(api).await.write_all(bytes).await;
}

/// Opens a connection.
pub async fn connect(api: &Client) -> TcpStream {
    let address = api.base_url().trim_start_matches("http://");
    TcpStream::connect(address)
        .await
        .expect("the service accepts a connection")
}

/// The status of an HTTP/1.1 answer; none when there is none.
pub fn status(answer: &[u8]) -> Option<u16> {
    let line = answer.strip_prefix(b"HTTP/1.1 ")?;
    std::str::from_utf8(line.get(..3)?).ok()?.parse().ok()
}

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const WINDOW_UPDATE: u8 = 8;
const END_STREAM: u8 = 0x1;
const END_HEADERS: u8 = 0x4;
/// The largest window less the one that there is from the beginning (RFC 9113 section 6.9).
const REST_OF_THE_WINDOW: u32 = 0x7fff_ffff - 0xffff;

/// `GET path` over HTTP/2 with prior knowledge (RFC 9113 section 3.3): the header block of the answer, still compressed,
/// and its body.
pub async fn get_over_http2(api: &Client, path: &str) -> (Vec<u8>, Vec<u8>) {
    let mut download = Download::start(api, path).await;
    let headers = std::mem::take(&mut download.headers);
    let body = download.rest().await.expect("all of the body comes");
    (headers, body)
}

/// An answer over HTTP/2 that has begun, and goes on when it is asked for: until then the service can send 64 KiB of it.
pub struct Download {
    stream: TcpStream,
    /// The header block, still compressed.
    headers: Vec<u8>,
    body: Vec<u8>,
    has_ended: bool,
}

impl Download {
    /// Asks for `path`, which is short, and waits for the head of the answer.
    pub async fn start(api: &Client, path: &str) -> Self {
        // RFC 7541 appendix A: 2 is `:method: GET`, 6 `:scheme: http`, 4 the name `:path`, 1 the name `:authority`. A
        // length below 127 is a byte.
        let length = u8::try_from(path.len()).expect("a short path");
        assert!(length < 127, "too long: {path}");
        let mut block = vec![0x82, 0x86, 0x04, length];
        block.extend(path.as_bytes());
        block.extend([0x01, 1, b'a']);

        let mut stream = connect(api).await;
        let request = [
            PREFACE,
            &frame(SETTINGS, 0, 0, &[]),
            &frame(HEADERS, END_HEADERS | END_STREAM, 1, &block),
        ];
        stream
            .write_all(&request.concat())
            .await
            .expect("the service takes a request");
        let mut download = Self {
            stream,
            headers: Vec::new(),
            body: Vec::new(),
            has_ended: false,
        };
        let talk = async {
            while download.headers.is_empty() {
                assert!(download.read_frame().await, "the service hangs up");
            }
        };
        let ended = timeout(DEADLINE, talk).await;
        assert!(ended.is_ok(), "not in time: the head of an answer");
        download
    }

    /// Reads on to the end and yields the body; what came of it as an error when it breaks off.
    pub async fn rest(mut self) -> Result<Vec<u8>, Vec<u8>> {
        let more = REST_OF_THE_WINDOW.to_be_bytes();
        let windows = [0, 1].map(|stream| frame(WINDOW_UPDATE, 0, stream, &more));
        // The service may have gone.
        let _ = self.stream.write_all(&windows.concat()).await;
        let talk = async { while !self.has_ended && self.read_frame().await {} };
        let ended = timeout(DEADLINE, talk).await;
        assert!(ended.is_ok(), "not in time: the end of an answer");
        if self.has_ended {
            Ok(self.body)
        } else {
            Err(self.body)
        }
    }

    /// Whether there was one that does not break the answer off.
    async fn read_frame(&mut self) -> bool {
        let mut head = [0; 9];
        if self.stream.read_exact(&mut head).await.is_err() {
            return false;
        }
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let mut payload = vec![0; usize::try_from(length).expect("a frame fits into memory")];
        if self.stream.read_exact(&mut payload).await.is_err() {
            return false;
        }
        match head[3] {
            HEADERS => self.headers.extend(payload),
            DATA => self.body.extend(payload),
            RST_STREAM => return false,
            _ => return true,
        }
        self.has_ended = head[4] & END_STREAM != 0;
        true
    }
}

fn frame(kind: u8, flags: u8, stream: u8, payload: &[u8]) -> Vec<u8> {
    let length = u8::try_from(payload.len()).expect("a short frame");
    [&[0, 0, length, kind, flags, 0, 0, 0, stream], payload].concat()
}
