//! pam-driver in a sandbox: libpam's answers without a protocol in front of it.

use std::ffi::OsStr;

use sandbox::{Output, Sandbox, artifact};

/// What [`alone`] gives for `PAM_IGNORE`, which libpam itself never gives: PAM_MODULE_UNKNOWN.
pub(crate) const IGNORED: &str = "28";

/// The module and nothing else; pam_debug answers where the module did not care.
const STACK: &str = "\
account [default=done ignore=ignore] pam_sftpjail.so ARGUMENTS
account required pam_debug.so acct=module_unknown
session [default=done ignore=ignore] pam_sftpjail.so ARGUMENTS
session required pam_debug.so open_session=module_unknown close_session=module_unknown
";

/// pam-driver with the stack of /etc/pam.d; `words` are its options, the user and the steps.
#[track_caller]
pub(crate) fn driven(sb: &Sandbox, words: &[impl AsRef<OsStr>]) -> Output {
    sb.install(&artifact("pam-driver"), "/usr/local/sbin/pam-driver", 0o755);
    sb.script("exec pam-driver \"$@\"", words, b"").ok()
}

/// pam-driver as sshd with nobody but our module, so that every answer is the module's.
#[track_caller]
pub(crate) fn alone(sb: &Sandbox, user: impl AsRef<OsStr>, steps: &[&str]) -> Output {
    alone_with(sb, "", user, steps)
}

/// Like [`alone`], with arguments for the module.
#[track_caller]
pub(crate) fn alone_with(sb: &Sandbox, arguments: &str, user: impl AsRef<OsStr>, steps: &[&str]) -> Output {
    sb.sh("mkdir -p /etc/alone");
    sb.write("/etc/alone/sshd", STACK.replace("ARGUMENTS", arguments));
    let mut words = vec![OsStr::new("--confdir"), OsStr::new("/etc/alone"), user.as_ref()];
    words.extend(steps.iter().map(OsStr::new));
    driven(sb, &words)
}

/// The code that a step printed, such as `open`. Panics where the step was not taken once.
#[track_caller]
pub(crate) fn code(output: &Output, step: &str) -> String {
    let codes: Vec<_> =
        output.stdout.lines().filter_map(|line| line.strip_prefix(step)?.strip_prefix(' ')).collect();
    let [code] = codes.as_slice() else { panic!("not one {step}: {output}") };
    (*code).to_owned()
}
