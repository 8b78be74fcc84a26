//! Recognises the application: libpam's word for the program that has loaded the module. Decides nothing.
#![forbid(unsafe_code)]

use crate::escape::escaped;
use std::sync::OnceLock;

/// The name of its file, such as `sshd-session`, escaped: the application itself logs under that name.
///
/// It is read once: a process that begins to run another file loses this module. An error is not kept.
pub(crate) fn name() -> Option<&'static str> {
    static NAME: OnceLock<String> = OnceLock::new();
    if NAME.get().is_none() {
        let path = std::env::current_exe().ok()?;
        // procfs adds this after a package upgrade has replaced the file.
        let name = path.file_name()?.to_str()?.trim_end_matches(" (deleted)");
        let _set_by_another_thread = NAME.set(escaped(name).to_string());
    }
    NAME.get().map(String::as_str)
}

/// Whether it is an sshd that can count a refusal in the account phase against the client's address.
///
/// PerSourcePenalties came with OpenSSH 9.8, and so did `sshd-session`, which runs all of PAM (in 10, for
/// `sshd-auth`). The configuration may turn them off; that cannot be read here.
pub(crate) fn counts_refusals() -> bool {
    name().is_some_and(|name| matches!(name, "sshd-session" | "sshd-auth"))
}
