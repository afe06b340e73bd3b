//! axe-core, which looks for what keeps people from reading a page.
//!
//! It is installed when it is needed, in the version and with the checksum of
//! the lock file, and is no part of the repository.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::tab::Tab;

const PACKAGE: &str = include_str!("axe/package.json");
const LOCK: &str = include_str!("axe/package-lock.json");

/// Its script.
pub(super) struct Axe(String);

impl Axe {
    pub(super) fn installed() -> Self {
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("axe");
        std::fs::create_dir_all(&folder).unwrap();
        // Tests begin side by side, and one must not delete what another unpacks.
        let lock = File::create(folder.join("lock")).unwrap();
        lock.lock().unwrap();
        let stamp = folder.join("installed");
        if std::fs::read_to_string(&stamp).ok().as_deref() != Some(LOCK) {
            install(&folder);
            std::fs::write(stamp, LOCK).unwrap();
        }
        let script = folder.join("node_modules/axe-core/axe.min.js");
        Self(std::fs::read_to_string(script).unwrap())
    }

    /// Makes it part of the page of a tab.
    pub(super) async fn enters(&self, tab: &mut Tab<'_>) {
        tab.ask(&format!("{}; true", self.0)).await;
    }
}

/// What it finds on a page as it looks now, a line each.
pub(super) async fn finds(tab: &mut Tab<'_>) -> Vec<String> {
    let found = tab
        .ask(
            "axe.run(document, {rules: {'target-size': {enabled: true}}}).then(found => {
               if (found.passes.length < 10) throw new Error('axe did not look');
               return found.violations.flatMap(rule => rule.nodes.map(node =>
                 `${rule.id}: ${node.html} ${node.failureSummary.replaceAll('\\n', ' ')}`)); })",
        )
        .await;
    let lines = found.as_array().unwrap().iter();
    lines.filter_map(Value::as_str).map(str::to_owned).collect()
}

fn install(folder: &Path) {
    std::fs::write(folder.join("package.json"), PACKAGE).unwrap();
    std::fs::write(folder.join("package-lock.json"), LOCK).unwrap();
    let npm = Command::new("npm")
        .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"])
        .current_dir(folder)
        .output();
    match npm {
        Ok(done) if done.status.success() => {}
        Ok(done) => panic!(
            "axe-core, which looks for barriers in the report, cannot be installed; once, these \
             tests need npm and its registry:\n{}",
            String::from_utf8_lossy(&done.stderr)
        ),
        Err(error) => panic!(
            "cannot start `npm` ({error}), which installs axe-core to look for barriers in the \
             report; `tests/run` installs it"
        ),
    }
}
