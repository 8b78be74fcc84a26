//! `sftpjail probe` blames what is wrong, and nothing else: full filesystems, limits, expired accounts, other paths.

use super::faults::failed;
use super::{all_ok, machine, probe};
use sandbox::Sandbox;
use std::time::Duration;

/// The line of the only step that has failed, and its fix.
#[track_caller]
fn only_fault(sb: &Sandbox, step: &str) -> (String, String) {
    let out = probe(sb, "mle", 1);
    assert_eq!(out.lines().filter(|line| line.starts_with("✗ ")).count(), 1, "{out}");
    let (line, fix) = failed(&out, step).unwrap_or_else(|| panic!("{out}"));
    (line.to_owned(), fix.trim_start().trim_start_matches("→ ").to_owned())
}

/// The line of a probe that could not begin, and its fix.
#[track_caller]
fn unable(sb: &Sandbox) -> (String, String) {
    let out = probe(sb, "mle", 2);
    let mut lines = out.lines();
    let line = lines.find(|line| line.starts_with("! probe")).unwrap_or_else(|| panic!("{out}"));
    (line.to_owned(), lines.next().unwrap_or_default().trim_start().trim_start_matches("→ ").to_owned())
}

#[test]
fn a_full_filesystem_of_the_home_is_named() {
    for (options, fill, what) in [
        ("size=64k", "head -c 1M /dev/zero >/home/mle/fill", "no space"),
        ("nr_inodes=2", "touch /home/mle/a /home/mle/b", "no inodes"),
    ] {
        let sb = machine();
        sb.sh(&format!(
            "mount -t tmpfs -o {options},mode=750,uid=$(id -u mle),gid=$(id -g mle) none /home/mle"
        ));
        sb.try_sh(&format!("{fill} || true; chown -R mle:mle /home/mle"));
        let (line, fix) = only_fault(&sb, "write");
        let said = format!("the filesystem of /home/mle has {what} left");
        assert_eq!(line, format!("✗ write          /home/mle: {said}"));
        assert!(fix.starts_with("make room there: see df -"), "{fix}");
        sb.sh("umount -l /home/mle");
        all_ok(&sb, "mle");
    }
}

/// The kernel of the tests has no quotas; the filesystem is a real one of FUSE, whose daemon is told so at its writes.
#[test]
fn a_quota_that_is_used_up_is_named() {
    let sb = machine();
    sb.sh("[ -e /dev/fuse ] || mknod -m 666 /dev/fuse c 10 229; echo user_allow_other >>/etc/fuse.conf
        install -d -o mle -g mle /srv/cipher; rm -rf /home/mle/.[!.]*
        setpriv --reuid mle --regid mle --init-groups sh -ec 'cd /srv
            gocryptfs -q -init -scryptn 10 -extpass \"echo pw\" cipher </dev/null
            gocryptfs -q -extpass \"echo pw\" -allow_other cipher /home/mle </dev/null'");
    all_ok(&sb, "mle");
    let strace = sb.sh(
        "setsid strace -f -qqo /dev/null -e inject=pwrite64,fallocate:error=EDQUOT -p $(pgrep -x gocryptfs) \
         >/dev/null 2>&1 </dev/null & echo $!",
    );
    let used_up = || {
        (sb.try_sh("! runuser -u mle -- sh -c 'echo x >/home/mle/full' 2>/dev/null").code == Some(0))
            .then_some(())
    };
    sandbox::wait_until(Duration::from_secs(60), used_up).expect("strace is there");
    sb.sh("rm /home/mle/full");
    let (line, fix) = only_fault(&sb, "write");
    assert_eq!(line, "✗ write          /home/mle: the quota of mle for /home/mle is used up");
    assert_eq!(fix, "let the user remove files, or raise the quota: see quota(1)");
    assert_eq!(sb.sh("ls -A /home/mle").stdout, "");
    sb.sh(&format!("kill {}", strace.stdout.trim()));
    all_ok(&sb, "mle");
}

#[test]
fn a_full_run_is_named() {
    let sb = machine();
    sb.sh("mount -o remount,size=$(($(df -k --output=used /run | tail -1) + 8))k /run; cat /dev/zero >/run/fill || true");
    let (line, fix) = unable(&sb);
    assert!(line.contains("/run has no space left, so the probe cannot write its files ("), "{line}");
    assert!(
        line.ends_with("members with max_sessions or with jails in the host's namespace are refused"),
        "{line}"
    );
    assert_eq!(fix, "make room in /run: see df -h /run");
    sb.sh("rm /run/fill; mount -o remount,size=50% /run");
    sb.sh("mount -o remount,nr_inodes=$(($(df --output=iused /run | tail -1) + 2)) /run; i=0; while touch /run/f$i; do i=$((i+1)); done || true");
    let (line, fix) = unable(&sb);
    assert!(line.contains("/run has no inodes left"), "{line}");
    assert_eq!(fix, "make room in /run: see df -i /run");
    sb.sh("rm /run/f*; mount -o remount,nr_inodes=100000 /run");
    all_ok(&sb, "mle");
}

