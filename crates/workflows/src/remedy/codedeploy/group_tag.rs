//! Which tag names the deployment group of an entity.

use dynatrace::Tag;

/// The tag whose value names the deployment group of an entity. Reads as
/// Dynatrace writes it, `key` or `[CONTEXT]key`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupTag(pub(crate) Tag);

/// The text names no tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is the key of a tag, such as `DeploymentGroup` or `[AWS]DeploymentGroup`")]
pub struct InvalidTag;

/// The tutorial's.
impl Default for GroupTag {
    fn default() -> Self {
        Self(Tag {
            context: None,
            key: "DeploymentGroup".to_owned(),
            value: None,
        })
    }
}

impl GroupTag {
    /// The names of groups that these tags say; a tag that is wanted without a
    /// context may have any.
    pub(crate) fn values<'t>(&self, tags: &'t [monspec::Tag]) -> Vec<&'t str> {
        let Tag { context, key, .. } = &self.0;
        let is =
            |tag: &&monspec::Tag| tag.key == *key && (context.is_none() || tag.context == *context);
        let values = tags.iter().filter(is);
        values.filter_map(|tag| tag.value.as_deref()).collect()
    }
}

impl std::str::FromStr for GroupTag {
    type Err = InvalidTag;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.trim().parse() {
            Ok(tag @ Tag { value: None, .. }) if !tag.key.contains(['[', ']', '"']) => {
                Ok(Self(tag))
            }
            _ => Err(InvalidTag),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tag_of_a_group_is_read_as_dynatrace_writes_it() {
        let tag = |text: &str| text.parse().map(|GroupTag(tag)| tag);

        assert_eq!(tag("DeploymentGroup").unwrap().key, "DeploymentGroup");
        let imported = tag(" [AWS]Group ").unwrap();
        assert_eq!(
            (imported.context.as_deref(), &*imported.key),
            (Some("AWS"), "Group")
        );
        for text in ["", "[AWS]", "[AWS", "Group:Production"] {
            assert_eq!(tag(text), Err(InvalidTag), "{text}");
        }
    }
}
