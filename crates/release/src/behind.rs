//! Which deployment group is behind the entities with a tag, as listed by the
//! operator.

use std::collections::BTreeSet;
use std::str::FromStr;

use monspec::Tag;

use crate::deployment::Group;

/// Tags, and the groups behind the entities with them. Reads as
/// `[CONTEXT]key:value=application/group`, comma-separated.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Behind(Vec<(Tag, Group)>);

/// The text is not a tag with a group.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` does not read `key:value=application/group`, with `[CONTEXT]` in front where the tag has one"
)]
pub struct Unclear(String);

impl Behind {
    /// The groups behind entities with these tags.
    pub fn groups<'a>(&'a self, tags: impl IntoIterator<Item = &'a Tag>) -> BTreeSet<&'a Group> {
        let carried: Vec<&Tag> = tags.into_iter().collect();
        let fits = |wanted: &Tag| carried.iter().any(|tag| is_carried(wanted, tag));
        let groups = self.0.iter().filter(|(tag, _)| fits(tag));
        groups.map(|(_, group)| group).collect()
    }

    /// Every tag with its group, in the order in which they were written.
    pub fn iter(&self) -> impl Iterator<Item = (&Tag, &Group)> {
        self.0.iter().map(|(tag, group)| (tag, group))
    }
}

/// A tag without a context or a value matches any.
pub(crate) fn is_carried(wanted: &Tag, tag: &Tag) -> bool {
    let context = |tag: &Tag| {
        let context = tag.context.clone();
        context.filter(|context| !context.eq_ignore_ascii_case("CONTEXTLESS"))
    };
    tag.key == wanted.key
        && (wanted.value.is_none() || tag.value == wanted.value)
        && (wanted.context.is_none() || context(tag) == wanted.context)
}

impl FromStr for Behind {
    type Err = Unclear;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts = text
            .split(',')
            .map(str::trim)
            .filter(|part| !part.is_empty());
        let pairs = parts.map(|part| pair(part).ok_or_else(|| Unclear(part.to_owned())));
        pairs.collect::<Result<_, _>>().map(Self)
    }
}

fn pair(text: &str) -> Option<(Tag, Group)> {
    // Names of applications and groups have no `=`, values of tags may.
    let (carried, group) = text.rsplit_once('=')?;
    let (application, name) = group.split_once('/')?;
    let (application, name) = (application.trim(), name.trim());
    if application.is_empty() || name.is_empty() {
        return None;
    }
    let group = Group {
        application: application.to_owned(),
        name: name.to_owned(),
    };
    Some((tag(carried)?, group))
}

/// The tag that reads `[CONTEXT]key:value`, of which the key is enough.
pub(crate) fn tag(text: &str) -> Option<Tag> {
    let (context, rest) = match text.trim().strip_prefix('[') {
        Some(rest) => {
            let (context, rest) = rest.split_once(']')?;
            (Some(context.trim()), rest)
        }
        None => (None, text.trim()),
    };
    let (key, value) = match rest.split_once(':') {
        Some((key, value)) => (key.trim(), Some(value.trim())),
        None => (rest.trim(), None),
    };
    let said = [context, Some(key), value];
    if said.into_iter().flatten().any(str::is_empty) {
        return None;
    }
    Some(Tag {
        context: context.map(str::to_owned),
        key: key.to_owned(),
        value: value.map(str::to_owned),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tag(context: Option<&str>, key: &str, value: Option<&str>) -> Tag {
        Tag {
            context: context.map(str::to_owned),
            key: key.to_owned(),
            value: value.map(str::to_owned),
        }
    }

    fn groups(text: &str, tags: &[Tag]) -> Vec<String> {
        let behind: Behind = text.parse().unwrap();
        behind
            .groups(tags)
            .into_iter()
            .map(Group::to_string)
            .collect()
    }

    #[test]
    fn tag_leads_to_the_groups_that_are_listed_for_it() {
        let setting = "stage:prod=Shop/Production, [AWS]Group:a=b=Pay/Prod,team=Ops/All, stage:prod=Shop/Jobs,";
        let table = [
            (
                tag(None, "stage", Some("prod")),
                vec!["Shop/Jobs", "Shop/Production"],
            ),
            (
                tag(Some("AWS"), "stage", Some("prod")),
                vec!["Shop/Jobs", "Shop/Production"],
            ),
            (tag(None, "stage", Some("test")), vec![]),
            (tag(None, "stage", None), vec![]),
            (tag(Some("AWS"), "Group", Some("a=b")), vec!["Pay/Prod"]),
            (tag(Some("CONTEXTLESS"), "Group", Some("a=b")), vec![]),
            (tag(None, "team", Some("any")), vec!["Ops/All"]),
            (tag(None, "team", None), vec!["Ops/All"]),
        ];
        for (carried, expected) in table {
            assert_eq!(
                groups(setting, std::slice::from_ref(&carried)),
                expected,
                "{carried}"
            );
        }
        assert_eq!(groups("", &[tag(None, "stage", Some("prod"))]), [""; 0]);
    }

    #[test]
    fn pair_that_says_too_little_is_named() {
        for text in [
            "x",
            "stage:prod",
            "stage:prod=Shop",
            "=Shop/P",
            "[AWS=Shop/P",
            "a:=S/P",
            "a:b=/P",
        ] {
            let error = format!("ok:ok=S/P,{text}").parse::<Behind>().unwrap_err();
            assert_eq!(error, Unclear(text.to_owned()), "{text}");
        }
    }
}
