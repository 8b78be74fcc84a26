//! What the admin of a system that is as it should be sees, from setup to undo: nothing but ✓. It knows nothing of how
//! the system was made, so that sandboxes and whole machines share it.

use crate::Output;

/// A system that is as it should be, and its members.
pub struct Sound<'a> {
    /// Runs a root shell there, with this on stdin.
    pub shell: &'a dyn Fn(&str, &[u8]) -> Output,
    /// `--sshd-config PATH`, where another sshd than the usual one is meant, or "".
    pub options: &'a str,
    /// The command of a client that takes a batch, without its destination.
    pub sftp: &'a str,
    /// Each member's name, and the directory in which a session begins.
    pub members: &'a [(&'a str, &'a str)],
}

impl Sound<'_> {
    /// Sets up. Gives what setup says.
    #[track_caller]
    pub fn set_up(&self, more: &str) -> String {
        let said = self.quiet(&format!("sftpjail setup --yes {more} {}", self.options));
        let mut names: Vec<_> = self.members.iter().map(|(name, _)| *name).collect();
        names.sort_unstable();
        let jailed =
            format!("\nMembers who will be jailed from their next login on: {}.\n", names.join(", "));
        assert!(said.contains(&jailed), "{said}");
        let next = format!("Next: sftpjail check --all {}", self.options);
        assert!(said.ends_with(&format!("{}\n", next.trim_end())), "{said}");
        said
    }

    /// Checks each member and all together, probes, logs in, lists, and asks setup whether anything is left to do.
    #[track_caller]
    pub fn is_sound(&self) {
        for (member, home) in self.members {
            let end = format!("\n{member} is jailed and can log in.\n");
            self.checks(&format!("check {member}"), &end);
            self.checks(&format!("probe {member}"), &end);
            self.logs_in(member, home);
        }
        let all = match self.members.len() {
            1 => "\n1 user: 1 is jailed and can log in. The host is ok.\n".to_owned(),
            count => format!("\n{count} users: {count} are jailed and can log in. The host is ok.\n"),
        };
        self.checks("check --all", &all);
        let left = self.quiet(&format!("sftpjail setup --dry-run {}", self.options));
        assert!(left.starts_with("Nothing to do: everything is set up.\n"), "{left}");
    }

    /// A report in which all is ✓ and whose last line is `end`; its JSON says the same.
    #[track_caller]
    fn checks(&self, verb: &str, end: &str) {
        let text = self.quiet(&format!("sftpjail {verb} {}", self.options));
        assert!(format!("\n{text}").ends_with(end), "{text}");
        let json = self.quiet(&format!("sftpjail {verb} --json {}", self.options));
        let count = |word: &str| json.matches(word).count();
        for (key, word) in [("outcome", "passed"), ("status", "ok")] {
            let all = count(&format!("\"{key}\": "));
            assert!(all > 0 && count(&format!("\"{key}\": \"{word}\"")) == all, "{json}");
        }
        // The probe's has none.
        assert_eq!(count("\"kind\": \"jailed\""), count("\"conclusion\": "), "{json}");
    }

    /// A login begins in the home, and is listed while it lives.
    #[track_caller]
    fn logs_in(&self, member: &str, home: &str) {
        let script = format!("{} {member}@127.0.0.1", self.sftp);
        let batch = "pwd\nls\n!sftpjail list\n!sftpjail list --json\n";
        let seen = (self.shell)(&script, batch.as_bytes()).ok();
        println!("{seen}");
        assert!(seen.stdout.contains(&format!("Remote working directory: {home}\n")), "{seen}");
        let listed = |line: &str| {
            line.split_whitespace().next() == Some(member) && line.contains(&format!("/{member} ("))
        };
        assert!(seen.stdout.lines().any(listed), "{seen}");
        assert!(seen.stdout.contains(&format!("\"user\": \"{member}\"")), "{seen}");
    }

    /// Undoes, once all sessions have ended. Gives what undo says.
    #[track_caller]
    pub fn undo(&self) -> String {
        (self.shell)("for i in $(seq 200); do sftpjail list | grep -q / || break; sleep 0.05; done", b"")
            .ok();
        let said = self.quiet("sftpjail setup --undo --yes");
        assert!(said.contains("\nEverything is as it was before.\n"), "{said}");
        said
    }

    /// What a command that succeeds says: nothing on stderr, and no line that is marked as wrong or unknown.
    #[track_caller]
    fn quiet(&self, command: &str) -> String {
        let out = (self.shell)(command, b"").ok();
        println!("{out}");
        assert_eq!(out.stderr, "", "{out}");
        let is_marked = |line: &str| line.trim_start().starts_with(['!', '✗', '?', '→']);
        assert!(!out.stdout.lines().any(is_marked), "{out}");
        out.stdout
    }
}
