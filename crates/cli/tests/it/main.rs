//! The commands as a person or a script runs them: the real binary, its output and its exit code.

mod compare;
mod doctor;
mod flags;
mod heal;
mod judge;
mod ledger;
mod lint;
mod pause;
mod report;
mod rules;
mod runs;
#[path = "../../../report/tests/it/schema.rs"]
mod schema;
mod usage;
mod validations;

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// What a run of the binary left behind.
struct Ran {
    code: i32,
    out: String,
    err: String,
}

/// Runs `monspec` with these arguments and this standard input.
fn monspec(arguments: &[&str], stdin: &str) -> Ran {
    monspec_in(&[], arguments, stdin)
}

/// Runs `monspec` with these settings and no others.
fn monspec_in(settings: &[(&str, &str)], arguments: &[&str], stdin: &str) -> Ran {
    let mut child = Command::new(env!("CARGO_BIN_EXE_monspec"))
        .args(arguments)
        .env_clear()
        .envs(settings.iter().copied())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("cargo built the binary");
    // A command that reads no input may be gone before it is written.
    let _ = child
        .stdin
        .take()
        .expect("stdin is a pipe")
        .write_all(stdin.as_bytes());
    let output = child.wait_with_output().expect("the binary ends by itself");
    Ran {
        code: output.status.code().expect("no signal ended it"),
        out: utf8(output.stdout),
        err: utf8(output.stderr),
    }
}

/// Writes a file that only the test of this name uses.
fn file(name: &str, text: impl AsRef<[u8]>) -> String {
    let path = path(name);
    fs::write(&path, text).expect("cargo made the directory");
    path
}

fn path(name: &str) -> String {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    path.to_str().expect("cargo's paths are UTF-8").to_owned()
}

fn utf8(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).expect("the output is text")
}
