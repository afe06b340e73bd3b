//! What the sample pipeline takes, as `infra/sample-pipeline/bundles` makes it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;

use lambda_host::binaries::{Profile, build};
use yaml_rust2::{Yaml, YamlLoader};

use crate::program;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// The hooks of a deployment in place that a bundle may have, in their order.
const EVENTS: [&str; 5] = [
    "ApplicationStop",
    "BeforeInstall",
    "AfterInstall",
    "ApplicationStart",
    "ValidateService",
];

/// The folder of bundles around the sample service as tests build it.
static MADE: LazyLock<PathBuf> = LazyLock::new(|| {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bundles");
    let _ = fs::remove_dir_all(&folder);
    let executables = build(&["--bin", "sample-app"], Profile::Dev, &mut |_| ()).unwrap();
    let made = Command::new(Path::new(ROOT).join("infra/sample-pipeline/bundles"))
        .arg("--executable")
        .arg(&executables["sample-app"])
        .arg("--to")
        .arg(&folder)
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&made.stderr);
    assert!(made.status.success(), "{told}");
    folder
});

#[test]
fn every_source_of_the_pipeline_is_made_and_nothing_beside_the_four_builds() {
    let mut made = BTreeSet::new();
    for folder in ["", "builds/"] {
        for entry in fs::read_dir(MADE.join(folder)).unwrap() {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_file() {
                made.insert(format!("{folder}{}", entry.file_name().to_str().unwrap()));
            }
        }
    }

    let sources = super::sample_pipeline::keys();
    assert!(sources.is_subset(&made), "{sources:?} {made:?}");
    let builds = (1..=4).map(|build| format!("builds/app-{build}.zip"));
    assert_eq!(made, sources.into_iter().chain(builds).collect());
}

#[test]
fn every_bundle_says_how_it_is_deployed_with_hooks_and_files_that_it_has() {
    for name in bundles() {
        let bundle = unzipped(&name);
        let spec = String::from_utf8(bundle["appspec.yml"].1.clone()).unwrap();
        let spec = YamlLoader::load_from_str(&spec).unwrap().remove(0);
        assert_eq!(spec["os"].as_str(), Some("linux"), "{name}");

        let hooks = spec["hooks"].as_hash().unwrap();
        for (event, scripts) in hooks {
            assert!(
                EVENTS.contains(&event.as_str().unwrap()),
                "{name}: {event:?}"
            );
            for script in scripts.as_vec().unwrap() {
                let location = script["location"].as_str().unwrap();
                let (mode, content) = &bundle[location];
                assert_eq!(mode & 0o111, 0o111, "{name}: {location} is no program");
                assert!(content.starts_with(b"#!"), "{name}: {location}");
            }
        }
        let hooks: BTreeSet<&str> = hooks.values().flat_map(locations).collect();
        let there = bundle.keys().filter(|file| file.starts_with("hooks/"));
        assert_eq!(there.map(String::as_str).collect::<BTreeSet<_>>(), hooks);
        for file in spec["files"].as_vec().unwrap() {
            let source = file["source"].as_str().unwrap();
            let is_there = |file: &String| Path::new(file).starts_with(source);
            assert!(bundle.keys().any(is_there), "{name}: {source}");
        }
    }
}

#[test]
fn programs_that_units_start_are_where_files_are_put() {
    for name in bundles() {
        let bundle = unzipped(&name);
        let text = |file: &str| String::from_utf8(bundle[file].1.clone()).unwrap();
        let spec = YamlLoader::load_from_str(&text("appspec.yml"))
            .unwrap()
            .remove(0);
        let mut put = BTreeSet::new();
        for file in spec["files"].as_vec().unwrap() {
            let source = file["source"].as_str().unwrap();
            let destination = Path::new(file["destination"].as_str().unwrap());
            for member in bundle.keys() {
                if member == source {
                    put.insert(destination.join(member));
                } else if let Ok(rest) = Path::new(member).strip_prefix(source) {
                    put.insert(destination.join(rest));
                }
            }
        }
        for unit in bundle.keys().filter(|file| file.ends_with(".service")) {
            let ours = put.contains(&Path::new("/etc/systemd/system").join(unit));
            assert!(ours, "{name}: {unit} is not installed");
            for word in text(unit).split(['=', ' ', '\n']) {
                // What hooks write is not in the bundle.
                if word.starts_with("/opt/") && !word.ends_with("/environment") {
                    assert!(put.contains(Path::new(word)), "{name}: {unit}: {word}");
                }
            }
        }
    }
}

