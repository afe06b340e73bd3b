//! A headless Chromium, and the conversation with it in the words of the
//! `DevTools` protocol.

use std::cell::RefCell;
use std::fs::File;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use lab::world::until;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

/// Much longer than anything takes.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// The one browser of a test; it ends when this is dropped.
pub(super) struct Chromium {
    socket: WebSocketStream<TcpStream>,
    calls: u64,
    /// What happened and was not asked for yet, oldest first.
    events: Vec<Value>,
    process: RefCell<Process>,
}

/// The browser's process, and the folder in which it keeps everything.
struct Process {
    child: Child,
    folder: PathBuf,
}

impl Chromium {
    pub(super) async fn start() -> Self {
        let process = Process::start();
        let file = process.folder.join("DevToolsActivePort");
        let told = || -> Option<(String, String)> {
            let text = std::fs::read_to_string(&file).ok()?;
            let (port, path) = text.split_once('\n')?;
            Some((format!("127.0.0.1:{port}"), path.to_owned()))
        };
        let listens = until("chromium listens", PATIENCE, async || told().is_some()).await;
        if let Err(error) = listens {
            panic!("{error:#}; it wrote:\n{}", process.log());
        }
        let (address, path) = told().unwrap();
        let stream = TcpStream::connect(&address).await.unwrap();
        let url = format!("ws://{address}{path}");
        let (socket, _) = tokio_tungstenite::client_async(url, stream).await.unwrap();
        Self {
            socket,
            calls: 0,
            events: Vec::new(),
            process: RefCell::new(process),
        }
    }

    /// Calls a method and says what it answers.
    pub(super) async fn call(&mut self, session: &str, method: &str, params: Value) -> Value {
        self.calls += 1;
        let id = self.calls;
        let mut call = json!({"id": id, "method": method, "params": params});
        if !session.is_empty() {
            call["sessionId"] = session.into();
        }
        let call = Message::text(call.to_string());
        self.socket.send(call).await.unwrap();
        loop {
            let mut message = self.hear(method).await;
            if message["id"] == id {
                assert!(message["error"].is_null(), "{method}: {message}");
                return message["result"].take();
            }
            self.events.push(message);
        }
    }

    /// Waits until this happens in a session.
    pub(super) async fn wait_for(&mut self, session: &str, event: &str) {
        let is_it = |message: &Value| message["method"] == event && message["sessionId"] == session;
        while !self.events.iter().any(is_it) {
            let message = self.hear(event).await;
            self.events.push(message);
        }
    }

    /// What happened in a session since this was asked for the last time.
    pub(super) fn take_events(&mut self, session: &str) -> Vec<Value> {
        self.events
            .extract_if(.., |event| event["sessionId"] == session)
            .collect()
    }

    /// Lets the browser put its things away; it is killed where a test fails.
    pub(super) async fn close(mut self) {
        self.call("", "Browser.close", json!({})).await;
        let gone = async || matches!(self.process.borrow_mut().child.try_wait(), Ok(Some(_)));
        until("chromium ends", PATIENCE, gone).await.unwrap();
    }

    async fn hear(&mut self, what: &str) -> Value {
        let heard = timeout(PATIENCE, self.socket.next()).await;
        let heard = heard.unwrap_or_else(|_| panic!("{what}: chromium says nothing"));
        let heard = heard.unwrap_or_else(|| panic!("{what}: chromium ended"));
        serde_json::from_str(heard.unwrap().to_text().unwrap()).unwrap()
    }
}

impl Process {
    fn start() -> Self {
        static STARTED: AtomicU32 = AtomicU32::new(0);
        let number = STARTED.fetch_add(1, Ordering::Relaxed);
        let name = format!("chromium-{}-{number}", std::process::id());
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
        std::fs::create_dir_all(&folder).unwrap();
        let log = File::create(folder.join("log")).unwrap();
        let child = Command::new("chromium")
            .arg(format!("--user-data-dir={}", folder.display()))
            .args([
                "--headless=new",
                "--remote-debugging-port=0",
                // There is none for root and within most containers, and only
                // our own pages are opened.
                "--no-sandbox",
                "--disable-dev-shm-usage",
                "--disable-gpu",
                "--hide-scrollbars",
                "--no-first-run",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
                // Nothing beyond loopback is asked, not even by the browser.
                "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
                "about:blank",
            ])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn();
        match child {
            Ok(child) => Self { child, folder },
            Err(error) => panic!(
                "cannot start `chromium` ({error}), in which these tests read; \
                 `tests/run` installs it"
            ),
        }
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Whatever fails here, the browser is gone or was never there.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}
