//! The host, with a real function as a real process.

#![expect(clippy::unwrap_used, reason = "a story ends where it fails")]

use std::path::PathBuf;
use std::time::{Duration, Instant};

use lambda_host::binaries::{self, Profile};
use lambda_host::runtime::{Function, InvocationOutcome, Settings};
use serde_json::json;

#[tokio::test]
async fn one_process_answers_several_invocations() {
    let function = echo(&[], Settings::default()).await;
    let process = function.process_id();

    for count in 1..=3 {
        let answer = function.invoke(json!({"number": count})).await.unwrap();
        let InvocationOutcome::Ok(value) = answer.outcome else {
            panic!("{:?}", answer.outcome)
        };
        assert_eq!(value["echo"], json!({"number": count}));
        assert_eq!(value["count"], count);
    }
    assert_eq!(function.process_id(), process);
}

#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "a deadline is told in real time")]
async fn deadline_is_the_timeout_from_now() {
    let timeout = Duration::from_secs(20);
    let function = echo(
        &[],
        Settings {
            timeout,
            ..Settings::default()
        },
    )
    .await;
    let now = || jiff::Timestamp::now().as_millisecond();
    let before = now();
    let answer = function.invoke(json!({})).await.unwrap();
    let InvocationOutcome::Ok(value) = answer.outcome else {
        panic!("{:?}", answer.outcome)
    };
    let deadline = value["deadline"].as_i64().unwrap();
    assert!((before + 20_000..=now() + 20_000).contains(&deadline));
}

#[tokio::test]
async fn returned_error_keeps_the_process() {
    let function = echo(&[], Settings::default()).await;
    let answer = function.invoke(json!({"do": "fail"})).await.unwrap();
    let InvocationOutcome::Err { message, .. } = answer.outcome else {
        panic!("{:?}", answer.outcome)
    };
    assert_eq!(message, "told to fail");
    let answer = function.invoke(json!({})).await.unwrap();
    let InvocationOutcome::Ok(value) = answer.outcome else {
        panic!("{:?}", answer.outcome)
    };
    assert_eq!(value["count"], 2);
}

#[tokio::test]
async fn crashed_process_is_replaced_by_the_next_invocation() {
    let function = echo(&[], Settings::default()).await;
    let answer = function.invoke(json!({"do": "crash"})).await.unwrap();
    let InvocationOutcome::Crashed(status) = answer.outcome else {
        panic!("{:?}", answer.outcome)
    };
    assert_eq!(status.code(), Some(3));
    assert_eq!(function.process_id(), None);

    let answer = function.invoke(json!({})).await.unwrap();
    let InvocationOutcome::Ok(value) = answer.outcome else {
        panic!("{:?}", answer.outcome)
    };
    assert_eq!(value["count"], 1);
}

#[tokio::test]
async fn process_that_ends_at_start_is_a_crash() {
    let function = echo(&[("EXIT_AT_START", "1")], Settings::default()).await;
    let answer = function.invoke(json!({})).await.unwrap();
    let InvocationOutcome::Crashed(status) = answer.outcome else {
        panic!("{:?}", answer.outcome)
    };
    assert_eq!(status.code(), Some(7));
}

#[tokio::test]
async fn slow_invocation_is_killed_at_its_timeout() {
    let settings = Settings {
        timeout: Duration::from_millis(700),
        ..Settings::default()
    };
    let function = echo(&[], settings).await;
    let process = function.process_id().unwrap();

    let answer = function.invoke(json!({"do": "hang"})).await.unwrap();

    assert_eq!(answer.outcome, InvocationOutcome::TimedOut);
    assert!(settings.timeout <= answer.duration);
    assert!(is_gone(process));
}

#[tokio::test]
async fn killed_process_ends_its_invocation() {
    let function = echo(&[], Settings::default()).await;
    function.invoke(json!({})).await.unwrap();

    let (answer, ()) = tokio::join!(function.invoke(json!({"do": "hang"})), function.kill());

    let InvocationOutcome::Crashed(status) = answer.unwrap().outcome else {
        panic!("it was killed")
    };
    assert_eq!(status.code(), None);
    let answer = function.invoke(json!({})).await.unwrap();
    assert!(matches!(answer.outcome, InvocationOutcome::Ok(_)));
}

