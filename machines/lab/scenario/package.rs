//! What becomes of the host with the package: from the installation to the purge.

use crate::etc::Etc;
use crate::lab::Lab;
use crate::run::Outcome::{self, Passed, Refused};

pub fn install(lab: &mut Lab) -> Outcome {
    lab.user("joe", "");
    lab.sh("head -c 1M /dev/urandom >/root/file");
    let before = Etc::now(&**lab);
    lab.install(0);
    let modules =
        lab.sh("ls -d $(dirname $(find /usr/lib /lib -name pam_unix.so -print -quit))/pam_sftpjail.so");
    assert_eq!(modules.stdout.lines().count(), 1, "{modules}");
    // Nothing is on before setup.
    let changes = before.changes(&Etc::now(&**lab));
    assert!(changes.lines().all(|line| line.starts_with("+ ") && line.contains("sftpjail")), "{changes}");
    lab.sh("not grep -rqs sftpjail /etc/pam.d /etc/ssh /etc/systemd; not test -e /jail; sshd -t
         systemctl list-timers --all --no-pager | not grep sftpjail; systemctl list-unit-files --state=enabled --no-legend 'sftpjail*' | not grep .");
    assert_eq!(lab.client().ssh("joe", "id -un").ok().stdout, "joe\n");
    lab.before = Some(before);
    Passed
}

pub fn set_up(lab: &mut Lab) -> Outcome {
    let out = lab.try_sh("sftpjail setup --yes");
    if lab.is_kernel_too_old() {
        let out = out.failed();
        assert!(out.stderr.contains("Linux 5.12 or newer"), "{out}");
        lab.sh("not grep -rqs sftpjail /etc/pam.d /etc/ssh /etc/systemd; not test -e /jail; sshd -t");
        return Refused(out.stderr);
    }
    assert!(
        out.clone().ok().stdout.ends_with("\nNext: usermod -aG sftp USER, then sftpjail check USER\n"),
        "{out}"
    );
    Passed
}

pub fn upgrade(lab: &mut Lab) -> Outcome {
    let mut live = lab.client().live("anna", "");
    lab.install(1);
    lab.puts(&mut live, "during-upgrade");
    lab.sh("sftpjail list | grep '^anna '");
    lab.close(live);
    lab.is_sound();
    Passed
}

pub fn upgrade_in_transfer(lab: &mut Lab) -> Outcome {
    // As slow as it must be, in Kbit/s, so that the upgrade ends first.
    let (megabytes, limits): (u64, &[u32]) = match lab.is_emulated() {
        true => (100, &[6_000]),
        false => (500, &[400_000, 100_000, 25_000]),
    };
    let whole = megabytes * 1024 * 1024;
    lab.sh(&format!("head -c {whole} /dev/urandom >/root/big"));
    let size = "$(stat -c %s /home/anna/big 2>/dev/null || echo 0)";
    let is_during = |limit: &u32| {
        let mut live = lab.client().live("anna", &format!("-l {limit}"));
        live.begin(&**lab, "put /root/big big\n");
        lab.wait_for(&format!("test {size} -gt 1000000"));
        lab.install(2);
        let is_during = lab.try_sh(&format!("test {size} -lt {whole}")).code == Some(0);
        live.wait(&**lab);
        lab.close(live);
        lab.sh("cmp /root/big /home/anna/big; rm /home/anna/big");
        is_during
    };
    assert!(limits.iter().any(is_during), "each transfer ended before the upgrade did");
    lab.wait_for_audit(&format!("close .* ok .* {whole} written .* /home/anna/big$"), "big");
    lab.sh("rm /root/big");
    lab.is_sound();
    Passed
}

pub fn undo(lab: &mut Lab) -> Outcome {
    lab.sh("sftpjail setup --undo --yes");
    assert_eq!(lab.client().ssh("anna", "id -un").ok().stdout, "anna\n");
    lab.sh("sshd -t; not grep -rqs sftpjail /etc/pam.d /etc/ssh /etc/systemd; not test -e /jail
         systemctl stop 'user@*.service'");
    Passed
}

pub fn remove(lab: &mut Lab) -> Outcome {
    lab.sh("sftpjail setup --yes");
    let mut live = lab.client().live("anna", "");
    let remove = "DEBIAN_FRONTEND=noninteractive apt-get remove -y sftpjail";
    lab.try_sh(remove).failed();
    lab.puts(&mut live, "during-removal");
    lab.close(live);
    lab.is_sound();
    lab.sh(remove);
    lab.sh("sshd -t; not grep -rqs sftpjail /etc/pam.d /etc/ssh /etc/systemd; not command -v sftpjail");
    assert_eq!(lab.client().ssh("anna", "id -un").ok().stdout, "anna\n");
    Passed
}

pub fn purge(lab: &mut Lab) -> Outcome {
    lab.sh("DEBIAN_FRONTEND=noninteractive apt-get purge -y sftpjail; sshd -t
         dpkg-query -Wf '${Status}' sftpjail 2>/dev/null | not grep installed; not test -e /jail");
    let left = lab.sh(
        "rm -f /root/sftpjail.deb; find / -xdev -name '*sftpjail*'; ls -d /run/sftpjail* 2>/dev/null || true",
    );
    assert_eq!(left.stdout, "", "{left}");
    let changes = lab.before.as_ref().expect("it was installed").changes(&Etc::now(&**lab));
    assert_eq!(changes, "", "changes of /etc");
    assert_eq!(lab.client().ssh("joe", "id -un").ok().stdout, "joe\n");
    Passed
}

pub fn reboot_without(lab: &mut Lab) -> Outcome {
    lab.reboot();
    assert_eq!(lab.client().ssh("joe", "id -un").ok().stdout, "joe\n");
    assert_eq!(lab.client().ssh("root", "id -un").ok().stdout, "root\n");
    Passed
}
