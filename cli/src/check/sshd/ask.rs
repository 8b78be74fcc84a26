//! `sshd -T`: what sshd itself says holds for a login.

use super::config::SshdConfig;
use super::connection::{self, Connection};
use crate::check::finding::{AS_ROOT, Findings, counted};
use crate::check::people::group_names;
use crate::check::place::Place;
use nix::unistd::geteuid;
use pam_sftpjail::escape::{escaped, one_line, word};
use std::collections::HashMap;
use std::path::Path;
use std::process::{Command, Stdio};
use std::rc::Rc;

/// Debian's place for it, then others'. It is the listener, from OpenSSH 9.8 on, too.
const PLACES: [&str; 3] = ["/usr/sbin/sshd", "/usr/bin/sshd", "/usr/local/sbin/sshd"];

const CONFIG: &str = "/etc/ssh/sshd_config";

/// An sshd that answers.
pub(in crate::check) struct Sshd {
    binary: &'static Path,
    pub(super) config: SshdConfig,
    pub(super) connections: Vec<Connection>,
    untried: Vec<(Place, String)>,
    /// The patterns of `Match User` and `Match Group`: who matches the same is told the same.
    users: Vec<String>,
    groups: Vec<String>,
    kinds: HashMap<String, Kind>,
    answers: HashMap<(Kind, Connection), Rc<Settings>>,
    /// PAM's name for the service.
    pub(in crate::check) service: String,
}

/// Whom sshd does not tell apart.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Kind {
    /// Which of the patterns match.
    Matching(Vec<bool>),
    /// Whose groups are not known.
    Only(String),
}

/// Effective settings: keywords in lower case, and values as sshd prints them.
pub(in crate::check) struct Settings(Vec<(String, String)>);

/// Why sshd does not answer.
pub(in crate::check) enum Silent {
    Broken { evidence: String, fix: String },
    Unseen { evidence: String, fix: String },
}

impl Settings {
    /// The value of a keyword, in any case.
    pub(in crate::check) fn get(&self, keyword: &str) -> Option<&str> {
        self.all(keyword).next()
    }

    pub(in crate::check) fn all(&self, keyword: &str) -> impl Iterator<Item = &str> {
        let of_it = self.0.iter().filter(move |(name, _)| name.eq_ignore_ascii_case(keyword));
        of_it.map(|(_, value)| value.as_str())
    }
}

impl Sshd {
    /// Finds it, and whether its configuration is sound.
    pub(in crate::check) fn find() -> Result<Self, Silent> {
        let binary = PLACES.map(Path::new).into_iter().find(|path| path.exists());
        let binary = binary.ok_or_else(|| Silent::Unseen {
            evidence: format!("there is no sshd at {}", PLACES.join(", ")),
            fix: "install OpenSSH's server".into(),
        })?;
        // Without a connection, `Match LocalPort` is an error.
        let global =
            ask(binary, &format!("user=root,{}", Connection::plain(0, false, "22").specification()))?;
        let config = SshdConfig::read(Path::new(CONFIG));
        // Such as `0.0.0.0:22` and `[::]:22`; of Port, which they need not follow, nothing may be left.
        let listens = global.all("ListenAddress").filter_map(|at| at.split(" ").next()?.rsplit_once(":"));
        let mut ports: Vec<_> = listens.map(|(_, port)| port).collect();
        ports.sort_unstable();
        ports.dedup();
        let chosen = connection::choose(&config, global.get("UseDNS") == Some("yes"), &ports);
        Ok(Self {
            binary,
            connections: chosen.list,
            untried: chosen.untried,
            users: config.patterns("user"),
            groups: config.patterns("group"),
            kinds: HashMap::new(),
            answers: HashMap::new(),
            // OpenSSH before 9.8 knows no other.
            service: global.get("PAMServiceName").unwrap_or("sshd").to_owned(),
            config,
        })
    }

    /// How it is asked, and what it could not be asked.
    pub(in crate::check) fn describe(&self, findings: &mut Findings) {
        let evidence = format!(
            "{} answers; {} of configuration, {} of connection to ask for",
            escaped(self.binary),
            counted(self.config.files(), "file"),
            counted(self.connections.len(), "kind")
        );
        findings.passed("sshd", evidence);
        for (place, pattern) in &self.untried {
            let evidence =
                format!("no connection was found that {} matches (Match at {place})", escaped(pattern));
            let fix = "see by hand what sshd -T -C says there";
            findings.unseen("sshd", evidence, fix);
        }
    }

