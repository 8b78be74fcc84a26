//! Grants and the accounts of guests outlive undo, since setup has made neither: undo says so, and the next setup, `check`
//! and `grant` say what brings them back.

use super::UNDO;
use sandbox::Sandbox;

const CONFIG: &str = "/etc/sftpjail/config.toml";

/// Puts the guests' profile into force, as the configuration explains it.
fn let_guests_in(sb: &Sandbox) {
    sb.sh(&format!("sed -i '/^# \\[\\[profile/,$ s/^# //' {CONFIG}; sftpjail setup --yes"));
}

/// A machine with the guest felix, who has two folders.
fn with_a_guest() -> Sandbox {
    let sb = Sandbox::stock();
    sb.sh("sftpjail setup --yes");
    let_guests_in(&sb);
    sb.sshd();
    sb.sh("install -d /srv/a /srv/b; sftpjail grant felix /srv/a --read-only --create --yes
           sftpjail grant felix /srv/b --read-only --yes");
    sb
}

#[test]
fn undo_says_which_grants_stay_and_runs_again_when_they_are_gone() {
    let sb = with_a_guest();
    sb.sh("install -d /etc/sftpjail/keys.d; echo >/etc/sftpjail/keys.d/felix; mkdir /etc/sftpjail/own");
    let out = sb.sh(UNDO);
    let note = "Note: /etc/sftpjail stays, because it is not empty: it has grants.d (2 grants of felix), keys.d (keys of \
                felix), own/; remove what nobody needs any more, and run `sftpjail setup --undo` again.\n";
    assert!(out.stdout.contains(note), "{out}");
    sb.sh("rm -r /etc/sftpjail/*.d /etc/sftpjail/own");
    sb.sh(&format!("{UNDO}; not test -e /etc/sftpjail"));
}

#[test]
fn a_guest_whose_profile_is_gone_needs_that_profile_and_no_other_group() {
    let sb = with_a_guest();
    sb.sh(&format!("{UNDO}; sftpjail setup --yes"));
    let advice = "to jail felix, who has no home: let /etc/sftpjail/config.toml have the lines [[profile]], name = \"guest\", \
                  groups = [\"sftp-guest\"] and home = \"none\", without a # before them, then run `sftpjail setup`";
    let out = sb.try_sh("sftpjail check felix");
    assert!(out.stdout.replace("\n                 ", " ").contains(advice), "{out}");
    let out = sb.try_sh("sftpjail grant felix /srv --read-only --yes");
    assert!(out.stderr.ends_with(&format!("so is never jailed; {advice}\n")), "{out}");
    // That brings everything back.
    let_guests_in(&sb);
    sb.sh("sftpjail check felix | grep -q '^✓ grant  .*/srv/a'");
    // Where there are several profiles, one that needs a home is none for felix.
    sb.sh("groupadd others; usermod -g others felix");
    let out = sb.try_sh("sftpjail check felix");
    assert!(out.stdout.contains("→ to jail felix: usermod -aG sftp-guest felix\n"), "{out}");
}

#[test]
fn the_last_revoke_of_a_guest_says_how_to_remove_the_account() {
    let sb = with_a_guest();
    let advice = "The account felix stays, and its logins are refused: nothing is granted to it\n  \
                  → if nobody needs it any more: userdel felix\n";
    let out = sb.sh("sftpjail revoke felix /srv/a --yes");
    assert!(!out.stdout.contains("The account"), "{out}");
    let out = sb.sh("sftpjail revoke felix --yes");
    assert!(out.stdout.ends_with(advice), "{out}");
    sb.sh("userdel felix");
    // A member with a home is no guest.
    sb.user("anna").group("sftp").add();
    sb.sh("sftpjail grant anna /srv/a --read-only --yes");
    let out = sb.sh("sftpjail revoke anna --yes");
    assert!(!out.stdout.contains("The account"), "{out}");
}
