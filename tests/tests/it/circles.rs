//! No two files of a crate import each other, directly or through others.
//!
//! A file may name what it is a part of, and a file its parts: only a path from the
//! root of the crate or from `super` counts. What a module passes on with `pub use`
//! counts as named where it lies: `crate::remediation::Guard` names
//! `remediation::guard`, and not what lies beside it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// A module by its names from the root of its crate.
type Module = Vec<String>;

/// A path as it is written, and the other name that it gets.
struct Named {
    names: Vec<String>,
    known_as: Option<String>,
}

impl Named {
    /// What it is called from here on.
    fn known_as(&self) -> Option<&String> {
        let own = || self.names.iter().rfind(|name| *name != "self");
        self.known_as.as_ref().or_else(own)
    }
}

/// What modules pass on, by its path there, and where that lies.
type PassedOn = BTreeMap<Module, Module>;

/// What each file names by a path of its own crate.
type Imports = BTreeMap<Module, BTreeSet<Module>>;

#[test]
fn no_files_of_a_crate_import_each_other() {
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    let below = |folder| fs::read_dir(root.join(folder)).unwrap();
    let crates: Vec<PathBuf> = below("crates")
        .chain(below("functions"))
        .map(|entry| entry.unwrap().path())
        .chain([root.join("monspec")])
        .collect();
    let mut found = Vec::new();
    for one in crates {
        let files = read(&one.join("src"));
        assert!(!files.is_empty(), "{} has no files", one.display());
        let name = one.file_name().unwrap().display();
        let circles = circles(&imports(&files));
        found.extend(
            circles
                .iter()
                .map(|circle| format!("{name}: {}", circle.join(" <-> "))),
        );
    }

    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn circle_is_found_through_every_kind_of_path() {
    let apart = files(&[
        ("", "pub mod a; pub mod b;"),
        ("a", "use crate::{StoreError, b::{self, Two}};"),
        ("b", "// use crate::a::One;\npub struct Two;"),
        ("b::c", "use super::Two;"),
    ]);
    assert_eq!(circles(&imports(&apart)), Vec::<Vec<String>>::new());

    for back in [
        "use crate::a::One;",
        "use super::{x, a::One};",
        "fn f(_: &crate::a::One) {}",
        "pub(crate) use super::\n    a;",
    ] {
        let mut files = apart.clone();
        files.insert(module("b"), back.to_owned());
        assert_eq!(circles(&imports(&files)), [["a", "b"]], "{back}");
    }

    let three = files(&[
        ("a", "use super::b::c::D;"),
        ("b", ""),
        ("b::c", "use crate::e::F;"),
        ("e", "#[cfg(test)]\nmod tests {\n use crate::b; }"),
    ]);
    assert_eq!(circles(&imports(&three)), Vec::<Vec<String>>::new());
    let mut three = three;
    three.insert(module("e"), "use crate::a;".to_owned());
    assert_eq!(circles(&imports(&three)), [["a", "b::c", "e"]]);

    // `a` names what lies in `b::c`, which names `a`; `b` itself is named by nobody.
    let passed_on = |text: &str, back: &str| {
        let named = format!("use crate::{{b::{back}}};");
        let files = [
            ("a", named.as_str()),
            ("b", text),
            ("b::c", "use crate::a;"),
        ];
        circles(&imports(&self::files(&files)))
    };
    for (text, back) in [
        ("pub use c::D;", "D"),
        ("pub(crate) use self::c::{E, D as F};", "F::new"),
        ("pub use c as d;", "d::D"),
        ("use x::D;\npub use crate::b::c::{self, D};", "D"),
    ] {
        assert_eq!(passed_on(text, back), [["a", "b::c"]], "{text}");
    }
    for (text, back) in [("pub use c::D;", "E"), ("use c::D;\npub struct D;", "D")] {
        assert_eq!(passed_on(text, back), Vec::<Vec<String>>::new(), "{text}");
    }

    // What is named by a module that was named before.
    let by_module = self::files(&[
        ("a", "use crate::b;\nfn f() { b::c::g(); }"),
        ("b", "pub mod c;"),
        ("b::c", "use crate::a::One;"),
    ]);
    assert_eq!(circles(&imports(&by_module)), [["a", "b::c"]]);
}

fn files(texts: &[(&str, &str)]) -> BTreeMap<Module, String> {
    let texts = texts.iter();
    texts
        .map(|(name, text)| (module(name), (*text).to_owned()))
        .collect()
}

fn module(name: &str) -> Module {
    let names = name.split("::").filter(|name| !name.is_empty());
    names.map(str::to_owned).collect()
}

/// The text of every file below `folder`, by its module.
fn read(folder: &Path) -> BTreeMap<Module, String> {
    let mut files = BTreeMap::new();
    let mut folders = vec![(folder.to_owned(), Module::new())];
    while let Some((folder, above)) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            let mut module = above.clone();
            if path.is_dir() {
                module.push(name);
                folders.push((path, module));
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                if !["lib", "main", "mod"].contains(&name.as_str()) {
                    module.push(name);
                }
                files.insert(module, fs::read_to_string(path).unwrap());
            }
        }
    }
    files
}

fn imports(files: &BTreeMap<Module, String>) -> Imports {
    let texts = files
        .iter()
        .map(|(module, text)| (module.clone(), code(text)));
    let texts: BTreeMap<Module, String> = texts.collect();
    let passed_on = passed_on(&texts);
    let imported = |module: &Module, text: &str| {
        let named = named(module, text, &texts).into_iter();
        let lies_in = named.filter_map(|path| lies_in(&path, &texts, &passed_on));
        lies_in.filter(|path| path != module).collect()
    };
    texts
        .iter()
        .map(|(module, text)| (module.clone(), imported(module, text)))
        .collect()
}

