//! Checks whether sshd lets the user in by any method of authentication. It fails only where each of them is closed for
//! certain: by a key from the user's files, by a password, or by others, of which this program knows only whether sshd
//! has them.

use super::keys::fix::{OUTSIDE, to_write};
use super::keys::{Keys, Taken, Without};
use crate::host::accounts::Accounts;
use crate::host::keys::has_wildcards;
use crate::host::pam::passwords::Passwords;
use crate::host::shadow::Password;
use crate::host::sshd::effective::Settings;
use crate::report::{Consequence, Findings};
use pam_sftpjail::escape::escaped;
use pam_sftpjail::fix::{Command, Fix, Name};
use std::fmt::{self, Display};
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// sshd's methods, as AuthenticationMethods names them: authmethods of OpenSSH's auth2.c.
const METHODS: [&str; 5] = [PUBLICKEY, PASSWORD, INTERACTIVE, "gssapi-with-mic", "hostbased"];
const PUBLICKEY: &str = "publickey";
const PASSWORD: &str = "password";
const INTERACTIVE: &str = "keyboard-interactive";

/// The keywords that decide.
const KEYWORDS: [&str; 15] = [
    "AuthenticationMethods",
    "AuthorizedKeysCommand",
    "AuthorizedKeysFile",
    "ChallengeResponseAuthentication",
    "GSSAPIAuthentication",
    "HostbasedAuthentication",
    "KbdInteractiveAuthentication",
    "KerberosAuthentication",
    "PasswordAuthentication",
    "PermitEmptyPasswords",
    "PubkeyAuthentication",
    "PubkeyAcceptedAlgorithms",
    "StrictModes",
    "TrustedUserCAKeys",
    "UsePAM",
];

/// Whether a way in is open. A list of methods is as open as the least open one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Way {
    Closed,
    Unknown,
    Open,
}

/// Why no password lets a user in. As text, a clause.
#[derive(Clone, Copy)]
enum NoPassword {
    NotAsked,
    Locked,
    Refused,
    Empty,
    NoHash,
    None,
    /// AuthenticationMethods requires more.
    NotEnough,
}

impl Display for NoPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotAsked => "sshd asks for no password",
            Self::Locked => "the password is locked",
            Self::Refused => "PAM refuses passwords",
            Self::Empty => "the password is empty",
            Self::NoHash => "what shadow has as the password is not a hash",
            Self::None => "there is no password",
            Self::NotEnough => "a password is not enough (AuthenticationMethods)",
        })
    }
}

/// What decides by which methods the user gets in.
pub(super) struct Authentication<'a> {
    pub(super) keys: Keys<'a>,
    /// sshd's answers for all kinds of connection, the usual one first; `None`: it has not answered for all.
    pub(super) answers: Option<&'a [Rc<Settings>]>,
    /// `None`: it is unknown.
    pub(super) password: Option<Password>,
    /// Which passwords PAM accepts of the user.
    pub(super) passwords: Passwords,
    /// Whether the home is in the jail; otherwise it may not exist.
    pub(super) has_home: bool,
}

