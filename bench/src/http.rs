//! One request on a connection of its own, for what is asked beside the load: whether somebody is ready, what a body is
//! like.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};

use crate::drive::response::{Progress, ResponseReader};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);
const RETRY_PAUSE: Duration = Duration::from_micros(200);
const MAX_ANSWER_BYTES: usize = 16 * 1024 * 1024;

/// An answer with its body.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

/// GETs a path.
pub(crate) fn get(address: SocketAddr, path: &str) -> Result<Answer> {
    exchange(address, &request("GET", path, ""))
}

/// GETs a path and refuses any answer but 200.
pub(crate) fn get_ok(address: SocketAddr, path: &str) -> Result<Vec<u8>> {
    let answer = get(address, path)?;
    let text = String::from_utf8_lossy(&answer.body);
    let status = answer.status;
    ensure!(status == 200, "GET {path} answers {status}: {text}");
    Ok(answer.body)
}

/// Sends a body of JSON and refuses any answer but this status.
pub(crate) fn send(
    address: SocketAddr,
    method: &str,
    path: &str,
    body: &str,
    status: u16,
) -> Result<Vec<u8>> {
    let answer = exchange(address, &request(method, path, body))?;
    let text = String::from_utf8_lossy(&answer.body);
    ensure!(
        answer.status == status,
        "{method} {path} answers {}: {text}",
        answer.status
    );
    Ok(answer.body)
}

/// Waits for the first 200 and says how long it took since `began`.
pub(crate) fn first_ok(
    address: SocketAddr,
    path: &str,
    began: Instant,
    deadline: Duration,
) -> Result<Duration> {
    loop {
        let outcome = get(address, path);
        let elapsed = began.elapsed();
        if outcome.as_ref().is_ok_and(|answer| answer.status == 200) {
            return Ok(elapsed);
        }
        let last = match outcome {
            Ok(answer) => format!("the last answer is {}", answer.status),
            Err(error) => format!("{error:#}"),
        };
        ensure!(
            elapsed < deadline,
            "GET http://{address}{path} gives no 200 within {deadline:?}: {last}"
        );
        std::thread::sleep(RETRY_PAUSE);
    }
}

/// The bytes of a request, as the load driver sends them.
pub(crate) fn request(method: &str, path: &str, body: &str) -> Vec<u8> {
    let about_body = match body.len() {
        0 => String::new(),
        length => format!("Content-Type: application/json\r\nContent-Length: {length}\r\n"),
    };
    let text = format!("{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{about_body}\r\n{body}");
    text.into_bytes()
}

fn exchange(address: SocketAddr, request: &[u8]) -> Result<Answer> {
    let mut stream = TcpStream::connect_timeout(&address, CONNECT_TIMEOUT)?;
    stream.set_read_timeout(Some(ANSWER_TIMEOUT))?;
    stream.set_write_timeout(Some(ANSWER_TIMEOUT))?;
    stream.set_nodelay(true)?;
    stream.write_all(request)?;

    let mut reader = ResponseReader::default();
    let mut received = Vec::new();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let count = stream.read(&mut buffer).context("no answer")?;
        ensure!(count > 0, "the connection ends before the answer does");
        received.extend_from_slice(&buffer[..count]);
        ensure!(received.len() <= MAX_ANSWER_BYTES, "the answer is too long");
        if let Progress::Complete(response) = reader.feed(&buffer[..count])? {
            let body = received.split_off(received.len() - response.body_bytes);
            return Ok(Answer {
                status: response.status,
                body,
            });
        }
    }
}
