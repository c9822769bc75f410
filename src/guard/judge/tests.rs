use super::*;
use crate::git::Config;

fn id(digit: &str) -> ObjectId {
    ObjectId::from_hex(digit.repeat(40).as_bytes()).unwrap()
}

fn name(name: &str) -> RefName {
    RefName::new(name).unwrap()
}

fn wanted(reference: &str, change: Change) -> Wanted {
    let old = (change != Change::Create).then(|| id("1"));
    let new = (change != Change::Delete).then(|| id("2"));
    Wanted {
        asked: name(reference),
        name: name(reference),
        claimed: old,
        old,
        new,
        change,
        brings_back: vec![],
        in_order: false,
    }
}

fn announcement(reference: &str, old: &str, new: Option<&str>) -> Announcement {
    Announcement { name: name(reference), old: id(old), new: new.map(id) }
}

fn verdict(lines: &[&str], circumstances: &Circumstances, wanted: &[Wanted]) -> Verdict {
    let config = Config::of(&[&["cairn.id=x", "cairn.site=s", "cairn.store=/s"], lines].concat());
    let site = Site::from_config(&config).unwrap();
    judge(&site, &Policy::from_config(&config, &site).unwrap(), circumstances, wanted)
}

fn rule(lines: &[&str], circumstances: &Circumstances, one: Wanted) -> Option<&'static str> {
    verdict(lines, circumstances, &[one]).refused.first().map(|objection| objection.rule.word())
}

fn saying(words: Words) -> Circumstances {
    Circumstances { words, pusher: "anna".into(), ..Circumstances::default() }
}

#[test]
fn what_is_the_hosts_own() {
    for mode in ["enforce", "warn", "off"] {
        let mode = format!("cairn.guard={mode}");
        let rule = |name: &str| rule(&[&mode], &Circumstances::default(), wanted(name, Change::Create));
        assert_eq!(rule("refs/tags/live_1"), Some("deployment-tag"));
        assert_eq!(rule("refs/tags/test_999"), Some("deployment-tag"));
        assert_eq!(rule("refs/tags/live_3/x"), Some("deployment-tag"));
        assert_eq!(rule("refs/meta/cairn"), Some("meta"));
        assert_eq!(rule("refs/cairn/pin/x"), Some("hidden"));
        let free = [
            "refs/heads/main",
            "refs/heads/live",
            "refs/heads/live_1",
            "refs/tags/v1",
            "refs/tags/live_x",
            "refs/tags/dev_1",
            "refs/meta/cairns",
        ];
        for name in free {
            assert_eq!(rule(name), None, "{name}");
        }
    }
}

#[test]
fn what_is_dropped_from_an_environment_must_be_announced_exactly() {
    let silent = Circumstances::default();
    assert_eq!(rule(&[], &silent, wanted("refs/heads/main", Change::Forward)), None);
    assert_eq!(rule(&[], &silent, wanted("refs/heads/topic", Change::Rewind)), None);
    assert_eq!(rule(&[], &silent, wanted("refs/tags/v1", Change::TagMove)), None);
    assert_eq!(rule(&[], &silent, wanted("refs/heads/main", Change::Rewind)), Some("protected"));
    assert_eq!(rule(&[], &silent, wanted("refs/heads/live", Change::Delete)), Some("protected"));
    let says = |announcement| saying(Words { announcements: vec![announcement], ..Words::default() });
    let right = says(announcement("refs/heads/main", "1", Some("2")));
    assert_eq!(rule(&[], &right, wanted("refs/heads/main", Change::Rewind)), None);
    for wrong in [
        announcement("refs/heads/main", "3", Some("2")),
        announcement("refs/heads/main", "1", Some("3")),
        announcement("refs/heads/main", "1", None),
        announcement("refs/heads/live", "1", Some("2")),
    ] {
        assert_eq!(rule(&[], &says(wrong), wanted("refs/heads/main", Change::Rewind)), Some("protected"));
    }
    let deletion = says(announcement("refs/heads/live", "1", None));
    assert_eq!(rule(&[], &deletion, wanted("refs/heads/live", Change::Delete)), None);
    let meant = |circumstances: &Circumstances, one| verdict(&[], circumstances, &[one]).meant;
    assert_eq!(meant(&right, wanted("refs/heads/main", Change::Rewind)), [0]);
    assert!(meant(&right, wanted("refs/heads/topic", Change::Rewind)).is_empty(), "nothing was demanded there");
}

#[test]
fn stronger_demands() {
    let demands = |word: &str| format!("cairnProtect.refs/heads/main.rewind={word}");
    let announced = Words { announcements: vec![announcement("refs/heads/main", "1", Some("2"))], ..Words::default() };
    let reasoned = Words { reason: Some("a secret".into()), ..announced.clone() };
    let granted =
        Circumstances { granted: vec![announcement("refs/heads/main", "1", Some("2"))], ..saying(Words::default()) };
    let cases = [
        ("allow", &saying(Words::default()), true),
        ("reason", &saying(announced.clone()), false),
        ("reason", &saying(reasoned.clone()), true),
        ("grant", &saying(reasoned.clone()), false),
        ("grant", &granted, true),
        ("refuse", &granted, false),
        ("refuse", &saying(reasoned), false),
    ];
    for (demand, circumstances, passes) in cases {
        let found = rule(&[&demands(demand)], circumstances, wanted("refs/heads/main", Change::Rewind));
        assert_eq!(found.is_none(), passes, "{demand}: {found:?}");
    }
    let bert = ["cairnProtect.refs/heads/main.by=bert"];
    assert_eq!(rule(&bert, &saying(announced.clone()), wanted("refs/heads/main", Change::Rewind)), Some("by"));
    let both = ["cairnProtect.refs/heads/main.by=bert", "cairnProtect.refs/heads/main.by=anna"];
    assert_eq!(rule(&both, &saying(announced), wanted("refs/heads/main", Change::Rewind)), None);
}

