//! A sandbox on a machine that its admin has set up, sftpjail included: nothing of that is in the sandbox. The
//! machine is a sandbox, too, and some of these tests run in it.

use std::collections::BTreeSet;
use std::env::current_exe;

use sandbox::{Sandbox, artifact};

/// Where the tests lie on that machine, as cargo leaves them.
const BUILT: &str = "/srv/target/debug";

/// Each stands for others that read or change the same parts of a system.
const SMOKE: [&str; 8] = [
    "cli::check::host_programs::a_crontab_and_at_jobs_are_reported_and_comments_are_no_jobs",
    "cli::setup::a_stock_machine_jails_users_who_are_added_to_the_group_and_undo_restores_every_byte",
    "project::machine_in_use::a_sandbox_is_stock",
    "project::sandbox::a_plain_user_logs_in_by_every_method",
    "project::sandbox::changes_nothing_on_the_machine",
    "project::sandbox::jailed_or_stock",
    "project::sandbox::odd_names_and_homes",
    "project::sandbox::the_log_is_the_systems",
];

/// Sets up sftpjail, with members and the admin's own configuration, and installs it below a second prefix.
fn set_up(sb: &Sandbox) {
    sb.sh("sftpjail setup --yes; cp /usr/local/sbin/sftpjail /usr/sbin/
        mkdir -p /srv/sftp; groupadd --system sftp-only
        printf '[[profile]]\\nname = \"all\"\\ngroups = [\"sftp\", \"staff\"]\\nhome = \"read-only\"\\n' >/etc/sftpjail/config.toml");
    for name in ["anna", "mle", "plain"] {
        sb.user(name).group("sftp").add();
    }
}

/// Does what an admin may do, in every place that a login, a test or sftpjail reads.
fn administer(sb: &Sandbox) {
    // A file of openssh-server is edited below. `make deps` would download the package; this one stands for it.
    sb.sh("mkdir -p /srv/openssh/DEBIAN /srv/openssh/etc/pam.d /srv/target/debian
        grep -v sftpjail /etc/pam.d/sshd >/srv/openssh/etc/pam.d/sshd
        printf 'Package: openssh-server\\nVersion: 1\\nArchitecture: all\\nMaintainer: m <m@localhost>\\nDescription: d\\n' \
            >/srv/openssh/DEBIAN/control
        dpkg-deb --build /srv/openssh /srv/target/debian/openssh-server_1_all.deb");
    sb.sh("sed -i '1i auth requisite pam_deny.so' /etc/pam.d/sshd /etc/pam.d/common-*
        sed -i '1i UsePAM no\\nDenyUsers *\\nPort 2222' /etc/ssh/sshd_config
        echo 'ForceCommand /bin/false' >/etc/ssh/sshd_config.d/admin.conf
        echo 'sshd: ALL' >/etc/hosts.deny
        echo '*.* stop' >/etc/rsyslog.d/00-admin.conf
        sed -i -E 's/^(passwd|group): .*/\\1: extrausers files/' /etc/nsswitch.conf
        echo 'joe:x:7777:7777::/nonexistent:/bin/false' >/var/lib/extrausers/passwd
        echo 'LANG=tlh' >/etc/environment; rm /etc/shells; ln -sf /usr/share/zoneinfo/Asia/Tokyo /etc/localtime
        mkdir -p /etc/systemd/system/user@.service.d /var/lib/systemd/linger /jail/anna /data/of/the/admin /opt/admin
        touch /etc/systemd/system/user@.service.d/90-admin.conf /var/lib/systemd/linger/plain /var/mail/plain
        echo '* * * * * true' | crontab -u plain -; echo '* * * * * root true' >/etc/cron.d/admin
        echo 'Host *\\nPort 2222' >/root/.ssh/config; echo 'exit 1' >/root/.profile; touch /root/.forward
        printf '#!/bin/sh\\nexit 1\\n' >/usr/local/bin/sftp; chmod 755 /usr/local/bin/sftp
        cp /usr/local/bin/sftp /usr/local/sbin/useradd; cp /usr/local/bin/sftp /usr/local/sbin/sshd");
}

#[test]
fn tests_pass_on_a_machine_where_sftpjail_is_set_up() {
    let sb = Sandbox::stock();
    sb.sshd();
    set_up(&sb);
    let _live = sb.sftp_live("anna");
    sb.sh(&format!("mkdir -p {BUILT}"));
    for name in ["sandbox-init", "sandbox-enter", "sftpjail", "libpam_sftpjail.so", "libnss_spelling.so"] {
        sb.install(&artifact(name), format!("{BUILT}/{name}"), 0o755);
    }
    sb.install(&current_exe().expect("this test"), format!("{BUILT}/e2e"), 0o755);
    administer(&sb);

    let mut command = sb.command(format!("{BUILT}/e2e"));
    command.args(["--exact", "--show-output", "--test-threads", "2"]).args(SMOKE);
    let output = command.output().expect("sandbox-enter");
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    // A test that has been renamed does not run, and nothing else would show it.
    let missing: Vec<_> =
        SMOKE.iter().filter(|name| !said.contains(&format!("test {name} ... ok\n"))).collect();
    assert!(missing.is_empty(), "SMOKE names tests that do not exist: {missing:#?}");

    let there = said.split(MARK).nth(1).expect("printed by a_sandbox_is_stock");
    let here = everything(&Sandbox::stock());
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<BTreeSet<_>>();
    let (here, there) = (lines(&here), lines(there));
    let differences: Vec<_> = here.symmetric_difference(&there).collect();
    assert!(
        here.len() > 200 && differences.is_empty(),
        "{} lines, of which differ: {differences:#?}",
        here.len()
    );
}

const MARK: &str = "== everything in a sandbox\n";

/// Every file outside of /usr, and those in /usr/local, with owner, mode and digest. Without the digests of keys:
/// each run of the tests makes new ones.
fn everything(sb: &Sandbox) -> String {
    let places = "/ /usr/local /home /srv /opt /run/sshd /var/mail -xdev";
    let script = format!(
        "find {places} -printf '%p %y %m %U %G %l\\n'
        find {places} -type f ! -name '*ed25519*' ! -name known_hosts -exec sha256sum {{}} +"
    );
    sb.sh(&script).stdout
}

/// The test above runs this one, too, and compares what it prints.
#[test]
fn a_sandbox_is_stock() {
    let sb = Sandbox::stock();
    println!("{MARK}{}{MARK}", everything(&sb));
    let ours = sb.sh("find / -xdev -iname '*sftpjail*'; grep -rl sftpjail /etc || true").stdout;
    assert_eq!(ours, "");
    let left = sb.sh("grep -h '^\\$' /etc/pam.d/common-* || true").stdout;
    assert_eq!(left, "", "variables that pam-auth-update would replace");
    let people =
        sb.sh("awk -F: '$3 >= 1000 && $3 < 60000' /etc/passwd /etc/group; awk -F: '$4' /etc/group").stdout;
    assert_eq!(people, "");
    let said = sb
        .sh("date +%Z; ls -A /home /srv /opt /usr/local/bin /var/mail /etc/ssh/sshd_config.d | grep -v :")
        .stdout;
    assert_eq!(said.trim(), "UTC");
}
