//! What is declared, what it touches, and a key.

use aws_sdk_dynamodb::Client;
use dynatrace::{EntityType, Scope, Tag};
use flags::Entities;
use futures_util::future::join_all;
use jiff::SignedDuration;
use lambda::settings::{flag_set, optional};
use store::{FlagSet, Flags, Look};
use workflows::change_flags::is_set_name;

use super::result::{CheckResult, because, fail, ok, unchecked, warn};
use super::{Checked, Installation, lacks};

const FLAGS: &str = "flags";
const KEY: &str = "key";

/// How long before its end a key is told of.
const SOON: SignedDuration = SignedDuration::from_hours(7 * 24);

/// Whether flags are declared, the entities are there that their events belong
/// to, and the named keys are valid.
pub(super) async fn flags(it: &Installation) -> Checked {
    let Some(table) = optional("FLAGS_TABLE") else {
        return Err(lacks(FLAGS, "set FLAGS_TABLE"));
    };
    let fix = "correct FLAG_SET";
    let name = flag_set(is_set_name);
    let name = name.map_err(|error| fail(FLAGS, "FLAG_SET", because(error), fix))?;
    let flags = Flags::new(Client::new(&it.sdk), table);
    let set = flags.set(&name).await.map_err(|error| {
        let fix = "grant your credentials dynamodb:Query on its table";
        unchecked(FLAGS, &name, because(error), fix)
    })?;
    let Some(set) = set else {
        let fix = "declare the flags with `monspec flags apply`";
        return Err(warn(FLAGS, &name, "nothing is declared", fix));
    };
    let count = set.declarations.flags.len();
    let mut told = vec![ok(FLAGS, &name, format!("{count} flags are declared"))];
    told.extend(touched(it, &set).await);
    let keys = it.flag_keys.iter().map(async |id| {
        let looked = flags.look(&name, Some(id)).await;
        key(it, id, looked.map_err(because))
    });
    told.extend(join_all(keys).await);
    Ok(told)
}

/// Whether the entities are there that events are attached to.
async fn touched(it: &Installation, set: &FlagSet) -> Vec<CheckResult> {
    let mut touched: Vec<&Entities> = Vec::new();
    for flag in set.declarations.flags.values() {
        let new = flag.touches.iter().filter(|one| !touched.contains(one));
        touched.extend(new.collect::<Vec<_>>());
    }
    let tenant = match it.tenant(FLAGS) {
        Ok(tenant) => tenant,
        Err(lacking) if touched.is_empty() => {
            drop(lacking);
            return Vec::new();
        }
        Err(lacking) => return vec![lacking],
    };
    let told = touched.into_iter().map(async |entities| {
        let tags: Vec<String> = entities.tags.iter().map(ToString::to_string).collect();
        let subject = format!("{} with {}", entities.etype, tags.join(", "));
        let Some(entity_type) = EntityType::named(&entities.etype) else {
            let fix = "correct `etype` in the file of flags";
            return fail(FLAGS, subject, "there is no such type of entity", fix);
        };
        let tags = entities.tags.iter().map(|tag| Tag {
            context: tag.context.clone(),
            key: tag.key.clone(),
            value: tag.value.clone(),
        });
        let scope = Scope {
            entity_type,
            tags: tags.collect(),
        };
        let window = dynatrace::Window {
            from_ms: it.window().start.as_millisecond(),
            to_ms: it.window().end.as_millisecond(),
        };
        match tenant.entities(&scope, window, it.deadline).await {
            Ok(found) if found.is_empty() => fail(
                FLAGS,
                subject,
                "no entity had it in the last 24 hours, so events of flags wait",
                "correct `touches` in the file of flags, or tag the entities in Dynatrace",
            ),
            Ok(found) => ok(FLAGS, subject, format!("{} found", found.len())),
            Err(error) => fail(FLAGS, subject, because(error), "see `scope` and `api`"),
        }
    });
    join_all(told).await
}

fn key(it: &Installation, id: &str, looked: Result<Look, String>) -> CheckResult {
    let fix = "make one with `monspec flags key create`";
    let key = match looked {
        Err(why) => {
            let fix = "grant your credentials dynamodb:BatchGetItem on its table";
            return unchecked(KEY, id, why, fix);
        }
        Ok(look) => look.key,
    };
    let Some(key) = key else {
        return fail(KEY, id, "there is no such key", fix);
    };
    let scopes: Vec<String> = key.scopes.iter().map(ToString::to_string).collect();
    let said = format!("it is {}\u{2019}s, for {}", key.name, scopes.join(", "));
    match key.expires {
        Some(at) if at <= it.now => fail(KEY, id, format!("it ended at {at:.0}"), fix),
        Some(at) if at.duration_since(it.now) < SOON => {
            warn(KEY, id, format!("it ends at {at:.0}"), fix)
        }
        Some(_) | None => ok(KEY, id, said),
    }
}
