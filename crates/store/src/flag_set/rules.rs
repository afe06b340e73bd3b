//! Rules of a set of flags, and how often each was followed lately.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::Update;
use futures_util::future::try_join;
use jiff::Timestamp;
use release::rule::effect::{DAY, Written};
use release::rule::{Rule, Rules};
use release::window::saturating_add;

use super::{Commit, FlagSet, Flags, keys};
use crate::item::{self, Item, json_attribute};
use crate::transaction::{Attempt, Write};
use crate::{StoreError, record};

/// A rule as it is stored.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredRule {
    /// The rule.
    pub rule: Rule,
    /// When it was followed lately.
    pub followed: Vec<Timestamp>,
}

/// When a rule was followed lately, and how often it ever was.
#[derive(Default)]
struct Followed {
    lately: Vec<Timestamp>,
    ever: u64,
}

impl Flags {
    /// The rules of a set, by id.
    pub async fn rules(&self, set: &str) -> Result<BTreeMap<String, StoredRule>, StoreError> {
        let items = self.partition("read rules", &keys::rules(set)).await?;
        let mut rules = BTreeMap::new();
        for item in &items {
            if let Some(rule) = record::rule::read(item)? {
                let followed = followed(item)?.lately;
                rules.insert(
                    item::string(item, "sk")?.to_owned(),
                    StoredRule { rule, followed },
                );
            }
        }
        Ok(rules)
    }

    /// Makes these the rules of a set. How often a rule was followed is kept, also of
    /// one that is removed and comes back.
    pub async fn declare_rules(
        &self,
        set: &str,
        rules: &Rules,
        old: &BTreeMap<String, StoredRule>,
    ) -> Result<(), StoreError> {
        let removed = old.keys().filter(|id| !rules.contains_key(*id));
        let changed = rules
            .iter()
            .filter(|(id, rule)| old.get(*id).is_none_or(|old| old.rule != **rule));
        let writes: Vec<Write> = removed
            .map(|id| self.declared_rule(set, id, None))
            .chain(changed.map(|(id, rule)| self.declared_rule(set, id, Some(rule))))
            .collect();
        if writes.is_empty() {
            return Ok(());
        }
        let mut attempts = self.attempts("declare rules").await;
        while attempts.write(writes.clone()).await? == Attempt::Stale {}
        Ok(())
    }

    fn declared_rule(&self, set: &str, id: &str, rule: Option<&Rule>) -> Write {
        let update = Update::builder()
            .table_name(self.table())
            .set_key(Some(keys::rule(set, id).attributes()))
            .expression_attribute_names("#rule", "rule");
        Write::reread(match rule {
            Some(rule) => update
                .update_expression("SET #rule = :rule")
                .expression_attribute_values(":rule", record::rule::attribute(rule)),
            None => update.update_expression("REMOVE #rule"),
        })
    }

    /// Changes flags of a set as a rule wants it, and counts that it was followed.
    /// `decide` is given the set and when the rule was followed lately; where another
    /// write comes in between, everything is read and decided again.
    pub async fn follow<T>(
        &self,
        set: &str,
        rule: &str,
        now: Timestamp,
        decide: impl Fn(&FlagSet, &[Timestamp]) -> Written<T>,
    ) -> Result<T, StoreError> {
        let mut attempts = self.attempts("follow a rule").await;
        loop {
            let read = try_join(self.set(set), self.followed(set, rule)).await?;
            let (read, followed) = (read.0.unwrap_or_else(|| FlagSet::undeclared(set)), read.1);
            let Written { flags, means } = decide(&read, &followed.lately);
            if flags.is_empty() {
                return Ok(means);
            }
            let commit = Commit {
                flags,
                ..Commit::default()
            };
            let (mut writes, _) = self.writes(&read, &commit, None, None, now);
            writes.push(self.counted(set, rule, followed, now));
            if attempts.write(writes).await? == Attempt::Written {
                return Ok(means);
            }
        }
    }

    async fn followed(&self, set: &str, rule: &str) -> Result<Followed, StoreError> {
        let items = self.partition("read rules", &keys::rules(set)).await?;
        let found = items
            .iter()
            .find(|item| item::string(item, "sk").is_ok_and(|sk| sk == rule));
        found.map_or(Ok(Followed::default()), followed)
    }

    /// One more time, as long as nobody else counted since it was read.
    fn counted(&self, set: &str, rule: &str, followed: Followed, now: Timestamp) -> Write {
        let Followed { mut lately, ever } = followed;
        lately.retain(|at| now < saturating_add(*at, DAY));
        lately.push(now);
        let condition = match ever {
            0 => "attribute_not_exists(ever)",
            _ => "ever = :read",
        };
        let mut update = Update::builder()
            .table_name(self.table())
            .set_key(Some(keys::rule(set, rule).attributes()))
            .update_expression("SET followed = :followed, ever = :next")
            .condition_expression(condition)
            .expression_attribute_values(":followed", json_attribute(&lately))
            .expression_attribute_values(":next", keys::number(ever + 1));
        if ever != 0 {
            update = update.expression_attribute_values(":read", keys::number(ever));
        }
        Write::reread(update)
    }
}

fn followed(item: &Item) -> Result<Followed, StoreError> {
    let ever = item.contains_key("ever");
    Ok(Followed {
        lately: item::optional_json(item, "followed")?.unwrap_or_default(),
        ever: if ever { item::number(item, "ever")? } else { 0 },
    })
}
