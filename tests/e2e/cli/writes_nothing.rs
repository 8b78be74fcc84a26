//! What only looks changes nothing: no file, no directory and no time of one, in no filesystem that others see.

use super::setup::assert_same;
use sandbox::{Namespace, Sandbox};

in_both_namespaces!(
    check_writes_nothing_before_the_first_login,
    check_writes_nothing_beside_sessions_live_and_dead
);

/// All that looks, with options that leave nothing out.
const LOOKS: [&str; 30] = [
    "check mle",
    "check --json mle",
    "check joe",
    "check --all",
    "check nobody-there",
    "config check",
    "list",
    "list --json",
    "kick nobody-there",
    "expire",
    "expire --json",
    "grants",
    "grants --json",
    "grant mle /srv --dry-run",
    "grant mle /srv --until 2w --note x --dry-run --json",
    "grant new /srv --create --dry-run",
    "extend mle --until 2w --dry-run",
    "revoke mle --dry-run",
    "revoke mle --all --dry-run --json",
    "keys mle",
    "audit",
    "audit --summary",
    "review",
    "review --csv",
    "review mle --json",
    "setup --dry-run",
    "setup --dry-run --json",
    "setup --managed-keys --dry-run",
    "setup --undo --dry-run",
    "setup --undo --dry-run --json",
];

/// A volume that the first login makes.
const CREATED: &str = "[[profile]]\nname = \"home\"\ngroups = [\"sftp\"]\nguard = [\".ssh\", \".forward\"]\n\
                       [[profile.volume]]\nsource = \"/srv/made/%u\"\ntarget = \"/made\"\n\
                       create = { owner = \"%u\", group = \"%g\", mode = \"2750\" }\n";

/// Everything but the kernel's own filesystems and the programs.
fn all(sb: &Sandbox) -> String {
    let find = "find / '(' -path /proc -o -path /sys -o -path /dev -o -path /usr ')' -prune \
                -o -printf '%p %y %m %U %G %s %T@ %C@\\n' | sort";
    sb.sh(find).stdout
}

/// Waits until rsyslogd has written what others have sent it so far. It reads each socket in order.
#[track_caller]
fn wait_for_syslog(sb: &Sandbox) {
    for socket in ["/dev/log", "/run/sftpjail-dev/log"] {
        let send = "test -S $1 || exit 0; date +settled-%s%N >/tmp/settled
            logger -u $1 -p auth.info -f /tmp/settled; cat /tmp/settled";
        let sent = sb.script(send, &[socket], b"").ok().stdout;
        sb.wait_for_log(sent.trim());
    }
}

/// Runs each, and compares everything. None may end with another status than those of an answer.
#[track_caller]
fn changes_nothing(sb: &Sandbox) {
    wait_for_syslog(sb);
    for looks in LOOKS {
        let before = (all(sb), sb.mounts());
        let out = sb.try_sh(&format!("sftpjail {looks}"));
        assert!(out.code.is_some_and(|code| code <= 3), "{looks}: {out}");
        let after = (all(sb), sb.mounts());
        assert_same(&before.0, &after.0, &[]);
        assert_eq!(before.1, after.1, "{looks}");
    }
}

fn check_writes_nothing_before_the_first_login(namespace: Namespace) {
    let sb = Sandbox::in_namespace(namespace);
    sb.configure(CREATED);
    sb.user("mle").group("sftp").add();
    sb.user("joe").add();
    sb.sh("mkdir /srv/made");
    changes_nothing(&sb);
    let check = sb.sh("sftpjail check mle").stdout;
    for said in [
        "✓ jail root      /jail is missing: the first login makes it\n",
        "✓ volume         /made from /srv/made/mle, writable; missing: the first login makes it (mle:mle, mode 2750)\n",
        "    2750  1000  1000  /made  ← a volume, writable\n",
    ] {
        assert!(check.contains(said), "{said}: {check}");
    }
    sb.sftp("mle", "put /etc/hostname /made/x\n").ok();
    assert_eq!(sb.sh("stat -c '%a %U %G' /srv/made/mle").stdout, "2750 mle mle\n");
}

fn check_writes_nothing_beside_sessions_live_and_dead(namespace: Namespace) {
    let sb = Sandbox::in_namespace(namespace);
    sb.configure(CREATED);
    sb.user("mle").group("sftp").add();
    sb.user("joe").add();
    // A login that was killed while it made the source has left it like this.
    sb.sh("mkdir -p /srv/made; mkdir -m 0 /srv/made/mle");
    // What extend and revoke have something to say of.
    sb.sh("mkdir -p /srv/given /etc/sftpjail/keys.d; sftpjail grant mle /srv/given --until 1w --yes
           cp /root/.ssh/id_ed25519.pub /etc/sftpjail/keys.d/mle");
    changes_nothing(&sb);
    let live = sb.sftp_live("mle");
    // As a killed session leaves it, and a configuration with which no new session can share the jail.
    sb.sh("touch /run/sftpjail/mle/private-1 /run/sftpjail/mle/host-1-1");
    sb.configure(&CREATED.replace("/made\"\ncreate", "/other\"\ncreate"));
    changes_nothing(&sb);
    assert_eq!(live.quit(), Some(0));
}

#[test]
fn a_check_before_setup_is_nothing_that_undo_leaves() {
    let sb = Sandbox::stock();
    sb.user("mle").group("sftp").add();
    changes_nothing(&sb);
    sb.sh("sftpjail setup --yes");
    sb.sshd();
    changes_nothing(&sb);
    super::setup::undo(&sb);
    sb.sh("not test -e /jail; not test -e /var/lib/sftpjail");
    changes_nothing(&sb);
}
