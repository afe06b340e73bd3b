//! No two files of a crate import each other, directly or through others.
//!
//! A file may name what it is a part of: `super` and every module above it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// A module by its names from the root of its crate.
type Module = Vec<String>;

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
    let files = |texts: &[(&str, &str)]| -> BTreeMap<Module, String> {
        let texts = texts.iter();
        texts
            .map(|(name, text)| (module(name), (*text).to_owned()))
            .collect()
    };
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
    let imported = |module: &Module, text: &String| {
        let named = paths(text).into_iter().filter_map(|path| {
            let mut path = from_root(module, &path)?;
            while !files.contains_key(&path) {
                path.pop()?;
            }
            (!module.starts_with(&path)).then_some(path)
        });
        named.collect()
    };
    files
        .iter()
        .map(|(module, text)| (module.clone(), imported(module, text)))
        .collect()
}

/// A path that begins with `crate` or `super`, from the root of the crate.
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

/// Every path of a text that begins with `crate` or `super`, with each branch of
/// its braces. Comments and the tests at the end of a file do not count.
fn paths(text: &str) -> Vec<Vec<String>> {
    let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
    let lines = text.lines().map(|line| line.split("//").next().unwrap());
    let text: String = lines.flat_map(|line| [line, "\n"]).collect();

    let mut found = Vec::new();
    for start in ["crate::", "super::"] {
        for (at, _) in text.match_indices(start) {
            // Behind `::` or a letter it is the middle of a path.
            if !text[..at].ends_with(|letter: char| is_of_name(letter) || letter == ':') {
                branch(&text[at..], &mut Vec::new(), &mut found);
            }
        }
    }
    found
}

/// Reads one branch; what is left of the text.
fn branch<'a>(text: &'a str, before: &mut Vec<String>, found: &mut Vec<Vec<String>>) -> &'a str {
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
            found.push(before.clone());
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