#[test]
fn hooks_are_scripts_that_a_shell_can_read() {
    for name in bundles() {
        let folder = extracted(&name);
        for hook in fs::read_dir(folder.join("hooks")).unwrap() {
            let hook = hook.unwrap().path();
            let read = Command::new("bash").arg("-n").arg(&hook).output().unwrap();
            assert!(read.status.success(), "{}: {read:?}", hook.display());
        }
    }
}

#[test]
fn configuring_hook_says_what_the_tenant_tags_services_by() {
    let configure = String::from_utf8(unzipped("builds/app-1.zip")["hooks/configure"].1.clone());
    let configure = configure.unwrap();
    let (_, rest) = configure.split_once("<<END\n").unwrap();
    let (heredoc, _) = rest.split_once("\nEND\n").unwrap();
    let told = Command::new("bash")
        .arg("-c")
        .arg(format!("cat <<END\n{heredoc}\nEND"))
        .env("DEPLOYMENT_ID", "d-ABC123456")
        .env("APPLICATION_NAME", "SampleDevOpsApp")
        .env("DEPLOYMENT_GROUP_NAME", "Staging")
        .output()
        .unwrap();

    assert_eq!(
        String::from_utf8(told.stdout)
            .unwrap()
            .lines()
            .collect::<Vec<_>>(),
        [
            r#"DEPLOYMENT_GROUP_NAME="Staging""#,
            r#"DT_TAGS="APPLICATION_NAME=SampleDevOpsApp""#,
            r#"DT_CUSTOM_PROP="DEPLOYMENT_ID=d-ABC123456 DEPLOYMENT_GROUP_NAME=Staging APPLICATION_NAME=SampleDevOpsApp""#,
            r#"DT_CLUSTER_ID="Staging SampleDevOpsApp""#,
        ]
    );
}

#[test]
fn each_build_runs_as_its_number_and_the_tests_see_whether_it_is_there() {
    let load = extracted("tests.zip").join("load");
    for build in 1..=4 {
        let folder = extracted(&format!("builds/app-{build}.zip"));
        let app = App::start(&folder);
        let started = Command::new(&load).args(["StartUp", &app.url]).output();
        let started = started.unwrap();
        assert!(started.status.success(), "build {build}: {started:?}");
        let log = fs::read_to_string(folder.join("log")).unwrap();
        assert!(log.contains(&format!("build {build} listens")), "{log}");

        let url = app.url.clone();
        drop(app);
        let gone = Command::new(&load)
            .args(["StartUp", &url])
            .output()
            .unwrap();
        assert!(!gone.status.success());
        let told = String::from_utf8(gone.stderr).unwrap();
        assert!(told.contains("is not answered"), "{told}");
    }
}

fn bundles() -> Vec<String> {
    let builds = (1..=4).map(|build| format!("builds/app-{build}.zip"));
    builds.chain(["tests.zip".to_owned()]).collect()
}

fn locations(scripts: &Yaml) -> impl Iterator<Item = &str> {
    let scripts = scripts.as_vec().unwrap().iter();
    scripts.map(|script| script["location"].as_str().unwrap())
}

/// The files of a bundle, with their modes.
fn unzipped(name: &str) -> BTreeMap<String, (u32, Vec<u8>)> {
    let file = File::open(MADE.join(name)).unwrap();
    let mut archive = zip::ZipArchive::new(file).unwrap();
    let mut files = BTreeMap::new();
    for index in 0..archive.len() {
        let mut file = archive.by_index(index).unwrap();
        let mut content = Vec::new();
        file.read_to_end(&mut content).unwrap();
        files.insert(
            file.name().unwrap().to_string(),
            (file.unix_mode().unwrap(), content),
        );
    }
    files
}

/// The same as a folder of its own.
fn extracted(name: &str) -> PathBuf {
    let thread = std::thread::current();
    let place = thread.name().unwrap_or_default().replace(':', "-");
    let folder = MADE.join(place).join(name.replace(['/', '.'], "-"));
    for (file, (mode, content)) in unzipped(name) {
        let path = folder.join(file);
        program::write(&path, &content, mode);
    }
    folder
}

/// The service of a bundle, started as its unit starts it.
struct App {
    child: Child,
    url: String,
}

impl App {
    fn start(folder: &Path) -> Self {
        let environment = fs::read_to_string(folder.join("build.env")).unwrap();
        let environment = environment.lines().filter_map(|line| line.split_once('='));
        let mut child = Command::new(folder.join("bin/sample-app"))
            .env_clear()
            .envs(environment)
            .env("LISTEN", "127.0.0.1:0")
            .env("LOG_FILE", folder.join("log"))
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let stdout = child.stdout.take().unwrap();
        BufReader::new(stdout).read_line(&mut line).unwrap();
        let url = line
            .trim()
            .strip_prefix("listening on ")
            .unwrap()
            .to_owned();
        Self { child, url }
    }
}

impl Drop for App {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
