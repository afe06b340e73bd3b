//! Depth: how many remote calls are one behind the other.
//!
//! Every call passes a relay that puts it off by a round trip. What an event
//! takes longer with distant hosts than with near ones, in round trips, is its
//! depth, however much is asked side by side. A new connection costs two round
//! trips more, one for TCP and one for TLS; a warm function has its connections.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use lambda_host::runtime::Function;

use crate::Binaries;
use crate::events::{Event, Prepared};
use crate::figures::{Budget, Figure, Figures, Quantity};
use crate::relay::{Call, FLAGS_WRITTEN, Host, Remotes};
use crate::starts::median;
use crate::world::{Tables, World};

/// How often each event happens.
const ROUNDS: usize = 20;

/// A round trip to a distant host.
const LATENCY: Duration = Duration::from_millis(50);

/// What of an event is looked at.
#[derive(Clone, Copy)]
enum Span {
    /// From the event to its answer.
    Whole,
    /// From the claim of a validation to its answered approval.
    ClaimToApproval,
    /// From the event to the deployment that heals.
    ToDeployment,
    /// From the event to the flag that is what it was.
    ToFlag,
}

/// What one event took.
struct Passed {
    sent: Instant,
    /// From the start of the process where it was cold.
    whole: Duration,
    calls: Vec<Call>,
}

pub(crate) async fn measure(
    event: Event,
    binaries: &Binaries,
    figures: &mut Figures,
) -> anyhow::Result<()> {
    let near = cold(event, binaries, Duration::ZERO).await?;
    let distant = cold(event, binaries, LATENCY).await?;
    let name = format!("{}, cold", event.name());
    let depth = depth(Span::Whole, &near, &distant)?;
    figures.add(&Figure::new(format!("{name}: depth"), depth));
    if let Some(last) = distant.last() {
        figures.note(&format!("{name}: new hosts: {}", new_hosts(&last.calls)));
        figures.note(&format!("{name}: {}", chain(&last.calls)));
    }

    let near = warm(event, binaries, Duration::ZERO).await?;
    let distant = warm(event, binaries, LATENCY).await?;
    let name = format!("{}, warm", event.name());
    for &(span, what, budget) in spans(event) {
        let depth = self::depth(span, &near, &distant)?;
        let figure = Figure::new(format!("{name}: depth{what}"), depth);
        figures.add(&match budget {
            Some(most) => figure.within(Budget::AtMost(Quantity::Depth(most))),
            None => figure,
        });
    }
    if let Some(last) = distant.last() {
        figures.note(&format!("{name}: {}", chain(&last.calls)));
    }
    Ok(())
}

/// What is told of an event, and what it may come to.
fn spans(event: Event) -> &'static [(Span, &'static str, Option<f64>)] {
    match event {
        Event::Registration | Event::NamedRegistration => &[(Span::Whole, "", Some(5.0))],
        Event::RipeTick => &[
            (
                Span::ClaimToApproval,
                ", claim to answered approval",
                Some(6.0),
            ),
            (Span::Whole, "", None),
        ],
        Event::Notification => &[
            (
                Span::ToDeployment,
                ", notification to CreateDeployment",
                Some(8.0),
            ),
            (Span::Whole, "", None),
        ],
        Event::FlagNotification => &[
            (
                Span::ToFlag,
                ", notification to the flag set back",
                Some(7.0),
            ),
            (Span::Whole, "", None),
        ],
        Event::Flags => &[(Span::Whole, "", Some(1.0))],
        Event::ChangedFlags => &[(Span::Whole, "", Some(2.0))],
        _ => &[(Span::Whole, "", None)],
    }
}

/// Each event meets a process that has just been started.
async fn cold(event: Event, binaries: &Binaries, latency: Duration) -> anyhow::Result<Vec<Passed>> {
    let world = World::start().await?;
    let mut passed = Vec::new();
    for round in 0..ROUNDS {
        let tables = world.tables(&format!("cold-{round}")).await?;
        let prepared = event.prepare(&world, &tables, binaries, round).await?;
        let remotes = world.remotes().await?;
        remotes.latency(latency);
        let function = world
            .function_through(event.binary(binaries), &tables, &remotes)
            .await?;
        let mut one = happen(&world, &remotes, &function, &prepared).await?;
        let start = function.cold_start().context("it did not start")?;
        one.whole = start.to_first_answer.context("it did not answer")?;
        passed.push(one);
    }
    Ok(passed)
}

