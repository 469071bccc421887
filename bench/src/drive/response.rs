//! Reads just enough of an HTTP/1.1 answer to know its status and where it ends. The load driver shares its processors
//! with what it measures, so it must not cost more than that.

use anyhow::{Context, Result, bail, ensure};

/// Longest head of an answer, in bytes.
const HEAD_LIMIT_BYTES: usize = 16 * 1024;
const END_OF_HEAD: &[u8] = b"\r\n\r\n";

/// An answer that is there to its last byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) body_bytes: usize,
}

/// What came of some bytes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    Incomplete,
    Complete(Response),
}

/// The reader of one connection, which carries one answer at a time.
#[derive(Default)]
pub(crate) struct ResponseReader {
    /// A head that has not come to its end.
    head: Vec<u8>,
    /// The answer whose body is on its way, and how much of it is missing.
    body: Option<(Response, usize)>,
}

impl ResponseReader {
    /// Takes the next bytes of the connection.
    pub(crate) fn feed(&mut self, bytes: &[u8]) -> Result<Progress> {
        if let Some((response, missing)) = self.body {
            return self.receive(response, missing, bytes.len());
        }
        if self.head.is_empty()
            && let Some(end) = end_of_head(bytes)
        {
            // The usual case: the whole head is in one piece, and nothing is copied.
            let response = parse_head(&bytes[..end])?;
            return self.receive(response, response.body_bytes, bytes.len() - end);
        }
        let before = self.head.len();
        self.head.extend_from_slice(bytes);
        let Some(end) = end_of_head(&self.head) else {
            ensure!(
                self.head.len() <= HEAD_LIMIT_BYTES,
                "the head of an answer is longer than {HEAD_LIMIT_BYTES} bytes"
            );
            return Ok(Progress::Incomplete);
        };
        let response = parse_head(&self.head[..end])?;
        self.head.clear();
        self.receive(response, response.body_bytes, before + bytes.len() - end)
    }

    fn receive(&mut self, response: Response, missing: usize, count: usize) -> Result<Progress> {
        ensure!(
            count <= missing,
            "more bytes came than the answer has: nothing was asked for"
        );
        if count == missing {
            self.body = None;
            return Ok(Progress::Complete(response));
        }
        self.body = Some((response, missing - count));
        Ok(Progress::Incomplete)
    }
}

/// Where the head ends, its empty line included.
pub(super) fn end_of_head(bytes: &[u8]) -> Option<usize> {
    let mut from = 0;
    // Ends of lines are rare, so that looking for one byte is most of the work.
    while let Some(at) = bytes[from..].iter().position(|byte| *byte == b'\r') {
        if bytes[from + at..].starts_with(END_OF_HEAD) {
            return Some(from + at + END_OF_HEAD.len());
        }
        from += at + 1;
    }
    None
}

fn parse_head(head: &[u8]) -> Result<Response> {
    let mut lines = head.split(|byte| *byte == b'\n');
    let first = lines.next().unwrap_or_default();
    let status = first
        .strip_prefix(b"HTTP/1.1 ")
        .and_then(|rest| number(rest.get(..3)?))
        .with_context(|| format!("no answer of HTTP/1.1: {}", String::from_utf8_lossy(first)))?;
    let mut body_bytes = None;
    for line in lines {
        if let Some(value) = value_of(line, b"content-length:") {
            body_bytes = number(value);
        } else if value_of(line, b"transfer-encoding:").is_some() {
            bail!("the answer comes in chunks, which this reader does not know");
        }
    }
    let has_no_body = matches!(status, 204 | 304);
    let body_bytes = if has_no_body { Some(0) } else { body_bytes };
    Ok(Response {
        status: u16::try_from(status)?,
        body_bytes: body_bytes.context("the answer does not say how long it is")?,
    })
}

fn value_of<'a>(line: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let (start, value) = line.split_at_checked(name.len())?;
    start.eq_ignore_ascii_case(name).then(|| value.trim_ascii())
}

fn number(digits: &[u8]) -> Option<usize> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWER: &[u8] =
        b"HTTP/1.1 201 Created\r\ncontent-type: application/json\r\nContent-Length: 11\r\n\r\n{\"id\":\"\\r\\n";

    fn created() -> Progress {
        Progress::Complete(Response {
            status: 201,
            body_bytes: 11,
        })
    }

    #[test]
    fn an_answer_is_read_wherever_it_is_split() {
        for at in 1..ANSWER.len() {
            let (start, rest) = ANSWER.split_at(at);
            let mut reader = ResponseReader::default();
            assert_eq!(reader.feed(start).expect("a start"), Progress::Incomplete);
            assert_eq!(reader.feed(rest).expect("the rest"), created(), "at {at}");
        }
    }

    #[test]
    fn an_answer_is_read_byte_by_byte_and_the_next_one_after_it() {
        let mut reader = ResponseReader::default();
        for _ in 0..2 {
            let (last, bytes) = ANSWER.split_last().expect("bytes");
            for byte in bytes {
                let progress = reader.feed(&[*byte]).expect("a byte");
                assert_eq!(progress, Progress::Incomplete);
            }
            assert_eq!(reader.feed(&[*last]).expect("the last byte"), created());
        }
    }

    #[test]
    fn an_answer_without_a_body_ends_with_its_head() {
        let mut reader = ResponseReader::default();
        let progress = reader.feed(b"HTTP/1.1 304 Not Modified\r\netag: \"1\"\r\n\r\n");
        let expected = Response {
            status: 304,
            body_bytes: 0,
        };
        assert_eq!(progress.expect("an answer"), Progress::Complete(expected));
    }

    #[test]
    fn what_cannot_be_measured_is_refused() {
        for answer in [
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
            "HTTP/1.1 200 OK\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n12",
            "SSH-2.0-OpenSSH\r\n\r\n",
        ] {
            let mut reader = ResponseReader::default();
            assert!(reader.feed(answer.as_bytes()).is_err(), "{answer:?}");
        }
        let mut reader = ResponseReader::default();
        assert!(reader.feed(&vec![b'x'; HEAD_LIMIT_BYTES + 1]).is_err());
    }
}
