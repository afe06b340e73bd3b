//! The campaign is changed and announced, or neither.

use fake_dynatrace::{Times, Unstored};
use serde_json::json;

use super::shop::Shop;
use super::{CARTS, announced, campaign, play, tenant};

#[tokio::test]
async fn campaign_is_set_read_back_and_announced_with_its_way_back() {
    let (tenant, shop) = (tenant().await, Shop::open(5).await);
    let mut variables = campaign(&shop, "30");
    variables["awx_job_id"] = json!(812);
    variables["awx_user_name"] = json!("ann");
    variables["unbreakable"] = json!({"run": "r-1"});

    let played = play(&tenant, "campaign.yml", &[], &variables).await;

    assert_eq!(played.code, Some(0), "{}", played.output);
    assert_eq!(shop.with(|shop| shop.rate), 30);
    assert_eq!(
        played.left(),
        json!({"changed": true, "before": 5, "after": 30})
    );
    let events = announced(&tenant);
    assert_eq!((events.len(), events[0].entity.as_str()), (1, CARTS));
    assert_eq!(events[0].title, "Promotion rate changed from 5 % to 30 %");
    for (name, value) in [
        ("oldValue", "5"),
        ("newValue", "30"),
        ("changedBy", "ann"),
        ("job", "812"),
        ("run", "r-1"),
        ("dt.event.source", "Ansible"),
        ("dt.event.is_rootcause_relevant", "true"),
        ("remediationType", "ansible"),
        (
            "remediationAction",
            "https://awx.example.com/api/v2/job_templates/18/launch/",
        ),
    ] {
        assert_eq!(events[0].properties[name], value, "{name}");
    }

    let again = play(&tenant, "campaign.yml", &[], &variables).await;
    assert_eq!(again.left()["changed"], json!(false));
    assert_eq!(announced(&tenant).len(), 1);
}

#[tokio::test]
async fn what_is_no_whole_number_from_0_to_100_is_never_told() {
    let (tenant, shop) = (tenant().await, Shop::open(5).await);
    for rate in [
        json!(101),
        json!(-1),
        json!("5%"),
        json!("30\n"),
        json!(true),
        json!(""),
    ] {
        let played = play(&tenant, "campaign.yml", &[], &campaign(&shop, rate.clone())).await;

        assert_eq!(played.code, Some(2), "{rate}");
        assert!(
            played
                .output
                .contains("must be a whole number from 0 to 100")
        );
    }
    assert!(shop.with(|shop| shop.told.is_empty()));
    assert!(tenant.calls().is_empty());
}

#[tokio::test]
async fn campaign_that_cannot_be_announced_is_restored() {
    let (tenant, shop) = (tenant().await, Shop::open(5).await);
    tenant.store_no_event(Unstored::InvalidMetadata, Times::N(1));
    let refused = play(&tenant, "campaign.yml", &[], &campaign(&shop, 30)).await;
    tenant.match_no_entity(Times::N(1));

    let unmatched = play(&tenant, "campaign.yml", &[], &campaign(&shop, 30)).await;

    for (played, says) in [
        (refused, "INVALID_METADATA"),
        (unmatched, "no entity matches"),
    ] {
        assert_eq!(played.code, Some(2));
        assert!(played.output.contains(says), "{}", played.output);
        assert!(
            played
                .output
                .contains("The rate is 5 %; it was 5 % before.")
        );
    }
    assert_eq!(shop.with(|shop| shop.told.clone()), [30, 5, 30, 5]);
    assert!(announced(&tenant).is_empty());
}

#[tokio::test]
async fn restoring_leaves_what_somebody_set_meanwhile() {
    let (tenant, shop) = (tenant().await, Shop::open(5).await);
    tenant.match_no_entity(Times::N(1));
    shop.with(|shop| shop.set_by_others = [None, None, Some(55)].into());

    let played = play(&tenant, "campaign.yml", &[], &campaign(&shop, 30)).await;

    assert_eq!(played.code, Some(2));
    assert!(
        played
            .output
            .contains("The rate is 55 %; it was 5 % before.")
    );
    assert_eq!(
        shop.with(|shop| (shop.rate, shop.told.clone())),
        (55, vec![30])
    );
}

#[tokio::test]
async fn shop_that_keeps_the_old_rate_is_found_out() {
    let (tenant, shop) = (tenant().await, Shop::open(5).await);
    shop.with(|shop| shop.ignores = true);

    let played = play(&tenant, "campaign.yml", &[], &campaign(&shop, 30)).await;

    assert_eq!(played.code, Some(2));
    assert!(
        played
            .output
            .contains("the shop was told 30 %, and says 5 %")
    );
    assert!(announced(&tenant).is_empty());
}

#[tokio::test]
async fn check_mode_says_what_would_change_and_changes_nothing() {
    let (tenant, shop) = (tenant().await, Shop::open(5).await);

    let played = play(&tenant, "campaign.yml", &["--check"], &campaign(&shop, 30)).await;

    assert_eq!(played.code, Some(0), "{}", played.output);
    assert!(
        played
            .output
            .contains("The rate is 5 %, and 30 % is wanted.")
    );
    assert!(played.output.contains("changed=1 "));
    assert_eq!(played.left()["changed"], json!(false));
    assert!(shop.with(|shop| shop.told.is_empty()) && tenant.calls().is_empty());
}

#[tokio::test]
async fn stop_takes_the_campaign_back_and_is_no_cause_itself() {
    let (tenant, shop) = (tenant().await, Shop::open(30).await);
    let mut variables = campaign(&shop, 0);
    variables.as_object_mut().unwrap().remove("promotion_rate");

    let played = play(&tenant, "stop.yml", &[], &variables).await;

    assert_eq!(played.code, Some(0), "{}", played.output);
    assert_eq!(played.left()["after"], json!(0));
    let event = &announced(&tenant)[0];
    assert_eq!(event.properties["newValue"], "0");
    assert_eq!(event.properties["dt.event.is_rootcause_relevant"], "false");
    assert!(!event.properties.contains_key("remediationAction"));
}
