//! A group's history, read backwards in parts.
//!
//! A list of deployments is read to its end or not at all: half of a history
//! would be a wrong answer. What is too long for that is asked for again in
//! shorter parts.

use std::collections::BTreeSet;

use aws_sdk_codedeploy::primitives::DateTime;
use aws_sdk_codedeploy::types::TimeRange;
use jiff::{SignedDuration, Timestamp};

use super::{CodeDeploy, Deployment, LIST};
use crate::DeliveryError;
use crate::pipeline::Target;

/// How many lists are asked for, with those that turn out too long.
const MOST_LISTS: usize = 64;

/// How many deployments a part may have before the next one is not longer.
const ROOM: usize = 500;

/// How many times as long the next part may be.
const MOST_GROWTH: usize = 64;

/// What was deployed to a group, the newest part first.
#[derive(Debug)]
pub struct Backwards<'c> {
    codedeploy: &'c CodeDeploy,
    target: Target,
    /// Since when everything is read.
    since: Timestamp,
    /// Unset while deployments made in the meantime are read as well.
    end: Option<Timestamp>,
    length: SignedDuration,
    growth: usize,
    lists: usize,
}

impl CodeDeploy {
    /// The deployments of a group before a moment. The first part is so long, if
    /// it can be read.
    pub fn backwards(
        &self,
        target: Target,
        until: Timestamp,
        length: SignedDuration,
    ) -> Backwards<'_> {
        Backwards {
            codedeploy: self,
            target,
            since: until,
            end: Some(until),
            length,
            growth: MOST_GROWTH,
            lists: 0,
        }
    }

    /// The deployments of a group since a moment, the newest first, with those
    /// that are made while it is read.
    pub async fn history(
        &self,
        target: &Target,
        since: Timestamp,
        now: Timestamp,
    ) -> Result<Vec<Deployment>, DeliveryError> {
        let length = now.duration_since(since);
        let mut back = Backwards {
            end: None,
            ..self.backwards(target.clone(), now, length)
        };
        let mut found = back.part(since).await?;
        while since < back.since {
            found.extend(back.part(since).await?);
        }
        // Two parts may have what was made in the moment between them.
        let mut seen = BTreeSet::new();
        found.retain(|made| seen.insert(made.id.clone()));
        Ok(found)
    }
}

impl Backwards<'_> {
    /// Since when everything is read.
    pub fn since(&self) -> Timestamp {
        self.since
    }

    /// The next part, which does not go back beyond `floor`. A group of which
    /// more is known than can be read is out of reach.
    pub async fn part(&mut self, floor: Timestamp) -> Result<Vec<Deployment>, DeliveryError> {
        while self.lists < MOST_LISTS {
            self.lists += 1;
            let begin = self.since.saturating_sub(self.length);
            let begin = begin.unwrap_or(Timestamp::MIN).max(floor);
            let end = self.end.map(moment);
            let range = TimeRange::builder().start(moment(begin)).set_end(end);
            let range = range.build();
            let Some(part) = self.codedeploy.listed(&self.target, range).await? else {
                // Whatever lies before is hardly sparser by much.
                self.growth = 2;
                self.length /= 2;
                continue;
            };
            let growth = (ROOM / part.len().max(1)).clamp(1, self.growth);
            self.length = self
                .length
                .saturating_mul(i32::try_from(growth).unwrap_or(1));
            self.end = Some(begin);
            self.since = begin;
            return Ok(part);
        }
        Err(DeliveryError::TooMany { action: LIST })
    }
}

fn moment(at: Timestamp) -> DateTime {
    DateTime::from_millis(at.as_millisecond())
}
