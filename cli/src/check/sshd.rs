//! What sshd must do for a member, and whether it does: chroot into the jail, run internal-sftp
//! and nothing else, forward nothing. For every name that leads to the account, and for every kind
//! of connection that its configuration tells apart.

pub(crate) mod ask;
pub(crate) mod config;
mod connection;
mod fix;
mod judge;

use super::finding::Findings;
pub(super) use ask::{Settings, Silent, Sshd};
use fix::fix;
pub(crate) use judge::ALIVE;
pub(super) use judge::expanded;
use judge::{CHECKS, Wrong, judge, keeps_places, keywords, log_level};
use pam_sftpjail::account::Account;
use pam_sftpjail::config::{Config, Profile};
use pam_sftpjail::escape::{escaped, word};
use pam_sftpjail::nss::Group;
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
        if let Err(silent) = ask_about(sshd, member, login, logins.len() > 1, &mut answers) {
            silent.tell(findings);
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
) -> Result<(), Silent> {
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
        if let Some(place) = sshd.config.place_of(wrong.keyword, &wrong.value) {
            evidence += &format!(" ({place})");
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

/// A user who is not jailed and whom sshd sends into the jail root, where nothing is built for them.
pub(crate) struct Stray {
    pub(crate) evidence: String,
    pub(crate) fix: String,
}

/// Tells whether a user who is not jailed is a [`Stray`].
pub(super) fn examine_stranger(sshd: &mut Sshd, config: &Config, account: &Account, findings: &mut Findings) {
    match Stray::find(sshd, config, account) {
        Ok(None) => {}
        Ok(Some(Stray { evidence, fix })) => findings.failed("sshd chroot", evidence, fix),
        Err(silent) => silent.tell(findings),
    }
}

impl Stray {
    /// Asks sshd about somebody who is not jailed. The error is sshd's silence, with what to do about it.
    pub(crate) fn of(config: &Config, account: &Account) -> Result<Option<Self>, (String, String)> {
        let said = |silent| match silent {
            Silent::Broken { evidence, fix } | Silent::Unseen { evidence, fix } => (evidence, fix),
        };
        let mut sshd = Sshd::find().map_err(said)?;
        Self::find(&mut sshd, config, account).map_err(said)
    }

    fn find(sshd: &mut Sshd, config: &Config, account: &Account) -> Result<Option<Self>, Silent> {
        let name = escaped(&account.name);
        for connection in sshd.connections.clone() {
            let settings = sshd.settings(&account.name, &connection)?;
            let chroot = settings.get("ChrootDirectory").unwrap_or("none");
            if expanded(chroot, account).starts_with(config.jail_root.absolute()) {
                let place = sshd.config.place_of("ChrootDirectory", chroot);
                let place = place.map(|place| format!(" ({place})")).unwrap_or_default();
                let why = match &account.exempt_by {
                    Some(group) => format!("{name} is in {}, of exempt_groups", escaped(group)),
                    None => format!("no profile is for {name}"),
                };
                let evidence = format!(
                    "ChrootDirectory is {} for {name}{place}, but {why}, so no jail is built and sshd lets nobody in",
                    escaped(chroot)
                );
                let out = format!("take {name} out of that Match block");
                let fix = match config
                    .groups()
                    .find(|name| matches!(Group::by_name(name), Ok(Some(_))))
                    .filter(|_| !account.uid.is_root() && account.exempt_by.is_none())
                {
                    Some(group) => {
                        format!(
                            "{out} or, to jail {name}: usermod -aG {} {}",
                            word(group),
                            word(&account.name)
                        )
                    }
                    None => out,
                };
                return Ok(Some(Self { evidence, fix }));
            }
        }
        Ok(None)
    }
}

impl Silent {
    pub(super) fn tell(&self, findings: &mut Findings) {
        match self {
            Self::Broken { evidence, fix } => findings.failed("sshd", evidence, fix),
            Self::Unseen { evidence, fix } => findings.unseen("sshd", evidence, fix),
        }
    }
}
