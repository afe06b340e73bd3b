//! Parameters are held to the template before anything is made.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use yaml_rust2::{Yaml, YamlLoader};

use super::deploy::assert_nothing_is_made;
use super::{FIRST, PYTHON, Place};
use crate::stack::template::ROOT;

/// What the commands know of a template: the words of each parameter.
type Declared = BTreeMap<String, BTreeMap<String, serde_json::Value>>;

#[test]
fn template_is_read_as_yaml_says_it() {
    for template in ["infra/template.yaml", "infra/sample-pipeline/template.yaml"] {
        let asked = Command::new(PYTHON.as_str())
            .current_dir(Path::new(ROOT).join("infra"))
            .args(["-B", "-c", "import sys, json, account, pathlib; print(json.dumps(account.declared(pathlib.Path(sys.argv[1]))))"])
            .arg(Path::new(ROOT).join(template))
            .output()
            .unwrap();
        assert!(asked.status.success(), "{asked:?}");
        let read: Declared = serde_json::from_slice(&asked.stdout).unwrap();

        assert_eq!(read, by_yaml(template), "{template}");
    }
}

#[test]
fn value_that_cloudformation_would_refuse_is_refused_first() {
    for (set, told) in [
        ("HealMode=on", "one of auto, shadow, off"),
        ("LogRetentionDays=8", "one of 1, 3, 5"),
        ("MemorySize=64", "at least 128"),
        ("MemorySize=half", "no number"),
        ("WebhookTokenParameter=webhook", "^/[A-Za-z0-9._/-]+$"),
        ("HealMod=auto", "there is no such parameter"),
    ] {
        let place = Place::new("parameters");
        for more in [&["--set", set][..], &["--dry-run", "--set", set]] {
            let said = place.fails("deploy", &[&FIRST[..], more].concat());
            assert!(said.contains(told), "{set}: {said}");
            assert_nothing_is_made(&place);
        }
    }
    let place = Place::new("parameters-kept");
    place.plans(&["--pipeline", "shop", "--set", "DtCallsPerMinute="]);
}

#[test]
fn tenant_without_https_is_told_what_to_write() {
    let place = Place::new("tenant");
    let host = "abc12345.live.dynatrace.com";

    let given = ["--pipeline", "shop", "--dry-run", "--tenant", host];
    let said = place.fails("deploy", &given);

    assert!(said.contains(&format!("write https://{host}\n")), "{said}");
    assert_nothing_is_made(&place);
}

fn by_yaml(template: &str) -> Declared {
    let text = std::fs::read_to_string(Path::new(ROOT).join(template)).unwrap();
    let template = YamlLoader::load_from_str(&text).unwrap().remove(0);
    let parameters = template["Parameters"].as_hash().unwrap().iter();
    let words = |yaml: &Yaml| {
        let words = yaml.as_hash().unwrap().iter();
        let words = words.map(|(word, value)| {
            let value = match value.as_vec() {
                Some(several) => several.iter().map(text_of).collect(),
                None => text_of(value).into(),
            };
            (text_of(word), value)
        });
        words.collect()
    };
    parameters
        .map(|(name, yaml)| (text_of(name), words(yaml)))
        .collect()
}

fn text_of(yaml: &Yaml) -> String {
    match yaml {
        Yaml::Integer(number) => number.to_string(),
        other => other.as_str().unwrap().to_owned(),
    }
}
