//! A reader opens a link and sees what is known: the gates, the history of one,
//! one evaluation; the flags and the history of one; one problem.
//!
//! A link opens what it names. What a page links to is signed anew, until the
//! same moment: from an evaluation to its history, from there to the other
//! evaluations, from the flags to the history of each, from the problems to each, from the start page to
//! everything. No page leads to the start page but to whoever may read everything
//! anyway.

mod addresses;
mod changes;
mod document;
mod evaluation;
mod history;
mod parameters;
mod problem;
mod problems;
mod remedies;
mod route;
mod start;

use futures_util::future::join;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use release::link::{Refused, Scope};
use report::{Form, Frame, Trouble, badge, page};
use store::{Flags, Ledger, Remediations, StoreError, Validations};

use addresses::Addresses;
pub use document::{Document, Found, Kind};
use parameters::{Parameters, Wrong};
use release::links::Access;
use release::pause::{Freeze, Stops};
pub use report::content_security_policy;
pub use route::{ADDRESSES, Page, Shape};

/// What this use-case needs.
#[derive(Debug)]
pub struct Services {
    /// The records.
    pub validations: Validations,
    /// What is known of deployments.
    pub ledger: Ledger,
    /// What was done about problems.
    pub remediations: Remediations,
    /// The flags.
    pub flags: Flags,
    /// The set of flags that is shown.
    pub set: String,
    /// The zone of the readers; times are in UTC without one.
    pub zone: Option<TimeZone>,
    /// When nothing is changed.
    pub freeze: Freeze,
}

/// What a reader asks for.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The page; nothing where the address is none of [`ADDRESSES`].
    pub page: Option<Page>,
    /// What is written for `{}` in it.
    pub name: &'a str,
    /// What it is written in, by its address or as the reader wishes.
    pub shape: Shape,
    /// The path as the reader's browser has it, which relative links start from.
    pub address: &'a str,
    /// The parameters, decoded.
    pub parameters: &'a [(String, String)],
}

/// What became of a request.
#[derive(Debug)]
pub enum Outcome {
    /// What was asked for.
    Shown(Document),
    /// Nothing to show, and a document that says what to do.
    Nothing(Document),
    /// The link was signed with a key that is not known. It may have been
    /// added since; if not, this is the answer.
    UnknownKey(Document),
    /// The records cannot be read.
    Unavailable(Document, anyhow::Error),
}

/// Why nothing is shown.
enum Ended {
    Trouble(Trouble),
    UnknownKey,
    Fault(StoreError),
}

impl From<StoreError> for Ended {
    fn from(error: StoreError) -> Self {
        Self::Fault(error)
    }
}

impl From<Wrong> for Ended {
    fn from(Wrong { name, expected }: Wrong) -> Self {
        Self::Trouble(Trouble::BadParameter { name, expected })
    }
}

impl From<Refused> for Ended {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::UnknownKey => Self::UnknownKey,
            Refused::Forged => Self::Trouble(Trouble::LinkNotValid),
            // Only the holder of a valid link learns this, and nothing is looked up.
            Refused::Expired => Self::Trouble(Trouble::LinkExpired),
        }
    }
}

/// Answers a reader. Whether a record exists is looked up only for those who
/// may see it.
pub async fn validation_report(
    services: &Services,
    access: &Access,
    request: Request<'_>,
    now: Timestamp,
) -> Outcome {
    let reading = Reading {
        services,
        access,
        request,
        parameters: Parameters(request.parameters),
        now,
    };
    let shape = shape(request);
    // On the heap: several requests under way are too large for a stack.
    let ended = match Box::pin(reading.document()).await {
        Ok(document) => return Outcome::Shown(document),
        Err(ended) => ended,
    };
    let frame = reading.frame(None, &[]);
    let say = |trouble| document::trouble(&frame, shape, trouble);
    match ended {
        Ended::Trouble(trouble) => Outcome::Nothing(say(&trouble)),
        Ended::UnknownKey => Outcome::UnknownKey(say(&Trouble::LinkNotValid)),
        Ended::Fault(error) => Outcome::Unavailable(say(&Trouble::Unavailable), error.into()),
    }
}

/// The answer where not even the link can be checked.
pub fn unavailable(services: &Services, request: Request<'_>, now: Timestamp) -> Document {
    let frame = Frame {
        now,
        zone: services.zone.as_ref(),
        start: None,
        stopped: &[],
    };
    document::trouble(&frame, shape(request), &Trouble::Unavailable)
}

/// The shape of an answer, also where there is nothing to show.
fn shape(request: Request<'_>) -> Shape {
    match Parameters(request.parameters).as_in_2018() {
        Ok(true) => Shape::Json,
        _ => request.shape,
    }
}

