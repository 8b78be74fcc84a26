//! `check --all`: no member is overlooked, and monitoring can rely on the exit status.

use sandbox::Sandbox;
use serde_json::Value;

use super::faults::Machine;
use super::{checked, findings, text};

/// The document of `--all --json`, whose status must be that of the exit status.
#[track_caller]
fn all(sb: &Sandbox, status: &str) -> Value {
    let out = sb.try_sh("sftpjail check --all --json");
    let code = ["ok", "problems", "unchecked"].iter().position(|v| *v == status).unwrap();
    let out = checked(out, i32::try_from(code).unwrap());
    let document: Value = serde_json::from_str(&out.stdout).unwrap_or_else(|e| panic!("{e}: {out}"));
    assert_eq!((&document["version"], &document["status"]), (&3.into(), &status.into()), "{out}");
    document
}

/// User and status of each report.
fn statuses(document: &Value) -> Vec<[&str; 2]> {
    let users = document["users"].as_array().expect("a list of users");
    users.iter().map(|report| [text(report, "user"), text(report, "status")]).collect()
}

/// Check and evidence of each finding about a user that has failed.
#[track_caller]
fn failures<'v>(document: &'v Value, user: &str) -> Vec<[&'v str; 2]> {
    let users = document["users"].as_array().expect("a list of users");
    let report = users.iter().find(|report| report["user"] == user).unwrap_or_else(|| panic!("no {user}"));
    findings(report).into_iter().filter(|f| f[1] == "failed").map(|f| [f[0], f[2]]).collect()
}

#[test]
fn every_member_is_checked_and_nobody_else() {
    let machine = Machine::new();
    let sb = &machine.sb;
    sb.user("primary").primary("sftp").add();
    sb.user("Ann B").home("/home/ann").group("sftp").raw().add();
    let document = all(sb, "ok");
    assert_eq!(statuses(&document), ["Ann B", "mle", "primary"].map(|user| [user, "ok"]));
    let report = &document["users"][1];
    assert!(report["rehearsal"]["tree"].is_array(), "{report:#}");
    let host: Vec<_> = findings(&document).into_iter().map(|f| f[0]).collect();
    let expected = [
        "configuration",
        "sshd",
        "sshd running",
        "pam account",
        "pam session",
        "pam module",
        "user manager",
        "fstab",
        "autofs",
    ];
    assert_eq!(host, expected);

    let out = checked(sb.try_sh("sftpjail check --all"), 0).stdout;
    assert!(
        out.contains(
            "✓ pam session    pam_sftpjail.so: close at /etc/pam.d/sshd:1, open at /etc/pam.d/sshd:"
        ),
        "{out}"
    );
    assert!(out.ends_with("3 users: 3 are jailed and can log in. The host is ok.\n"), "{out}");
}

#[test]
fn members_of_every_profile() {
    let machine = Machine::new();
    let sb = &machine.sb;
    sb.user("jack").group("sftp-only").add();
    sb.sh("mkdir /etc/sftpjail");
    sb.write(
        "/etc/sftpjail/config.toml",
        "[[profile]]\nname = \"home\"\ngroups = [\"sftp\"]\n\
         [[profile]]\nname = \"portal\"\ngroups = [\"sftp-only\"]\nhome = \"read-only\"\n",
    );
    // systemd's drop-in must name every group.
    sb.name_in_drop_in("sftp-only");
    let document = all(sb, "problems");
    assert_eq!(statuses(&document), [["jack", "problems"], ["mle", "ok"]]);
    let jack = failures(&document, "jack");
    let [["sshd chroot", evidence]] = jack[..] else { panic!("{jack:#?}") };
    assert!(
        evidence.starts_with("ChrootDirectory is none, so the user sees the whole system; no Match block")
    );
    sb.sh("sed -i 's/^Match Group sftp/&,sftp-only/' /etc/ssh/sshd_config");
    assert_eq!(statuses(&all(sb, "ok")), [["jack", "ok"], ["mle", "ok"]]);

    // A member list with a name that does not exist is no problem for the others.
    sb.sh("sed -i '/^sftp-only:/s/$/,ghost/' /etc/group");
    let document = all(sb, "ok");
    let ghost = [
        "profile",
        "warned",
        "the group sftp-only lists ghost, who does not exist",
        "gpasswd -d ghost sftp-only",
    ];
    assert_eq!(findings(&document).last(), Some(&ghost));
    sb.sh("sed -i '/^sftp-only:/d' /etc/group");
    let document = all(sb, "problems");
    let none = "a profile names the group sftp-only, which does not exist, and no group that exists, so the profile portal \
                jails nobody";
    assert!(findings(&document).iter().any(|f| f[..3] == ["profile", "failed", none]), "{document:#}");
    assert_eq!(statuses(&document), [["mle", "ok"]]);
    // Another group of the profile exists.
    sb.sh("sed -i 's/\\[\"sftp-only\"\\]/[\"sftp-only\", \"mle\"]/' /etc/sftpjail/config.toml");
    sb.name_in_drop_in("mle");
    let document = all(sb, "ok");
    let none = "a profile names the group sftp-only, which does not exist";
    assert!(findings(&document).iter().any(|f| f[..3] == ["profile", "warned", none]), "{document:#}");
    // A member and a user who is never jailed hear of it, too.
    for user in ["mle", "root"] {
        let out = checked(sb.try_sh(&format!("sftpjail check {user}")), if user == "root" { 3 } else { 0 });
        assert_eq!(out.stdout.matches(&format!("! profile        {none}")).count(), 1, "{out}");
    }
}

