//! How a command is typed: clap's usage, with each option in the place of `[OPTIONS]`.

use crate::roff::{bold, escaped, italic};
use clap::{Arg, Command};

/// The lines of the section.
pub(crate) fn synopsis(command: &Command) -> String {
    let usage = command.clone().render_usage().to_string();
    let lines = usage.trim_start_matches("Usage: ").lines();
    lines.map(|line| format!("{}\n", typed(line.trim(), &usage, command))).collect::<Vec<_>>().join(".br\n")
}

/// One line of the usage.
fn typed(line: &str, usage: &str, command: &Command) -> String {
    let words = line.split(' ').flat_map(|word| match word {
        "[OPTIONS]" => {
            let options =
                command.get_arguments().filter(|option| !option.is_positional() && !option.is_hide_set());
            // Those that are needed stand by themselves, and one that takes the place of others has a line of its own.
            let other = options.filter_map(|option| Some((option, option.get_long()?)));
            let other = other.filter(|(_, name)| {
                !usage.split_whitespace().any(|word| word.strip_prefix("--") == Some(name))
            });
            other.map(|(option, name)| format!("[{}]", named(option, name))).collect()
        }
        _ => vec![placed(word)],
    });
    words.collect::<Vec<_>>().join(" ")
}

/// `--until TIME`.
fn named(option: &Arg, name: &str) -> String {
    let value = option.get_num_args().is_some_and(|number| number.takes_values());
    let value = value.then(|| option.get_value_names().and_then(|names| names.first())).flatten();
    let value = value.map_or(String::new(), |value| format!(" {}", italic(value)));
    format!("{}{value}", bold(&format!("--{name}")))
}

fn placed(word: &str) -> String {
    let within = |open, close| word.strip_prefix(open).and_then(|rest: &str| rest.strip_suffix(close));
    match (within('<', '>'), within('[', ']')) {
        (Some(needed), _) => italic(needed),
        (_, Some(other)) => format!("[{}]", italic(other)),
        _ if word.starts_with("--") || word.chars().all(|c| c.is_ascii_lowercase() || c == '-') => bold(word),
        _ => escaped(word),
    }
}
