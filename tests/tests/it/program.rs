//! Programs that a test writes and then runs.
//!
//! A file that this process has open for writing is open in every process that
//! another test starts at that moment, and cannot be run meanwhile. So another
//! process writes it.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

/// Writes a program, or another file that comes with it.
pub(crate) fn write(path: &Path, content: &[u8], mode: u32) {
    let mut install = Command::new("install")
        .args(["-D", "-m", &format!("{:o}", mode & 0o777), "/dev/stdin"])
        .arg(path)
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = install.stdin.take().unwrap();
    stdin.write_all(content).unwrap();
    drop(stdin);
    assert!(install.wait().unwrap().success(), "{}", path.display());
}

/// Copies a folder with its programs.
pub(crate) fn copy(from: &Path, to: &Path) {
    let copied = Command::new("cp").arg("-R").arg(from).arg(to).status();
    assert!(copied.unwrap().success(), "{}", from.display());
}
