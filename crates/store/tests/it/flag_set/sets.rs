use flags::key::{Key, KeyHolder, issue};
use store::{Declared, Flags, Look};

use super::{FILE, SET, declarations, declared, second, set, wish};
use crate::world::{FLAGS, World};

#[tokio::test]
async fn set_that_was_never_declared_is_not_there() {
    let world = World::start().await;
    let flags = Flags::new(world.raw.clone(), FLAGS);

    assert_eq!(flags.set(SET).await.unwrap(), None);
    let look = flags.look(SET, Some("nobody")).await.unwrap();
    assert_eq!(
        look,
        Look {
            revision: None,
            key: None
        }
    );
}

#[tokio::test]
async fn declarations_are_read_as_they_were_declared() {
    let world = World::start().await;
    let flags = Flags::new(world.raw.clone(), FLAGS);
    let stored = flags.declare(SET, &declarations(FILE), None).await;
    assert_eq!(stored.unwrap(), Declared::Stored(1));

    let read = set(&flags).await;
    assert_eq!(read.declarations, declarations(FILE));
    assert_eq!(read.revision, 1);
    assert!(read.states.is_empty());
}

#[tokio::test]
async fn declarations_of_a_set_that_moved_are_not_stored() {
    let world = World::start().await;
    let flags = declared(&world).await;
    let read = set(&flags).await;
    wish("c1", false).made(&flags).await;

    let fewer = declarations(r#"{ "flags": { "other": { "type": "boolean", "default": true } } }"#);
    let stored = flags.declare(SET, &fewer, Some(&read)).await.unwrap();

    assert_eq!(stored, Declared::Moved);
    assert_eq!(set(&flags).await.declarations, read.declarations);
    assert_eq!(
        flags.declare(SET, &fewer, None).await.unwrap(),
        Declared::Moved
    );
}

#[tokio::test]
async fn flag_that_comes_back_continues_its_history() {
    let world = World::start().await;
    let flags = declared(&world).await;
    wish("c1", false).made(&flags).await;

    let none = declarations(r#"{ "flags": { "other": { "type": "boolean", "default": true } } }"#);
    let read = set(&flags).await;
    flags.declare(SET, &none, Some(&read)).await.unwrap();
    let read = set(&flags).await;
    assert!(
        !read
            .declarations
            .flags
            .contains_key("errorInjectionEnabled")
    );
    flags
        .declare(SET, &declarations(FILE), Some(&read))
        .await
        .unwrap();
    wish("c2", true).made(&flags).await;

    let history = flags.history(SET, "errorInjectionEnabled").await.unwrap();
    assert_eq!(history.len(), 2);
    flags::verify(&history).unwrap();
}

#[tokio::test]
async fn hundreds_of_flags_are_declared_in_one_go() {
    let world = World::start().await;
    let flags = Flags::new(world.raw.clone(), FLAGS);
    let many: Vec<String> = (0..200)
        .map(|number| format!(r#""flag{number}": {{ "type": "boolean", "default": false }}"#))
        .collect();
    let many = declarations(&format!(r#"{{ "flags": {{ {} }} }}"#, many.join(",")));

    assert_eq!(
        flags.declare(SET, &many, None).await.unwrap(),
        Declared::Stored(3)
    );
    assert_eq!(set(&flags).await.declarations, many);
}

#[tokio::test]
async fn key_is_read_with_the_revision_until_it_is_revoked() {
    let world = World::start().await;
    let flags = declared(&world).await;
    let key = Key {
        id: "abc".to_owned(),
        name: "ann".to_owned(),
        holder: KeyHolder::Person,
        secrets: vec![issue("abc", [1; 32]).hash],
        scopes: vec!["change:prod".parse().unwrap()],
        expires: Some(second(60)),
    };
    flags.put_key(&key).await.unwrap();

    let look = flags.look(SET, Some("abc")).await.unwrap();
    assert_eq!((look.revision, look.key.as_ref()), (Some(1), Some(&key)));
    assert_eq!(flags.revoke_key("abc").await.unwrap(), Some(key));
    assert_eq!(flags.look(SET, Some("abc")).await.unwrap().key, None);
    assert_eq!(flags.revoke_key("abc").await.unwrap(), None);
}
