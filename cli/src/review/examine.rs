//! Reads what a review says of one member, in a child: a filesystem of the user's may not answer. It makes the checks
//! of a login, and rehearses nothing.

use super::access;
use super::member::{Key, Member, Runs, State, StateKind, Unused};
use super::moment::Moment;
use crate::host::keys::{self, listed::Listed};
use crate::host::sessions::Outside;
use crate::host::shadow::{Password, Shadow, today};
use crate::host::sshd::access::barred;
use crate::host::sshd::effective::Settings;
use crate::host::sshd::logins::Sshd;
use crate::host::workers::Work;
use crate::host::{as_user, jobs, systemd};
use crate::report::Consequence;
use pam_sftpjail::account::Account;
use pam_sftpjail::config::Config;
use pam_sftpjail::error::Refusal;
use pam_sftpjail::escape::escaped;
use pam_sftpjail::grants::Circumstances;
use pam_sftpjail::plan::CheckResult;
use pam_sftpjail::policy::{Decision, decide};
use pam_sftpjail::session::{Membership, examine};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// The most processes of one user that are named.
const MAX_PROCESSES: usize = 20;

/// Settings of sshd's by which it takes keys that are in no file of the user's.
const OTHER_KEYS: [&str; 3] = ["AuthorizedKeysCommand", "TrustedUserCAKeys", "AuthorizedPrincipalsCommand"];

/// What is read once for all members.
pub(super) struct Reviewer<'c> {
    pub(super) config: &'c Config,
    /// `None`: sshd does not answer.
    pub(super) sshd: Option<Sshd>,
    /// The user managers that run, by uid.
    pub(super) managers: BTreeMap<u32, bool>,
    pub(super) outside: BTreeMap<u32, Vec<Outside>>,
    pub(super) now: Moment,
}

impl Work for Reviewer<'_> {
    /// `None` for a user in no profile.
    type Result = Option<Member>;

    fn check(&mut self, user: &str) -> Self::Result {
        self.member(user, true)
    }

    fn give_up(&mut self, user: &str, why: &str) -> Self::Result {
        let mut member = self.member(user, false)?;
        member.state = State { kind: StateKind::Unknown, why: Some(why.to_owned()) };
        member.problems.push(why.to_owned());
        Some(member)
    }
}

