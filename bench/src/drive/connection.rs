//! One keep-alive connection: a request out, an answer in.

use std::{
    io::{ErrorKind, Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use anyhow::{Context, Result, bail};
use rustix::{
    event::epoll::{self, EventData, EventFlags},
    fd::OwnedFd,
};

use super::response::{Progress, Response, ResponseReader};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

pub(super) struct Connection {
    stream: TcpStream,
    id: u64,
    /// The request, and how much of it is on its way.
    pub(super) request: Vec<u8>,
    written: usize,
    wants_to_write: bool,
    reader: ResponseReader,
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
            due: 0,
        })
    }

    /// Sends what `request` holds.
    pub(super) fn send(&mut self, poll: &OwnedFd, due: u64) -> Result<()> {
        self.due = due;
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

    /// Reads what is there; the answer, once it is whole.
    pub(super) fn read(&mut self, buffer: &mut [u8]) -> Result<Option<Response>> {
        match self.stream.read(buffer) {
            Ok(0) => bail!("the service closed a connection that was in use"),
            Ok(count) => match self.reader.feed(&buffer[..count])? {
                Progress::Complete(response) => Ok(Some(response)),
                Progress::Incomplete => Ok(None),
            },
            Err(error)
                if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) =>
            {
                Ok(None)
            }
            Err(error) => Err(error).context("an answer cannot be read"),
        }
    }
}