/// Each event meets a process that has answered one like it.
async fn warm(event: Event, binaries: &Binaries, latency: Duration) -> anyhow::Result<Vec<Passed>> {
    let world = World::start().await?;
    let tables: Tables = world.tables("warm").await?;
    let remotes = world.remotes().await?;
    let function = world
        .function_through(event.binary(binaries), &tables, &remotes)
        .await?;
    let first = event.prepare(&world, &tables, binaries, 0).await?;
    happen(&world, &remotes, &function, &first).await?;

    remotes.latency(latency);
    let mut passed = Vec::new();
    for round in 1..=ROUNDS {
        let prepared = event.prepare(&world, &tables, binaries, round).await?;
        passed.push(happen(&world, &remotes, &function, &prepared).await?);
    }
    Ok(passed)
}

async fn happen(
    world: &World,
    remotes: &Remotes,
    function: &Function,
    prepared: &Prepared,
) -> anyhow::Result<Passed> {
    let sent = Instant::now();
    let answered = function.invoke(prepared.event.clone()).await?;
    prepared.check(world, function, &answered.outcome).await?;
    Ok(Passed {
        sent,
        whole: answered.duration,
        calls: remotes.take(),
    })
}

fn depth(span: Span, near: &[Passed], distant: &[Passed]) -> anyhow::Result<Quantity> {
    let typical = |passed: &[Passed]| {
        let times: anyhow::Result<Vec<_>> = passed.iter().map(|one| one.time(span)).collect();
        anyhow::Ok(median(times?))
    };
    let added = typical(distant)?.saturating_sub(typical(near)?);
    let calls = distant.iter().flat_map(|passed| &passed.calls);
    let round_trip = median(calls.map(|call| call.round_trip));
    Ok(Quantity::Depth(
        added.as_secs_f64() / round_trip.as_secs_f64(),
    ))
}

impl Passed {
    fn time(&self, span: Span) -> anyhow::Result<Duration> {
        let (began, ended) = match span {
            Span::Whole => return Ok(self.whole),
            // The first write of a tick is its claim.
            Span::ClaimToApproval => (
                self.call("UpdateItem")?.began,
                self.call("PutApprovalResult")?.ended,
            ),
            Span::ToDeployment => (self.sent, self.call("CreateDeployment")?.ended),
            Span::ToFlag => (self.sent, self.call(FLAGS_WRITTEN)?.ended),
        };
        Ok(ended - began)
    }

    fn call(&self, operation: &str) -> anyhow::Result<&Call> {
        let call = self.calls.iter().find(|call| call.operation == operation);
        call.with_context(|| format!("{operation} was not called"))
    }
}

/// The calls, those that could be made side by side together.
fn chain(calls: &[Call]) -> String {
    let mut waves: Vec<Vec<&Call>> = Vec::new();
    for call in calls {
        let behind = |wave: &Vec<&Call>| wave.iter().any(|earlier| earlier.ended <= call.began);
        let wave = waves.iter().rposition(behind).map_or(0, |last| last + 1);
        match waves.get_mut(wave) {
            Some(wave) => wave.push(call),
            None => waves.push(vec![call]),
        }
    }
    let waves = waves.iter().enumerate().map(|(number, wave)| {
        let mut told: Vec<(String, usize)> = Vec::new();
        for call in wave {
            let new = if call.connected { "+" } else { "" };
            let name = format!("{new}{}", call.operation);
            match told.iter_mut().find(|(known, _)| *known == name) {
                Some((_, times)) => *times += 1,
                None => told.push((name, 1)),
            }
        }
        let told = told.iter().map(|(name, times)| match times {
            1 => name.clone(),
            _ => format!("{times} {name}"),
        });
        format!("{}. {}", number + 1, told.collect::<Vec<_>>().join(" | "))
    });
    waves.collect::<Vec<_>>().join("  ")
}

/// The hosts that were connected to, those side by side together.
fn new_hosts(calls: &[Call]) -> String {
    let mut waves: Vec<(Instant, Vec<Host>)> = Vec::new();
    for call in calls.iter().filter(|call| call.connected) {
        if waves.iter().any(|(_, hosts)| hosts.contains(&call.host)) {
            continue;
        }
        match waves.last_mut() {
            Some((ended, hosts)) if call.began < *ended => {
                *ended = call.ended.min(*ended);
                hosts.push(call.host);
            }
            _ => waves.push((call.ended, vec![call.host])),
        }
    }
    let waves = waves.iter().map(|(_, hosts)| {
        let names: Vec<_> = hosts.iter().map(|host| format!("{host:?}")).collect();
        names.join(" | ")
    });
    waves.collect::<Vec<_>>().join(", then ")
}
