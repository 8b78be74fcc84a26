mod bounds;
mod results;

use super::*;
use crate::host::syslog::line::{self, Parsed};
use crate::host::syslog::record::Sender;
use crate::host::syslog::stamp::Stamps;

fn gaps() -> Gaps {
    Gaps::between(None, None, jiff::tz::TimeZone::UTC)
}

/// The operations and gaps of a log.
struct Joined {
    events: Vec<Event>,
    gaps: Gaps,
}

/// Joins lines such as `67 remove name "/a"`: a pid and a message. Each line is a second later than the one before.
fn join(user: Option<&str>, lines: &[&str]) -> Joined {
    let mut join = Join::new(user.map(str::to_owned), false, gaps());
    let this = Host::new(None);
    let mut stamps = Stamps::new(jiff::tz::TimeZone::UTC, 2024);
    let mut events = Vec::new();
    for (second, line) in lines.iter().enumerate() {
        let (pid, message) = line.split_once(' ').unwrap();
        let time = Timestamp::from_second(second as i64).unwrap();
        let (host, pid) = pid.split_once('@').map_or(("h", pid), |(pid, host)| (host, pid));
        let line = format!("{time} {host} internal-sftp[{pid}]: {message}");
        let Parsed::Record(record) = line::parse(line.as_bytes(), &mut stamps) else { panic!("{line}") };
        join.line(&record, &this);
        events.extend(std::iter::from_fn(|| join.next()));
    }
    join.finish(&Host::new(None));
    events.extend(std::iter::from_fn(|| join.next()));
    Joined { events, gaps: join.gaps }
}

impl Joined {
    /// `user verb path: result` of each.
    fn texts(&self) -> Vec<String> {
        let text = |event: &Event| {
            let user = event.client().map_or("?", |client| &client.user);
            let path = String::from_utf8_lossy(&event.operation.path);
            let result = match &event.outcome {
                Outcome::Ok => "ok".into(),
                Outcome::Failed(status) => status.clone(),
                Outcome::Unclear(status) => format!("{status}?"),
            };
            format!("{user} {} {path}: {result}", event.operation.verb.name())
        };
        self.events.iter().map(text).collect()
    }

    fn gaps(&self) -> Vec<(Kind, u64)> {
        self.gaps.all().map(|(kind, tally)| (kind, tally.count)).collect()
    }
}

const OPENED: &str = "67 session opened for local user mle from [::1]";
const CLOSED: &str = "67 session closed for local user mle from [::1]";

/// The results of one whole session of mle's.
fn session(lines: &[&str]) -> Vec<String> {
    let lines: Vec<_> = lines.iter().map(|line| format!("67 {line}")).collect();
    let lines: Vec<_> =
        [OPENED].into_iter().chain(lines.iter().map(String::as_str)).chain([CLOSED]).collect();
    let joined = join(None, &lines);
    assert_eq!(joined.gaps(), []);
    joined.texts().iter().map(|text| text.strip_prefix("mle ").unwrap().to_owned()).collect()
}

#[test]
fn lines_are_joined_by_host_and_pid() {
    let joined = join(
        None,
        &[
            OPENED,
            "68 session opened for local user joe from [::2]",
            "67@other session opened for local user anna from [::3]",
            "67 remove name \"/a\"",
            "68 remove name \"/b\"",
            "67@other remove name \"/c\"",
            CLOSED,
            // The pid is used again.
            "67 session opened for local user joe from [::4]",
            "67 remove name \"/d\"",
            "67 session closed for local user joe from [::4]",
            "68 session closed for local user joe from [::2]",
            "67@other session closed for local user anna from [::3]",
        ],
    );
    assert_eq!(
        joined.texts(),
        ["mle remove /a: ok", "joe remove /b: ok", "anna remove /c: ok", "joe remove /d: ok"]
    );
    assert_eq!(joined.gaps(), []);
    let addresses: Vec<_> = joined.events.iter().map(|e| e.client().unwrap().address.as_str()).collect();
    assert_eq!(addresses, ["::1", "::2", "::3", "::4"]);
}

#[test]
fn only_the_user_who_is_asked_for_is_shown() {
    let lines = [
        OPENED,
        "68 session opened for local user joe from [::2]",
        "67 remove name \"/a\"",
        "68 remove name \"/b\"",
        "69 remove name \"/c\"",
        "70 remove name \"/d\"",
        "70 session closed for local user joe from [::2]",
    ];
    let joined = join(Some("joe"), &lines);
    assert_eq!(joined.texts(), ["joe remove /b: ok", "joe remove /d: ok"]);
    // pid 69 may have been joe's.
    assert_eq!(joined.gaps(), [(Kind::NoBeginning, 2), (Kind::NoEnd, 1)]);
    assert_eq!(join(Some("mle"), &lines).gaps(), [(Kind::NoBeginning, 1), (Kind::NoEnd, 1)]);
}

#[test]
fn sessions_without_beginning_or_end_are_gaps() {
    let joined = join(None, &["67 remove name \"/a\""]);
    assert_eq!(joined.texts(), ["? remove /a: ok"]);
    assert_eq!(joined.gaps(), [(Kind::NoBeginning, 1)]);
    let joined = join(None, &["67 remove name \"/a\"", CLOSED]);
    assert_eq!(joined.texts(), ["mle remove /a: ok"]);
    assert_eq!(joined.gaps(), [(Kind::NoBeginning, 1)]);
    let (_, tally) = joined.gaps.all().next().unwrap();
    assert_eq!(
        tally.examples,
        ["mle as its end says, host h, pid 67, 1970-01-01 00:00:00 to 1970-01-01 00:00:01, operations: 1"]
    );
    assert_eq!(join(None, &[CLOSED]).gaps(), [(Kind::NoBeginning, 1)]);
    // The same pid twice, and the second session is still open.
    let joined = join(None, &[OPENED, "67 remove name \"/a\"", OPENED, "67 remove name \"/b\""]);
    assert_eq!(joined.texts(), ["mle remove /a: ok", "mle remove /b: ok"]);
    assert_eq!(joined.gaps(), [(Kind::NoEnd, 2)]);
    assert_eq!(join(None, &[OPENED, CLOSED]).gaps(), []);
}

