//! Single faults: each breaks one thing on a machine on which everything is ok. `check` must find that and nothing
//! else, and a fix that is a command must fix it.

use sandbox::Sandbox;
use serde_json::Value;

use super::{checked, findings, machine};

/// One fault, and the finding that it must cause.
pub(super) struct Fault {
    /// A script.
    pub(super) breaks: &'static str,
    /// The one check that does not pass.
    pub(super) check: &'static str,
    pub(super) outcome: &'static str,
    /// Part of the evidence.
    pub(super) evidence: &'static str,
    pub(super) fix: Fix,
    /// The last sentence, without its full stop, and with `N` for the number of a line. Each fault must have one.
    pub(super) conclusion: Option<&'static str>,
}

pub(super) enum Fix {
    /// A command, after words that end in a colon. After it, everything is ok.
    Pasted,
    /// Words, of which this is a part.
    Words(&'static str),
}

pub(super) const fn failed(breaks: &'static str, check: &'static str, evidence: &'static str) -> Fault {
    Fault { breaks, check, outcome: "failed", evidence, fix: Fix::Pasted, conclusion: None }
}

pub(super) const fn warned(breaks: &'static str, check: &'static str, evidence: &'static str) -> Fault {
    Fault { outcome: "warned", ..failed(breaks, check, evidence) }.concludes("mle is jailed and can log in")
}

pub(super) const fn unknown(breaks: &'static str, check: &'static str, evidence: &'static str) -> Fault {
    Fault { outcome: "unknown", ..failed(breaks, check, evidence) }
}

impl Fault {
    /// The same fault with a fix that is no command.
    pub(super) const fn in_words(self, part: &'static str) -> Self {
        Fault { fix: Fix::Words(part), ..self }
    }

    /// The same fault, with the last sentence.
    pub(super) const fn concludes(self, sentence: &'static str) -> Self {
        Fault { conclusion: Some(sentence), ..self }
    }
}

/// The last sentence where a failure neither keeps the user out nor ends the jail.
pub(super) const FIX_IT: &str = "mle is jailed and can log in. Fix what is marked ✗ all the same";

/// Writes `N` for the number in each `/path:NUMBER`.
fn without_line_numbers(sentence: &str) -> String {
    let numbered = |word: &str| {
        let end = word.trim_end_matches([':', ')', ',']);
        let (path, number) = end.strip_prefix('/').and(end.rsplit_once(':'))?;
        let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then(|| format!("{path}:N{}", word.trim_start_matches(end)))
    };
    let words = sentence.split(' ').map(|word| numbered(word).unwrap_or_else(|| word.to_owned()));
    words.collect::<Vec<_>>().join(" ")
}

/// Copies everything that a fault may break.
const SAVE: &str = "mkdir /tmp/good
    cp -a /etc/ssh /etc/pam.d /etc/passwd /etc/shadow /etc/group /etc/gshadow /etc/shells /etc/fstab \
        /etc/nsswitch.conf /home \"$1\" /tmp/good";

const RESTORE: &str =
    "rm -rf /etc/ssh /etc/pam.d /usr/lib/pam.d/sshd /etc/sftpjail /etc/auto* /home/* /home/.[!.]*
    cp -a /tmp/good/ssh /tmp/good/pam.d /tmp/good/passwd /tmp/good/shadow /tmp/good/group /tmp/good/gshadow \
        /tmp/good/shells /tmp/good/fstab /tmp/good/nsswitch.conf /etc
    cp -a /tmp/good/home/. /home; cp -a /tmp/good/pam_sftpjail.so \"$1\"";

/// A machine on which everything is ok, and which can be restored after each fault.
pub(super) struct Machine {
    pub(super) sb: Sandbox,
    module: String,
}

impl Machine {
    pub(super) fn new() -> Machine {
        let sb = machine();
        sb.install_log_drop_in();
        sb.sh("mkdir -p -m 755 /run/sshd /jail");
        let module =
            sb.sh("find /usr/lib /usr/lib64 -name pam_sftpjail.so -print -quit").stdout.trim().to_owned();
        sb.script(SAVE, &[&module], b"").ok();
        Machine { sb, module }
    }