#[tokio::test]
async fn process_killed_between_invocations_is_replaced() {
    let function = echo(&[], Settings::default()).await;
    let first = function.process_id().unwrap();
    function.kill().await;
    assert_eq!(function.process_id(), None);
    let answer = function.invoke(json!({})).await.unwrap();
    assert!(matches!(answer.outcome, InvocationOutcome::Ok(_)));
    assert_ne!(function.process_id(), Some(first));
}

#[tokio::test]
async fn dropping_the_function_leaves_no_process() {
    let function = echo(&[], Settings::default()).await;
    let process = function.process_id().unwrap();
    drop(function);
    let deadline = Instant::now() + Duration::from_secs(10);
    while !is_gone(process) {
        assert!(Instant::now() < deadline, "the process is still there");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn logs_hold_both_streams_and_outlive_the_process() {
    let function = echo(&[], Settings::default()).await;
    let written = function.invoke(json!({"do": "write"})).await.unwrap();
    assert!(written.logs.contains("to standard output"));
    assert!(written.logs.contains("to standard error"));
    let silent = function.invoke(json!({})).await.unwrap();
    assert!(!silent.logs.contains("to standard"));

    function.kill().await;
    function.invoke(json!({})).await.unwrap();
    assert!(function.logs().contains("to standard output"));
}

#[tokio::test]
async fn process_sees_only_its_own_environment() {
    let function = echo(&[("TABLE", "Validations")], Settings::default()).await;
    let answer = function.invoke(json!({"do": "environment"})).await.unwrap();
    let InvocationOutcome::Ok(names) = answer.outcome else {
        panic!("{:?}", answer.outcome)
    };
    let names: Vec<&str> = names
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|name| name.as_str())
        .collect();

    assert!(names.contains(&"TABLE"));
    assert!(names.contains(&"AWS_LAMBDA_RUNTIME_API"));
    assert!(names.contains(&"AWS_ACCESS_KEY_ID"));
    assert!(!names.contains(&"PATH"));
    assert!(!names.iter().any(|name| name.starts_with("CARGO")));
}

#[tokio::test]
async fn cold_start_and_memory_are_measured() {
    let function = echo(&[], Settings::default()).await;
    function.invoke(json!({})).await.unwrap();
    let cold = function.cold_start().unwrap();
    assert!(Duration::ZERO < cold.to_first_request);
    assert!(cold.to_first_request <= cold.to_first_answer.unwrap());
    assert!(100_000 < function.peak_memory().unwrap());
}

#[test]
fn function_is_found_by_the_name_of_its_package() {
    let path = binaries::function("register-validation", Profile::Dev).unwrap();
    assert!(path.is_file() && path.ends_with("debug/register-validation"));
    let unknown = binaries::function("no-such-function", Profile::Dev).unwrap_err();
    assert!(unknown.to_string().contains("no-such-function"));
}

#[test]
fn failed_build_tells_what_cargo_said() {
    let mut lines = Vec::new();
    let progress = &mut |line: &str| lines.push(line.to_owned());
    let failure = binaries::build(&["-p", "no-such-package"], Profile::Dev, progress).unwrap_err();
    assert!(failure.to_string().contains("no-such-package"));
    assert!(!lines.is_empty());
}

async fn echo(environment: &[(&str, &str)], settings: Settings) -> Function {
    let path = tokio::task::spawn_blocking(echo_binary).await.unwrap();
    Function::spawn(&path, environment, settings).await.unwrap()
}

fn echo_binary() -> PathBuf {
    static PATH: std::sync::OnceLock<PathBuf> = std::sync::OnceLock::new();
    let build = || {
        let selection = ["--example", "echo"];
        binaries::build(&selection, Profile::Dev, &mut |_| ()).unwrap()["echo"].clone()
    };
    PATH.get_or_init(build).clone()
}

/// Whether a process is gone, or only waits to be collected.
fn is_gone(process: u32) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{process}/status"));
    status.is_err() || status.is_ok_and(|status| status.contains("State:\tZ"))
}