#[test]
fn the_end_of_a_session_names_its_user_where_its_beginning_is_lost() {
    let lines = [
        "67 remove name \"/a\"",
        "68 session opened for local user joe from [::2]",
        "68 remove name \"/b\"",
        "67 remove name \"/c\"",
        CLOSED,
        "68 session closed for local user joe from [::2]",
    ];
    let joined = join(None, &lines);
    assert_eq!(joined.texts(), ["mle remove /a: ok", "joe remove /b: ok", "mle remove /c: ok"]);
    let address = |event: &Event| event.client().unwrap().address.clone();
    assert_eq!(joined.events.iter().map(address).collect::<Vec<_>>(), ["::1", "::2", "::1"]);
    // Operations before the first of these may be missing.
    assert_eq!(joined.gaps(), [(Kind::NoBeginning, 1)]);
    assert_eq!(join(Some("mle"), &lines).texts(), ["mle remove /a: ok", "mle remove /c: ok"]);
    assert_eq!(join(Some("joe"), &lines).texts(), ["joe remove /b: ok"]);
}

#[test]
fn an_end_that_names_another_user_or_address_is_that_of_another_session() {
    for end in
        ["67 session closed for local user joe from [::1]", "67 session closed for local user mle from [::9]"]
    {
        let joined = join(None, &[OPENED, "67 remove name \"/a\"", end]);
        assert_eq!(joined.texts(), ["mle remove /a: ok"]);
        assert_eq!(joined.gaps(), [(Kind::NoBeginning, 1), (Kind::NoEnd, 1)], "{end}");
    }
}

#[test]
fn what_the_journal_says_of_the_sender_wins_over_what_the_sender_says() {
    let mut join = Join::new(None, false, gaps());
    let this = Host::new(None);
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap().trim().to_owned();
    let mut log = |pid, uid, program: &str, of: Program, message: &str| {
        let sender = Some(Sender { uid, claimed: 0, is_native: false, program: program.as_bytes().into() });
        let (host, message) = (name.as_bytes().into(), message.as_bytes().into());
        join.line(&Record { time: Timestamp::UNIX_EPOCH, host, program: of, pid, message, sender }, &this);
    };
    // root's own session, and one of daemon's (uid 1) that claims to be root's.
    log(67, 0, "sshd-session", Program::Sftp, "session opened for local user root from [::1]");
    log(67, 0, "sshd-session", Program::Sftp, "remove name \"/a\"");
    log(67, 0, "sshd-session", Program::Sftp, "session closed for local user root from [::1]");
    log(68, 1, "sshd", Program::Sftp, "session opened for local user root from [::1]");
    log(69, 1, "logger", Program::Sftp, "remove name \"/b\"");
    log(
        70,
        1,
        "logger",
        Program::Sshd,
        "pam_sftpjail(sshd:session): session opened for user root(uid=0): home=/",
    );
    // Once this was daemon's uid; now it is nobody's.
    log(71, 3_999_999_999, "sshd", Program::Sftp, "session opened for local user daemon from [::1]");
    log(71, 3_999_999_999, "sshd", Program::Sftp, "remove name \"/c\"");
    log(71, 3_999_999_999, "", Program::Sftp, "session closed for local user daemon from [::1]");
    join.finish(&this);
    assert_eq!(join.next().unwrap().operation.path, b"/a");
    assert_eq!(join.next().unwrap().operation.path, b"/c");
    assert!(join.next().is_none());
    assert_eq!(
        join.gaps.all().map(|(kind, tally)| (kind, tally.count)).collect::<Vec<_>>(),
        [(Kind::Forged, 3)]
    );
}

#[test]
fn gaps_of_another_time_are_not_reported() {
    let time = |second| Timestamp::from_second(second).ok();
    for (since, until, is_reported) in [
        (None, None, true),
        (time(10), None, true),
        (time(11), None, false),
        (None, time(5), false),
        (None, time(6), true),
    ] {
        let mut gaps = Gaps::between(since, until, jiff::tz::TimeZone::UTC);
        gaps.during((time(5).unwrap(), time(10).unwrap()), Kind::NoEnd, |_| String::new());
        assert_eq!(gaps.all().count() == 1, is_reported, "{since:?} {until:?}");
    }
}

#[test]
fn dropped_messages_that_syslog_daemons_report_are_a_gap() {
    for message in [
        "imuxsock lost 12 messages from pid 67 due to rate-limiting",
        "imuxsock[pid: 67, name: sshd] from <host:sshd>: begin to drop messages due to rate-limiting",
        "imuxsock[pid: 67, name: sshd]: 12 messages lost due to rate-limiting (20 allowed within 5 seconds)",
        "imjournal: 12 messages lost due to rate-limiting",
        "Suppressed 12 messages from ssh.service",
        "Missed 12 kernel messages",
    ] {
        assert!(is_loss(message.as_bytes()), "{message}");
    }
    assert!(!is_loss(b"[origin software=\"rsyslogd\"] start"));
}
