//! Lines of PAM that name a module which libpam cannot load: it refuses everybody, or goes on without it.

use super::super::faults::{Fault, Machine, failed, unknown, warned};
use super::super::{check, machine};
use super::REFUSED;

const FIX: &str = "or install the package that has it";

const LINES: [Fault; 12] = [
    failed(
        before!("account", "required pam_sftpjial.so"),
        "pam account",
        "/pam_sftpjial.so, which does not exist: libpam refuses every login, root's too",
    )
    .in_words("(did you mean pam_sftpjail.so?), or install the package that has it").concludes(REFUSED),
    failed(before!("session", "requisite pam_nothing.so"), "pam session", "libpam refuses every login")
        .in_words(FIX).concludes(REFUSED),
    // libpam does not log it, and refuses all the same.
    failed(
        "echo '-session required pam_nothing.so' >>/etc/pam.d/common-session",
        "pam session",
        "/etc/pam.d/common-session:",
    )
    .in_words(FIX).concludes("mle is jailed but cannot log in: PAM refuses every login because of /etc/pam.d/common-session:N"),
    failed(
        before!("account", "[success=ok ignore=ignore default=bad] /opt/nowhere/pam_permit.so"),
        "pam account",
        "names /opt/nowhere/pam_permit.so, which does not exist",
    )
    .in_words(FIX).concludes(REFUSED),
    failed(
        "cp /etc/hostname /usr/local/lib/pam_text.so; echo 'session required /usr/local/lib/pam_text.so' >>/etc/pam.d/sshd",
        "pam session",
        "/usr/local/lib/pam_text.so, which is not a shared object for this system",
    )
    .in_words(FIX).concludes(REFUSED),
    // Its failure is ignored, but then comes pam_deny.
    failed(
        "sed -i 's/pam_unix.so/pam_unxi.so/' /etc/pam.d/common-account",
        "pam account",
        "pam_unxi.so, which does not exist: libpam refuses every login",
    )
    .in_words("did you mean pam_unix.so?").concludes("mle is jailed but cannot log in: PAM refuses every login because of /etc/pam.d/common-account:N"),
    failed(
        "sed -i 's/pam_unix.so/pam_unxi.so/' /etc/pam.d/common-auth",
        "pam auth",
        "libpam refuses every password, root's too",
    )
    .in_words("did you mean pam_unix.so?").concludes("mle is jailed and can log in, but PAM refuses passwords because of /etc/pam.d/common-auth:N"),
    // The one before may have ended the substack.
    unknown(
        "printf 'account sufficient pam_localuser.so\naccount required /opt/pam_nothing.so\n' >/etc/pam.d/some
         sed -i '$a account substack some' /etc/pam.d/sshd",
        "pam account",
        "which does not exist: libpam refuses every login for which it gets to this line",
    )
    .in_words(FIX)
    .concludes(
        "mle cannot be judged: /etc/pam.d/some:N names /opt/pam_nothing.so, which does not exist: libpam refuses every \
         login for which it gets to this line",
    ),
    warned(
        before!("session", "optional pam_nothing.so"),
        "pam session",
        "libpam goes on without it, and logs that at every login",
    )
    .in_words(FIX),
    warned(
        before!("account", "[success=ok ignore=ignore module_unknown=ignore default=bad] pam_sftpjial.so"),
        "pam account",
        "libpam goes on without it",
    )
    .in_words("did you mean pam_sftpjail.so?"),
    warned(
        "printf 'account sufficient pam_nothing.so\naccount required pam_permit.so\n' >/etc/pam.d/some
         sed -i '$a account substack some' /etc/pam.d/sshd",
        "pam account",
        "/etc/pam.d/some:1 names ",
    )
    .in_words(FIX),
    failed(before!("session", "required"), "pam session", "libpam refuses every login")
        .in_words(FIX)
        .concludes(REFUSED),
];

#[test]
fn each_line_whose_module_libpam_cannot_load() {
    let machine = Machine::new();
    machine.each(&LINES);
    machine.try_logins(&LINES);
}

#[test]
fn modules_that_libpam_finds_or_does_not_need_pass() {
    let machine = Machine::new();
    for script in [
        "echo '-session optional pam_nothing.so' >>/etc/pam.d/sshd",
        "echo 'session optional $ISA/pam_permit.so' >>/etc/pam.d/sshd",
        "echo \"session required $(dirname \"$1\")/pam_permit.so\" >>/etc/pam.d/sshd",
        // Only to change a password.
        "echo 'password required pam_nothing.so' >>/etc/pam.d/sshd",
        "printf '#session required pam_nothing.so\n' >>/etc/pam.d/sshd",
    ] {
        let module = machine.sb.sh("find /usr/lib /usr/lib64 -name pam_sftpjail.so -print -quit").stdout;
        machine.sb.script(script, &[module.trim()], b"").ok();
        assert_eq!(machine.found(), (vec![], 0), "{script}");
        machine.restore();
    }
}

#[test]
fn a_module_that_is_missing_keeps_out_whom_check_says() {
    for (line, file, code, last) in [
        (
            "account required pam_sftpjial.so",
            "sshd",
            1,
            "mle is jailed but cannot log in: PAM refuses every login",
        ),
        (
            "-session required pam_nothing.so",
            "common-session",
            1,
            "mle is jailed but cannot log in: PAM refuses",
        ),
        ("session optional pam_nothing.so", "sshd", 0, "mle is jailed and can log in"),
    ] {
        let sb = machine();
        sb.sh("sftpjail check mle");
        sb.script("sed -i \"1i $1\" \"/etc/pam.d/$2\"", &[line, file], b"").ok();
        let out = check(&sb, "mle", code);
        assert!(out.stdout.contains(&format!("\n{last}")), "{line}: {out}");
        let login = sb.sftp("mle", "ls\n");
        assert_eq!(login.code == Some(0), code == 0, "{line}: {login}");
        // It is no matter of members.
        let login = sb.ssh("joe", &["true"]);
        assert_eq!(login.code == Some(0), code == 0, "{line}: {login}");
    }
}
