//! The executables of arm64 machines, which most functions run on, on a machine
//! of any kind: `qemu` translates their instructions and passes on what they
//! ask of the system.

use std::fs;
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use fake_aws::pipeline::ApprovalStatus;
use lab::world::{REGISTER, Settings, Traffic, World, answer};
use serde_json::json;
use zip::ZipArchive;

use crate::account::zips;

/// Debian's emulator, and where it finds the loader and the C library.
const EMULATOR: &str = "qemu-aarch64-static -L /usr/aarch64-linux-gnu";

/// An `e_machine` of ELF.
const AARCH64: [u8; 2] = 183_u16.to_le_bytes();

#[tokio::test(flavor = "multi_thread")]
async fn arm64_functions_approve_a_build() {
    let settings = Settings::default().executables(emulated());
    let world = World::start(settings).await.unwrap();
    world.gate(&json!({
        "comparison": "StagingToProduction",
        "window": "1s",
        "approvalAction": "ApproveStaging",
    }));
    world.traffic(Traffic::HEALTHY, Traffic::HEALTHY);
    let monspec = include_str!("../../monspec/examples/monspec.json");

    let execution = world
        .release("4f2a9c1", "Change the cart", monspec)
        .unwrap();
    for carried in world.carry_jobs().await.unwrap() {
        answer(REGISTER, carried.invocation).unwrap();
    }

    let status = || world.approval(&execution).unwrap().status;
    let answered = async || status() != ApprovalStatus::Waiting;
    world
        .tick_until("the approval is answered", Duration::from_mins(2), answered)
        .await
        .unwrap();
    assert_eq!(status(), ApprovalStatus::Approved, "{}", world.logs());
}

/// A folder in which each function is a command that emulates it.
fn emulated() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("arm64");
    fs::create_dir_all(&folder).unwrap();
    for zip in zips() {
        let function = zip.file_stem().unwrap().to_str().unwrap();
        let mut executable = Vec::new();
        ZipArchive::new(fs::File::open(&zip).unwrap())
            .unwrap()
            .by_name("bootstrap")
            .unwrap()
            .read_to_end(&mut executable)
            .unwrap();
        assert_eq!(
            executable[18..20],
            AARCH64,
            "{function} is built for other machines"
        );
        let bootstrap = folder.join(format!("{function}.bootstrap"));
        write_executable(&bootstrap, &executable);
        let command = format!("#!/bin/sh\nexec {EMULATOR} {}\n", bootstrap.display());
        write_executable(&folder.join(function), command.as_bytes());
    }
    folder
}

fn write_executable(path: &Path, content: &[u8]) {
    fs::write(path, content).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}
