//! Users, added with the system's own tools.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use crate::Sandbox;
use crate::output::run;

/// A user to be added; see [`Sandbox::user`].
#[must_use = "nothing happens before .add()"]
pub struct User<'a> {
    sandbox: &'a Sandbox,
    name: OsString,
    home: OsString,
    make_home: bool,
    mode: u32,
    primary: Option<String>,
    groups: Vec<String>,
    password: Option<String>,
    shell: OsString,
    key: bool,
    raw: bool,
}

/// A user that was added.
#[derive(Debug, Clone, Copy)]
pub struct Account {
    pub uid: u32,
    pub gid: u32,
}

impl Sandbox {
    /// A user to be added: home `/home/NAME` (0750, the user's), a group of its own as the primary
    /// one, shell /bin/sh, no password, the client's key in `~/.ssh/authorized_keys`.
    pub fn user(&self, name: impl AsRef<OsStr>) -> User<'_> {
        let name = name.as_ref().to_owned();
        let mut home = OsString::from("/home/");
        home.push(&name);
        User {
            sandbox: self,
            name,
            home,
            make_home: true,
            mode: 0o750,
            primary: None,
            groups: Vec::new(),
            password: None,
            shell: "/bin/sh".into(),
            key: true,
            raw: false,
        }
    }

    /// Sets `passwd: files spelling` and `shadow: files spelling` in nsswitch.conf: a name with upper-case letters is
    /// answered with the entry of its lower-case spelling, as directories that ignore case do.
    pub fn ignore_case_of_names(&self) {
        self.sh("sed -Ei 's/^(passwd|shadow):.*/\\1: files spelling/' /etc/nsswitch.conf");
    }

    /// Adds a group if there is none. Panics if groupadd refuses.
    #[track_caller]
    pub fn group(&self, name: &str) {
        if !self.read_text("/etc/group").lines().any(|line| line.split(':').next() == Some(name)) {
            self.script("groupadd \"$1\"", &[name], b"").ok();
        }
    }
}

