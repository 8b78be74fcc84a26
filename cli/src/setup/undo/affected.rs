//! The users that sshd sends into the jail root, and where it sends them once something is undone. sshd itself says so:
//! before, in a mount namespace that has the files as they will be, and after.

pub(super) mod answer;

use crate::host::configuration;
use crate::host::groups::members_of;
use crate::host::sshd::files::SshdConfig;
use crate::report::Error;
use crate::report::text::listed_first;
use crate::setup::atomic;
use crate::setup::members::incomplete;
use crate::setup::restoration::{Action, FileAction, Part};
use answer::{Answer, Question, Sent};
use pam_sftpjail::account::Account;
use pam_sftpjail::config::Config;
use pam_sftpjail::error::Refusal;
use pam_sftpjail::escape::escaped;
use pam_sftpjail::nss::User;
use pam_sftpjail::policy::{Decision, decide};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The members of all profiles, and the other users that sshd sends into a jail root now.
pub(super) struct Affected {
    users: BTreeMap<String, Now>,
    /// What to ask sshd about them.
    question: Question,
}

/// What becomes of such a user at a login now.
struct Now {
    shell: PathBuf,
    state: State,
}

#[derive(Clone, Copy)]
enum State {
    Jailed,
    /// sshd sends the user into a jail root, but no jail is built there.
    Refused,
    /// sshd does not do that, as far as its files say.
    NotSent,
}

/// When the sentences are said.
#[derive(Clone, Copy)]
enum Tense {
    Before,
    After,
}

impl Affected {
    /// Reads them. `sshd_configs`: of further sshds. The clause: what could not be read. If it is neither the
    /// configuration nor a service of NSS, nobody is known.
    pub(super) fn read(sshd_configs: &BTreeSet<PathBuf>, roots: &[PathBuf]) -> (Self, Option<String>) {
        // One that cannot be read stays: reading it says why.
        let is_there = |file: &&PathBuf| atomic::is_file(file).unwrap_or(true);
        let sshd_configs = sshd_configs.iter().filter(is_there).cloned().collect();
        let question = Question { sshd_configs, roots: roots.to_owned(), ..Question::default() };
        let mut this = Self { users: BTreeMap::new(), question };
        let config = configuration::load(None).map_err(Error::from);
        let note = match (this.find_users(config.as_ref().ok()), config) {
            (Err(error), _) => Some(format!("who is jailed now is unknown: {}", error.what)),
            (Ok(()), Err(error)) => Some(format!("nobody is jailed now: {}", error.what)),
            (Ok(()), Ok(_)) => incomplete(),
        };
        (this, note)
    }

    /// `config`: `None` if it cannot be used. The module builds no jail then.
    fn find_users(&mut self, config: Option<&Config>) -> Result<(), Error> {
        let names = candidates(config, &self.question)?;
        self.question.names = names.into_iter().collect();
        for (name, sent) in self.question.ask()? {
            let Some(user) = User::by_name(&name)? else { continue };
            let is_member = config.map(|config| is_member(&name, config)).transpose()?.unwrap_or(false);
            let state = match sent {
                Sent::IntoJailRoot { has_jail: true } if is_member => State::Jailed,
                Sent::IntoJailRoot { .. } => State::Refused,
                Sent::Into(_) | Sent::Nowhere if is_member => State::NotSent,
                Sent::Into(_) | Sent::Nowhere | Sent::KeptOut => continue,
            };
            self.users.insert(name, Now { shell: user.shell, state });
        }
        self.question.names.retain(|name| self.users.contains_key(name));
        Ok(())
    }

    /// Sentences on where sshd will send them after `actions`. The error: sshd could not read its configuration then.
    pub(super) fn after(&self, actions: &[Action]) -> Result<Vec<String>, Error> {
        let mut question = self.question.clone();
        for action in actions {
            if let Action::File(FileAction { part: Part::Sshd, target, then, .. }) = action {
                // To sshd, an empty file is as good as none.
                question.files.push((target.path().to_owned(), then.clone().unwrap_or_default()));
            }
        }
        match question.ask_in_namespace() {
            // What is needed for jails stays as long as one user is sent into the jail root.
            Answer::Sent(sent) => Ok(self.sentences(&sent, Tense::Before)),
            Answer::Broken { what, fix } => Err(Error::new(what, fix)),
            Answer::Unknown(why) => {
                Ok(vec![format!("Note: who will no longer be jailed is unknown: {why}.")])
            }
        }
    }

