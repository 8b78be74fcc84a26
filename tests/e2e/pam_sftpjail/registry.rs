//! `/run/sftpjail`: what the records say, who is counted, and what happens where there can be none.

use crate::common::libpam::{IGNORED, alone, code, install_alone};
use sandbox::Sandbox;

/// A machine with the member mle, whose configuration holds `lines`.
fn machine(lines: &str) -> Sandbox {
    let sb = Sandbox::new();
    sb.user("mle").password("secret").group("sftp").add();
    sb.sh("mkdir -p /etc/sftpjail");
    sb.write("/etc/sftpjail/config.toml", lines);
    sb
}

const TWO_AT_MOST: &str = "[[profile]]\nname = \"few\"\ngroups = [\"sftp\"]\nmax_sessions = 2\n";

/// The records of mle, without what differs from run to run.
fn records(sb: &Sandbox) -> String {
    sb.sh("cat /run/sftpjail/mle/* | sed -E 's/^(pid|since|uid) = [0-9]+$/\\1 = N/; s/(ssh-ed25519 )[A-Za-z0-9+\\/=]+/\\1KEY/'")
        .stdout
}

#[test]
fn a_record_says_who_is_in_since_when_from_where_and_how() {
    for namespace in ["private", "host"] {
        let sb = machine(&format!("namespace = \"{namespace}\"\n"));
        let mut live = sb.sftp_live("mle");
        live.send("ls");
        let monitor = sb.session_monitor("mle");
        let expected = format!(
            "version = 1\nuser = \"mle\"\nuid = N\npid = N\nsince = N\nrhost = \"127.0.0.1\"\nservice = \"sshd\"\n\
             profile = \"home\"\nnamespace = \"{namespace}\"\njail = \"/jail/mle\"\nhome = \"/home/mle\"\n\
             authentication = [\"publickey ssh-ed25519 KEY\"]\n"
        );
        assert_eq!(records(&sb), expected);
        let (pid, since) = (format!("pid = {monitor}"), sb.sh("stat -c %Y /run/sftpjail/mle/*").stdout);
        sb.sh(&format!("grep -qx '{pid}' /run/sftpjail/mle/{namespace}-*{monitor}"));
        sb.sh(&format!("grep -qE '^since = ({0}|'$(({0} - 1))')$' /run/sftpjail/mle/*", since.trim()));
        assert_eq!(sb.sh("stat -c '%u %a' /run/sftpjail /run/sftpjail/mle").stdout, "0 700\n0 700\n");
        // By another method; both are recorded.
        let with_password = sb.login("mle").password("secret").live();
        assert!(records(&sb).contains("authentication = [\"password\"]"));
        drop(with_password);
        live.quit();
        sb.sh("for i in $(seq 500); do [ -z \"$(find /run/sftpjail -mindepth 1)\" ] && exit 0; sleep 0.02; done; exit 1");
    }
}

#[test]
fn no_more_sessions_than_the_profile_allows_and_a_dead_one_counts_no_more() {
    for namespace in ["private", "host"] {
        let sb = machine(&format!("namespace = \"{namespace}\"\n{TWO_AT_MOST}"));
        let (first, second) = (sb.sftp_live("mle"), sb.sftp_live("mle"));
        let out = sb.sftp("mle", "ls\n").failed();
        assert!(out.stderr.contains("you have as many open connections as you are allowed"), "{out}");
        assert!(
            sb.wait_for_log("refused user mle")
                .contains("mle has 2 of the 2 sessions that the profile allows")
        );
        let found = sb.sh("sftpjail check mle").stdout;
        assert!(found.contains("! sessions       mle has 2 of the 2"), "{found}");
        // Without the account hook, too.
        install_alone(&sb, "");
        assert_eq!(code(&alone(&sb, "mle", &["open"]), "open"), "14");
        // By any end of a session, there is room again.
        for pid in [sb.session_monitor("mle"), sb.session_child("mle")] {
            sb.try_sh(&format!("kill -9 {pid}"));
        }
        drop(first);
        sb.sh("for i in $(seq 500); do sftpjail check mle | grep -q 'sessions .* 1 live' && exit 0; sleep 0.02; done; exit 1");
        sb.sftp("mle", "ls\n").ok();
        drop(second);
    }
}

