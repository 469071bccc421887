//! HTTP to a container itself, from within its network: the engine may be on another host, and the network has no way out.

use std::time::Duration;

use anyhow::{Context as _, Result};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::{Method, Request, header};
use hyper_util::rt::TokioIo;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use tokio::process::Child;

use super::docker::Docker;

const TIMEOUT: Duration = Duration::from_secs(15);
/// No answer that is asked for here is longer.
const MAX_BODY_BYTES: usize = 16 * 1024 * 1024;
/// Passes bytes on to $1 port $2, and ends when the input does. Images have the one tool or the other.
const PASS_ON: &str = r#"
    if command -v bash >/dev/null; then
        exec bash -c 'exec 3<>"/dev/tcp/$0/$1"; cat <&3 & reader=$!; cat >&3; kill "$reader"' "$1" "$2" 2>/dev/null
    fi
    exec nc "$1" "$2"
"#;

/// A connection to a container; it ends with this value.
pub(crate) struct Tunnel {
    sender: SendRequest<Full<Bytes>>,
    host: String,
    key: Option<SecretString>,
    _child: Child,
}

impl Tunnel {
    /// Connects from within the container `from`, which has a shell.
    pub(crate) async fn open(
        docker: &Docker,
        from: &str,
        address: &str,
        port: u16,
    ) -> Result<Self> {
        let port = port.to_string();
        let run = [
            "exec",
            "--interactive",
            from,
            "sh",
            "-c",
            PASS_ON,
            "sh",
            address,
            &port,
        ];
        let (child, input, output) = docker.converse(&run)?;
        let stream = TokioIo::new(tokio::io::join(output, input));
        let (sender, connection) = http1::handshake(stream).await?;
        tokio::spawn(connection);
        Ok(Self {
            sender,
            host: format!("{address}:{port}"),
            key: None,
            _child: child,
        })
    }

    /// Shows this key from now on.
    pub(crate) fn with_key(self, key: Option<SecretString>) -> Self {
        Self { key, ..self }
    }

    /// Sends a request; yields the status and the body.
    pub(crate) async fn call(
        &mut self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Result<(u16, Vec<u8>)> {
        let what = format!("{method} {path}");
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, &self.host);
        if let Some(key) = &self.key {
            let value = format!("Bearer {}", key.expose_secret());
            request = request.header(header::AUTHORIZATION, value);
        }
        if body.is_some() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        let body = body.map(|body| body.to_string()).unwrap_or_default();
        let request = request.body(Full::from(body))?;
        let answered = async {
            self.sender.ready().await?;
            let answer = self.sender.send_request(request).await?;
            let status = answer.status().as_u16();
            let body = Limited::new(answer.into_body(), MAX_BODY_BYTES)
                .collect()
                .await;
            let body = body
                .map_err(|error| anyhow::anyhow!(error))?
                .to_bytes()
                .to_vec();
            anyhow::Ok((status, body))
        };
        tokio::time::timeout(TIMEOUT, answered)
            .await
            .with_context(|| format!("{what} was not answered within {TIMEOUT:?}"))?
            .with_context(|| format!("{what} was not answered"))
    }
}
