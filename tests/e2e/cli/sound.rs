//! Systems that are as they should be, of different kinds, each set up as its admin would: nothing but ✓ in what
//! `sftpjail` says of them. Those that need systemd are in `machines/tests/sound.rs`.

mod accounts;
mod guests;
mod homes;
mod servers;

use super::check::NO_MAIL;
use super::setup::{assert_same, etc};
use sandbox::sound::Sound;
use sandbox::{Output, Sandbox};

const SSHD: &str = "/usr/sbin/sshd -D";
const BY_KEY: &str = "sftp -q -b - -o BatchMode=yes";
const BY_PASSWORD: &str = "SSH_ASKPASS=/root/.ssh/askpass SSH_ASKPASS_REQUIRE=force SANDBOX_PASSWORD=secret \
                           sftp -q -o BatchMode=no -b - -o PreferredAuthentications=password";
const PORTAL: &str = "--profile upload-portal";

/// A Debian without a mail server, on which these system groups of members exist.
fn stock(groups: &str) -> Sandbox {
    let sb = Sandbox::stock();
    sb.sh(&format!("{NO_MAIL}; for group in {groups}; do groupadd --system $group; done"));
    sb
}

/// A member as admins add them: no shell, a password and a key.
#[track_caller]
fn member(sb: &Sandbox, name: &str, home: &str) {
    sb.user(name).home(home).group("sftp").shell("/usr/sbin/nologin").password("secret").add();
}

/// Members with a password, and with a key in a file of root's. `options`: of useradd, which makes no home.
#[track_caller]
fn members_without_home(sb: &Sandbox, names: &str, options: &str) {
    sb.sh(&format!(
        "for user in {names}; do
            useradd -M -s /usr/sbin/nologin {options} $user; echo $user:secret | chpasswd
            install -D -m 644 /root/.ssh/id_ed25519.pub /etc/ssh/keys/$user
        done
        echo 'AuthorizedKeysFile /etc/ssh/keys/%u .ssh/authorized_keys' >/etc/ssh/sshd_config.d/keys.conf"
    ));
}

/// What `act` does with the system as its admin sees it. It ends with undo, which restores /etc to the byte. `sshd`:
/// its command line. `sftp`: how members log in.
#[track_caller]
fn system(sb: &Sandbox, sshd: &str, sftp: &str, members: &[(&str, &str)], act: impl FnOnce(&Sound<'_>)) {
    sb.sshd_as(sshd);
    let before = etc(sb);
    let shell = |script: &str, input: &[u8]| -> Output { sb.script(script, &[] as &[&str], input) };
    act(&Sound { shell: &shell, options: "", sftp, members });
    assert_same(&before, &etc(sb), &[]);
}

/// Sets up as `options` say, restarts rsyslogd as setup asks for, and checks all, until undo.
#[track_caller]
fn is_sound(sb: &Sandbox, options: &str, sftp: &str, members: &[(&str, &str)]) {
    system(sb, SSHD, sftp, members, |system| {
        system.set_up(options);
        sb.restart_syslog();
        system.is_sound();
        system.undo();
    });
}
