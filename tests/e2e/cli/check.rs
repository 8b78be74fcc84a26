//! `sftpjail check`: it reports what a login does, and changes nothing.

mod account;
mod all;
mod authentication;
mod expiry;
mod faults;
mod fixes;
mod harmless;
mod host_programs;
mod interrupted;
mod leftovers;
mod live;
mod owners;
mod pam;
mod places;
mod profile;
mod room;
pub(crate) mod sshd;
pub(crate) mod syslog;
mod together;
mod trusted;
mod unanswered;
mod user_manager;
mod volume_parents;
mod writing;

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use sandbox::{Namespace, Output, Sandbox};
use serde_json::Value;

in_both_namespaces!(nothing_is_left_of_a_rehearsal);

/// A machine with the member mle, who passes every check, and with joe, who is in no profile.
fn machine() -> Sandbox {
    machine_in(Namespace::Private)
}

fn machine_in(namespace: Namespace) -> Sandbox {
    let sb = Sandbox::in_namespace(namespace);
    sb.user("mle").group("sftp").shell("/usr/sbin/nologin").add();
    sb.user("joe").add();
    sb.sh(NO_MAIL);
    sb
}

/// Hides mail servers, which not every machine has.
pub(crate) const NO_MAIL: &str = "mkdir -p /opt/mail; for program in /usr/bin/procmail /usr/sbin/sendmail /usr/lib/sendmail; do \
                                  [ ! -e $program ] || mv $program /opt/mail; done";

/// `sftpjail check USER`, whose exit status must be `code`, without messages on stderr.
#[track_caller]
fn check(sb: &Sandbox, user: impl AsRef<OsStr>, code: i32) -> Output {
    checked(sb.script("sftpjail check -- \"$1\"", &[user], b""), code)
}

#[track_caller]
fn checked(out: Output, code: i32) -> Output {
    assert_eq!(out.code, Some(code), "{out}");
    assert_eq!(out.stderr, "", "{out}");
    assert!(!out.stdout.contains("panicked") && !out.stdout.contains('\x1b'), "{out}");
    out
}

/// The document of `--json`; its status must be that of the exit status.
#[track_caller]
fn json(sb: &Sandbox, user: &str, status: &str) -> Value {
    let out = sb.script("sftpjail check --json -- \"$1\"", &[user], b"");
    let code = ["ok", "problems", "unchecked", "in-no-profile"].iter().position(|v| *v == status).unwrap();
    let out = checked(out, i32::try_from(code).unwrap());
    let document: Value = serde_json::from_str(&out.stdout).unwrap_or_else(|e| panic!("{e}: {out}"));
    assert_eq!(document["version"], 3, "{out}");
    assert_eq!(document["user"], user, "{out}");
    assert_eq!(document["status"], status, "{out}");
    document
}

fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value[key].as_str().unwrap_or("")
}

/// check, outcome, evidence and fix of every finding.
fn findings(document: &Value) -> Vec<[&str; 4]> {
    let findings = document["findings"].as_array().expect("a list of findings");
    let fields = |f| ["check", "outcome", "evidence", "fix"].map(|key| text(f, key));
    findings.iter().map(fields).collect()
}

