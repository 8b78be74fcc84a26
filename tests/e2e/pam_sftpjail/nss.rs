//! Users and groups of a directory, which may be out of reach: members are jailed or refused, never
//! ignored, and the host's own admins are let in.

pub(crate) mod ldap;
pub(crate) mod sssd;

use std::time::Duration;

use ldap::{Directory, kill, nsswitch, start_nslcd, start_slapd};
use sandbox::{Namespace, Sandbox, wait_until};

use crate::common::libpam::{IGNORED, alone, answers, code, install_alone};

in_both_namespaces!(
    without_its_directory_a_member_is_refused_and_an_exempt_admin_let_in,
    without_its_file_extrausers_is_no_answer,
    without_sssd_a_member_is_refused_and_an_exempt_admin_let_in,
    whatever_is_killed_in_mid_life_the_module_takes_no_member_for_a_stranger,
    with_allow_groups_nobody_waits_for_the_directory_to_come_back,
    a_directory_before_another_service_is_warned_of,
    a_group_of_60_000_members_is_read,
    a_member_whom_getgrouplist_leaves_out_is_refused,
    a_group_that_sshd_knows_by_another_name_is_refused,
);

const GID: u32 = 7000;

/// Who there is: anna, an account of the host's, and lena, one of the directory's, are members by
/// the directory. joe is nobody special, boss is in sudo by /etc/group, which is exempt.
fn people(namespace: Namespace) -> Sandbox {
    let sb = Sandbox::in_namespace(namespace);
    sb.sh("groupdel sftp");
    for name in ["anna", "joe"] {
        sb.user(name).add();
    }
    sb.user("boss").group("sudo").add();
    sb.sh("install -d -m 750 -o 7001 -g 7001 /home/lena; cp -a /home/joe/.ssh /home/lena; chown -R 7001:7001 /home/lena");
    sb.sh("install -m 600 /root/.ssh/id_ed25519.pub /root/.ssh/authorized_keys");
    sb.configure("exempt_groups = [\"sudo\"]\n");
    sb
}

fn directory() -> Directory {
    Directory::default()
        .group("sftp", GID, &["anna", "lena"])
        .group("lena", 7001, &[])
        .user("lena", 7001, 7001)
}

/// Sees the home, nothing of the host, and gets no shell.
#[track_caller]
fn is_jailed(sb: &Sandbox, name: &str) {
    let seen = sb.sftp(name, "pwd\nls -l /\n").ok();
    assert!(seen.stdout.contains(&format!("/home/{name}")) && !seen.stdout.contains("/usr"), "{seen}");
    assert!(!sb.ssh(name, &["id"]).failed().stdout.contains("uid="));
}

/// Sees nothing at all.
#[track_caller]
fn is_refused(sb: &Sandbox, name: &str) {
    for out in [sb.sftp(name, "ls -l /\n").failed(), sb.ssh(name, &["id"]).failed()] {
        assert!(!out.stdout.contains("/usr") && !out.stdout.contains("uid="), "{out}");
    }
}

#[track_caller]
fn has_a_shell(sb: &Sandbox, name: &str) {
    assert!(sb.ssh(name, &["id"]).ok().stdout.contains(&format!("({name})")));
}

/// The directory does not answer. `why`: what the log says of that.
#[track_caller]
fn nobody_is_unjailed(sb: &Sandbox, why: &str) {
    for name in ["anna", "joe"] {
        is_refused(sb, name);
        let line = sb.wait_for_log(&format!("pam_sftpjail(sshd:account): refused user {name} "));
        assert!(line.contains(&format!("looking up group sftp failed: {why}")), "{line}");
    }
    // sshd itself does not know the user.
    is_refused(sb, "lena");
    assert_eq!(sb.log_lines("groupadd sftp"), [""; 0]);
    for name in ["root", "boss"] {
        has_a_shell(sb, name);
    }
    let check = sb.try_sh("sftpjail check anna");
    assert_eq!(check.code, Some(2), "{check}");
    assert!(check.stdout.contains(&format!("looking up group sftp failed: {why}")), "{check}");
    let all = sb.try_sh("sftpjail check --all");
    assert!(all.code == Some(2) && all.stdout.contains("NSS may not list all users: "), "{all}");
    // The next look is to find its own lines.
    sb.sh("truncate -s 0 /var/log/auth.log");
}

#[track_caller]
fn all_is_well(sb: &Sandbox) {
    for name in ["anna", "lena"] {
        is_jailed(sb, name);
    }
    for name in ["root", "boss", "joe"] {
        has_a_shell(sb, name);
    }
}

