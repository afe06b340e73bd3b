//! Whether the compare side of a service entry is a baseline, as a function of
//! what is known of its groups.
//!
//! [`baseline`] decides; whoever calls it asks CodeDeploy and the ledger. Each row
//! is a case of its tests, and the first one that is true counts.
//!
//! | Row | Known of the compare side | Its numbers |
//! |---|---|---|
//! | `tainted` | a suspect or bad deployment ran in it, whatever else did | are no baseline |
//! | `own` | the build's own content ran in it, and is not known to be good | are no baseline; the longest shift that avoids it is named |
//! | `ask` | nothing answered, a first release is accepted, and it is open whether anything was deployed before | that is asked first |
//! | `first-release` | nothing answered, a first release is accepted, and nothing was deployed before | there never were any |
//! | `as-measured` | anything else | are the baseline, or missing as they are |

use monspec::MissingBaseline;

use crate::deployment::{LedgerEntry, OwnBaseline};

/// What is known of a compare side.
#[derive(Clone, Debug)]
pub struct Compared<'a> {
    /// A suspect or bad deployment that ran in its window.
    pub tainted_by: Option<&'a LedgerEntry>,
    /// Where the build's own content ran, as far as that speaks against it.
    pub own: Vec<OwnBaseline>,
    /// What the monspec says of a missing baseline.
    pub policy: MissingBaseline,
    /// Whether nothing answered there: [`super::is_silent`].
    pub is_silent: bool,
    /// Whether nothing was deployed to it before; `None` was not asked yet.
    pub nothing_earlier: Option<bool>,
}

/// What the numbers of a compare side are worth.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Baseline {
    /// [`Compared::nothing_earlier`] has to be found out first.
    Ask,
    /// Nothing: this ran there.
    Tainted(LedgerEntry),
    /// Nothing: the build would be compared with itself.
    Own(OwnBaseline),
    /// There are none, because this is the first release.
    FirstRelease,
    /// What was measured counts.
    AsMeasured,
}

/// What the numbers of a compare side are worth.
pub fn baseline(compared: &Compared<'_>) -> Baseline {
    if let Some(bad) = compared.tainted_by {
        return Baseline::Tainted(bad.clone());
    }
    if let Some(own) = compared.own.iter().max_by_key(|own| own.clear_at) {
        return Baseline::Own(own.clone());
    }
    if !compared.is_silent || compared.policy != MissingBaseline::FirstRelease {
        return Baseline::AsMeasured;
    }
    match compared.nothing_earlier {
        None => Baseline::Ask,
        Some(true) => Baseline::FirstRelease,
        Some(false) => Baseline::AsMeasured,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use jiff::Timestamp;

    use super::*;
    use crate::deployment::{Deployment, Group, Origin, Standing};

    const TABLE: &str = include_str!("baseline.rs");

    #[test]
    fn every_row_is_a_case_and_goes_as_the_table_says() {
        let bad = entry("d-1", Standing::Bad);
        let own = |id, clear_at| OwnBaseline {
            entry: entry(id, Standing::Unknown),
            clear_at,
        };
        let silent = || Compared {
            tainted_by: None,
            own: Vec::new(),
            policy: MissingBaseline::FirstRelease,
            is_silent: true,
            nothing_earlier: Some(true),
        };
        let cases = [
            (
                "tainted",
                Compared {
                    tainted_by: Some(&bad),
                    own: vec![own("d-2", 60)],
                    ..silent()
                },
                Baseline::Tainted(bad.clone()),
            ),
            (
                "own",
                Compared {
                    own: vec![own("d-2", 60), own("d-3", 120)],
                    ..silent()
                },
                Baseline::Own(own("d-3", 120)),
            ),
            (
                "ask",
                Compared {
                    nothing_earlier: None,
                    ..silent()
                },
                Baseline::Ask,
            ),
            ("first-release", silent(), Baseline::FirstRelease),
            (
                "as-measured",
                Compared {
                    nothing_earlier: Some(false),
                    ..silent()
                },
                Baseline::AsMeasured,
            ),
            (
                "as-measured",
                Compared {
                    policy: MissingBaseline::Inconclusive,
                    ..silent()
                },
                Baseline::AsMeasured,
            ),
            (
                "as-measured",
                Compared {
                    is_silent: false,
                    nothing_earlier: None,
                    ..silent()
                },
                Baseline::AsMeasured,
            ),
        ];
        for (row, compared, expected) in &cases {
            assert_eq!(baseline(compared), *expected, "{row}");
        }

        let named: BTreeSet<&str> = cases.iter().map(|(row, ..)| *row).collect();
        let rows: BTreeSet<&str> = TABLE
            .lines()
            .filter_map(|line| line.strip_prefix("//! | `")?.split('`').next())
            .collect();
        assert_eq!(named, rows);
    }

    fn entry(id: &str, standing: Standing) -> LedgerEntry {
        LedgerEntry {
            deployment: Deployment {
                id: id.to_owned(),
                group: Group {
                    application: "Shop".to_owned(),
                    name: "Production".to_owned(),
                },
                at: Timestamp::UNIX_EPOCH,
                execution: None,
                identity: id.to_owned(),
                location: None,
                digest: None,
                version: id.to_owned(),
                origin: Origin::Release,
            },
            standing,
            taught_by: "a test".to_owned(),
            bound_to: None,
        }
    }
}
