//! The end of a grant: as people write it, shown before it is written, and changed by `extend`.

use super::{json, site, undated};
use sandbox::Namespace;
use serde_json::json as json_of;

#[test]
fn an_end_is_shown_before_it_is_written_and_extend_changes_that_line_only() {
    let sb = site(Namespace::Private);
    let file = "/etc/sftpjail/grants.d/felix.toml";
    sb.sh("ln -sf /usr/share/zoneinfo/Europe/Berlin /etc/localtime; install -d -m 777 /srv/a");
    let dry = sb.sh("sftpjail grant felix /srv/a --until '2099-12-10 18:00' --dry-run").stdout;
    assert!(dry.ends_with("It ends on Thursday 2099-12-10 18:00 (UTC+01:00).\n"), "{dry}");
    sb.sh("not test -e /etc/sftpjail/grants.d/felix.toml");
    sb.write(
        file,
        format!("# of felix\n\n[[grant]] # the first\nfolder = '{}'\naccess = \"read-only\"\n", "/srv/site"),
    );
    sb.sh("sftpjail grant felix /srv/a --until 2099-12-10T18:00:00+01:00 --yes");
    let both = sb.read_text(file);
    let since = both.lines().find(|line| line.starts_with("since = ")).expect("when it was given");
    let given = since.trim_start_matches("since = ");
    assert!(given.ends_with("+01:00") || given.ends_with("+02:00"), "in the zone of this host: {given}");
    sb.sh(&format!("test $(($(date +%s) - $(date -d {given} +%s))) -lt 120"));
    let expected = "# of felix\n\n[[grant]] # the first\nfolder = '/srv/site'\naccess = \"read-only\"\n\n[[grant]]\n\
                    folder = \"/srv/a\"\naccess = \"read-write\"\nuntil = 2099-12-10T18:00:00+01:00\n";
    assert_eq!(undated(&both), expected);
    // Which of the two is not a matter of luck.
    let several = sb.try_sh("sftpjail extend felix --until 2w --yes");
    assert_eq!(several.code, Some(1), "{several}");
    assert!(several.stderr.contains("felix has several folders; name one of /srv/site, /srv/a"), "{several}");
    let out = sb.sh("sftpjail extend felix /srv/a/ --until 2100-07-01 --yes").stdout;
    assert!(
        out.ends_with("✓ /srv/a is granted to felix until Thursday 2100-07-01 23:59:59 (UTC+02:00)\n"),
        "{out}"
    );
    assert_eq!(sb.read_text(file), both.replace("2099-12-10T18:00:00+01:00", "2100-07-01T23:59:59+02:00"));
    sb.wait_for_log("]: extend: root has granted /srv/a to felix until 2100-07-01T23:59:59+02:00");
    for (until, why) in [
        ("yesterday", "yesterday is not a time that sftpjail understands; write a time from now"),
        ("2020-01-01", "Wednesday 2020-01-01 23:59:59 (UTC+01:00) has passed; give a time to come"),
    ] {
        for verb in ["grant felix /srv/www", "extend felix /srv/a"] {
            let out = sb.try_sh(&format!("sftpjail {verb} --until {until} --yes"));
            assert!(out.code == Some(1) && out.stderr.contains(why), "{out}");
        }
    }
    // One that has ended is shown, does not count, and can be given another end.
    sb.sh(&format!("sed -i 's/^until = .*/until = 2020-12-10T18:00:00Z # soon/' {file}"));
    let states = json(&sb, "sftpjail grants --json");
    let of = |n: usize| states["grants"][n]["state"].as_str().expect("a word").to_owned();
    assert_eq!((of(0), of(1)), ("usable".to_owned(), "ended".to_owned()), "{states}");
    sb.sh("sftpjail extend felix /srv/a --until 3h --yes");
    sb.sh(&format!(
        "grep -q '^until = 20.* # soon$' {file}; sftpjail grants | grep -Eq '[(]in (3h|2h 59m)[)]'"
    ));
    sb.sftp("felix", "ls /srv/a\n").ok();
}

