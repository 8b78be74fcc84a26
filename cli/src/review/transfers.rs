//! What each user moved: this program's own `audit --summary --json` as a child. It reads the log as `audit` does, gaps
//! included, beside the checks of the members.

use super::member::Transfers;
use crate::report::error::errno;
use pam_sftpjail::escape::one_line;
use serde::Deserialize;
use std::collections::HashMap;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;

/// The most that is kept of what it says about logs, in bytes.
const MAX_SAID: u64 = 64 << 10;

/// The child, which has begun to read.
pub(super) struct Audit(Child);

/// What it says.
#[derive(Default)]
pub(super) struct Moved {
    pub(super) users: HashMap<String, Transfers>,
    /// How many kinds of gaps the log has: then users may have moved more.
    pub(super) gaps: usize,
    /// Sentences.
    pub(super) problems: Vec<String>,
}

/// A line of its output.
#[derive(Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
enum Document {
    Summary {
        user: Option<String>,
        #[serde(flatten)]
        sums: Transfers,
    },
    #[serde(other)]
    Other,
}

impl Audit {
    /// Starts it. `user`: only this one is of interest.
    pub(super) fn start(config: Option<&Path>, user: Option<&str>) -> io::Result<Self> {
        let mut command = Command::new("/proc/self/exe");
        command.args(["audit", "--summary", "--json"]);
        if let Some(config) = config {
            command.arg("--config").arg(config);
        }
        command.arg("--").args(user);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().map(Self)
    }

    /// Reads what it says, until it has ended.
    pub(super) fn finish(mut self) -> Moved {
        let said = self.0.stderr.take().map(|pipe| {
            thread::spawn(move || {
                let mut said = Vec::new();
                let mut pipe = pipe.take(MAX_SAID);
                let _ = pipe.read_to_end(&mut said);
                let _ = io::copy(&mut pipe.into_inner(), &mut io::sink());
                String::from_utf8_lossy(&said).into_owned()
            })
        });
        let mut moved = Moved::default();
        let lines = self.0.stdout.take().map(|pipe| BufReader::new(pipe).lines());
        for line in lines.into_iter().flatten() {
            match line.map(|line| serde_json::from_str(&line)) {
                Ok(Ok(Document::Summary { user: Some(user), sums })) => drop(moved.users.insert(user, sums)),
                Ok(Ok(Document::Summary { user: None, .. })) => {}
                Ok(Ok(Document::Other)) => moved.gaps += 1,
                Ok(Err(_)) | Err(_) => {
                    moved.problems.push("what sftpjail audit says cannot be read".to_owned());
                    break;
                }
            }
        }
        let status = self.0.wait();
        let said = said.and_then(|said| said.join().ok()).unwrap_or_default();
        match status {
            Ok(status) if status.success() => {}
            Ok(status) => {
                let sentences = said.lines().filter_map(|line| line.strip_prefix("sftpjail: ")).map(one_line);
                moved.problems.extend(sentences);
                if moved.problems.is_empty() {
                    moved.problems.push(format!("the audit ended without a summary: {status}"));
                }
            }
            Err(error) => moved.problems.push(format!("the audit cannot be waited for: {}", errno(&error))),
        }
        moved
    }
}
