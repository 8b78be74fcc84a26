//! Setup and undo keep what others have changed before or since. And the other options: upload portal,
//! module, volumes.

use super::{assert_same, etc, undo};
use sandbox::Sandbox;
use sandbox::artifact;

#[test]
fn undo_keeps_what_others_have_changed_since_and_says_so() {
    let sb = Sandbox::stock();
    sb.sh("sftpjail setup --yes");
    sb.sh("sed -i '1i # of an admin' /etc/pam.d/sshd; echo '# of an admin' >>/etc/sftpjail/config.toml
        rm /etc/ssh/sshd_config.d/00-sftpjail.conf; sed -i 's/rotate 4/rotate 9/' /etc/logrotate.d/rsyslog
        groupadd others; useradd -M -G sftp anna");
    let out = sb.sh("sftpjail setup --undo --yes --force");
    for part in [
        "Note: /etc/pam.d/sshd has been edited since setup, so only what setup added is removed.",
        "Note: /etc/sftpjail/config.toml has been edited since setup, so it stays as it is: nothing reads it any more.",
        "Note: /etc/logrotate.d/rsyslog has been edited since setup, so only",
        "Note: the group sftp stays, because anna is in it.",
        "Everything else is as it was before.",
        "Not jailed, with the shell /bin/sh: anna.",
    ] {
        assert!(out.stdout.contains(part), "{part:?} is missing: {out}");
    }
    let pam = sb.read_text("/etc/pam.d/sshd");
    assert!(pam.starts_with("# of an admin\n") && !pam.contains("sftpjail"), "{pam}");
    let rotate = sb.read_text("/etc/logrotate.d/rsyslog");
    assert!(rotate.starts_with("/var/log/syslog\n") && rotate.contains("rotate 9"), "{rotate}");
    sb.sh("not test -e /etc/ssh/sshd_config.d/00-sftpjail.conf; getent group others");
}

#[test]
fn undo_reports_once_a_file_that_two_setups_wrote_and_others_changed() {
    let sb = Sandbox::stock();
    let path = "/etc/ssh/sshd_config.d/00-sftpjail.conf";
    sb.sh(&format!("sftpjail setup --yes; rm {path}; sftpjail setup --yes; echo '# of an admin' >>{path}"));
    let out = sb.sh("sftpjail setup --undo --yes --force");
    let note =
        format!("Note: {path} has been edited since setup, so it stays as it is: sshd still reads it.");
    assert_eq!(out.stdout.matches(&note).count(), 1, "{out}");
}

#[test]
fn undo_removes_only_its_own_line_from_files_of_groups_that_others_changed() {
    let sb = Sandbox::stock();
    sb.sh("sftpjail setup --yes; groupadd others; sftpjail setup --undo --yes");
    sb.sh("not getent group sftp; getent group others; not grep ^sftp: /etc/gshadow; grep ^others: /etc/gshadow");
}

#[test]
fn a_group_whose_line_is_broken_is_kept() {
    let sb = Sandbox::stock();
    sb.sh("sftpjail setup --yes; sed -i '/^sftp:/s/$/anna:x/' /etc/group");
    let out = sb.sh("sftpjail setup --undo --yes").stdout;
    let note = "Note: the group sftp stays, because its line in /etc/group is broken.\n";
    assert!(out.contains(note), "{out}");
    sb.sh("grep ':anna:x$' /etc/group; grep ^sftp: /etc/gshadow");
}

#[test]
fn a_module_that_pam_still_names_is_kept() {
    let sb = Sandbox::stock();
    let module = sb.sh("find /usr/lib -name pam_sftpjail.so").stdout.trim().to_owned();
    sb.sh(&format!("rm {module}"));
    let out = sb.try_sh("sftpjail setup --yes").failed();
    assert!(out.stderr.contains("make install") && out.stderr.contains("--module PATH"), "{out}");
    sb.install(&artifact("libpam_sftpjail.so"), "/root/module.so", 0o644);
    let out = sb.sh("sftpjail setup --yes --module /root/module.so");
    assert!(out.stdout.contains(&format!("{module}: new, binary")), "{out}");
    sb.sh(&format!("cmp /root/module.so {module}; test $(stat -c %a {module}) = 644"));
    sb.sh("sed -i 's/default=bad. pam_sftpjail/default=die] pam_sftpjail/' /etc/pam.d/sshd");
    let out = sb.sh("sftpjail setup --undo --yes --force");
    let note = format!("these stay, because /etc/pam.d/sshd still names the module: {module}.");
    assert!(out.stdout.contains(&note), "{out}");
    sb.sh(&format!("test -e {module}"));
}

#[test]
fn a_module_beside_the_program_is_installed_and_undo_removes_it() {
    let sb = Sandbox::stock();
    let module = sb.sh("find /usr/lib -name pam_sftpjail.so").stdout.trim().to_owned();
    sb.sh(&format!("rm {module}; mkdir /root/release; cp /usr/local/sbin/sftpjail /root/release"));
    sb.install(&artifact("libpam_sftpjail.so"), "/root/release/libpam_sftpjail.so", 0o755);
    sb.sh("/root/release/sftpjail setup --yes");
    sb.user("anna").group("sftp").add();
    sb.sftp("anna", "ls /etc/ssh\n").failed();
    sb.sftp("anna", "pwd\n").ok();
    undo(&sb);
    sb.sh(&format!("! test -e {module}"));
}

#[test]
fn what_was_done_by_hand_is_kept() {
    let sb = Sandbox::stock();
    sb.append("/etc/ssh/sshd_config", crate::common::by_hand::match_block());
    crate::common::by_hand::add_pam_lines(&sb);
    sb.sh("groupadd --system sftp; mkdir -m 700 /jail /etc/sftpjail; chmod 755 /etc/sftpjail");
    sb.write("/etc/sftpjail/config.toml", include_str!("../../../../config/home.toml"));
    let out = sb.sh("sftpjail setup --yes");
    assert!(!out.stdout.contains("/etc/ssh") && !out.stdout.contains("/etc/pam.d"), "{out}");
}

#[test]
fn a_second_setup_adds_new_groups_of_the_configuration_and_undo_undoes_both() {
    let sb = Sandbox::stock();
    let before = etc(&sb);
    sb.sh("sftpjail setup --yes");
    let config = sb.read_text("/etc/sftpjail/config.toml");
    sb.write("/etc/sftpjail/config.toml", config.replace("[\"sftp\"]", "[\"sftp\", \"partners\"]"));
    let out = sb.sh("sftpjail setup --yes");
    assert!(out.stdout.contains("groupadd --system partners"), "{out}");
    assert!(out.stdout.contains("+Match Group sftp,partners"), "{out}");
    // A failed third setup undoes only its own changes.
    sb.write("/etc/sftpjail/config.toml", config.replace("[\"sftp\"]", "[\"sftp\", \"partners\", \"more\"]"));
    let second = etc(&sb);
    let mut nth = 1;
    loop {
        let strace = format!("strace -qqo /dev/null -e trace=rename -e inject=rename:error=EIO:when={nth}");
        if sb.try_sh(&format!("{strace} sftpjail setup --yes")).code == Some(0) {
            break;
        }
        assert_same(&second, &etc(&sb), &[]);
        nth += 1;
    }
    assert!(nth > 5, "only {nth} renames");
    sb.write("/etc/sftpjail/config.toml", &config);
    sb.sh("sftpjail setup --undo --yes");
    assert_same(&before, &etc(&sb), &[]);
}

/// A newer version completes what an older one wrote.
#[test]
fn a_second_setup_adds_lines_that_the_first_did_not_have_and_undo_undoes_both() {
    let sb = Sandbox::stock();
    for drop_in in [true, false] {
        if !drop_in {
            sb.sh("sed -i '/^Include/d' /etc/ssh/sshd_config");
        }
        let before = etc(&sb);
        sb.sh("sftpjail setup --yes");
        let file = if drop_in { "sshd_config.d/00-sftpjail.conf" } else { "sshd_config" };
        // Makes it what an older version wrote. The journal has the file's digest and what was inserted.
        let age = r#"cd /etc/ssh; digest() { sha256sum <"$1" | cut -d ' ' -f 1; }; old=$(digest "$1")
            sed -i '/ClientAlive/d' "$1"
            sed -i "s/$old/$(digest "$1")/; s/\\\\n    ClientAlive[A-Za-z]* [0-9]*//g" /var/lib/sftpjail/setup/journal.json"#;
        sb.script(age, &[file], b"").ok();
        let out = sb.sh("sftpjail setup --yes");
        for line in ["+    ClientAliveInterval 60", "+    ClientAliveCountMax 3"] {
            assert!(out.stdout.contains(line), "{out}");
        }
        assert!(sb.sh("sftpjail setup --yes").stdout.contains("Nothing to do"));
        sb.sh("sftpjail setup --undo --yes");
        assert_same(&before, &etc(&sb), &[]);
    }
}

#[test]
fn other_intervals_that_an_admin_has_set_are_kept() {
    let sb = Sandbox::stock();
    sb.sh("sftpjail setup --yes; sed -i 's/ClientAliveInterval 60/ClientAliveInterval 600/' /etc/ssh/sshd_config.d/00-sftpjail.conf");
    assert!(sb.sh("sftpjail setup --yes").stdout.contains("Nothing to do"));
    let own = "Match Group sftp\n    ClientAliveInterval 0\n";
    sb.sh("sftpjail setup --undo --yes --force; rm -f /etc/ssh/sshd_config.d/00-sftpjail.conf");
    sb.write("/etc/ssh/sshd_config.d/00-own.conf", own);
    sb.sh("sftpjail setup --yes");
}

#[test]
fn an_upload_portal_has_a_folder_for_each_member_and_nothing_of_the_rehearsal() {
    let sb = Sandbox::stock();
    let out = sb.sh("sftpjail setup --yes --profile upload-portal --jail-root /srv/jails");
    assert!(out.stdout.contains("Match Group sftp-only"), "{out}");
    assert_eq!(sb.sh("ls -A /srv/sftp /srv/jails").stdout, "/srv/jails:\n\n/srv/sftp:\n");
    sb.user("jack").primary("sftp-only").add();
    let seen = sb.sftp("jack", "pwd\nput /etc/hostname here\nls -l /\n").ok();
    assert!(seen.stdout.contains("Remote working directory: /uploads\n"), "{seen}");
    assert!(!seen.stdout.contains("/home"), "{seen}");
    assert_eq!(sb.sh("ls /srv/sftp/jack").stdout, "here\n");
}

#[test]
fn owner_mode_labels_and_symlinks_of_edited_files_are_kept() {
    let sb = Sandbox::stock();
    sb.sh("mkdir /etc/elsewhere; mv /etc/pam.d/sshd /etc/elsewhere/sshd; ln -s /etc/elsewhere/sshd /etc/pam.d/sshd
        chown 0:42 /etc/elsewhere/sshd; chmod 640 /etc/elsewhere/sshd");
    // An extended attribute, as SELinux labels are.
    let inside = |path: &str| format!("/proc/{}/root{path}", sb.outer_pid());
    let name = "trusted.label";
    rustix::fs::setxattr(inside("/etc/elsewhere/sshd"), name, b"x", rustix::fs::XattrFlags::CREATE)
        .expect("an overlay over a tmpfs takes it");
    let label = || {
        let mut label = [0; 8];
        rustix::fs::getxattr(inside("/etc/elsewhere/sshd"), name, &mut label[..])
            .map(|length| (length, label[0]))
    };
    sb.sh("sftpjail setup --yes; test -L /etc/pam.d/sshd; grep -q pam_sftpjail /etc/elsewhere/sshd
        test \"$(stat -c '%a %g' /etc/elsewhere/sshd)\" = '640 42'");
    assert_eq!(label(), Ok((1, b'x')));
    sb.sh(
        "sftpjail setup --undo --yes; test -L /etc/pam.d/sshd; not grep -q pam_sftpjail /etc/elsewhere/sshd
        test \"$(stat -c '%a %g' /etc/elsewhere/sshd)\" = '640 42'",
    );
    assert_eq!(label(), Ok((1, b'x')));
}

#[test]
fn volumes_of_each_user_are_rehearsed_without_a_trace() {
    let sb = Sandbox::stock();
    sb.sh("mkdir -p /etc/sftpjail /data/common /data/own");
    sb.write("/etc/sftpjail/config.toml", with_volumes());
    sb.sh("sftpjail setup --yes");
    assert_eq!(sb.sh("find /data | sort").stdout, "/data\n/data/common\n/data/own\n");
    sb.sh("sftpjail setup --undo --yes; test -e /etc/sftpjail/config.toml");
}

fn with_volumes() -> String {
    let volume = |source: &str, target: &str| {
        format!("[[profile.volume]]\nsource = \"{source}\"\ntarget = \"{target}\"\n")
    };
    let volumes =
        [volume("/data/%u", "/data"), volume("/data/common", "/common"), volume("/data/own/%U", "/own")];
    format!("{}{}", include_str!("../../../../config/home.toml"), volumes.concat())
}

#[test]
fn full_names_in_passwd_need_not_be_utf_8() {
    let sb = Sandbox::stock();
    sb.sh("printf 'joe:x:4711:4711:Jos\\351:/home/joe:/bin/sh\\n' >>/etc/passwd; sftpjail setup --yes");
}