#[test]
fn a_member_passes_every_check_and_sees_one_writable_directory() {
    let sb = machine();
    sb.sh("mkdir -m 700 /jail");
    sb.install_log_drop_in();
    let out = check(&sb, "mle", 0).stdout;
    let mut lines = out.lines();
    let uid = sb.sh("id -u mle").stdout.trim().to_owned();
    let modules = "/usr/lib/*/security/pam_sftpjail.so /usr/lib64/security/pam_sftpjail.so";
    let module = sb.sh(&format!("ls {modules} 2>/dev/null || true")).stdout.trim().to_owned();
    let at = |end: &str| sb.sh(&format!("sed -n '/{end}$/=' /etc/pam.d/sshd")).stdout.trim().to_owned();
    let account =
        format!("✓ pam account    pam_sftpjail.so at /etc/pam.d/sshd:{}", at("^account .*sftpjail.so"));
    let [close, open] = ["close", "open"].map(|part| at(&format!("sftpjail.so {part}")));
    let session = format!(
        "✓ pam session    pam_sftpjail.so: close at /etc/pam.d/sshd:{close}, open at /etc/pam.d/sshd:{open}"
    );
    for expected in [
        "✓ configuration  /etc/sftpjail/config.toml is missing; the built-in default is used",
        &format!("✓ account        mle (uid {uid})"),
        "✓ profile        home, as a member of sftp",
        "✓ home           /home/mle",
        "✓ home path      no symlink on the way",
        "✓ home owner     mle",
        "✓ jail root      /jail: owned by root and writable by nobody else",
        "✓ kernel         it has every system call that jails need",
        "✓ log            /run/sftpjail-dev/log, which survives a restart of rsyslog",
        "✓ sessions       none is live",
        "✓ sshd           /usr/sbin/sshd answers; 1 configuration file, 1 kind of connection to ask about",
        "! sshd running   no sshd runs that has read /etc/ssh/sshd_config, so nobody can log in unless inetd starts one at \
         each connection; what one may do here was not tried",
        "                 → if users are to log in now, start sshd",
        &account,
        &session,
        &format!("✓ pam module     {module}, version {}, can be loaded", env!("CARGO_PKG_VERSION")),
        "✓ user manager   none for members: /etc/systemd/system/user@.service.d/50-sftpjail.conf asks \
         /usr/local/sbin/sftpjail",
        "✓ fstab          nothing below /jail",
        "✓ autofs         nothing at /jail",
        "✓ sshd chroot    ChrootDirectory /jail/%u",
        "✓ sshd command   ForceCommand internal-sftp -l INFO",
        "✓ sshd pam       UsePAM yes",
        "✓ sshd forwards  AllowTcpForwarding no, AllowStreamLocalForwarding no, AllowAgentForwarding no, \
         X11Forwarding no, PermitTunnel no, GatewayPorts no",
        "✓ sshd terminal  PermitTTY no",
        "✓ sshd user rc   PermitUserRC no",
        "✓ sshd log       internal-sftp logs at INFO",
        "✓ names          no other name leads to this account",
        "✓ shadow         not expired; no password, so only a key can log in",
        "✓ shell          /usr/sbin/nologin, which runs nothing for the user",
        "✓ host programs  no crontab, no at jobs, and no mail server that runs what sessions can write",
        "✓ linger         off; no user manager of mle runs",
        "✓ home access    the user may enter every directory above the home",
        "✓ home parents   only root and the user can replace the directories above the home",
        "✓ keys           sshd takes the keys in /home/mle/.ssh/authorized_keys",
    ] {
        assert_eq!(lines.next(), Some(expected), "{out}");
    }
    let rehearsal = lines.next().unwrap();
    assert!(rehearsal.starts_with("✓ rehearsal      built in "), "{out}");
    assert!(rehearsal.ends_with(" µs; mle enters it at /home/mle"), "{out}");
    let gid = sb.sh("id -g mle").stdout.trim().to_owned();
    let home = format!("    0750 {uid:>5} {gid:>5}  /home/mle  ← the home, writable");
    let tree = [
        "  What the user will see:",
        "    0755     0     0  /",
        "    0755     0     0  /dev",
        "    0666     0     0  /dev/log  ← the host's, for internal-sftp's log",
        "    0755     0     0  /etc",
        "    0644     0     0  /etc/group",
        "    0644     0     0  /etc/localtime",
        "    0644     0     0  /etc/passwd",
        "    0755     0     0  /home",
        &home,
        "mle is jailed and can log in.",
    ];
    assert_eq!(lines.collect::<Vec<_>>(), tree);
    // The login does what check says.
    sb.sftp("mle", "pwd\n").ok();
}

#[test]
fn json_says_all_that_text_says() {
    let sb = machine();
    sb.install_log_drop_in();
    sb.sshd();
    let document = json(&sb, "mle", "ok");
    let checks: Vec<_> = findings(&document).iter().map(|[check, outcome, ..]| [*check, *outcome]).collect();
    let all = "configuration,account,profile,home,home path,home owner,jail root,kernel,log,sessions,sshd,sshd running,pam account,\
        pam session,pam module,user manager,fstab,autofs,sshd chroot,sshd command,sshd pam,sshd forwards,sshd terminal,sshd user rc,sshd log,\
        names,shadow,shell,host programs,linger,home access,home parents,keys,rehearsal";
    assert_eq!(checks, all.split(',').map(|check| [check, "passed"]).collect::<Vec<_>>());
    for check in all.split(',') {
        assert!(
            include_str!("../../../manuals/sftpjail-check.md").contains(&format!("`{check}`")),
            "{check}"
        );
    }
    assert!(findings(&document).iter().all(|[.., evidence, fix]| !evidence.is_empty() && fix.is_empty()));
    let rehearsal = &document["rehearsal"];
    assert!(rehearsal["microseconds"].is_u64(), "{document}");
    assert_eq!(rehearsal["home"], "/home/mle");
    let tree = rehearsal["tree"].as_array().expect("a tree");
    let writable: Vec<_> = tree.iter().filter(|entry| entry["writable"] == true).collect();
    assert_eq!(writable.len(), 2, "the home and the socket: {writable:#?}");
    let [log, home] = [writable[0], writable[1]];
    assert_eq!((&log["path"], &log["kind"]), (&"/dev/log".into(), &"syslog".into()));
    assert_eq!(
        (&home["path"], &home["kind"], &home["mode"]),
        (&"/home/mle".into(), &"home".into(), &"0750".into())
    );

    let document = json(&sb, "joe", "in-no-profile");
    assert_eq!(
        findings(&document)[2],
        ["profile", "passed", "in no profile", "to jail joe: usermod -aG sftp joe"]
    );
    assert!(document["rehearsal"].is_null(), "{document}");

    sb.sh("chown joe /home/mle");
    let document = json(&sb, "mle", "problems");
    let [owner] = findings(&document).into_iter().filter(|f| f[1] == "failed").collect::<Vec<_>>()[..] else {
        panic!("not one failure: {document:#}");
    };
    assert_eq!(
        (owner[0], owner[3]),
        ("home owner", "if it is not meant to be joe's, then: chown -h mle /home/mle")
    );
    assert!(document["rehearsal"].is_null(), "{document}");

    let document = json(&sb, "nobody-of-that-name", "unchecked");
    assert_eq!(findings(&document)[1][1], "unknown");
}

