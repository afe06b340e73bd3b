//! Taking something as far as it goes in one look: what a step asks for is found
//! out, what it says is written, what it calls is called, until something has to
//! happen first.
//!
//! Which step comes next is decided in `release`.

use release::step::Step;
use release::work::Wait;

/// How many steps one look may take, questions included. Far more than anything
/// has; a row that led to itself would end here.
const MOST_STEPS: usize = 50;

/// What comes next on a walk.
pub(crate) type Next<W> = Step<<W as Walk>::Question, <W as Walk>::Move, <W as Walk>::Call>;

/// Something that goes step by step, in one look.
pub(crate) trait Walk {
    /// What is found out.
    type Question;
    /// What is written.
    type Move;
    /// What is called.
    type Call;

    /// The next step, by what is known.
    fn decide(&self) -> Next<Self>;

    /// Finds out what a step asks for.
    fn find_out(
        &mut self,
        question: Self::Question,
    ) -> impl Future<Output = anyhow::Result<()>> + Send;

    /// Writes what a step says, and returns what follows from that; nothing, where
    /// it has to be decided anew.
    fn write(
        &mut self,
        what: Self::Move,
    ) -> impl Future<Output = anyhow::Result<Option<Next<Self>>>> + Send;

    /// Makes a call that is written down, and returns what follows in the same way.
    fn call(
        &mut self,
        call: Self::Call,
    ) -> impl Future<Output = anyhow::Result<Option<Next<Self>>>> + Send;
}

/// Goes as far as it goes now, and returns what is waited for.
pub(crate) async fn walk<W: Walk>(walk: &mut W) -> anyhow::Result<Option<Wait>> {
    let mut next = None;
    for _ in 0..MOST_STEPS {
        // On the heap: what is done in a step may be large.
        match next.take().unwrap_or_else(|| walk.decide()) {
            Step::Ask(question) => Box::pin(walk.find_out(question)).await?,
            Step::Write(what) => next = Box::pin(walk.write(*what)).await?,
            Step::Call(call) => next = Box::pin(walk.call(call)).await?,
            Step::Wait(wait) => return Ok(Some(wait)),
            Step::Rest => return Ok(None),
        }
    }
    Ok(Some(Wait::for_(
        "a record that keeps changing; retrying later",
    )))
}