#[test]
fn a_full_disk_of_the_logs_is_named() {
    let sb = machine();
    sb.sh("mount -o remount,size=$(($(df -k --output=used /var/log | tail -1) + 4))k /var/log; cat /dev/zero >/var/log/fill || true");
    let (line, _) = only_fault(&sb, "log");
    assert!(
        line.contains("the filesystem of /var/log has no space left; there are no log entries"),
        "{line}"
    );
}

#[test]
fn an_account_whose_time_is_over_is_named_with_the_command_that_renews_it() {
    let sb = machine();
    for (broken, evidence, command) in [
        ("chage -E 19000 mle", "refused: the account expired ", "chage -E -1 mle"),
        (
            "chage -d 2020-01-01 -M 30 -I 5 mle",
            "refused: the password expired ",
            "chage -d \"$(date +%F)\" mle",
        ),
    ] {
        sb.sh(broken);
        let (line, fix) = only_fault(&sb, "login");
        assert!(
            line.starts_with(&format!("✗ login          {evidence}")) && line.ends_with(" days ago"),
            "{line}"
        );
        assert_eq!(fix, format!("if the user should be able to log in again, then: {command}"));
        sb.sh(command);
        all_ok(&sb, "mle");
    }
}

#[test]
fn limits_of_the_session_are_named() {
    for limit in ["nofile 3", "nofile 5", "nofile 8", "nofile 12"] {
        let sb = machine();
        sb.sh(&format!("echo 'mle hard {limit}' >/etc/security/limits.conf"));
        let (line, fix) = only_fault(&sb, "login");
        let few = format!("the session may have only {} files open", &limit[7..]);
        assert!(line.contains("Too many open files (log entry") || line.ends_with(&few), "{line}");
        assert!(
            fix.starts_with("let the session have more files open: see nofile in /etc/security/limits.conf"),
            "{fix}"
        );
    }
    let sb = machine();
    sb.sh("echo 'mle hard maxlogins 0' >/etc/security/limits.conf");
    let (line, fix) = only_fault(&sb, "sftp");
    assert!(
        line.contains("is not served: sshd says of PAM: pam_open_session(): Permission denied"),
        "{line}"
    );
    assert!(fix.contains("pam_limits does so without a log entry, for maxlogins"), "{fix}");
}