#[test]
fn users_in_no_profile_have_an_exit_status_of_their_own() {
    let sb = machine();
    for (user, why) in [("joe", "in no profile"), ("root", "uid 0 is never jailed")] {
        let out = check(&sb, user, 3);
        assert!(out.stdout.contains(&format!("✓ profile        {why}\n")), "{out}");
        assert!(
            out.stdout.ends_with(&format!("{user} is in no profile, so {user} is not jailed.\n")),
            "{out}"
        );
    }
    sb.sh("test ! -e /jail");
}

#[test]
fn how_a_user_gets_into_a_profile_is_said_and_is_no_fault() {
    let sb = machine();
    sb.sh("groupadd portal");
    let advice = |groups: &[&str]| {
        let profile =
            |(at, groups): (usize, &&str)| format!("[[profile]]\nname = \"p{at}\"\ngroups = [{groups}]\n");
        sb.configure(&groups.iter().enumerate().map(profile).collect::<String>());
        let probe = sb.try_sh("sftpjail probe joe");
        assert_eq!(probe.code, Some(3), "{probe}");
        let check = check(&sb, "joe", 3);
        [probe, check].map(|out| {
            let (_, after) = out.stdout.split_once("✓ profile        in no profile\n").expect("the finding");
            let advice = after.lines().take_while(|line| line.starts_with("   "));
            advice.map(str::trim).collect::<Vec<_>>().join(" ")
        })
    };
    let one = "→ to jail joe: usermod -aG sftp joe";
    assert_eq!(advice(&["'sftp'"]), [one; 2]);
    assert_eq!(advice(&["'gone', 'sftp', 'portal'"]), [one; 2]);
    let both = "→ to jail joe: usermod -aG sftp joe (for the profile p0), or usermod -aG portal joe (for the profile p1)";
    assert_eq!(advice(&["'sftp'", "'portal'", "'portal', 'sftp'"]), [both; 2]);
    assert_eq!(advice(&["'sftp', 'portal'", "'sftp'"]), [one; 2]);
    // The command does it.
    let out = sb.try_sh("usermod -aG sftp joe; sftpjail check joe");
    assert!(out.stdout.contains("✓ profile        p0, as a member of sftp\n"), "{out}");
    sb.sh("gpasswd -d joe sftp");
    // No group is there, and root is never jailed.
    sb.configure("[[profile]]\nname = \"p\"\ngroups = [\"gone\"]\n");
    for user in ["joe", "root"] {
        let out = sb.try_sh(&format!("sftpjail check {user}; sftpjail probe {user}"));
        assert!(!out.stdout.contains("usermod"), "{out}");
    }
}

#[test]
fn a_misspelt_user_cannot_be_checked_and_another_is_suggested() {
    let sb = machine();
    let out = check(&sb, "mel", 2);
    assert!(out.stdout.contains("! account        there is no user mel\n"), "{out}");
    assert!(out.stdout.contains("→ did you mean mle?\n"), "{out}");
    assert!(out.stdout.ends_with("\nmel cannot be judged: there is no user mel.\n"), "{out}");
}

