use super::*;

/// The gaps after these lines. Each line is a minute later than the one before, unless it begins with a second of its
/// own.
fn found(lines: &[(u32, &str)]) -> Gaps {
    let mut gaps = Gaps::between(None, None, jiff::tz::TimeZone::UTC);
    let mut logins = Logins::default();
    for (minute, (pid, line)) in lines.iter().enumerate() {
        let (second, line) = line
            .split_once('!')
            .map_or((60 * minute as i64, *line), |(second, line)| (second.parse().unwrap(), line));
        let time = Timestamp::from_second(second).unwrap();
        if let Some(line) = line.strip_prefix("sshd ") {
            logins.line((0, *pid, time), line.as_bytes());
            continue;
        }
        match line.strip_prefix("internal ") {
            Some(user) => logins.logged(0, user, time),
            None => {
                let line = format!("pam_sftpjail(sshd:session): {line}");
                logins.line((0, *pid, time), line.as_bytes());
            }
        }
    }
    logins.finish(None, false, &mut gaps);
    gaps
}

/// How many there are.
fn gaps(lines: &[(u32, &str)]) -> u64 {
    found(lines).all().map(|(_, tally)| tally.count).sum()
}

#[test]
fn a_session_without_entries_of_internal_sftp_is_a_gap() {
    let (opened, closed) =
        ("session opened for user mle(uid=1): home=/x", "session closed for user mle(uid=1): d");
    assert_eq!(gaps(&[(1, opened), (1, "internal mle"), (1, closed)]), 0);
    assert_eq!(gaps(&[(1, opened), (1, closed)]), 1);
    assert_eq!(gaps(&[(1, opened), (1, "internal joe"), (1, closed)]), 1);
    assert_eq!(gaps(&[(1, opened), (2, opened), (1, "internal mle"), (2, closed), (1, closed)]), 1);
    // Still open, or opened before the log begins.
    assert_eq!(gaps(&[(1, opened)]), 0);
    assert_eq!(gaps(&[(1, closed)]), 0);
}

#[test]
fn the_gap_is_the_session_that_has_no_entries() {
    let text = |kind: &str, second: u32| format!("{second}!session {kind} for user mle(uid=1): x");
    for (first, second) in [((0, 1), (2, 4)), ((0, 9), (2, 4)), ((2, 4), (0, 9))] {
        let (opened, closed) = (text("opened", first.0), text("closed", first.1));
        let (later, ended) = (text("opened", second.0), text("closed", second.1));
        let began = format!("{}!internal mle", second.0);
        let mut lines = [(334, opened), (334, closed), (348, later), (5, began), (348, ended)];
        lines.sort_by_key(|(_, line)| line.split_once('!').unwrap().0.parse::<u32>().unwrap());
        let lines: Vec<_> = lines.iter().map(|(pid, line)| (*pid, line.as_str())).collect();
        let gaps = found(&lines);
        let named: Vec<_> = gaps.all().flat_map(|(_, tally)| &tally.examples).collect();
        assert!(
            matches!(&named[..], [one] if one.starts_with("mle, sshd's pid 334, ")),
            "{lines:?}: {named:?}"
        );
    }
}

#[test]
fn entries_in_the_wrong_order_are_no_gap() {
    let opened = "0!session opened for user mle(uid=1): home=/x";
    let closed = "10!session closed for user mle(uid=1): d";
    assert_eq!(gaps(&[(1, "1!internal mle"), (1, opened), (1, closed)]), 0);
    assert_eq!(gaps(&[(1, opened), (1, closed), (1, "1!internal mle")]), 0);
    let twice =
        [(1, "1!internal mle"), (1, "1!internal mle"), (1, opened), (2, opened), (1, closed), (2, closed)];
    assert_eq!(gaps(&twice), 0);
    // At another time, and so in another session.
    let later = "60!session opened for user mle(uid=1): home=/x";
    let ended = "70!session closed for user mle(uid=1): d";
    assert_eq!(gaps(&[(1, "1!internal mle"), (1, later), (1, ended)]), 1);
    assert_eq!(gaps(&[(1, opened), (1, closed), (1, "60!internal mle")]), 1);
}

