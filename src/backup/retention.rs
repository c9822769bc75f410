//! What may go: backups whose time has come, but never the newest good one of an environment.

use super::BackupId;
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// What retention looks at in a backup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Its id; ids sort in the order backups were begun.
    pub id: BackupId,
    /// Its environment.
    pub environment: String,
    /// Of which instant it is.
    pub refs_at: Timestamp,
    /// When its retention ends.
    pub keep_until: Timestamp,
    /// Whether nothing is known to be wrong with it.
    pub good: bool,
}

/// Returns the backups that stay whatever their retention says: of each environment the good one that was begun last and
/// the good one of the latest instant. They are the same but where a backup waited long, or a clock went back.
pub fn kept_always(backups: &[Candidate]) -> BTreeSet<&BackupId> {
    let mut begun_last: BTreeMap<&str, &Candidate> = BTreeMap::new();
    let mut latest: BTreeMap<&str, &Candidate> = BTreeMap::new();
    for one in backups.iter().filter(|one| one.good) {
        let last = begun_last.entry(&one.environment).or_insert(one);
        if one.id > last.id {
            *last = one;
        }
        let newest = latest.entry(&one.environment).or_insert(one);
        if (one.refs_at, &one.id) > (newest.refs_at, &newest.id) {
            *newest = one;
        }
    }
    begun_last.into_values().chain(latest.into_values()).map(|one| &one.id).collect()
}

/// Returns the backups that go now, oldest first.
pub fn due(backups: &[Candidate], now: Timestamp) -> Vec<&Candidate> {
    let kept = kept_always(backups);
    let mut due: Vec<_> = backups.iter().filter(|one| one.keep_until <= now && !kept.contains(&one.id)).collect();
    due.sort_by(|a, b| a.id.cmp(&b.id));
    due
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    fn backup(n: usize, environment: &str, refs_at: i64, keep_until: i64, good: bool) -> Candidate {
        let id = BackupId::parse(&format!("20261123-065112-{n:04x}")).unwrap();
        Candidate { id, environment: environment.into(), refs_at: at(refs_at), keep_until: at(keep_until), good }
    }

    #[test]
    fn what_is_due_goes_and_the_newest_good_one_stays() {
        let backups = [
            backup(1, "dev", 10, 20, true),
            backup(2, "dev", 11, 900, true),
            backup(3, "dev", 12, 20, true),
            backup(4, "dev", 13, 20, false),
            backup(5, "live", 14, 20, true),
        ];
        let gone: Vec<_> = due(&backups, at(100)).into_iter().map(|one| one.id.as_str()).collect();
        assert_eq!(gone, ["20261123-065112-0001", "20261123-065112-0004"]);
        assert!(due(&backups, at(19)).is_empty());
    }

    #[test]
    fn backups_of_the_future_drive_out_no_other() {
        let mut backups = vec![backup(1, "live", 10, 1_000, true)];
        backups.extend((2..102).map(|n| backup(n, "live", 1_000_000_000, 1, true)));
        assert!(due(&backups, at(500)).iter().all(|one| one.id != backups[0].id));
    }

    proptest! {
        #[test]
        fn every_environment_that_had_a_good_backup_has_one_left(
            what in prop::collection::vec((0..3_usize, 0..50_i64, 0..50_i64, any::<bool>()), 0..40),
            now in 0..60_i64,
        ) {
            let backups: Vec<_> = what.iter().enumerate()
                .map(|(n, (environment, refs_at, keep, good))| backup(n, ["dev", "test", "live"][*environment], *refs_at, *keep, *good))
                .collect();
            let gone: BTreeSet<_> = due(&backups, at(now)).into_iter().map(|one| one.id.clone()).collect();
            for one in &backups {
                prop_assert!(!gone.contains(&one.id) || one.keep_until <= at(now), "nothing goes before its time");
                let stays = |other: &&Candidate| other.environment == one.environment && other.good && !gone.contains(&other.id);
                if one.good {
                    let newest = backups.iter().filter(stays).map(|other| other.refs_at).max();
                    prop_assert!(newest >= Some(one.refs_at), "a good one that is as new stays");
                }
            }
            let left: Vec<_> = backups.iter().filter(|one| !gone.contains(&one.id)).cloned().collect();
            prop_assert!(due(&left, at(now)).is_empty(), "a second run finds nothing");
        }
    }
}