    /// Sentences on where sshd sends them now, after something was undone.
    pub(super) fn now(&self) -> Vec<String> {
        match self.question.ask() {
            Ok(sent) => self.sentences(&sent, Tense::After),
            Err(error) => vec![format!("Note: who is no longer jailed is unknown: {}.", error.what)],
        }
    }

    /// A sentence for all users with the same outcome.
    fn sentences(&self, sent: &BTreeMap<String, Sent>, tense: Tense) -> Vec<String> {
        let mut users = BTreeMap::<String, Vec<&str>>::new();
        for (name, now) in &self.users {
            let Some(sent) = sent.get(name) else { continue };
            if let Some(sentence) = now.sentence(sent, tense) {
                users.entry(sentence).or_default().push(name);
            }
        }
        users
            .into_iter()
            .map(|(sentence, names)| format!("{sentence}: {}.", listed_first(names.iter())))
            .collect()
    }
}

impl Now {
    /// The beginning of a sentence that ends with names.
    fn sentence(&self, sent: &Sent, tense: Tense) -> Option<String> {
        let shell = Some(&self.shell).filter(|shell| !shell.as_os_str().is_empty());
        let shell = escaped(shell.map_or(Path::new("/bin/sh"), PathBuf::as_path));
        let no_longer = match (tense, self.state) {
            (Tense::Before, State::Jailed) => "Members who will no longer be jailed",
            (Tense::Before, State::Refused) => "Users that sshd will no longer refuse",
            (Tense::Before, State::NotSent) => return None,
            (Tense::After, State::Jailed) => "No longer jailed",
            (Tense::After, State::Refused) => "No longer refused by sshd",
            (Tense::After, State::NotSent) => "Not jailed",
        };
        let still = match (tense, self.state) {
            (Tense::Before, State::Jailed) => "Members who stay jailed",
            (Tense::Before, State::Refused) => "Users that sshd still refuses",
            (Tense::Before, State::NotSent) => "Members that sshd will send into the jail root",
            (Tense::After, State::Jailed) => "Still jailed",
            (Tense::After, State::Refused) => "Still refused by sshd",
            (Tense::After, State::NotSent) => "Jailed",
        };
        match sent {
            Sent::IntoJailRoot { has_jail: false } if matches!(tense, Tense::After) => Some(
                "Refused by sshd, which sends them into the jail root, where no jail is built".to_owned(),
            ),
            Sent::IntoJailRoot { .. } => Some(still.to_owned()),
            Sent::Nowhere => Some(format!("{no_longer}, with the shell {shell}")),
            Sent::Into(directory) => {
                Some(format!("{no_longer}, but sent elsewhere (ChrootDirectory {})", escaped(directory)))
            }
            Sent::KeptOut => None,
        }
    }
}

/// Everybody that sshd may send into a jail root: the members of all profiles, and users that the `Match` blocks name
/// that do so.
fn candidates(config: Option<&Config>, question: &Question) -> Result<BTreeSet<String>, Error> {
    let mut groups: BTreeSet<String> =
        config.into_iter().flat_map(Config::groups).map(str::to_owned).collect();
    let mut names = BTreeSet::new();
    let mains = SshdConfig::main_file().into_iter().chain(question.sshd_configs.iter().map(PathBuf::as_path));
    for main in mains {
        let sshd = SshdConfig::read(main)?;
        let is_such = |block| sshd.of_block(block).any(|setting| setting.chroots_below(&question.roots));
        for block in sshd.blocks.iter().filter(|block| is_such(block)) {
            groups.extend(block.patterns("group").cloned());
            names.extend(block.patterns("user").cloned());
        }
    }
    names.extend(members_of(groups.iter().map(String::as_str))?);
    // sshd splits the argument of `sshd -T` at commas.
    names.retain(|name| !name.contains(','));
    Ok(names)
}

/// Whether a login of this name would be jailed. The error: it could not be looked up.
fn is_member(name: &str, config: &Config) -> Result<bool, Error> {
    match Account::lookup(name, config) {
        Ok(account) => Ok(matches!(decide(config, &account), Decision::Jail { .. })),
        Err(Refusal::NoSuchUser { .. }) => Ok(false),
        Err(refusal) => Err(Error::new(&refusal, refusal.fix())),
    }
}
