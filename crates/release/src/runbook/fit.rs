//! Whether a template does what a runbook needs of it, before anything is
//! launched: a job template drops what it does not take without a word, a limit
//! among it, and a check.

use super::settings::{Check, Hosts, Means, Runbook, Template};
use super::{Input, Kind, Marking, Purpose};

/// What the controller says of a template.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of the template"
)]
pub struct Form {
    /// Its name.
    pub name: String,
    /// The organization that owns it.
    pub organization: Option<String>,
    /// The project that the playbook is from.
    pub project: Option<String>,
    /// The playbook; empty for a workflow.
    pub playbook: String,
    /// Whether it takes variables of any name.
    pub takes_variables: bool,
    /// Whether it takes a limit.
    pub takes_limit: bool,
    /// Whether it takes the wish for a check.
    pub takes_check: bool,
    /// The variables of its survey.
    pub survey: Vec<String>,
    /// The variables that it needs.
    pub needs_variables: Vec<String>,
    /// The passwords that it needs.
    pub needs_passwords: Vec<String>,
    /// Whether it needs an inventory.
    pub needs_inventory: bool,
    /// Its hosts; empty for all of its inventory.
    pub limit: String,
    /// `run` or `check`; empty for a workflow.
    pub job_type: String,
    /// The id of its newest job.
    pub newest: u64,
    /// Its jobs that have not ended, the oldest first.
    pub active: Vec<Active>,
}

/// A job that has not ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Active {
    /// Its id.
    pub id: u64,
    /// The controller's word for how far it is.
    pub status: String,
    /// Who launched it.
    pub by: String,
}

/// Why a template does not do what a runbook needs.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// There is none.
    #[error("there is no such template, or the user may not see it")]
    Gone,
    /// It has another name.
    #[error("the template is called `{0}`, so its id may have come to mean another one")]
    Renamed(String),
    /// It belongs to another organization.
    #[error("the template belongs to organization `{0}`")]
    Organization(String),
    /// Its playbook is from another project.
    #[error("the playbook is from project `{0}`")]
    Project(String),
    /// It runs another playbook.
    #[error("the template runs playbook `{0}`")]
    Playbook(String),
    /// It takes no limit.
    #[error("the template does not prompt for a limit, and would run on all its hosts")]
    NoLimit,
    /// It takes no check.
    #[error("the template does not prompt for its job type, and would run instead of checking")]
    NoCheck,
    /// It checks by itself.
    #[error("the template itself only checks (its job type is `{0}`)")]
    OnlyChecks(String),
    /// It does not take these variables.
    #[error("the template takes neither variables nor, in its survey, {0}")]
    NoVariables(String),
    /// It needs these variables.
    #[error("the template needs a value for {0}; add it to `vars`")]
    Needs(String),
    /// It needs passwords.
    #[error("the template asks for a password ({0}), which nobody types here")]
    Password(String),
    /// It needs an inventory.
    #[error("the template has no inventory")]
    Inventory,
}

/// How a job of the template is recognised, or why there must be none. A receiver is
/// told everything, and takes what it knows.
pub(super) fn fit(
    runbook: &Runbook,
    form: &Form,
    input: &Input,
    purpose: Purpose,
) -> Result<Marking, Unfit> {
    let needs = Needs {
        variables: input.variables.keys().map(String::as_str).collect(),
        limits: input.limit.as_deref().into_iter().collect(),
        purposes: vec![purpose],
    };
    // A receiver takes everything, and asks for nothing.
    let Means::Template(template) = &runbook.means else {
        return Ok(Marking::Variables);
    };
    match needs.misfits(template, form).into_iter().next() {
        Some(why) => Err(why),
        None if form.takes_variables => Ok(Marking::Variables),
        None => Ok(Marking::Sole),
    }
}

/// Everything for which a run of the runbook would be refused, whatever event it
/// answers.
pub fn unfit(runbook: &Runbook, form: &Form) -> Vec<Unfit> {
    let needs = Needs {
        variables: runbook.variables.keys().map(String::as_str).collect(),
        limits: match &runbook.limit {
            None => Vec::new(),
            Some(Hosts::These(pattern)) => vec![pattern],
            Some(Hosts::Entity(hosts)) => hosts.iter().map(String::as_str).collect(),
        },
        purposes: match runbook.check {
            Check::None => vec![Purpose::Real],
            Check::Before => vec![Purpose::Check, Purpose::Real],
        },
    };
    match &runbook.means {
        Means::Template(template) => needs.misfits(template, form),
        Means::Request { .. } => Vec::new(),
    }
}

