//! What bash, zsh and fish complete when somebody presses Tab.

use super::share;
use sandbox::Sandbox;
use std::fs;

/// A shell with its script, in which the program is a function that shows its arguments.
struct Shell {
    packages: &'static [&'static str],
    start: &'static str,
    prepare: &'static str,
    script: &'static str,
}

const BASH: Shell = Shell {
    packages: &[],
    start: "bash --norc --noprofile -i",
    prepare: "source /root/script; sftpjail() { printf '<%s>\\n' \"$*\"; }",
    script: "bash-completion/completions/sftpjail",
};
const ZSH: Shell = Shell {
    packages: &["zsh-common", "zsh"],
    start: "zsh -f -i",
    prepare: "mkdir /root/f; cp /root/script /root/f/_sftpjail; fpath=(/root/f $fpath); autoload -U compinit; \
              compinit -u -D; \
              sftpjail() { print -r -- \"<$*>\" }",
    script: "zsh/site-functions/_sftpjail",
};
const FISH: Shell = Shell {
    packages: &["libpcre2-32-0", "fish-common", "fish"],
    start: "fish --no-config -i",
    prepare: "source /root/script; function sftpjail; printf '<%s>\\n' \"$argv\"; end",
    script: "fish/vendor_completions.d/sftpjail.fish",
};

/// What the program gets after `keys` were typed, each time in a line of its own.
fn typed(sb: &Sandbox, shell: &Shell, keys: &[&str]) -> Vec<String> {
    for package in shell.packages {
        sb.unpack(package);
    }
    sb.write("/root/script", fs::read_to_string(share().join(shell.script)).expect("the script"));
    let lines: String =
        keys.iter().map(|keys| format!("printf '%b\\n' 'sftpjail {keys}\\t'; sleep 1; ")).collect();
    let start = format!("env TERM=xterm PS1= HOME=/root LC_ALL=C.UTF-8 {}", shell.start);
    let out = sb.sh(&format!(
        "{{ sleep 1; printf '%s\\n' \"$1\"; sleep 2; {lines} printf 'exit\\n'; }} | script -qfc '{start}' /dev/null",
    ).replace("\"$1\"", &format!("'{}'", shell.prepare.replace('\'', "'\\''"))));
    let lines = out.stdout.lines().map(|line| line.trim_end_matches('\r'));
    // What is printed, and not what the terminal repeats.
    let printed = lines
        .filter_map(|line| line.rsplit(['\x1b', '\r', '\n']).next()?.rsplit_once('<')?.1.strip_suffix('>'));
    printed.map(|line| line.trim_end().to_owned()).collect()
}

/// Words as they are typed, and what becomes of them.
const COMPLETED: [(&str, &str); 8] = [
    ("che", "check"),
    // `probing` is a verb, but not for people.
    ("prob", "probe"),
    ("check --al", "check --all"),
    ("audit --op downl", "audit --op download"),
    ("check ann", "check anna"),
    ("kick ann", "kick anna"),
    ("grant ann", "grant anna"),
    ("grant anna /srv/docs --as ann", "grant anna /srv/docs --as anna"),
];

#[track_caller]
fn completes(shell: &Shell) {
    let sb = Sandbox::stock();
    sb.user("anna").add();
    let (keys, expected): (Vec<_>, Vec<_>) = COMPLETED.into_iter().unzip();
    assert_eq!(typed(&sb, shell, &keys), expected);
}

#[test]
fn bash_completes_verbs_options_values_and_users() {
    completes(&BASH);
}

#[test]
fn zsh_completes_verbs_options_values_and_users() {
    completes(&ZSH);
}

#[test]
fn fish_completes_verbs_options_values_and_users() {
    completes(&FISH);
}

/// A directory service can have any name.
#[test]
fn a_name_that_a_shell_would_run_is_completed_as_one_word() {
    for shell in [&BASH, &ZSH, &FISH] {
        let sb = Sandbox::stock();
        sb.append("/etc/passwd", "zoe $(touch /root/run)`id`;*:x:4711:4711::/:/bin/sh\n");
        assert_eq!(typed(&sb, shell, &["kick zo"]), ["kick zoe $(touch /root/run)`id`;*"]);
        sb.sh("not test -e /root/run");
    }
}