impl User<'_> {
    /// The home in the passwd entry; any bytes that it can hold.
    pub fn home(mut self, path: impl AsRef<OsStr>) -> Self {
        self.home = path.as_ref().to_owned();
        self
    }

    /// `false`: the home is only named, not made; then no key either.
    pub fn make_home(mut self, yes: bool) -> Self {
        self.make_home = yes;
        self
    }

    /// The home's mode.
    pub fn mode(mut self, mode: u32) -> Self {
        self.mode = mode;
        self
    }

    /// The primary group, made if missing.
    pub fn primary(mut self, group: &str) -> Self {
        self.primary = Some(group.to_owned());
        self
    }

    /// A supplementary group, made if missing; may be repeated.
    pub fn group(mut self, group: &str) -> Self {
        self.groups.push(group.to_owned());
        self
    }

    /// The password; without it only the key serves.
    pub fn password(mut self, password: &str) -> Self {
        self.password = Some(password.to_owned());
        self
    }

    /// The login shell.
    pub fn shell(mut self, path: impl AsRef<OsStr>) -> Self {
        self.shell = path.as_ref().to_owned();
        self
    }

    /// `false`: no authorized_keys.
    pub fn key(mut self, yes: bool) -> Self {
        self.key = yes;
        self
    }

    /// Appends the entries to passwd, shadow and group instead of calling useradd, which refuses some
    /// names and homes that directories (LDAP, AD) allow.
    pub fn raw(mut self) -> Self {
        self.raw = true;
        self
    }

    /// Adds it. Panics with what the tool says if one refuses.
    #[track_caller]
    pub fn add(self) -> Account {
        let sb = self.sandbox;
        for group in self.primary.iter().chain(&self.groups) {
            sb.group(group);
        }
        let account = if self.raw { self.append_entries() } else { self.useradd() };
        if let Some(password) = &self.password {
            let line = [self.name.as_bytes(), b":", password.as_bytes(), b"\n"].concat();
            let mut command = sb.command("chpasswd");
            // The cheapest: the default takes some 20 ms, here and at each login.
            command.args(["--crypt-method", "SHA256", "--sha-rounds", "1000"]);
            run(command, "chpasswd", &line).ok();
        }
        if self.make_home {
            let (home, Account { uid, gid }) = (Path::new(&self.home), account);
            sb.make_directory(home, uid, gid, self.mode);
            if self.key {
                let directory = home.join(".ssh");
                sb.make_directory(&directory, uid, gid, 0o700);
                let key = sb.read("/root/.ssh/id_ed25519.pub");
                sb.write_owned(&directory.join("authorized_keys"), &key, uid, gid, 0o600);
            }
        }
        account
    }

    fn useradd(&self) -> Account {
        let mut command = self.sandbox.command("useradd");
        command.args(["--badname", "--no-create-home", "--home-dir"]).arg(&self.home);
        command.arg("--shell").arg(&self.shell);
        match &self.primary {
            Some(group) => command.args(["--gid", group]),
            None => command.arg("--user-group"),
        };
        if !self.groups.is_empty() {
            command.args(["--groups", &self.groups.join(",")]);
        }
        command.arg("--").arg(&self.name);
        run(command, &format!("useradd {:?}", self.name), b"").ok();
        self.entry().expect("useradd made no entry")
    }

    fn append_entries(&self) -> Account {
        let sb = self.sandbox;
        let (mut uid, passwd) = (20_000, sb.read("/etc/passwd"));
        while id_is_taken(&passwd, uid) {
            uid += 1;
        }
        let gid = match &self.primary {
            Some(group) => gid_of(&sb.read("/etc/group"), group),
            None => {
                sb.append(
                    "/etc/group",
                    entry(&[&self.name, "x".as_ref(), uid.to_string().as_ref(), "".as_ref()]),
                );
                uid
            }
        };
        let (u, g) = (uid.to_string(), gid.to_string());
        let fields: [&OsStr; 7] =
            [&self.name, "x".as_ref(), u.as_ref(), g.as_ref(), "".as_ref(), &self.home, &self.shell];
        sb.append("/etc/passwd", entry(&fields));
        let fields: [&OsStr; 2] = [&self.name, "!:19000:0:99999:7:::".as_ref()];
        sb.append("/etc/shadow", entry(&fields));
        for group in &self.groups {
            sb.write("/etc/group", with_member(&sb.read("/etc/group"), group, self.name.as_bytes()));
        }
        Account { uid, gid }
    }

    fn entry(&self) -> Option<Account> {
        let passwd = self.sandbox.read("/etc/passwd");
        let line = passwd
            .split(|byte| *byte == b'\n')
            .find(|line| line.strip_prefix(self.name.as_bytes()).is_some_and(|r| r.starts_with(b":")))?;
        let number = |n| std::str::from_utf8(line.split(|b| *b == b':').nth(n)?).ok()?.parse().ok();
        Some(Account { uid: number(2)?, gid: number(3)? })
    }
}

fn entry(fields: &[&OsStr]) -> Vec<u8> {
    let fields: Vec<_> = fields.iter().map(|field| field.as_bytes()).collect();
    [&fields.join(&b':')[..], b"\n"].concat()
}

fn id_is_taken(passwd: &[u8], id: u32) -> bool {
    let id = id.to_string();
    passwd
        .split(|byte| *byte == b'\n')
        .any(|line| line.split(|byte| *byte == b':').nth(2) == Some(id.as_bytes()))
}

fn gid_of(group: &[u8], name: &str) -> u32 {
    String::from_utf8_lossy(group)
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(":x:")?.split(':').next()?.parse().ok())
        .unwrap_or_else(|| panic!("no group {name}"))
}

fn with_member(group: &[u8], name: &str, member: &[u8]) -> Vec<u8> {
    let mut lines: Vec<Vec<u8>> = group.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
    for line in &mut lines {
        if line.starts_with(format!("{name}:").as_bytes()) {
            if !line.ends_with(b":") {
                line.push(b',');
            }
            line.extend_from_slice(member);
        }
    }
    lines.join(&b'\n')
}