/// What is asked of a template.
struct Needs<'a> {
    variables: Vec<&'a str>,
    limits: Vec<&'a str>,
    purposes: Vec<Purpose>,
}

impl Needs<'_> {
    fn misfits(&self, template: &Template, form: &Form) -> Vec<Unfit> {
        let mut misfits = Vec::new();
        if form.name != template.name {
            misfits.push(Unfit::Renamed(form.name.clone()));
        }
        let is = |is: &Option<String>| is.clone().unwrap_or_else(|| "none".to_owned());
        if template.organization.is_some() && form.organization != template.organization {
            misfits.push(Unfit::Organization(is(&form.organization)));
        }
        if template.project.is_some() && form.project != template.project {
            misfits.push(Unfit::Project(is(&form.project)));
        }
        if template
            .playbook
            .as_ref()
            .is_some_and(|playbook| *playbook != form.playbook)
        {
            misfits.push(Unfit::Playbook(form.playbook.clone()));
        }
        if !form.takes_limit && self.limits.iter().any(|limit| *limit != form.limit) {
            misfits.push(Unfit::NoLimit);
        }
        for purpose in &self.purposes {
            match purpose {
                Purpose::Check if !form.takes_check && form.job_type != "check" => {
                    misfits.push(Unfit::NoCheck);
                }
                Purpose::Real if template.kind == Kind::Job && form.job_type != "run" => {
                    misfits.push(Unfit::OnlyChecks(form.job_type.clone()));
                }
                Purpose::Check | Purpose::Real => {}
            }
        }
        if !form.takes_variables {
            let is_asked = |name: &&&str| form.survey.iter().any(|asked| asked == *name);
            let lost = self.variables.iter().filter(|name| !is_asked(name));
            let lost: Vec<&str> = lost.copied().collect();
            if !lost.is_empty() {
                misfits.push(Unfit::NoVariables(lost.join(", ")));
            }
        }
        let needed = form.needs_variables.iter().map(String::as_str);
        let needed = needed.filter(|name| !self.variables.contains(name));
        let needed: Vec<&str> = needed.collect();
        if !needed.is_empty() {
            misfits.push(Unfit::Needs(needed.join(", ")));
        }
        if !form.needs_passwords.is_empty() {
            misfits.push(Unfit::Password(form.needs_passwords.join(", ")));
        }
        if form.needs_inventory {
            misfits.push(Unfit::Inventory);
        }
        misfits
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::runbook::settings::Runbooks;

    fn runbook() -> Runbook {
        let settings = json!({
            "controllers": {
                "awx": {"base": "https://awx.acme/api/v2", "auth": "bearer", "secret": "/ub/awx"},
            },
            "runbooks": {
                "stop": {
                    "on": "awx",
                    "template": 18,
                    "name": "stop-campaign",
                    "organization": "Default",
                    "project": "runbooks",
                    "playbook": "stop.yml",
                    "for": {"events": ["CUSTOM_CONFIGURATION"], "sources": ["Ansible Tower"]},
                },
            },
        });
        let listed = Runbooks::read(&settings.to_string()).expect("they are good");
        listed.runbooks["stop"].clone()
    }

    fn form() -> Form {
        Form {
            name: "stop-campaign".to_owned(),
            organization: Some("Default".to_owned()),
            project: Some("runbooks".to_owned()),
            playbook: "stop.yml".to_owned(),
            takes_variables: true,
            job_type: "run".to_owned(),
            ..Form::default()
        }
    }

    fn input() -> Input {
        let mut input = Input::default();
        input.variables.insert("rate".to_owned(), json!(0));
        input
    }

    fn limited() -> Input {
        Input {
            limit: Some("web-1".to_owned()),
            ..input()
        }
    }

    /// How the job is recognised, or why there is none.
    fn told(form: &Form, input: &Input, purpose: Purpose) -> String {
        match fit(&runbook(), form, input, purpose) {
            Ok(marking) => format!("{marking:?}"),
            Err(why) => why.to_string(),
        }
    }

    #[test]
    fn template_is_the_listed_one_or_none() {
        let changed = |change: fn(&mut Form)| {
            let mut form = form();
            change(&mut form);
            told(&form, &input(), Purpose::Real)
        };
        assert_eq!(changed(|_| {}), "Variables");
        for (said, says) in [
            (
                changed(|form| form.name = "drop-all".to_owned()),
                "is called `drop-all`",
            ),
            (
                changed(|form| form.organization = Some("Other".to_owned())),
                "organization `Other`",
            ),
            (
                changed(|form| form.organization = None),
                "organization `none`",
            ),
            (
                changed(|form| form.project = Some("mine".to_owned())),
                "from project `mine`",
            ),
            (
                changed(|form| form.playbook = "all.yml".to_owned()),
                "runs playbook `all.yml`",
            ),
            (
                changed(|form| form.job_type = "check".to_owned()),
                "itself only checks",
            ),
            (
                changed(|form| form.needs_variables = vec!["why".to_owned()]),
                "needs a value for why",
            ),
            (
                changed(|form| form.needs_passwords = vec!["ssh".to_owned()]),
                "asks for a password (ssh)",
            ),
            (
                changed(|form| form.needs_inventory = true),
                "has no inventory",
            ),
        ] {
            assert!(said.contains(says), "{says}: {said}");
        }
        let needed = |form: &mut Form| form.needs_variables = vec!["rate".to_owned()];
        assert_eq!(changed(needed), "Variables");
    }

    #[test]
    fn limit_that_would_be_dropped_is_never_launched() {
        let taken = Form {
            takes_limit: true,
            ..form()
        };
        let own = Form {
            limit: "web-1".to_owned(),
            ..form()
        };
        assert!(told(&form(), &limited(), Purpose::Real).contains("does not prompt for a limit"));
        assert_eq!(told(&taken, &limited(), Purpose::Real), "Variables");
        assert_eq!(told(&own, &limited(), Purpose::Real), "Variables");
    }

    #[test]
    fn check_that_would_be_dropped_is_never_launched() {
        let taken = Form {
            takes_check: true,
            ..form()
        };
        let own = Form {
            job_type: "check".to_owned(),
            ..form()
        };
        assert!(told(&form(), &input(), Purpose::Check).contains("would run instead of checking"));
        assert_eq!(told(&taken, &input(), Purpose::Check), "Variables");
        assert_eq!(told(&own, &input(), Purpose::Check), "Variables");
    }

    #[test]
    fn template_without_variables_takes_those_of_its_survey_and_no_marker() {
        let none = Form {
            takes_variables: false,
            ..form()
        };
        let survey = Form {
            survey: vec!["rate".to_owned()],
            ..none.clone()
        };
        assert!(told(&none, &input(), Purpose::Real).contains("in its survey, rate"));
        assert_eq!(told(&survey, &input(), Purpose::Real), "Sole");
        assert_eq!(told(&none, &Input::default(), Purpose::Real), "Sole");
    }

    #[test]
    fn everything_that_would_refuse_a_run_is_told_before_any_event() {
        let listed = Runbook {
            limit: Some(Hosts::Entity(vec!["web-1".to_owned(), "web-2".to_owned()])),
            check: Check::Before,
            ..runbook()
        };
        let told = |form: &Form| -> Vec<String> {
            let unfit = unfit(&listed, form).into_iter();
            unfit.map(|why| why.to_string()).collect()
        };
        let good = Form {
            takes_limit: true,
            takes_check: true,
            ..form()
        };
        assert_eq!(told(&good), [""; 0]);
        let bad = Form {
            name: "drop-all".to_owned(),
            needs_variables: vec!["why".to_owned()],
            needs_passwords: vec!["ssh_password".to_owned()],
            ..form()
        };
        assert_eq!(
            told(&bad),
            [
                "the template is called `drop-all`, so its id may have come to mean another one",
                "the template does not prompt for a limit, and would run on all its hosts",
                "the template does not prompt for its job type, and would run instead of checking",
                "the template needs a value for why; add it to `vars`",
                "the template asks for a password (ssh_password), which nobody types here",
            ]
        );
    }
}
