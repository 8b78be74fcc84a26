//! Threats, row 23: what another module mounts at login and unmounts at logout. libpam calls session
//! modules from the top to the bottom at close as well, so that these do so before our last line.

use sandbox::{LiveSftp, Namespace, Sandbox};

use super::without_first_line;
use crate::common::jailed::{has_only_its_home, left_nothing, names};

in_both_namespaces!(
    a_tmpfs_home_of_pam_mount_is_gone_after_logout,
    a_gocryptfs_home_of_pam_mount_is_gone_after_logout,
    what_a_script_of_pam_exec_mounts_is_gone_after_logout,
);

const PASSWORD: &str = "correct horse";

/// A member with a password, and a home that holds nothing but what is mounted on it.
fn machine(namespace: Namespace) -> Sandbox {
    let sb = Sandbox::in_namespace(namespace);
    sb.user("mle").group("sftp").password(PASSWORD).key(false).add();
    sb
}

/// pam_mount in Debian's places, with one volume.
fn with_pam_mount(sb: &Sandbox, volume: &str) {
    for package in ["libpam-mount", "libpam-mount-bin"] {
        sb.unpack(package);
    }
    sb.write(
        "/etc/security/pam_mount.conf.xml",
        format!(
            "<?xml version=\"1.0\" encoding=\"utf-8\" ?>\n<pam_mount>\n<debug enable=\"0\" />\n{volume}\n\
             <mkmountpoint enable=\"0\" />\n</pam_mount>\n"
        ),
    );
    sb.sh("echo 'auth optional pam_mount.so' >>/etc/pam.d/common-auth
        echo 'session optional pam_mount.so' >>/etc/pam.d/common-session");
}

/// The home of `user` is a gocryptfs that pam_mount opens with the user's password, as gocryptfs's manual shows.
pub(crate) fn with_encrypted_home(sb: &Sandbox, user: &str, password: &str) {
    sb.sh(&format!(
        "install -d -o {user} -g {user} -m 700 /home/{user}.cipher; sed -i 's/^#user_allow_other/user_allow_other/' /etc/fuse.conf
        test -e /dev/fuse || mknod -m 666 /dev/fuse c 10 229
        echo '{password}' >/tmp/pass; gocryptfs -q -init -scryptn 10 -passfile /tmp/pass /home/{user}.cipher
        chown -R {user}:{user} /home/{user}.cipher; rm /tmp/pass"
    ));
    with_pam_mount(
        sb,
        &format!(
            "<volume user=\"{user}\" fstype=\"fuse\" path=\"/usr/bin/gocryptfs#/home/{user}.cipher\" \
             mountpoint=\"/home/{user}\" options=\"nodev,nosuid,quiet,nonempty,allow_other\" />"
        ),
    );
}

fn live(sb: &Sandbox) -> LiveSftp {
    sb.login("mle").password(PASSWORD).live()
}

/// Logs in and out in several ways; each time `mounted` is there, and nothing afterwards.
fn comes_and_goes(sb: &Sandbox, mounted: &str) {
    let before = sb.mounts();
    assert!(!before.iter().any(|line| line.contains(mounted)), "{before:#?}");
    for how in ["quit", "lost", "busy", "two"] {
        let mut first = live(sb);
        has_only_its_home(sb, &mut first, "/home/mle");
        assert!(sb.mounts().iter().any(|line| line.contains(mounted)), "{how}: {:#?}", sb.mounts());
        match how {
            "quit" => assert_eq!(first.quit(), Some(0)),
            "lost" => drop(first),
            "busy" => {
                // internal-sftp, whose working directory is in the home, outlives the session.
                let monitor = sb.session_monitor("mle");
                let server = *sb.pids("sshd: mle@").last().expect("sshd's child and its own");
                assert_eq!(sb.sh(&format!("readlink /proc/{server}/cwd | grep -c home/mle")).stdout, "1\n");
                sb.kill(server, "STOP");
                drop(first);
                for client in sb.pids("/usr/bin/ssh ") {
                    sb.kill(client, "KILL");
                }
                sb.wait_gone(monitor);
                assert!(!sb.mounts().iter().any(|line| line.contains(mounted)), "{:#?}", sb.mounts());
                sb.kill(server, "CONT");
            }
            _ => {
                let second = live(sb);
                assert_eq!(second.quit(), Some(0));
                assert!(!names(&mut first, "/home").is_empty());
                assert_eq!(first.quit(), Some(0));
            }
        }
        sb.wait_for_logouts();
        left_nothing(sb, &before);
    }
}

/// With one line, the host keeps what was mounted: so this can fail.
fn stays_with_one_line(sb: &Sandbox, mounted: &str) {
    if sb.namespace() == Namespace::Host {
        return;
    }
    without_first_line(sb);
    assert_eq!(live(sb).quit(), Some(0));
    sb.wait_for_logouts();
    assert!(sb.mounts().iter().any(|line| line.contains(mounted)), "{:#?}", sb.mounts());
}

fn a_tmpfs_home_of_pam_mount_is_gone_after_logout(namespace: Namespace) {
    let sb = machine(namespace);
    with_pam_mount(
        &sb,
        "<volume user=\"mle\" fstype=\"tmpfs\" path=\"none\" mountpoint=\"/home/mle\" \
         options=\"size=4M,uid=%(USERUID),gid=%(USERGID),mode=0700\" noroot=\"0\" />",
    );
    comes_and_goes(&sb, " /home/mle ");
    stays_with_one_line(&sb, " /home/mle ");
}

fn a_gocryptfs_home_of_pam_mount_is_gone_after_logout(namespace: Namespace) {
    let sb = machine(namespace);
    with_encrypted_home(&sb, "mle", PASSWORD);
    comes_and_goes(&sb, " /home/mle ");
    assert_eq!(sb.pids("gocryptfs"), [0; 0]);
    // What was written is in the encrypted directory, and there only.
    sb.sh("test \"$(ls /home/mle.cipher | wc -l)\" -ge 3; test ! -e /home/mle/letter");
    stays_with_one_line(&sb, " /home/mle ");
}

/// Counts sessions, as pam_mount does: a second one is not to have another home.
const SCRATCH: &str = "#!/bin/sh -e
exec 9>>/run/scratch
flock 9
count=$(wc -l </run/scratch)
case $PAM_TYPE in
open_session)
    [ $count != 0 ] || mount -t tmpfs -o mode=0755,uid=$PAM_USER scratch /home/$PAM_USER
    echo >&9 ;;
close_session)
    [ $count != 1 ] || umount /home/$PAM_USER
    truncate -s $((count - 1)) /run/scratch ;;
esac
";

fn what_a_script_of_pam_exec_mounts_is_gone_after_logout(namespace: Namespace) {
    let sb = machine(namespace);
    sb.write_mode("/usr/local/sbin/scratch", SCRATCH, 0o755);
    sb.sh("sed -i '/pam_sftpjail.so open$/i session optional pam_exec.so /usr/local/sbin/scratch' /etc/pam.d/sshd");
    comes_and_goes(&sb, " scratch ");
    stays_with_one_line(&sb, " scratch ");
}
