//! Which tag names the deployment group of an entity.

/// The tag whose value names the deployment group of an entity. Reads as
/// Dynatrace writes it, `key` or `[CONTEXT]key`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupTag {
    pub(crate) context: Option<String>,
    pub(crate) key: String,
}

/// The text names no tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is the key of a tag, such as `DeploymentGroup` or `[AWS]DeploymentGroup`")]
pub struct InvalidTag;

/// The tutorial's.
impl Default for GroupTag {
    fn default() -> Self {
        Self {
            context: None,
            key: "DeploymentGroup".to_owned(),
        }
    }
}

impl GroupTag {
    /// The names of groups that these tags say; a tag that is wanted without a
    /// context may have any.
    pub(crate) fn values<'t>(&self, tags: &'t [monspec::Tag]) -> Vec<&'t str> {
        let is = |tag: &&monspec::Tag| {
            tag.key == self.key && (self.context.is_none() || tag.context == self.context)
        };
        let values = tags.iter().filter(is);
        values.filter_map(|tag| tag.value.as_deref()).collect()
    }
}

impl std::str::FromStr for GroupTag {
    type Err = InvalidTag;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        let (context, key) = match text.strip_prefix('[') {
            Some(rest) => {
                let (context, key) = rest.split_once(']').ok_or(InvalidTag)?;
                (Some(context.to_owned()), key)
            }
            None => (None, text),
        };
        if key.is_empty() || key.contains(['[', ']', ':', '"']) {
            return Err(InvalidTag);
        }
        Ok(Self {
            context,
            key: key.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tag_of_a_group_is_read_as_dynatrace_writes_it() {
        let tag = |text: &str| text.parse::<GroupTag>();

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
