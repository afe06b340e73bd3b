//! What others wrote and the tests use: installed when it is needed, in the
//! versions of a list, and no part of the repository.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The folder of this name, where everything that is wanted is installed.
pub(crate) fn installed(name: &str, wanted: &[&str], install: impl FnOnce(&Path)) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::create_dir_all(&folder).unwrap();
    // Tests begin side by side, and one must not use what another installs.
    let lock = File::create(folder.join("lock")).unwrap();
    lock.lock().unwrap();
    let stamp = folder.join("installed");
    let wanted = wanted.concat();
    if std::fs::read_to_string(&stamp).ok().as_ref() != Some(&wanted) {
        install(&folder);
        std::fs::write(stamp, wanted).unwrap();
    }
    folder
}

/// A `venv` in a folder, with the packages of a list.
pub(crate) fn python(folder: &Path, requirements: &str) {
    write(folder, "requirements.txt", requirements);
    run(Command::new("python3")
        .args(["-m", "venv"])
        .arg(folder.join("venv")));
    let mut pip = Command::new(folder.join("venv/bin/python"));
    pip.args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "-r",
    ]);
    run(pip.arg(folder.join("requirements.txt")));
}

pub(crate) fn write(folder: &Path, name: &str, text: &str) {
    std::fs::write(folder.join(name), text).unwrap();
}

pub(crate) fn run(command: &mut Command) {
    let ran = command.output().unwrap();
    assert!(
        ran.status.success(),
        "something cannot be installed: {}",
        String::from_utf8_lossy(&ran.stderr)
    );
}