    /// What holds for whoever logs in as `login`, as typed, over this connection.
    pub(super) fn settings(&mut self, login: &str, connection: &Connection) -> Result<Rc<Settings>, Silent> {
        let question = (self.kind(login), connection.clone());
        if let Some(known) = self.answers.get(&question) {
            return Ok(Rc::clone(known));
        }
        // sshd splits its argument at every comma, and knows no quotes there.
        if login.contains(',') {
            return Err(Silent::Unseen {
                evidence: format!("sshd -T cannot be asked about {}: the name holds a comma", escaped(login)),
                fix: "see by hand that sshd's Match block is for a group of this user's".into(),
            });
        }
        let answer = Rc::new(ask(self.binary, &format!("user={login},{}", connection.specification()))?);
        self.answers.insert(question, Rc::clone(&answer));
        Ok(answer)
    }

    /// Whether StrictModes lets the user's own group write, as that of Debian and Ubuntu does (their
    /// user-group-modes.patch). They alone know the option.
    pub(in crate::check) fn lets_own_group_write(&self) -> bool {
        let mut command = Command::new(self.binary);
        command.args(["-t", "-o", "DebianBanner=no"]).env_clear();
        let output = command.stdin(Stdio::null()).output();
        output.is_ok_and(|output| output.status.success())
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
        // How a backslash or a quote in a pattern is read differs between versions.
        if self.users.iter().chain(&self.groups).any(|pattern| pattern.contains(['\\', '\'', '"'])) {
            return Kind::Only(login.to_owned());
        }
        let groups = match self.groups.as_slice() {
            [] => Ok(Vec::new()),
            _ => group_names(login),
        };
        let Ok(groups) = groups else { return Kind::Only(login.to_owned()) };
        let user = self.users.iter().map(|pattern| is_match(pattern.as_bytes(), login.as_bytes()));
        let any = |pattern: &String| groups.iter().any(|g| is_match(pattern.as_bytes(), g.as_bytes()));
        Kind::Matching(user.chain(self.groups.iter().map(any)).collect())
    }
}

/// `match_pattern` of OpenSSH's match.c: `*` and `?`.
pub(crate) fn is_match(pattern: &[u8], text: &[u8]) -> bool {
    match (pattern.split_first(), text.split_first()) {
        (None, _) => text.is_empty(),
        (Some((b'*', rest)), None) => is_match(rest, text),
        (Some((b'*', rest)), Some((_, later))) => is_match(rest, text) || is_match(pattern, later),
        (Some((b'?', rest)), Some((_, later))) => is_match(rest, later),
        (Some((c, rest)), Some((d, later))) => c == d && is_match(rest, later),
        (Some(_), None) => false,
    }
}

fn ask(binary: &Path, about: &str) -> Result<Settings, Silent> {
    let output =
        Command::new(binary).args(["-T", "-C", about]).env_clear().stdin(Stdio::null()).output().map_err(
            |error| Silent::Unseen {
                evidence: format!("{} cannot be run: {error}", escaped(binary)),
                fix: AS_ROOT.into(),
            },
        )?;
    if output.status.success() {
        let text = String::from_utf8_lossy(&output.stdout);
        let settings = text.lines().filter_map(|line| line.split_once(' '));
        return Ok(Settings(settings.map(|(keyword, value)| (keyword.into(), one_line(value))).collect()));
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let said: Vec<_> =
        said.lines().map(|line| one_line(line.trim())).filter(|line| !line.is_empty()).collect();
    let evidence = format!("sshd -T says: {}", said.join("; "));
    if !geteuid().is_root() {
        return Err(Silent::Unseen { evidence, fix: AS_ROOT.into() });
    }
    // systemd makes it when sshd is started, so it may never have been.
    if let Some((_, directory)) = evidence.split_once("Missing privilege separation directory: ") {
        let fix = format!("start sshd, or: install -d -m 0755 {}", word(directory));
        return Err(Silent::Unseen { evidence, fix });
    }
    Err(Silent::Broken { evidence, fix: "fix what it names, then see: sshd -t".into() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_in_openssh() {
        for (pattern, text, expected) in [
            ("sftp", "sftp", true),
            ("sftp", "sftp-only", false),
            ("sftp*", "sftp-only", true),
            ("*", "", true),
            ("?", "", false),
            ("a?c*e", "abcde", true),
            ("a?c*e", "abcd", false),
            ("**a", "ba", true),
        ] {
            assert_eq!(is_match(pattern.as_bytes(), text.as_bytes()), expected, "{pattern} {text}");
        }
    }
}