    /// Undoes every fault.
    pub(super) fn restore(&self) {
        self.sb.script(RESTORE, &[&self.module], b"").ok();
    }

    /// The findings about mle that have not passed, and the exit status.
    #[track_caller]
    pub(super) fn found(&self) -> (Vec<[String; 4]>, i32) {
        let (found, code, _) = self.concluded();
        (found, code)
    }

    /// As [`found`](Self::found), with the last sentence.
    #[track_caller]
    pub(super) fn concluded(&self) -> (Vec<[String; 4]>, i32, String) {
        let out = self.sb.try_sh("sftpjail check --json mle");
        let code = out.code.unwrap_or(-1);
        let out = checked(out, code);
        let document: Value = serde_json::from_str(&out.stdout).unwrap_or_else(|e| panic!("{e}: {out}"));
        // No sshd runs there: it would not have read the files as they are.
        let of = findings(&document).into_iter().filter(|f| f[1] != "passed" && f[0] != "sshd running");
        let sentence = document["conclusion"]["sentence"].as_str().expect("a sentence").to_owned();
        (of.map(|f| f.map(str::to_owned)).collect(), code, sentence)
    }

    /// Each fault in turn.
    #[track_caller]
    pub(super) fn each(&self, faults: &[Fault]) {
        let (found, code) = self.found();
        assert_eq!((found.as_slice(), code), (&[][..], 0), "everything is ok");
        for fault in faults {
            self.sb.script(fault.breaks, &[&self.module], b"").ok();
            self.one(fault);
            self.restore();
        }
        let (found, code) = self.found();
        assert_eq!((found.as_slice(), code), (&[][..], 0), "everything is ok again");
    }

    #[track_caller]
    fn one(&self, fault: &Fault) {
        let (found, code, sentence) = self.concluded();
        let context = format!("after {}\nfound {found:#?}\n{sentence}", fault.breaks);
        let status = match fault.outcome {
            "failed" => 1,
            "unknown" => 2,
            _ => 0,
        };
        assert_eq!(code, status, "{context}");
        let [[check, outcome, evidence, fix]] = &found[..] else { panic!("not one finding {context}") };
        assert_eq!((check.as_str(), outcome.as_str()), (fault.check, fault.outcome), "{context}");
        assert!(evidence.contains(fault.evidence), "no {:?} {context}", fault.evidence);
        assert_eq!(Some(without_line_numbers(&sentence).as_str()), fault.conclusion, "{context}");
        match fault.fix {
            Fix::Words(part) => assert!(fix.contains(part), "no {part:?} {context}"),
            Fix::Pasted => {
                self.paste(fix);
                assert_eq!(self.found(), (vec![], 0), "the fix does not help, {context}");
            }
        }
    }

    /// Real logins: after each fault, a user is let in if the last sentence says so. sshd does not read its files
    /// again.
    #[track_caller]
    pub(super) fn try_logins(&self, faults: &[Fault]) {
        self.sb.sshd();
        for fault in faults {
            let Some(sentence) = fault.conclusion.filter(|said| !said.contains("cannot be judged")) else {
                continue;
            };
            self.sb.script(fault.breaks, &[&self.module], b"").ok();
            let login = self.sb.sftp("mle", "pwd\n");
            let is_let_in = !sentence.contains("cannot log in");
            assert_eq!(login.code == Some(0), is_let_in, "{} {sentence} {login}", fault.breaks);
            self.restore();
        }
        self.sb.stop_sshd();
    }

    /// Runs a fix, without the words before it.
    #[track_caller]
    pub(super) fn paste(&self, fix: &str) {
        let command = fix.split_once(": ").filter(|(words, _)| !words.contains('\'')).map_or(fix, |(_, c)| c);
        self.sb.sh(command);
    }
}
