//! Recognises the application: libpam's word for the program that has loaded the module. Decides nothing.
#![forbid(unsafe_code)]

use crate::escape::escaped;

/// The name of its file, such as `sshd-session`, escaped: the application itself logs under that name.
pub(crate) fn name() -> Option<String> {
    let path = std::env::current_exe().ok()?;
    // procfs adds this after a package upgrade has replaced the file.
    let name = path.file_name()?.to_str()?.trim_end_matches(" (deleted)");
    Some(escaped(name).to_string())
}

/// Whether it is an sshd that can count a refusal in the account phase against the client's address.
///
/// PerSourcePenalties came with OpenSSH 9.8, and so did `sshd-session`, which runs all of PAM (in 10, for
/// `sshd-auth`). The configuration may turn them off; that cannot be read here.
pub(crate) fn counts_refusals() -> bool {
    name().is_some_and(|name| matches!(name.as_str(), "sshd-session" | "sshd-auth"))
}
