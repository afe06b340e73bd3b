//! What the functions cost, through the real release binaries: starts, depths,
//! a busy tick, the calls of a validation, the answer to a problem, a long
//! history, an idle tick and the reading of flags.
//!
//! Every figure is printed as it is measured, and a part that fails takes no
//! other with it. It asserts nothing of the figures: times of a shared machine
//! belong in a table that a person reads, and they stand beside a bare hello
//! world of the same minutes. What is over its budget is said so.

mod calls;
mod depth;
mod events;
mod figures;
mod flags;
mod heal;
mod healing;
mod history;
mod idle;
mod load;
mod processor;
mod relay;
mod report;
mod starts;
mod world;

use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, anyhow, bail};
use futures_util::FutureExt as _;
use futures_util::future::LocalBoxFuture;
use lab::world::{
    CHANGE_FLAGS, HANDLE_PROBLEM, PUBLISH, PUSH, REGISTER, SERVE_FLAGS, SHOW, VALIDATE, functions,
};
use lambda_host::binaries::{self, Profile};

use events::Event;
use figures::{Figures, Form};

/// As this is built itself: `cargo bench` measures what is deployed. Depths and
/// calls are the same without optimisation, and `cargo test` builds that sooner.
const PROFILE: Profile = if cfg!(debug_assertions) {
    Profile::Dev
} else {
    Profile::Release
};

/// The executables that are measured.
struct Binaries {
    hello: PathBuf,
    one_read: PathBuf,
    register: PathBuf,
    validate: PathBuf,
    publish: PathBuf,
    show: PathBuf,
    heal: PathBuf,
    announce: PathBuf,
    serve: PathBuf,
    change: PathBuf,
}

/// What is measured on its own.
#[derive(Clone, Copy)]
enum Part {
    Starts(Event),
    Depth(Event),
    Load,
    Calls,
    Heal,
    Report,
    Idle,
    Flags,
}

/// What the command line asks for.
struct Asked {
    form: Form,
    /// Only the parts whose name contains one of these; all if there is none.
    words: Vec<String>,
}

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let asked = asked()?;
    // Fails only when a provider is installed already, which is what is wanted.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let parts: Vec<Part> = Part::all()
        .filter(|part| asked.wants(&part.name()))
        .collect();
    let binaries = build()?;

    let mut figures = Figures::new(asked.form);
    let mut failed = Vec::new();
    for (number, part) in parts.iter().enumerate() {
        let name = part.name();
        say(&format!("{} of {}: {name}", number + 1, parts.len()));
        // A part that panicked leaves nothing behind that another one uses.
        let measured = AssertUnwindSafe(part.measure(&binaries, &mut figures)).catch_unwind();
        let outcome = match measured.await {
            Ok(outcome) => outcome,
            Err(_) => Err(anyhow!("it panicked")),
        };
        if let Err(error) = outcome {
            say(&format!("{name} failed: {error:#}"));
            failed.push(name);
        }
    }
    for missed in figures.missed() {
        say(&format!("over its budget: {missed}"));
    }
    for name in &failed {
        say(&format!("not measured: {name}"));
    }
    Ok(match failed.len() {
        0 => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    })
}

impl Part {
    fn all() -> impl Iterator<Item = Self> {
        let starts = Event::ALL.into_iter().map(Self::Starts);
        let depths = Event::ALL.into_iter().map(Self::Depth);
        let others = [
            Self::Load,
            Self::Calls,
            Self::Heal,
            Self::Report,
            Self::Idle,
            Self::Flags,
        ];
        starts.chain(depths).chain(others)
    }

    fn name(self) -> String {
        match self {
            Self::Starts(event) => format!("start of {}", event.name()),
            Self::Depth(event) => format!("depth of {}", event.name()),
            Self::Load => "a busy tick".to_owned(),
            Self::Calls => "the calls of a validation".to_owned(),
            Self::Heal => "the answer to a problem".to_owned(),
            Self::Report => "a long history".to_owned(),
            Self::Idle => "an idle tick".to_owned(),
            Self::Flags => "reading flags".to_owned(),
        }
    }

    fn measure<'a>(
        self,
        binaries: &'a Binaries,
        figures: &'a mut Figures,
    ) -> LocalBoxFuture<'a, anyhow::Result<()>> {
        match self {
            Self::Starts(event) => starts::measure(event, binaries, figures).boxed_local(),
            Self::Depth(event) => depth::measure(event, binaries, figures).boxed_local(),
            Self::Load => load::measure(binaries, figures).boxed_local(),
            Self::Calls => calls::measure(binaries, figures).boxed_local(),
            Self::Heal => heal::measure(binaries, figures).boxed_local(),
            Self::Report => report::measure(binaries, figures).boxed_local(),
            Self::Idle => idle::measure(binaries, figures).boxed_local(),
            Self::Flags => flags::measure(binaries, figures).boxed_local(),
        }
    }
}

impl Asked {
    fn wants(&self, name: &str) -> bool {
        self.words.is_empty() || self.words.iter().any(|word| name.contains(word))
    }
}

fn asked() -> anyhow::Result<Asked> {
    let mut asked = Asked {
        form: Form::Table,
        words: Vec::new(),
    };
    for argument in std::env::args().skip(1) {
        match argument.as_str() {
            "--json" => asked.form = Form::Json,
            // What `cargo bench` says to every benchmark.
            "--bench" => {}
            option if option.starts_with('-') => bail!(
                "`{option}` is not understood; there are `--json` and words of the parts to measure"
            ),
            word => asked.words.push(word.to_owned()),
        }
    }
    Ok(asked)
}

/// Progress goes where it does not mix with figures.
#[expect(clippy::print_stderr, reason = "somebody waits for minutes")]
fn say(line: &str) {
    eprintln!("{line}");
}

/// Builds everything with one call of `cargo`. What hello world needs makes it
/// compile dependencies in the form that this benchmark itself is linked from;
/// the functions on their own would have all of them compiled once more.
fn build() -> anyhow::Result<Binaries> {
    let mut selection = vec!["--example", "hello", "--example", "one_read"];
    for function in functions::ALL {
        selection.extend(["--bin", function.name]);
    }
    let mut built = binaries::build(&selection, PROFILE, &mut say)?;
    let mut take = |name| {
        let path = built.remove(name);
        path.with_context(|| format!("no `{name}` was built"))
    };
    Ok(Binaries {
        hello: take("hello")?,
        one_read: take("one_read")?,
        register: take(REGISTER)?,
        validate: take(VALIDATE)?,
        publish: take(PUBLISH)?,
        show: take(SHOW)?,
        heal: take(HANDLE_PROBLEM)?,
        announce: take(PUSH)?,
        serve: take(SERVE_FLAGS)?,
        change: take(CHANGE_FLAGS)?,
    })
}
