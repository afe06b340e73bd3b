//! The real binary, through real HTTP.

#![expect(clippy::unwrap_used, reason = "a story ends where it fails")]

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use reqwest::StatusCode;

#[tokio::test]
async fn healthy_build_answers_every_call() {
    let app = App::start("1", "Production");

    for (path, expected) in [
        ("api/echo?text=Hello%20there", "Hello there"),
        ("api/login?username=Ada", "Welcome, Ada"),
        ("api/version", "Running build 1 in Production"),
    ] {
        assert_eq!(app.get(path).await, (StatusCode::OK, expected.to_owned()));
    }
    for _ in 0..20 {
        let (status, _) = app.get("api/invoke?url=https://service.example").await;
        assert_eq!(status, StatusCode::OK);
    }
}

#[tokio::test]
async fn build_2_fails_every_second_invocation_and_nothing_else() {
    let app = App::start("2", "Staging");

    let mut statuses = Vec::new();
    for _ in 0..6 {
        statuses.push(app.get("api/invoke").await.0.as_u16());
        assert_eq!(app.get("api/echo").await.0, StatusCode::OK);
    }
    assert_eq!(statuses, [200, 500, 200, 500, 200, 500]);
}

#[tokio::test]
async fn build_4_is_sick_in_production_only() {
    let staging = App::start("4", "Staging");
    let production = App::start("4", "Production");

    let mut failed = [0, 0];
    let mut took = [Duration::ZERO, Duration::ZERO];
    for _ in 0..10 {
        for (index, app) in [&staging, &production].into_iter().enumerate() {
            let began = Instant::now();
            let (status, _) = app.get("api/invoke").await;
            took[index] += began.elapsed();
            failed[index] += u32::from(status.is_server_error());
        }
    }
    assert_eq!(failed, [0, 1]);
    assert!(took[1] >= Duration::from_secs(2), "{took:?}");
    assert!(took[0] >= Duration::from_secs(1), "{took:?}");
}

/// What the lab's monspec lets a median be worse, in percent.
const TOLERANCE: f64 = 40.0;

#[tokio::test]
async fn build_4_exceeds_its_tolerance_one_and_a_half_times_and_build_3_none() {
    let median = async |build| {
        let app = App::start(build, "Production");
        let mut took = Vec::new();
        for _ in 0..21 {
            let began = Instant::now();
            app.get("api/echo").await;
            took.push(began.elapsed());
        }
        took.sort();
        took[10].as_secs_f64()
    };

    let usual = median("1").await;
    let more = async |build| (median(build).await / usual - 1.0) * 100.0;

    let (healthy, sick) = (more("3").await, more("4").await);
    assert!(healthy < TOLERANCE, "build 3 is {healthy:.0} % slower");
    assert!(1.5 * TOLERANCE < sick, "build 4 is {sick:.0} % slower");
}

#[tokio::test]
async fn calls_sleep_as_long_as_they_are_asked_to() {
    let app = App::start("1", "Staging");

    let began = Instant::now();
    assert_eq!(app.get("api/echo?sleep=400").await.0, StatusCode::OK);
    assert!(began.elapsed() >= Duration::from_millis(400));

    let (status, text) = app.get("api/sleeptime?min=300").await;
    assert_eq!(
        (status, text.as_str()),
        (StatusCode::OK, "Every call takes 300 ms")
    );
    let began = Instant::now();
    app.get("api/echo").await;
    assert!(began.elapsed() >= Duration::from_millis(300));

    let (_, text) = app.get("api/sleeptime?min=99999").await;
    assert_eq!(text, "Every call takes 10000 ms");
}

#[tokio::test]
async fn what_is_no_number_is_refused_instead_of_ignored() {
    let app = App::start("1", "Staging");

    for path in [
        "api/echo?sleep=soon",
        "api/sleeptime?min=little",
        "api/sleeptime",
        "api/version?newBuildNumber=two",
    ] {
        assert_eq!(app.get(path).await.0, StatusCode::BAD_REQUEST, "{path}");
    }
    assert_eq!(app.get("api/version").await.1, "Running build 1 in Staging");
}

#[tokio::test]
async fn error_and_change_of_build_stand_in_the_log() {
    let app = App::start("1", "Staging");

    assert_eq!(
        app.get("api/causeerror").await.0,
        StatusCode::INTERNAL_SERVER_ERROR
    );
    let (_, text) = app.get("api/version?newBuildNumber=2").await;
    assert_eq!(text, "Running build 2 in Staging");

    let log = app.log();
    let lines_with = |word: &str| log.lines().filter(|line| line.contains(word)).count();
    assert_eq!(lines_with(" SEVERE "), 1, "{log}");
    assert_eq!(lines_with(" SEVERE /api/causeerror was called"), 1, "{log}");
    assert_eq!(
        lines_with(" WARNING the build number was changed from 1 to 2"),
        1,
        "{log}"
    );
}

#[tokio::test]
async fn every_hundredth_request_is_told_in_the_log() {
    let app = App::start("1", "Staging");

    for _ in 0..200 {
        app.get("version").await;
    }

    let log = app.log();
    let told = log
        .lines()
        .filter(|line| line.contains(" requests"))
        .count();
    assert_eq!(told, 2, "{log}");
}

#[tokio::test]
async fn pages_show_the_build_and_no_text_of_others() {
    let app = App::start("3", "Production");

    for path in ["", "version", "?text=%3Cscript%3E"] {
        let (status, page) = app.get(path).await;
        assert_eq!(status, StatusCode::OK);
        assert!(page.contains("uild 3"), "{page}");
        assert!(!page.contains("<script"), "{page}");
    }
    assert_eq!(app.get("nowhere").await.0, StatusCode::NOT_FOUND);
}

#[test]
fn port_in_use_is_told_in_one_sentence() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();

    let output = command(&log_file(), "1", "Staging")
        .env("LISTEN", &address)
        .output()
        .unwrap();

    assert!(!output.status.success());
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(
        told.contains(&format!("cannot listen on {address}")),
        "{told}"
    );
}

/// A running build; it ends when it is dropped.
struct App {
    child: Child,
    url: String,
    log: PathBuf,
    client: reqwest::Client,
}

impl App {
    fn start(build: &str, group: &str) -> Self {
        let log = log_file();
        let mut child = command(&log, build, group)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let stdout = child.stdout.take().unwrap();
        BufReader::new(stdout).read_line(&mut line).unwrap();
        let url = line
            .trim()
            .strip_prefix("listening on ")
            .unwrap()
            .to_owned();
        // Only the first provider is installed, and they are all the same.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        Self {
            child,
            url,
            log,
            client,
        }
    }

    async fn get(&self, path: &str) -> (StatusCode, String) {
        let request = self.client.get(format!("{}/{path}", self.url));
        let answer = request.send().await.unwrap();
        (answer.status(), answer.text().await.unwrap())
    }

    fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }
}

impl Drop for App {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_file(&self.log);
    }
}

fn command(log: &PathBuf, build: &str, group: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sample-app"));
    command
        .env("BUILD_NUMBER", build)
        .env("DEPLOYMENT_GROUP_NAME", group)
        .env("LISTEN", "127.0.0.1:0")
        .env("LOG_FILE", log);
    command
}

/// A file that no other test writes to.
fn log_file() -> PathBuf {
    use std::sync::atomic::{AtomicU32, Ordering};
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let name = format!("{}-{number}.log", std::process::id());
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name)
}
