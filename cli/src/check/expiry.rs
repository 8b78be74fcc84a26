//! Checks, for a member with a grant that has an end, that something runs `sftpjail expire`: else a session that is live
//! then goes on with the folder.

use crate::desired::expiry::{CRON_PATH, Means, TIMER, TIMER_PATH};
use crate::desired::setup;
use crate::host::{jobs, systemd};
use crate::report::Findings;
use crate::report::check_name::EXPIRY;
use pam_sftpjail::account::Account;
use pam_sftpjail::config::Config;
use pam_sftpjail::fix::{Command, Fix, Name};
use pam_sftpjail::grants::{self, Grant};
use pam_sftpjail::name::UserName;
use std::path::Path;

pub(super) fn examine(account: &Account, config: &Config, findings: &mut Findings) {
    // Those that cannot be read are reported already.
    let all =
        UserName::parse(&account.name).ok().and_then(|name| grants::load(&name).ok()).unwrap_or_default();
    let ends = |grant: &Grant| grant.until.is_some_and(|until| until.epoch() > grants::now());
    if !all.iter().any(ends) {
        return;
    }
    let is_active = match systemd::is_booted().then(|| systemd::is_active(TIMER)).transpose() {
        Ok(is_active) => is_active.unwrap_or(false),
        Err(error) => {
            return findings.unknown(
                EXPIRY,
                error,
                "see what `systemctl status` says, and let systemd answer",
            );
        }
    };
    let [has_timer, has_line] = [TIMER_PATH, CRON_PATH].map(|path| Path::new(path).exists());
    if is_active {
        return findings.passed(EXPIRY, format!("{TIMER} ends sessions within a minute of it"));
    }
    let has_cron = match has_line.then(jobs::cron_runs).transpose() {
        Ok(runs) => runs.unwrap_or(false),
        Err(why) => {
            let evidence = format!("whether cron runs is not known: {}", why.what);
            return findings.unknown(EXPIRY, evidence, why.fix);
        }
    };
    if has_cron {
        return findings.passed(EXPIRY, format!("cron ends sessions within a minute of it ({CRON_PATH})"));
    }
    let means = Means::of_host();
    let (why, fix): (_, Fix) = match (has_timer, has_line, means) {
        (true, _, Means::Systemd) => {
            (format!("{TIMER} is not active"), Command::new("systemctl start").arg(Name(TIMER)).into())
        }
        (_, true, Means::Cron) => (format!("{CRON_PATH} is there, but no cron runs"), "start cron".into()),
        (_, _, Means::None) => (
            "neither systemd nor cron can run `sftpjail expire` here".to_owned(),
            "let something run it each minute".into(),
        ),
        (false, _, Means::Systemd) => (format!("{TIMER_PATH} is missing"), setup::fix(config)),
        (_, false, Means::Cron) => (format!("{CRON_PATH} is missing"), setup::fix(config)),
    };
    let evidence = format!("{why}, so that a session that is live when a grant ends goes on with the folder");
    findings.warned(EXPIRY, evidence, fix);
}
