//! `tests/run` on machines that lack something, as far as that can be told
//! without installing it: its `PATH` is a folder with what is there.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::program;

/// What a machine with Rust and nothing else for us has.
const BASE: [&str; 4] = ["bash", "env", "dirname", "cat"];

#[test]
fn missing_tools_are_named_with_their_reason_and_installed() {
    let machine = Machine::with("missing", &["cargo", "cc", "npm", "python3"]);
    machine.add(
        "apt-get",
        "#!/usr/bin/env bash\nprintf 'apt-get %s\\n' \"$*\"\n",
    );
    machine.add("sudo", "#!/usr/bin/env bash\n\"$@\"\n");

    let told = machine.install();

    let text = String::from_utf8(told.stdout).unwrap();
    assert!(told.status.success(), "{text}");
    assert!(text.contains("chromium is missing: the tests read the report in it"));
    assert!(text.contains("apt-get install --yes --quiet --no-install-recommends chromium\n"));
    assert!(!text.contains("npm is missing"), "{text}");
}

#[test]
fn python_without_venv_gets_it() {
    let machine = Machine::with("venv", &["cargo", "cc", "npm", "chromium"]);
    machine.add("python3", "#!/usr/bin/env bash\nexit 1\n");

    let told = machine.install();

    assert!(!told.status.success());
    let text = String::from_utf8(told.stderr).unwrap();
    assert!(text.contains("install python3-venv with"), "{text}");
}

#[test]
fn machine_without_apt_get_is_told_what_to_install() {
    let machine = Machine::with("foreign", &["cargo", "cc"]);

    let told = machine.install();

    assert!(!told.status.success());
    let text = String::from_utf8(told.stderr).unwrap();
    assert!(
        text.contains("install chromium npm python3 python3-venv with"),
        "{text}"
    );
}

#[test]
fn complete_machine_is_left_as_it_is() {
    let machine = Machine::with("complete", &["cargo", "cc", "npm", "chromium", "python3"]);

    let told = machine.install();

    assert!(told.status.success());
    assert!(told.stdout.is_empty() && told.stderr.is_empty());
}

struct Machine(PathBuf);

impl Machine {
    fn with(name: &str, tools: &[&str]) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("machine-{name}"));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        let machine = Self(folder);
        for tool in BASE {
            let found = Command::new("bash")
                .args(["-c", &format!("type -P {tool}")])
                .output()
                .unwrap();
            let path = String::from_utf8(found.stdout).unwrap();
            symlink(path.trim(), machine.0.join(tool)).unwrap();
        }
        for tool in tools {
            machine.add(tool, "#!/usr/bin/env bash\n");
        }
        machine
    }

    fn add(&self, tool: &str, script: &str) {
        program::write(&self.0.join(tool), script.as_bytes(), 0o755);
    }

    fn install(&self) -> Output {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/run");
        Command::new(script)
            .arg("--install")
            .env("PATH", &self.0)
            .output()
            .unwrap()
    }
}
