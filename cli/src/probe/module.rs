//! What shows that the module has built the jail: the record of the session, or else what the session's monitor sees at
//! the jail root.

use super::expected::Expected;
use super::refusal::module_fix;
use super::report::Report;
use super::sshd_fix::SshdFixes;
use crate::report::{Consequence, Finding};
use pam_sftpjail::config::{Config, Namespace};
use pam_sftpjail::error::Refusal;
use pam_sftpjail::escape::escaped;
use pam_sftpjail::fix::Fix;
use pam_sftpjail::registry::{Record, Registry};
use std::path::PathBuf;

/// Why there is no record, as a clause, and the fix.
type NoRecord = (String, Fix);

/// Adds the finding about the session of this monitor. A login to a private jail goes on without a record, unless its
/// profile limits the sessions.
pub(super) fn examine(
    report: &mut Report,
    config: &Config,
    expected: &Expected,
    monitor: u32,
    fixes: &SshdFixes<'_>,
) {
    let built = |namespace| {
        format!("built the jail: profile {}, namespace {namespace}", escaped(&expected.profile.name))
    };
    let judgement = match record(expected, monitor) {
        Ok(record) => Ok(built(record.namespace)),
        Err(no_record) if has_private_jail(config, expected, monitor) => {
            let (why, fix) = no_record;
            let evidence = format!("the session has none, so list and kick do not know it: {why}");
            report.warn("record", evidence, fix);
            Ok(built(Namespace::Private))
        }
        Err(_) => Err("has not built a jail for this session".to_owned()),
    };
    let consequence = Consequence::NotJailed("the module has built no jail for the session".into());
    report.add(Finding::judged("module", judgement, consequence, module_fix(Some(fixes))));
}

fn record(expected: &Expected, monitor: u32) -> Result<Record, NoRecord> {
    let failed = |refusal: Refusal| (refusal.to_string(), refusal.fix());
    let live = match Registry::existing().map_err(failed)? {
        Some(registry) => registry.live(&expected.user).map_err(failed)?,
        None => Vec::new(),
    };
    let record = live.into_iter().filter_map(|live| live.read().ok()?).find(|record| record.pid == monitor);
    let none = || ("it was not recorded".to_owned(), "read the module's log entries".into());
    record.ok_or_else(none)
}

/// Whether the monitor sees the user's jail. On the host there is none, or the login would be refused.
fn has_private_jail(config: &Config, expected: &Expected, monitor: u32) -> bool {
    let root = config.jail_root.absolute();
    let seen = PathBuf::from(format!("/proc/{monitor}/root")).join(root.strip_prefix("/").unwrap_or(&root));
    seen.join(&expected.user).is_dir()
}
