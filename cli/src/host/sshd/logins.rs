//! Reads the effective settings of logins. sshd is asked once for all names and connections that it treats
//! alike.

use super::connections::{self, Connection};
use super::daemon::{Daemon, NoAnswer};
use super::effective::Settings;
use super::files::SshdConfig;
use super::patterns::is_match;
use crate::host::groups::group_names;
use crate::report::{Error, Location};
use pam_sftpjail::escape::escaped;
use pam_sftpjail::nss::User;
use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::rc::Rc;

/// An sshd that answers.
pub(crate) struct Sshd {
    pub(crate) daemon: Daemon,
    pub(crate) config: SshdConfig,
    /// The connections for which it is asked.
    pub(crate) connections: Vec<Connection>,
    /// `Match` patterns for which no connection was found.
    pub(crate) untried: Vec<(Location, String)>,
    /// The patterns of `Match User` and, below, of `Match Group`. Logins that match the same ones get the
    /// same settings.
    users: Vec<String>,
    groups: Vec<String>,
    kinds: HashMap<String, Kind>,
    /// sshd's answers; an error as well: it is the same for all users of a kind.
    answers: HashMap<(Kind, Connection), Result<Rc<Settings>, NoAnswer>>,
    /// The name of the PAM service.
    pub(crate) service: String,
    /// Its setting PidFile.
    pub(crate) pid_file: Option<String>,
}

/// Users with the same settings of sshd.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Kind {
    /// Whether NSS knows the user, and which of the patterns match.
    Matching(Vec<bool>),
    /// Only this user: the groups are unknown, or the configuration says what is not sure to be read as sshd reads it.
    Only(String),
}

impl Sshd {
    /// Finds sshd, and asks for the settings outside of `Match` blocks. `file`: that of its configuration, if it is not
    /// the usual one.
    pub(crate) fn find(file: Option<&Path>) -> Result<Self, NoAnswer> {
        let daemon = Daemon::find(file).map_err(NoAnswer::Unknown)?;
        // Without a connection, `Match LocalPort` is an error.
        let global = daemon.ask("root", &Connection::plain(0, false, "22"))?;
        let config = SshdConfig::readable(daemon.main_file());
        // Such as `0.0.0.0:22` and `[::]:22`. They need not have the number of Port.
        let listens = global.all("ListenAddress").filter_map(|at| at.split(" ").next()?.rsplit_once(":"));
        // A second one has others by `-p`, and one with a socket of systemd's has that socket's.
        let of_socket = daemon.sockets().flat_map(|socket| &socket.ports);
        let running = daemon.running().flat_map(|sshd| &sshd.ports).chain(of_socket).map(u16::to_string);
        let mut ports: Vec<_> = listens.map(|(_, port)| port.to_owned()).chain(running).collect();
        ports.sort_unstable();
        ports.dedup();
        let ports: Vec<_> = ports.iter().map(String::as_str).collect();
        let mut chosen = connections::choose(&config, global.get("UseDNS") == Some("yes"), &ports);
        let usual = chosen.list.clone();
        for (place, served) in daemon.different().iter().enumerate().skip(1) {
            chosen.list.extend(usual.iter().map(|connection| connection.to(place, served.name.clone())));
        }
        Ok(Self {
            connections: chosen.list,
            untried: chosen.untried,
            users: config.patterns("user"),
            groups: config.patterns("group"),
            kinds: HashMap::new(),
            answers: HashMap::new(),
            service: daemon.pam_service(Some(&global)),
            pid_file: global.get("PidFile").map(str::to_owned),
            config,
            daemon,
        })
    }

    /// The effective settings for the name `login`, as typed, over this connection.
    pub(crate) fn settings(
        &mut self,
        login: &str,
        connection: &Connection,
    ) -> Result<Rc<Settings>, NoAnswer> {
        let question = (self.kind(login), connection.clone());
        if let Some(known) = self.answers.get(&question) {
            return known.clone();
        }
        // sshd splits the argument at every comma, and has no quotes there.
        if login.contains(',') {
            return Err(NoAnswer::Unknown(Error::new(
                format!("sshd -T cannot be asked about {}: the name holds a comma", escaped(login)),
                "check by hand that sshd's Match block is for a group of this user",
            )));
        }
        let answer = self.daemon.ask(login, connection).map(Rc::new);
        self.answers.insert(question, answer.clone());
        answer
    }

    /// The effective settings for the name `login` over every kind of connection, the usual one first.
    pub(crate) fn settings_for_all(&mut self, login: &str) -> Result<Vec<Rc<Settings>>, NoAnswer> {
        let connections = self.connections.clone();
        connections.iter().map(|connection| self.settings(login, connection)).collect()
    }

    /// Asks sshd once for each kind of user among `logins`, so that children of this process know the answers, and the
    /// errors. The error is the last that sshd gave.
    pub(crate) fn ask_for_all(&mut self, logins: &[String]) -> Result<(), NoAnswer> {
        let mut answered = Ok(());
        self.daemon.lets_own_group_write();
        let mut known = HashSet::new();
        for login in logins.iter().filter(|login| !login.contains(',')) {
            let kind = self.kind(login);
            if matches!(kind, Kind::Matching(_)) && known.insert(kind) {
                for connection in self.connections.clone() {
                    answered = self.settings(login, &connection).map(drop).and(answered);
                }
            }
        }
        answered
    }

    fn kind(&mut self, login: &str) -> Kind {
        if let Some(known) = self.kinds.get(login) {
            return known.clone();
        }
        let kind = self.kind_of(login);
        self.kinds.insert(login.to_owned(), kind.clone());
        kind
    }

    fn kind_of(&self, login: &str) -> Kind {
        let only = || Kind::Only(login.to_owned());
        if !self.config.is_plain {
            return only();
        }
        let groups = match self.groups.as_slice() {
            [] => Ok(Vec::new()),
            _ => group_names(login),
        };
        // A connection for a user whom NSS does not know has settings of its own: `Match invalid-user`.
        let is_known = match self.config.asks_for("invalid-user") {
            true => User::by_name(login).map(|user| user.is_some()),
            false => Ok(true),
        };
        let (Ok(groups), Ok(is_known)) = (groups, is_known) else { return only() };
        let user = self.users.iter().map(|pattern| is_match(pattern, login));
        let any = |pattern: &String| groups.iter().any(|group| is_match(pattern, group));
        Kind::Matching([is_known].into_iter().chain(user).chain(self.groups.iter().map(any)).collect())
    }
}
