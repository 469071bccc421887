//! One keep-alive connection: a request out, an answer in.

use std::{
    io::{ErrorKind, Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use rustix::{
    event::epoll::{self, EventData, EventFlags},
    fd::OwnedFd,
};

use super::response::{Progress, Response, ResponseReader};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// What a connection has to say.
pub(super) enum News {
    None,
    Answer(Response),
    Closed,
}

pub(super) struct Connection {
    stream: TcpStream,
    id: u64,
    /// The request, and how much of it is on its way.
    pub(super) request: Vec<u8>,
    written: usize,
    wants_to_write: bool,
    reader: ResponseReader,
    /// Whether an answer is to come.
    pub(super) is_waiting: bool,
    /// When the request was due, in nanoseconds of the run.
    pub(super) due: u64,
}

impl Connection {
    /// Connects and asks `poll` to tell of what can be read, under the name `id`.
    pub(super) fn open(address: SocketAddr, poll: &OwnedFd, id: u64) -> Result<Self> {
        let stream = TcpStream::connect_timeout(&address, CONNECT_TIMEOUT)
            .with_context(|| format!("cannot connect to {address}"))?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        epoll::add(poll, &stream, EventData::new_u64(id), EventFlags::IN)?;
        Ok(Self {
            stream,
            id,
            request: Vec::new(),
            written: 0,
            wants_to_write: false,
            reader: ResponseReader::default(),
            is_waiting: false,
            due: 0,
        })
    }

    /// Sends what `request` holds.
    pub(super) fn send(&mut self, poll: &OwnedFd, due: u64) -> Result<()> {
        self.due = due;
        self.is_waiting = true;
        self.written = 0;
        self.write(poll)
    }

    /// Sends as much as the system takes, and asks to be told when it takes more.
    pub(super) fn write(&mut self, poll: &OwnedFd) -> Result<()> {
        while self.written < self.request.len() {
            match self.stream.write(&self.request[self.written..]) {
                Ok(count) => self.written += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                // Reading tells that the connection is closed.
                Err(error) if is_closed(error.kind()) => return Ok(()),
                Err(error) => return Err(error).context("a request cannot be sent"),
            }
        }
        let wants_to_write = self.written < self.request.len();
        if wants_to_write != self.wants_to_write {
            let mut flags = EventFlags::IN;
            flags.set(EventFlags::OUT, wants_to_write);
            epoll::modify(poll, &self.stream, EventData::new_u64(self.id), flags)?;
            self.wants_to_write = wants_to_write;
        }
        Ok(())
    }

    /// Reads what is there.
    pub(super) fn read(&mut self, buffer: &mut [u8]) -> Result<News> {
        match self.stream.read(buffer) {
            Ok(0) => Ok(News::Closed),
            Ok(count) => {
                ensure!(self.is_waiting, "an answer came that nobody asked for");
                match self.reader.feed(&buffer[..count])? {
                    Progress::Complete(response) => {
                        self.is_waiting = false;
                        Ok(News::Answer(response))
                    }
                    Progress::Incomplete => Ok(News::None),
                }
            }
            Err(error) if is_closed(error.kind()) => Ok(News::Closed),
            Err(error)
                if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) =>
            {
                Ok(News::None)
            }
            Err(error) => Err(error).context("an answer cannot be read"),
        }
    }
}

fn is_closed(error: ErrorKind) -> bool {
    matches!(error, ErrorKind::ConnectionReset | ErrorKind::BrokenPipe)
}
