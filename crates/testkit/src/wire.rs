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

async fn connect(api: &Client) -> TcpStream {
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
const SETTINGS: u8 = 4;
const END_STREAM: u8 = 0x1;
const END_HEADERS: u8 = 0x4;

/// `GET path` over HTTP/2 with prior knowledge (RFC 9113 section 3.3): the header block of the answer, still compressed,
/// and its body.
pub async fn get_over_http2(api: &Client, path: &str) -> (Vec<u8>, Vec<u8>) {
    // RFC 7541 appendix A: 2 is `:method: GET`, 6 `:scheme: http`, 4 the name `:path`, 1 the name `:authority`.
    let mut block = vec![
        0x82,
        0x86,
        0x04,
        u8::try_from(path.len()).expect("a short path"),
    ];
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
    let (mut headers, mut body) = (Vec::new(), Vec::new());
    let talk = async {
        loop {
            let mut head = [0; 9];
            stream.read_exact(&mut head).await.expect("a frame comes");
            let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
            let mut payload = vec![0; usize::try_from(length).expect("a frame fits into memory")];
            stream
                .read_exact(&mut payload)
                .await
                .expect("all of a frame comes");
            match head[3] {
                HEADERS => headers.extend(payload),
                DATA => body.extend(payload),
                _ => continue,
            }
            if head[4] & END_STREAM != 0 {
                break;
            }
        }
    };
    let ended = timeout(DEADLINE, talk).await;
    assert!(ended.is_ok(), "not in time: an answer");
    (headers, body)
}

fn frame(kind: u8, flags: u8, stream: u8, payload: &[u8]) -> Vec<u8> {
    let length = u8::try_from(payload.len()).expect("a short frame");
    [&[0, 0, length, kind, flags, 0, 0, 0, stream], payload].concat()
}
