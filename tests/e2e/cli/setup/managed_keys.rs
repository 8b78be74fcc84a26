//! Setup with `--managed-keys`: only the keys that root keeps let members in, until that is taken back.

use super::{assert_same, etc, undo};
use crate::cli::keys::only_keys_of_root_let_in;
use sandbox::Sandbox;

const DROP_IN: &str = "/etc/ssh/sshd_config.d/00-sftpjail.conf";
const LINE: &str = "    AuthorizedKeysFile /etc/sftpjail/keys.d/%u\n";

#[test]
fn only_keys_that_root_keeps_let_members_in_until_that_is_taken_back() {
    for in_drop_in in [true, false] {
        let sb = Sandbox::stock();
        if !in_drop_in {
            sb.sh("sed -i '/^Include/d' /etc/ssh/sshd_config");
        }
        let file = if in_drop_in { DROP_IN } else { "/etc/ssh/sshd_config" };
        sb.group("sftp");
        let stock = etc(&sb);
        sb.sh("sftpjail setup --yes");
        let before = sb.read_text(file);
        let out = sb.sh("sftpjail setup --managed-keys --yes");
        assert!(out.stdout.contains(&format!("+{LINE}")), "{out}");
        assert!(out.stdout.contains("mkdir -m 0755 /etc/sftpjail/keys.d\n"), "{out}");
        sb.sh("test \"$(stat -c '%a %U %G' /etc/sftpjail/keys.d)\" = '755 root root'");
        sb.user("mle").group("sftp").add();
        if in_drop_in {
            only_keys_of_root_let_in(&sb);
        }
        // Later setups keep it, whatever else they change, and set it back.
        for typed in ["sftpjail setup --yes", "sftpjail setup --managed-keys --yes"] {
            let out = sb.sh(typed);
            assert!(out.stdout.starts_with("Nothing to do"), "{out}");
        }
        sb.sh("sed -i 's/\\[\"sftp\"\\]/[\"sftp\", \"partners\"]/' /etc/sftpjail/config.toml; sftpjail setup --yes");
        let kept = sb.read_text(file);
        assert!(kept.contains(LINE) && kept.contains("Match Group sftp,partners\n"), "{kept}");
        sb.sh("sed -i 's/, \"partners\"//' /etc/sftpjail/config.toml");
        let out = sb.sh("sftpjail setup --no-managed-keys --yes --force");
        assert!(out.stdout.contains(&format!("-{LINE}")), "{out}");
        assert_eq!(sb.read_text(file).replace("sftp,partners", "sftp"), before);
        sb.sftp("mle", "pwd\n").ok();
        let out = sb.sh("sftpjail setup --no-managed-keys --yes");
        assert!(out.stdout.starts_with("Nothing to do"), "{out}");
        // Undo restores all of it.
        sb.sh("sftpjail setup --managed-keys --accept-refused --yes; userdel -r mle 2>/dev/null; groupdel partners");
        undo(&sb);
        assert_same(&stock, &etc(&sb), &super::REWRITTEN_BY_USERADD);
    }
}

#[test]
fn members_without_a_key_there_are_named_and_are_not_locked_out_unasked() {
    let sb = Sandbox::stock();
    sb.sh("sftpjail setup --yes");
    for name in ["mle", "anna", "bob"] {
        sb.user(name).group("sftp").add();
    }
    sb.sh("echo bob:pw | chpasswd");
    let before = etc(&sb);
    let out = sb.try_sh("sftpjail setup --managed-keys --yes");
    assert_eq!(out.code, Some(1), "{out}");
    let without = "Members for whom /etc/sftpjail/keys.d has no key that sshd can read, and who";
    assert!(
        out.stdout.contains(&format!("{without} need another way in, such as a password: bob.\n")),
        "{out}"
    );
    assert!(out.stdout.contains(&format!("{without} have no other way in: anna, mle.\n")), "{out}");
    let why = "2 members could not log in any more, because /etc/sftpjail/keys.d has no key for them: anna, mle; make /etc/sftpjail/keys.d";
    assert!(out.stderr.contains(why), "{out}");
    assert_same(&before, &etc(&sb), &[]);
    let json = sb.try_sh("sftpjail setup --managed-keys --dry-run --json").stdout;
    let json: String = json.split_whitespace().collect();
    assert!(json.contains("\"without_key\":[\"bob\"],\"locked_out\":[\"anna\",\"mle\"]"), "{json}");
    // A file that sshd cannot read as the user, or whose key has ended, is none.
    sb.sh("install -d /etc/sftpjail/keys.d; cd /etc/sftpjail/keys.d
           install -m 644 /root/.ssh/id_ed25519.pub mle; install -m 600 /root/.ssh/id_ed25519.pub anna; echo \"expiry-time=\\\"20200101\\\" $(cat mle)\" >bob");
    let out = sb.try_sh("sftpjail setup --managed-keys --dry-run");
    assert!(out.stdout.contains(&format!("{without} have no other way in: anna.\n")), "{out}");
    assert!(
        out.stdout.contains(&format!("{without} need another way in, such as a password: bob.\n")),
        "{out}"
    );
    // Who wants it so gets it.
    sb.sh("sftpjail setup --managed-keys --yes --accept-refused");
    sb.sftp("mle", "pwd\n").ok();
    sb.sftp("anna", "pwd\n").failed();
    // check looks where sshd looks.
    let out = sb.sh("sftpjail check mle");
    assert!(out.stdout.contains("sshd takes the keys in /etc/sftpjail/keys.d/mle"), "{out}");
    let out = sb.try_sh("sftpjail check anna");
    assert_eq!(out.code, Some(1), "{out}");
    assert!(out.stdout.contains("→ chmod 0644 /etc/sftpjail/keys.d/anna\n"), "{out}");
    // That she is locked out now is no reason to stop the next one, and it says so.
    sb.sh("sed -i '/PermitTTY/d' /etc/ssh/sshd_config.d/00-sftpjail.conf");
    let out = sb.sh("sftpjail setup --yes");
    assert!(out.stdout.contains(&format!("{without} have no other way in: anna.\n")), "{out}");
}

/// OpenSSH 10.0 and later take the path for a pattern.
#[test]
fn a_member_by_whose_name_sshd_would_find_the_keys_of_others_is_an_error() {
    let sb = Sandbox::stock();
    sb.sh("sftpjail setup --yes");
    sb.user("a*b").raw().add();
    sb.sh("sed -i 's/^\\(sftp:.*\\)$/\\1a*b/' /etc/group");
    let before = etc(&sb);
    let out = sb.try_sh("sftpjail setup --managed-keys --yes");
    assert_eq!(out.code, Some(1), "{out}");
    assert!(out.stderr.contains("the login name \"a*b\" has a character by which sshd"), "{out}");
    assert_same(&before, &etc(&sb), &[]);
    sb.sh("sed -i 's/^\\(sftp:.*:\\)a[*]b$/\\1/' /etc/group; sftpjail setup --managed-keys --yes
           sed -i 's/^\\(sftp:.*\\)$/\\1a*b/' /etc/group");
    let out = sb.try_sh("sftpjail check 'a*b'");
    assert_eq!(out.code, Some(1), "{out}");
    assert!(
        out.stdout
            .contains("since OpenSSH 10.0, sshd takes the name \"a*b\" in AuthorizedKeysFile for a pattern"),
        "{out}"
    );
}
