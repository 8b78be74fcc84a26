//! What a jail holds besides the home, and what becomes of a listing and of the log without it.

use sandbox::{Namespace, Sandbox};

use crate::common::config::switch_off;
use crate::common::jailed::{has_only_its_home, left_nothing, listing, names};

in_both_namespaces!(
    by_default_listings_show_the_users_own_names_and_the_hosts_time,
    what_is_switched_off_is_not_in_the_jail,
    a_host_without_a_log_or_a_time_zone_lets_members_in,
);

/// A time zone that no machine has, so that nothing but the sandbox's own can show it: 5 h 45 min
/// east of Greenwich. RFC 8536, version 1: no transitions, one type, the letters of its name.
const ZONE: &[u8] = b"TZif\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\
    \0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\0\0\0\x04\
    \0\0\x50\xdc\0\0FAR\0";

/// The user mle with a home that holds files of several owners, all from 12:00 UTC of yesterday, on
/// a host in that zone.
pub(super) fn set_up(sb: &Sandbox) {
    // A client that lists by itself, as sftp does since OpenSSH 9.1, uses its own time zone. Without
    // that extension it prints the server's lines, as every older and many another client does.
    sb.sh("sed -i 's/internal-sftp -l INFO/& -P users-groups-by-id/' /etc/ssh/sshd_config");
    sb.write("/usr/share/zoneinfo/Far", ZONE);
    // A symlink, as Debian has it: its target is not in the jail.
    sb.sh("ln -sf /usr/share/zoneinfo/Far /etc/localtime");
    sb.user("joe").add();
    sb.user("mle").group("sftp").group("team").add();
    sb.sh(
        "cd /home/mle; touch own team joes roots; chown mle:mle own; chown mle:team team; chown joe:joe joes",
    );
    sb.sh("cd /home/mle; TZ=UTC touch -d 'yesterday 12:00' own team joes roots");
}

fn by_default_listings_show_the_users_own_names_and_the_hosts_time(namespace: Namespace) {
    let sb = Sandbox::in_namespace(namespace);
    set_up(&sb);
    let joe = sb.sh("id -u joe; id -g joe").stdout;
    let joe = joe.trim().replace('\n', " ");
    let before = sb.mounts();
    let mut live = sb.sftp_live("mle");
    // The names of others are nobody's business.
    let joes = format!("joes {joe} 17:45");
    let expected = [joes.as_str(), "own mle mle 17:45", "roots root root 17:45", "team mle team 17:45"];
    assert_eq!(listing(&mut live), expected);
    assert_eq!(names(&mut live, "/etc"), ["group", "localtime", "passwd"]);
    for file in ["passwd", "group"] {
        live.send(&format!("get /etc/{file} /tmp/{file}"));
        let said = sb.read_text(format!("/tmp/{file}"));
        assert!(!said.contains("joe") && !said.contains("sshd"), "{said}");
    }
    has_only_its_home(&sb, &mut live, "/home/mle");
    assert_eq!(live.quit(), Some(0));
    sb.wait_for_log("]: close \"/home/mle/letter\" bytes read 0 written");
    left_nothing(&sb, &before);
}

fn what_is_switched_off_is_not_in_the_jail(namespace: Namespace) {
    let sb = Sandbox::in_namespace(namespace);
    set_up(&sb);
    let ids = sb.sh("id -u mle; id -g mle; getent group team | cut -d: -f3").stdout;
    let [mle, mles, team] = ids.lines().collect::<Vec<_>>()[..] else { panic!("{ids}") };
    let named = ["own mle mle ", "team mle team "].map(str::to_owned);
    let numbered = [format!("own {mle} {mles} "), format!("team {mle} {team} ")];
    let before = sb.mounts();
    let opened = || sb.log_lines("]: open \"/home/mle/letter\"").len();
    for (number, (off, root, etc, listed, time)) in [
        (&["log"][..], &["etc", "home"][..], &["group", "localtime", "passwd"][..], &named, "17:45"),
        (&["names"], &["dev", "etc", "home"], &["localtime"], &numbered, "17:45"),
        (&["localtime"], &["dev", "etc", "home"], &["group", "passwd"], &named, "12:00"),
        (&["names", "localtime"], &["dev", "home"], &[], &numbered, "12:00"),
        (&["log", "names", "localtime"], &["home"], &[], &numbered, "12:00"),
        (&[], &["dev", "etc", "home"], &["group", "localtime", "passwd"], &named, "17:45"),
    ]
    .into_iter()
    .enumerate()
    {
        switch_off(&sb, off);
        let logged = opened();
        let mut live = sb.sftp_live("mle");
        assert_eq!(names(&mut live, "/"), root, "without {off:?}");
        if root.contains(&"etc") {
            assert_eq!(names(&mut live, "/etc"), etc, "without {off:?}");
        }
        let seen = listing(&mut live);
        for line in listed {
            assert!(seen.contains(&format!("{line}{time}")), "without {off:?}: {seen:#?}");
        }
        has_only_its_home(&sb, &mut live, "/home/mle");
        assert_eq!(live.quit(), Some(0));
        left_nothing(&sb, &before);
        // What came to the socket before this line is in the log before it.
        sb.sh(&format!("logger -p auth.info end of {number}"));
        sb.wait_for_log(&format!("end of {number}"));
        assert_eq!(opened() > logged, root.contains(&"dev"), "without {off:?}");
    }
}

fn a_host_without_a_log_or_a_time_zone_lets_members_in(namespace: Namespace) {
    let sb = Sandbox::in_namespace(namespace);
    set_up(&sb);
    let before = sb.mounts();
    sb.stop_syslog();
    let mut live = sb.sftp_live("mle");
    assert_eq!(names(&mut live, "/"), ["etc", "home"]);
    has_only_its_home(&sb, &mut live, "/home/mle");
    assert_eq!(live.quit(), Some(0));
    left_nothing(&sb, &before);

    sb.sh("rm /usr/share/zoneinfo/Far");
    for (remove, why) in [(":", "a dangling symlink"), ("rm /etc/localtime", "none")] {
        sb.sh(remove);
        let mut live = sb.sftp_live("mle");
        assert_eq!(names(&mut live, "/etc"), ["group", "passwd"], "{why}");
        assert!(listing(&mut live).contains(&"own mle mle 12:00".to_owned()), "{why}");
        has_only_its_home(&sb, &mut live, "/home/mle");
        assert_eq!(live.quit(), Some(0));
        left_nothing(&sb, &before);
    }
}
