//! The host on which the model's steps are done: a sandbox with `pam-driver serve`, the module, and `sftpjail`.

use crate::files::{BEGINNING, Files, UID, grants_of};
use crate::model::Answer;
use crate::step::{Key, Login, Step};
use crate::world::{FOLDERS, Jail, Model, OWNER, Session, USERS, User, home};
use sandbox::{Sandbox, artifact, end};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

/// Where the driver finds PAM's stack, which is that of pam.d/sshd and nothing else.
const STACK: &str = "/etc/model";
const KEYS: [&str; 2] = ["/root/.ssh/id_ed25519", "/root/.ssh/other"];
/// The environment of what goes by the model's clock.
const CLOCK: [&str; 3] = ["LD_PRELOAD=/usr/local/lib/libclock.so", "CLOCK=/tmp/clock", "CLOCK_SLEEP=skip"];
/// How long the driver may take for an answer on a busy machine. Then what its processes wait for is printed.
const PATIENCE: Duration = Duration::from_secs(120);
/// What every jail has.
const SYSTEM: [&str; 7] = [
    "/ is a directory",
    "/dev is a directory",
    "/dev/log is there",
    "/etc is a directory",
    "/etc/group is there",
    "/etc/localtime is there",
    "/etc/passwd is there",
];

pub(crate) struct System {
    pub(crate) sb: Sandbox,
    driver: Child,
    to_driver: ChildStdin,
    /// The lines that it prints.
    of_driver: Receiver<String>,
    owner: usize,
    files: Files,
    keys: [String; 2],
    /// What the files hold.
    written: BTreeMap<String, Option<String>>,
    gone: [[bool; 2]; 3],
}

impl System {
    pub(crate) fn new() -> Self {
        let sb = Sandbox::new();
        sb.install(&artifact("pam-driver"), "/usr/local/sbin/pam-driver", 0o755);
        sb.install(&artifact("libclock.so"), "/usr/local/lib/libclock.so", 0o644);
        let mut folders: Vec<_> = FOLDERS.iter().map(|folder| String::from(*folder)).collect();
        sb.sh(&format!(
            "useradd -r -M -d /nonexistent -s /usr/sbin/nologin {OWNER}
             groupadd -g 6001 guest; groupadd -g 6003 admins
             mkdir -p /srv/homes /etc/sftpjail/grants.d /var/lib/extrausers {STACK}
             sed -i 's/^group:.*/group: files extrausers/; s/^passwd:.*/passwd: files/' /etc/nsswitch.conf
             grep -v ^# /etc/pam.d/sshd | grep pam_sftpjail.so > {STACK}/sshd
             echo 'account required pam_permit.so' >> {STACK}/sshd
             echo 'session required pam_permit.so' >> {STACK}/sshd
             cp {STACK}/sshd {STACK}/other
             head -c 8 /dev/zero > /tmp/clock
             ssh-keygen -q -t ed25519 -N '' -f {}; mkdir /etc/ssh/keys
             for user in {}; do install -m 644 {}.pub /etc/ssh/keys/$user; done
             sed -i 's/^Match Group sftp/Match Group sftp,guest,partners/; 1i AuthorizedKeysFile /etc/ssh/keys/%u' \
                 /etc/ssh/sshd_config",
            KEYS[1],
            USERS.join(" "),
            KEYS[0],
        ));
        for (n, user) in USERS.iter().enumerate() {
            for which in [0, 1] {
                let at = home(n, which);
                sb.sh(&format!("mkdir {at}; chown {0}:{0} {at}; chmod 750 {at}", UID + n));
                folders.extend([at.clone(), format!("{at}.gone")]);
                sb.sh(&format!("echo {user} > {at}/{0}; chmod 644 {at}/{0}", marker(&at)));
            }
        }
        for folder in FOLDERS {
            sb.sh(&format!(
                "mkdir {folder}; echo > {folder}/{}; chown {OWNER} {folder}; chmod 777 {folder}",
                marker(folder)
            ));
        }
        let keys = KEYS.map(|key| sb.read_text(format!("{key}.pub")).trim_end().to_owned());
        let fingerprints = KEYS.map(|key| {
            let line = sb.sh(&format!("ssh-keygen -lf {key}.pub")).stdout;
            line.split(' ').nth(1).expect("the second word").to_owned()
        });
        let stock = ["/etc/passwd", "/etc/group"].map(|file| sb.read_text(file));
        let owner = sb.sh(&format!("id -u {OWNER}")).stdout.trim().parse().expect("a uid");
        sb.sshd_as(&format!("/usr/bin/env {} /usr/sbin/sshd -D", CLOCK.join(" ")));
        let mut command = sb.command("env");
        command.args(CLOCK).args([
            "pam-driver",
            "--confdir",
            STACK,
            "root",
            &format!("serve={}", folders.join(":")),
        ]);
        let mut driver = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("pam-driver");
        let to_driver = driver.stdin.take();
        let printed = BufReader::new(driver.stdout.take().expect("it is piped"));
        let (sender, of_driver) = channel();
        std::thread::spawn(move || {
            printed.lines().map_while(Result::ok).try_for_each(|line| sender.send(line))
        });
        Self {
            sb,
            driver,
            to_driver: to_driver.expect("it is piped"),
            of_driver,
            owner,
            files: Files { stock, fingerprints },
            keys,
            written: BTreeMap::new(),
            gone: [[false; 2]; 3],
        }
    }

