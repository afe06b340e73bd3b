//! An update of one item that only the holder of its claim may make.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use release::work::Counts;

use crate::item::Item;

/// Only the holder of the claim may write.
pub(crate) const MINE: &str = "claim = :mine";

/// Attributes to set and attributes to remove.
pub(crate) struct ItemUpdate {
    set: Vec<(&'static str, AttributeValue)>,
    remove: Vec<&'static str>,
}

impl ItemUpdate {
    pub(crate) fn set(name: &'static str, value: AttributeValue) -> Self {
        Self {
            set: vec![(name, value)],
            remove: Vec::new(),
        }
    }

    /// How many looks at a record had no result.
    pub(crate) fn counts(Counts { faults, waits }: Counts) -> Self {
        let number = |count: u32| AttributeValue::N(count.to_string());
        Self::set("faults", number(faults)).and("waits", number(waits))
    }

    pub(crate) fn and(mut self, name: &'static str, value: AttributeValue) -> Self {
        self.set.push((name, value));
        self
    }

    pub(crate) fn and_all(mut self, other: Self) -> Self {
        self.set.extend(other.set);
        self.remove.extend(other.remove);
        self
    }

    pub(crate) fn remove(mut self, names: &[&'static str]) -> Self {
        self.remove.extend_from_slice(names);
        self
    }

    /// Names are always replaced, so that no reserved word can break a write.
    pub(crate) fn expression(&self) -> String {
        let set: Vec<String> = (0..self.set.len())
            .map(|index| format!("#s{index} = :s{index}"))
            .collect();
        let mut expression = format!("SET {}", set.join(", "));
        if !self.remove.is_empty() {
            let remove: Vec<String> = (0..self.remove.len())
                .map(|index| format!("#r{index}"))
                .collect();
            expression.push_str(" REMOVE ");
            expression.push_str(&remove.join(", "));
        }
        expression
    }

    pub(crate) fn names(&self) -> HashMap<String, String> {
        let set = self.set.iter().map(|(name, _)| *name).enumerate();
        let removed = self.remove.iter().copied().enumerate();
        set.map(|(index, name)| (format!("#s{index}"), name.to_owned()))
            .chain(removed.map(|(index, name)| (format!("#r{index}"), name.to_owned())))
            .collect()
    }

    /// The values of the expression and of [`MINE`].
    pub(crate) fn values(&self, claim: &str) -> Item {
        let mut values = self.plain_values();
        values.insert(":mine".to_owned(), AttributeValue::S(claim.to_owned()));
        values
    }

    /// The values of the expression alone.
    pub(crate) fn plain_values(&self) -> Item {
        let values = self.set.iter().enumerate();
        values
            .map(|(index, (_, value))| (format!(":s{index}"), value.clone()))
            .collect()
    }
}
