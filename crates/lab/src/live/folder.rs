//! A temporary folder of the lab.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use uuid::Uuid;

/// A folder of the lab's own.
#[derive(Debug)]
pub(super) struct Folder(PathBuf);

impl Folder {
    pub(super) fn create() -> anyhow::Result<Self> {
        let path = std::env::temp_dir().join(format!("lab-{}", Uuid::new_v4()));
        std::fs::create_dir(&path)
            .with_context(|| format!("cannot create the folder `{}`", path.display()))?;
        Ok(Self(path))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // A folder that cannot be removed is left to the system's clean-up.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