#[test]
fn sixteen_at_once_never_are_more_than_allowed() {
    let sb = machine(TWO_AT_MOST);
    install_alone(&sb, "");
    // Each holds its session until all have been answered.
    let answers = sb.sh(
        "mkfifo /tmp/go; for i in $(seq 16); do (exec pam-driver --confdir /etc/alone mle open wait close < /tmp/go > /tmp/out.$i) & done; \
         exec 9> /tmp/go; for i in $(seq 500); do [ $(cat /tmp/out.* | grep -c open) = 16 ] && break; sleep 0.02; done; \
         exec 9>&-; wait; cat /tmp/out.* | grep open | sort | uniq -c | tr -s ' '",
    );
    assert_eq!(answers.stdout, " 2 open 0\n 14 open 14\n");
    assert_eq!(sb.sh("find /run/sftpjail -mindepth 1").stdout, "");
}

/// What makes /run/sftpjail unusable, and what the log says of it.
const UNUSABLE: [(&str, &str); 5] = [
    (
        "ln -s /tmp /run/sftpjail",
        "/run/sftpjail is not a directory; fix: move it away: mv /run/sftpjail /root",
    ),
    ("touch /run/sftpjail", "/run/sftpjail is not a directory; fix: move it away: mv /run/sftpjail /root"),
    ("mkdir -m 755 /run/sftpjail", "/run/sftpjail is open to others than root; fix: see what is in it, then"),
    (
        "install -d -o mle -m 700 /run/sftpjail",
        "/run/sftpjail is open to others than root; fix: see what is in it, then",
    ),
    (
        "mkdir -m 700 /run/sftpjail; mount -t tmpfs -o ro,mode=700 ro /run/sftpjail",
        ": Read-only file system; fix: mount that filesystem writable",
    ),
];

#[test]
fn without_a_registry_a_login_to_a_private_jail_goes_on_and_the_log_says_so() {
    for (break_it, told) in UNUSABLE {
        let sb = machine("# The built-in default.\n");
        sb.sh(break_it);
        assert!(sb.sftp("mle", "pwd\n").ok().stdout.contains("/home/mle"), "{break_it}");
        let line = sb.wait_for_log("no record of a session of user mle: ");
        assert!(line.contains(told), "{break_it}: {line}");
        sb.wait_for_log("session closed for user mle(");
        assert_eq!(sb.sh("ls /tmp | grep -v -e askpass -e '^out' || true").stdout, "", "{break_it}");
    }
}

#[test]
fn without_a_registry_nobody_is_let_in_where_a_record_counts() {
    let grant = "[[grant]]\nfolder = \"/srv\"\naccess = \"read-only\"\n";
    for (config, grants) in [
        ("namespace = \"host\"\n", "# None.\n"),
        (TWO_AT_MOST, "# None.\n"),
        ("# The built-in default.\n", grant),
    ] {
        for (break_it, told) in UNUSABLE {
            let sb = machine(config);
            sb.sh("install -d /etc/sftpjail/grants.d");
            sb.write("/etc/sftpjail/grants.d/mle.toml", grants);
            sb.sh(break_it);
            sb.sftp("mle", "pwd\n").failed();
            let line = sb.wait_for_log("refused user mle");
            assert!(line.contains(told), "{break_it}: {line}");
            install_alone(&sb, "");
            assert_eq!(code(&alone(&sb, "mle", &["open"]), "open"), "14", "{break_it}");
            assert_eq!(sb.sh("[ ! -e /jail ] || ls -A /jail").stdout, "", "{break_it}");
        }
    }
}

/// Where none counts, the account hook could only warn, and nobody reads that.
#[test]
fn the_account_hook_tries_to_write_a_record_only_where_one_counts() {
    for (config, tries) in
        [("# The built-in default.\n", false), ("namespace = \"host\"\n", true), (TWO_AT_MOST, true)]
    {
        let sb = machine(config);
        install_alone(&sb, "");
        sb.sh("strace -qqo /tmp/calls -e trace=openat pam-driver --confdir /etc/alone mle account");
        let calls = sb.read_text("/tmp/calls");
        assert!(calls.contains("pam_sftpjail.so"), "{calls}");
        assert_eq!(calls.contains("O_TMPFILE"), tries, "{config}: {calls}");
    }
}

#[test]
fn a_login_that_is_stopped_does_not_stop_the_others_for_ever() {
    let sb = machine("namespace = \"host\"\n");
    // As a stopped login would.
    sb.sh("mkdir -m 700 /run/sftpjail /run/sftpjail/mle; flock /run/sftpjail/mle sleep 60 >/dev/null 2>&1 & sleep 0.2");
    install_alone(&sb, "");
    let begun = std::time::Instant::now();
    assert_eq!(code(&alone(&sb, "mle", &["open"]), "open"), "14");
    assert!(begun.elapsed().as_secs() < 30);
    assert!(sb.wait_for_log("refused user mle").contains(
        "/run/sftpjail/mle has been locked by another login of the user for more than ten seconds; fix: find the process that holds it with fuser(1): /run/sftpjail/mle"
    ));
    // Others do not wait for it.
    sb.user("kim").group("sftp").add();
    sb.sftp("kim", "ls\n").ok();
}

