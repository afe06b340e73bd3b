//! The runbook explains what rings, which can ring, and what is allowed
//! everywhere.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::template::{EVERYWHERE, ROOT, actions, environment, template};

/// The namespace of a stack's own metrics: its name.
const OWN: &str = "AWS::StackName";

#[test]
fn every_alarm_has_its_line_in_the_runbook() {
    let declared: BTreeSet<String> = alarms().into_iter().map(|alarm| alarm.name).collect();
    let told: Vec<String> = rows("Read an alarm")
        .iter()
        .flat_map(|row| row.split('`').skip(1).step_by(2))
        .filter(|word| word.ends_with("Alarm"))
        .map(str::to_owned)
        .collect();
    let explained: BTreeSet<String> = told.iter().cloned().collect();

    assert_eq!(declared, explained, "the template's, the runbook's");
    assert_eq!(told.len(), explained.len(), "one line each: {told:?}");
}

#[test]
fn what_is_allowed_everywhere_is_told_with_its_reason() {
    let rows = rows("Rights").into_iter();
    let told: BTreeSet<String> = rows.flat_map(|row| actions(&row)).collect();
    // No configuration in particular, but no other resource.
    let configurations = ["codedeploy:GetDeploymentConfig"];
    let everywhere = EVERYWHERE.into_iter().chain(configurations);

    assert_eq!(told, everywhere.map(str::to_owned).collect());
}

#[test]
fn alarms_watch_what_functions_count_where_they_count_it() {
    let counted = counted();
    let template = template();
    for function in ["ValidateBuilds", "HandleProblem", "ChangeFlags"] {
        let own = environment(&template, function);
        assert_eq!(own["METRICS_NAMESPACE"].as_str(), Some(OWN), "{function}");
    }
    for alarm in alarms() {
        if !alarm.namespace.starts_with("AWS/") {
            assert_eq!(alarm.namespace, OWN, "{}", alarm.name);
            let metric = format!("\"{}\"", alarm.metric);
            assert!(counted.contains(&metric), "{}: {metric}", alarm.name);
        }
    }
}

struct Alarm {
    name: String,
    namespace: String,
    metric: String,
}

fn alarms() -> Vec<Alarm> {
    let template = template();
    let resources = template["Resources"].as_hash().unwrap();
    let alarms: Vec<Alarm> = resources
        .iter()
        .filter(|(_, resource)| resource["Type"].as_str() == Some("AWS::CloudWatch::Alarm"))
        .map(|(name, alarm)| {
            let text = |key: &str| alarm["Properties"][key].as_str().unwrap().to_owned();
            Alarm {
                name: name.as_str().unwrap().to_owned(),
                namespace: text("Namespace"),
                metric: text("MetricName"),
            }
        })
        .collect();
    assert!(!alarms.is_empty(), "the template has alarms");
    alarms
}

/// The rows of the table in a section of the runbook.
fn rows(section: &str) -> Vec<String> {
    let runbook = fs::read_to_string(Path::new(ROOT).join("infra/README.md")).unwrap();
    let (_, section) = runbook.split_once(&format!("\n## {section}\n")).unwrap();
    section
        .lines()
        .take_while(|line| !line.starts_with("## "))
        .filter(|line| line.starts_with("| "))
        .map(str::to_owned)
        .collect()
}

/// The sources that name metrics: the functions' reports, and the word for what
/// is stuck.
fn counted() -> String {
    let reports = ["validate-builds", "handle-problem", "change-flags"]
        .map(|function| format!("functions/{function}/src/report.rs"));
    let sources = reports
        .iter()
        .map(String::as_str)
        .chain(["crates/store/src/stuck.rs"]);
    sources
        .map(|source| fs::read_to_string(Path::new(ROOT).join(source)).unwrap())
        .collect()
}
