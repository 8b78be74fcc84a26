//! Reads from effective settings which users sshd keeps out.

use super::effective::Settings;
use super::patterns::is_match;
use crate::host::groups::group_names;
use pam_sftpjail::account::Account;
use pam_sftpjail::nss::LookupError;

/// The keyword that keeps the user out, as `allowed_user` in OpenSSH's auth.c applies them. A pattern with a host does
/// not count, since the user may log in from another one. The error: the user's groups count
/// and are unknown.
pub(crate) fn barred(settings: &Settings, account: &Account) -> Result<Option<&'static str>, LookupError> {
    let is_user = |pattern: &str, named: &str| is_match(pattern, named);
    let users = |keyword| settings.all(keyword).map(|pattern| (pattern, pattern.rsplit_once('@')));
    let name = account.name.as_str();
    if users("DenyUsers").any(|(pattern, host)| host.is_none() && is_user(pattern, name)) {
        return Ok(Some("DenyUsers"));
    }
    let mut allowed =
        users("AllowUsers").map(|(pattern, host)| host.map_or(pattern, |(user, _)| user)).peekable();
    if allowed.peek().is_some() && !allowed.any(|pattern| is_user(pattern, name)) {
        return Ok(Some("AllowUsers"));
    }
    if ["DenyGroups", "AllowGroups"].iter().all(|keyword| settings.all(keyword).next().is_none()) {
        return Ok(None);
    }
    let groups = group_names(name)?;
    let is_of = |pattern: &str| groups.iter().any(|group| is_user(pattern, group));
    if settings.all("DenyGroups").any(is_of) {
        return Ok(Some("DenyGroups"));
    }
    let mut allowed = settings.all("AllowGroups").peekable();
    Ok((allowed.peek().is_some() && !allowed.any(is_of)).then_some("AllowGroups"))
}