/// Only the first login after a boot takes this lock. One that was stopped with it lets the others in as soon as it goes on.
#[test]
fn a_first_login_that_is_stopped_keeps_nobody_waiting_for_ever() {
    let sb = machine("namespace = \"host\"\n");
    sb.sh("mkdir -p -m 700 /jail; flock /jail sleep 25 >/dev/null 2>&1 & sleep 0.2");
    install_alone(&sb, "");
    let begun = std::time::Instant::now();
    assert_eq!(code(&alone(&sb, "mle", &["open"]), "open"), "14");
    assert!((10..20).contains(&begun.elapsed().as_secs()), "{:?}", begun.elapsed());
    let line = sb.wait_for_log("refused user mle");
    assert!(line.contains("flock(/jail, LOCK_EX)"), "{line}");
    sb.sh("flock /jail true");
    sb.sftp("mle", "ls\n").ok();
}

/// A filesystem of joe's whose daemon does not run, on a directory: the kernel lets nobody else in, not even root.
fn close_to_root(sb: &Sandbox, directory: &str) {
    sb.sh(&format!(
        "[ -e /dev/fuse ] || mknod /dev/fuse c 10 229
         exec 3<>/dev/fuse
         mount -i -t fuse -o fd=3,rootmode=40000,user_id=$(id -u joe),group_id=$(id -g joe) none {directory}
         setsid sleep 1000 >/dev/null 2>&1 </dev/null &"
    ));
}

/// With a broken configuration, for mle, joe and root: the answers of the account hook.
fn answers_without_configuration(sb: &Sandbox) -> [String; 3] {
    sb.sh("echo broken >> /etc/sftpjail/config.toml");
    ["mle", "joe", "root"].map(|user| code(&alone(sb, user, &["account"]), "account"))
}

#[test]
fn records_that_cannot_be_read_refuse_their_user_and_nobody_else() {
    let sb = machine("namespace = \"host\"\n");
    sb.user("joe").add();
    sb.sh("mkdir -m 700 /run/sftpjail /run/sftpjail/mle");
    close_to_root(&sb, "/run/sftpjail/mle");
    sb.sh("! ls /run/sftpjail/mle 2>/dev/null");
    assert_eq!(answers_without_configuration(&sb), ["4", IGNORED, IGNORED]);
    let line = sb.wait_for_log("refused user mle");
    assert!(line.contains("looking for live sessions failed: Permission denied; fix: "), "{line}");
    // It is no answer about a jail of before, either.
    sb.write("/etc/sftpjail/config.toml", "[[profile]]\nname = \"other\"\ngroups = [\"joe\"]\n");
    assert_eq!(code(&alone(&sb, "mle", &["account"]), "account"), IGNORED);
    let line = sb.wait_for_log("whether user mle has a jail from before is unknown");
    assert!(line.contains("Permission denied; fix: "), "{line}");
}

#[test]
fn without_configuration_a_registry_that_cannot_be_searched_refuses_all_but_root() {
    let sb = machine("namespace = \"host\"\n");
    sb.user("joe").add();
    sb.sh("mkdir -m 700 /run/sftpjail");
    close_to_root(&sb, "/run/sftpjail");
    assert_eq!(answers_without_configuration(&sb), ["4", "4", IGNORED]);
}

/// Such as a screen locker.
#[test]
fn without_configuration_a_service_that_is_not_root_refuses_nobody() {
    let sb = machine("namespace = \"host\"\n");
    sb.user("joe").add();
    let _live = sb.sftp_live("mle");
    assert_eq!(answers_without_configuration(&sb), ["6", IGNORED, IGNORED]);
    for user in ["joe", "mle"] {
        let out = sb.sh(&format!(
            "setpriv --reuid {user} --clear-groups pam-driver --confdir /etc/alone {user} account"
        ));
        assert_eq!(code(&out, "account"), IGNORED, "{user}");
    }
}

#[test]
fn without_configuration_a_registry_that_is_none_refuses_nobody() {
    for registry in ["test ! -e /run/sftpjail", "touch /run/sftpjail", "ln -s sftpjail /run/sftpjail"] {
        let sb = machine("namespace = \"host\"\n");
        sb.user("joe").add();
        sb.sh(registry);
        assert_eq!(answers_without_configuration(&sb), [IGNORED; 3], "{registry}");
    }
}
