//! Deployments of a group, and what a window saw of them.

use std::collections::BTreeSet;
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::content::{by_place, with_digest};
use crate::window::Window;

/// A CodeDeploy application and one of its deployment groups.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Group {
    /// The CodeDeploy application.
    pub application: String,
    /// The deployment group within it.
    pub name: String,
}

impl fmt::Display for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.application, self.name)
    }
}

/// A revision that reached a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deployment {
    /// CodeDeploy's id, `d-…`.
    pub id: String,
    /// Where it was deployed.
    pub group: Group,
    /// When it began to reach the group.
    pub at: Timestamp,
    /// The pipeline execution that deployed it, where there was one.
    pub execution: Option<String>,
    /// What was deployed: the same content has the same identity under every
    /// deployment id and every artifact key.
    pub identity: String,
    /// Where it lies, where CodeDeploy was asked: another group may know the
    /// same content by its place alone.
    pub location: Option<String>,
    /// The digest of its bundle, where CodeDeploy was asked and says one.
    pub digest: Option<String>,
    /// What a person calls it.
    pub version: String,
    /// Why it was deployed.
    pub origin: Origin,
}

impl Deployment {
    /// This deployment, with what somebody else knows beyond it: that it replaced
    /// a culprit, which execution made it, or where its content lies. Notices of
    /// CodeDeploy come before the pipeline's own word, and know other things. The
    /// time stays.
    ///
    /// Nothing, if they know nothing more.
    pub fn enriched_with(&self, other: &Deployment) -> Option<Deployment> {
        let names_execution = other.execution.is_some() && self.execution.is_none();
        let is_better =
            self.origin == Origin::Release && (other.origin == Origin::Heal || names_execution);
        let mut told = if is_better { other } else { self }.clone();
        told.at = self.at;
        told.location = self.location.as_ref().or(other.location.as_ref()).cloned();
        told.digest = self.digest.as_ref().or(other.digest.as_ref()).cloned();
        (told != *self).then_some(told)
    }

    /// Every identity that its content is known by: what it was built from, and
    /// where it lies.
    pub fn contents(&self) -> BTreeSet<String> {
        let by_place = self.location.iter().map(|place| by_place(place));
        let identity = with_digest(&self.identity, self.digest.as_deref());
        by_place.chain([identity]).collect()
    }

    /// Every identity under which its content may be suspect or bad.
    /// Content that failed before its digest was known is bad by its sources
    /// alone, and so is every build of them.
    pub fn may_be(&self) -> BTreeSet<String> {
        let mut all = self.contents();
        all.insert(self.identity.clone());
        all
    }
}

/// Why a deployment was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Origin {
    /// A pipeline released it.
    Release,
    /// It replaced a culprit.
    Heal,
}

/// What is known of a deployed revision.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Standing {
    /// Nothing speaks for it or against it.
    #[default]
    Unknown,
    /// Its validation passed.
    Good,
    /// A problem points at it.
    Suspect,
    /// Its validation failed, or the problem ended when it was replaced.
    Bad,
}

/// A deployment together with what the ledger knows of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerEntry {
    /// What was deployed, where and when.
    pub deployment: Deployment,
    /// What is known of it.
    pub standing: Standing,
    /// Who or what said so.
    pub taught_by: String,
    /// The problem that answers for it.
    pub bound_to: Option<String>,
}

/// A deployment in the history of its group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reached {
    /// What it brought, and what is known of that. Its time is when it changed
    /// the first instance.
    pub entry: LedgerEntry,
    /// When nothing else ran any more; nothing if something else still may.
    pub everywhere: Option<Timestamp>,
    /// When it changed the last instance; nothing if it goes on.
    pub ended: Option<Timestamp>,
    /// The deployment that it took back: the one that the marker of a heal
    /// names, or the one that CodeDeploy rolled back. Nothing if it took none
    /// back, or if nobody says which.
    pub takes_back: Option<String>,
}

/// What else happened to a group while a build was being measured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Undisturbed {
    /// Only the judged deployment ran.
    Yes,
    /// Another deployment came first: the numbers belong to two.
    Overtaken(Reached),
    /// The judged deployment was taken back.
    Healed(Deployment),
}

