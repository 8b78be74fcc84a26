//! A log of any size and with any bytes takes a bounded amount of memory, and no panic.

use super::*;
use crate::audit::join::room::MAX_SESSIONS;

#[test]
fn memory_is_bounded_whatever_the_log_holds() {
    // No session ends, each opens many files and makes many directories, and the result of the first is never known.
    let mut join = Join::new(None, false, gaps());
    let this = Host::new(None);
    let time = Timestamp::UNIX_EPOCH;
    let log = |join: &mut Join, pid: u32, text: &str| {
        let record = Record {
            time,
            host: b"h".as_slice().into(),
            program: Program::Sftp,
            pid,
            message: text.as_bytes().into(),
            sender: None,
        };
        join.line(&record, &this);
    };
    log(&mut join, 0, "session opened for local user mle from [::1]");
    log(&mut join, 0, "open \"/a\" flags READ mode 0666");
    log(&mut join, 0, "sent status No such file");
    let mut events = 0;
    for pid in 1..30_000 {
        log(&mut join, pid, &format!("session opened for local user u{pid} from [::1]"));
        for file in 0..(if pid < 100 { 200 } else { 1 }) {
            log(&mut join, pid, &format!("open \"/{file}\" flags READ mode 0666"));
            log(&mut join, pid, "sent status No such file");
            log(&mut join, pid, &format!("mkdir name \"/{file}\" mode 0777"));
            log(&mut join, pid, "sent status No such file");
        }
        while join.next().is_some() {
            events += 1;
        }
        assert!(join.sessions.len() <= MAX_SESSIONS);
    }
    join.finish(&Host::new(None));
    while join.next().is_some() {
        events += 1;
    }
    assert_eq!(events, 1 + 2 * (99 * 200 + 29_900));
}

#[test]
fn messages_longer_than_internal_sftp_writes_are_not_kept() {
    let long = "x".repeat(2000);
    let joined = join(None, &[OPENED, &format!("67 remove name \"/{long}\""), CLOSED]);
    assert_eq!((joined.texts().len(), joined.gaps()), (0, vec![(Kind::Unreadable, 1)]));
    let joined = join(None, &[&format!("67@{long} session opened for local user mle from [::1]")]);
    assert_eq!(joined.gaps(), [(Kind::NoEntries, 1), (Kind::Unreadable, 1)]);
}

#[test]
fn no_lines_make_it_panic() {
    let mut join = Join::new(None, false, gaps());
    let this = Host::new(None);
    crate::host::syslog::noise::noise(|bytes| {
        for program in [Program::Sftp, Program::Sshd, Program::Logger] {
            let (host, message) = (bytes.into(), bytes.into());
            let record = Record { time: Timestamp::UNIX_EPOCH, host, program, pid: 1, message, sender: None };
            join.line(&record, &this);
            while join.next().is_some() {}
        }
    });
    join.finish(&Host::new(None));
}
