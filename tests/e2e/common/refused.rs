//! What every test of a refused login asks: what the user is told, what the admin is told, and that nothing is left.

use sandbox::{Sandbox, User};

/// What the user is told about a home, and about what is wrong elsewhere.
pub(crate) const HOME: &str = "SFTP is not possible: your home directory is missing or not safe to use. \
                    Please ask the administrator of this server to check it.";
pub(crate) const SERVER: &str = "SFTP is not possible because of a problem on this server. \
                      Please tell its administrator. Your account and your files have not been changed.";

/// The member who is refused. The password, because sshd itself refuses a key in some of the homes.
pub(crate) fn mle(sb: &Sandbox) -> User<'_> {
    sb.user("mle").group("sftp").password("pw").key(false)
}

/// Everything that a login could have made or changed.
pub(crate) fn surroundings(sb: &Sandbox) -> (Vec<String>, String) {
    let find = "find /jail /srv /home /run/sftpjail -printf '%p %y %m %U %G %l\\n' 2>/dev/null | sort";
    (sb.mounts(), sb.sh(find).stdout)
}

/// mle logs in by sftp and ssh and is refused: the user reads `told` and no more, the admin `reason`
/// and `fix` in the log and from `check`, and nothing is left.
#[track_caller]
pub(crate) fn refused(sb: &Sandbox, told: &str, reason: &str, fix: &str) {
    let before = surroundings(sb);
    let login = sb.login("mle").password("pw");
    for out in [login.sftp("pwd\n").failed(), login.ssh(&["id"]).failed()] {
        assert_eq!(out.stdout, "", "{out}");
        let said: Vec<_> = out.stderr.lines().filter(|l| !l.starts_with("Connection closed")).collect();
        assert_eq!(said, [told]);
    }
    let line = sb.wait_for_log("pam_sftpjail(sshd:account): refused user mle rhost=127.0.0.1: ");
    assert!(line.ends_with(&format!("127.0.0.1: {reason}; fix: {fix}")), "{line}");

    let check = sb.try_sh("sftpjail check mle");
    assert_eq!(check.code, Some(1), "{check}");
    let lines: Vec<_> = check.stdout.lines().collect();
    let at = lines.iter().position(|l| l.starts_with('✗') && l.ends_with(reason));
    let at = at.unwrap_or_else(|| panic!("no ✗ … {reason}: {check}"));
    assert_eq!(lines[at + 1].trim(), format!("→ {fix}"), "{check}");
    assert_eq!(surroundings(sb), before);
}
