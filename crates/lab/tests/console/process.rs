//! Processes, as the kernel tells of them.

use std::path::PathBuf;
use std::process::Command;

use lab::world::until;

use crate::PATIENCE;

/// One process, which no later one of the same id is mistaken for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Process {
    pub(crate) id: u32,
    pub(crate) name: String,
    parent: u32,
    began: u64,
}

impl Process {
    fn of(id: u32) -> Option<Self> {
        let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
        let (head, tail) = stat.rsplit_once(')')?;
        let fields: Vec<&str> = tail.split_whitespace().collect();
        Some(Self {
            id,
            name: head.split_once('(')?.1.to_owned(),
            parent: fields.get(1)?.parse().ok()?,
            began: fields.get(19)?.parse().ok()?,
        })
    }

    /// Whether its environment has this variable.
    pub(crate) fn has(&self, variable: &str) -> bool {
        let environment = std::fs::read(format!("/proc/{}/environ", self.id));
        let environment = environment.unwrap_or_default();
        environment
            .split(|&byte| byte == 0)
            .any(|one| one == variable.as_bytes())
    }

    /// Fails if it does not end.
    pub(crate) async fn is_gone(&self) {
        // Whoever outlives its parent gets another one.
        let gone = async || Self::of(self.id).is_none_or(|one| one.began != self.began);
        let what = format!("{} of the lab ends", self.name);
        until(&what, PATIENCE, gone).await.unwrap();
    }
}

/// What a process started and what still runs of that.
pub(crate) fn children(parent: u32) -> Vec<Process> {
    let entries = PathBuf::from("/proc").read_dir().unwrap();
    let ids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    let processes = ids.filter_map(Process::of);
    processes.filter(|one| one.parent == parent).collect()
}

/// Sends a signal by its name.
pub(crate) fn send(signal: &str, id: u32) {
    let mut kill = Command::new("kill");
    let sent = kill.args([&format!("-{signal}"), &id.to_string()]).status();
    assert!(sent.unwrap().success());
}
