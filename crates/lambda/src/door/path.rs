//! Whether a path is the one that a route has.

/// The name in the path, empty where the pattern has none; nothing if it is
/// another path.
pub(super) fn matched<'p>(pattern: &str, path: &'p str) -> Option<&'p str> {
    let path = if path.is_empty() { "/" } else { path };
    if pattern == "*" {
        return Some("");
    }
    let mut parts = path.rsplit('/');
    let mut name = "";
    for wanted in pattern.rsplit('/') {
        if wanted == "*" {
            // Before the last folder is at least the beginning.
            return parts.next().map(|_| name);
        }
        let part = parts.next()?;
        match wanted.split_once("{}") {
            None if part == wanted => {}
            None => return None,
            Some((before, after)) => {
                let within = part.strip_prefix(before)?.strip_suffix(after)?;
                name = Some(within).filter(|name| !name.is_empty())?;
            }
        }
    }
    parts.next().is_none().then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pattern_says_what_a_path_may_be() {
        for (pattern, path, name) in [
            ("*", "", Some("")),
            ("*", "/any/thing", Some("")),
            ("/", "", Some("")),
            ("/", "/", Some("")),
            ("/", "/a", None),
            ("/a/{}", "/a/b", Some("b")),
            ("/a/{}", "/x/a/b", None),
            ("/a/{}", "/a/", None),
            ("/a/{}", "/a/b/c", None),
            ("*/history", "/history", Some("")),
            ("*/history", "/v1/history", Some("")),
            ("*/history", "/histories", None),
            ("*/history", "/history/", None),
            ("*/history", "history", None),
            ("*/v/{}.json", "/reports/v/1.json", Some("1")),
            ("*/v/{}.json", "/v/.json", None),
            ("*/v/{}.json", "/v/1", None),
            ("*/v/{}", "/w/1", None),
            ("*/v/{}", "v/1", None),
            ("*/v/{}", "/../../etc/passwd", None),
        ] {
            assert_eq!(matched(pattern, path), name, "{pattern} {path}");
        }
    }
}
