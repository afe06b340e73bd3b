//! What tenants send when a person presses "Send test notification".

use serde_json::{Value, json};

/// Which tenant's test notification is sent; they differ.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum TestRun {
    /// As the documentation shows it.
    Documented,
    /// As it was recorded.
    Recorded,
    /// As older tenants send it: they know no `{PID}` and leave it as it stands.
    OldTenant,
}

impl TestRun {
    /// The value of a placeholder, if this tenant knows it.
    pub(super) fn value(self, name: &str) -> Option<Value> {
        let title = "Dynatrace problem notification test run";
        Some(match name {
            "State" => "OPEN".into(),
            "PID" => match self {
                Self::Documented | Self::Recorded => "99999".into(),
                Self::OldTenant => return None,
            },
            "ProblemID" => match self {
                Self::Documented | Self::Recorded => "999".into(),
                Self::OldTenant => "TESTID".into(),
            },
            "ProblemTitle" => title.into(),
            "ProblemImpact" => "INFRASTRUCTURE".into(),
            "ProblemSeverity" => "AVAILABILITY".into(),
            "ProblemURL" => "https://example.com".into(),
            "Tags" => "testtag1, testtag2".into(),
            "ImpactedEntities" => json!([
                { "type": "HOST", "name": "MyHost1", "entity": "HOST-XXXXXXXXXXXXX" },
                { "type": "SERVICE", "name": "MyService1", "entity": "SERVICE-XXXXXXXXXXXXX" },
            ]),
            "ImpactedEntity" => match self {
                Self::Documented | Self::OldTenant => "MyHost1, MyService1".into(),
                Self::Recorded => "Myhost1, Myservice1".into(),
            },
            "ImpactedEntityNames" | "NamesOfImpactedEntities" => "MyHost1, MyService1".into(),
            "ProblemDetailsText" => format!("{title} details").into(),
            "ProblemDetailsHTML" => format!("<h1>{title} details</h1>").into(),
            "ProblemDetailsMarkdown" => format!("# {title} details").into(),
            "ProblemDetailsJSON" | "ProblemDetailsJSONv2" => match self {
                Self::Documented | Self::OldTenant => json!({ "ID": "99999" }),
                Self::Recorded => json!({ "id": "99999" }),
            },
            _ => return None,
        })
    }
}
