//! The OFREP provider of Python, which others wrote: installed when it is
//! needed, in the versions of the list, and no part of the repository.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::Value;

const WANTED: &str = include_str!("python/requirements.txt");
const PROGRAM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/flags/python/read.py");

/// An application that reads flags.
pub(super) struct Application {
    child: Child,
    asks: ChildStdin,
    hears: BufReader<ChildStdout>,
}

impl Application {
    pub(super) fn start(url: &str, key: &str) -> Self {
        let mut child = Command::new(installed())
            .args([PROGRAM, url, key])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
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
            .unwrap_or_else(|error| panic!("the provider of Python ended: {error}"))
    }
}

impl Drop for Application {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A Python that has the provider.
fn installed() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("ofrep-python");
    std::fs::create_dir_all(&folder).unwrap();
    // Tests begin side by side, and one must not use what another installs.
    let lock = File::create(folder.join("lock")).unwrap();
    lock.lock().unwrap();
    let stamp = folder.join("installed");
    let python = folder.join("venv/bin/python");
    if std::fs::read_to_string(&stamp).ok().as_deref() != Some(WANTED) {
        let list = folder.join("requirements.txt");
        std::fs::write(&list, WANTED).unwrap();
        run(Command::new("python3")
            .args(["-m", "venv"])
            .arg(folder.join("venv")));
        let pip = [
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "-r",
        ];
        run(Command::new(&python).args(pip).arg(&list));
        std::fs::write(stamp, WANTED).unwrap();
    }
    python
}

fn run(command: &mut Command) {
    let ran = command.output().unwrap();
    assert!(
        ran.status.success(),
        "the provider of Python cannot be installed: {}",
        String::from_utf8_lossy(&ran.stderr)
    );
}
