//! A run: one execution of a listed runbook that takes a change back, and its
//! life. A runbook is a template on a controller, which leads to a job, or a request to
//! a receiver, whose answer is its end.
//!
//! # Transitions
//!
//! [`step`] decides the rows that have a name, and each of them is a case of its
//! tests; the others come before a run is there.
//!
//! The rows of Verifying are those of [`crate::verify`].
//!
//! Claims, leases, comments and what a problem holds against a change work as for
//! a [remediation](crate::remediation): every write is conditional on the claim,
//! and what is said is stored with the state that causes it and posted beside all
//! this.
//!
//! | Row | State | Event | Durable write | External call | Killed before the write | Killed after the write |
//! |---|---|---|---|---|---|---|
//! | – | – | a change with an action is to blame, and [`find`] and [`input`] know what it means | Asked, the change suspect and bound to this problem, in one transaction | – | blamed again | as written |
//! | – | – | the same, and the action is refused | Refused with the reason, the change bound | – | blamed again | as written |
//! | – | – | the change is bound to another problem | Joined | – | blamed again | as written |
//! | `joined.free` | Joined | the other problem let the change go, this one is open | Asked, bound, in one transaction | – | looked at again | as written |
//! | `joined.held` | Joined | the other problem holds the change | due later | – | looked at again | as written |
//! | `closed` | Asked, Again, Waiting, Joined | the problem closes | not needed, guard given back; what was bound is free again | – | looked at again | as written |
//! | `unheard` | Asked, Again, Waiting | the tenant says nothing of the problem | due later | – | looked at again | as written |
//! | `asked.off` | Asked | running is switched off | Refused | – | decided again | as written |
//! | `asked.changed` | Asked | the operator has removed or changed the runbook | Refused | – | decided again | as written |
//! | `asked.denied` | Asked, Waiting | a person says no | Refused | – | decided again | as written |
//! | `asked.needless` | Asked | the change is younger than the problem, or the notification is old and no person said yes | not needed | – | decided again | as written |
//! | `asked.paused` | Asked | changes are paused, or nobody can say | due later, with a comment that says why | – | decided again | as written |
//! | `asked.busy` | Asked | another run holds the target | due later | – | decided again | as written |
//! | `asked.guarded` | Asked | the target ran a moment ago, or too often | Refused | – | decided again | as written |
//! | `asked.unreachable` | Asked | the controller does not say what the template asks for | due later | – | asked again | as written |
//! | `asked.unfit` | Asked | the template is not the listed one, takes no limit or check that is needed, or needs what is not given | Refused | – | decided again | as written |
//! | `asked.active` | Asked | a job of the template is under way, whoever launched it | due later, with a comment that names it | – | decided again | as written |
//! | `asked.too-large` | Asked | the variables are more than a controller is told | Refused | – | decided again | as written |
//! | `asked.ask` | Asked | a person has to be asked, and a check is not owed | Waiting | – | decided again | asked |
//! | `asked.shadow` | Asked | nothing shall be run, and a check is not owed | Shadowed, guard in cooldown, in one transaction | – | decided again | as written |
//! | `asked.check` | Asked | a check comes first, also where nothing shall be run | Intended in check mode with the floor, guard taken, in one transaction | launch, once | decided again | next rows |
//! | `asked.intend` | Asked | nothing is in the way | Intended with the floor, guard taken, in one transaction | launch, or the request, once | decided again | next rows |
//! | `waiting.open` | Waiting | nobody has answered | due later | – | looked at again | as written |
//! | `waiting.yes` | Waiting | a person says yes, however old the notification is | Asked, allowed by them | – | looked at again | decided as asked |
//! | `intended.launched` | Intended | 201 | Launched with the job | – | looked for | as written |
//! | `intended.done` | Intended, Unknown | the receiver answers 2xx, with its proof | Verifying, guard in cooldown, in one transaction | – | sent again, under the same key | as written |
//! | `intended.disproved` | Intended, Unknown | the same, without its proof | Failed, guard in cooldown, in one transaction | – | sent again, under the same key | as written |
//! | `intended.refused` | Intended | 400, 401, 403, 404 or 405; of a receiver each 4xx but 408, 409, 425 and 429 | Refused with the controller's words or the status, guard given back, in one transaction | – | looked for, and then launched once more; sent again, under the same key | as written |
//! | `intended.not-sent` | Intended | no connection was made | as before the intent, guard given back, in one transaction | – | looked for | decided anew |
//! | `intended.unknown` | Intended | anything else: an answer that is lost, a 502, a redirect, a 200 of a controller | Unknown with what happened | – | looked for; sent again, under the same key | as written |
//! | `intended.met` | Intended | another worker meets it | the rows of Unknown; of a request, Unknown, and due at once | – | met again | as written |
//! | `unknown.due` | Unknown | a request is due again | – | send it, under the same key | sent again, under the same key | – |
//! | `unknown.not-due` | Unknown | a request is not due yet | due later | – | looked at again | as written |
//! | `unknown.paused` | Unknown | a request is due, and changes are paused, or nobody can say | due later | – | looked at again | as written |
//! | `unknown.unanswered` | Unknown | a request was repeated, and no answer says what became of it, or no connection was made | the same, due again after as long as the intent is old, 5 s to 5 min | – | sent again, under the same key | as written |
//! | `unknown.refused` | Unknown | a repetition is refused: what was sent before may have been taken | Lost, guard in cooldown, alarm, in one transaction | – | sent again, under the same key | as written |
//! | `unknown.over` | Unknown | the time of a request is over; or the problem is, a person says no, running is switched off or the runbook was changed | Lost, guard in cooldown, alarm, in one transaction | – | looked at again | as written |
//! | `unknown.found` | Unknown | a job of ours above the floor carries the marker, or is the only one where there can be no marker | Launched with the job | – | looked for | as written |
//! | `unknown.several` | Unknown | several carry it | Launched with the lowest id, the others to be ended | – | looked for | as written |
//! | `unknown.unclear` | Unknown | there can be no marker, and several may be it | Lost, guard in cooldown, alarm, in one transaction | – | looked for | as written |
//! | `unknown.early` | Unknown | none is there, and 150 s are not over | due after 5, 30 and 150 s | – | looked for | as written |
//! | `unknown.unheard` | Unknown | the controller does not say | due later, however late it is | – | looked for | as written |
//! | `unknown.again` | Unknown | none is there after 150 s, for the first time | Again | – | looked for | decided anew |
//! | `unknown.lost` | Unknown | none is there after 150 s, for the second time | Lost, guard in cooldown, alarm, in one transaction | – | looked for | as written |
//! | `again.found` | Again | the first launch has turned up after all | Launched with the job | – | looked for | as written |
//! | `again.intend` | Again | it has not, and the rows of Asked lead to an intent | Intended, with the floor of the first | launch, for the last time | decided again | next rows |
//! | `launched.others` | Launched | there are other jobs of this run | none is left | end the others | ended again | as written |
//! | `launched.differs` | Launched | it is not what was ordered | Aborting | – | decided again | ended |
//! | `launched.moved` | Launched | its status or what it waits for has changed | the same with it, due after 5 to 60 s | – | looked at again | as written |
//! | `launched.same` | Launched | it goes on, also with a status that is not known | due after 5 to 60 s | – | looked at again | as written |
//! | `launched.unheard` | Launched | the controller does not say | due later; watching never launches | – | looked at again | as written |
//! | `launched.overdue` | Launched | its time is over | Aborting | – | decided again | ended |
//! | `launched.stopped` | Launched | a person says no | Aborting | – | decided again | ended |
//! | `launched.closed` | Launched | the problem closes before it runs | Aborting | – | decided again | ended |
//! | `launched.gone` | Launched, Aborting | the controller does not know it any more | Gone, guard in cooldown, in one transaction | – | looked at again | as written |
//! | `launched.late-details` | Launched | it has ended, and within 30 s nobody knows where it ran | due later | – | looked at again | as written |
//! | `launched.checked` | Launched | the check ended well | Asked, checked | – | looked at again | decided anew |
//! | `launched.check-shadow` | Launched | the same, and nothing shall be run | Shadowed with the check, guard in cooldown, in one transaction | – | looked at again | as written |
//! | `launched.check-failed` | Launched | the check did not | Refused, guard given back, in one transaction | – | looked at again | as written |
//! | `launched.well` | Launched | it ended well, on at least one host, with its proof | Verifying, guard in cooldown, in one transaction | – | looked at again | as written |
//! | `launched.badly` | Launched | it did not | Failed with task and output, guard in cooldown, in one transaction | – | looked at again | as written |
//! | `aborting.wish` | Aborting | nobody wished its end within a minute | when it was wished | end it | wished again | as written |
//! | `aborting.wait` | Aborting | it goes on | due later | – | looked at again | as written |
//! | `aborting.ended` | Aborting | it has ended, however | Aborted, guard in cooldown, in one transaction | – | looked at again | as written |
//! | `aborting.stuck` | Aborting | it goes on for ten minutes, or nobody can say | Stuck, guard in cooldown, alarm, in one transaction | – | looked at again | as written |
//! | `verifying.wait` | Verifying | the problem goes on | due later | – | looked at again | as written |
//! | `verifying.healed` | Verifying | the problem closes after the job had ended | Healed, the change bad, in one transaction | – | looked at again | as written |
//! | `verifying.late` | Verifying | the problem had closed before | Late, the change stays suspect | – | looked at again | as written |
//! | `verifying.unconfirmed` | Verifying | the problem was merged, and the tenant cannot say into which | Unconfirmed, the change stays suspect | – | looked at again | as written |
//! | `verifying.unheard` | Verifying | the tenant does not answer | due later | – | looked at again | as written |
//! | `verifying.still-open` | Verifying | the problem is open ten minutes later | due later, with a comment that offers to make the change again, and names the next older one | – | looked at again | as written |
//! | `ended.released` | Refused, not needed, Shadowed, and whatever ended with a check | the problem closes | the change is unknown again | – | looked at again | as written |
//! | `ended.kept` | whatever ended with a real job | the problem closes | the change stays suspect | – | looked at again | as written |
//! | `gave-up` | any that is not final | the time of the problem is over | given up; lost or stuck, with an alarm, where a job is or may be under way; guard in cooldown | – | looked at again | as written |
//!
//! A launch is only ever sent in the pass that wrote its intent, and a second time
//! at most once, after two and a half minutes in which the first did not turn up:
//! a controller that was asked may write a job down for so long after the
//! connection is gone. Jobs are found by ids, not by clocks: whatever is launched
//! after the floor was read has a larger one.
//!
//! A request carries the id of its run as a key. Whoever receives it does each key once
//! and answers a repetition as it answered before, so that a request is repeated where a
//! launch is looked for: with the same key and the same body, until its deadline.

