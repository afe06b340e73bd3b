//! The console of the lab as people use it: the real program, by keyboard.

use std::process::Stdio;
use std::time::Duration;

use lambda_host::binaries::{self, Profile};
use serde_json::json;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::process::{Child, Command};

use super::axe::Axe;
use super::chromium::Chromium;
use super::tab::{Origin, Tab};
use super::{LAPTOP, keeps_people_out};

/// A build is deployed, measured for ten seconds and judged; this is for a
/// machine that has much else to do.
const PATIENCE: Duration = Duration::from_mins(2);

/// More than there is to step on.
const STEPS: usize = 60;

/// How many lines the page has told of what happened.
const LINES: &str = "document.querySelectorAll('#journal li').length";

const RELEASE_1: &str = "fetch('release', {method: 'POST',
    headers: {'content-type': 'application/json'}, body: JSON.stringify({build: 1})}).then(() => 1)";

#[tokio::test]
async fn sick_build_is_released_rejected_and_read_about_by_keyboard() {
    let axe = tokio::task::spawn_blocking(Axe::installed);
    let lab = Lab::start().await;
    let mut browser = Chromium::start().await;
    let axe = axe.await.unwrap();
    let mut tab = Tab::open(&mut browser, Origin::OfProgram(lab.url.clone())).await;
    tab.look(LAPTOP).await;
    assert_eq!(tab.go(&format!("{}/", lab.url)).await.status, 200);

    step_to(&mut tab, "Release build 2").await;
    tab.press_enter().await;

    let stage = "[...document.querySelectorAll('.stage')]
        .some(stage => stage.innerText.startsWith('ApproveStaging\\nrejected'))";
    tab.until(stage, PATIENCE).await;
    let lines = tab.ask(LINES).await;
    assert!(3 <= lines.as_u64().unwrap(), "{lines} lines were told");
    let kept = focused(&mut tab).await;
    assert!(
        kept.starts_with("Release build 2"),
        "the focus is at {kept}"
    );

    step_to(&mut tab, "Open the report").await;
    // Somebody else releases a build, and everything is drawn anew.
    tab.ask(&format!(
        "window.stepped = document.activeElement; {RELEASE_1}"
    ))
    .await;
    tab.until(
        "document.querySelectorAll('.execution').length === 2",
        PATIENCE,
    )
    .await;
    tab.until("busy.innerText.startsWith('Build 1 is still')", PATIENCE)
        .await;
    let deployed = "document.getElementById('Staging').innerText.startsWith('Staging: build 1')";
    tab.until(deployed, PATIENCE).await;
    let kept = tab.ask("document.activeElement === window.stepped").await;
    assert_eq!(kept, true, "the focus is at {}", focused(&mut tab).await);

    let wrong = [
        tab.problems(),
        keeps_people_out(&mut tab, "console", &axe).await,
    ]
    .concat();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));

    let report = tab.ask("document.activeElement.href").await;
    let report = report.as_str().unwrap();
    let (origin, _) = report.split_once("/v/").expect("it leads to an evaluation");
    tab.press_enter().await;
    let mut opened = tab.opened(Origin::OfPages(origin.to_owned())).await;
    let arrived = format!(
        "location.href === {} && document.readyState === 'complete'",
        json!(report)
    );
    opened.until(&arrived, PATIENCE).await;
    let verdict = opened.ask("document.querySelector('h1').innerText").await;
    let verdict = verdict.as_str().unwrap();
    assert!(verdict.starts_with("Failed: "), "{verdict}");
    assert_eq!(opened.problems(), [""; 0]);
    browser.close().await;
}

/// Steps on until the focus is where the text begins like this, and is seen.
async fn step_to(tab: &mut Tab<'_>, text: &str) {
    let mut passed = Vec::new();
    for _ in 0..STEPS {
        tab.press_tab().await;
        let at = focused(tab).await;
        if at.starts_with(text) {
            let outline = "getComputedStyle(document.activeElement).outlineStyle";
            assert_ne!(
                tab.ask(outline).await,
                "none",
                "nobody sees the focus at {at}"
            );
            return;
        }
        passed.push(at);
    }
    panic!("no key leads to {text}, but to {passed:?}");
}

/// The text of what has the focus.
async fn focused(tab: &mut Tab<'_>) -> String {
    let text = tab.ask("document.activeElement.innerText").await;
    text.as_str().unwrap_or_default().to_owned()
}

/// The lab as a program.
struct Lab {
    process: Child,
    url: String,
}

impl Lab {
    async fn start() -> Self {
        let build = || binaries::build(&["--bin", "lab"], Profile::Dev, &mut |_| ());
        let built = tokio::task::spawn_blocking(build).await.unwrap().unwrap();
        let mut process = Command::new(&built["lab"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        while let Some(line) = lines.next_line().await.unwrap() {
            if let Some(url) = line.strip_prefix("The lab is at ") {
                let url = url.to_owned();
                // The rest is read as well, or the lab could not write it.
                tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
                return Self { process, url };
            }
        }
        let mut told = String::new();
        let mut stderr = process.stderr.take().unwrap();
        stderr.read_to_string(&mut told).await.unwrap();
        panic!("the lab did not start: {told}");
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        // Whoever is only killed cannot end what it started.
        if let Some(id) = self.process.id() {
            let _ = std::process::Command::new("kill")
                .arg(id.to_string())
                .status();
        }
    }
}