/// Waits until a directory that was started answers again.
#[track_caller]
fn wait_for_answer(sb: &Sandbox) {
    let answers = || (sb.try_sh("getent -s ldap group sftp").code == Some(0)).then_some(());
    assert!(wait_until(Duration::from_secs(20), answers).is_some(), "the directory does not come back");
}

fn without_its_directory_a_member_is_refused_and_an_exempt_admin_let_in(namespace: Namespace) {
    let sb = people(namespace);
    directory().serve(&sb);
    all_is_well(&sb);
    let unreachable = "ldap could not be reached (`group: files systemd ldap` in /etc/nsswitch.conf)";

    kill(&sb, "slapd");
    nobody_is_unjailed(&sb, unreachable);
    start_slapd(&sb);
    wait_for_answer(&sb);
    all_is_well(&sb);

    kill(&sb, "nslcd");
    nobody_is_unjailed(&sb, unreachable);
    sb.sh("rm -rf /run/nslcd/*");
    nobody_is_unjailed(&sb, unreachable);
    start_nslcd(&sb);
    wait_for_answer(&sb);
    all_is_well(&sb);
}

/// Whether systemd may run a user manager: the drop-in of user@.service asks while somebody logs in.
#[test]
fn a_directory_that_hangs_takes_the_user_manager_from_no_exempt_admin() {
    let sb = people(Namespace::Private);
    directory().serve(&sb);
    let status = |name: &str| {
        sb.try_sh(&format!(
            "timeout 60 sftpjail user-manager $(awk -F: '$1 == \"{name}\" {{ print $3 }}' /etc/passwd) sftp"
        ))
        .code
    };
    let all = || ["root", "boss", "joe", "anna"].map(status);
    wait_for_answer(&sb);
    assert_eq!(all(), [Some(0), Some(0), Some(0), Some(254)]);
    let [nslcd] = sb.pids("/usr/sbin/nslcd")[..] else { panic!("not one nslcd: {:?}", sb.processes()) };
    sb.kill(nslcd, "STOP");
    assert_eq!(all(), [Some(0), Some(0), Some(254), Some(254)]);
    let uid = sb.sh("id -u joe").stdout;
    let line = sb.wait_for_log(&format!("no user manager for user {}, ", uid.trim()));
    assert!(line.contains("there was no answer within 10 s"), "{line}");
    sb.kill(nslcd, "CONT");
    assert_eq!(all(), [Some(0), Some(0), Some(0), Some(254)]);
}

fn without_its_file_extrausers_is_no_answer(namespace: Namespace) {
    let sb = people(namespace);
    sb.sh("mkdir -p /var/lib/extrausers");
    let there = || {
        sb.write("/var/lib/extrausers/passwd", "lena:x:7001:7001::/home/lena:/bin/sh\n");
        sb.write("/var/lib/extrausers/group", format!("sftp:x:{GID}:anna,lena\nlena:x:7001:\n"));
    };
    there();
    nsswitch(&sb, "files systemd extrausers");
    sb.write("/var/lib/extrausers/shadow", "lena:*:19000:0:99999:7:::\n");
    sb.sh("sed -i 's/^shadow:.*/shadow: files extrausers/' /etc/nsswitch.conf");
    all_is_well(&sb);
    sb.sh("rm /var/lib/extrausers/passwd /var/lib/extrausers/group");
    nobody_is_unjailed(
        &sb,
        "extrausers could not be reached (`group: files systemd extrausers` in /etc/nsswitch.conf)",
    );
    there();
    all_is_well(&sb);
}

/// SSSD has an account of the host's in a group's member list until somebody asks for all groups of that
/// account, and never tells getgrouplist(3) of it.
fn without_sssd_a_member_is_refused_and_an_exempt_admin_let_in(namespace: Namespace) {
    let sb = people(namespace);
    directory().serve(&sb);
    sssd::serve(&sb, "sftp");
    nsswitch(&sb, "files systemd sss");
    assert!(sb.sh("getent group sftp").stdout.contains("anna"));
    assert_ne!(code(&alone(&sb, "anna", &["account"]), "account"), IGNORED);
    sb.wait_for_log(
        "anna is a member of the group sftp, but sshd's Match Group does not match: getgrouplist(3)",
    );

    let is_well = || {
        is_jailed(&sb, "lena");
        for name in ["root", "boss", "joe"] {
            has_a_shell(&sb, name);
        }
        sb.sh("truncate -s 0 /var/log/auth.log");
    };
    is_well();
    // It answers from its cache.
    kill(&sb, "slapd");
    is_well();
    sssd::kill(&sb);
    nobody_is_unjailed(&sb, "sss is not running (`group: files systemd sss` in /etc/nsswitch.conf)");
    sb.sh("rm /var/lib/sss/pipes/nss");
    nobody_is_unjailed(&sb, "sss could not be reached (`group: files systemd sss` in /etc/nsswitch.conf)");
    start_slapd(&sb);
    sssd::start(&sb, "sftp");
    is_well();
}