#[test]
fn a_refused_command_is_no_gap() {
    let opened = "0!session opened for user mle(uid=1): home=/x";
    let closed = "1!session closed for user mle(uid=1): d";
    let refused = "0!sshd error: Connection from user mle ::1 port 4711: refusing non-sftp session";
    assert_eq!(gaps(&[(1, opened), (3, refused), (1, closed)]), 0);
    // In the wrong order; and several of one connection.
    assert_eq!(gaps(&[(3, refused), (1, opened), (1, closed)]), 0);
    assert_eq!(gaps(&[(1, opened), (3, refused), (4, refused), (1, closed)]), 0);
    // That of another user, or of another time.
    let other = refused.replace("mle", "joe");
    assert_eq!(gaps(&[(1, opened), (3, &other), (1, closed)]), 1);
    assert_eq!(gaps(&[(1, opened), (1, closed), (3, &refused.replace("0!", "9!"))]), 1);
    // It explains its own session only.
    let later = ["5!session opened for user mle(uid=1): home=/x", "6!session closed for user mle(uid=1): d"];
    assert_eq!(gaps(&[(1, opened), (3, refused), (1, closed), (2, later[0]), (2, later[1])]), 1);
}

#[test]
fn a_session_that_sshd_could_not_chroot_is_no_gap() {
    let opened = "0!session opened for user mle(uid=1): home=/x";
    let closed = "1!session closed for user mle(uid=1): d";
    for message in [
        "fatal: safely_chroot: stat(\"/wrong/\"): No such file or directory",
        "fatal: bad ownership or modes for chroot directory component \"/\"",
        "fatal: chroot path \"/jail/mle\" is not a directory",
        "fatal: chroot(\"/jail/mle\"): Operation not permitted [postauth]",
    ] {
        let failure = format!("0!sshd {message}");
        assert_eq!(gaps(&[(1, opened), (3, &failure), (1, closed)]), 0, "{message}");
        // It explains one session, and that which its process belongs to.
        let (other, ended) = (opened.replace("mle", "joe"), closed.replace("mle", "joe"));
        let two = found(&[(1, opened), (5, &other), (3, &failure), (1, closed), (5, &ended)]);
        let named: Vec<_> = two.all().flat_map(|(_, tally)| &tally.examples).collect();
        assert!(matches!(&named[..], [one] if one.starts_with("joe, sshd's pid 5, ")), "{named:?}");
        // That of another time.
        let later = failure.replace("0!", "9!");
        assert_eq!(gaps(&[(1, opened), (1, closed), (3, &later)]), 1);
    }
    // Others end no session, or one that has begun.
    for message in [
        "fatal: Timeout before authentication",
        "fatal: privsep_preauth_child: chroot(\"/run/sshd\"): Operation not permitted [preauth]",
        "Accepted publickey for chroot",
    ] {
        assert_eq!(gaps(&[(1, opened), (3, &format!("0!sshd {message}")), (1, closed)]), 1, "{message}");
    }
}

#[test]
fn a_probe_is_a_gap_only_where_probes_are_asked_for() {
    let lines = |host: &str| {
        let opened = format!(
            "pam_sftpjail(sshd:session): session opened for user mle(uid=1): home=/x rhost={host} profile=p"
        );
        [opened, "pam_sftpjail(sshd:session): session closed for user mle(uid=1): d".to_owned()]
    };
    for (host, probe, expected) in
        [("UNKNOWN", false, 0), ("UNKNOWN", true, 1), ("::1", false, 1), ("\"UNKNOWN \"", false, 1)]
    {
        let mut found = Gaps::between(None, None, jiff::tz::TimeZone::UTC);
        let mut logins = Logins::default();
        for (second, line) in lines(host).iter().enumerate() {
            logins.line((0, 1, Timestamp::from_second(second as i64).unwrap()), line.as_bytes());
        }
        logins.finish(None, probe, &mut found);
        assert_eq!(found.all().map(|(_, tally)| tally.count).sum::<u64>(), expected, "{host} {probe}");
    }
}

#[test]
fn odd_names_are_escaped_as_pam_sftpjail_escapes_them() {
    let opened = "session opened for user \"a b\"(uid=1): home=/x";
    assert_eq!(gaps(&[(1, opened), (1, "internal a b"), (1, &opened.replace("opened", "closed"))]), 0);
}

#[test]
fn no_bytes_make_it_panic() {
    let mut logins = Logins::default();
    crate::host::syslog::noise::noise(|bytes| {
        let line = [b"pam_sftpjail(", bytes].concat();
        logins.line((0, 0, Timestamp::UNIX_EPOCH), &line);
        logins.logged(0, &String::from_utf8_lossy(bytes), Timestamp::MAX);
    });
}