/// Breaks something, so that a member is not jailed or may not be. `--all` must find it.
#[track_caller]
fn found(breaks: &str, check: &str, evidence: &str) -> Machine {
    let machine = Machine::new();
    assert_eq!(statuses(&all(&machine.sb, "ok")), [["mle", "ok"]]);
    machine.sb.sh(breaks);
    let document = all(&machine.sb, "problems");
    let mut failed = failures(&document, "mle");
    failed.extend(findings(&document).iter().filter(|f| f[1] == "failed").map(|f| [f[0], f[2]]));
    assert!(failed.iter().any(|f| f[0] == check && f[1].contains(evidence)), "{breaks}: {failed:#?}");
    machine
}

#[track_caller]
fn sees_the_host(machine: &Machine, user: &str) {
    // Without a shell they would not get far.
    machine.sb.sh("usermod -s /bin/sh mle");
    let out = machine.sb.sftp(user, "ls /etc/ssh\n").ok();
    assert!(out.stdout.contains("/etc/ssh/sshd_config"), "{out}");
}

#[test]
fn a_match_address_by_which_a_member_is_not_jailed() {
    let block = "Match Address 127.0.0.0/8\\n    ChrootDirectory none";
    let breaks = format!("sed -i '/^Match Group sftp/i {block}' /etc/ssh/sshd_config");
    let machine = found(&breaks, "sshd chroot", "; from 127.0.0.0 (Match at /etc/ssh/sshd_config:");
    sees_the_host(&machine, "mle");
}

#[test]
fn a_lost_drop_in_without_which_a_member_is_not_jailed() {
    let moves = "sed -n '/^Match Group/,$p' /etc/ssh/sshd_config >/etc/ssh/sshd_config.d/sftpjail.conf
        sed -i '/^Match Group/,$d' /etc/ssh/sshd_config";
    let lost = "rm /etc/ssh/sshd_config.d/sftpjail.conf";
    let machine = Machine::new();
    machine.sb.sh(moves);
    all(&machine.sb, "ok");
    let machine = found(&format!("{moves}\n{lost}"), "sshd chroot", "ChrootDirectory is none");
    sees_the_host(&machine, "mle");
}

#[test]
fn a_missing_force_command_with_which_a_member_runs_other_commands() {
    let breaks = "sed -i '/^Match Group sftp/,$ { /ForceCommand/d }' /etc/ssh/sshd_config";
    found(breaks, "sshd command", "ForceCommand is none instead of internal-sftp");
}

#[test]
fn forwarding_by_which_a_member_reaches_the_network() {
    let breaks = "sed -i '/^Match Group sftp/,$ { /DisableForwarding/d; s/AllowTcpForwarding no/AllowTcpForwarding yes/ }' \
        /etc/ssh/sshd_config";
    let machine = found(breaks, "sshd forwards", "AllowTcpForwarding is yes");
    machine.sb.ssh("mle", &["-o", "ExitOnForwardFailure=yes", "-W", "127.0.0.1:22"]).ok();
}

#[test]
fn a_sufficient_line_above_the_modules() {
    for kind in ["account", "session"] {
        let breaks = format!(
            "sed -i '/^{kind} .*sftpjail.so\\( open\\)*$/i {kind} sufficient pam_permit.so' /etc/pam.d/sshd"
        );
        let machine =
            found(&breaks, &format!("pam {kind}"), " is skipped when pam_permit.so (sufficient) at ");
        if kind == "session" {
            machine.sb.sftp("mle", "pwd\n").failed();
        }
    }
}