    /// A command of the driver's, and its answer.
    fn ask(&mut self, command: &str) -> Vec<String> {
        writeln!(self.to_driver, "{command}").expect("the driver reads");
        let mut lines = Vec::new();
        loop {
            match self.of_driver.recv_timeout(PATIENCE) {
                Ok(line) if line == "." => return lines,
                Ok(line) => lines.push(line),
                Err(RecvTimeoutError::Disconnected) => {
                    panic!("the driver has ended at {command}: {lines:#?}")
                }
                Err(RecvTimeoutError::Timeout) => {
                    let waiting = "cd /proc; for p in [0-9]*; do
                        echo $p $(tr '\\0' ' ' <$p/cmdline): $(cat $p/wchan), call $(cat $p/syscall); done";
                    panic!("no answer to {command}: {lines:#?}\n{}", self.sb.sh(waiting).stdout)
                }
            }
        }
    }

    /// Makes of the host what the model begins with.
    pub(crate) fn begin(&mut self, model: &Model) {
        self.ask("reboot");
        self.set_up(model);
    }

    /// What is set up on the host, in files and by the clock.
    fn set_up(&mut self, model: &Model) {
        let now = BEGINNING + u64::from(model.now) * 60;
        self.ask(&format!("clock {now}"));
        for (user, which) in (0..USERS.len()).flat_map(|user| [(user, 0), (user, 1)]) {
            let (at, gone) = (home(user, which), model.users[user].gone[which]);
            let away = format!("{at}.gone");
            let (from, to) = if gone { (&at, &away) } else { (&away, &at) };
            if std::mem::replace(&mut self.gone[user][which], gone) != gone {
                self.ask(&format!("rename {from} {to}"));
            }
        }
        for (file, text) in self.files.of(model) {
            if self.written.get(&file) != Some(&text) {
                match &text {
                    Some(text) => {
                        // `sftpjail revoke` removes the directory with the last file.
                        if file.ends_with(".toml") {
                            self.ask("directory /etc/sftpjail/grants.d");
                        }
                        self.sb.write(&file, text);
                    }
                    None => drop(self.ask(&format!("remove {file}"))),
                }
                self.written.insert(file, text);
            }
        }
    }

    /// Does the step that the model has done. Gives the answer of a login, and what was said.
    pub(crate) fn step(
        &mut self,
        step: &Step,
        id: u32,
        before: &Model,
        after: &Model,
    ) -> (Option<Answer>, String) {
        let at = |n: usize| before.at(n);
        if let Step::Sftp(user) = step {
            return self.sftp(*user, id, before);
        }
        let command = match step {
            Step::Login(Login { user, near, key }) => {
                let host = if *near { "192.0.2.7" } else { "198.51.100.9" };
                let key = key.map(|key: Key| format!("publickey {}", self.keys[key as usize]));
                let method = key.unwrap_or_else(|| "password".into());
                Some(format!("login {id} {} {host} {method}", USERS[*user]))
            }
            Step::Logout(n) => at(*n).map(|id| format!("logout {id}")),
            Step::Kill(n) => at(*n).map(|id| format!("kill {id}")),
            Step::KillMonitor(n) => at(*n).map(|id| format!("orphan {id}")),
            Step::Reboot => Some("reboot".into()),
            Step::Expire => Some("run sftpjail expire".into()),
            Step::Kick(user) => Some(format!("run sftpjail kick --force {}", USERS[*user])),
            Step::Reap => Some("run sftpjail reap".into()),
            Step::Revoke(user, folder) if before.can_revoke(*user, *folder) => {
                // sftpjail writes this file.
                self.written.remove(&grants_of(USERS[*user]));
                Some(format!("run sftpjail revoke --yes {} {}", USERS[*user], FOLDERS[*folder]))
            }
            _ => None,
        };
        ended_first(before, step).iter().for_each(|id| drop(self.ask(&format!("kill {id}"))));
        let said = command.map(|command| self.ask(&command).join("; ")).unwrap_or_default();
        self.set_up(after);
        let answer = match &said {
            _ if !matches!(step, Step::Login(_)) => None,
            said if said.starts_with("refused") => Some(Answer::Refused),
            said if said == "jailed" => Some(Answer::Jailed),
            said if said == "free" => Some(Answer::Free),
            said => panic!("{step:?}: {said}"),
        };
        (answer, said)
    }

