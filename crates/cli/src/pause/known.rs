//! Whether what somebody pauses is there at all: a name that is written wrongly
//! stops nothing.

use std::collections::BTreeSet;

use futures_util::future::try_join_all;
use jiff::Timestamp;
use lambda::settings::{optional, parsed};
use monspec::lint::nearest;
use release::behind::Behind;
use release::change::Flag;
use release::deployment::Group;
use release::pause::Target;
use release::runbook::Runbooks;
use store::{Flags, Ledger, StoreError, Validations};

/// How many gates are looked through for a name that is close.
const GATES: usize = 100;

/// What to look at again, if anything.
pub(super) async fn doubt(
    ledger: &Ledger,
    validations: Option<&Validations>,
    flags: Option<&Flags>,
    target: &Target,
    now: Timestamp,
) -> Option<String> {
    let doubted = match target {
        Target::All => return None,
        Target::Group(group) => doubt_group(ledger, validations, group, now).await,
        Target::Flag(flag) => doubt_flag(flags, flag).await,
        Target::Runbook(name) => Ok(doubt_runbook(name)),
        Target::Pipeline(name) => doubt_pipeline(validations, name).await,
    };
    doubted.unwrap_or_else(|error| {
        let error = anyhow::Error::from(error);
        Some(format!(
            "whether there is a {target} could not be looked up: {error:#}"
        ))
    })
}

async fn doubt_group(
    ledger: &Ledger,
    validations: Option<&Validations>,
    group: &Group,
    now: Timestamp,
) -> Result<Option<String>, StoreError> {
    // The functions tell what is wrong with a list that cannot be read.
    let listed = parsed("DEPLOYMENT_GROUPS", Behind::default()).unwrap_or_default();
    let mut known: BTreeSet<String> = listed.iter().map(|(_, group)| group.to_string()).collect();
    if known.contains(&group.to_string()) || !ledger.deployments(group, now).await?.is_empty() {
        return Ok(None);
    }
    let applications = ledger.applications_with(&group.name).await?;
    known.extend(applications.iter().map(|application| {
        let name = group.name.clone();
        let application = application.clone();
        Group { application, name }.to_string()
    }));
    if let Some(validations) = validations {
        known.extend(groups_of_gates(validations).await?);
    }
    let otherwise = format!(
        "see `aws deploy list-deployment-groups --application-name {}`",
        group.application
    );
    let meant = meant("group", &group.to_string(), &known, &otherwise);
    Ok(Some(format!(
        "the ledger knows no deployment of {group}, so this may stop nothing; {meant}"
    )))
}

async fn doubt_flag(flags: Option<&Flags>, flag: &Flag) -> Result<Option<String>, StoreError> {
    let Some(flags) = flags else {
        return Ok(Some(format!(
            "flag {flag} was not looked up: set FLAGS_TABLE"
        )));
    };
    let declared = flags.set(&flag.set).await?;
    let declared = declared
        .map(|set| set.declarations.flags)
        .unwrap_or_default();
    if declared.contains_key(&flag.name) {
        return Ok(None);
    }
    let names = declared.into_keys().map(|name| {
        let set = flag.set.clone();
        Flag { set, name }.to_string()
    });
    let meant = meant(
        "flag",
        &flag.to_string(),
        &names.collect(),
        "see `monspec flags plan`",
    );
    Ok(Some(format!(
        "no flag {flag} is declared, so this may stop nothing; {meant}"
    )))
}

/// The list is the functions' own: it is looked up where it is given here as well.
fn doubt_runbook(name: &str) -> Option<String> {
    let Some(text) = optional("HEAL_RUNBOOKS") else {
        return Some(format!(
            "runbook {name} was not looked up: set HEAL_RUNBOOKS"
        ));
    };
    let Ok(listed) = Runbooks::read(&text) else {
        return Some(format!(
            "runbook {name} was not looked up: HEAL_RUNBOOKS cannot be read"
        ));
    };
    if listed.runbooks.contains_key(name) {
        return None;
    }
    let known = listed.runbooks.into_keys().collect();
    let meant = meant("runbook", name, &known, "see HEAL_RUNBOOKS");
    Some(format!(
        "no runbook {name} is listed, so this may stop nothing; {meant}"
    ))
}

async fn doubt_pipeline(
    validations: Option<&Validations>,
    name: &str,
) -> Result<Option<String>, StoreError> {
    let Some(validations) = validations else {
        return Ok(Some(format!(
            "pipeline {name} was not looked up: set VALIDATIONS_TABLE"
        )));
    };
    if validations.knows_pipeline(name).await? {
        return Ok(None);
    }
    let gates = validations.catalogue(None, GATES).await?.gates;
    let known = gates.into_iter().map(|gate| gate.pipeline).collect();
    let otherwise = "see `aws codepipeline list-pipelines`";
    let meant = meant("pipeline", name, &known, otherwise);
    Ok(Some(format!(
        "nothing is registered for pipeline {name}, so this may stop nothing; {meant}"
    )))
}

/// The groups that the latest builds of the gates were deployed to or compared
/// with.
async fn groups_of_gates(validations: &Validations) -> Result<BTreeSet<String>, StoreError> {
    let gates = validations.catalogue(None, GATES).await?.gates;
    let reads = gates.iter().map(|gate| validations.validation(gate.last));
    let found = try_join_all(reads).await?;
    let registrations = found.into_iter().flatten().map(|found| found.registration);
    let groups = registrations.flat_map(|registration| {
        let deployed = registration.deployments.iter().map(|one| &one.group);
        let others = registration.source_groups.iter();
        let groups = deployed.chain(others).chain(registration.compared_groups());
        groups.map(Group::to_string).collect::<Vec<_>>()
    });
    Ok(groups.collect())
}

fn meant(kind: &str, name: &str, known: &BTreeSet<String>, otherwise: &str) -> String {
    match nearest(name, known.iter().map(String::as_str)) {
        Some(near) => format!("did you mean `{kind}:{near}`?"),
        None => otherwise.to_owned(),
    }
}