#[test]
fn an_alias_by_which_a_member_is_not_jailed() {
    // A spelling that NSS knows, but sshd's block does not.
    let breaks = "sed -Ei 's/^(passwd|shadow):.*/\\1: files spelling/' /etc/nsswitch.conf
        sed -i 's/^Match Group sftp/Match User mle/' /etc/ssh/sshd_config";
    let machine = found(
        breaks,
        "sshd chroot",
        "ChrootDirectory is none, so the user sees the whole system; for the name MLE",
    );
    sees_the_host(&machine, "MLE");
    // An account of its own that is in no profile.
    let breaks = "useradd -M -o -u $(id -u mle) -g mle -d /home/mle MLE";
    let machine = found(breaks, "names", "MLE is the same account (uid ");
    sees_the_host(&machine, "MLE");
}

#[test]
fn users_in_no_profile_that_sshd_chroots_into_the_jail_root() {
    let machine = Machine::new();
    let sb = &machine.sb;
    sb.user("daemonic").add();
    sb.sh("usermod -u 400 daemonic");
    sb.sh("sed -i 's/^Match Group sftp/Match Group sftp,joe,daemonic/' /etc/ssh/sshd_config");
    let document = all(sb, "problems");
    assert_eq!(statuses(&document), [["daemonic", "problems"], ["joe", "problems"], ["mle", "ok"]]);
    let [joe] = failures(&document, "joe")[..] else { panic!("{document:#}") };
    assert!(
        joe[0] == "sshd chroot" && joe[1].contains(" but joe is in no profile, so no jail is built"),
        "{joe:?}"
    );
    // root, too.
    sb.sh("sed -i 's/^Match Group sftp,joe,daemonic/Match all/' /etc/ssh/sshd_config");
    assert!(statuses(&all(sb, "problems")).contains(&["root", "problems"]));
}

#[test]
fn a_misspelt_group_is_reported_once_for_all_of_its_users() {
    let machine = Machine::new();
    let sb = &machine.sb;
    let names: Vec<_> = (1..=12).map(|n| format!("k{n:02}")).collect();
    for name in &names {
        sb.user(name).group("sftp").add();
    }
    for (groups, fix) in [
        ("\"sfpt\"", "did you mean sftp? Then correct `groups` in the configuration"),
        ("\"customers\"", "exclude them from that Match block or, to jail them, correct `groups`"),
    ] {
        sb.configure(&format!("[[profile]]\nname = \"home\"\ngroups = [{groups}]\n"));
        let out = checked(sb.try_sh("sftpjail check --all"), 1).stdout;
        let all = out.split_whitespace().collect::<Vec<_>>().join(" ");
        let (_, found) = all.split_once("✗ sshd chroot ").unwrap_or_else(|| panic!("{out}"));
        assert!(!found.contains("✗ sshd chroot"), "{out}");
        assert!(
            found.contains("for users in no profile, so no jail is built and sshd refuses them"),
            "{out}"
        );
        assert!(found.contains(&format!("→ {fix}")), "{out}");
        assert!(found.contains(" applies to k01, k02, k03, "), "{out}");
        assert!(out.contains("13 users: 13 cannot log in."), "{out}");
        // The same for one of them.
        let out = checked(sb.try_sh("sftpjail check k01"), 1).stdout;
        assert!(out.split_whitespace().collect::<Vec<_>>().join(" ").contains(&format!("→ {fix}")), "{out}");
    }
}

#[test]
fn a_finding_about_many_users_is_printed_once() {
    let machine = Machine::new();
    for name in ["a1", "a2", "a3"] {
        machine.sb.user(name).group("sftp").add();
    }
    machine.sb.sh("sed -i '/^Match Group sftp/,$ s/PermitTTY no/PermitTTY yes/' /etc/ssh/sshd_config; chown joe /home/a2");
    let out = checked(machine.sb.try_sh("sftpjail check --all"), 1).stdout;
    assert_eq!(out.matches("✗ sshd terminal  PermitTTY is yes").count(), 1, "{out}");
    assert!(out.contains("                 applies to a1, a2, a3, mle\n"), "{out}");
    assert!(out.contains("                 applies to a2\n"), "{out}");
    assert!(
        out.ends_with("4 users: 3 are jailed and can log in, 1 cannot log in. The host has problems.\n"),
        "{out}"
    );
}

