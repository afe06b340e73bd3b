//! What a job or a receiver has left behind, and whether that is what was hoped for.
//!
//! `successful` says only that no task failed: a run on no host at all ends so,
//! and so does one whose failures were ignored.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{JobAt, Kind, Purpose};

/// The most of an answer that is read, in bytes.
pub const LARGEST_ANSWER: usize = 4 * 1024;

/// What has ended: a job, or what a receiver did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// The job, where it was one.
    pub job: Option<JobAt>,
    /// The controller's word for its end, which is `successful` too for a receiver that
    /// says so.
    pub status: String,
    /// When it had ended.
    pub at: Timestamp,
    /// How long it ran, in whole seconds.
    pub seconds: Option<u64>,
    /// On how many hosts what happened, where that is known.
    pub counts: Option<Counts>,
    /// What it has set by `set_stats`, or what the receiver has answered.
    pub artifacts: Map<String, Value>,
    /// The first task that failed.
    pub task: Option<Task>,
    /// The end of what it has put out.
    pub tail: String,
    /// What the controller says of it.
    pub explanation: String,
    /// The commit of the playbook.
    pub revision: String,
}

/// The word of a controller for a job in which nothing failed.
const SUCCESSFUL: &str = "successful";

/// On how many hosts what happened; a host can be counted more than once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// All was as it should be.
    pub ok: u64,
    /// Something was changed.
    pub changed: u64,
    /// A task failed.
    pub failures: u64,
    /// It could not be reached.
    pub dark: u64,
    /// A task was left out.
    pub skipped: u64,
}

impl Counts {
    /// Whether a task did anything on any host.
    pub fn touched_any(self) -> bool {
        0 < self.ok + self.changed
    }
}

/// A task that failed on a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Task {
    /// Its name.
    pub name: String,
    /// The host.
    pub host: String,
    /// What the module said.
    pub message: String,
}

/// What a runbook has to say of itself for having done something.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proof {
    /// What it sets by `set_stats`, or answers; names within names are separated by dots.
    pub artifact: String,
    /// What that must be.
    pub equals: Value,
}

/// Why a job that has ended is not what was hoped for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unwell {
    /// Its status says so.
    #[error("it ended as {status}")]
    Status {
        /// The controller's word.
        status: String,
    },
    /// It ran nowhere.
    #[error("it ended as successful, but on no host")]
    NoHosts,
    /// Something failed.
    #[error("it ended as successful, but failed on {failures} hosts and could not reach {dark}")]
    Hosts {
        /// Where a task failed.
        failures: u64,
        /// What could not be reached.
        dark: u64,
    },
    /// Nobody can say where it ran.
    #[error("it ended as successful, but the controller does not say on how many hosts")]
    Uncounted,
    /// The proof is missing.
    #[error("it ended as successful, but did not say `{artifact}`")]
    NoProof {
        /// What it should have set.
        artifact: String,
    },
    /// The proof says otherwise.
    #[error("it ended as successful, but `{artifact}` is {is} instead of {wanted}")]
    Disproved {
        /// What it has set.
        artifact: String,
        /// To what.
        is: String,
        /// What it should be.
        wanted: String,
    },
}

impl Ended {
    /// What a receiver did that has said so, with its answer: an object of JSON, or
    /// whatever else, which says no more.
    pub fn answered(answer: &str, at: Timestamp) -> Self {
        let artifacts = Some(answer).filter(|answer| answer.len() <= LARGEST_ANSWER);
        let artifacts = artifacts.and_then(|answer| serde_json::from_str(answer).ok());
        Self {
            job: None,
            status: SUCCESSFUL.to_owned(),
            at,
            seconds: None,
            counts: None,
            artifacts: artifacts.unwrap_or_default(),
            task: None,
            tail: String::new(),
            explanation: String::new(),
            revision: String::new(),
        }
    }

    /// Whether it is what was hoped for.
    pub fn judge(&self, purpose: Purpose, proof: Option<&Proof>) -> Result<(), Unwell> {
        if self.status != SUCCESSFUL {
            return Err(Unwell::Status {
                status: self.status.clone(),
            });
        }
        if let Some(counts) = self.counts
            && (0 < counts.failures || 0 < counts.dark)
        {
            return Err(Unwell::Hosts {
                failures: counts.failures,
                dark: counts.dark,
            });
        }
        // Modules that cannot check leave their tasks out.
        if purpose == Purpose::Check {
            return Ok(());
        }
        match self.counts {
            Some(counts) if !counts.touched_any() => return Err(Unwell::NoHosts),
            // Workflows and receivers count no hosts, and a proof says more than a count.
            None if proof.is_none() && self.is_of_playbook() => {
                return Err(Unwell::Uncounted);
            }
            Some(_) | None => {}
        }
        proof.map_or(Ok(()), |proof| self.proves(proof))
    }

    fn is_of_playbook(&self) -> bool {
        self.job.as_ref().is_some_and(|job| job.kind == Kind::Job)
    }