impl Reviewer<'_> {
    /// `may_touch`: whether the user's files may be looked at.
    fn member(&mut self, user: &str, may_touch: bool) -> Option<Member> {
        let account = match Account::lookup(user, self.config) {
            Ok(account) => account,
            // Somebody who was removed meanwhile.
            Err(Refusal::NoSuchUser { .. }) => return None,
            Err(refusal) => return Some(unread(user, &refusal)),
        };
        let profile = match decide(self.config, &account) {
            Decision::NotJailed(_) => return None,
            Decision::Refuse(refusal) => {
                let mut member = empty(&account.name, account.uid.as_raw());
                member.state = refused(&refusal);
                return Some(member);
            }
            Decision::Jail { used, .. } => used.profile,
        };
        let mut member =
            Member { profile: profile.name.clone(), ..empty(&account.name, account.uid.as_raw()) };
        let mut plan = None;
        if may_touch {
            let mut first = None;
            let login = Circumstances::of_no_login();
            let membership = examine(self.config, user, &login, &mut |_, result| {
                if let CheckResult::Failed(refusal) = result {
                    first.get_or_insert_with(|| refused(refusal));
                }
            });
            member.state = match (first, membership) {
                (Some(state), _) => state,
                (None, Err(refusal)) => refused(&refusal),
                (None, Ok(Membership::Member(found))) => {
                    plan = Some(found.plan);
                    State { kind: StateKind::CanLogIn, why: None }
                }
                (None, Ok(Membership::NotJailed { .. })) => return None,
            };
        }
        member.folders = access::folders(profile, &account, plan.as_ref());
        match access::grants(&account, plan.as_ref(), self.now) {
            Ok(grants) => member.grants = grants,
            Err(why) => member.problems.push(why),
        }
        self.shadow(&account, &mut member);
        self.sshd(&account, may_touch, &mut member);
        self.runs(&account, &mut member);
        Some(member)
    }

    /// Whether the account lets the user log in.
    fn shadow(&self, account: &Account, member: &mut Member) {
        match Shadow::of(&account.name) {
            Ok(Some(shadow)) => {
                member.password = Some(matches!(shadow.password(), Password::Hash | Password::Empty));
                if let Some(lapse) = shadow.lapse(today()) {
                    let kind = if lapse.is_refusal() { StateKind::Closed } else { StateKind::Refused };
                    member.state = State { kind, why: Some(lapse.to_string()) };
                }
            }
            Ok(None) => {}
            Err(error) => member.problems.push(format!(
                "whether the account of {} has expired is unknown: {error}",
                escaped(&account.name)
            )),
        }
    }

    /// What sshd says of the user, and the files of keys that it names.
    fn sshd(&mut self, account: &Account, may_touch: bool, member: &mut Member) {
        // That it does not answer is said once for all.
        let Some(sshd) = &mut self.sshd else { return };
        let name = escaped(&account.name).to_string();
        let answers: Vec<Rc<Settings>> = match sshd.settings_for_all(&account.name) {
            Ok(answers) => answers,
            Err(_) => {
                member
                    .problems
                    .push(format!("the keys of {name} are unknown: sshd does not answer for this user"));
                return;
            }
        };
        if let Some(Ok(Some(keyword))) = answers.first().map(|settings| barred(settings, account)) {
            member.state =
                State { kind: StateKind::Closed, why: Some(format!("sshd's {keyword} keeps the user out")) };
        }
        let other = |settings: &Rc<Settings>| {
            let has = |keyword: &&str| settings.get(keyword).is_some_and(|value| value != "none");
            OTHER_KEYS.iter().copied().filter(has).collect::<Vec<_>>()
        };
        let others: BTreeSet<_> = answers.iter().flat_map(other).collect();
        member.other_keys = others.into_iter().map(str::to_owned).collect();
        let files = BTreeSet::from_iter(answers.iter().flat_map(|settings| keys::files(settings, account)));
        if answers.iter().any(|settings| keys::has_wildcards(settings)) {
            member
                .problems
                .push(format!("AuthorizedKeysFile has wildcards for {name}, so there may be more keys"));
        }
        if !may_touch || files.is_empty() {
            return;
        }
        let files = Vec::from_iter(files);
        match as_user::list_keys(&account.name, &files) {
            Err(error) => member.problems.push(format!("the keys of {name} could not be read: {error}")),
            Ok(lists) => {
                for (file, listed) in files.iter().zip(lists) {
                    let Listed { changed, keys, unused, unread } = listed;
                    let shown = escaped(file).to_string();
                    member
                        .problems
                        .extend(unread.map(|why| format!("{shown} of {name} could not be read: {why}")));
                    member
                        .unusable_lines
                        .extend(unused.into_iter().map(|(line, why)| format!("{shown}:{line}: {why}")));
                    let changed = changed.and_then(Moment::of_epoch);
                    member.keys.extend(keys.into_iter().map(|key| {
                        let expires = key.expires.and_then(Moment::of_epoch);
                        Key {
                            file: file.to_string_lossy().into_owned(),
                            line: key.line,
                            key_type: key.key_type,
                            bits: key.bits,
                            fingerprint: key.fingerprint,
                            comment: key.comment,
                            authority: key.is_authority,
                            changed,
                            age_days: changed.map(|changed| changed.days_until(self.now)),
                            last_used: None,
                            unused: Unused::default(),
                            expires,
                            expired: expires.is_some_and(|end| end <= self.now),
                        }
                    }));
                }
            }
        }
    }

    fn runs(&self, account: &Account, member: &mut Member) {
        let (uid, name) = (account.uid.as_raw(), escaped(&account.name).to_string());
        // Who is refused for the name has no file of that name either.
        let Ok(user) = account.user_name() else { return };
        match jobs::crontab(&user) {
            Ok(found) => member
                .runs
                .extend(found.map(|file| Runs::Crontab { file: file.to_string_lossy().into_owned() })),
            Err(error) => member.problems.push(format!("the crontab of {name} could not be read: {error}")),
        }
        match jobs::at_jobs(uid) {
            Ok(0) => {}
            Ok(count) => member.runs.push(Runs::AtJobs { count }),
            Err(error) => member.problems.push(format!("the at jobs of {name} could not be read: {error}")),
        }
        if self.managers.get(&uid) == Some(&true) {
            member.runs.push(Runs::UserManager);
        }
        match systemd::lingers(&user) {
            Ok(true) => member.runs.push(Runs::Lingers),
            Ok(false) => {}
            Err(why) => member.problems.push(format!(
                "whether logind keeps a user manager of {name} running is not known: {}",
                why.what
            )),
        }
        let outside = self.outside.get(&uid).map(Vec::as_slice).unwrap_or_default();
        for Outside { pid, name: program, doubt } in outside.iter().take(MAX_PROCESSES) {
            match doubt {
                None => member.runs.push(Runs::Process { pid: *pid, program: program.clone() }),
                Some(why) => member.problems.push(format!(
                    "whether the process {pid} of {name} runs outside of a jail is not known: {}",
                    why.what
                )),
            }
        }
        // With many processes, a user could hide one among them.
        let count = outside.len().saturating_sub(MAX_PROCESSES);
        member.runs.extend((count > 0).then_some(Runs::MoreProcesses { count }));
    }
}

/// Why the login is refused.
fn refused(refusal: &Refusal) -> State {
    let (kind, why) = match Consequence::from(refusal) {
        Consequence::Closed(why) => (StateKind::Closed, why),
        Consequence::Unknown(why) => (StateKind::Unknown, why),
        _ => (StateKind::Refused, refusal.to_string()),
    };
    State { kind, why: Some(why) }
}

/// A member of whom nothing is known but the name.
fn unread(user: &str, refusal: &Refusal) -> Member {
    let mut member = empty(user, 0);
    member.state = refused(refusal);
    member.problems.push(format!("{} could not be looked up: {refusal}", escaped(user)));
    member
}

fn empty(user: &str, uid: u32) -> Member {
    Member {
        user: user.to_owned(),
        uid,
        profile: String::new(),
        state: State { kind: StateKind::Unknown, why: None },
        password: None,
        folders: Vec::new(),
        grants: Vec::new(),
        keys: Vec::new(),
        unusable_lines: Vec::new(),
        other_keys: Vec::new(),
        last_login: None,
        unused: Unused::default(),
        live_sessions: 0,
        transfers: None,
        runs: Vec::new(),
        problems: Vec::new(),
    }
}
