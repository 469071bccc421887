//! Reads Server-Sent Events (WHATWG HTML, section 9.2), in whatever pieces they come.

/// Longest line, and longest data of an event, in bytes; what is longer is skipped.
const MAX_EVENT_BYTES: usize = 16 * 1024;
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Reads one stream from its beginning.
#[derive(Default)]
pub struct Events {
    /// Of a line that is too long, no more than shows it.
    line: Vec<u8>,
    is_after_first_line: bool,
    /// Whether the last line ended in CR: an LF that follows belongs to it.
    is_after_cr: bool,
    kind: Vec<u8>,
    data: Vec<u8>,
    is_event_too_long: bool,
    /// Counts once its event is complete.
    next_id: Vec<u8>,
    last_id: Vec<u8>,
}

/// An event of the stream.
#[derive(Debug, PartialEq, Eq)]
pub struct Event<'a> {
    /// What its `event` line says; empty without one.
    pub kind: &'a [u8],
    /// Its `data` lines; empty when they are too long to be kept.
    pub data: &'a [u8],
}

impl Events {
    /// Reads another stream, which goes on after what this one has read.
    #[must_use]
    pub fn resumed(&self) -> Self {
        Self {
            next_id: self.last_id.clone(),
            last_id: self.last_id.clone(),
            ..Self::default()
        }
    }

    /// Takes the next piece and hands on the events that it completes. Whether it completes a line, be it of a comment:
    /// a sign of life.
    pub fn take(&mut self, mut piece: &[u8], mut hand_on: impl FnMut(Event<'_>)) -> bool {
        let mut has_line = false;
        while let Some(first) = piece.first() {
            if std::mem::take(&mut self.is_after_cr) && *first == b'\n' {
                piece = &piece[1..];
                continue;
            }
            let is_end = |byte: &u8| matches!(byte, b'\r' | b'\n');
            let Some(end) = piece.iter().position(is_end) else {
                self.keep(piece);
                break;
            };
            self.keep(&piece[..end]);
            self.is_after_cr = piece[end] == b'\r';
            piece = &piece[end + 1..];
            self.end_line(&mut hand_on);
            has_line = true;
        }
        has_line
    }

    /// The id of the last event that was complete; empty when none had one.
    pub fn last_id(&self) -> &[u8] {
        &self.last_id
    }

    fn keep(&mut self, part: &[u8]) {
        let room = MAX_EVENT_BYTES + 1 - self.line.len();
        self.line.extend_from_slice(&part[..room.min(part.len())]);
    }

    fn end_line(&mut self, hand_on: &mut impl FnMut(Event<'_>)) {
        let mut line = std::mem::take(&mut self.line);
        let text = if std::mem::replace(&mut self.is_after_first_line, true) {
            &line[..]
        } else {
            line.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&line)
        };
        if line.len() > MAX_EVENT_BYTES {
            self.is_event_too_long = true;
        } else if text.is_empty() {
            self.end_event(hand_on);
        } else {
            self.field(text);
        }
        line.clear();
        self.line = line;
    }

    fn field(&mut self, line: &[u8]) {
        let colon = line.iter().position(|byte| *byte == b':');
        let (name, value) = match colon {
            Some(colon) => (&line[..colon], &line[colon + 1..]),
            None => (line, &[][..]),
        };
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match name {
            b"event" => self.kind = value.to_vec(),
            b"data" if self.data.len() + value.len() >= MAX_EVENT_BYTES => {
                self.is_event_too_long = true;
            }
            b"data" => {
                self.data.extend_from_slice(value);
                self.data.push(b'\n');
            }
            b"id" if !value.contains(&0) => self.next_id = value.to_vec(),
            // Comments, `retry`, and what is not known yet.
            _ => {}
        }
    }

    fn end_event(&mut self, hand_on: &mut impl FnMut(Event<'_>)) {
        self.last_id.clone_from(&self.next_id);
        let data = if std::mem::take(&mut self.is_event_too_long) {
            Some(&[][..])
        } else {
            self.data.strip_suffix(b"\n")
        };
        if let Some(data) = data {
            let kind = &self.kind;
            hand_on(Event { kind, data });
        }
        self.kind.clear();
        self.data.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STREAM: &str = "\u{feff}retry: 1000\n\n:\n\nid: 7\nevent: price\ndata: {\"a\":1}\n\n\
        event:price\r\ndata: one\r\ndata:two\r\ndata\r\nid: 8\r\nnews: 1\r\n\r\n\
        id: 9\rdata:  three: 3\r\rid: 10\n\nid: 11\ndata: never complete\n";

    /// The events of a stream that comes in these pieces, and its last id.
    fn read<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> (Vec<(String, String)>, String) {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let mut events = Events::default();
        let mut read = Vec::new();
        for piece in pieces {
            events.take(piece, |event| {
                read.push((text(event.kind), text(event.data)));
            });
        }
        (read, text(events.last_id()))
    }

    fn expected() -> (Vec<(String, String)>, String) {
        let events = [
            ("price", "{\"a\":1}"),
            ("price", "one\ntwo\n"),
            ("", " three: 3"),
        ];
        let events = events.map(|(kind, data)| (kind.to_owned(), data.to_owned()));
        (events.to_vec(), "10".to_owned())
    }

    #[test]
    fn events_are_the_same_wherever_the_stream_is_cut() {
        let bytes = STREAM.as_bytes();
        for first in 0..=bytes.len() {
            for second in first..=bytes.len() {
                let pieces = [&bytes[..first], &bytes[first..second], &bytes[second..]];
                assert_eq!(read(pieces), expected(), "cut at {first} and {second}");
            }
        }
        assert_eq!(read(bytes.chunks(1)), expected());
    }

    #[test]
    fn any_end_of_a_line_will_do() {
        let lines = ["id: 1", "event: price", "data: one", "data: two", "", ""];
        for end in ["\n", "\r", "\r\n"] {
            let (events, last_id) = read([lines.join(end).as_bytes()]);
            assert_eq!(events, [("price".to_owned(), "one\ntwo".to_owned())]);
            assert_eq!(last_id, "1");
        }
    }

    #[test]
    fn a_whole_line_is_a_sign_of_life_and_part_of_one_is_not() {
        let mut events = Events::default();
        for (piece, is_life) in [(":", false), ("\n", true), ("\n", true), ("data: 1", false)] {
            assert_eq!(events.take(piece.as_bytes(), |_| ()), is_life, "{piece:?}");
        }
    }

    #[test]
    fn what_is_too_long_is_handed_on_without_its_data_and_the_next_event_is_whole() {
        let long = "x".repeat(MAX_EVENT_BYTES);
        let half = &long[..MAX_EVENT_BYTES / 2];
        for event in [
            format!("event: price\ndata: {long}\n\n"),
            format!("event: price\ndata: {half}\ndata: {half}\n\n"),
            format!("event: price\n{long}{long}\ndata: 1\n\n"),
        ] {
            let stream = format!("{event}event: price\ndata: 2\n\n");
            for size in [1, 1_000, stream.len()] {
                let (events, _) = read(stream.as_bytes().chunks(size));
                let price = |data: &str| ("price".to_owned(), data.to_owned());
                assert_eq!(events, [price(""), price("2")]);
            }
        }
    }
}