/// One request being answered.
struct Reading<'a> {
    services: &'a Services,
    access: &'a Access,
    request: Request<'a>,
    parameters: Parameters<'a>,
    now: Timestamp,
}

impl<'a> Reading<'a> {
    async fn document(&self) -> Result<Document, Ended> {
        let Request { name, shape, .. } = self.request;
        // An address that is none of ours is no secret.
        let nowhere = Ended::Trouble(Trouble::NotFound);
        match self.request.page.ok_or(nowhere)? {
            Page::Start => self.start(shape).await,
            Page::History => self.history(shape).await,
            Page::Evaluation => {
                let id = route::id(name).ok_or(Ended::Trouble(Trouble::NotFound))?;
                self.evaluation(id, shape).await
            }
            Page::Badge => self.badge().await,
            Page::Changes => self.changes(shape).await,
            Page::Flag => self.flag(name, shape).await,
            Page::Problems => self.problems(shape).await,
            Page::Problem => self.problem(name, shape).await,
            Page::Remedies => self.remedies(shape).await,
        }
    }

    /// The shape of a page that 2018 did not have: who asks for JSON as then gets
    /// today's.
    fn of_today(&self, shape: Shape) -> Result<Shape, Ended> {
        let asks = self.parameters.as_in_2018()?;
        Ok(match shape {
            Shape::Page if asks => Shape::Json,
            shape => shape,
        })
    }

    /// Until when the reader may see `scope`.
    fn open(&self, scope: Scope<'_>) -> Result<Timestamp, Ended> {
        let ticket = self.parameters.ticket();
        Ok(self.access.opens(scope, ticket, self.now)?)
    }

    /// Asks for what is missing. Without a link of their own, readers may ask
    /// for anything where everybody may.
    async fn form(&self) -> Result<Document, Ended> {
        let Access::Public = self.access else {
            return Err(Ended::Trouble(Trouble::LinkNotValid));
        };
        if shape(self.request) != Shape::Page {
            return Err(Ended::Trouble(Trouble::BadParameter {
                name: self.parameters.missing(),
                expected: "the name of what to show",
            }));
        }
        let addresses = self.addresses(self.now);
        let (found, stopped) =
            join(self.gates(&addresses, None, start::AT_ONCE), self.stopped()).await;
        let gates = found?.gates;
        let start = addresses.start();
        let form = Form {
            action: &addresses.form(),
            pipeline: self.parameters.pipeline().unwrap_or_default(),
            comparison: self.parameters.comparison().unwrap_or_default(),
            gates: &gates,
        };
        let page = page::form(&self.frame(Some(&start), &stopped), &form);
        Ok(Document {
            found: Found::BadParameter,
            ..Document::page(page)
        })
    }

    async fn badge(&self) -> Result<Document, Ended> {
        let (Some(pipeline), Some(comparison)) =
            (self.parameters.pipeline(), self.parameters.comparison())
        else {
            return Err(Ended::Trouble(Trouble::LinkNotValid));
        };
        self.open(Scope::Badge {
            pipeline,
            comparison,
        })?;
        let gate = self.services.validations.gate(pipeline, comparison).await?;
        let verdict = gate.map(|gate| gate.verdict);
        Ok(Document::badge(badge::badge(comparison, verdict)))
    }

    fn addresses(&self, until: Timestamp) -> Addresses<'a> {
        Addresses::new(self.access, self.request, until)
    }

    /// What keeps changes from being made, a sentence each. A page that does not
    /// know it says so, and is better than none.
    async fn stopped(&self) -> Vec<String> {
        let (pauses, unknown) = match self.services.ledger.pauses(self.now).await {
            Ok(pauses) => (pauses, None),
            Err(error) => {
                let said = match error {
                    StoreError::Crowded => {
                        "There are more pauses than can be read, so no change \
                        begins"
                    }
                    _ => "The pauses cannot be read now",
                };
                let error = anyhow::Error::from(error);
                tracing::warn!(page = ?self.request.page, "The page does not show pauses: {error:#}");
                (Vec::new(), Some(said.to_owned()))
            }
        };
        let freeze = self.services.freeze.clone();
        let stops = Stops { pauses, freeze };
        let all = stops.all(self.now).into_iter();
        let all = all.map(|stopped| stopped.to_string());
        unknown.into_iter().chain(all).collect()
    }

    fn frame<'b>(&'b self, start: Option<&'b str>, stopped: &'b [String]) -> Frame<'b> {
        Frame {
            now: self.now,
            zone: self.services.zone.as_ref(),
            start,
            stopped,
        }
    }
}
