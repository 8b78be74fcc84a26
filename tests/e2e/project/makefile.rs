//! `make install` and `make uninstall`.

use super::manuals::{all_files, share};
use crate::cli::setup::{REWRITTEN_BY_USERADD, assert_same, etc, undo};
use sandbox::{Sandbox, artifact};

/// A stock machine without our files, and the source with what a build leaves there. It is built
/// already: `-o build-release`.
fn source() -> (Sandbox, String) {
    let sb = Sandbox::stock();
    let module = sb.sh("find /usr/lib -name pam_sftpjail.so").stdout.trim().to_owned();
    sb.sh(&format!("rm {module} /usr/local/sbin/sftpjail; mkdir -p /root/source/target/release"));
    sb.write("/root/source/Makefile", include_str!("../../../Makefile"));
    for name in ["libpam_sftpjail.so", "sftpjail"] {
        sb.install(&artifact(name), format!("/root/source/target/release/{name}"), 0o755);
    }
    for path in all_files() {
        let text = std::fs::read_to_string(share().join(&path)).expect("a file of text");
        let path = format!("/root/source/target/manuals/share/{path}");
        sb.sh(&format!("mkdir -p $(dirname {path})"));
        sb.write(path, text);
    }
    (sb, module)
}

const MAKE: &str = "make -C /root/source -o build-release";

#[test]
fn a_package_is_made_below_destdir_with_its_prefix() {
    let (sb, module) = source();
    let before = etc(&sb);
    sb.sh(&format!("{MAKE} install DESTDIR=/root/package PREFIX=/usr"));
    let found = sb.sh("cd /root/package; find . -type f -printf '%m /%P\\n' | LC_ALL=C sort").stdout;
    let (mut expected, program) = (vec![format!("644 {module}")], "755 /usr/sbin/sftpjail".to_owned());
    expected.extend(all_files().iter().map(|path| format!("644 /usr/share/{path}")));
    expected.push(program);
    assert_eq!(found.lines().collect::<Vec<_>>(), expected);
    sb.sh(&format!("not test -e {module}; not test -e /usr/sbin/sftpjail"));
    assert_same(&before, &etc(&sb), &[]);
    sb.sh(&format!(
        "{MAKE} uninstall DESTDIR=/root/package PREFIX=/usr; ! find /root/package -type f | grep ."
    ));
}

#[test]
fn installed_set_up_undone_and_uninstalled() {
    let (sb, module) = source();
    let before = etc(&sb);
    sb.sh(&format!(
        "{MAKE} install; test -e {module}; test -e /usr/local/share/man/man8/sftpjail.8; sftpjail setup --yes"
    ));
    sb.user("anna").group("sftp").add();
    sb.sftp("anna", "pwd\n").ok();
    sb.sftp("anna", "ls /etc/ssh\n").failed();
    sb.sh("userdel -r anna 2>/dev/null");
    let out = sb.try_sh(&format!("{MAKE} uninstall")).failed();
    assert!(out.stderr.contains("run first: sftpjail setup --undo"), "{out}");
    sb.sh(&format!("test -e {module}"));
    undo(&sb);
    let drop_in = "/etc/systemd/system/user@.service.d";
    sb.sh(&format!("mkdir -p {drop_in}; touch {drop_in}/50-sftpjail.conf"));
    let out = sb.try_sh(&format!("{MAKE} uninstall")).failed();
    assert!(out.stderr.contains("50-sftpjail.conf names the program; run first"), "{out}");
    sb.sh(&format!("rm -r {drop_in}; touch /etc/cron.d/sftpjail"));
    let out = sb.try_sh(&format!("{MAKE} uninstall")).failed();
    assert!(out.stderr.contains("/etc/cron.d/sftpjail names the program; run first"), "{out}");
    sb.sh(&format!("rm /etc/cron.d/sftpjail; {MAKE} uninstall"));
    sb.sh(&format!("not test -e {module}; not test -e /usr/local/sbin/sftpjail"));
    assert_eq!(sb.sh("find /usr/local/share -name '*sftpjail*'").stdout, "");
    assert_same(&before, &etc(&sb), &REWRITTEN_BY_USERADD);
}

