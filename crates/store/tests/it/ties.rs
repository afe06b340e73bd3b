//! Which groups are behind an entity, and which applications have a group.

use jiff::Timestamp;
use release::deployment::{Deployment, Group, Origin};
use release::tie::Tie;

use crate::world::World;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn group(application: &str, name: &str) -> Group {
    Group {
        application: application.to_owned(),
        name: name.to_owned(),
    }
}

fn tie(group: Group, second: i64) -> Tie {
    Tie {
        entity: "SERVICE-1".to_owned(),
        group,
        at: at(second),
        shared: false,
    }
}

#[tokio::test]
async fn newest_announcement_stays_until_it_expires_in_any_order() {
    for order in [[10, 20], [20, 10], [20, 20]] {
        let world = World::start().await;
        for second in order {
            let ties = [
                tie(group("Shop", "Production"), second),
                tie(group("Shop#2", "Production"), second),
            ];
            world.ledger.tie(&ties, at(second + 100)).await.unwrap();
        }

        let mut found = world
            .ledger
            .ties(&["SERVICE-1", "HOST-1"], at(119))
            .await
            .unwrap();
        found.sort_by_key(|tie| tie.group.clone());
        let expected = [
            tie(group("Shop", "Production"), 20),
            tie(group("Shop#2", "Production"), 20),
        ];
        assert_eq!(found, expected, "{order:?}");
        let expired = world.ledger.ties(&["SERVICE-1"], at(120)).await.unwrap();
        assert!(expired.is_empty(), "{expired:?}");
    }
}

#[tokio::test]
async fn application_is_found_by_the_name_of_a_group_that_it_deployed_to() {
    let world = World::start().await;
    for (id, application, name) in [
        ("d-1", "Shop", "Production"),
        ("d-2", "Shop", "Production"),
        ("d-3", "Pay", "Production"),
        ("d-4", "Shop", "Staging"),
    ] {
        let made = Deployment {
            id: id.to_owned(),
            group: group(application, name),
            at: at(1),
            execution: None,
            identity: id.to_owned(),
            location: None,
            digest: None,
            version: id.to_owned(),
            origin: Origin::Release,
        };
        world.ledger.record_deployment(&made).await.unwrap();
    }

    let known = async |name| world.ledger.applications_with(name).await.unwrap();
    assert_eq!(known("Production").await, ["Pay", "Shop"]);
    assert_eq!(known("Staging").await, ["Shop"]);
    assert_eq!(known("Blue").await, [""; 0]);
}
