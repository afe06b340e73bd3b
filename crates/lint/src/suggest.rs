//! Finds the word that was probably intended.

use crate::shortened;

/// Suggests a similar candidate, else lists them all.
pub fn did_you_mean(word: &str, candidates: &[&str], otherwise: &str) -> String {
    match nearest(word, candidates.iter().copied()) {
        Some(near) => format!("did you mean `{}`?", shortened(near)),
        None => format!("{otherwise} {}", listed(candidates)),
    }
}

/// The candidates, as many as one reads.
pub fn listed(words: &[&str]) -> String {
    const SHOWN: usize = 10;
    let mut shown: Vec<_> = words
        .iter()
        .take(SHOWN)
        .map(|word| format!("`{}`", shortened(word)))
        .collect();
    if SHOWN < words.len() {
        shown.push("…".into());
    }
    shown.join(", ")
}

/// The most candidates that are looked at, so that a file of many unknown words
/// and many candidates is not compared word by word.
const MAX_CANDIDATES: usize = 100;

/// The candidate that was most likely intended.
///
/// Case and blanks at the ends count for nothing; beyond that a third of the
/// letters may differ, two at most, so that short words do not all look alike.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = folded(word);
    candidates
        .into_iter()
        .take(MAX_CANDIDATES)
        .filter_map(|candidate| {
            let folded = folded(candidate);
            let allowed = (folded.chars().count() / 3).clamp(1, 2);
            let distance = distance(&word, &folded, allowed)?;
            Some((distance, candidate))
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

fn folded(word: &str) -> String {
    word.trim().to_lowercase()
}

/// How many letters must be added, removed, replaced or swapped with their
/// neighbour; `None` when it is more than `allowed`.
fn distance(one: &str, other: &str, allowed: usize) -> Option<usize> {
    let one: Vec<char> = one.chars().take(other.len() + allowed + 1).collect();
    let other: Vec<char> = other.chars().collect();
    if allowed < one.len().abs_diff(other.len()) {
        return None;
    }
    let mut rows = vec![(0..=other.len()).collect::<Vec<_>>()];
    for i in 1..=one.len() {
        let mut row = vec![i];
        for j in 1..=other.len() {
            let replaced = rows[i - 1][j - 1] + usize::from(one[i - 1] != other[j - 1]);
            let mut least = replaced.min(rows[i - 1][j] + 1).min(row[j - 1] + 1);
            let swapped =
                1 < i && 1 < j && one[i - 1] == other[j - 2] && one[i - 2] == other[j - 1];
            if swapped {
                least = least.min(rows[i - 2][j - 2] + 1);
            }
            row.push(least);
        }
        rows.push(row);
    }
    let distance = rows[one.len()][other.len()];
    (distance <= allowed).then_some(distance)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIELDS: [&str; 5] = ["timeseries", "upperlimit", "lowerlimit", "key", "source"];

    #[test]
    fn slips_of_the_hand_are_recognised() {
        for (word, meant) in [
            ("timeseriers", "timeseries"),
            ("upperLImit", "upperlimit"),
            ("lowerlimit ", "lowerlimit"),
            ("lowreLimit", "lowerlimit"),
            ("kye", "key"),
            ("soruce", "source"),
        ] {
            assert_eq!(nearest(word, FIELDS), Some(meant), "{word}");
        }
    }

    #[test]
    fn other_words_are_left_alone() {
        for word in [
            "comment",
            "id",
            "",
            "k",
            "threshold",
            "sourcemap",
            &"x".repeat(100_000),
        ] {
            assert_eq!(nearest(word, FIELDS), None, "{word}");
        }
    }

    #[test]
    fn nearer_candidate_wins() {
        assert_eq!(
            nearest("Stagin", ["Stagin2", "Staging", "stagin"]),
            Some("stagin")
        );
    }
}