/// Of the module's own look-ups, some are answered and some are not.
fn whatever_is_killed_in_mid_life_the_module_takes_no_member_for_a_stranger(namespace: Namespace) {
    let sb = people(namespace);
    directory().serve(&sb);
    install_alone(&sb, "");
    assert_eq!(code(&alone(&sb, "joe", &["account"]), "account"), IGNORED);
    let (mut served, mut refused) = (0, 0);
    for round in 0..10 {
        let (program, start): (_, fn(&Sandbox)) =
            if round % 2 == 0 { ("slapd", start_slapd) } else { ("nslcd", start_nslcd) };
        std::thread::scope(|scope| {
            let sb = &sb;
            let ask = |name| {
                let script = "for i in $(seq 25); do pam-driver --confdir /etc/alone $1 account; done";
                scope.spawn(move || (name, sb.script(script, &[name], b"")))
            };
            let asked = [ask("anna"), ask("lena")];
            std::thread::sleep(Duration::from_millis(40 + 20 * round));
            kill(sb, program);
            std::thread::sleep(Duration::from_millis(100));
            start(sb);
            for (name, out) in asked.map(|asked| asked.join().unwrap()) {
                let answers = answers(&out, "account");
                assert_eq!(answers.len(), 25, "{name}: {out}");
                assert!(!answers.contains(&IGNORED), "{name}: {out}");
                served += answers.iter().filter(|code| **code == "0").count();
                refused += answers.iter().filter(|code| **code != "0").count();
            }
        });
        wait_for_answer(&sb);
    }
    assert!(served > 50 && refused > 10, "there was something to see: {served} served, {refused} refused");
    is_jailed(&sb, "lena");
}

/// sshd asks when the connection begins. Who is asked for the password waits until the directory answers.
fn with_allow_groups_nobody_waits_for_the_directory_to_come_back(namespace: Namespace) {
    let sb = people(namespace);
    directory().serve(&sb);
    sb.sh("echo anna:pw | chpasswd");
    let check = sb.sh("sftpjail check anna");
    assert!(
        check.stdout.contains("! groups         a directory service says that the user is a member: "),
        "{check}"
    );
    sb.sshd_with("AllowGroups sftp joe sudo root");
    let check = sb.sh("sftpjail check anna");
    assert!(!check.stdout.contains("! groups"), "{check}");
    all_is_well(&sb);

    let waits = "#!/bin/sh\n/usr/sbin/nslcd\nuntil getent -s ldap group sftp; do sleep .1; done >/dev/null\necho pw\n";
    sb.write_mode("/root/.ssh/askpass", waits, 0o700);
    for _ in 0..3 {
        kill(&sb, "nslcd");
        let out = sb.login("anna").password("pw").ssh(&["id"]).failed();
        assert!(!out.stdout.contains("uid="), "{out}");
        wait_for_answer(&sb);
        assert_eq!(sb.pids("/usr/sbin/nslcd").len(), 1, "the password was asked for");
    }
    sb.wait_for_log(
        "User anna from 127.0.0.1 not allowed because none of user's groups are listed in AllowGroups",
    );
}

fn a_directory_before_another_service_is_warned_of(namespace: Namespace) {
    let sb = people(namespace);
    directory().serve(&sb);
    let warned =
        || sb.try_sh("sftpjail check anna").stdout.contains("if ldap does not answer, systemd says that");
    assert!(!warned());
    nsswitch(&sb, "files ldap systemd");
    assert!(warned());
    nsswitch(&sb, "files ldap [UNAVAIL=return] systemd");
    assert!(!warned());
    all_is_well(&sb);
    kill(&sb, "nslcd");
    nobody_is_unjailed(
        &sb,
        "ldap could not be reached (`group: files ldap [UNAVAIL=return] systemd` in /etc/nsswitch.conf)",
    );
}

