//! Suggests the verb that was meant: a misspelt one, or a word that other programs have for it.

use super::Arguments;
use clap::CommandFactory;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use pam_sftpjail::escape::escaped;
use pam_sftpjail::suggestion::nearest;

/// Words that admins try, and what does here what they expect of them.
const MEANT: [(&[&str], &str); 11] = [
    (&["status", "who", "w", "ps", "sessions", "session", "users", "ls", "show", "last"], "sftpjail list"),
    (&["doctor", "verify", "validate", "diagnose", "lint", "health", "healthcheck"], "sftpjail check"),
    (&["test", "try", "login", "simulate"], "sftpjail probe USER"),
    (&["version"], "sftpjail --version"),
    (&["log", "logs", "history", "report", "journal", "events", "trace"], "sftpjail audit"),
    (&["kill", "end", "disconnect", "terminate", "logout", "stop"], "sftpjail kick USER"),
    (&["timeout", "overdue", "expired", "expiry"], "sftpjail expire"),
    (&["clean", "cleanup", "gc", "prune", "purge", "flush"], "sftpjail reap"),
    (&["install", "init", "enable", "configure", "start", "add", "apply"], "sftpjail setup"),
    (&["confirm", "keep", "commit"], "sftpjail setup --confirm"),
    (&["undo", "uninstall", "disable", "remove", "revert", "rollback"], "sftpjail setup --undo"),
];

/// The error of the parser; for an unknown verb, with the verb that was meant.
pub(super) fn explained(error: clap::Error) -> clap::Error {
    if error.kind() != ErrorKind::InvalidSubcommand {
        return error;
    }
    let Some(ContextValue::String(typed)) = error.get(ContextKind::InvalidSubcommand) else { return error };
    let is_of_config = std::env::args_os().any(|argument| argument == "config");
    let meant = match is_of_config {
        true => Some("sftpjail config check".to_owned()),
        false => meant(&typed.to_lowercase()),
    };
    let suggestion = meant.map_or(String::new(), |meant| format!("; did you mean `{meant}`?"));
    let message = format!("there is no verb {}{suggestion}", escaped(typed));
    Arguments::command().error(ErrorKind::InvalidSubcommand, message)
}

fn meant(typed: &str) -> Option<String> {
    if let Some((_, meant)) = MEANT.iter().find(|(words, _)| words.contains(&typed)) {
        return Some((*meant).to_owned());
    }
    let program = Arguments::command();
    let verbs = program.get_subcommands().filter(|verb| !verb.is_hide_set());
    nearest(typed, verbs.map(clap::Command::get_name)).map(|verb| format!("sftpjail {verb}"))
}
