//! The functions as data: the only place that describes them to the lab and the
//! tests. Functions without a description are refused.

use anyhow::Context as _;

use super::names::{
    FLAGS, HEALING, HOOK_SECRET, LEDGER, REMEDIATIONS, REPORT, REPORT_KEYS, TOKEN, VALIDATIONS,
    WEBHOOK_TOKEN,
};
use Variable::{Api, Aws, Dynamo, Tenant, Text};

/// The function that registers validations.
pub const REGISTER: &str = "register-validation";
/// The function that judges them.
pub const VALIDATE: &str = "validate-builds";
/// The function that answers problems; [`super::World::another`] starts it.
pub const HANDLE_PROBLEM: &str = "handle-problem";
/// The function that shows them.
pub const SHOW: &str = "validation-report";
/// The function that announces deployments; [`super::World::another`] starts it.
pub const PUSH: &str = "push-deployment-event";
/// The function that publishes evidence; [`super::World::another`] starts it.
pub const PUBLISH: &str = "publish-validation";

/// The function that changes flags; [`super::World::another`] starts it.
pub const CHANGE_FLAGS: &str = "change-flags";
/// The function that serves them; [`super::World::another`] starts it.
pub const SERVE_FLAGS: &str = "serve-flags";

/// What invokes a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trigger {
    /// An action of a pipeline.
    Job,
    /// The clock.
    Schedule,
    /// A request over HTTP.
    Http,
    /// `CodeDeploy`, by a notice on a topic.
    Notice,
}

/// A function of the gate.
#[derive(Debug)]
pub struct Described {
    /// Its name, which its package and its binary share.
    pub name: &'static str,
    /// Everything that invokes it.
    pub triggers: &'static [Trigger],
    /// Its variables, beside those that all have.
    pub own: &'static [(&'static str, Variable)],
}

/// Where the value of a variable comes from.
#[derive(Clone, Copy, Debug)]
pub enum Variable {
    /// Always the same.
    Text(&'static str),
    /// The address of AWS.
    Aws,
    /// The address of the database.
    Dynamo,
    /// The address of the tenant.
    Tenant,
    /// The generation of the tenant's API.
    Api,
}

/// Every function, in the order in which a build meets them.
pub const ALL: [Described; 8] = [
    Described {
        name: REGISTER,
        triggers: &[Trigger::Job],
        own: &[
            ("DT_INGEST_DELAY_SECONDS", Text("0")),
            ("RESULT_HOOK_SECRET_PARAMETER", Text(HOOK_SECRET)),
        ],
    },
    Described {
        name: VALIDATE,
        triggers: &[Trigger::Schedule],
        own: &[
            ("DT_TENANT_URL", Tenant),
            ("DT_API", Api),
            ("DT_API_TOKEN_PARAMETER", Text(TOKEN)),
            ("DT_MISSING_DATA_SECONDS", Text("2")),
            ("RESULT_HOOK_SECRET_PARAMETER", Text(HOOK_SECRET)),
            ("DT_BUILD_REPORT_URL", Text(REPORT)),
            ("REPORT_KEYS_PARAMETER", Text(REPORT_KEYS)),
        ],
    },
    Described {
        name: PUBLISH,
        triggers: &[Trigger::Job],
        own: &[
            ("DT_BUILD_REPORT_URL", Text(REPORT)),
            ("REPORT_KEYS_PARAMETER", Text(REPORT_KEYS)),
        ],
    },
    Described {
        name: SHOW,
        triggers: &[Trigger::Http],
        own: &[
            ("REMEDIATIONS_TABLE", Text(REMEDIATIONS)),
            ("FLAGS_TABLE", Text(FLAGS)),
            ("REPORT_KEYS_PARAMETER", Text(REPORT_KEYS)),
        ],
    },
    Described {
        name: PUSH,
        triggers: &[Trigger::Job, Trigger::Http, Trigger::Notice],
        own: &[
            ("DT_TENANT_URL", Tenant),
            ("DT_API", Api),
            ("DT_API_TOKEN_PARAMETER", Text(TOKEN)),
            ("DT_SELF_HEALING_URL", Text(HEALING)),
            ("WEBHOOK_TOKEN_PARAMETER", Text(WEBHOOK_TOKEN)),
        ],
    },
    Described {
        name: HANDLE_PROBLEM,
        triggers: &[Trigger::Http, Trigger::Schedule],
        own: &[
            ("REMEDIATIONS_TABLE", Text(REMEDIATIONS)),
            ("FLAGS_TABLE", Text(FLAGS)),
            ("DT_TENANT_URL", Tenant),
            ("DT_API", Api),
            ("DT_API_TOKEN_PARAMETER", Text(TOKEN)),
            ("WEBHOOK_TOKEN_PARAMETER", Text(WEBHOOK_TOKEN)),
            ("REPORT_KEYS_PARAMETER", Text(REPORT_KEYS)),
        ],
    },
    Described {
        name: CHANGE_FLAGS,
        triggers: &[Trigger::Http, Trigger::Schedule],
        own: &[
            ("FLAGS_TABLE", Text(FLAGS)),
            ("DT_TENANT_URL", Tenant),
            ("DT_API", Api),
            ("DT_API_TOKEN_PARAMETER", Text(TOKEN)),
        ],
    },
    Described {
        name: SERVE_FLAGS,
        triggers: &[Trigger::Http],
        own: &[("FLAGS_TABLE", Text(FLAGS))],
    },
];

/// What all of them have.
const EVERYWHERE: [(&str, Variable); 4] = [
    ("AWS_ENDPOINT_URL", Aws),
    ("AWS_ENDPOINT_URL_DYNAMODB", Dynamo),
    ("VALIDATIONS_TABLE", Text(VALIDATIONS)),
    ("LEDGER_TABLE", Text(LEDGER)),
];

/// The function of this name.
pub fn named(name: &str) -> anyhow::Result<&'static Described> {
    static FUNCTIONS: [Described; 8] = ALL;

    let found = FUNCTIONS.iter().find(|function| function.name == name);
    found.with_context(|| {
        let known = ALL.map(|function| function.name).join(", ");
        format!("there is no function `{name}`; there are {known}")
    })
}

impl Described {
    /// Its variables, before a world changes some.
    pub(super) fn variables(&self) -> impl Iterator<Item = (&'static str, Variable)> {
        EVERYWHERE.into_iter().chain(self.own.iter().copied())
    }
}
