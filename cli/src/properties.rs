//! What must hold of every text from outside, whatever is in it: one function for each kind, which panics where it does
//! not hold. A fuzzer calls them with what it makes up (`fuzz/src/bin`), the tests with what is in `fuzz/corpus`. Each
//! stands beside its parser, and here if it needs nothing that is private there.

pub use crate::audit::properties::{audit, messages};
pub use crate::grants::properties::{edited_grants, ends, key_files};
pub use crate::host::pam::stack::properties::pam_d;
pub use crate::host::sshd::files::properties::sshd_config;
pub use crate::host::syslog::properties::{log_lines, session_entries};
pub use crate::report::properties::{csv, writers};

use crate::desired::drop_in::{Condition, completed};
use crate::host::sshd::effective::{Settings, expanded};
use pam_sftpjail::account::Account;
use pam_sftpjail::config::Config;
use pam_sftpjail::escape::is_plain;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::str::from_utf8;
use std::sync::OnceLock;

/// What `sshd -T` prints: each value is one line that a terminal shows, and stays as it is when it is printed again.
pub fn effective_settings(data: &[u8]) {
    static ROOT: OnceLock<Option<Account>> = OnceLock::new();
    let text = String::from_utf8_lossy(data);
    let settings = Settings::parse(&text);
    for keyword in text.lines().filter_map(|line| Some(line.split_once(' ')?.0)) {
        let values: Vec<_> = settings.all(keyword).collect();
        assert!(!values.is_empty() && values.iter().all(|value| is_plain(value)), "{values:?}");
        assert_eq!(settings.get(&keyword.to_ascii_uppercase()), settings.get(keyword));
        let printed: String = values.iter().map(|value| format!("{keyword} {value}\n")).collect();
        assert_eq!(Settings::parse(&printed).all(keyword).collect::<Vec<_>>(), values);
    }
    let Some(root) = ROOT.get_or_init(|| Account::lookup("root", &Config::default()).ok()) else { return };
    let _ = expanded(&text, root);
    assert_eq!(expanded(&text.replace('%', "%%"), root), Path::new(&*text));
    let wanted = [root.home.as_os_str().as_bytes(), b"/.ssh/root 0%"].concat();
    assert_eq!(expanded("%h/.ssh/%u %U%%", root), Path::new(OsStr::from_bytes(&wanted)));
}

/// A drop-in of user@.service: whatever is in it stays, and the groups that are written into it are those that are read
/// there. Groups, and then the drop-in, with `\x1f` between them.
pub fn drop_ins(data: &[u8]) {
    let Ok(text) = from_utf8(data) else { return };
    let (groups, before) = text.rsplit_once('\u{1f}').unwrap_or((text, ""));
    // The configuration has no others.
    let is_name = |name: &&str| !name.is_empty() && !name.chars().any(char::is_control);
    let groups: Vec<_> = groups.split('\u{1f}').filter(is_name).map(str::to_owned).collect();
    let written = Condition { program: "/usr/sbin/sftpjail".into(), config: "/etc/x.toml".into(), groups };
    let after = completed("", &written);
    let value = after.split_once("\nExecCondition=").map(|(_, value)| value.replace("\\\n", " "));
    assert_eq!(value.as_deref().and_then(Condition::parse).as_ref(), Some(&written), "{after}");
    // Twice is as once.
    let once = completed(before, &written);
    assert_eq!(completed(&once, &written), once, "{before:?}");
    let others = |text: &str| text.lines().filter(|line| !line.contains("ExecCondition")).count();
    assert!(others(&once) >= others(before) || before.contains(" user-manager "), "{before:?}");
}

#[cfg(test)]
mod tests {
    replay::replayed!(
        audit messages log_lines session_entries sshd_config effective_settings pam_d key_files edited_grants ends csv writers
        drop_ins
    );
}
