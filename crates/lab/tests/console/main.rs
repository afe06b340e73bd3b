//! The console as a person starts it: the real program, its page and its end.

#![expect(clippy::unwrap_used, reason = "a story ends where it fails")]

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use reqwest::StatusCode;
use serde_json::{Value, json};

/// Much longer than anything takes, so that only what never happens is told.
const PATIENCE: Duration = Duration::from_mins(1);

#[tokio::test]
async fn build_is_released_by_a_button_and_ends_with_the_lab() {
    let mut console = Console::start();

    let page = console.client.get(&console.url).send().await.unwrap();
    let policy = page.headers()["content-security-policy"].to_str().unwrap();
    assert!(policy.starts_with("default-src 'self'"), "{policy}");
    assert!(page.text().await.unwrap().contains("Release build 2"));

    let rebound = console.client.get(format!("{}/events", console.url));
    let rebound = rebound.header("host", "elsewhere.example").send().await;
    assert_eq!(rebound.unwrap().status(), StatusCode::FORBIDDEN);

    let build = json!({"build": 1});
    let foreign = console
        .post("release", &build, "http://elsewhere.example")
        .await;
    assert_eq!(foreign.0, StatusCode::FORBIDDEN);
    let own = console.url.clone();
    let released = console.post("release", &build, &own).await;
    assert_eq!(released.0, StatusCode::NO_CONTENT, "{}", released.1);

    let state = console
        .until(|state| state["environments"][0]["build"] == 1)
        .await;
    assert_eq!(state["executions"][0]["revision"], "build-1");
    let staging = state["environments"][0]["url"].as_str().unwrap();
    let text = console
        .client
        .get(format!("{staging}/api/version"))
        .send()
        .await
        .unwrap();
    assert_eq!(text.text().await.unwrap(), "Running build 1 in Staging");

    let waiting = |state: &Value| state["executions"][0]["stages"][2]["waits"] == "Staging";
    let state = console.until(waiting).await;
    let execution = &state["executions"][0]["id"];
    let answer = json!({"execution": execution, "environment": "Staging", "approve": false});
    let answered = console.post("answer", &answer, &own).await;
    assert_eq!(answered.0, StatusCode::NO_CONTENT, "{}", answered.1);
    let twice = console.post("answer", &answer, &own).await;
    assert_eq!(twice.0, StatusCode::CONFLICT);
    console
        .until(|state| state["executions"][0]["status"] == "Failed")
        .await;

    assert!(console.stop().contains("interrupted"));
    let gone = console.client.get(staging).send().await;
    assert!(gone.is_err(), "something still listens");
}

#[test]
fn port_in_use_is_told_in_one_sentence() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();

    let output = lab().args(["--port", &port]).output().unwrap();

    assert!(!output.status.success());
    let told = String::from_utf8(output.stderr).unwrap();
    let expected = format!("lab: cannot listen on 127.0.0.1:{port}: is the port in use?");
    assert!(told.starts_with(&expected), "{told}");
    assert_eq!(told.lines().count(), 1, "{told}");
}

/// A running console; it ends when it is dropped.
struct Console {
    child: Child,
    url: String,
    client: reqwest::Client,
}

impl Console {
    fn start() -> Self {
        let mut child = lab()
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
        // Whoever installs a provider first wins, and they are all the same.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { child, url, client }
    }

    async fn post(&self, path: &str, body: &Value, origin: &str) -> (StatusCode, String) {
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
    async fn until(&self, wanted: impl Fn(&Value) -> bool) -> Value {
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

    /// Asks the lab to end, and says what it told in the end.
    fn stop(&mut self) -> String {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").arg(id).status().unwrap().success());
        self.child.wait().unwrap();
        let mut told = String::new();
        let stderr = self.child.stderr.take().unwrap();
        BufReader::new(stderr).read_to_string(&mut told).unwrap();
        told
    }
}

impl Drop for Console {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn lab() -> Command {
    Command::new(env!("CARGO_BIN_EXE_lab"))
}