#[test]
fn names_and_paths_cannot_control_a_terminal() {
    let sb = machine();
    let out = check(&sb, "m\x1b[2Jle\n✓ ok", 2);
    let shown = r#""m\x1b[2Jle\x0a✓ ok""#;
    assert!(out.stdout.contains(&format!("! account        there is no user {shown}\n")), "{out}");
    assert!(
        out.stdout.contains(&format!("\n{shown} cannot be judged: there is no user {shown}.\n")),
        "{out}"
    );

    sb.user("eve").home("/home/e\x1b]0;x\x07ve").make_home(false).group("sftp").raw().add();
    let out = check(&sb, "eve", 1);
    assert!(out.stdout.contains(r#"the home directory "/home/e\x1b]0;x\x07ve" contains a control"#), "{out}");

    // clap reports this one: it must be an error, and no panic.
    let out = sb.script("sftpjail check \"$1\"", &[OsStr::from_bytes(b"m\xffle")], b"");
    assert_eq!(out.code, Some(2), "{out}");
    assert!(out.stderr.starts_with("error: invalid UTF-8"), "{out}");
}

#[test]
fn a_member_with_an_odd_home_path_is_rehearsed_in_it() {
    let sb = machine();
    sb.user("anna").home("/home/a  \"b\"/c'd $(x)").group("sftp").raw().add();
    let out = check(&sb, "anna", 0);
    assert!(out.stdout.contains("anna enters it at \"/home/a  \\\"b\\\"/c'd $(x)\"\n"), "{out}");
    sb.sftp("anna", "pwd\n").ok();
}

#[test]
fn without_root_check_says_what_could_not_be_checked() {
    let sb = machine();
    let as_joe = |user: &str| {
        let script = "exec setpriv --reuid joe --regid joe --clear-groups sftpjail check \"$1\"";
        checked(sb.script(script, &[user], b""), 2).stdout
    };
    let out = as_joe("mle");
    assert!(out.contains("✓ home path "), "the way is open to all: {out}");
    assert!(out.contains("! rehearsal      only root can build a jail\n"), "{out}");
    assert!(out.contains("→ run this as root\n"), "{out}");

    // mle's home is 0750.
    sb.user("web").home("/home/mle/web").group("sftp").password("pw").add();
    let out = as_joe("web");
    assert!(out.contains("! home path      /home/mle/web cannot be accessed: permission denied\n"), "{out}");
    assert!(out.contains("→ run this as root"), "{out}");
    assert!(!out.contains('✗'), "nothing was found wrong: {out}");
    assert!(out.ends_with("web cannot be judged: only root can check all of it.\n"), "{out}");
    sb.sh("test ! -e /jail");
    check(&sb, "web", 0);
}

fn nothing_is_left_of_a_rehearsal(namespace: Namespace) {
    let sb = machine_in(namespace);
    let state = |sb: &Sandbox| {
        (
            sb.mounts(),
            sb.processes(),
            sb.sh("find /home /srv /run /etc -printf '%p %m %U %G %s %T@\\n'").stdout,
        )
    };
    let before = state(&sb);
    check(&sb, "mle", 0);
    assert_eq!(state(&sb), before);
    sb.sh("not test -e /jail; mkdir -m 700 /jail");
    let before = state(&sb);
    check(&sb, "mle", 0);
    assert_eq!(state(&sb), before);
    assert_eq!(sb.sh("ls -A /jail").stdout, "");
    // There are no log entries, since it was no login.
    assert_eq!(sb.log_lines("pam_sftpjail"), [""; 0]);
}

#[test]
fn another_configuration_can_be_checked() {
    let sb = machine();
    sb.write("/etc/joes.toml", "[[profile]]\nname = \"theirs\"\ngroups = [\"joe\"]\nhome = \"read-only\"\n");
    sb.sh("sed -i 's|sftpjail.so.*|& config=/etc/joes.toml|' /etc/pam.d/sshd
        sed -i 's/^Match Group sftp/Match Group joe/' /etc/ssh/sshd_config
        sed -i 's,/etc/sftpjail/config.toml sftp,/etc/joes.toml joe,' /etc/systemd/system/user@.service.d/50-sftpjail.conf");
    for words in ["--config /etc/joes.toml check joe", "check joe --config /etc/joes.toml"] {
        let out = checked(sb.try_sh(&format!("sftpjail {words}")), 0);
        assert!(out.stdout.contains("✓ configuration  /etc/joes.toml is ok\n"), "{out}");
        assert!(out.stdout.contains("✓ profile        theirs, as a member of joe\n"), "{out}");
        assert!(out.stdout.contains("  /home/joe  ← the home, read-only\n"), "{out}");
    }
    checked(sb.try_sh("sftpjail --config /etc/joes.toml check mle"), 3);
    let out = checked(sb.try_sh("sftpjail --config joes.toml check mle"), 1);
    assert!(out.stdout.contains("joes.toml: the path of the configuration is relative"), "{out}");
}

#[test]
fn a_reader_that_closes_the_pipe_does_not_change_the_exit_status() {
    let sb = machine();
    sb.sh("chown joe /home/mle");
    for (words, code) in [(vec!["mle"], 1), (vec!["joe"], 3), (vec!["joe", "--json"], 3), (vec!["mel"], 2)] {
        let (reader, writer) = sandbox::pipe();
        drop(reader);
        let mut command = sb.command("sftpjail");
        let out = command.arg("check").args(words).stdout(writer).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&out.stderr), "");
        assert_eq!(out.status.code(), Some(code));
    }
}
