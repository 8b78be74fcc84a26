//! The end of a grant: as people write it, shown before it is written, and changed by `extend`.

use super::{json, site};
use sandbox::Namespace;
use serde_json::json as json_of;

#[test]
fn an_end_is_shown_before_it_is_written_and_extend_changes_that_line_only() {
    let sb = site(Namespace::Private);
    let file = "/etc/sftpjail/grants.d/felix.toml";
    sb.sh("ln -sf /usr/share/zoneinfo/Europe/Berlin /etc/localtime; install -d -m 777 /srv/a");
    let dry = sb.sh("sftpjail grant felix /srv/a --until '2099-12-10 18:00' --dry-run").stdout;
    assert!(dry.ends_with("It ends on Thursday 2099-12-10 18:00 CET (UTC+01:00).\n"), "{dry}");
    sb.sh("not test -e /etc/sftpjail/grants.d/felix.toml");
    sb.write(
        file,
        format!("# of felix\n\n[[grant]] # the first\nfolder = '{}'\naccess = \"read-only\"\n", "/srv/site"),
    );
    sb.sh("sftpjail grant felix /srv/a --until 2099-12-10T18:00:00+01:00 --yes");
    let both = sb.read_text(file);
    let expected = "# of felix\n\n[[grant]] # the first\nfolder = '/srv/site'\naccess = \"read-only\"\n\n[[grant]]\n\
                    folder = \"/srv/a\"\naccess = \"read-write\"\nuntil = 2099-12-10T18:00:00+01:00\n";
    assert_eq!(both, expected);
    // Which of the two is not a matter of luck.
    let several = sb.try_sh("sftpjail extend felix --until 2w --yes");
    assert_eq!(several.code, Some(1), "{several}");
    assert!(several.stderr.contains("felix has several folders; name one of /srv/site, /srv/a"), "{several}");
    let out = sb.sh("sftpjail extend felix /srv/a/ --until 2100-07-01 --yes").stdout;
    assert!(
        out.ends_with("✓ /srv/a is granted to felix until Thursday 2100-07-01 23:59:59 CEST (UTC+02:00)\n"),
        "{out}"
    );
    assert_eq!(
        sb.read_text(file),
        expected.replace("2099-12-10T18:00:00+01:00", "2100-07-01T23:59:59+02:00")
    );
    sb.wait_for_log("]: extend: root has granted /srv/a to felix until 2100-07-01T23:59:59+02:00");
    for (until, why) in [
        ("yesterday", "yesterday is no time that is understood; write a time from now"),
        ("2020-01-01", "Wednesday 2020-01-01 23:59:59 CET (UTC+01:00) has passed; give a time to come"),
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
