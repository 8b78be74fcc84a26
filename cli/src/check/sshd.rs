//! What sshd must do for a member, and whether it does: chroot into the jail, run internal-sftp
//! and nothing else, forward nothing. For every name that leads to the account, and for every kind
//! of connection that its configuration tells apart.

mod fix;
mod judge;

use crate::desired::stray::Stray;
use crate::host::sshd::daemon::NoAnswer;
use crate::host::sshd::effective::Settings;
use crate::host::sshd::logins::Sshd;
use crate::report::Findings;
use crate::report::text::counted;
use fix::fix;
use judge::{CHECKS, Wrong, judge, keeps_places, keywords, log_level};
use pam_sftpjail::account::Account;
use pam_sftpjail::config::{Config, Profile};
use pam_sftpjail::escape::escaped;
use std::rc::Rc;

/// As many names and connections are told of those for which something is so.
const MAX_SHOWN: usize = 3;

/// Under which name somebody may come, and what NSS makes of it.
pub(super) struct Login<'a> {
    /// As typed.
    pub(super) name: &'a str,
    pub(super) account: &'a Account,
}

/// Who is looked at.
pub(super) struct Member<'a> {
    pub(super) config: &'a Config,
    pub(super) profile: &'a Profile,
    pub(super) account: &'a Account,
}

/// What sshd says for all names and connections.
#[derive(Default)]
struct Answers {
    /// For the member's own name and a connection that is not special.
    usual: Option<Rc<Settings>>,
    count: usize,
    /// What is wrong, and when.
    wrongs: Vec<(Wrong, Vec<String>)>,
}

/// Checks what sshd does for the member; `logins` are all names of the account that are jailed, its
/// own first. Gives the settings for that, if sshd tells.
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
    if let Some(settings) = &answers.usual {
        for check in CHECKS {
            tell(sshd, member, check, settings, &answers, findings);
        }
    }
    answers.usual
}

/// `named`: whether the name is worth telling.
fn ask_about(
    sshd: &mut Sshd,
    member: &Member<'_>,
    login: &Login<'_>,
    named: bool,
    answers: &mut Answers,
) -> Result<(), NoAnswer> {
    let connections = sshd.connections.clone();
    for connection in &connections {
        let settings = sshd.settings(login.name, connection)?;
        let name = format!("for the name {}", escaped(login.name));
        let when = match (named, connections.len() > 1) {
            (true, true) => format!("{name} {connection}"),
            (true, false) => name,
            (false, _) => connection.to_string(),
        };
        for wrong in judge(&settings, member, login.account, &sshd.service) {
            match answers.wrongs.iter_mut().find(|(known, _)| *known == wrong) {
                Some((_, times)) => times.push(when.clone()),
                None => answers.wrongs.push((wrong, vec![when.clone()])),
            }
        }
        answers.count += 1;
        answers.usual.get_or_insert(settings);
    }
    Ok(())
}

fn tell(
    sshd: &Sshd,
    member: &Member<'_>,
    check: &str,
    settings: &Settings,
    answers: &Answers,
    findings: &mut Findings,
) {
    let mut sound = true;
    for (wrong, times) in answers.wrongs.iter().filter(|(wrong, _)| wrong.check == check) {
        sound = false;
        let mut evidence = wrong.what.clone();
        if let Some(location) = sshd.config.location_of(wrong.keyword, &wrong.value) {
            evidence += &format!(" ({location})");
        }
        if times.len() < answers.count {
            let shown: Vec<_> = times.iter().take(MAX_SHOWN).map(String::as_str).collect();
            let more = if times.len() > MAX_SHOWN { ", and more" } else { "" };
            evidence += &format!("; {}{more}", shown.join("; "));
        }
        let fix = fix(sshd, member, wrong.keyword);
        if wrong.is_harmless {
            findings.warned(check, evidence, fix);
        } else {
            findings.failed(check, evidence, fix);
        }
    }
    if !sound {
        return;
    }
    let value = |keyword| settings.get(keyword).unwrap_or_default();
    match check {
        "sshd log" if !member.profile.log => {}
        "sshd alive" if !keeps_places(member) => {}
        "sshd access" => {}
        "sshd log" => {
            findings.passed(check, format!("internal-sftp logs at {}", log_level(value("ForceCommand"))))
        }
        _ => {
            let all: Vec<_> =
                keywords(check).into_iter().map(|keyword| format!("{keyword} {}", value(keyword))).collect();
            findings.passed(check, all.join(", "));
        }
    }
}

/// Of a user whom the account hook refuses: whom else that harms.
pub(super) fn examine_penalties(settings: &Settings, findings: &mut Findings) {
    let counts = settings.get("PerSourcePenalties").is_some_and(|penalties| penalties != "no");
    if !counts {
        return;
    }
    let exempt = settings.get("PerSourcePenaltyExemptList").filter(|list| *list != "none");
    let exempt = exempt.map(|list| format!(" (but for {})", escaped(list))).unwrap_or_default();
    let evidence = format!(
        "each of these refused logins counts as a failed authentication from the client's address{exempt}, and \
         after a few sshd drops everybody who comes from there: behind the same router or proxy, and root"
    );
    let fix = "fix what keeps the user out; and list addresses that many share, such as an office's, in \
                PerSourcePenaltyExemptList of sshd_config";
    findings.warned("sshd penalties", evidence, fix);
}

/// Tells whether a user who is not jailed is a [`Stray`].
pub(super) fn examine_stranger(sshd: &mut Sshd, config: &Config, account: &Account, findings: &mut Findings) {
    match Stray::find(sshd, config, account) {
        Ok(None) => {}
        Ok(Some(Stray { evidence, fix })) => findings.failed("sshd chroot", evidence, fix),
        Err(no_answer) => unanswered(&no_answer, findings),
    }
}

/// How sshd is asked, and what it could not be asked.
pub(super) fn describe(sshd: &Sshd, findings: &mut Findings) {
    let evidence = format!(
        "{} answers; {} of configuration, {} of connection to ask for",
        sshd.daemon,
        counted(sshd.config.files(), "file"),
        counted(sshd.connections.len(), "kind")
    );
    findings.passed("sshd", evidence);
    for (location, pattern) in &sshd.untried {
        let evidence =
            format!("no connection was found that {} matches (Match at {location})", escaped(pattern));
        findings.unknown("sshd", evidence, "see by hand what sshd -T -C says there");
    }
}

/// Why sshd does not answer.
pub(super) fn unanswered(no_answer: &NoAnswer, findings: &mut Findings) {
    match no_answer {
        NoAnswer::Broken(error) => findings.failed("sshd", &error.what, &error.fix),
        NoAnswer::Unknown(error) => findings.unknown("sshd", &error.what, &error.fix),
    }
}