    fn proves(&self, proof: &Proof) -> Result<(), Unwell> {
        let artifact = proof.artifact.clone();
        let mut names = proof.artifact.split('.');
        let first = names.next().and_then(|name| self.artifacts.get(name));
        let found = names.try_fold(first, |found, name| Some(found?.get(name)));
        match found.flatten() {
            None => Err(Unwell::NoProof { artifact }),
            Some(value) if *value == proof.equals => Ok(()),
            Some(value) => Err(Unwell::Disproved {
                artifact,
                is: value.to_string().chars().take(100).collect(),
                wanted: proof.equals.to_string(),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn ended(status: &str, counts: Option<Counts>, artifacts: &Value) -> Ended {
        Ended {
            job: Some(JobAt {
                id: 812,
                kind: Kind::Job,
                page: None,
            }),
            status: status.to_owned(),
            at: Timestamp::UNIX_EPOCH,
            seconds: None,
            counts,
            artifacts: artifacts.as_object().cloned().unwrap_or_default(),
            task: None,
            tail: String::new(),
            explanation: String::new(),
            revision: String::new(),
        }
    }

    #[test]
    fn successful_is_not_yet_remedied() {
        let hosts = |ok, failures, dark, skipped| {
            Some(Counts {
                ok,
                failures,
                dark,
                skipped,
                changed: 0,
            })
        };
        let rate = Proof {
            artifact: "unbreakable.after".to_owned(),
            equals: json!(0),
        };
        let after = |after: Value| json!({"unbreakable": {"after": after}});
        let well = hosts(2, 0, 0, 0);
        for (status, counts, artifacts, proof, says) in [
            ("successful", well, json!({}), None, ""),
            ("failed", well, json!({}), None, "it ended as failed"),
            ("error", None, json!({}), None, "it ended as error"),
            ("canceled", None, json!({}), None, "it ended as canceled"),
            (
                "successful",
                hosts(0, 0, 0, 0),
                json!({}),
                None,
                "on no host",
            ),
            (
                "successful",
                hosts(0, 0, 0, 4),
                json!({}),
                None,
                "on no host",
            ),
            (
                "successful",
                hosts(1, 1, 0, 0),
                json!({}),
                None,
                "failed on 1 hosts",
            ),
            (
                "successful",
                hosts(1, 0, 2, 0),
                json!({}),
                None,
                "could not reach 2",
            ),
            (
                "successful",
                None,
                json!({}),
                None,
                "does not say on how many",
            ),
            ("successful", None, after(json!(0)), Some(&rate), ""),
            ("successful", well, after(json!(0)), Some(&rate), ""),
            (
                "successful",
                well,
                json!({}),
                Some(&rate),
                "did not say `unbreakable.after`",
            ),
            (
                "successful",
                well,
                json!({"unbreakable": 0}),
                Some(&rate),
                "did not say",
            ),
            (
                "successful",
                well,
                after(json!("0")),
                Some(&rate),
                "is \"0\" instead of 0",
            ),
            (
                "successful",
                hosts(0, 0, 0, 0),
                after(json!(0)),
                Some(&rate),
                "on no host",
            ),
        ] {
            let judged = ended(status, counts, &artifacts).judge(Purpose::Real, proof);
            let said = judged.err().map_or_else(String::new, |why| why.to_string());
            assert!(
                said.contains(says) && said.is_empty() == says.is_empty(),
                "{says}: {said}"
            );
        }
    }

    #[test]
    fn check_may_leave_everything_out_and_a_workflow_counts_nothing() {
        let skipped = Some(Counts {
            skipped: 3,
            ..Counts::default()
        });
        let checked = ended("successful", skipped, &json!({}));
        assert_eq!(checked.judge(Purpose::Check, None), Ok(()));
        let mut workflow = ended("successful", None, &json!({}));
        workflow.job.as_mut().unwrap().kind = Kind::Workflow;
        assert_eq!(workflow.judge(Purpose::Real, None), Ok(()));
    }

    #[test]
    fn answer_of_a_receiver_proves_what_it_says() {
        let proof = Proof {
            artifact: "changed".to_owned(),
            equals: json!(true),
        };
        let judged = |answer: &str, proof: Option<&Proof>| {
            let ended = Ended::answered(answer, Timestamp::UNIX_EPOCH);
            ended
                .judge(Purpose::Real, proof)
                .map_err(|why| why.to_string())
        };
        for answer in ["", "done", "[1]", r#"{"changed":false}"#] {
            assert_eq!(judged(answer, None), Ok(()), "{answer}");
            assert!(judged(answer, Some(&proof)).is_err(), "{answer}");
        }
        assert_eq!(
            judged(r#"{"changed":true,"note":"x"}"#, Some(&proof)),
            Ok(())
        );
        let long = format!(
            r#"{{"changed":true,"note":"{}"}}"#,
            "x".repeat(LARGEST_ANSWER)
        );
        assert!(judged(&long, Some(&proof)).is_err());
    }
}
