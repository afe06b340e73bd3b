//! The functions as executables, built on demand.
//!
//! Tests and the lab run the very binaries that are deployed. They are built by
//! `cargo` as parts of the workspace, not as packages: with the features that
//! the whole workspace agrees on, nothing is compiled in a second variant.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use anyhow::{Context as _, bail};
use serde::Deserialize;

/// How a binary is built.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Profile {
    /// Fast to build.
    Dev,
    /// As it is deployed.
    Release,
}

/// The running `cargo`; every clone can cancel it.
#[derive(Clone, Debug, Default)]
pub struct Cargo(Arc<Mutex<Run>>);

#[derive(Debug, Default)]
enum Run {
    #[default]
    Idle,
    Running(Child),
    Cancelled,
}

impl Cargo {
    /// Ends the running build, and every later one as soon as it begins.
    pub fn cancel(&self) {
        let run = std::mem::replace(&mut *self.run(), Run::Cancelled);
        if let Run::Running(mut child) = run {
            end(&mut child);
        }
    }

    fn began(&self, mut child: Child) {
        let mut run = self.run();
        if matches!(*run, Run::Cancelled) {
            end(&mut child);
        } else {
            *run = Run::Running(child);
        }
    }

    /// How the build ended, once it wrote its last line.
    fn ended(&self) -> anyhow::Result<ExitStatus> {
        let mut run = self.run();
        let Run::Running(child) = &mut *run else {
            bail!("the build was cancelled");
        };
        let status = child.wait()?;
        *run = Run::Idle;
        Ok(status)
    }

    fn run(&self) -> MutexGuard<'_, Run> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn end(child: &mut Child) {
    // Both fail only if the process has ended already.
    let _ = child.kill();
    let _ = child.wait();
}

/// The path of a function's executable, by the name of its package.
///
/// The first call of a process builds every function; later calls only look
/// the path up. It blocks for as long as the build takes.
pub fn function(name: &str, profile: Profile) -> anyhow::Result<PathBuf> {
    function_with_progress(name, profile, &mut |_| ())
}

/// The same as [`function`]; the caller gets each progress line of `cargo`.
pub fn function_with_progress(
    name: &str,
    profile: Profile,
    progress: &mut dyn FnMut(&str),
) -> anyhow::Result<PathBuf> {
    function_with(name, profile, &Cargo::default(), progress)
}

/// The same as [`function_with_progress`], but it can be cancelled.
pub fn function_with(
    name: &str,
    profile: Profile,
    cargo: &Cargo,
    progress: &mut dyn FnMut(&str),
) -> anyhow::Result<PathBuf> {
    static BUILT: OnceLock<Mutex<BTreeMap<Profile, BTreeMap<String, PathBuf>>>> = OnceLock::new();

    // Held during the build: other callers need the same result.
    let mut built = BUILT
        .get_or_init(Mutex::default)
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    let executables = match built.entry(profile) {
        Entry::Occupied(known) => known.into_mut(),
        Entry::Vacant(unknown) => {
            let functions = functions()?;
            let selection: Vec<_> = functions
                .iter()
                .flat_map(|function| ["--bin", function])
                .collect();
            unknown.insert(build_with(&selection, profile, cargo, progress)?)
        }
    };
    let path = executables.get(name).cloned();
    path.with_context(|| format!("there is no function named `{name}`"))
}

/// Builds `selection`, arguments of `cargo build`, and returns the paths of the
/// executables by target name.
pub fn build(
    selection: &[&str],
    profile: Profile,
    progress: &mut dyn FnMut(&str),
) -> anyhow::Result<BTreeMap<String, PathBuf>> {
    build_with(selection, profile, &Cargo::default(), progress)
}

/// The same as [`build`], but it can be cancelled.
pub fn build_with(
    selection: &[&str],
    profile: Profile,
    cargo: &Cargo,
    progress: &mut dyn FnMut(&str),
) -> anyhow::Result<BTreeMap<String, PathBuf>> {
    let mut child = command(selection, profile)
        .spawn()
        .context("cannot run `cargo`: is the Rust toolchain on the PATH?")?;
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    cargo.began(child);
    let stdout = stdout.context("the output of `cargo` is not piped")?;
    let stderr = stderr.context("the progress of `cargo` is not piped")?;
    // Progress and messages are read in parallel, because a full pipe would
    // block `cargo`.
    let messages = std::thread::spawn(move || {
        let mut text = String::new();
        BufReader::new(stdout)
            .read_to_string(&mut text)
            .map(|_| text)
    });
    let lines = read_progress(stderr, progress)?;
    let status = cargo.ended()?;
    let messages = messages
        .join()
        .ok()
        .context("the reader of messages ended early")??;

    if !status.success() {
        let tail = lines.len().saturating_sub(20);
        bail!(
            "`cargo build` failed ({status}):\n{}",
            lines[tail..].join("\n")
        );
    }
    Ok(messages.lines().filter_map(executable).collect())
}

#[expect(
    clippy::disallowed_methods,
    reason = "cargo names itself to what it runs, and nothing else knows its path"
)]
fn command(selection: &[&str], profile: Profile) -> Command {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command
        .arg("build")
        .args(selection)
        .arg("--message-format=json-render-diagnostics")
        .current_dir(workspace_root())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    if profile == Profile::Release {
        command.arg("--release");
    }
    // Under `cargo test` these describe the test. Build scripts may depend on
    // them, and would compile everything again.
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&name);
        }
    }
    command
}

fn read_progress(
    stderr: ChildStderr,
    progress: &mut dyn FnMut(&str),
) -> anyhow::Result<Vec<String>> {
    let mut lines = Vec::new();
    for line in BufReader::new(stderr).lines() {
        let line = line?;
        progress(&line);
        lines.push(line);
    }
    Ok(lines)
}

#[derive(Deserialize)]
struct Message {
    executable: Option<PathBuf>,
    target: Option<Target>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
}

fn executable(line: &str) -> Option<(String, PathBuf)> {
    let message: Message = serde_json::from_str(line).ok()?;
    Some((message.target?.name, message.executable?))
}

/// The names of the functions' folders, which are those of their binaries.
fn functions() -> anyhow::Result<Vec<String>> {
    let folder = workspace_root().join("functions");
    let entries = folder.read_dir().context("cannot list the functions")?;
    let mut functions = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.join("Cargo.toml").is_file() {
            let name = path
                .file_name()
                .context("a function's folder has no name")?;
            functions.push(name.to_string_lossy().into_owned());
        }
    }
    functions.sort();
    Ok(functions)
}

fn workspace_root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}
