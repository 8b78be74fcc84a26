//! Checks that sshd does for a member what the desired state says: chroots into the jail, runs internal-sftp and
//! nothing else, forwards nothing. It asks sshd about every name of the account, and every kind of connection that its
//! configuration distinguishes.

mod judge;
mod missing_block;
pub(super) mod others;
pub(super) mod running;
mod timeouts;

use crate::desired::sshd::fix::{self, fix, own_block};
use crate::desired::sshd::log_level;
use crate::desired::stray::Stray;
use crate::host::sshd::access::barred;
use crate::host::sshd::chroot;
use crate::host::sshd::daemon::NoAnswer;
use crate::host::sshd::effective::{Settings, expanded};
use crate::host::sshd::logins::Sshd;
use crate::report::text::counted;
use crate::report::{Consequence, Findings, SshdCheck};
use judge::{CHECKS, Deviation, judge, keywords, limits_sessions};
use pam_sftpjail::account::Account;
use pam_sftpjail::config::{Config, Profile};
use pam_sftpjail::escape::escaped;
use pam_sftpjail::nss::LookupError;
use std::rc::Rc;

/// How many of the names and connections to which a finding applies are printed.
const MAX_SHOWN: usize = 3;

/// A name by which a user may log in, and its account.
pub(super) struct Login<'a> {
    /// As typed.
    pub(super) name: &'a str,
    pub(super) account: &'a Account,
}

/// The member to check.
pub(super) struct Member<'a> {
    pub(super) config: &'a Config,
    pub(super) profile: &'a Profile,
    pub(super) account: &'a Account,
    /// Whether that is not the usual configuration.
    pub(super) has_own_config: bool,
    /// Whether the login shell runs what the user types.
    pub(super) has_shell: bool,
    /// Whether the user's files may be looked at: a filesystem of the user's may not answer.
    pub(super) may_touch: bool,
}

impl Member<'_> {
    /// What a fix needs to know.
    fn of_fix(&self) -> fix::Member<'_> {
        let Self { config, profile, account, has_own_config, .. } = *self;
        fix::Member { config, profile, account, has_own_config }
    }
}

/// sshd's answers for all names and connections.
#[derive(Default)]
struct Answers {
    /// The settings for the member's own name and a connection that no Match line distinguishes.
    usual: Option<Rc<Settings>>,
    /// That name and connection, as findings name them.
    usually: String,
    /// The number of names and connections that sshd was asked about.
    count: usize,
    /// Each deviation, and the names and connections to which it applies.
    deviations: Vec<(Deviation, Vec<String>)>,
    /// Why it is unknown whether sshd keeps the user out by a group.
    unknown_groups: Option<LookupError>,
}

