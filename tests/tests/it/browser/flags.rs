//! Flags with something to read about them.

use flags::step::Term;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use crate::world::World;

/// The flag that was changed several times.
pub(super) const CHANGED: &str = "promotionalPercent";

const FILE: &str = r#"{ "flags": {
    "cacheEnabled": { "type": "boolean", "default": true, "description": "Answers from the cache where it has one" },
    "errorInjectionEnabled": { "type": "boolean", "default": false },
    "limitsOfTheCheckoutInProduction": { "type": "object", "default": { "carts": 5, "share": 1.5, "countries": ["AT", "CA"] } },
    "promoSocks": {
        "type": "boolean", "default": false, "description": "Socks for a quarter of all users",
        "rollout": { "variant": "on", "otherwise": "off", "percent": 25 }
    },
    "promotionalPercent": {
        "type": "integer", "default": 0, "min": 0, "max": 100,
        "description": "How many percent of carts get the discount"
    },
    "slowResponsesEnabled": { "type": "boolean", "default": false }
} }"#;

/// Flags that are as declared, tried for a time, and held by a problem.
pub(super) async fn are_changed(world: &mut World, now: Timestamp) {
    let back = world.now;
    world.declare_flags(FILE).await;
    let ago = |minutes: i64| now - SignedDuration::from_mins(minutes);
    for (minutes, percent, why) in [
        (300, 10, "Try the campaign with a tenth of all carts"),
        (120, 20, "Nothing happened: go on"),
    ] {
        world.at(ago(minutes));
        world
            .set_flag(CHANGED, json!(percent), Term::Stays, why)
            .await;
    }
    world.at(ago(10));
    let until = Term::Until(ago(-35));
    world
        .set_flag(
            CHANGED,
            json!(50),
            until,
            "Half of all carts until the hour is over",
        )
        .await;
    let held = Term::While {
        problem: "P-2307288".to_owned(),
        longest: flags::step::LONGEST_HOLD,
    };
    world
        .set_flag(
            "slowResponsesEnabled",
            json!(true),
            held,
            "The checkout fails",
        )
        .await;
    world.at(back);
}
