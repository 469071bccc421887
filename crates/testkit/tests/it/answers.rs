//! A server of canned answers, so that the client meets what no service of ours would send.

use std::{
    collections::VecDeque,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

/// Answers each connection with the next of these, the last one for ever, and keeps the requests.
pub(crate) struct Answers {
    pub(crate) address: SocketAddr,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Answers {
    /// Each answer is a status line, headers and a body, as they go over the wire.
    pub(crate) async fn start(answers: &[&str]) -> Self {
        let mut answers: VecDeque<String> = answers.iter().map(ToString::to_string).collect();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&requests);
        tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut request = vec![0; 4096];
                let length = stream.read(&mut request).await.unwrap();
                request.truncate(length);
                seen.lock()
                    .unwrap()
                    .push(String::from_utf8(request).unwrap());
                let answer = match answers.len() {
                    1 => answers[0].clone(),
                    _ => answers.pop_front().unwrap(),
                };
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
        });
        Self { address, requests }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

/// What a future panics with, as text.
pub(crate) async fn panic_of<T: Send + 'static>(
    future: impl Future<Output = T> + Send + 'static,
) -> String {
    let Err(error) = tokio::spawn(future).await else {
        panic!("it did not panic");
    };
    let panic = error.into_panic();
    match panic.downcast::<String>() {
        Ok(text) => *text,
        Err(panic) => panic.downcast::<&str>().unwrap().to_string(),
    }
}