/// As pam_systemd says so where it cannot reach logind.
#[test]
fn a_module_whose_errors_pam_ignores_is_not_blamed() {
    let sb = machine();
    sb.sh("echo 'mle hard maxlogins 0' >/etc/security/limits.conf
        sed -i '1i session optional pam_exec.so /bin/false' /etc/pam.d/sshd");
    let (line, fix) = only_fault(&sb, "sftp");
    assert!(line.contains("sshd says of PAM: pam_open_session(): Permission denied"), "{line}");
    assert!(!fix.contains("pam_exec"), "{fix}");
    sb.sh("sed -i '1s/optional/required/' /etc/pam.d/sshd");
    let (line, fix) = only_fault(&sb, "sftp");
    assert!(line.contains("pam_exec(sshd:session): /bin/false failed"), "{line}");
    assert_eq!(fix, "see why pam_exec says that: pam_exec(8)");
}

#[test]
fn the_limit_on_mounts_is_named() {
    let sb = machine();
    // As many mounts as the kernel allows, in the sandbox's namespace only. Each of the first binds doubles them.
    sb.sh("mkdir /srv/m /srv/n; mount -t tmpfs none /srv/m; mount --make-private /srv/m; mkdir /srv/m/d; i=0; \
           while mkdir -p /srv/m/d/$i && mount --rbind /srv/m /srv/m/d/$i 2>/dev/null; do i=$((i+1)); done; \
           while test $i -gt 0; do i=$((i-1)); mkdir -p /srv/n/$i; mount --rbind /srv/m/d/$i /srv/n/$i 2>/dev/null || true; done");
    let (line, fix) = only_fault(&sb, "login");
    assert!(line.contains("No space left on device"), "{line}");
    assert!(fix.starts_with("raise the sysctl fs.mount-max: it is "), "{fix}");
}

#[test]
fn a_host_that_is_closed_for_maintenance_is_named() {
    let sb = machine();
    let is_named = |file: &str| {
        let (line, fix) = only_fault(&sb, "login");
        let words = format!(
            "✗ login          refused: {file} exists, so PAM lets nobody but root log in (pam_nologin at "
        );
        assert!(line.starts_with(&words), "{line}");
        assert_eq!(fix, "remove that file when the maintenance is over");
    };
    sb.sh("echo back soon >/etc/nologin");
    is_named("/etc/nologin");
    sb.sh("mv /etc/nologin /etc/closed; sed -i 's,pam_nologin.so,& file=/etc/closed,' /etc/pam.d/sshd");
    is_named("/etc/closed");
}

#[test]
fn another_module_that_refuses_is_named_by_its_log_entry() {
    let sb = machine();
    sb.sh("echo '-:mle:ALL' >>/etc/security/access.conf; sed -i '1i account required pam_access.so' /etc/pam.d/sshd");
    let (line, fix) = only_fault(&sb, "login");
    assert!(line.contains("refused: pam_access(sshd:account): access denied for user `mle'"), "{line}");
    assert_eq!(fix, "see why pam_access says that: pam_access(8)");
}

#[test]
fn a_jail_that_sshd_looks_for_elsewhere_is_named() {
    let sb = machine();
    sb.sh("sed -i s,/jail/%u,/jial/%u, /etc/ssh/sshd_config");
    let (line, fix) = only_fault(&sb, "login");
    let said = "sshd's ChrootDirectory is /jial/%u, so that it looks for the jail at /jial/mle, and the module builds it at /jail/mle";
    assert!(line.ends_with(said), "{line}");
    assert!(fix.contains("ChrootDirectory /jail/%u") && !fix.contains("jail_root"), "{fix}");
}

#[test]
fn a_session_that_begins_elsewhere_as_sshd_says_is_ok() {
    let sb = machine();
    sb.sh("mkdir -p /home/mle/up/deep; chown -R mle /home/mle/up; cp /etc/ssh/sshd_config /root");
    for (option, start) in [
        ("-d /home/mle/up", "/home/mle/up"),
        ("-d %d/up/deep", "/home/mle/up/deep"),
        ("-d/home/%u/up", "/home/mle/up"),
        ("-d up", "/home/mle/up"),
        ("-d /", "/"),
        ("-d /home", "/home"),
    ] {
        sb.sh(&format!("sed 's,internal-sftp -l INFO,internal-sftp -l INFO {option},' /root/sshd_config >/etc/ssh/sshd_config"));
        let out = all_ok(&sb, "mle");
        assert!(out.contains(&format!("✓ pwd            {start}\n")), "{option}: {out}");
    }
    sb.sh("sed 's,internal-sftp -l INFO,internal-sftp -l INFO -d /home/mle/none,' /root/sshd_config >/etc/ssh/sshd_config");
    let (line, fix) = only_fault(&sb, "pwd");
    assert!(line.ends_with("/home/mle, not /home/mle/none"), "{line}");
    assert_eq!(fix, "make the directory /home/mle/none in the jail, or change the -d of internal-sftp");
}

#[test]
fn a_home_that_the_login_makes_is_ok() {
    let sb = machine();
    sb.sh("mv /home/mle /root/mle; echo 'session required pam_mkhomedir.so' >>/etc/pam.d/common-session; \
           sed -i '/account.*sftpjail/d' /etc/pam.d/sshd");
    let out = all_ok(&sb, "mle");
    assert!(out.contains("✓ home           the login has made /home/mle\n"), "{out}");
    assert!(!all_ok(&sb, "mle").contains("✓ home  "), "it is there now");
}

#[test]
fn a_zombie_has_ended() {
    let sb = machine();
    // A container whose PID 1 never asks for the exit status of an orphan.
    let mut container = sb
        .command("unshare")
        .args(["--pid", "--fork", "--kill-child", "--mount-proc", "sleep", "300"])
        .spawn()
        .expect("sandbox-enter runs");
    let sleep = "pgrep -x sleep";
    let runs = || (sb.try_sh(sleep).code == Some(0)).then_some(());
    sandbox::wait_until(Duration::from_secs(60), runs).expect("the container runs");
    let out = sb.sh(&format!("nsenter --target $({sleep}) --pid --mount sftpjail probe mle"));
    assert!(out.stdout.ends_with("mle is jailed and can log in.\n"), "{out}");
    let states = sb.sh(&format!(
        "nsenter --target $({sleep}) --pid --mount sh -c 'cat /proc/[0-9]*/status' | grep State"
    ));
    assert!(states.stdout.contains("Z (zombie)"), "{states}");
    sandbox::end(&mut container);
}

#[test]
fn the_words_of_the_users_own_shell_are_not_taken_for_those_of_sshd() {
    let sb = machine();
    sb.sh("usermod -s /bin/bash mle; sed -i '/ForceCommand/d; s/ChrootDirectory .*/ChrootDirectory none/' /etc/ssh/sshd_config; \
           sed -i 's/^Subsystem.*/Subsystem sftp internal-sftp -l INFO/' /etc/ssh/sshd_config; \
           printf 'echo This service allows sftp connections only.\\nexit 1\\n' >/home/mle/.bashrc");
    let out = probe(&sb, "mle", 1);
    let (line, fix) = failed(&out, "ssh COMMAND").unwrap_or_else(|| panic!("{out}"));
    assert!(
        line.ends_with("the user's shell answers, with sshd's own words; sshd does not force internal-sftp"),
        "{line}"
    );
    assert!(fix.contains("ForceCommand internal-sftp"), "{fix}");
}

#[test]
fn a_path_of_the_jail_is_not_taken_for_one_of_the_host() {
    let sb = machine();
    sb.sh(
        "mkdir -p /etc/sftpjail /srv/media; usermod -d /media mle; stat -c '%U:%G %a' /media >/root/before",
    );
    sb.write(
        "/etc/sftpjail/config.toml",
        "[[profile]]\nname = \"media\"\ngroups = [\"sftp\"]\nhome = \"none\"\n\
         [[profile.volume]]\nsource = \"/srv/media\"\ntarget = \"/media\"\n",
    );
    let (line, fix) = only_fault(&sb, "write");
    assert!(line.starts_with("✗ write          /media: cannot be written: "), "{line}");
    assert_eq!(fix, "let the user write /srv/media on the host");
}

#[test]
fn the_memory_of_roots_clients_does_not_depend_on_what_the_server_sends() {
    let sb = machine();
    sb.sh("cd /home/mle; seq -f $(printf %0200d 0)-%.0f 300000 | xargs touch");
    const LIMIT: &str = "ulimit -v $((64 << 10))";
    // It does not do for all of the names.
    sb.sh(&format!(
        "{LIMIT}; sftp -b - -D /usr/lib/openssh/sftp-server </dev/null
         ! echo ls /home/mle | sftp -b - -D /usr/lib/openssh/sftp-server >/dev/null"
    ));
    let out = sb.sh(&format!("{LIMIT}; sftpjail probe mle"));
    assert!(out.stdout.contains("✓ ls             served, with more names than the probe reads\n"), "{out}");
    assert!(out.stdout.ends_with("mle is jailed and can log in.\n"), "{out}");
}

/// A web root, all homes, and a home whose group is everybody's: a command would take them or open them.
#[test]
fn a_home_that_is_not_plainly_the_users_is_opened_by_no_command() {
    for (script, advice) in [
        (
            "groupadd www; install -d -g www -m 2775 /srv/www; usermod -d /srv/www mle",
            "let the user write /srv/www on the host",
        ),
        (
            "useradd -m joe; usermod -d /home mle; chown root /home/mle",
            "give mle a home of its own (usermod -d): /home holds the homes of others",
        ),
        ("chown root:users /home/mle; chmod 755 /home/mle", "let the user write /home/mle on the host"),
    ] {
        let sb = machine();
        sb.sh(script);
        let (line, fix) = only_fault(&sb, "write");
        assert!(line.contains("Permission denied"), "{line}");
        assert_eq!(fix, advice, "{script}");
    }
}

/// A process of the user's writes log entries that look like those of sshd: none of them is believed.
#[test]
fn log_entries_that_others_wrote_are_not_believed() {
    let sb = machine();
    sb.sh("usermod -s /bin/sh joe 2>/dev/null || useradd -m joe");
    sb.write_mode(
        "/srv/forge",
        "#!/bin/sh
        while :; do
            for pid in $(pgrep -x sshd); do
                for entry in 'pam_sftpjail(sshd:session): refused user mle rhost=x: forged; fix: rm -r /forged' \\
                    'pam_forged(sshd:account): forged' 'error: PAM: forged' 'PAM unable to dlopen(forged.so): forged'; do
                    logger --id=$pid -t sshd -p authpriv.err \"$entry\"
                done
            done
        done",
        0o755,
    );
    sb.sh("setpriv --reuid joe --regid joe --clear-groups /srv/forge >/dev/null 2>&1 </dev/null &
        for i in $(seq 200); do grep -q forged /var/log/auth.log && exit; sleep 0.05; done; exit 1");
    // Refused by another file than the forged entries name.
    sb.sh("echo DenyUsers mle >/etc/ssh/sshd_config.d/deny.conf");
    let out = probe(&sb, "mle", 1);
    assert!(out.contains("not allowed because listed in DenyUsers") && !out.contains("forged"), "{out}");
}