#[test]
fn an_upgrade_on_a_full_disk_leaves_the_module_that_is_there() {
    let (sb, module) = source();
    sb.sh(&format!("{MAKE} install; sha256sum {module} >/root/sum"));
    // It removes what is there, and then has no room for the copy.
    sb.sh("mkdir /run/bin; printf '#!/bin/sh\\nfor to; do :; done; rm -f \"$to\"; : >\"$to\"; exit 1\\n' >/run/bin/install
        chmod 755 /run/bin/install");
    sb.try_sh(&format!("PATH=/run/bin:$PATH {MAKE} install")).failed();
    sb.sh("sha256sum -c /root/sum");
}

#[test]
fn a_module_that_a_linked_file_of_pams_names_is_not_uninstalled() {
    let (sb, module) = source();
    sb.sh(&format!("{MAKE} install; mv /etc/pam.d/sshd /etc/linked; ln -s /etc/linked /etc/pam.d/sshd; sftpjail setup --yes"));
    let out = sb.try_sh(&format!("{MAKE} uninstall")).failed();
    assert!(out.stderr.contains("run first: sftpjail setup --undo"), "{out}");
    sb.sh(&format!("test -e {module}"));
}

#[test]
fn what_a_package_has_installed_is_neither_overwritten_nor_removed() {
    let (sb, module) = source();
    sb.sh(&format!(
        "install -D -m 644 /root/source/target/release/libpam_sftpjail.so /root/package{module}; mkdir /root/package/DEBIAN
        printf 'Package: sftpjail\\nVersion: 1\\nArchitecture: all\\nMaintainer: m <m@localhost>\\nDescription: d\\n' \
            >/root/package/DEBIAN/control
        dpkg-deb --build /root/package /root/package.deb; touch /var/lib/dpkg/status /var/lib/dpkg/available
        dpkg --install /root/package.deb; sha256sum {module} >/root/sum"
    ));
    for target in ["install", "uninstall"] {
        let out = sb.try_sh(&format!("{MAKE} {target}")).failed();
        assert!(out.stderr.contains("the module belongs to the package sftpjail"), "{out}");
    }
    sb.sh("sha256sum -c /root/sum; not test -e /usr/local/sbin/sftpjail");
    // A package of its own is built all the same.
    sb.sh(&format!("{MAKE} install DESTDIR=/root/other"));
}

/// `make deny` with a cargo-deny that says `answers`, lines of a case statement over its arguments.
fn deny(sb: &Sandbox, answers: &str, options: &str) -> sandbox::Output {
    let makefile = include_str!("../../../Makefile");
    let version = makefile.lines().find_map(|line| line.strip_prefix("CARGO_DENY := ")).expect("a version");
    let tool = format!("/root/source/target/tools/cargo-deny-{version}/bin/cargo-deny");
    sb.sh(&format!("mkdir -p $(dirname {tool})"));
    sb.write(&tool, format!("#!/bin/sh\ncase \"$*\" in {answers} *) echo \"$*: ok\";; esac\n"));
    sb.try_sh(&format!("chmod 755 {tool}; {MAKE} deny CARGO=/bin/false {options}"))
}

#[test]
fn dependencies_whose_known_faults_nobody_could_look_up_are_never_passed_over_in_silence() {
    let (sb, _) = source();
    let out = deny(&sb, "", "").ok();
    assert!(out.stdout.contains("check advisories: ok"), "{out}");
    assert!(!out.stderr.contains("NOT CHECKED"), "{out}");
    let unreachable = "*fetch*) echo 'fatal: no network' >&2; exit 1;;";
    let out = deny(&sb, unreachable, "").ok();
    assert!(out.stderr.contains("fatal: no network\nmake: NOT CHECKED: known faults"), "{out}");
    deny(&sb, unreachable, "ADVISORIES=/root/clone").failed();
    deny(&sb, "*advisories*) exit 1;;", "").failed();
    deny(&sb, "*licenses*) exit 1;;", "").failed();
}