fn a_group_of_60_000_members_is_read(namespace: Namespace) {
    let sb = Sandbox::in_namespace(namespace);
    sb.user("anna").add();
    sb.user("joe").add();
    // At 45,500 a buffer of 1 MiB is too small.
    sb.sh("sed -i '/^sftp:/d' /etc/group");
    sb.sh("printf 'sftp:x:7000:%sanna\\n' \"$(seq -f 'member%06.0f' -s, 60000),\" >>/etc/group");
    is_jailed(&sb, "anna");
    has_a_shell(&sb, "joe");
}

/// An `initgroups:` line, or a group of SSSD's that names an account of the host's.
fn a_member_whom_getgrouplist_leaves_out_is_refused(namespace: Namespace) {
    let sb = Sandbox::in_namespace(namespace);
    sb.user("anna").group("sftp").add();
    sb.user("primary").primary("sftp").add();
    sb.user("joe").add();
    is_jailed(&sb, "anna");
    sb.sh("mkdir -p /var/lib/extrausers; touch /var/lib/extrausers/group");
    sb.append("/etc/nsswitch.conf", "initgroups: extrausers\n");
    is_refused(&sb, "anna");
    let line = sb.wait_for_log("refused user anna");
    let sentence = "anna is a member of the group sftp, but sshd's Match Group does not match: getgrouplist(3), which sshd asks, \
                    does not list the group";
    assert!(line.contains(sentence), "{line}");
    let check = sb.try_sh("sftpjail check anna");
    assert!(check.code == Some(1) && check.stdout.contains(sentence), "{check}");
    // getgrouplist(3) is told the primary group by whoever asks.
    is_jailed(&sb, "primary");
    has_a_shell(&sb, "joe");
}

/// NSS hides that a file cannot be read: the service after `files` says that there is no such group.
#[test]
fn a_look_up_that_fails_once_is_no_answer() {
    let sb = Sandbox::new();
    sb.user("anna").group("sftp").add();
    install_alone(&sb, "");
    let with = |options: &str| {
        let strace = format!("strace -qqo /tmp/calls -P /etc/group {options}");
        code(&sb.sh(&format!("{strace} pam-driver --confdir /etc/alone anna account")), "account")
    };
    assert_eq!(with(""), "0");
    let calls = sb.read_text("/tmp/calls");
    let mut refused = 0;
    for call in ["openat", "read"] {
        let times = calls.lines().filter(|line| line.starts_with(&format!("{call}("))).count();
        assert!(times > 1, "{calls}");
        for nth in 1..=times {
            let answer = with(&format!("-e inject={call}:error=EIO:when={nth}"));
            assert_ne!(answer, IGNORED, "{call} {nth}");
            refused += usize::from(answer != "0");
        }
    }
    assert!(refused > 2, "{refused}");
    let why = || {
        let log = sb.log_lines("refused user anna");
        (log.len() == refused).then_some(log)
    };
    let log = wait_until(Duration::from_secs(10), why).expect("one line for each");
    assert!(log.iter().all(|line| line.contains("looking up ")), "{log:#?}");
}

/// A limit of docs/limits.md. If it no longer holds, change the page: sshd asks for Match, and once more for AllowGroups.
#[test]
fn one_look_up_that_fails_in_sshd_alone_leaves_a_member_unjailed() {
    let sb = Sandbox::new();
    sb.user("anna").group("sftp").add();
    for lines in ["", "AllowGroups sftp root"] {
        let sshd = sb.sshd_with(lines);
        is_jailed(&sb, "anna");
        sb.sh(&format!(
            "strace -fqqo /tmp/calls -P /etc/group -e inject=openat:error=EIO:when=1 -p {sshd} >/dev/null 2>&1 </dev/null &
             echo $! >/tmp/strace; until grep -q '^TracerPid:.*[1-9]' /proc/{sshd}/status; do sleep 0.05; done"
        ));
        has_a_shell(&sb, "anna");
        sb.sh("kill $(cat /tmp/strace); while kill -0 $(cat /tmp/strace) 2>/dev/null; do sleep 0.05; done");
    }
}

/// Two groups with one gid, of which getgrgid(3) names the first.
fn a_group_that_sshd_knows_by_another_name_is_refused(namespace: Namespace) {
    let sb = Sandbox::in_namespace(namespace);
    sb.user("anna").add();
    sb.sh("groupdel sftp; printf 'other:x:7000:anna\\nsftp:x:7000:anna\\n' >>/etc/group");
    assert_ne!(code(&alone(&sb, "anna", &["account"]), "account"), IGNORED);
    is_refused(&sb, "anna");
    let line = sb.wait_for_log("refused user anna");
    assert!(
        line.contains("sshd's Match Group does not match: sshd knows the group as other; fix: "),
        "{line}"
    );
}
