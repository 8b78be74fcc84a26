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

/// Puts pam-driver into the sandbox.
pub(crate) fn install(sb: &Sandbox) {
    sb.install(&artifact("pam-driver"), "/usr/local/sbin/pam-driver", 0o755);
}

/// Puts it there with the configuration directory `/etc/alone`, in which the service sshd is our
/// module alone, with `arguments`.
pub(crate) fn install_alone(sb: &Sandbox, arguments: &str) {
    install(sb);
    sb.sh("mkdir -p /etc/alone");
    sb.write("/etc/alone/sshd", STACK.replace("ARGUMENTS", arguments));
    // Without it libpam logs, and keeps syslog's descriptor.
    sb.write("/etc/alone/other", "session required pam_deny.so\n");
}

/// pam-driver with the stack of /etc/pam.d; `words` are its options, the user and the steps.
#[track_caller]
pub(crate) fn driven(sb: &Sandbox, words: &[impl AsRef<OsStr>]) -> Output {
    install(sb);
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
    install_alone(sb, arguments);
    let mut words = vec![OsStr::new("--confdir"), OsStr::new("/etc/alone"), user.as_ref()];
    words.extend(steps.iter().map(OsStr::new));
    sb.script("exec pam-driver \"$@\"", &words, b"").ok()
}

/// The code that a step printed, such as `open`. Panics where the step was not taken once.
#[track_caller]
pub(crate) fn code(output: &Output, step: &str) -> String {
    let codes = answers(output, step);
    let [code] = codes.as_slice() else { panic!("not one {step}: {output}") };
    (*code).to_owned()
}

/// What a step printed, each time that it was taken.
pub(crate) fn answers<'a>(output: &'a Output, step: &str) -> Vec<&'a str> {
    let answer = |line: &'a str| line.strip_prefix(step)?.strip_prefix(' ');
    output.stdout.lines().filter_map(answer).collect()
}

/// The n-th block of `state` lines.
pub(crate) fn states(output: &Output) -> Vec<Vec<&str>> {
    let mut blocks: Vec<Vec<&str>> = Vec::new();
    for line in output.stdout.lines().filter(|line| line.starts_with("state ")) {
        if line.starts_with("state fds") {
            blocks.push(Vec::new());
        }
        blocks.last_mut().expect("a block begins with its descriptors").push(line);
    }
    blocks
}
