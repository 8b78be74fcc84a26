//! The sandbox itself: what the other tests stand on.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::thread;

use sandbox::{Machine, Sandbox, artifact};

#[test]
fn changes_nothing_on_the_machine() {
    let before = Machine::snapshot();
    let sb = Sandbox::new();
    sb.user("plain").group("sftp-only").add();
    sb.sh("mkdir -p /jail/x /run/sftpjail; mount -t tmpfs x /jail/x; echo gone >/etc/motd");
    sb.sftp("plain", "mkdir made\n").ok();
    assert_eq!(before, Machine::snapshot(), "while the sandbox lives");
    drop(sb);
    assert_eq!(before, Machine::snapshot(), "after the sandbox");
}

#[test]
fn ten_at_once() {
    thread::scope(|scope| {
        for n in 0..10 {
            scope.spawn(move || {
                let sb = Sandbox::new();
                let name = format!("user{n}");
                sb.user(&name).add();
                let out = sb.sftp(&name, "pwd\n").ok();
                assert!(out.stdout.contains(&format!("/home/{name}\n")), "{out}");
                let others = sb.read_text("/etc/passwd").matches("\nuser").count();
                assert_eq!(others, 1, "users of other sandboxes are seen here");
            });
        }
    });
}

#[test]
fn a_plain_user_logs_in_by_every_method() {
    let sb = Sandbox::new();
    sb.user("plain").password("an old horse").add();
    sb.sshd_with("KbdInteractiveAuthentication yes");
    let key = sb.login("plain");
    let password = sb.login("plain").password("an old horse");
    let interactive = sb.login("plain").password("an old horse").method("keyboard-interactive");
    for (login, method) in
        [(key, "publickey"), (password, "password"), (interactive, "keyboard-interactive/pam")]
    {
        let out = login.sftp("pwd\nls -la\n").ok();
        assert!(out.stdout.contains("Remote working directory: /home/plain\n"), "{out}");
        assert!(out.stdout.contains(" .ssh\n"), "{out}");
        sb.wait_for_log(&format!("Accepted {method} for plain from 127.0.0.1"));
    }
    sb.login("plain").password("a wrong one").sftp("pwd\n").failed();
    sb.wait_for_log("Failed password for plain");
    assert_eq!(sb.ssh("plain", &["id", "-un"]).ok().stdout, "plain\n");
    sb.scp("plain", &["/etc/hosts", "127.0.0.1:copied"]).ok();
    assert_eq!(sb.read("/home/plain/copied"), sb.read("/etc/hosts"));
}

#[test]
fn live_session() {
    let sb = Sandbox::new();
    sb.user("plain").add();
    let mut live = sb.sftp_live("plain");
    assert_eq!(live.send("pwd"), ["Remote working directory: /home/plain"]);
    assert_eq!(live.send("mkdir one"), [""; 0]);
    let said = live.send("cd nowhere").concat();
    assert!(said.contains("No such file"), "{said}");
    assert_eq!(live.send("ls").concat().trim(), "one");

    let monitor = sb.session_monitor("plain");
    assert_ne!(monitor, sb.session_child("plain"));
    assert_eq!(sb.mounts(), sb.mounts_of(monitor));
    let child = sb.session_child("plain");
    sb.kill(monitor, "KILL");
    sb.wait_gone(monitor);
    // sshd's monitor carries no data: the session outlives it.
    live.send("mkdir two");
    sb.sh("test -d /home/plain/two");
    sb.kill(child, "KILL");
    assert!(live.try_send("ls").is_err());

    let live = sb.sftp_live("plain");
    let monitor = sb.session_monitor("plain");
    sb.restart_sshd();
    assert_eq!(sb.session_monitor("plain"), monitor, "sessions survive a restart of sshd");
    assert_eq!(live.quit(), Some(0));
    sb.wait_gone(monitor);

    let lost = sb.sftp_live("plain");
    let child = sb.session_child("plain");
    drop(lost);
    sb.wait_gone(child);
    assert_eq!(sb.pids("sftp -o"), [0; 0]);
}

#[test]
fn the_log_is_the_systems() {
    let sb = Sandbox::stock();
    sb.sh("logger -p authpriv.info -t one in auth; logger -p daemon.info -t two in syslog");
    assert!(sb.wait_for_log("in auth").contains("sandbox one: in auth"));
    assert!(sb.wait_for_log("in syslog").contains("sandbox two: in syslog"));
    sb.stop_syslog();
    sb.sh("test ! -e /dev/log");
    sb.user("plain").add();
    sb.sftp("plain", "pwd\n").ok();
    sb.start_syslog();
    sb.sh("logger again");
    sb.wait_for_log("again");
}