/// Says whether the judged deployment had `window` to itself. What reached its
/// group first after it decides:
///
/// | First came | Then |
/// |---|---|
/// | a heal whose marker names the judged deployment, or CodeDeploy's rollback of it | it was healed |
/// | a heal or a rollback of another deployment, or of one that nobody names | it was overtaken |
/// | anything else, such as a release, a redeployment by hand, or a restart | it was overtaken |
///
/// What comes later belongs to what came first, and speaks against that alone.
pub fn undisturbed(judged: &Deployment, history: &[Reached], window: Window) -> Undisturbed {
    let first = history
        .iter()
        .filter(|other| {
            let Deployment { group, id, at, .. } = &other.entry.deployment;
            *group == judged.group && *id != judged.id && judged.at <= *at && *at < window.end
        })
        .min_by_key(|other| {
            let Deployment { at, origin, .. } = &other.entry.deployment;
            (*at, *origin == Origin::Heal)
        });
    match first {
        None => Undisturbed::Yes,
        Some(first) if first.takes_back.as_ref() == Some(&judged.id) => {
            Undisturbed::Healed(first.entry.deployment.clone())
        }
        Some(first) => Undisturbed::Overtaken(first.clone()),
    }
}

/// What changed an instance of a group in any part of `window` first, if anything
/// did. Where nothing of the group is judged, all of it has to stay as it was.
pub fn disturbed(history: &[Reached], window: Window) -> Option<&Reached> {
    let changes = history.iter().filter(|one| {
        let goes_on = one.ended.is_none_or(|ended| window.start < ended);
        one.entry.deployment.at < window.end && goes_on
    });
    changes.min_by_key(|one| one.entry.deployment.at)
}

/// What of the history of one group, in any order, ran in any part of `window`.
/// A deployment runs from the first instance that it changed until another one
/// ran everywhere.
pub fn ran(history: &[Reached], window: Window) -> impl Iterator<Item = &Reached> {
    history.iter().filter(move |one| {
        let until = until(one, history);
        one.entry.deployment.at < window.end && until.is_none_or(|until| window.start < until)
    })
}

fn until(one: &Reached, history: &[Reached]) -> Option<Timestamp> {
    let at = one.entry.deployment.at;
    let later = history
        .iter()
        .filter(|later| at < later.entry.deployment.at);
    later.filter_map(|later| later.everywhere).min()
}

/// The deployment that makes a baseline over `window` untrustworthy, if any.
pub fn taint(history: &[Reached], window: Window) -> Option<&LedgerEntry> {
    ran(history, window)
        .map(|one| &one.entry)
        .filter(|entry| entry.standing.is_against())
        .min_by_key(|entry| entry.deployment.at)
}

const MINUTE_MS: i64 = 60_000;

/// Content that would be compared with itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnBaseline {
    /// The last deployment that brought it.
    pub entry: LedgerEntry,
    /// How many seconds before the build's window the compare side has to be
    /// looked at, so that it ran in no part.
    pub clear_at: i64,
}

/// Whether content of one of these identities was judged good in these groups,
/// and nothing speaks against it there.
pub fn is_good<'a>(
    contents: &BTreeSet<String>,
    known: impl IntoIterator<Item = &'a LedgerEntry>,
) -> bool {
    let known = known.into_iter();
    let own = known.filter(|entry| is_of(contents, &entry.deployment));
    let standings: Vec<Standing> = own.map(|entry| entry.standing).collect();
    let against = [Standing::Suspect, Standing::Bad];
    standings.contains(&Standing::Good)
        && !standings.iter().any(|standing| against.contains(standing))
}

/// The content of one of these identities that ran in `window`, shifted back, if
/// any did.
pub fn own_baseline(
    contents: &BTreeSet<String>,
    history: &[Reached],
    window: Window,
    shift_seconds: i64,
) -> Option<OwnBaseline> {
    let latest = |shift: i64| {
        ran(history, window.shifted_back(shift))
            .map(|one| &one.entry)
            .filter(|entry| is_of(contents, &entry.deployment))
            .max_by_key(|entry| entry.deployment.at)
    };
    let entry = latest(shift_seconds)?.clone();
    let mut clear_at = shift_seconds;
    while let Some(still) = latest(clear_at) {
        let apart = window.end.as_millisecond() - still.deployment.at.as_millisecond();
        // Whole minutes, as a torn one belongs to two builds.
        clear_at = apart.div_euclid(MINUTE_MS) * 60;
        if apart.rem_euclid(MINUTE_MS) != 0 {
            clear_at += 60;
        }
    }
    Some(OwnBaseline { entry, clear_at })
}

/// The build among the deployments that are judged together: those that brought
/// their group another content than it was given last, or all of them where none
/// did, as after a retry. `known` is what the ledger knows of their groups.
pub fn build<'a>(judged: &'a [Deployment], known: &[&LedgerEntry]) -> Vec<&'a Deployment> {
    let brings = |one: &&Deployment| {
        let before = known.iter().map(|entry| &entry.deployment);
        let before = before
            .filter(|other| other.group == one.group && other.id != one.id && other.at <= one.at)
            .max_by_key(|other| other.at);
        !before.is_some_and(|before| is_of(&one.contents(), before))
    };
    let build: Vec<&Deployment> = judged.iter().filter(brings).collect();
    if build.is_empty() {
        return judged.iter().collect();
    }
    build
}

