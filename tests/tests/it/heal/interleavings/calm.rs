//! After the storm: nothing fails any more, ticks come until nothing is due,
//! and everything has ended where it can be seen.

use std::collections::BTreeSet;
use std::time::Duration;

use fake_aws::codedeploy::GroupOptions;
use fake_controller::End;
use fake_dynatrace::Times;
use flags::Cause as FlagCause;
use jiff::SignedDuration;
use release::change::{Change, Place};
use release::problem::{Cause, Phase, Problem};
use release::remediation::State;
use store::tables;

use super::Tally;
use super::promises::Before;
use super::steps::OPERATIONS;
use super::storm::{Storm, group};

impl Storm<'_> {
    pub(super) async fn calm_down(mut self) -> Result<Tally, String> {
        for operation in OPERATIONS {
            self.scene.world.aws.slow_down(operation, Duration::ZERO);
        }
        self.scene.world.tenant.clear_faults();
        self.scene.world.tenant.refuse_comments(Times::N(0));
        self.controller.clear_faults();
        self.controller.ignore_cancel(false);
        for place in self.places {
            self.options(place, &GroupOptions::default());
        }
        let now = self.scene.world.now.as_millisecond();
        for index in 0..self.troubles.len() {
            if !self.troubles[index].closed && self.chance(60) {
                self.troubles[index].closed = true;
                self.troubles[index].problem.resolve(now);
            }
        }
        self.note("it is calm");
        self.tick_until_settled(30).await?;
        // Whatever is open by now stays open until nobody waits any longer.
        self.pass(SignedDuration::from_hours(24));
        self.tick_until_settled(10).await?;
        // What problems held may be held for a day.
        self.pass(SignedDuration::from_hours(25));
        self.sweep_until_nothing_is_owed().await?;
        self.everything_has_ended().await?;
        let flags = super::audit::rows(&self.histories);
        let tally = self.tally.get_mut();
        tally.rows.entry("flags::step").or_default().extend(flags);
        Ok(self.tally.into_inner())
    }

    async fn tick_until_settled(&mut self, most: usize) -> Result<(), String> {
        let mut was_settled = false;
        for round in 0..most {
            self.pass(SignedDuration::from_mins(6));
            for job in self.controller.jobs() {
                if !job.status.is_ended() {
                    self.controller.ends(job.id, End::well(2)).unwrap();
                }
            }
            let swept = self.sweeps_once(&self.workers[round % 2]).await;
            swept.map_err(|error| format!("a sweep failed in calm weather: {error:#}"))?;
            let before = Before::look(self).await;
            let ticked = self.ticks_once(&self.workers[round % 2]).await;
            ticked.map_err(|error| format!("a tick failed in calm weather: {error:#}"))?;
            self.look().await;
            self.flags_hold().await?;
            self.holds_since(&before).await?;
            // What settles as over in one tick may be found open by the next.
            let known = self.known().await;
            let is_settled = known.iter().all(|known| known.phase == Phase::Settled);
            if is_settled && was_settled {
                return Ok(());
            }
            was_settled = is_settled;
        }
        Ok(())
    }

    async fn sweep_until_nothing_is_owed(&mut self) -> Result<(), String> {
        for worker in [0, 1, 0] {
            self.pass(SignedDuration::from_mins(6));
            let swept = self.sweeps_once(&self.workers[worker]).await;
            swept.map_err(|error| format!("a sweep failed in calm weather: {error:#}"))?;
            self.flags_hold().await?;
        }
        let later = SignedDuration::from_hours(24 * 365);
        let later = self.scene.world.now.saturating_add(later).unwrap();
        for shard in 0..tables::SHARDS {
            let queue = self.scene.world.flags.queue();
            let due = queue.due(shard, later, 10, None).await.unwrap();
            if let Some(due) = due.first() {
                return Err(format!("something of flags is owed for ever: {due:?}"));
            }
        }
        Ok(())
    }

    /// Every problem that is stored.
    async fn known(&self) -> Vec<Problem> {
        let mut known = Vec::new();
        for trouble in &self.troubles {
            let stored = self
                .scene
                .world
                .remediations
                .problem(trouble.problem.id())
                .await;
            known.extend(stored.unwrap());
        }
        known
    }

    async fn everything_has_ended(&mut self) -> Result<(), String> {
        let known = self.known().await;
        for trouble in self
            .troubles
            .iter()
            .filter(|trouble| !trouble.closed && !trouble.merged)
        {
            let id = trouble.problem.id();
            let stored = known.iter().find(|problem| problem.id == id);
            if stored.is_none_or(|problem| problem.cause == Cause::Over) {
                return Err(format!("problem {id} goes on and nobody looks: {stored:?}"));
            }
        }
        for id in &self.accepted {
            if known.iter().all(|problem| problem.id != *id) {
                return Err(format!("problem {id} was taken in and is lost"));
            }
        }
        let remarks = self.remarks().await;
        for problem in &known {
            self.has_ended(problem, &remarks)
                .map_err(|how| format!("{how}: {problem:?}"))?;
        }
        self.nothing_is_due().await?;
        self.flags_have_ended(&known).await?;
        self.every_heal_is_known(&known)?;
        for place in self.places {
            let ledger = &self.scene.world.ledger;
            let guard = ledger.guard(&Place::Group(group(place))).await.unwrap();
            if let Some(active) = guard.active {
                return Err(format!("the guard is left to problem {active}"));
            }
        }
        for problem in known {
            let words = problem.remediations.iter();
            for word in words.map(|remediation| remediation.state.word()) {
                self.count(word, 1);
            }
            let joined = problem.comments.iter();
            let joined = joined.filter(|said| said.text.contains("handled under problem"));
            self.count("joined", joined.count());
            self.count("comments", problem.comments.len());
            if problem.remediations.is_empty() {
                self.count(problem.word(), 1);
            }
        }
        for place in self.places {
            self.count("heals", self.answers(place).len());
        }
        let entries = self.histories.values().flatten();
        let causes: Vec<_> = entries.map(|entry| entry.record.cause.clone()).collect();
        self.count("changes of flags", causes.len());
        let of = |cause| causes.iter().filter(|one| **one == cause).count();
        self.count("flags taken back", of(FlagCause::TakenBack));
        self.count("flags set by problems", of(FlagCause::Mitigated));
        self.count("jobs", self.controller.jobs().len());
        Ok(())
    }

    /// What was to be said because of flags that problems held.
    async fn remarks(&self) -> Vec<String> {
        let scan = self.scene.world.tables().scan().table_name("flags");
        let items = scan.into_paginator().items().send();
        let items: Result<Vec<_>, _> = items.collect().await;
        let items = items.unwrap();
        let remarks = items.iter().filter_map(|item| {
            let remark = item.get("remark")?.as_s().unwrap();
            let remark: serde_json::Value = serde_json::from_str(remark).unwrap();
            Some(remark["entry"]["text"].as_str().unwrap().to_owned())
        });
        remarks.collect()
    }

    /// The problem is settled, everything that was decided is told, and nothing
    /// is told twice. `remarks` are what is told of flags beside it.
    fn has_ended(&self, problem: &Problem, remarks: &[String]) -> Result<(), String> {
        if problem.phase != Phase::Settled || problem.cause == Cause::Pending {
            return Err("a problem was left behind".to_owned());
        }
        let said = self.scene.world.tenant.comments(&problem.id);
        for remediation in &problem.remediations {
            if !remediation.state.is_final() || remediation.holds {
                return Err("a remediation was left behind".to_owned());
            }
            let culprit = match &remediation.culprit {
                Change::Flag(change) => change.flag.to_string(),
                culprit => culprit.id().to_owned(),
            };
            if said.iter().all(|said| !said.text.contains(&culprit)) {
                return Err(format!("nobody told what became of {culprit}"));
            }
        }
        let told = matches!(
            problem.cause,
            Cause::NothingChanged
                | Cause::TooManyPlaces { .. }
                | Cause::Ambiguous { .. }
                | Cause::GaveUp
        );
        if told && said.is_empty() {
            return Err("nobody told what was found".to_owned());
        }
        for comment in &problem.comments {
            let times = said.iter().filter(|said| said.text == comment.text).count();
            if times != 1 || comment.posted.is_none() {
                return Err(format!("told {times} times: {}", comment.text));
            }
        }
        for said in &said {
            let text = &said.text;
            let is_known = problem.comments.iter().any(|known| known.text == *text);
            if !is_known && !remarks.contains(text) {
                return Err(format!("told and not known: {text}"));
            }
        }
        let texts: BTreeSet<&str> = said.iter().map(|said| said.text.as_str()).collect();
        if texts.len() < said.len() {
            return Err(format!("something is told twice: {said:?}"));
        }
        Ok(())
    }

    async fn nothing_is_due(&self) -> Result<(), String> {
        let later = SignedDuration::from_hours(24 * 365);
        let later = self.scene.world.now.saturating_add(later).unwrap();
        for shard in 0..tables::SHARDS {
            let remediations = &self.scene.world.remediations;
            let due = remediations
                .queue()
                .due(shard, later, 10, None)
                .await
                .unwrap();
            if let Some(due) = due.first() {
                return Err(format!("problem {} is due for ever", due.id()));
            }
        }
        Ok(())
    }

    /// Whatever was deployed to answer a problem, its problem says so.
    fn every_heal_is_known(&self, known: &[Problem]) -> Result<(), String> {
        let places = self.places.iter();
        for answer in places.flat_map(|place| self.answers(place)) {
            let id = &answer.made.id;
            let problem = known.iter().find(|problem| problem.id == answer.problem);
            let mut states = problem
                .iter()
                .flat_map(|problem| &problem.remediations)
                .filter(|remediation| remediation.culprit.id() == answer.culprit)
                .map(|remediation| &remediation.state);
            let says_so = states.any(|state| match state {
                State::Confirmed { deployment, .. } | State::Unconfirmed { deployment, .. } => {
                    deployment == id
                }
                State::HealFailed { deployment, .. } => deployment.as_ref() == Some(id),
                State::GaveUp { heal, deployment } => {
                    heal.is_some() && deployment.as_ref().is_none_or(|known| known == id)
                }
                _ => false,
            });
            if !says_so {
                return Err(format!("nobody knows of {id}: {problem:?}"));
            }
        }
        Ok(())
    }
}