mod action;
mod announced;
mod begin;
mod cause;
mod ended;
mod fit;
mod input;
mod job;
mod matching;
mod observed;
mod order;
mod refusal;
mod replay;
mod settings;
mod state;
mod step;
mod variables;
pub mod words;

use serde::{Deserialize, Serialize};

pub use crate::configuration::{Cause, Configuration};
pub use action::{Action, Site, Unreadable, Which, Wish, parse, read};
pub use announced::Event;
pub use begin::{Begun, Draft};
pub use cause::{Candidate, Choice, choose};
pub use ended::{Counts, Ended, LARGEST_ANSWER, Proof, Task, Unwell};
pub use fit::{Active, Form, Unfit, unfit};
pub use input::input;
pub use job::{JobAt, Marking, Purpose};
pub use matching::{Announced, find};
pub use observed::{Answer, Found, Launched, Observed, Permission, Shown, Situation};
pub use order::{About, Entity, MARKER, Order};
pub use refusal::{Needless, Refusal};
pub use replay::{NoReplay, Replay, replay};
pub use settings::{
    Auth, Causes, Check, Compat, Controller, Hosts, Invalid, Means, Mode, Older, Receiver, Runbook,
    Runbooks, Template,
};
pub use state::{Abort, Attempt, State};
pub use step::{Call, Learnt, Move, Question, Said, Step, Told, give_up, step};
pub use variables::{Input, Misfit, Shape, Variable};

/// What is launched: a playbook, or several.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A playbook with its inventory.
    Job,
    /// A workflow of them, and what a template that is cut into slices makes.
    Workflow,
}

/// One execution of a runbook for a problem and a change.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    /// What names it everywhere, in the variables of its jobs too.
    pub id: String,
    /// The runbook, as it was listed when this was decided.
    pub runbook: Runbook,
    /// The problem that it answers.
    pub problem: String,
    /// The change that it takes back.
    pub cause: Cause,
    /// What it is told of the problem.
    pub about: About,
    /// What it is given.
    pub input: Input,
    /// Whether the problem holds the change.
    pub holds: bool,
    /// Whether it holds the guard of its target.
    pub guards: bool,
    /// The person who said yes.
    pub allowed: Option<String>,
    /// What its check has shown.
    pub checked: Option<Ended>,
    /// The foreign job that was named last as what it waits for.
    pub named: Option<u64>,
    /// How far it is.
    pub state: State,
}

impl Run {
    /// What its guard protects.
    pub fn target(&self) -> String {
        self.runbook.target(self.input.limit.as_deref())
    }
}
