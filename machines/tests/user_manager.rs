//! Row 20 of the table of threats: a jailed member uploads a unit for systemd's user manager, which would run it
//! outside of the jail.

use crate::MANAGER_RUNS;
use machines::{Machine, Suite, System};
use sandbox::Output;

const UNIT: &str = "[Service]
ExecStart=/bin/sh -c 'id >/tmp/proof-%u; exec sleep 1000'
";

/// A system after `sftpjail setup`, with the member anna and with joe, who is in no profile. Both have the unit.
fn machine() -> Machine {
    let machine = Machine::boot(&Suite::wanted());
    machine.sh("groupadd --system sftp");
    machine.user("anna", "sftp");
    machine.user("joe", "");
    let done = machine.sh("systemctl start user@$(id -u anna); sftpjail setup --yes");
    assert!(done.stdout.contains("+ExecCondition=+/usr/bin/env -i"), "{done}");
    assert!(
        done.stdout
            .contains("Note: anna has a running user manager, outside of the jail: see what it runs, because that ends, then: systemctl stop"),
        "{done}"
    );
    machine.script("cat >/root/x.service", UNIT.as_bytes()).ok();
    for user in ["anna", "joe"] {
        let batch = "mkdir .config\nmkdir .config/systemd\nmkdir .config/systemd/user\n\
                     mkdir .config/systemd/user/default.target.wants\n\
                     put /root/x.service .config/systemd/user/x.service\n\
                     symlink ../x.service .config/systemd/user/default.target.wants/x.service\n";
        machine.sftp(user, batch).ok();
    }
    // anna's manager from before setup, and joe's from this login.
    machine.sh("systemctl stop user@*.service; rm -f /tmp/proof-*");
    machine
}

/// The user's processes while an sftp session is open, and whether the unit has run.
fn during_a_session(machine: &Machine, user: &str) -> (String, bool) {
    // At the answer to pwd, logind has waited for systemd to start the manager, or to skip it. A manager that runs
    // needs a moment more to run the unit.
    let script = "rm -f /tmp/proof-* /tmp/end; : >/tmp/said
                  { echo pwd; for i in $(seq 1200); do test ! -e /tmp/end || break; sleep 0.05; done; } |
                      sftp -b - -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null \
                          -q $1@127.0.0.1 >>/tmp/said &
                  for i in $(seq 1200); do grep -q '^Remote working' /tmp/said && break; sleep 0.05; done
                  grep -q '^Remote working' /tmp/said
                  for i in $(seq 1200); do systemctl list-jobs | grep -q 'user@' || break; sleep 0.05; done
                  if systemctl is-active --quiet user@$(id -u $1).service || pgrep -u $1 -x systemd >/dev/null; then
                      for i in $(seq 400); do test ! -e /tmp/proof-$1 || break; sleep 0.05; done
                  fi
                  ps -o args= -u $1; test ! -e /tmp/proof-$1 || echo proof; touch /tmp/end; wait";
    let seen = machine.sh(&script.replace("$1", user)).stdout;
    let (proof, processes): (Vec<_>, Vec<_>) = seen.lines().partition(|line| *line == "proof");
    (processes.join("\n"), !proof.is_empty())
}

#[track_caller]
fn only_sshds(machine: &Machine, user: &str) {
    let (processes, has_run) = during_a_session(machine, user);
    assert!(!processes.is_empty() && processes.lines().all(|line| line.starts_with("sshd")), "{processes}");
    assert!(!has_run, "the unit has run");
}

#[track_caller]
fn has_a_manager(machine: &Machine, user: &str) {
    let (processes, has_run) = during_a_session(machine, user);
    assert!(processes.contains("systemd --user") && has_run, "{user}: {has_run}\n{processes}");
    machine.sh("systemctl stop user@*.service");
}

/// The finding of `check` that begins with this mark and name, on one line.
fn finding(out: &Output, start: &str) -> String {
    let mut lines = out.stdout.lines().skip_while(|line| !line.starts_with(start));
    let first = lines.next().unwrap_or_default().to_owned();
    lines.take_while(|line| line.starts_with(' ')).fold(first, |all, line| format!("{all} {}", line.trim()))
}

