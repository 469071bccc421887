//! The least that axum can do: so many bytes, from memory, on one route. What a read of ours costs beyond that is our
//! own.

use std::net::{Ipv4Addr, SocketAddr};

use anyhow::Result;
use axum::{Router, http::header, routing::get};
use tokio::{net::TcpListener, runtime};

use super::process::{Process, Program};
use crate::session::Session;

/// A running one.
pub(crate) struct Hello {
    process: Process,
    pub(crate) address: SocketAddr,
}

impl Hello {
    /// One that answers so many bytes.
    pub(crate) fn start(session: &Session, bytes: usize) -> Result<Self> {
        let name = format!("hello-{bytes}");
        let bench = std::env::current_exe()?;
        let mut process = Program::new(&session.surroundings, &name, &bench)?
            .arguments(["hello", "--bytes", &bytes.to_string()])
            .start()?;
        let address = process.address()?;
        Ok(Self { process, address })
    }

    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }
}

/// `bench hello`: serves until it is ended. The runtime and the allocator are those of our services.
pub(crate) fn main(bytes: usize) -> Result<()> {
    let body = axum::body::Bytes::from("x".repeat(bytes));
    let answer = ([(header::CONTENT_TYPE, "application/json")], body);
    let routes = Router::new().route("/", get(async move || answer.clone()));
    let runtime = runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        println!(r#"{{"fields":{{"message":"listening","address":"{address}"}}}}"#);
        axum::serve(listener, routes).await?;
        Ok(())
    })
}
