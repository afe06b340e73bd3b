//! Providers that others wrote: installed when they are needed, in the versions
//! of their lists, and no part of the repository.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::Value;

use crate::packages::{installed, python, run, write};

const OF_PYTHON: &str = include_str!("clients/requirements.txt");
const PYTHON: &str = include_str!("clients/read.py");
const OF_JAVASCRIPT: &str = include_str!("clients/package-lock.json");
const JAVASCRIPT: &str = include_str!("clients/read.mjs");
const FLAGD: &str = include_str!("clients/flagd.mjs");
const RUST: [(&str, &str); 3] = [
    ("Cargo.toml", include_str!("clients/read.toml")),
    ("Cargo.lock", include_str!("clients/read.lock")),
    ("read.rs", include_str!("clients/read.rs")),
];

/// An application that reads flags.
pub(super) struct Application {
    child: Child,
    asks: ChildStdin,
    hears: BufReader<ChildStdout>,
}

impl Application {
    /// In Python.
    pub(super) fn python(url: &str, key: &str) -> Self {
        let folder = installed("ofrep-python", &[OF_PYTHON, PYTHON], |folder| {
            python(folder, OF_PYTHON);
            write(folder, "read.py", PYTHON);
        });
        let mut read = Command::new(folder.join("venv/bin/python"));
        Self::start(read.arg(folder.join("read.py")).args([url, key]))
    }

    /// In JavaScript, on a server.
    pub(super) fn javascript(url: &str, key: &str) -> Self {
        let mut node = Command::new("node");
        Self::start(node.arg(of_javascript().join("read.mjs")).args([url, key]))
    }

    /// In Rust, with the dependencies and features of its own lock: as a part of
    /// this workspace it would have everything compiled once more.
    pub(super) fn rust(url: &str, key: &str) -> Self {
        let wanted = RUST.map(|(_, text)| text);
        let folder = installed("ofrep-rust", &wanted, |folder| {
            for (name, text) in RUST {
                write(folder, name, text);
            }
            let mut cargo = Command::new(env!("CARGO"));
            cargo.args(["build", "--quiet", "--locked"]);
            cargo.env("CARGO_TARGET_DIR", folder.join("target"));
            run(cargo.env_remove("RUSTFLAGS").current_dir(folder));
        });
        let mut read = Command::new(folder.join("target/debug/read"));
        Self::start(read.args([url, key]))
    }

    fn start(command: &mut Command) -> Self {
        let pipes = command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = pipes.spawn().unwrap();
        Self {
            asks: child.stdin.take().unwrap(),
            hears: BufReader::new(child.stdout.take().unwrap()),
            child,
        }
    }

    /// What the provider makes of a flag.
    pub(super) fn reads(&mut self, question: &Value) -> Value {
        writeln!(self.asks, "{question}").unwrap();
        let mut answer = String::new();
        self.hears.read_line(&mut answer).unwrap();
        serde_json::from_str(&answer)
            .unwrap_or_else(|error| panic!("the application ended: {error}"))
    }
}

/// What the core of flagd makes of each flag of a document.
pub(super) fn flagd(url: &str, key: &str) -> Value {
    let mut node = Command::new("node");
    let read = node.arg(of_javascript().join("flagd.mjs")).args([url, key]);
    let read = read.output().unwrap();
    let why = String::from_utf8_lossy(&read.stderr);
    assert!(read.status.success(), "the document is refused: {why}");
    serde_json::from_slice(&read.stdout).unwrap()
}

/// Where the packages of JavaScript are.
fn of_javascript() -> PathBuf {
    let wanted = [OF_JAVASCRIPT, JAVASCRIPT, FLAGD];
    installed("ofrep-javascript", &wanted, |folder| {
        write(folder, "package.json", include_str!("clients/package.json"));
        write(folder, "package-lock.json", OF_JAVASCRIPT);
        write(folder, "read.mjs", JAVASCRIPT);
        write(folder, "flagd.mjs", FLAGD);
        let mut npm = Command::new("npm");
        npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]);
        run(npm.current_dir(folder));
    })
}

impl Drop for Application {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