#[test]
fn row_20_members_get_no_user_manager_and_others_do() {
    let machine = machine();
    only_sshds(&machine, "anna");
    has_a_manager(&machine, "joe");
    let seen = machine.ssh("root", MANAGER_RUNS).ok();
    assert_eq!(seen.stdout, "root\nactive\n");
    machine.sh("sftpjail check anna; sftpjail check --all");
    // From outside of any session, and from inside an admin's session.
    for probed in [machine.sh("sftpjail probe anna"), machine.ssh("root", "sftpjail probe anna").ok()] {
        assert!(probed.stdout.contains("✓ user manager   none was started"), "{probed}");
    }

    // A second name of the member's account.
    machine.sh("useradd -o -u $(id -u anna) -g joe -M twin");
    only_sshds(&machine, "anna");
    machine.sh("userdel twin 2>/dev/null; echo 'jail_root = 1' >/etc/sftpjail/config.toml");
    // No jail is built, so sshd ends the session. Instead, root starts the manager.
    let start =
        |user: &str| machine.try_sh(&format!("systemctl start user@$(id -u {user}); ps -o args= -u {user}"));
    assert_eq!(start("anna").stdout, "", "with a broken configuration");
    has_a_manager(&machine, "joe");
    machine.sh("rm /etc/sftpjail/config.toml");

    // The program is missing.
    machine.sh("mv /usr/local/sbin/sftpjail /root/");
    only_sshds(&machine, "anna");
    has_a_manager(&machine, "joe");
    machine.sh("install -m 644 /dev/null /usr/local/sbin/sftpjail");
    only_sshds(&machine, "anna");
    has_a_manager(&machine, "joe");
    machine.sh("usermod -g sftp -G '' anna");
    only_sshds(&machine, "anna");
    machine.sh("mv -f /root/sftpjail /usr/local/sbin/sftpjail");
    only_sshds(&machine, "anna");
}

#[test]
fn row_20_without_the_drop_in_the_unit_runs_and_check_and_probe_say_so() {
    let machine = machine();
    let drop_in = "/etc/systemd/system/user@.service.d/50-sftpjail.conf";
    machine.sh(&format!("mv {drop_in} /root/; systemctl daemon-reload"));
    let checked = machine.try_sh("sftpjail check anna").failed();
    assert!(finding(&checked, "✗ user manager").contains("50-sftpjail.conf is missing"), "{checked}");
    let probed = machine.try_sh("sftpjail probe anna").failed();
    assert!(finding(&probed, "✗ user manager").contains("the login started user@"), "{probed}");
    machine.sh("systemctl stop user@*.service");
    let (processes, has_run) = during_a_session(&machine, "anna");
    assert!(has_run && processes.contains("sleep 1000"), "{processes}");
    let probed = machine.try_sh("sftpjail probe anna").failed();
    assert!(finding(&probed, "✗ user manager").contains("ran before the login"), "{probed}");

    // The drop-in is back, and what still runs is found.
    machine.sh(&format!("mv /root/50-sftpjail.conf {drop_in}"));
    let checked = machine.try_sh("sftpjail check anna").failed();
    assert!(finding(&checked, "✗ user manager").ends_with("→ systemctl daemon-reload"), "{checked}");
    machine.sh("systemctl daemon-reload");
    // logind accepts this from a session only.
    machine.ssh("root", "loginctl enable-linger anna").ok();
    for checked in ["anna", "--all"].map(|who| machine.try_sh(&format!("sftpjail check {who}")).failed()) {
        let running = finding(&checked, "✗ user manager");
        assert!(
            running.contains("the user manager of anna (user@") && running.contains("systemctl stop user@"),
            "{checked}"
        );
        assert!(finding(&checked, "✗ linger").contains("loginctl disable-linger anna"), "{checked}");
    }
    // Runs the fixes that it shows.
    machine.ssh("root", "systemctl stop user@$(id -u anna).service && loginctl disable-linger anna").ok();
    machine.sh("sftpjail check anna");
    only_sshds(&machine, "anna");
}