#[test]
fn jailed_or_stock() {
    let check = "sshd -T -C user=mle,host=h,addr=127.0.0.1 | grep -E '^(chroot|forcecommand)' | sort";
    let sb = Sandbox::new();
    sb.user("mle").group("sftp").add();
    let out = sb.sh(&format!("{check}; grep sftpjail /etc/pam.d/sshd; test ! -e /jail")).stdout;
    assert!(out.contains("chrootdirectory /jail/%u\nforcecommand internal-sftp -l INFO"), "{out}");
    assert_eq!(out.matches("default=bad] pam_sftpjail.so").count(), 3, "{out}");
    sb.sftp("mle", "pwd\n");
    sb.wait_for_log("Accepted publickey for mle");
    assert!(!sb.log().contains("unable to dlopen(pam_sftpjail.so)"), "{}", sb.log());

    let sb = Sandbox::stock();
    sb.user("mle").group("sftp").add();
    let out = sb.sh(&format!("{check}; not grep sftpjail /etc/pam.d/sshd; test ! -e /jail")).stdout;
    assert!(out.contains("chrootdirectory none\nforcecommand none"), "{out}");
}

#[test]
fn any_spelling_of_a_name() {
    let sb = Sandbox::new();
    sb.user("mle").add();
    sb.sh("! getent passwd MLE");
    sb.ignore_case_of_names();
    assert_eq!(sb.sh("getent passwd MLE").stdout, sb.sh("getent passwd mle").stdout);
    sb.sh("not getent passwd NOBODYELSE; not getent passwd nobodyelse");
    sb.sftp("MLE", "pwd\n").ok();
    assert_eq!(sb.ssh("Mle", &["id", "-un"]).ok().stdout, "mle\n");
}

#[test]
fn odd_names_and_homes() {
    let sb = Sandbox::new();
    let home = OsStr::from_bytes(b"/home/deep/\xff $(x) 'b'");
    sb.user("corp\\anna").home(home).password("pw").group("folk").raw().add();
    sb.user("bo@corp").home("/data/bo@corp").group("folk").raw().add();
    sb.user("Großer.Name").add();
    for name in ["corp\\anna", "bo@corp", "Großer.Name"] {
        let out = sb.ssh(name, &["id", "-un"]).ok();
        assert_eq!(out.stdout, format!("{name}\n"));
    }
    sb.login("corp\\anna").password("pw").sftp("mkdir made\n").ok();
    sb.script("test -d \"$1/made\"", &[home], b"").ok();
    assert!(sb.sh("id -nG bo@corp").stdout.contains("folk"));
    assert_eq!(sb.sh("stat -c %a:%U /home/deep /data").stdout, "755:root\n755:root\n");
}

#[test]
fn sshd_says_why_it_does_not_start() {
    let sb = Sandbox::new();
    let failed = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| sb.sshd_with("Nonsense yes")));
    let said = *failed.unwrap_err().downcast::<String>().unwrap();
    assert!(
        said.contains("sshd ended at once: ") && said.contains("Bad configuration option: Nonsense"),
        "{said}"
    );
}

/// A sandbox in a sandbox that lacks something.
#[test]
fn says_what_is_missing() {
    let sb = Sandbox::new();
    sb.install(&artifact("sandbox-shell"), "/tmp/sandbox-shell", 0o755);
    let run = "/tmp/sandbox-shell 2>&1";
    let says = |script: &str, sentence: &str| {
        let out = sb.try_sh(script).failed();
        assert!(out.stdout.contains(sentence), "{out}");
    };
    says(run, "sandbox-init is missing: run `make build` first");
    says(
        &format!("mv /usr/sbin/sshd /usr/sbin/gone; {run}"),
        "the sandbox needs /usr/sbin/sshd, of the package openssh-server: run `make deps` first",
    );
    says(
        &format!("setpriv --reuid nobody --clear-groups {run}"),
        "the sandbox needs root for its namespaces and mounts: run the tests with sudo",
    );
}

#[test]
fn its_init_does_nothing_by_hand() {
    let sb = Sandbox::new();
    sb.install(&artifact("sandbox-init"), "/tmp/sandbox-init", 0o755);
    let before = sb.mounts();
    // Were it to go on, it would do so in this shell's own mount namespace.
    let out = sb.try_sh("unshare --mount --propagation private /tmp/sandbox-init </dev/null").failed();
    assert!(out.stderr.contains("is PID 1 of a sandbox and nothing else"), "{out}");
    assert_eq!(sb.mounts(), before);
}

#[test]
#[should_panic(expected = "should have succeeded:\nfalse\nexit status: Some(1)")]
fn a_failed_script_is_shown() {
    Sandbox::new().sh("false");
}
