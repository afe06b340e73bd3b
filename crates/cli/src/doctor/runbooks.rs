//! What a run of each listed runbook would need of its controller.

use controller::{Controller, Error};
use futures_util::future::join_all;
use release::runbook::{Answer, Form, Means, Mode, Runbook, Template, Unfit, unfit};
use workflows::handle_problem::{Automation, Receiver, form};

use super::result::{CheckResult, because, fail, ok, unchecked, warn};
use super::{Checked, Installation};
use crate::runbooks::{HEAL_RUNBOOKS, Unlisted, automation};

const CHECK: &str = "runbook";

/// Whether each controller answers and knows the credentials, and each template
/// does what its runbook needs. Nothing is launched.
pub(super) async fn runbooks(it: &Installation) -> Checked {
    let automation = automation(&it.sdk).await.map_err(unlisted)?;
    let Automation {
        listed,
        controllers,
        receivers,
    } = &automation;
    if listed.runbooks.is_empty() {
        return Err(ok(CHECK, HEAL_RUNBOOKS, "no runbook is listed"));
    }
    let asked = controllers.iter();
    let asked = asked.map(async |(name, client)| asked_of(it, name, client.as_ref()).await);
    let fits = listed.runbooks.values();
    let fits = fits.map(async |runbook| {
        let Means::Template(template) = &runbook.means else {
            return vec![request(runbook, receivers.get(&runbook.on))];
        };
        match controllers.get(&runbook.on) {
            Some(Ok(client)) => {
                let answer = form(client, template, it.deadline).await;
                fit(runbook, template, answer)
            }
            // What is wrong is said of the controller.
            Some(Err(_)) | None => vec![unchecked(
                CHECK,
                &runbook.alias,
                "not looked at",
                format!("repair controller {} first", runbook.on),
            )],
        }
    });
    let (asked, fits) = futures_util::future::join(join_all(asked), join_all(fits)).await;
    Ok(asked.into_iter().chain(fits.concat()).collect())
}

fn unlisted(why: Unlisted) -> CheckResult {
    match why {
        // Where none is wanted, none is missing.
        Unlisted::Nothing(why) => ok(CHECK, HEAL_RUNBOOKS, format!("no runbook is run: {why}")),
        Unlisted::Unread(error) => {
            let fix = "grant your credentials ssm:GetParameters on the list and on the secrets \
                       of its controllers";
            unchecked(CHECK, HEAL_RUNBOOKS, because(error), fix)
        }
        Unlisted::Wrong(wrong) => {
            let wrong: Vec<String> = wrong.iter().map(ToString::to_string).collect();
            let said = format!("no runbook is run: {}", wrong.join("; "));
            fail(
                CHECK,
                HEAL_RUNBOOKS,
                said,
                "correct the list and store it again",
            )
        }
    }
}

/// Whether a controller answers, and whom it takes us for.
async fn asked_of(
    it: &Installation,
    name: &str,
    client: Result<&Controller, &String>,
) -> CheckResult {
    let subject = format!("controller {name}");
    let client = match client {
        Ok(client) => client,
        Err(why) => {
            let fix = "store what the list names as SecureStrings, and correct the list";
            return fail(CHECK, subject, why, fix);
        }
    };
    let (ping, user) =
        futures_util::future::join(client.ping(it.deadline), client.me(it.deadline)).await;
    let (ping, user) = match (ping, user) {
        (Ok(ping), Ok(user)) => (ping, user),
        (Err(error), _) | (_, Err(error)) => {
            let fix = fix_of(&error);
            return fail(CHECK, subject, because(error), fix);
        }
    };
    let said = format!("version {} takes us for {}", ping.version, user.name);
    if user.superuser {
        let said = format!("{said}, who may do everything");
        let fix = "give it a token of a user that may only execute the listed templates";
        return warn(CHECK, subject, said, fix);
    }
    ok(CHECK, subject, said)
}

/// Whether a receiver could be asked: whoever asks it has something done, so it is
/// not.
fn request(runbook: &Runbook, receiver: Option<&Result<Receiver, String>>) -> CheckResult {
    let (alias, on) = (&runbook.alias, &runbook.on);
    if let Some(Err(why)) = receiver {
        let said = format!("receiver {on} cannot be asked: {why}");
        let fix = "store its secret as a SecureString, and correct the list";
        return fail(CHECK, alias, said, fix);
    }
    let mode = word(runbook.mode);
    let said =
        format!("its secret signs requests to {on}, which was not asked; its mode is {mode}");
    ok(CHECK, alias, said)
}

/// What a run would need and the template does not do.
fn fit(runbook: &Runbook, template: &Template, answer: Answer<Form>) -> Vec<CheckResult> {
    let Runbook {
        alias, on, mode, ..
    } = runbook;
    let wrong = match answer {
        Answer::Is(form) => unfit(runbook, &form),
        Answer::Gone => vec![Unfit::Gone],
        Answer::Unheard(why) => {
            let fix = format!("see controller {on}");
            return vec![unchecked(CHECK, alias, why, fix)];
        }
    };
    if wrong.is_empty() {
        let mode = word(*mode);
        let said = format!(
            "template {} on {on} does what it needs; its mode is {mode}",
            template.id
        );
        return vec![ok(CHECK, alias, said)];
    }
    let wrong = wrong.iter();
    wrong
        .map(|why| fail(CHECK, alias, why, fix_of_template(why)))
        .collect()
}

fn word(mode: Mode) -> &'static str {
    match mode {
        Mode::Off => "off",
        Mode::Shadow => "shadow",
        Mode::Ask => "ask",
        Mode::Auto => "auto",
    }
}

fn fix_of(error: &Error) -> &'static str {
    match error {
        Error::Unauthorised(_) => "store a valid token, or `user:password`, under the same name",
        Error::Forbidden(_) => "give the user the role that the request needs",
        Error::Untrusted(_) => "store the roots that signed its certificate, and name them as `ca`",
        Error::Refused(_) | Error::Unknown(_) | Error::Malformed { .. } => {
            "correct `base` of the controller"
        }
        Error::Throttled | Error::Unreachable(_) | Error::Unavailable { .. } => {
            "check whether this machine, and the functions, can reach the controller"
        }
    }
}

fn fix_of_template(why: &Unfit) -> &'static str {
    match why {
        Unfit::Gone => "correct `template`, or give the user the role `Execute` on it",
        Unfit::Renamed(_) | Unfit::Organization(_) | Unfit::Project(_) | Unfit::Playbook(_) => {
            "correct the template, or what the list says of it"
        }
        Unfit::NoLimit => "let the template prompt for its limit",
        Unfit::NoCheck => "let the template prompt for its job type",
        Unfit::OnlyChecks(_) => "set the job type of the template to `run`",
        Unfit::NoVariables(_) => {
            "let the template prompt for variables, or ask for these in its survey"
        }
        Unfit::Needs(_) => "add it to `vars` in the list, or give it a default in the survey",
        Unfit::Password(_) => "give the template credentials that hold it",
        Unfit::Inventory => "give the template an inventory",
    }
}