#[test]
fn one_refusal_refuses_all_and_a_warning_none() {
    let push = [wanted("refs/heads/topic", Change::Rewind), wanted("refs/heads/main", Change::Rewind)];
    let strict = verdict(&[], &Circumstances::default(), &push);
    assert_eq!((strict.accepts(), strict.refused[0].place), (false, 1));
    let warned = verdict(&["cairn.guard=warn"], &Circumstances::default(), &push);
    assert_eq!((warned.accepts(), warned.tolerated.len()), (true, 1));
    assert!(warned.meant.is_empty());
    let off = verdict(&["cairn.guard=off"], &Circumstances::default(), &push);
    assert_eq!((off.accepts(), off.tolerated.len()), (true, 0));
    let paused = Circumstances { paused: true, ..Circumstances::default() };
    assert!(verdict(&[], &paused, &push).accepts());
}

#[test]
fn a_claim_that_is_not_so_is_refused() {
    let lie = Wanted { claimed: Some(id("3")), ..wanted("refs/heads/topic", Change::Forward) };
    assert_eq!(rule(&["cairn.guard=off"], &Circumstances::default(), lie), Some("stale"));
    let lie = Wanted { claimed: None, ..wanted("refs/heads/topic", Change::Forward) };
    assert_eq!(rule(&[], &Circumstances::default(), lie), Some("stale"));
}

#[test]
fn environments_take_deployments_as_they_are_told_to() {
    let held = Circumstances {
        held: vec![(EnvironmentName::new("live").unwrap(), "freeze".into())],
        ..Circumstances::default()
    };
    assert_eq!(rule(&[], &held, wanted("refs/heads/live", Change::Forward)), Some("hold"));
    assert_eq!(rule(&[], &held, wanted("refs/heads/test", Change::Forward)), None);
    let order = ["cairn.promote=in-order"];
    assert_eq!(rule(&order, &Circumstances::default(), wanted("refs/heads/live", Change::Forward)), Some("promote"));
    let had = Wanted { in_order: true, ..wanted("refs/heads/live", Change::Forward) };
    assert_eq!(rule(&order, &Circumstances::default(), had), None);
    assert_eq!(rule(&order, &Circumstances::default(), wanted("refs/heads/main", Change::Forward)), None);
    let announced = ["cairn.live.deploy=announced"];
    let says = |name: &str| saying(Words { deploys: vec![name.into()], ..Words::default() });
    assert_eq!(rule(&announced, &says("test"), wanted("refs/heads/live", Change::Forward)), Some("deploy"));
    assert_eq!(rule(&announced, &says("live"), wanted("refs/heads/live", Change::Forward)), None);
}

#[test]
fn what_was_dropped_on_purpose_comes_back_only_on_purpose() {
    let banned = Banned { rescue: "20261125-1".into(), root: id("5"), from: None, tips: vec![] };
    let brings = |reference: &str| Wanted { brings_back: vec![banned.clone()], ..wanted(reference, Change::Forward) };
    for reference in ["refs/heads/main", "refs/heads/new", "refs/tags/v1"] {
        assert_eq!(rule(&[], &Circumstances::default(), brings(reference)), Some("reintroduced"));
    }
    assert_eq!(rule(&[], &Circumstances::default(), brings("refs/heads/live")), None, "a deployment never");
    for word in ["20261125-1".into(), "5".repeat(40)] {
        let says = saying(Words { reintroduced: vec![word], ..Words::default() });
        assert_eq!(rule(&[], &says, brings("refs/heads/main")), None);
    }
}

#[test]
fn what_git_would_refuse_later_is_said_first() {
    let git = GitSettings {
        deny_rewinds: true,
        deny_deletes: true,
        undeletable: Some(name("refs/notes/x")),
        immovable: Some(name("refs/heads/served")),
    };
    let circumstances = Circumstances { git, ..Circumstances::default() };
    let found = |reference: &str, change| {
        verdict(&[], &circumstances, &[wanted(reference, change)]).refused.pop().map(|objection| objection.rule)
    };
    assert_eq!(found("refs/heads/topic", Change::Rewind), Some(Rule::Git("receive.denyNonFastForwards")));
    assert_eq!(found("refs/heads/topic", Change::Delete), Some(Rule::Git("receive.denyDeletes")));
    assert_eq!(found("refs/notes/x", Change::Delete), Some(Rule::Git("receive.denyDeleteCurrent")));
    assert_eq!(found("refs/heads/served", Change::Forward), Some(Rule::Git("receive.denyCurrentBranch")));
    assert_eq!(found("refs/tags/v1", Change::Delete), None, "git does not apply them to tags");
}

#[test]
fn what_gitolite_would_refuse_later_is_said_first_where_the_guard_refuses() {
    let denied = Denied { name: name("refs/heads/topic"), said: "+ DENIED by fallthru".into(), ask: String::new() };
    let circumstances = Circumstances { gitolite: vec![denied], ..Circumstances::default() };
    let push = [wanted("refs/heads/other", Change::Rewind), wanted("refs/heads/topic", Change::Rewind)];
    let found = verdict(&[], &circumstances, &push);
    assert_eq!((found.refused.len(), found.refused[0].place, found.refused[0].rule.word()), (1, 1, "gitolite"));
    let warns = verdict(&["cairn.guard=warn"], &circumstances, &push);
    assert!(warns.accepts() && warns.tolerated.is_empty(), "gitolite says it by itself");
}