impl Authentication<'_> {
    /// `settings`: the usual ones. `is_closed`: whether the admin has closed the account, so that nobody misses a key.
    pub(super) fn examine(&self, settings: &Settings, is_closed: bool, findings: &mut Findings) {
        let judged = self.keys.judge(settings);
        let way = self.way(None);
        let without = match self.way(Some(Way::Closed)) {
            _ if is_closed || way == Way::Open => Without::Warning,
            Way::Closed if self.way(Some(Way::Open)) != Way::Closed => {
                Without::KeptOut(self.no_password(settings).to_string())
            }
            _ => Without::Unclear,
        };
        let is_explained = matches!(without, Without::KeptOut(_))
            && judged.iter().any(|judged| matches!(judged.keys, Taken::No(_)));
        let files: Vec<_> = judged.iter().map(|judged| (judged.file.clone(), judged.is_usable)).collect();
        self.keys.report(settings, judged, &without, findings);
        if way == Way::Closed && !is_closed && !is_explained {
            self.report(settings, &files, findings);
        }
    }

    /// How open sshd is for the user, over any connection. `by_key`: what to assume of keys instead of what is so.
    fn way(&self, by_key: Option<Way>) -> Way {
        let Some(answers) = self.answers else { return Way::Unknown };
        let mut known = Vec::new();
        let mut widest = Way::Closed;
        for settings in answers {
            let relevant = KEYWORDS.map(|keyword| settings.get(keyword));
            if !known.contains(&relevant) {
                widest = widest.max(self.way_by(settings, by_key));
                known.push(relevant);
            }
        }
        widest
    }

    fn way_by(&self, settings: &Settings, by_key: Option<Way>) -> Way {
        let of_method = |method: &str| match method.split(':').next().unwrap_or_default() {
            PUBLICKEY if is_no(settings, "PubkeyAuthentication") => Way::Closed,
            PUBLICKEY => by_key.unwrap_or_else(|| self.by_key(settings)),
            PASSWORD => self.by_password(settings, is_no(settings, "PasswordAuthentication")),
            INTERACTIVE => self.by_password(settings, is_interactive_off(settings)),
            "gssapi-with-mic" => closed_if(is_no(settings, "GSSAPIAuthentication")),
            "hostbased" => closed_if(is_no(settings, "HostbasedAuthentication")),
            _ => Way::Unknown,
        };
        match required(settings) {
            None => METHODS.iter().map(|method| of_method(method)).max(),
            Some(lists) => {
                let of_list = |list: &str| list.split(',').map(of_method).min().unwrap_or(Way::Unknown);
                lists.split_whitespace().map(of_list).max()
            }
        }
        .unwrap_or(Way::Unknown)
    }

    fn by_key(&self, settings: &Settings) -> Way {
        let judged = self.keys.judge(settings);
        let has = |is_meant: fn(&Taken) -> bool| judged.iter().any(|judged| is_meant(&judged.keys));
        let is_set = |keyword| settings.get(keyword).is_some_and(|value| value != "none");
        // An authority, or a program, may know keys.
        let has_others = ["AuthorizedKeysCommand", "TrustedUserCAKeys"].into_iter().any(is_set);
        if has(|taken| matches!(taken, Taken::Yes)) {
            Way::Open
        } else if has(|taken| matches!(taken, Taken::Unknown { .. })) || has_others || has_wildcards(settings)
        {
            Way::Unknown
        } else {
            Way::Closed
        }
    }

    /// `is_off`: whether sshd does not have the method.
    fn by_password(&self, settings: &Settings, is_off: bool) -> Way {
        let uses_pam = !is_no(settings, "UsePAM");
        if is_off {
            return Way::Closed;
        }
        if settings.get("KerberosAuthentication") == Some("yes") {
            return Way::Unknown;
        }
        match (self.passwords, self.password) {
            (Passwords::None, _) if uses_pam => Way::Closed,
            (Passwords::Unknown, _) if uses_pam => Way::Unknown,
            (_, None) => Way::Unknown,
            (_, Some(Password::Hash)) => Way::Open,
            (_, Some(Password::Empty)) if !is_no(settings, "PermitEmptyPasswords") => Way::Open,
            (_, Some(Password::Empty | Password::Locked { .. } | Password::None | Password::NoHash)) => {
                Way::Closed
            }
        }
    }

    /// Why no password lets the user in.
    fn no_password(&self, settings: &Settings) -> NoPassword {
        match self.password {
            _ if !asks_for_passwords(settings) => NoPassword::NotAsked,
            Some(Password::Locked { .. }) => NoPassword::Locked,
            _ if self.passwords == Passwords::None && !is_no(settings, "UsePAM") => NoPassword::Refused,
            Some(Password::Empty) => NoPassword::Empty,
            Some(Password::NoHash) => NoPassword::NoHash,
            Some(Password::Hash) | None => NoPassword::NotEnough,
            Some(Password::None) => NoPassword::None,
        }
    }

    /// Reports that each way is closed. `files`: those in which sshd looks for keys, and whether one can be put there
    /// for this user alone.
    fn report(&self, settings: &Settings, files: &[(PathBuf, bool)], findings: &mut Findings) {
        let name = escaped(&self.keys.account.name);
        let takes_keys = !is_no(settings, "PubkeyAuthentication");
        let no_key = if takes_keys { "there is no key" } else { "sshd takes no keys" };
        let reason = match (takes_keys, self.no_password(settings)) {
            (true, no_password) if self.by_key(settings) == Way::Open => {
                format!("a key is not enough (AuthenticationMethods), and {no_password}")
            }
            (true, NoPassword::None) => "there is neither a password nor a key".to_owned(),
            (_, no_password) => format!("{no_key}, and {no_password}"),
        };
        let mut evidence = format!("{reason}, so {name} cannot log in");
        if !files.is_empty() {
            let files: Vec<_> = files.iter().map(|(file, _)| escaped(file).to_string()).collect();
            evidence += &format!("; sshd looks for keys in {}", files.join(", "));
        }
        if let Some(lists) = required(settings) {
            evidence += &format!("; AuthenticationMethods is {}", escaped(lists));
        }
        let file = files.iter().find(|(_, is_usable)| *is_usable).map(|(file, _)| file.as_path());
        let (consequence, fix) = match self.no_password(settings) {
            // usermod -L and passwd -l are for this.
            NoPassword::Locked => (Consequence::Closed(reason), self.unlocked()),
            _ => (Consequence::KeptOut(reason), self.let_in(settings, file)),
        };
        findings.failed("authentication", consequence, evidence, fix);
    }

    /// The password is locked, which may be meant.
    fn unlocked(&self) -> Fix {
        let name = &self.keys.account.name;
        let again = "if the user should be able to log in again";
        let is_here = Accounts::of_this_host().is_ok_and(|accounts| accounts.uid_of(name).is_some());
        match is_here && self.password == Some(Password::Locked { by_usermod: true }) {
            true => Fix::after(again, &Command::new("usermod -U").arg(Name(name))),
            false => {
                format!("{again}, unlock the password of {}, or give {} a key", escaped(name), escaped(name))
                    .into()
            }
        }
    }

    /// Nobody has given the user a way in, or nobody should have one.
    fn let_in(&self, settings: &Settings, file: Option<&Path>) -> Fix {
        let name = escaped(&self.keys.account.name);
        let is_in_home = |file: &&Path| file.starts_with(&self.keys.account.home);
        let key = match file.filter(|file| self.has_home || !is_in_home(file)) {
            Some(file) if is_in_home(&file) && self.keys.is_home_of_another() => {
                format!("give {name} a home of its own first, and put a public key there")
            }
            Some(file) => format!("put a public key into {}", to_write(file, &self.keys.account.name)),
            None => format!("let root keep a key for {name} ({OUTSIDE})"),
        };
        let may_use_key = !is_no(settings, "PubkeyAuthentication") && self.by_key(settings) != Way::Open;
        let no_password = self.no_password(settings);
        let may_use_password = asks_for_passwords(settings)
            && !matches!(no_password, NoPassword::NotEnough | NoPassword::Refused);
        let open = match (may_use_key, may_use_password) {
            (true, true) => format!("give {name} a password (passwd), or {key}"),
            (true, false) => key,
            (false, true) => format!("give {name} a password (passwd)"),
            (false, false) if matches!(no_password, NoPassword::Refused) => {
                format!("correct what makes PAM refuse the password of {name}")
            }
            (false, false) => format!(
                "let the Match block for {name} say PubkeyAuthentication yes or PasswordAuthentication yes"
            ),
        };
        format!("{open}; if nobody should log in as {name}, let the account expire (chage -E 0)").into()
    }
}

/// What AuthenticationMethods requires; `None`: any one method.
fn required(settings: &Settings) -> Option<&str> {
    settings.get("AuthenticationMethods").filter(|lists| *lists != "any")
}

fn is_no(settings: &Settings, keyword: &str) -> bool {
    settings.get(keyword) == Some("no")
}

fn closed_if(is_closed: bool) -> Way {
    if is_closed { Way::Closed } else { Way::Unknown }
}

/// PAM asks the questions of keyboard-interactive. Before OpenSSH 8.7, either of two keywords turns it on.
fn is_interactive_off(settings: &Settings) -> bool {
    let keywords = ["KbdInteractiveAuthentication", "ChallengeResponseAuthentication"];
    let is_on = keywords.iter().any(|keyword| settings.get(keyword) == Some("yes"));
    !is_on || is_no(settings, "UsePAM")
}

fn asks_for_passwords(settings: &Settings) -> bool {
    !is_no(settings, "PasswordAuthentication") || !is_interactive_off(settings)
}
