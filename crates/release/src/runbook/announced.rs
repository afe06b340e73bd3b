//! What an announced configuration leads to: which runbook takes it back, if any.

use std::collections::BTreeMap;

use super::{
    Announced, Choice, Input, Older, Refusal, Runbook, Runbooks, Unreadable, Wish, find, input,
    read,
};

/// An event as far as it may be answered by a runbook.
#[derive(Clone, Copy, Debug)]
pub struct Event<'a> {
    /// Its type, source, and the tags of its entity.
    pub announced: Announced<'a>,
    /// What it says, by name.
    pub properties: &'a BTreeMap<String, String>,
    /// Where it can be undone, as deployments say it.
    pub link: Option<&'a str>,
    /// The name of the entity that it is on.
    pub entity: Option<&'a str>,
}

/// The property by which whoever announces a change says that it is no cause.
const RELEVANT: &str = "dt.event.is_rootcause_relevant";

impl Event<'_> {
    /// Whether any runbook is for such events.
    pub fn is_listened_to(&self, listed: &Runbooks) -> bool {
        let source = self.announced.source.unwrap_or_default();
        listed.runbooks.values().any(|runbook| {
            let causes = &runbook.causes;
            causes.events.iter().any(|kind| kind == self.announced.kind)
                && causes.sources.iter().any(|listed| listed == source)
        })
    }

    /// Whether it announces that something was taken back, or is otherwise said
    /// to be no cause.
    pub fn is_return(&self) -> bool {
        let relevant = self.properties.get(RELEVANT);
        relevant.is_some_and(|relevant| relevant.trim().eq_ignore_ascii_case("false"))
    }

    /// What it asks for.
    pub fn wish(&self) -> Result<Wish, Unreadable> {
        let property = |name: &str| self.properties.get(name).map(String::as_str);
        let action = property("remediationAction").or(self.link);
        read(
            property("remediationType"),
            action.or(property("Remediation")),
        )
    }

    /// The runbook that takes it back, with what it is given.
    pub fn runbook(&self, listed: &Runbooks) -> Result<(Runbook, Input), Refusal> {
        let wish = self.wish().map_err(|why| Refusal::Action { why })?;
        let Wish::Run(action) = wish else {
            return Err(Refusal::Unlisted {
                what: "no controller".to_owned(),
            });
        };
        let runbook = find(listed, &action, self.announced)?;
        let input = input(runbook, self.properties, self.entity)?;
        Ok((runbook.clone(), input))
    }
}

impl Choice<'_> {
    /// Whether the runbook of an older change may be run: the newest is the
    /// likelier cause.
    pub fn permits(&self, runbook: &Runbook) -> Result<(), Refusal> {
        match self {
            Self::Older { .. } if runbook.older == Older::Refuse => Err(Refusal::Hidden {
                alias: runbook.alias.clone(),
            }),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::runbook::settings::Runbooks;

    fn listed() -> Runbooks {
        let settings = json!({
            "controllers": {
                "awx": {"base": "https://awx.acme/api/v2", "auth": "bearer", "secret": "/ub/awx"},
            },
            "runbooks": {"stop": {
                "on": "awx", "template": 18, "name": "stop-campaign",
                "for": {"events": ["CUSTOM_CONFIGURATION"], "sources": ["Ansible"]},
                "vars": {"rate": {"from": "oldValue", "type": "int", "min": 0, "max": 100}},
            }},
        });
        Runbooks::read(&settings.to_string()).unwrap()
    }

    /// What an event of this type, source, link and properties leads to.
    fn led(kind: &str, source: &str, link: Option<&str>, said: &[(&str, &str)]) -> String {
        let properties = said.iter();
        let properties = properties
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let event = Event {
            announced: Announced {
                kind,
                source: Some(source),
                tags: &[],
            },
            properties: &properties,
            link,
            entity: None,
        };
        if !event.is_listened_to(&listed()) {
            return "ignored".to_owned();
        }
        if event.is_return() {
            return "return".to_owned();
        }
        if event.wish() == Ok(Wish::Nothing) {
            return "no action".to_owned();
        }
        match event.runbook(&listed()) {
            Ok((runbook, input)) => format!("{} {}", runbook.alias, input.variables["rate"]),
            Err(refusal) => refusal.to_string(),
        }
    }

    #[test]
    fn event_leads_to_a_runbook_only_from_where_one_is_for_it() {
        let configuration =
            |said: &[(&str, &str)]| led("CUSTOM_CONFIGURATION", "Ansible", None, said);
        let old = ("oldValue", "5");
        assert_eq!(configuration(&[("remediationAction", "18"), old]), "stop 5");
        assert_eq!(configuration(&[("Remediation", "18"), old]), "stop 5");
        let link = Some("https://awx.acme/api/v2/job_templates/18/launch/");
        assert_eq!(
            led("CUSTOM_CONFIGURATION", "Ansible", link, &[old]),
            "stop 5"
        );
        assert_eq!(configuration(&[("remediationAction", "NA")]), "no action");
        assert_eq!(configuration(&[]), "no action");
        let undone = ("dt.event.is_rootcause_relevant", "False");
        assert_eq!(
            configuration(&[("remediationAction", "18"), undone]),
            "return"
        );
        assert_eq!(led("CUSTOM_INFO", "Ansible", link, &[old]), "ignored");
        assert_eq!(
            led("CUSTOM_CONFIGURATION", "somebody", link, &[old]),
            "ignored"
        );
        assert!(configuration(&[("remediationAction", "19"), old]).contains("no listed runbook"));
        assert!(configuration(&[("remediationAction", "18")]).contains("which the event lacks"));
    }
}
