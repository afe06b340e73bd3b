//! What was deployed: which deployments brought the same content.
//!
//! The only place that makes an identity of content. Content is known by the
//! sources that it was made from, else by where it lies, else by the deployment
//! alone: nothing is ever known by nothing, because all of that would be one.

use std::collections::BTreeMap;

use crate::execution::SourceRevision;

/// What lies between the sources and what is deployed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Making {
    /// Nothing: a source is deployed as it is.
    Taken,
    /// A build, which may bring in what no source says.
    Built,
}

/// What is known of the content that a deploy action was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Given {
    /// The sources behind it; empty if any of them is unknown.
    pub sources: Vec<SourceRevision>,
    /// How it came from them.
    pub making: Making,
    /// Where it lies, if that is known.
    pub place: Option<String>,
}

const BUILT: &str = "built:";

impl Given {
    /// The identity of this content, as `deployment` deployed it.
    pub fn identity(&self, deployment: &str) -> String {
        let sorted: BTreeMap<&str, &str> = self
            .sources
            .iter()
            .map(|source| (source.name.as_str(), source.revision.as_str()))
            .collect();
        if sorted.is_empty() {
            return by_place(self.place.as_deref().unwrap_or(deployment));
        }
        let kind = match self.making {
            Making::Taken => "sources:",
            Making::Built => BUILT,
        };
        let parts: Vec<String> = sorted
            .iter()
            .map(|(name, revision)| format!("{name}={revision}"))
            .collect();
        format!("{kind}{}", parts.join(";"))
    }
}

/// The identity of content whose place is all that is known.
pub fn by_place(place: &str) -> String {
    format!("location:{place}")
}

/// An identity together with the digest of the bundle that was deployed. Two
/// builds of one source are one content only if their digests agree, or if
/// neither is known; a source that is deployed as it is needs no digest, which
/// may be another each time it is packed.
pub(crate) fn with_digest(identity: &str, digest: Option<&str>) -> String {
    match digest {
        Some(digest) if identity.starts_with(BUILT) => format!("{identity}#{digest}"),
        _ => identity.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(sources: &[(&str, &str)], making: Making, place: Option<&str>) -> Given {
        let sources = sources.iter().map(|(name, revision)| SourceRevision {
            name: (*name).to_owned(),
            revision: (*revision).to_owned(),
            summary: None,
        });
        Given {
            sources: sources.collect(),
            making,
            place: place.map(str::to_owned),
        }
    }

    #[test]
    fn same_sources_are_the_same_content_in_any_place_and_order() {
        let one = given(&[("App", "1"), ("Lib", "7")], Making::Taken, Some("a"));
        let other = given(&[("Lib", "7"), ("App", "1")], Making::Taken, Some("b"));
        let older = given(&[("App", "1"), ("Lib", "6")], Making::Taken, Some("a"));

        assert_eq!(one.identity("d-1"), other.identity("d-2"));
        assert_ne!(one.identity("d-1"), older.identity("d-1"));
    }

    #[test]
    fn content_without_sources_is_known_by_its_place_else_by_its_deployment() {
        let placed = given(&[], Making::Built, Some("s3:bundles/1"));
        let lost = given(&[], Making::Built, None);

        assert_eq!(placed.identity("d-1"), "location:s3:bundles/1");
        assert_eq!(lost.identity("d-1"), "location:d-1");
    }

    #[test]
    fn builds_of_one_source_are_one_content_if_digests_agree_or_are_unknown() {
        let built = given(&[("App", "1")], Making::Built, None).identity("d-1");
        let same = |one, other| with_digest(&built, one) == with_digest(&built, other);

        assert!(same(None, None));
        assert!(same(Some("7c"), Some("7c")));
        assert!(!same(Some("7c"), Some("9f")));
        assert!(!same(Some("7c"), None));
    }

    #[test]
    fn source_that_is_packed_again_is_the_same_content() {
        let taken = given(&[("App", "1")], Making::Taken, None).identity("d-1");

        assert_eq!(
            with_digest(&taken, Some("7c")),
            with_digest(&taken, Some("9f"))
        );
    }
}
