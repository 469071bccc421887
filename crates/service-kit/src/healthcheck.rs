//! The `healthcheck` subcommand: asks a running service whether it is healthy.
//!
//! A container without a shell has no other way to ask, so this speaks just enough HTTP by itself.

use std::io::{self, Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::time::Duration;

const PROBE_TIMEOUT: Duration = Duration::from_secs(3);
const STATUS_LINE: usize = "HTTP/1.1 200".len();

/// Why a service is not healthy.
#[derive(Debug, thiserror::Error)]
pub enum Unhealthy {
    /// It cannot be reached.
    #[error("cannot reach {0}: {1}")]
    Unreachable(SocketAddr, io::Error),
    /// It answers something other than 200.
    #[error("{0} answers {1:?} to GET /health")]
    Refusing(SocketAddr, String),
}

/// Asks the service that listens on `listen`; an unspecified address is asked over loopback.
pub fn probe(listen: SocketAddr) -> Result<(), Unhealthy> {
    let address = reachable(listen);
    let status = ask(address).map_err(|error| Unhealthy::Unreachable(address, error))?;
    if status.ends_with(" 200") {
        Ok(())
    } else {
        Err(Unhealthy::Refusing(address, status))
    }
}

fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}

fn ask(address: SocketAddr) -> io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, PROBE_TIMEOUT)?;
    stream.set_read_timeout(Some(PROBE_TIMEOUT))?;
    stream.set_write_timeout(Some(PROBE_TIMEOUT))?;
    stream.write_all(b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
    let mut status = [0; STATUS_LINE];
    stream.read_exact(&mut status)?;
    Ok(String::from_utf8_lossy(&status).into_owned())
}
