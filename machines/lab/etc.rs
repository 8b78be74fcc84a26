//! What is in a system's /etc: a line for each file, to compare before and after.

use machines::System;
use std::collections::BTreeSet;

/// Where the accounts are, which outlive the package: they and their earlier versions.
const ACCOUNTS: [&str; 6] = ["passwd", "group", "shadow", "gshadow", "subuid", "subgid"];

/// Kind, mode, owner, path, target of a symlink and, of a file, the digest of what it holds.
const LIST: &str = "cd /etc; export LC_ALL=C
    find . -printf '%y %m %u:%g %p -> %l\\n'; find . -type f -exec sha256sum {} +";

/// /etc at one time.
pub struct Etc(BTreeSet<String>);

impl Etc {
    pub fn now(system: &dyn System) -> Self {
        let listed = system.sh(LIST).stdout;
        Self(listed.lines().filter(|line| !is_of_accounts(line)).map(str::to_owned).collect())
    }

    /// The lines that only one of the two has, marked with `-` and `+`.
    pub fn changes(&self, now: &Self) -> String {
        let gone = self.0.difference(&now.0).map(|line| format!("- {line}\n"));
        let new = now.0.difference(&self.0).map(|line| format!("+ {line}\n"));
        gone.chain(new).collect()
    }
}

fn is_of_accounts(line: &str) -> bool {
    let names = line.split_whitespace().filter_map(|word| word.strip_prefix("./"));
    names.into_iter().any(|name| ACCOUNTS.contains(&name.trim_end_matches('-')))
}