    /// What the host has mounted, and what each session sees and can do.
    pub(crate) fn seen(&mut self) -> BTreeSet<String> {
        let mut session = String::new();
        let mut seen = BTreeSet::new();
        for line in self.ask("state") {
            if line.starts_with("mount ") {
                seen.insert(line);
            } else if line.starts_with("session ") {
                session = line;
                seen.insert(session.clone());
            } else {
                seen.insert(format!("{session}: {line}"));
            }
        }
        seen
    }

    /// The same, as the model says it.
    pub(crate) fn due(&self, model: &Model) -> BTreeSet<String> {
        let mut due: BTreeSet<_> = model.mounts().into_iter().map(|jail| format!("mount {jail}")).collect();
        for (id, session) in &model.sessions {
            due.insert(format!("session {id}"));
            let Some(jail) = &session.jail else { continue };
            let uid = UID + session.user;
            due.extend(
                self.in_jail(jail, uid, &model.users).into_iter().map(|line| format!("session {id}: {line}")),
            );
        }
        due
    }

    fn in_jail(&self, jail: &Jail, uid: usize, users: &[User; 3]) -> Vec<String> {
        let mut lines: Vec<_> = SYSTEM.iter().map(|line| String::from(*line)).collect();
        for (at, (folder, writable, owned)) in &jail.places {
            let above = Path::new(at).ancestors().map(|path| format!("{} is a directory", path.display()));
            lines.extend(above);
            if jail.detached {
                continue;
            }
            lines.push(format!("{at}/{} is there", marker(folder)));
            if *writable {
                let on_disk = if *owned { self.owner } else { uid };
                lines.push(format!("{at} can be written, as {uid}"));
                let is_gone = (0..USERS.len()).flat_map(|user| [(user, 0), (user, 1)]);
                let is_gone =
                    is_gone.into_iter().any(|(n, which)| home(n, which) == *folder && users[n].gone[which]);
                let folder = if is_gone { format!("{folder}.gone") } else { folder.clone() };
                lines.push(format!("on disk {folder}/made{} {on_disk}", at.replace('/', "-")));
            }
        }
        lines
    }

    /// Once all sessions have ended and `sftpjail reap` ran, nothing is left. Says what is.
    pub(crate) fn left(&mut self) -> Vec<String> {
        self.ask("run sftpjail reap");
        let find = "run find /run/sftpjail /jail -mindepth 1 -not -name -waiting";
        let mut left = self.ask(find);
        left.retain(|line| line.starts_with("| /"));
        left
    }
}

impl Drop for System {
    fn drop(&mut self) {
        end(&mut self.driver);
    }
}

/// Sessions without a monitor that end together with one that has one. Which of them is the last to have the jail nobody
/// can say, so these are ended before.
fn ended_first(model: &Model, step: &Step) -> Vec<u32> {
    let due: Vec<_> = model.due(step).into_iter().map(|id| (id, &model.sessions[&id])).collect();
    let is_first = |it: &Session| it.orphan && due.iter().any(|(_, one)| !one.orphan && one.user == it.user);
    due.iter().filter(|(_, it)| is_first(it)).map(|(id, _)| *id).collect()
}

/// The one file of a folder: nobody else's is called so.
pub(crate) fn marker(folder: &str) -> String {
    format!("this-is{}", folder.replace('/', "-"))
}