#[test]
fn an_end_that_is_later_than_calendars_go_is_shown_as_an_end() {
    let sb = site(Namespace::Private);
    let file = "/etc/sftpjail/grants.d/felix.toml";
    sb.write(
        file,
        "[[grant]]\nfolder = \"/srv/site\"\naccess = \"read-only\"\nuntil = 9999-12-31T23:59:59Z\n",
    );
    let last = "9999-12-30T22:00:00Z";
    assert_eq!(json(&sb, "sftpjail grants --json")["grants"][0]["until"], last);
    assert_eq!(json(&sb, "sftpjail review felix --json")["members"][0]["grants"][0]["until"], last);
    sb.sh("sftpjail grants felix | grep -q ' 9999-12-30 22:00 '");
    let _live = sb.sftp_live("felix");
    assert_eq!(json(&sb, "sftpjail list --json")["sessions"][0]["until"], last);
    assert_eq!(json(&sb, "sftpjail expire --json")["sessions"], json_of!([]));
}

/// A file may be written before its time.
#[test]
fn a_grant_that_begins_later_is_in_no_jail_before() {
    let sb = site(Namespace::Private);
    let file = "/etc/sftpjail/grants.d/felix.toml";
    sb.sh("install -d -m 777 /srv/a");
    let given =
        |since: &str| format!("[[grant]]\nfolder = \"/srv/a\"\naccess = \"read-only\"\nsince = {since}\n");
    sb.write(file, given("2099-11-26T09:00:00Z"));
    let refused = sb.sftp("felix", "pwd\n").failed();
    assert!(refused.stderr.contains("no folder of this server is open to you now"), "{refused}");
    sb.wait_for_log("/srv/a is not granted yet: that begins on 2099-11-26 09:00 (UTC)");
    let listed = json(&sb, "sftpjail grants felix --json");
    let grant = &listed["grants"][0];
    assert_eq!(
        (&grant["state"], &grant["since"]),
        (&"later".into(), &"2099-11-26T09:00:00Z".into()),
        "{listed}"
    );
    let table = sb.sh("sftpjail grants").stdout;
    assert!(table.contains("  from 2099-11-26 "), "{table}");
    let review = sb.sh("sftpjail review felix").stdout;
    assert!(review.contains("/srv/a, read-only, BEGINS 2099-11-26 "), "{review}");
    let review = json(&sb, "sftpjail review felix --json");
    let grant = &review["members"][0]["grants"][0];
    assert_eq!(
        (&grant["standing"], &grant["since"]),
        (&"later".into(), &"2099-11-26T09:00:00Z".into()),
        "{review}"
    );
    // It can be extended, and so can what a login does not have yet be taken back.
    sb.sh("sftpjail extend felix --until 2100-01-01 --yes; sftpjail revoke felix --yes");
    sb.sh(&format!("not test -e {file}"));
    sb.sh("install -d /etc/sftpjail/grants.d");
    sb.write(file, given("2020-11-26T09:00:00Z"));
    sb.sftp("felix", "ls /srv/a\n").ok();
    assert_eq!(json(&sb, "sftpjail grants felix --json")["grants"][0]["state"], "usable");
}

#[test]
fn what_live_sessions_keep_is_said_before_a_grant_is_changed() {
    let sb = site(Namespace::Private);
    sb.sh("install -d -m 777 /srv/a /srv/b; sftpjail grant felix /srv/a --until 2w --yes");
    let said = |words: &str| sb.sh(&format!("sftpjail {words} --until 3w --dry-run")).stdout;
    for words in ["extend felix", "grant felix /srv/b"] {
        assert!(!said(words).contains("live session"), "{words}");
    }
    let _live = sb.sftp_live("felix");
    let extended = said("extend felix");
    assert!(
        extended.ends_with(
            "\n1 live session of felix keeps the end with which it began; `sftpjail kick felix` ends it.\n"
        ),
        "{extended}"
    );
    let _other = sb.sftp_live("felix");
    let granted = said("grant felix /srv/b");
    let jail =
        "2 live sessions of felix keep the jail with which they began; `sftpjail kick felix` ends them";
    assert!(granted.ends_with(&format!("\n{jail}.\n")), "{granted}");
    let report = json(&sb, "sftpjail grant felix /srv/b --yes --json");
    assert_eq!(report["notes"][1], jail, "{report}");
    // They do not have the new folder, whose end is not theirs.
    let other = sb.sh("sftpjail extend felix /srv/b --until 2w --dry-run").stdout;
    assert!(!other.contains("live session"), "{other}");
}
