//! Which sessions have to end, by their records and the clock. It asks nobody.

use pam_sftpjail::config::Namespace;
use pam_sftpjail::registry::Record;

/// Why a session has to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Due<'r> {
    /// The folder whose grant has ended, escaped.
    pub(super) folder: &'r str,
    /// When, in seconds since the epoch.
    pub(super) until: i64,
}

/// Of each record, why its session has to end; `None`: it goes on, or its record cannot be read. A folder cannot be
/// removed from a jail: whatever has it open keeps it. So the whole session ends, and so do all that share the jail.
/// `now`: in seconds since the epoch.
pub(super) fn due(records: &[Option<Record>], now: i64) -> Vec<Option<Due<'_>>> {
    records.iter().map(|record| of(record.as_ref()?, records, now)).collect()
}

fn of<'r>(own: &'r Record, all: &'r [Option<Record>], now: i64) -> Option<Due<'r>> {
    let of_jail = all.iter().flatten().filter(|other| share_a_jail(own, other));
    let mut ends = std::iter::once(own).chain(of_jail).filter_map(|record| Some((record.until?, record)));
    let (until, record) = ends.find(|(until, _)| *until <= now)?;
    Some(Due { folder: record.ends_with.as_deref().unwrap_or_default(), until })
}

/// Whether two sessions are in one jail.
fn share_a_jail(one: &Record, other: &Record) -> bool {
    let is_shared = |record: &Record| record.namespace == Namespace::Host && !record.refused;
    is_shared(one) && is_shared(other) && one.user == other.user && one.jail == other.jail
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(user: &str, namespace: Namespace, until: Option<i64>) -> Option<Record> {
        Some(Record {
            version: Record::VERSION,
            user: user.into(),
            uid: 1000,
            pid: 7,
            since: 0,
            rhost: "192.0.2.7".into(),
            service: "sshd".into(),
            profile: "guest".into(),
            namespace,
            jail: format!("/jail/{user}"),
            home: format!("/home/{user}"),
            until,
            ends_with: until.map(|_| "/srv/b".into()),
            grants: vec!["/srv/a".into(), "/srv/b".into()],
            authentication: Vec::new(),
            refused: false,
        })
    }

    fn ends(records: &[Option<Record>], now: i64) -> Vec<Option<i64>> {
        due(records, now).into_iter().map(|due| due.map(|due| due.until)).collect()
    }

    #[test]
    fn a_session_ends_at_its_end_and_not_before_wherever_the_clock_jumps() {
        let records = [
            record("anna", Namespace::Private, Some(100)),
            record("anna", Namespace::Private, Some(200)),
            record("eve", Namespace::Private, None),
            None,
        ];
        assert_eq!(ends(&records, 99), [None, None, None, None]);
        assert_eq!(ends(&records, 100), [Some(100), None, None, None]);
        assert_eq!(ends(&records, i64::MAX), [Some(100), Some(200), None, None]);
        // The clock was set back, or has not been set since the boot.
        assert_eq!(ends(&records, 0), [None, None, None, None]);
        assert_eq!(due(&records, 100)[0].unwrap().folder, "/srv/b");
    }

    #[test]
    fn those_that_share_a_jail_end_together() {
        let records = [
            record("anna", Namespace::Host, Some(100)),
            // A later login, after somebody had extended the grant.
            record("anna", Namespace::Host, Some(200)),
            record("anna", Namespace::Host, None),
            record("eve", Namespace::Host, Some(200)),
            record("anna", Namespace::Private, Some(200)),
        ];
        assert_eq!(ends(&records, 100), [Some(100), Some(100), Some(100), None, None]);
        let mut records = records;
        // sshd keeps a refused connection. It is in no jail.
        records[2].as_mut().unwrap().refused = true;
        assert_eq!(ends(&records, 100), [Some(100), Some(100), None, None, None]);
    }
}
