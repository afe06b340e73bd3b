//! An execution of a pipeline: what it released, and how it meets others.

use serde::{Deserialize, Serialize};

/// CodePipeline's execution mode.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum ExecutionMode {
    /// A newer execution overtakes a waiting one between stages.
    #[default]
    Superseded,
    /// Executions wait for each other in order.
    Queued,
    /// Executions do not know of each other.
    Parallel,
}

/// One source of a pipeline execution.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceRevision {
    /// The source action or artifact.
    pub name: String,
    /// The revision: a commit, an object version.
    pub revision: String,
    /// A commit message or the like.
    pub summary: Option<String>,
}

/// The label of a build: a short revision of its first source and what its
/// author said of it.
pub fn version_label(sources: &[SourceRevision], execution: Option<&str>) -> String {
    const LONGEST: usize = 80;
    let Some(source) = sources.first() else {
        return execution.map_or_else(|| "unknown".to_owned(), |id| id.chars().take(8).collect());
    };
    let revision: String = source.revision.chars().take(12).collect();
    let label = match source
        .summary
        .as_deref()
        .and_then(|text| text.lines().next())
    {
        Some(summary) if !summary.trim().is_empty() => format!("{revision} {}", summary.trim()),
        _ => revision,
    };
    label.chars().take(LONGEST).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(name: &str, revision: &str, summary: Option<&str>) -> SourceRevision {
        SourceRevision {
            name: name.to_owned(),
            revision: revision.to_owned(),
            summary: summary.map(str::to_owned),
        }
    }

    #[test]
    fn version_label_is_short_and_readable() {
        let long = "x".repeat(200);

        assert_eq!(
            version_label(
                &[source(
                    "App",
                    "0123456789abcdef",
                    Some("Fix the cart\n\nbody")
                )],
                None
            ),
            "0123456789ab Fix the cart"
        );
        assert_eq!(version_label(&[source("App", "42", Some(" "))], None), "42");
        assert_eq!(version_label(&[], Some("3b2f0000-aaaa")), "3b2f0000");
        assert_eq!(
            version_label(&[source("App", "42", Some(&long))], None)
                .chars()
                .count(),
            80
        );
    }
}