/// What a text names by a path that begins with `crate` or `super`, and by one that
/// begins with a module that it named so.
fn named(module: &Module, text: &str, files: &BTreeMap<Module, String>) -> Vec<Module> {
    let mut named = Vec::new();
    for path in paths(text, "crate::")
        .into_iter()
        .chain(paths(text, "super::"))
    {
        let Some(full) = from_root(module, &path.names) else {
            continue;
        };
        if let Some(name) = path.known_as()
            && files.contains_key(&full)
        {
            for further in paths(text, &format!("{name}::")) {
                let further = further.names.into_iter().skip(1);
                named.push(full.iter().cloned().chain(further).collect());
            }
        }
        named.push(full);
    }
    named
}

/// The file in which it lies what a path from the root of the crate names.
fn lies_in(
    path: &Module,
    files: &BTreeMap<Module, String>,
    passed_on: &PassedOn,
) -> Option<Module> {
    let mut path = path.clone();
    // Nothing is passed on more often.
    for _ in 0..8 {
        let Some(end) = (1..=path.len()).find(|end| passed_on.contains_key(&path[..*end])) else {
            break;
        };
        let further = path.split_off(end);
        path = passed_on[&path].clone();
        path.extend(further);
    }
    while !files.contains_key(&path) {
        path.pop()?;
    }
    Some(path)
}

/// Everything that modules pass on from others.
fn passed_on(files: &BTreeMap<Module, String>) -> PassedOn {
    let mut passed_on = PassedOn::new();
    for (module, text) in files {
        let used = text.match_indices("pub").filter_map(|(at, _)| {
            let behind = text[at..].strip_prefix("pub")?;
            let behind = match behind.strip_prefix('(') {
                Some(limited) => limited.split_once(')')?.1,
                None => behind,
            };
            behind.strip_prefix(" use ")
        });
        for used in used {
            let mut found = Vec::new();
            branch(used, &mut Vec::new(), &mut found);
            for path in found {
                let (Some(lies_at), Some(name)) = (from_root(module, &path.names), path.known_as())
                else {
                    continue;
                };
                let shown_at = module.iter().chain([name]).cloned().collect();
                if shown_at != lies_at {
                    passed_on.insert(shown_at, lies_at);
                }
            }
        }
    }
    passed_on
}

/// A path from the root of the crate: one that begins with neither `crate` nor
/// `super` begins at the module that names it.
fn from_root(module: &Module, path: &[String]) -> Option<Module> {
    let mut full = match path.first()?.as_str() {
        "crate" => Module::new(),
        _ => module.clone(),
    };
    for name in path {
        match name.as_str() {
            "crate" | "self" => {}
            "super" => {
                full.pop()?;
            }
            name => full.push(name.to_owned()),
        }
    }
    Some(full)
}

/// A text without its comments and the tests at its end.
fn code(text: &str) -> String {
    let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
    let lines = text.lines().map(|line| line.split("//").next().unwrap());
    lines.flat_map(|line| [line, "\n"]).collect()
}

/// Every path of a text that begins like this, with each branch of its braces.
fn paths(text: &str, start: &str) -> Vec<Named> {
    let mut found = Vec::new();
    for (at, _) in text.match_indices(start) {
        // Behind `::` or a letter it is the middle of a path.
        if !text[..at].ends_with(|letter: char| is_of_name(letter) || letter == ':') {
            branch(&text[at..], &mut Vec::new(), &mut found);
        }
    }
    found
}

/// Reads one branch; what is left of the text.
fn branch<'a>(text: &'a str, before: &mut Vec<String>, found: &mut Vec<Named>) -> &'a str {
    let text = text.trim_start();
    if let Some(mut rest) = text.strip_prefix('{') {
        loop {
            rest = branch(rest, &mut before.clone(), found).trim_start();
            match rest.strip_prefix(',') {
                Some(next) => rest = next,
                None => return rest.strip_prefix('}').unwrap_or(rest),
            }
        }
    }
    let end = text
        .find(|letter| !is_of_name(letter))
        .unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    if !name.is_empty() {
        before.push(name.to_owned());
    }
    match rest.strip_prefix("::") {
        Some(rest) if !name.is_empty() => branch(rest, before, found),
        _ => {
            let known_as = rest.trim_start().strip_prefix("as ");
            found.push(Named {
                names: before.clone(),
                known_as: known_as.map(|name| {
                    let name = name.chars().take_while(|letter| is_of_name(*letter));
                    name.collect()
                }),
            });
            // `as` and what it names, or the star.
            rest.trim_start_matches(|letter| !",}".contains(letter))
        }
    }
}

fn is_of_name(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

/// The modules that reach each other, each circle once.
fn circles(imports: &Imports) -> Vec<Vec<String>> {
    let reached: Imports = imports
        .keys()
        .map(|start| (start.clone(), reached(imports, start)))
        .collect();
    let circles: BTreeSet<Vec<String>> = reached
        .iter()
        .filter(|(start, ends)| ends.contains(*start))
        .map(|(start, ends)| {
            let back = ends.iter().filter(|end| reached[*end].contains(start));
            back.map(|module| module.join("::")).collect()
        })
        .collect();
    Vec::from_iter(circles)
}

/// Every module that can be reached from one.
fn reached(imports: &Imports, start: &Module) -> BTreeSet<Module> {
    let mut reached = BTreeSet::new();
    let mut next = vec![start];
    while let Some(module) = next.pop() {
        for import in &imports[module] {
            if reached.insert(import.clone()) {
                next.push(import);
            }
        }
    }
    reached
}
