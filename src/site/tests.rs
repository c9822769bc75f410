use super::*;
use proptest::prelude::*;

fn site(lines: &[&str]) -> Result<Site> {
    let base = ["cairn.id=x", "cairn.site=mysite", "cairn.store=/var/backups/cairn", "cairn.dev.branch=master"];
    Site::from_config(&Config::of(&[&base[..], lines].concat()))
}

#[test]
fn three_environments_exist_by_default_and_each_takes_from_the_one_before() {
    let site = site(&[]).unwrap();
    let shown: Vec<_> = site.environments.iter().map(|e| (e.name.as_str(), e.branch.short().to_string())).collect();
    assert_eq!(shown, [("dev", "master".into()), ("test", "test".into()), ("live", "live".into())]);
    assert_eq!(site.environment("live").unwrap().from.as_ref().unwrap().as_str(), "test");
    assert_eq!(site.first().from, None);
    assert!(!site.deploys(site.first()));
}

#[test]
fn values_that_make_no_sense_name_their_key() {
    let cases = [
        ("cairn.live.branch=test", "share the branch test"),
        ("cairn.live.branch=-x", "cannot be the branch"),
        ("cairn.Live.branch=x", "not a name for an environment"),
        ("cairn.live.from=nowhere", "cairn.live.from"),
        ("cairn.hookbudget=soon", "cairn.hookBudget"),
        ("cairn.keepfor=forever", "cairn.keepFor"),
        ("cairn.reserve=lots", "cairn.reserve"),
        ("cairn.snapshot=sometimes", "cairn.snapshot"),
        ("cairn.store=relative", "not an absolute path"),
        ("cairn.store=s3://x", "a store is a directory"),
        ("cairn.site=../x", "not a name for a site"),
        ("cairn.tagtemplate={env}{n}", "cairn.tagTemplate"),
        ("core.sharedrepository=maybe", "core.sharedRepository"),
    ];
    for (line, expected) in cases {
        let error = site(&[line]).expect_err(line);
        assert!(error.to_string().contains(expected), "{line}: {error}");
    }
}

#[test]
fn what_a_repository_lacks_that_is_not_set_up() {
    let error = Site::from_config(&Config::of(&[])).unwrap_err();
    assert_eq!(error.kind(), crate::error::Kind::NotFound);
    assert_eq!(
        error.next_step(),
        Some("set it up on the host: git cairn setup; in a clone there is: git cairn deployments")
    );
}

#[test]
fn only_plain_numbers_of_deploying_environments_are_deployments() {
    let site = site(&[]).unwrap();
    let number = |short| site.parse_tag(short).map(|(environment, n)| (environment.name.to_string(), n));
    assert_eq!(number("live_12"), Some(("live".into(), 12)));
    assert_eq!(number("test_1"), Some(("test".into(), 1)));
    for other in ["live_", "live_01", "live_0", "live_+1", "live_1x", "dev_1", "xlive_1", "live_99999999999999999999"] {
        assert_eq!(number(other), None, "{other}");
    }
}

#[test]
fn templates_under_which_two_deployments_could_share_a_name_are_refused() {
    for good in ["{env}_{n}", "deploy/{env}-{n}", "pantheon_{env}_{n}", "{env}/v{n}"] {
        assert!(TagTemplate::new(good).is_ok(), "{good}");
    }
    for bad in [
        "-{env}_{n}",
        "{env}{n}",
        "{n}_{env}",
        "{env}_",
        "_{n}",
        "{env}_1{n}",
        "{env} {n}",
        "{env}_{n}.lock",
        "{env}_{env}_{n}",
        "{env}..{n}",
    ] {
        assert!(TagTemplate::new(bad).is_err(), "{bad}");
    }
}

#[test]
fn meta_is_read_back_and_a_newer_protocol_refused() {
    let meta = site(&[]).unwrap().meta();
    assert_eq!(Meta::from_bytes(&meta.to_bytes()).unwrap(), meta);
    let newer = Meta { protocol: PROTOCOL + 1, ..meta };
    assert!(Meta::from_bytes(&newer.to_bytes()).unwrap_err().to_string().contains("protocol 2"));
}

proptest! {
    #[test]
    fn a_tag_names_one_environment_and_one_number(
        names in prop::collection::btree_set("[a-z][a-z0-9-]{0,3}", 2..5),
        number in 1u64..1_000_000,
    ) {
        let template = TagTemplate::new("{env}_{n}").unwrap();
        let names: Vec<_> = names.iter().map(|name| EnvironmentName::new(name).unwrap()).collect();
        for name in &names {
            let short = template.short(name, number);
            let found: Vec<_> = names.iter().filter_map(|other| Some((other, template.number(other, &short)?))).collect();
            prop_assert_eq!(found, vec![(name, number)]);
        }
    }
}
