//! Tokens (RFC 7519) and an issuer of them, as OpenID Connect has it: it describes itself and publishes its keys.

use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::hmac;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// A key that signs tokens (ES256).
pub struct Signer {
    kid: String,
    key: EcdsaKeyPair,
    random: SystemRandom,
}

impl Signer {
    /// A new key of this name.
    pub fn new(kid: &str) -> Self {
        let (curve, random) = (&ECDSA_P256_SHA256_FIXED_SIGNING, SystemRandom::new());
        let document = EcdsaKeyPair::generate_pkcs8(curve, &random).expect("a key is made");
        let key = EcdsaKeyPair::from_pkcs8(curve, document.as_ref(), &random);
        Self {
            kid: kid.to_owned(),
            key: key.expect("it is one"),
            random,
        }
    }

    /// A token of these claims.
    pub fn token(&self, claims: &Value) -> String {
        let header = json!({"alg": "ES256", "typ": "JWT", "kid": self.kid});
        self.token_with(&header, claims)
    }

    /// A token with a header of its own, signed all the same.
    pub fn token_with(&self, header: &Value, claims: &Value) -> String {
        let text = unsigned(header, claims);
        let signature = self.key.sign(&self.random, text.as_bytes());
        with_signature(&text, signature.expect("it is signed").as_ref())
    }

    /// As PEM (RFC 5480): the header of a key on P-256, and its point.
    pub fn public_pem(&self) -> String {
        const HEADER: [u8; 26] = [
            0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06,
            0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
        ];
        let der = [&HEADER[..], self.point()].concat();
        let text = STANDARD.encode(der);
        format!("-----BEGIN PUBLIC KEY-----\n{text}\n-----END PUBLIC KEY-----\n")
    }

    /// Its point: a byte 4, then both coordinates.
    pub fn point(&self) -> &[u8] {
        self.key.public_key().as_ref()
    }

    /// As an issuer publishes it (RFC 7517).
    pub fn public_jwk(&self) -> Value {
        let [x, y] =
            [&self.point()[1..33], &self.point()[33..]].map(|it| URL_SAFE_NO_PAD.encode(it));
        json!({"kty": "EC", "use": "sig", "alg": "ES256", "crv": "P-256", "kid": self.kid, "x": x, "y": y})
    }
}

/// A token that is signed with a secret (HS256), such as a public key that somebody takes for one.
pub fn token_with_secret(header: &Value, claims: &Value, secret: &[u8]) -> String {
    let text = unsigned(header, claims);
    let signature = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), text.as_bytes());
    with_signature(&text, signature.as_ref())
}

/// A token that is not signed at all.
pub fn token_without_signature(header: &Value, claims: &Value) -> String {
    with_signature(&unsigned(header, claims), b"")
}

fn unsigned(header: &Value, claims: &Value) -> String {
    let [header, claims] = [header, claims].map(|it| URL_SAFE_NO_PAD.encode(it.to_string()));
    format!("{header}.{claims}")
}

fn with_signature(text: &str, signature: &[u8]) -> String {
    format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// Seconds since 1970.
#[expect(
    clippy::disallowed_methods,
    reason = "who reads a token compares it with this clock"
)]
pub fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.expect("it is later than 1970").as_secs()
}

/// An issuer on a port of its own.
pub struct Issuer {
    url: String,
    state: Arc<Mutex<State>>,
    server: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct State {
    keys: Vec<Value>,
    /// How often its keys were asked for.
    asked: u32,
}

impl Issuer {
    /// Starts one that publishes these keys.
    pub async fn start(keys: &[&Signer]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let mut issuer = Self {
            url: format!("http://{}", listener.local_addr().expect("an address")),
            state: Arc::default(),
            server: None,
        };
        issuer.publish(keys);
        issuer.serve(listener);
        issuer
    }

    fn serve(&mut self, listener: TcpListener) {
        let (url, state) = (self.url.clone(), Arc::clone(&self.state));
        self.server = Some(tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                // Who breaks off is not missed.
                drop(answer(stream, &url, &state).await);
            }
        }));
    }

    /// Its name, and where it is.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Publishes these keys from now on, and no others.
    pub fn publish(&self, keys: &[&Signer]) {
        let mut state = self.state.lock().expect("nobody has panicked");
        state.keys = keys.iter().map(|key| key.public_jwk()).collect();
    }

    /// How often its keys were asked for.
    pub fn asked(&self) -> u32 {
        self.state.lock().expect("nobody has panicked").asked
    }

    /// Stops listening.
    pub async fn stop(&mut self) {
        if let Some(server) = self.server.take() {
            server.abort();
            // It has ended once this is known.
            drop(server.await);
        }
    }

    /// Listens again, where it did before.
    pub async fn restart(&mut self) {
        self.stop().await;
        let address = self.url.trim_start_matches("http://");
        let listener = TcpListener::bind(address).await.expect("the same port");
        self.serve(listener);
    }
}

impl Drop for Issuer {
    fn drop(&mut self) {
        if let Some(server) = &self.server {
            server.abort();
        }
    }
}

/// Answers one request, and closes.
async fn answer(stream: TcpStream, url: &str, state: &Mutex<State>) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    let mut request = String::new();
    while !request.ends_with("\r\n\r\n") {
        if stream.read_line(&mut request).await? == 0 {
            return Ok(());
        }
    }
    let body = if request.starts_with("GET /.well-known/openid-configuration ") {
        Some(json!({"issuer": url, "jwks_uri": format!("{url}/keys")}))
    } else if request.starts_with("GET /keys ") {
        let mut state = state.lock().expect("nobody has panicked");
        state.asked += 1;
        Some(json!({"keys": state.keys}))
    } else {
        None
    };
    let status = if body.is_some() {
        "200 OK"
    } else {
        "404 Not Found"
    };
    let body = body.unwrap_or_default().to_string();
    let answer = format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(answer.as_bytes()).await?;
    stream.shutdown().await
}
