//! Cuts evidence to the size of one record.
//!
//! The verdict is decided before anything is left out, and readers see how much was
//! left out.

use monspec::Outcome;

use super::{Asked, Evidence};
use crate::summary::cut;

/// How many entities of an environment are named; all are counted.
pub const MOST_ENTITIES: usize = 50;

/// How many characters of the reason and of the note are kept if the whole does
/// not fit: they carry the verdict, and there is only one of each.
const MOST_WORDS: usize = 2_000;

/// How much of the details is kept.
struct Kept {
    findings: usize,
    characters: usize,
    warnings: usize,
    entities: usize,
    /// Service entries, problems and links.
    others: usize,
}

/// What to keep if the whole does not fit, from most to least. The last
/// always fits: every text is cut, and names, metrics, ids and addresses have
/// bounds of their own.
const KEPT: [Kept; 3] = [
    Kept {
        findings: 500,
        characters: 300,
        warnings: 2,
        entities: 10,
        others: 100,
    },
    Kept {
        findings: 200,
        characters: 150,
        warnings: 0,
        entities: 1,
        others: 20,
    },
    Kept {
        findings: 20,
        characters: 60,
        warnings: 0,
        entities: 1,
        others: 5,
    },
];

impl Evidence {
    /// The same with the first entities of each environment and, where that
    /// does not fit, with fewer details.
    #[must_use]
    pub fn within(&self, fits: impl Fn(&Self) -> bool) -> Self {
        let mut whole = self.clone();
        whole.name_first_entities(MOST_ENTITIES);
        if fits(&whole) {
            return whole;
        }
        let [most, less, least] = KEPT.map(|kept| whole.keeping(&kept));
        [most, less].into_iter().find(fits).unwrap_or(least)
    }

    fn name_first_entities(&mut self, most: usize) {
        for (service, environments) in &mut self.entities {
            for (environment, names) in environments {
                if names.len() > most {
                    let counts = self.context.entity_counts.entry(service.clone());
                    let counts = counts.or_default();
                    counts.entry(environment.clone()).or_insert(names.len());
                    names.truncate(most);
                }
            }
        }
    }

    fn keeping(&self, kept: &Kept) -> Self {
        let mut less = self.clone();
        less.name_first_entities(kept.entities);
        while less.entities.len() > kept.others {
            less.entities.pop_last();
        }
        let context = &mut less.context;
        let named = |service: &String| less.entities.contains_key(service);
        context.entity_counts.retain(|service, _| named(service));
        context.problems.truncate(kept.others);
        for problems in &mut context.problems {
            problems.open.truncate(kept.others);
            problems.reason = cut(&problems.reason, kept.characters);
            for problem in &mut problems.open {
                problem.name = cut(&problem.name, kept.characters);
            }
        }
        context.links.truncate(kept.others);
        for link in &mut context.links {
            link.name = cut(&link.name, kept.characters);
        }

        let most_telling = self.most_telling(kept.findings);
        let findings = self.findings.iter().enumerate();
        less.findings = findings
            .filter(|(place, _)| most_telling.contains(place))
            .map(|(_, found)| found.clone())
            .collect();
        for found in &mut less.findings {
            found.finding.reason = cut(&found.finding.reason, kept.characters);
            found.source.keep(kept);
            if let Some(compare) = &mut found.compare {
                compare.keep(kept);
            }
        }
        let left_out = format!(
            "The evidence is too large for one record: {} of {} signatures are kept, violated \
             ones first, and long texts are cut.",
            less.findings.len(),
            self.findings.len()
        );
        less.reason = self.reason.as_ref().map(|reason| cut(reason, MOST_WORDS));
        let note = self.note.iter().map(|note| cut(note, MOST_WORDS));
        less.note = Some(note.chain([left_out]).collect::<Vec<_>>().join(" "));
        less
    }

    /// The places of the findings that decided the verdict, then of the others.
    fn most_telling(&self, most: usize) -> Vec<usize> {
        let mut places: Vec<usize> = (0..self.findings.len()).collect();
        places.sort_by_key(|&place| match self.findings[place].finding.outcome {
            Outcome::Violated => 0,
            Outcome::Inconclusive => 1,
            Outcome::Held => 2,
        });
        places.truncate(most);
        places
    }
}

impl Asked {
    fn keep(&mut self, kept: &Kept) {
        self.selector = cut(&self.selector, kept.characters);
        self.query = cut(&self.query, kept.characters);
        self.warnings.truncate(kept.warnings);
        for warning in &mut self.warnings {
            *warning = cut(warning, kept.characters);
        }
    }
}