#[test]
fn the_exit_status_is_the_worst() {
    let machine = Machine::new();
    let sb = &machine.sb;
    sb.sh("gpasswd -d mle sftp");
    let out = checked(sb.try_sh("sftpjail check --all"), 0);
    assert!(out.stdout.ends_with("0 users. The host is ok.\n"), "{out}");
    sb.sh("usermod -aG sftp mle; echo 'x /jail/gone none bind' >>/etc/fstab");
    let document = all(sb, "problems");
    assert_eq!(statuses(&document), [["mle", "ok"]]);
    machine.restore();
    // An unknown outcome counts only if there is no problem.
    let as_joe = "exec setpriv --reuid joe --regid joe --clear-groups sftpjail check --all";
    let out = checked(sb.try_sh(as_joe), 2).stdout;
    assert!(out.ends_with("1 user: 1 cannot be judged. The host could not be checked.\n"), "{out}");
    sb.sh("sed -i '/session.*sftpjail/d' /etc/pam.d/sshd");
    checked(sb.try_sh(as_joe), 1);
    sb.sh("mkdir /etc/sftpjail; echo nonsense >/etc/sftpjail/config.toml");
    let document = all(sb, "problems");
    assert_eq!(statuses(&document), [[""; 2]; 0]);
    let out = sb.try_sh("sftpjail check --all mle");
    assert!(out.code == Some(2) && out.stderr.starts_with("error: "), "{out}");
}

/// An sshd that counts its runs, and may be slow.
fn counting(sb: &Sandbox, seconds: &str) {
    sb.sh("mv /usr/sbin/sshd /usr/sbin/sshd-itself");
    let script =
        format!("#!/bin/sh\necho run >>/tmp/runs\n/bin/sleep {seconds}\nexec /usr/sbin/sshd-itself \"$@\"\n");
    sb.write_mode("/usr/sbin/sshd", script, 0o755);
}

#[test]
fn sshd_is_asked_once_about_users_that_its_configuration_does_not_distinguish() {
    let machine = Machine::new();
    let sb = &machine.sb;
    sb.sh("for n in $(seq 300); do echo u$n:x:$((30000 + n)):100::/home/u$n:/bin/sh; done >>/etc/passwd
        for n in $(seq 20); do sed -i \"/^sftp:/s/\\$/,u$n/\" /etc/group; mkdir /home/u$n; chown u$n /home/u$n; done
        printf 'Match User u7\\n PermitTTY yes\\nMatch Address 10.0.0.0/8\\n MaxSessions 5\\n' >/etc/ssh/sshd_config.d/x.conf");
    counting(sb, "0");
    let document = all(sb, "problems");
    let statuses = statuses(&document);
    assert_eq!(statuses.len(), 21);
    let problems: Vec<_> = statuses.into_iter().filter(|[_, status]| *status != "ok").collect();
    assert_eq!(problems, [["u7", "problems"]]);
    let runs = sb.read_text("/tmp/runs").lines().count();
    // Members, others and u7, by four kinds of connection; once for the ports, and once about StrictModes.
    assert_eq!(runs, 3 * 4 + 2);
}

#[test]
fn a_terminal_gets_a_progress_bar_if_it_takes_long() {
    let machine = Machine::new();
    let sb = &machine.sb;
    counting(sb, "0.7");
    // With a terminal for stderr only.
    let on_terminal = "TERM=xterm script -qec 'stty cols 60; sftpjail check --all >/tmp/out' /dev/null";
    let shown = sb.try_sh(on_terminal);
    assert_eq!(shown.code, Some(0), "{shown}");
    let total = sb.sh("getent passwd | wc -l").stdout.trim().to_owned();
    assert!(shown.stdout.contains(&format!("/{total} ")) && shown.stdout.contains('█'), "{shown}");
    assert!(sb.read_text("/tmp/out").ends_with("The host is ok.\n"));
    assert!(!sb.read_text("/tmp/out").contains('\x1b'));
    // There is none without a terminal, or if it is quick.
    checked(sb.try_sh("sftpjail check --all"), 0);
    sb.sh("mv /usr/sbin/sshd-itself /usr/sbin/sshd");
    // On a busy machine, one that is quick takes long as well.
    let shown: Vec<_> = (0..20).map(|_| sb.try_sh(on_terminal)).collect();
    assert!(shown.iter().any(|shown| (shown.code, shown.stdout.as_str()) == (Some(0), "")), "{}", shown[0]);
}
