//! The configuration must list sshd's PAM service: in others the module does nothing.

use pam_sftpjail::config::Config;
use pam_sftpjail::escape::{escaped, one_line};
use pam_sftpjail::fix::Fix;
use std::path::Path;

/// What is wrong, and the fix, if the configuration at `file` does not list `service`.
pub(crate) fn unlisted(config: &Config, file: &Path, service: &str) -> Option<(String, Fix)> {
    if config.services.iter().any(|known| known == service) {
        return None;
    }
    let what = format!(
        "`services` in the configuration does not list {}, so the module does nothing",
        escaped(service)
    );
    let services = config.services.iter().map(String::as_str).chain([service]);
    let services: Vec<_> = services.map(|name| format!("\"{}\"", one_line(name))).collect();
    Some((what, format!("write services = [{}] in {}", services.join(", "), escaped(file)).into()))
}
