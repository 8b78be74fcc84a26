//! Configurations that tests of several folders use.

use sandbox::Sandbox;

/// Sets the default profile up, but for some of its switches.
pub(crate) fn switch_off(sb: &Sandbox, switches: &[&str]) {
    let switches: String = switches.iter().map(|switch| format!("{switch} = false\n")).collect();
    sb.configure(&format!("[[profile]]\nname = \"bare\"\ngroups = [\"sftp\"]\n{switches}"));
}

/// The default profile with a guard.
pub(crate) fn guarding(names: &[&str]) -> String {
    format!("[[profile]]\nname = \"home\"\ngroups = [\"sftp\"]\nguard = {names:?}\n")
}

/// Puts the jail root elsewhere.
pub(crate) fn jail_root_at(sb: &Sandbox, place: &str) {
    sb.configure(&format!("jail_root = \"{place}\"\n"));
}

/// The profile of an upload portal, as `sftpjail setup --profile upload-portal` writes it.
pub(crate) fn upload_portal() -> &'static str {
    let text = include_str!("../../../config/upload-portal.toml");
    text.find("[[profile]]").map(|at| &text[at..]).expect("a profile")
}
