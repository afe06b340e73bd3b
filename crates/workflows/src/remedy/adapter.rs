//! What the adapter of each kind is asked with, and what it answers.

use std::collections::BTreeSet;
use std::sync::Arc;

use delivery::bundle::Bundles;
use delivery::codedeploy::CodeDeploy;
use dynatrace::{Dynatrace, RecordedEvent, Window};
use jiff::{SignedDuration, Timestamp};
use release::attribution::{Blame, Candidate};
use release::behind::Behind;
use release::change::Place;
use release::deployment::Standing;
use release::links::Links;
use release::runbook::{Cause, Refusal, Run};
use release::validation::ValidationId;
use release::window::saturating_add;
use store::{Flags, Ledger, Reading};
use tokio::time::Instant;

use super::codedeploy::GroupTag;
use super::runbook::Automation;

/// How long after the moment that is looked at an entity may be seen first.
const SEEN_LATE: SignedDuration = SignedDuration::from_hours(1);

/// Where changes are made and taken back.
#[derive(Debug)]
pub struct Clients {
    /// Where revisions are deployed again.
    pub codedeploy: CodeDeploy,
    /// Where bundles are looked for.
    pub bundles: Bundles,
    /// Where flags are changed back; without it, changes of flags cause nothing, and
    /// no rule is followed.
    pub flags: Option<Flags>,
}

/// What takes secrets to make.
#[derive(Debug)]
pub struct Connected {
    /// Where the problems come from, and where changes are announced.
    pub tenant: Dynatrace,
    /// What runs runbooks.
    pub automation: Arc<Automation>,
    /// Links for comments, where there is a report.
    pub links: Option<Links>,
}

/// What changes are looked at and taken back with, in one pass.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Context<'a> {
    /// What is known of changes.
    pub(crate) ledger: &'a Ledger,
    pub(crate) clients: &'a Clients,
    pub(crate) connected: &'a Connected,
    /// How long before a problem a change can be its cause.
    pub(crate) look_back: SignedDuration,
    /// Which groups are behind which tags, where that is listed.
    pub(crate) behind: &'a Behind,
    /// The tag whose value names the deployment group of an entity.
    pub(crate) group_tag: &'a GroupTag,
    /// Whether what is blamed will be answered, so that looking ahead pays.
    pub(crate) answers: bool,
    /// When the problem began, if that is known.
    pub(crate) began: Option<Timestamp>,
    /// Now.
    pub(crate) now: Timestamp,
    /// When what is looked at happened: now, or a moment of the past.
    pub(crate) moment: Timestamp,
    /// When remotes are no longer waited for.
    pub(crate) remotes_until: Instant,
}

impl Context<'_> {
    /// When entities were there that something may be known of.
    pub(crate) fn around(&self) -> Window {
        let to = saturating_add(self.moment, SEEN_LATE).min(self.now);
        let to_ms = to.as_millisecond();
        Window {
            from_ms: to_ms - 24 * 3_600_000,
            to_ms,
        }
    }
}

/// An entity of a problem that is production.
#[derive(Clone, Debug)]
pub(crate) struct Affected {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) tags: Vec<monspec::Tag>,
}

/// Whose cause is looked for.
pub(crate) struct Case<'a> {
    pub(crate) blame: Blame<'a>,
    pub(crate) affected: &'a [Affected],
    /// The changes that the tenant itself thinks are part of it.
    pub(crate) evidence: &'a [RecordedEvent],
    /// The runs that answer it already.
    pub(crate) runs: &'a [Run],
}

/// Everything that could be the cause.
#[derive(Default)]
pub(crate) struct Gathered {
    pub(crate) candidates: Vec<Candidate>,
    /// What looks like a candidate and is none.
    pub(crate) dismissed: Vec<Dismissed>,
    /// The names of groups that tags say and several applications have.
    pub(crate) undecided: BTreeSet<String>,
    /// The places that we are not let look at.
    pub(crate) closed: BTreeSet<Place>,
    /// What was not looked at, because there is too much.
    pub(crate) left_out: Vec<String>,
    /// The newest change that names an action which must not be run, and why.
    pub(crate) refused: Option<(Cause, Refusal)>,
}

impl Gathered {
    /// Adds what was gathered of another kind.
    pub(crate) fn extend(&mut self, other: Self) {
        self.candidates.extend(other.candidates);
        self.dismissed.extend(other.dismissed);
        self.undecided.extend(other.undecided);
        self.closed.extend(other.closed);
        self.left_out.extend(other.left_out);
        self.refused = self.refused.take().or(other.refused);
    }
}

/// A change that is no candidate.
pub(crate) struct Dismissed {
    pub(crate) change: String,
    pub(crate) place: String,
    pub(crate) entity: String,
    pub(crate) at: Timestamp,
    pub(crate) announced: bool,
    pub(crate) why: String,
}

/// What could be put in the place of a culprit, and whether it would be.
#[derive(Clone, Debug)]
pub(crate) struct Alternative {
    /// The change that brought it first.
    pub(crate) id: String,
    /// What a person calls it.
    pub(crate) version: String,
    pub(crate) standing: Standing,
    pub(crate) is_chosen: bool,
    /// Why, or why not.
    pub(crate) why: String,
}

/// What a look at the place of a culprit says before it is blamed.
pub(crate) struct BeforeBlame {
    /// The problem that holds it.
    pub(crate) holder: Option<String>,
    /// What was read of it, where the write that blames it rests on that.
    pub(crate) reading: Option<Reading>,
}

/// What a person should know about a choice.
#[derive(Default)]
pub(crate) struct Notes<'a> {
    pub(crate) sentences: &'a [String],
    /// The validation that speaks for it, if one does.
    pub(crate) evidence: Option<ValidationId>,
}