fn is_of(contents: &BTreeSet<String>, deployment: &Deployment) -> bool {
    !deployment.contents().is_disjoint(contents)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn minute(minute: i64) -> Timestamp {
        Timestamp::from_second(minute * 60).unwrap()
    }

    fn window(start: i64, end: i64) -> Window {
        Window {
            start: minute(start),
            end: minute(end),
        }
    }

    fn deployment(id: &str, at: i64, origin: Origin) -> Deployment {
        Deployment {
            id: id.to_owned(),
            group: Group {
                application: "App".to_owned(),
                name: "Production".to_owned(),
            },
            at: minute(at),
            execution: None,
            identity: id.to_owned(),
            location: None,
            digest: None,
            version: id.to_owned(),
            origin,
        }
    }

    /// A deployment that took no time.
    fn reached(id: &str, at: i64, standing: Standing) -> Reached {
        Reached {
            entry: LedgerEntry {
                deployment: deployment(id, at, Origin::Release),
                standing,
                taught_by: "a test".to_owned(),
                bound_to: None,
            },
            everywhere: Some(minute(at)),
            ended: Some(minute(at)),
            takes_back: None,
        }
    }

    fn release(id: &str, at: i64) -> Reached {
        reached(id, at, Standing::Unknown)
    }

    fn heal(id: &str, at: i64, takes_back: Option<&str>) -> Reached {
        let mut heal = release(id, at);
        heal.entry.deployment.origin = Origin::Heal;
        heal.takes_back = takes_back.map(str::to_owned);
        heal
    }

    #[test]
    fn window_is_undisturbed_by_earlier_later_and_foreign_deployments() {
        let judged = deployment("d-1", 10, Origin::Release);
        let mut elsewhere = release("d-4", 12);
        elsewhere.entry.deployment.group.name = "Staging".to_owned();
        let history = [
            release("d-1", 10),
            release("d-0", 9),
            release("d-2", 16),
            elsewhere,
        ];

        assert_eq!(
            undisturbed(&judged, &history, window(11, 16)),
            Undisturbed::Yes
        );
    }

    #[test]
    fn what_came_first_decides_about_the_window() {
        let judged = deployment("d-1", 10, Origin::Release);
        for (history, expected) in [
            (
                vec![release("d-3", 15), release("d-2", 14)],
                "overtaken by d-2",
            ),
            (vec![heal("d-2", 12, Some("d-1"))], "healed by d-2"),
            (
                vec![heal("d-2", 12, Some("d-1")), release("d-3", 13)],
                "healed by d-2",
            ),
            (
                vec![release("d-2", 12), heal("d-3", 14, Some("d-1"))],
                "overtaken by d-2",
            ),
            (
                vec![release("d-2", 12), heal("d-3", 14, Some("d-2"))],
                "overtaken by d-2",
            ),
            // It took back what changed nothing, or nobody says what.
            (vec![heal("d-3", 14, Some("d-2"))], "overtaken by d-3"),
            (vec![heal("d-3", 14, None)], "overtaken by d-3"),
            (
                vec![heal("d-3", 12, Some("d-1")), release("d-2", 12)],
                "overtaken by d-2",
            ),
        ] {
            let found = match undisturbed(&judged, &history, window(11, 16)) {
                Undisturbed::Yes => "undisturbed".to_owned(),
                Undisturbed::Healed(heal) => format!("healed by {}", heal.id),
                Undisturbed::Overtaken(by) => format!("overtaken by {}", by.entry.deployment.id),
            };
            assert_eq!(found, expected, "{history:?}");
        }
    }

    #[test]
    fn group_is_disturbed_by_what_changes_it_in_any_part_of_a_window() {
        for (at, ended, disturbs) in [
            (5, Some(9), false),
            (5, Some(10), false),
            (5, Some(11), true),
            (5, None, true),
            (10, Some(10), false),
            (12, Some(12), true),
            (14, Some(20), true),
            (15, Some(20), false),
        ] {
            let mut one = release("d-1", at);
            one.ended = ended.map(minute);
            let history = [one];
            let found = disturbed(&history, window(10, 15));
            assert_eq!(found.is_some(), disturbs, "{at} to {ended:?}");
        }
    }

    #[test]
    fn baseline_is_tainted_only_by_what_ran_inside_its_window() {
        let history = [
            reached("d-3", 30, Standing::Good),
            reached("d-2", 20, Standing::Bad),
            reached("d-1", 10, Standing::Suspect),
            reached("d-0", 0, Standing::Good),
        ];
        let tainted_by = |start, end| {
            taint(&history, window(start, end)).map(|entry| entry.deployment.id.as_str())
        };

        assert_eq!(tainted_by(1, 9), None);
        assert_eq!(tainted_by(1, 11), Some("d-1"));
        assert_eq!(tainted_by(21, 25), Some("d-2"));
        assert_eq!(tainted_by(29, 35), Some("d-2"));
        assert_eq!(tainted_by(30, 35), None);
    }

    #[test]
    fn deployment_runs_until_another_one_runs_everywhere() {
        let mut slow = release("d-2", 20);
        slow.everywhere = Some(minute(30));
        let mut failed = release("d-3", 40);
        failed.everywhere = None;
        let history = [release("d-1", 10), slow, failed, release("d-4", 50)];
        let ran = |start, end| {
            let ran = ran(&history, window(start, end));
            let ids: Vec<&str> = ran.map(|one| one.entry.deployment.id.as_str()).collect();
            ids.concat()
        };

        assert_eq!(ran(5, 9), "");
        assert_eq!(ran(15, 20), "d-1");
        assert_eq!(ran(25, 28), "d-1d-2");
        assert_eq!(ran(30, 40), "d-2");
        assert_eq!(ran(41, 50), "d-2d-3");
        assert_eq!(ran(50, 60), "d-4");
    }

    #[test]
    fn own_baseline_names_the_shift_that_looks_past_it() {
        let own = deployment("d-1", 0, Origin::Release).contents();
        // The same content again, an hour later; the first time it was slow.
        let mut first = release("d-1", 10);
        first.everywhere = Some(minute(20));
        let mut again = release("d-1", 70);
        again.entry.deployment.id = "d-2".to_owned();
        let history = [release("d-0", 0), first, again];
        let found = |start: i64, shift: i64| {
            let window = window(start, start + 5);
            let found = own_baseline(&own, &history, window, shift * 60)?;
            Some((found.entry.deployment.id, found.clear_at / 60))
        };

        assert_eq!(found(75, 60), Some(("d-1".to_owned(), 70)));
        assert_eq!(found(75, 2), Some(("d-2".to_owned(), 70)));
        assert_eq!(found(75, 65), Some(("d-1".to_owned(), 70)));
        assert_eq!(found(75, 70), None);
    }

    #[test]
    fn content_is_good_once_judged_so_unless_something_speaks_against_it() {
        use Standing::{Bad, Good, Suspect, Unknown};
        let own = deployment("d-1", 0, Origin::Release).contents();
        let good = |standings: &[Standing]| {
            let history = standings
                .iter()
                .map(|known| reached("d-1", 0, *known).entry);
            let history: Vec<LedgerEntry> = history.collect();
            is_good(&own, &history)
        };

        assert!(good(&[Good, Unknown]));
        for standings in [&[][..], &[Unknown], &[Good, Bad], &[Suspect, Good]] {
            assert!(!good(standings), "{standings:?}");
        }
        assert!(!is_good(&own, [&reached("d-2", 0, Good).entry]));
    }

    #[test]
    fn build_is_what_brought_its_group_something_else_all_of_it() {
        let to = |group: &str, id: &str, at, identity: &str| {
            let mut entry = reached(id, at, Standing::Unknown).entry;
            group.clone_into(&mut entry.deployment.group.name);
            identity.clone_into(&mut entry.deployment.identity);
            entry
        };
        let history = [
            to("Web", "d-1", 10, "web 1"),
            to("Api", "d-2", 10, "api 7"),
            to("Api", "d-0", 5, "api 8"),
            to("Web", "d-5", 30, "web 9"),
        ];
        let build = |web: &str, api: &str| {
            let judged = [to("Web", "d-3", 20, web), to("Api", "d-4", 20, api)];
            let known: Vec<&LedgerEntry> = history.iter().chain(&judged).collect();
            let judged = judged.each_ref().map(|entry| entry.deployment.clone());
            let build = super::build(&judged, &known);
            let ids: Vec<&str> = build.iter().map(|one| one.id.as_str()).collect();
            ids.concat()
        };

        assert_eq!(build("web 2", "api 7"), "d-3");
        assert_eq!(build("web 1", "api 8"), "d-4");
        assert_eq!(build("web 2", "api 8"), "d-3d-4");
        assert_eq!(build("web 1", "api 7"), "d-3d-4", "a retry");
    }
}
