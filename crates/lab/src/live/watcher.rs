//! The tenant's problem detection: problems open and close by measurements.

use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::detector::{Change, Detector, Symptom};
use super::{Happened, Scene};
use crate::world::PRODUCTION;
use fake_aws::clock::real_time;
use fake_dynatrace::{Announced, Problem, Severity};

const PAUSE: Duration = Duration::from_millis(500);

/// The span of one look, in seconds.
const RECENT: i64 = 3;

/// How long a problem stays open after its last severe line.
const SEVERE_FOR: Duration = Duration::from_secs(10);

/// The level of a severe line, between its time and its text.
const SEVERE: &str = " SEVERE ";

/// Watches production for ever.
pub(super) async fn watch(scene: Arc<Scene>) -> anyhow::Result<()> {
    let mut detector = Detector::default();
    let mut sick: Option<Problem> = None;
    let mut log = Log::of(super::environment::log_of(
        scene.folder.path(),
        "Production",
    ));
    let mut severe: Option<(Problem, Instant)> = None;
    loop {
        match detector.look(scene.production.recent(RECENT, 0)) {
            Some(Change::Degraded(symptom)) => {
                sick = Some(open(&scene, title(symptom), severity(symptom)));
            }
            Some(Change::Recovered) => close(&scene, sick.take()),
            None => {}
        }
        let lines = log.new_lines();
        let severe_line = lines.iter().find(|line| line.contains(SEVERE));
        if let Some(line) = severe_line {
            scene.journal.tell("sample-app", line.as_str());
        }
        severe = match severe.take() {
            None if severe_line.is_some() => {
                let title = "Severe line in the log";
                Some((open(&scene, title, Severity::CustomAlert), Instant::now()))
            }
            Some((problem, _)) if severe_line.is_some() => Some((problem, Instant::now())),
            Some((problem, last)) if SEVERE_FOR <= last.elapsed() => {
                close(&scene, Some(problem));
                None
            }
            unchanged => unchanged,
        };
        tokio::time::sleep(PAUSE).await;
    }
}

fn title(symptom: Symptom) -> &'static str {
    match symptom {
        Symptom::Down => "Service unavailable",
        Symptom::Slow { .. } => "Response time degradation",
        Symptom::Failing { .. } => "Failure rate increase",
    }
}

fn severity(symptom: Symptom) -> Severity {
    match symptom {
        Symptom::Down => Severity::Availability,
        Symptom::Slow { .. } => Severity::Performance,
        Symptom::Failing { .. } => Severity::Error,
    }
}

fn open(scene: &Arc<Scene>, title: &str, severity: Severity) -> Problem {
    let problem = scene
        .world
        .tenant
        .problem(title)
        .severity(severity)
        .impacts(PRODUCTION)
        .root_cause(PRODUCTION)
        .open();
    let what = format!(
        "problem {} opens in Production: {title}",
        problem.display_id()
    );
    scene.journal.tell("Dynatrace", what);
    scene.happened(Happened {
        id: problem.id().to_owned(),
        display_id: problem.display_id(),
        title: title.to_owned(),
        opened: real_time(),
        closed: None,
    });
    notify(scene, &problem, Announced::Open);
    problem
}

fn close(scene: &Arc<Scene>, problem: Option<Problem>) {
    let Some(problem) = problem else { return };
    let now = real_time();
    problem.resolve(now.as_millisecond());
    let what = format!("problem {} is over", problem.display_id());
    scene.journal.tell("Dynatrace", what);
    scene.closed(problem.id(), now);
    notify(scene, &problem, Announced::Resolved);
}

/// A lost notification changes nothing here: the function finds open problems by
/// itself.
fn notify(scene: &Arc<Scene>, problem: &Problem, announced: Announced) {
    let (scene, problem) = (Arc::clone(scene), problem.clone());
    tokio::spawn(async move {
        match problem.notify(&scene.webhook, announced).await {
            Ok(delivered) if delivered.status == 200 => {}
            Ok(delivered) => {
                let what = format!("the webhook answered {}", delivered.status);
                scene.journal.tell_once("Dynatrace", &what);
            }
            Err(error) => scene.journal.tell_once("Dynatrace", &format!("{error:#}")),
        }
    });
}

/// A log file, read from the last position.
struct Log {
    path: PathBuf,
    read: u64,
    /// The beginning of an incomplete line.
    rest: String,
}

impl Log {
    fn of(path: PathBuf) -> Self {
        Self {
            path,
            read: 0,
            rest: String::new(),
        }
    }

    /// The complete lines that were added; none while there is no file.
    fn new_lines(&mut self) -> Vec<String> {
        let Ok(mut file) = std::fs::File::open(&self.path) else {
            return Vec::new();
        };
        let mut bytes = Vec::new();
        let read = file
            .seek(SeekFrom::Start(self.read))
            .and_then(|_| file.read_to_end(&mut bytes));
        self.read += read.unwrap_or(0) as u64;
        self.rest.push_str(&String::from_utf8_lossy(&bytes));
        let whole = self.rest.rfind('\n').map_or(0, |end| end + 1);
        let lines = self.rest[..whole].lines().map(str::to_owned).collect();
        self.rest.drain(..whole);
        lines
    }
}
