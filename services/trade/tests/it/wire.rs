//! Bytes on a socket, for what no HTTP client would send.

use std::time::Duration;

use testkit::http::Client;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

const DEADLINE: Duration = Duration::from_secs(10);

/// Sends these bytes and yields the answer, or what came before the service hung up.
pub(crate) async fn exchange(api: &Client, bytes: &[u8]) -> Vec<u8> {
    let [answer] = exchange_all(api, [bytes]).await;
    answer
}

/// Sends one after the other over one connection, and yields the answer to each.
pub(crate) async fn exchange_all<const N: usize>(
    api: &Client,
    requests: [&[u8]; N],
) -> [Vec<u8>; N] {
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
pub(crate) fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let mut headers = head.lines().filter_map(|line| line.split_once(": "));
    let found = headers.find(|(found, _)| found.eq_ignore_ascii_case(name))?;
    Some(found.1)
}

/// Sends these bytes, ends the sending side, and yields what comes back until the service hangs up too.
pub(crate) async fn cut_off_after(api: &Client, bytes: &[u8]) -> Vec<u8> {
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
pub(crate) async fn drop_after(api: &Client, bytes: &[u8]) {
    let _ = connect(api).await.write_all(bytes).await;
}

async fn connect(api: &Client) -> TcpStream {
    let address = api.base_url().trim_start_matches("http://");
    TcpStream::connect(address).await.unwrap()
}

/// The status of an HTTP/1.1 answer; none when there is none.
pub(crate) fn status(answer: &[u8]) -> Option<u16> {
    let line = answer.strip_prefix(b"HTTP/1.1 ")?;
    std::str::from_utf8(line.get(..3)?).ok()?.parse().ok()
}
