//! Jails in mount namespaces of their own, beside much else that the host has mounted. From Linux 7.0 on, such a
//! namespace has a few of the host's mounts, and on older kernels a copy of all. The same must hold on both.

use machines::{Guest, Image, System};

/// What sshd and modules of PAM use.
const PATHS: &str = "/ /dev/null /dev/log /dev/pts/ptmx /dev/shm /etc/nsswitch.conf /etc/passwd /home/anna/.ssh \
     /proc/1 /proc/sys /run/dbus/system_bus_socket /run/systemd/journal/socket /run/user/$uid /sys/fs/cgroup \
     /sys/kernel/security /tmp /usr/bin/env /usr/local/sbin /var/lib /var/log /var/mail /var/spool/mail /var/tmp";

/// The host's mounts, but for what logind mounts and unmounts when it likes.
const TABLE: &str = "grep -v ' /run/user/' /proc/self/mountinfo | sort";

/// A guest with the member anna, with mounts of their own for what the system consists of, with 256 for its data, and
/// with a module after ours that says what it sees.
fn guest(image: &Image) -> Guest {
    let guest = Guest::boot(image);
    guest.sh("sftpjail setup --yes; mount -t tmpfs -o mode=0755 homes /home");
    guest.user("anna", "sftp");
    guest.sh("mount -t tmpfs -o mode=1777 mail /var/mail; mount -t tmpfs -o mode=1777 more /var/tmp
        install -d -m 700 /jail; mount -t tmpfs -o mode=0700 jails /jail; mount --bind /usr/local /usr/local
        cp /etc/nsswitch.conf /run/; mount --bind /run/nsswitch.conf /etc/nsswitch.conf
        mkdir /srv/many; mount -t tmpfs data /srv/many; mount --make-private /srv/many
        for i in 1 2 3 4 5 6 7 8; do mkdir /srv/many/$i; done
        for i in 1 2 3 4 5 6 7 8; do mount --rbind /srv/many /srv/many/$i; done");
    let checked = guest.sh("sftpjail check anna");
    assert!(checked.stdout.ends_with("anna is jailed and can log in.\n"), "{checked}");
    let seen = format!("uid=$(id -u anna)\nstat -L -c '%n %d:%i' {PATHS} 2>&1");
    guest.script("cat >/run/look", seen.as_bytes()).ok();
    guest.sh("cat >/usr/local/sbin/after <<'END'
#!/bin/sh
test \"$PAM_TYPE\" != open_session || { sh /run/look >/run/seen; cat /proc/self/mountinfo >/run/mounts; }
END
        chmod 755 /usr/local/sbin/after
        echo 'session required pam_exec.so /usr/local/sbin/after' >>/etc/pam.d/sshd");
    guest
}

/// anna logs in and works. Gives how many of the 256 mounts her session's namespace has.
#[track_caller]
fn log_in(guest: &Guest, when: &str) -> usize {
    guest.sh(&format!("rm -f /run/seen /run/mounts; {TABLE} >/run/before; mkdir -p /home/anna/late"));
    let batch = format!(
        "put /etc/hostname early\n!{TABLE} >/run/during\n\
         !mount -t tmpfs -o uid=anna disk /home/anna/late\nput /etc/hostname late/written\nls late\n\
         !umount /home/anna/late\nls late\n!sh /run/look >/run/expected\n"
    );
    let said = guest.sftp("anna", &batch).ok();
    assert_eq!(said.stdout.matches("late/written").count(), 2, "{when}: {said}");
    // A module after ours finds the host's own files, and the host has no mount of the session's, then or later.
    guest.sh("diff /run/expected /run/seen; diff /run/before /run/during");
    guest.wait_for("sftpjail list | grep -q ^Nobody");
    guest.sh(&format!("{TABLE} | diff /run/before -; test \"$(ls -A /jail)\" = ''"));
    let took = "journalctl --no-pager -b | grep -o 'setup_us=[0-9]*' | tail -n 1";
    println!("{}, {when}: {}", guest.name(), guest.sh(took).stdout.trim());
    guest.sh("grep -c ' /srv/many/' /run/mounts || true").stdout.trim().parse().expect("a number")
}

#[test]
fn with_linux_6_12_a_session_has_a_copy_of_the_hosts_mounts() {
    let guest = guest(&Image::of("trixie"));
    assert_eq!(log_in(&guest, "among 256 mounts"), 255);
}

#[test]
fn with_linux_7_a_session_has_the_same_at_all_paths_that_count_and_not_the_hosts_other_mounts() {
    let guest = guest(&Image::newest());
    assert_eq!(log_in(&guest, "among 256 mounts"), 0);
    // The kernel clones no such mount alone.
    guest.sh("mount --make-unbindable /var/tmp");
    assert_eq!(log_in(&guest, "with a mount that cannot be cloned"), 255);
    guest.sh("mount --make-shared /var/tmp");

    // The process is in the new namespace already.
    guest.sh(
        "setsid strace -f -qq -o /run/calls -e trace=mount -e inject=mount:error=EBUSY:when=1 \
             -p $(systemctl show -p MainPID --value ssh.service) >/dev/null 2>&1 </dev/null & echo $! >/run/strace",
    );
    guest.wait_for(
        "grep -q 'TracerPid:[[:space:]]*[1-9]' /proc/$(systemctl show -p MainPID --value ssh.service)/status",
    );
    assert_eq!(log_in(&guest, "where the new namespace cannot be used"), 255);
    guest.sh("kill $(cat /run/strace); grep -q INJECTED /run/calls");
    assert_eq!(log_in(&guest, "as at first"), 0);
}
