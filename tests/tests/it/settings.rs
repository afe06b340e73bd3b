//! What a person is told about the functions is what the functions do.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// `NAME_PARAMETER` gives the secret `NAME` in another way; the table says so
/// once, for all of them.
const OTHER_WAY: &str = "_PARAMETER";

#[test]
fn readme_lists_the_settings_that_functions_read() {
    let told = settings_told();
    let read = settings_read();

    assert!(!read.is_empty(), "no setting was found in the functions");
    let untold: Vec<_> = read.difference(&told).collect();
    let unread: Vec<_> = told.difference(&read).collect();
    assert!(
        untold.is_empty() && unread.is_empty(),
        "not in the README: {untold:?}; in the README only: {unread:?}"
    );
}

#[test]
fn every_function_explains_itself() {
    let silent: Vec<PathBuf> = functions()
        .into_iter()
        .filter(|function| {
            let told = fs::read_to_string(function.join("README.md")).unwrap_or_default();
            !told.contains("**Invoked by**") || !told.contains("**Needs**")
        })
        .collect();

    assert!(
        silent.is_empty(),
        "a README says who invokes a function and which permissions it needs: {silent:?}"
    );
}

/// The first cells of the table below `## Settings`.
fn settings_told() -> BTreeSet<String> {
    let readme = fs::read_to_string(Path::new(ROOT).join("README.md")).unwrap();
    let (_, section) = readme
        .split_once("\n## Settings\n")
        .expect("the README has a section of settings");
    section
        .lines()
        .take_while(|line| !line.starts_with("## "))
        .filter_map(|line| Some(line.strip_prefix("| `")?.split_once("` |")?.0.to_owned()))
        .collect()
}

/// String literals that look like the name of an environment variable, in the
/// functions and in the edge they share.
fn settings_read() -> BTreeSet<String> {
    let folders = functions()
        .into_iter()
        .chain([Path::new(ROOT).join("crates/lambda")]);
    folders
        .flat_map(|folder| sources(&folder.join("src")))
        .flat_map(|source| {
            let text = fs::read_to_string(source).unwrap();
            let code = text.split("#[cfg(test)]").next().unwrap_or_default();
            code.split('"')
                .filter(|literal| is_setting(literal))
                .map(|name| name.strip_suffix(OTHER_WAY).unwrap_or(name).to_owned())
                .collect::<Vec<_>>()
        })
        .collect()
}

fn is_setting(literal: &str) -> bool {
    literal.starts_with(|first: char| first.is_ascii_uppercase())
        && literal.contains('_')
        && literal
            .chars()
            .all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
}

fn functions() -> Vec<PathBuf> {
    entries(&Path::new(ROOT).join("functions"))
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    entries(folder)
        .into_iter()
        .flat_map(|path| match path.extension() {
            None => sources(&path),
            Some(_) => vec![path],
        })
        .collect()
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect()
}