#[test]
fn whatever_disables_the_drop_in_is_found_and_undo_removes_it() {
    let machine = machine();
    let check = || finding(&machine.try_sh("sftpjail check anna"), "✗ user manager");
    let reload = || machine.sh("systemctl daemon-reload");
    for path in [
        "/etc/systemd/system/user@.service.d/60-later.conf",
        "/run/systemd/system/user@.service.d/60-later.conf",
        "/etc/systemd/system/service.d/60-later.conf",
        "/etc/systemd/system/user@$(id -u anna).service.d/60-later.conf",
    ] {
        machine.sh(&format!("mkdir -p $(dirname {path}); printf '[Service]\\nExecCondition=\\n' >{path}"));
        reload();
        let found = check();
        assert!(found.contains("60-later.conf resets the condition"), "{path}: {found}");
        let all = machine.try_sh("sftpjail check --all").failed();
        assert!(all.stdout.contains("60-later.conf resets the condition"), "{all}");
        machine.sh(&format!("rm {path}; rmdir $(dirname {path}) || true"));
        reload();
        assert_eq!(check(), "");
    }
    let file = "/etc/systemd/system/user@.service.d/50-sftpjail.conf";
    machine.sh(&format!("cp {file} /root/; sed -i 's/254) exit 254;; esac/254) exit 0;; esac/' {file}"));
    reload();
    assert!(check().contains("50-sftpjail.conf is not what setup writes"), "{}", check());
    machine.sh(&format!("cp /root/50-sftpjail.conf {file}"));
    reload();
    assert_eq!(check(), "");

    // A setting that makes our exit status a success; other exit statuses do no harm.
    let later = "/etc/systemd/system/user@.service.d/60-later.conf";
    machine.sh(&format!("printf '[Service]\\nSuccessExitStatus=1\\n' >{later}"));
    reload();
    assert_eq!(check(), "");
    only_sshds(&machine, "anna");
    machine.sh(&format!("printf '[Service]\\nSuccessExitStatus=254\\n' >{later}"));
    reload();
    assert!(check().contains("60-later.conf has 254"), "{}", check());
    // A spelling that only systemd understands.
    machine.sh(&format!("sed -i s/254/0xfe/ {later}"));
    reload();
    assert!(check().contains("what systemd has loaded for user@65533.service has 254"), "{}", check());
    machine.sh(&format!("rm {later}"));
    reload();
    assert_eq!(check(), "");

    // The configuration gains a group. The drop-in must name it, for when the program is missing.
    machine.sh("groupadd uploads; sed -i 's/\"sftp\"]/\"sftp\", \"uploads\"]/' /etc/sftpjail/config.toml");
    assert!(check().contains("does not name these groups: uploads"), "{}", check());
    machine.sh("sftpjail setup --yes");
    assert!(machine.sh("sftpjail check anna").stdout.contains("✓ user manager"));
    only_sshds(&machine, "anna");

    // PAM's lines name another configuration. Its members get no manager either, once the drop-in names it as well.
    machine.sh("cd /etc/sftpjail; sed 's/\"sftp\", \"uploads\"/\"vips\"/' config.toml >/etc/other.toml; \
         groupadd vips; gpasswd -a anna vips; gpasswd -d anna sftp; \
         cp /etc/pam.d/sshd /root/; sed -i '/pam_sftpjail.so/s,$, config=/etc/other.toml,' /etc/pam.d/sshd");
    let check = || finding(&machine.try_sh("sftpjail --config /etc/other.toml check anna"), "✗ user manager");
    assert!(
        check().contains("names /etc/sftpjail/config.toml, but this check uses /etc/other"),
        "{}",
        check()
    );
    machine.sh(&format!("cp {file} /root/; sed -i s,/etc/sftpjail/config.toml,/etc/other.toml, {file}"));
    reload();
    assert!(check().contains("does not name these groups: vips"), "{}", check());
    let started = || machine.sh("systemctl start user@$(id -u anna); ps -o args= -u anna || true").stdout;
    assert_eq!(started(), "", "by the configuration");
    machine.sh(&format!("sed -i '/^  }}.*sftp/s/$/ vips/' {file}"));
    reload();
    assert_eq!(check(), "");
    machine.sh("rm /etc/other.toml");
    assert_eq!(started(), "", "by the drop-in");
    machine.sh(&format!(
        "cp /root/50-sftpjail.conf {file}; cp /root/sshd /etc/pam.d/sshd; gpasswd -a anna sftp"
    ));
    reload();

    machine.sh("userdel -r anna 2>/dev/null; sftpjail setup --undo --yes --force");
    machine.sh(&format!("! test -e $(dirname {file})"));
    assert!(!machine.sh("systemctl cat user@1000.service").stdout.contains("sftpjail"));
    // An unconfirmed setup is undone, and systemd has read its units again.
    machine.sh("sftpjail setup --yes --confirm-within 2s
         for i in $(seq 400); do systemctl show user@1000.service | grep -q sftpjail || break; sleep 0.05; done");
    assert!(!machine.sh("systemctl show user@1000.service").stdout.contains("sftpjail"));
}
