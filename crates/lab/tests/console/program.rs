//! The lab as a program.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, Command, ExitStatus, Stdio};

use reqwest::StatusCode;
use serde_json::Value;

use crate::PATIENCE;
use crate::process::send;

/// A running console; it ends when it is dropped.
pub(crate) struct Console {
    child: Child,
    pub(crate) url: String,
    pub(crate) client: reqwest::Client,
}

impl Console {
    pub(crate) fn start() -> Self {
        Self::start_with(&[])
    }

    pub(crate) fn start_with(options: &[&str]) -> Self {
        let mut child = lab()
            .args(options)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let url =
            lines.find_map(|line| Some(line.unwrap().strip_prefix("The lab is at ")?.to_owned()));
        let Some(url) = url else {
            let mut told = String::new();
            child
                .stderr
                .take()
                .unwrap()
                .read_to_string(&mut told)
                .unwrap();
            panic!("the lab did not start: {told}")
        };
        // The rest is read as well, or the lab could not write it.
        std::thread::spawn(move || lines.count());
        // Only the first provider is installed, and they are all the same.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { child, url, client }
    }

    pub(crate) async fn post(
        &self,
        path: &str,
        body: &Value,
        origin: &str,
    ) -> (StatusCode, String) {
        let request = self.client.post(format!("{}/{path}", self.url));
        let answer = request
            .header("origin", origin)
            .json(body)
            .send()
            .await
            .unwrap();
        (answer.status(), answer.text().await.unwrap())
    }

    /// Follows what the page is told until it is as wanted.
    pub(crate) async fn until(&self, wanted: impl Fn(&Value) -> bool) -> Value {
        let following = async {
            let request = self.client.get(format!("{}/events", self.url));
            let mut events = request.send().await.unwrap();
            let mut read = Vec::new();
            loop {
                read.extend(events.chunk().await.unwrap().unwrap());
                while let Some(end) = read.windows(2).position(|pair| pair == b"\n\n") {
                    let event: Vec<u8> = read.drain(..end + 2).collect();
                    let event = String::from_utf8(event).unwrap();
                    let data = event.lines().find_map(|line| line.strip_prefix("data: "));
                    let state = serde_json::from_str(data.unwrap_or("null")).unwrap();
                    if wanted(&state) {
                        return state;
                    }
                }
            }
        };
        tokio::time::timeout(PATIENCE, following).await.unwrap()
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// What a person does with Ctrl-C; the answer is how the lab ended.
    pub(crate) fn interrupt(&mut self) -> ExitStatus {
        send("INT", self.id());
        self.child.wait().unwrap()
    }

    /// Asks the lab to end, and says what it told.
    pub(crate) fn stop(&mut self) -> String {
        send("TERM", self.id());
        self.child.wait().unwrap();
        let mut told = String::new();
        let stderr = self.child.stderr.take().unwrap();
        BufReader::new(stderr).read_to_string(&mut told).unwrap();
        told
    }
}

impl Drop for Console {
    fn drop(&mut self) {
        // Whoever is killed cannot end what it started.
        if let Ok(None) = self.child.try_wait() {
            send("TERM", self.id());
            let _ = self.child.wait();
        }
    }
}

pub(crate) fn lab() -> Command {
    Command::new(env!("CARGO_BIN_EXE_lab"))
}