/// Checks what sshd does for the member. `logins`: every jailed name of the account, its own first. Returns the
/// settings for its own name; `None` if sshd does not answer.
pub(super) fn examine(
    sshd: &mut Sshd,
    member: &Member<'_>,
    logins: &[Login<'_>],
    findings: &mut Findings,
) -> Option<Rc<Settings>> {
    let mut answers = Answers::default();
    for login in logins {
        if let Err(no_answer) = ask_about(sshd, member, login, logins.len() > 1, &mut answers) {
            unanswered(&no_answer, findings);
            break;
        }
    }
    if let Some(error) = &answers.unknown_groups {
        let evidence =
            format!("whether sshd keeps the user out (DenyGroups, AllowGroups) is unknown: {error}");
        findings.unknown(SshdCheck::Access, evidence, error.fix());
    }
    if let Some(settings) = &answers.usual {
        let has_no_block = missing_block::is_missing(sshd, member, &answers);
        if has_no_block {
            missing_block::report(sshd, member, &answers, findings);
            answers.deviations.retain(|(deviation, _)| !missing_block::has(member, deviation));
        }
        let is_reported = |check: SshdCheck| has_no_block && missing_block::CHECKS.contains(&check);
        for check in CHECKS {
            let of_check = |(deviation, _): &(Deviation, _)| deviation.check == check;
            if !is_reported(check) || answers.deviations.iter().any(of_check) {
                report(sshd, member, check, settings, &answers, findings);
            }
        }
        timeouts::examine(sshd, settings, findings);
    }
    answers.usual
}

/// Asks sshd about one name, for every kind of connection. `is_named`: whether findings name it.
fn ask_about(
    sshd: &mut Sshd,
    member: &Member<'_>,
    login: &Login<'_>,
    is_named: bool,
    answers: &mut Answers,
) -> Result<(), NoAnswer> {
    let connections = sshd.connections.clone();
    for connection in &connections {
        let settings = sshd.settings(login.name, connection)?;
        let name = format!("for the name {}", escaped(login.name));
        let when = match (is_named, connections.len() > 1) {
            (true, true) => format!("{name} {connection}"),
            (true, false) => name,
            (false, _) => connection.to_string(),
        };
        let barred = barred(&settings, login.account).unwrap_or_else(|error| {
            answers.unknown_groups = Some(error);
            None
        });
        let unusable = unusable_chroot(&settings, member, login.account);
        for deviation in judge(&settings, barred, unusable, member, login.account, &sshd.service) {
            match answers.deviations.iter_mut().find(|(known, _)| *known == deviation) {
                Some((_, times)) => times.push(when.clone()),
                None => answers.deviations.push((deviation, vec![when.clone()])),
            }
        }
        answers.count += 1;
        if answers.usual.is_none() {
            (answers.usual, answers.usually) = (Some(settings), when);
        }
    }
    Ok(())
}

/// Why sshd cannot chroot the user, where it would not chroot to the jail.
fn unusable_chroot(settings: &Settings, member: &Member<'_>, account: &Account) -> Option<String> {
    let chroot = settings.get("ChrootDirectory").filter(|chroot| *chroot != "none" && member.may_touch)?;
    let (at, jail) = (expanded(chroot, account), member.config.jail_root.absolute().join(&account.name));
    if at == jail { None } else { chroot::refusal(&at) }
}

/// Reports one check.
fn report(
    sshd: &Sshd,
    member: &Member<'_>,
    check: SshdCheck,
    settings: &Settings,
    answers: &Answers,
    findings: &mut Findings,
) {
    let mut is_ok = true;
    for (deviation, times) in answers.deviations.iter().filter(|(found, _)| found.check == check) {
        is_ok = false;
        let mut evidence = deviation.evidence.clone();
        let (keyword, value) = (deviation.keyword, deviation.value.as_str());
        let mut own =
            own_block(sshd, member.of_fix()).into_iter().flat_map(|block| sshd.config.of_block(block));
        let own = own.find(|setting| setting.sets(keyword, value)).map(|setting| &setting.location);
        if let Some(location) = own.or_else(|| sshd.config.location_of(keyword, value)) {
            evidence += &format!(" ({location})");
        }
        if times.len() < answers.count {
            let shown: Vec<_> = times.iter().take(MAX_SHOWN).map(String::as_str).collect();
            let more = if times.len() > MAX_SHOWN { ", and more" } else { "" };
            evidence += &format!("; {}{more}", shown.join("; "));
        }
        let fix = fix(sshd, member.of_fix(), deviation.wrong());
        match &deviation.consequence {
            None => findings.warned(check, evidence, fix),
            Some(consequence) => {
                let elsewhere = times.first().filter(|_| !times.contains(&answers.usually));
                let consequence = consequence.clone().only(elsewhere.map(String::as_str));
                findings.failed(check, consequence, evidence, fix);
            }
        }
    }
    if !is_ok {
        return;
    }
    let value = |keyword| settings.get(keyword).unwrap_or_default();
    match check {
        SshdCheck::Log if !member.profile.log => {}
        SshdCheck::Keepalive if !limits_sessions(member) => {}
        SshdCheck::Access => {}
        SshdCheck::Log => {
            findings.passed(check, format!("internal-sftp logs at {}", log_level(value("ForceCommand"))))
        }
        _ => {
            let all: Vec<_> =
                keywords(check).into_iter().map(|keyword| format!("{keyword} {}", value(keyword))).collect();
            findings.passed(check, all.join(", "));
        }
    }
}

/// The account hook refuses this user: checks whether sshd counts that, which harms others at the same address.
pub(super) fn examine_penalties(settings: &Settings, findings: &mut Findings) {
    let counts = settings.get("PerSourcePenalties").is_some_and(|penalties| penalties != "no");
    if !counts {
        return;
    }
    let exempt = settings.get("PerSourcePenaltyExemptList").filter(|list| *list != "none");
    let exempt = exempt.map(|list| format!(" (except for {})", escaped(list))).unwrap_or_default();
    let evidence = format!(
        "sshd counts each of these refused logins as a failed authentication from the client's address{exempt}: after a \
         few it drops everybody from that address, root and all users behind the same router or proxy too"
    );
    let fix = "fix what keeps the user out; and list addresses that many users share, such as an office's, in \
                PerSourcePenaltyExemptList of sshd_config";
    findings.warned(SshdCheck::Penalties, evidence, fix);
}

/// Checks that a user who is in no profile is no [`Stray`].
pub(super) fn examine_in_no_profile(
    sshd: &mut Sshd,
    config: &Config,
    account: &Account,
    findings: &mut Findings,
) {
    match Stray::find(sshd, config, account) {
        Ok(None) => {}
        Ok(Some(Stray { evidence, fix })) => {
            let consequence =
                Consequence::KeptOut("sshd chroots the user to where no jail is built".to_owned());
            findings.failed(SshdCheck::Chroot, consequence, evidence, fix);
        }
        Err(no_answer) => unanswered(&no_answer, findings),
    }
}

/// Reports that sshd answers, and what it could not be asked.
pub(super) fn describe(sshd: &Sshd, findings: &mut Findings) {
    let evidence = format!(
        "{} answers; {}, {} of connection to ask about",
        sshd.daemon,
        counted(sshd.config.count_files(), "configuration file"),
        counted(sshd.connections.len(), "kind")
    );
    findings.passed(SshdCheck::Answers, evidence);
    for (location, pattern) in &sshd.untried {
        let evidence =
            format!("no connection was found that {} matches (Match at {location})", escaped(pattern));
        findings.unknown(SshdCheck::Answers, evidence, "see what sshd -T -C says for one");
    }
}

/// Reports why sshd does not answer.
pub(super) fn unanswered(no_answer: &NoAnswer, findings: &mut Findings) {
    match no_answer {
        NoAnswer::Broken(error) => {
            let consequence = Consequence::Unknown("sshd cannot read its configuration".to_owned());
            findings.failed(SshdCheck::Answers, consequence, &error.what, &error.fix);
        }
        NoAnswer::Unknown(error) => findings.unknown(SshdCheck::Answers, &error.what, &error.fix),
    }
}
