//! Moving over from other jails. Each is set up as its own project does that, and serves users before the page begins.

use crate::common::page::Page;
use sandbox::Sandbox;

/// A machine with these users, each with a folder `www` in the home, and with `lines` at the end of sshd_config.
fn machine(users: &[&str], group: &str, lines: &str) -> Sandbox {
    let sb = Page::stock_machine(&[]);
    for user in users {
        sb.user(user).group(group).shell("/usr/sbin/nologin").add();
        sb.sh(&format!("install -d -o {user} -g {user} /home/{user}/www"));
    }
    sb.append("/etc/ssh/sshd_config", lines);
    sb.sh("kill -HUP $(cat /run/sshd.pid)");
    sb
}

#[test]
fn moving_from_a_chroot_into_homes_of_roots() {
    let block = "\nMatch Group sftponly\n    ChrootDirectory %h\n    ForceCommand internal-sftp\n";
    let sb = machine(&["anna", "ben"], "sftponly", block);
    sb.sh("chown root:root /home/anna /home/ben; chmod 755 /home/anna /home/ben");
    Page::read("docs/recipes/moving-from-chroot.md").run(&sb);
}

/// What sftp-chroot's map prints for a user.
const JAILS: &str = "#!/bin/sh
home=$(getent passwd -- \"$1\" | cut -d : -f 6)
test -d \"$home\" && echo \"-fstype=bind  \\\"/$home\\\" \\\":$home\\\"\"
";

#[test]
fn moving_from_autofs() {
    let block = "\nMatch group sftp\n\tX11Forwarding no\n\tAllowTcpForwarding no\n\tChrootDirectory /jail/%u\n\
                 \tForceCommand internal-sftp\n";
    let sb = machine(&["anna", "ben"], "sftp", block);
    sb.sh("install -d -m 700 /jail");
    sb.write_mode("/etc/autofs-sftp-jails.sh", JAILS, 0o755);
    with_autofs(&sb, "jails", "/jail  program:/etc/autofs-sftp-jails.sh  --timeout=20\n", "/jail");
    // One at a time, beside the old jails.
    sb.sh("sftpjail setup --group sftp-new --jail-root /srv/sftp-jail --yes; usermod -aG sftp-new anna
        sftpjail check anna | grep 'anna is jailed and can log in'");
    for user in ["anna", "ben"] {
        assert!(sb.sftp(user, "pwd\n").ok().stdout.contains(&format!(": /home/{user}\n")));
    }
    assert_eq!(sb.log_lines("pam_sftpjail(sshd:session): session opened").len(), 1);
    sb.sh("gpasswd -d anna sftp-new; sftpjail setup --undo --yes");
    Page::read("docs/recipes/moving-from-autofs.md").run(&sb);
}

/// Starts automount with one more file for its master map, and waits until it has mounted `at`.
pub(super) fn with_autofs(sb: &Sandbox, name: &str, line: &str, at: &str) {
    sb.unpack("autofs");
    // As its postinst does.
    sb.sh("cp -r /usr/share/autofs/conffiles/* /etc/");
    sb.write(format!("/etc/auto.master.d/{name}.autofs"), line);
    sb.sh("test -e /dev/autofs || mknod -m 600 /dev/autofs c 10 235");
    sb.script(
        "setsid service autofs start >/dev/null 2>&1 </dev/null
        for i in $(seq 100); do grep -q \" $1 autofs \" /proc/mounts && exit 0; sleep 0.1; done; exit 1",
        &[at],
        b"",
    )
    .ok();
}

/// As HestiaCP 1.9 does it, in v-add-user, v-add-sys-sftp-jail and add_chroot_jail, but for the unit of systemd that mounts.
#[test]
fn moving_from_hestiacp() {
    let block = " \n# Hestia SFTP Chroot\nMatch User sftp_dummy99,anna,ben,anna_shop\n    ChrootDirectory /srv/jail/%u\n    \
                 X11Forwarding no\n    AllowTCPForwarding no\n    ForceCommand internal-sftp -d /home/%u\n";
    let sb = machine(&["anna", "ben"], "hestia-users", block);
    sb.unpack("acl");
    sb.sh("for user in anna ben; do
            home=/home/$user; chmod 755 $home; rmdir $home/www
            setfacl -m u:$user:r-x -m g:hestia-users:--- $home
            install -d -o root -g $user $home/web; install -d -m 700 -o $user -g $user $home/tmp
            install -d -o $user -g $user $home/web/example.org $home/web/example.org/public_html
            chown root:root $home
            install -d /srv/jail/$user/home/$user; mount --bind $home /srv/jail/$user/home/$user
        done
        home=/home/anna/web/example.org/public_html
        useradd -o -u $(id -u anna) -g anna -G hestia-users -M -s /usr/sbin/nologin -d $home anna_shop
        install -d /srv/jail/anna_shop/home/anna_shop; mount --bind $home /srv/jail/anna_shop/home/anna_shop
        sed -i 's/^Subsystem.*/Subsystem sftp internal-sftp/' /etc/ssh/sshd_config; kill -HUP $(cat /run/sshd.pid)");
    sb.script("echo \"anna_shop:$1\" | chpasswd", &[Page::PASSWORD], b"").ok();
    Page::read("docs/recipes/moving-from-hestiacp.md").run(&sb);
}

#[test]
fn moving_from_mysecureshell() {
    let sb = machine(&["anna", "ben"], "customers", "");
    sb.unpack("mysecureshell");
    sb.write(
        "/etc/ssh/sftp_config",
        "<Default>\n    Home           /home/$USER\n    VirtualChroot  true\n    LimitConnectionByUser  5\n</Default>\n",
    );
    sb.sh("usermod -s /usr/bin/mysecureshell anna; usermod -s /usr/bin/mysecureshell ben");
    Page::read("docs/recipes/moving-from-mysecureshell.md").run(&sb);
}
