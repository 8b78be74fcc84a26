//! What bash, zsh and fish complete: clap_complete's scripts, and the names of users where these do not know them.

use clap::{Arg, Command, ValueHint};
use clap_complete::{Generator, Shell, generate};

/// Each script, and where it is found below share.
pub(crate) fn scripts(program: &'static Command) -> Vec<(&'static str, String)> {
    let public = public(program);
    vec![
        ("bash-completion/completions/sftpjail", written(Shell::Bash, &public) + &users_in_bash(&public)),
        ("zsh/site-functions/_sftpjail", written(Shell::Zsh, &public)),
        ("fish/vendor_completions.d/sftpjail.fish", written(Shell::Fish, &public) + &users_in_fish(&public)),
    ]
}

fn written(shell: impl Generator, program: &Command) -> String {
    let mut out = Vec::new();
    generate(shell, &mut program.clone(), program.get_name(), &mut out);
    String::from_utf8_lossy(&out).into_owned()
}

/// The command line without hidden verbs and options: clap_complete would offer them.
fn public(command: &'static Command) -> Command {
    // What clap adds, it adds once more.
    let is_added = |arg: &Arg| ["help", "version"].contains(&arg.get_id().as_str());
    let args: Vec<_> = command.get_arguments().filter(|arg| !arg.is_hide_set() && !is_added(arg)).collect();
    let is_shown = |member| args.iter().any(|arg| arg.get_id() == member);
    let groups: Vec<_> =
        command.get_groups().filter(|group| group.get_args().all(is_shown)).cloned().collect();
    Command::new(command.get_name())
        .about(command.get_about().cloned().unwrap_or_default())
        .version(command.get_version().unwrap_or_default())
        .disable_version_flag(command.get_version().is_none())
        .disable_help_subcommand(true)
        .groups(groups)
        // An option of all verbs is in each already, or hidden there.
        .args(args.into_iter().map(|arg| hinted(arg.clone()).global(false)))
        .subcommands(command.get_subcommands().filter(|verb| !verb.is_hide_set()).map(public))
}

/// What clap does not know: which arguments are names of users.
fn hinted(arg: Arg) -> Arg {
    match arg.get_id().as_str() {
        "user" | "owner" => arg.value_hint(ValueHint::Username),
        _ => arg,
    }
}

fn takes_user(arg: &Arg) -> bool {
    arg.get_value_hint() == ValueHint::Username
}

/// The verbs whose first argument is a user.
fn verbs_of_users(program: &Command) -> Vec<&str> {
    let first_is_user = |verb: &&Command| verb.get_positionals().next().is_some_and(takes_user);
    program.get_subcommands().filter(first_is_user).map(Command::get_name).collect()
}

/// The names of options that `is_meant`, each once.
fn options(program: &Command, is_meant: impl Fn(&Arg) -> bool) -> Vec<String> {
    let all = program.get_subcommands().chain([program]).flat_map(Command::get_opts);
    let mut names: Vec<_> = all.filter(|arg| is_meant(arg)).filter_map(Arg::get_long).collect();
    names.sort_unstable();
    names.dedup();
    names.into_iter().map(|name| format!("--{name}")).collect()
}

/// A function around clap_complete's, which offers files in the place of users. A name of a directory service can be
/// anything, so it is quoted as a word of the command line.
fn users_in_bash(program: &Command) -> String {
    let verbs = verbs_of_users(program).join(" ");
    let with_value = options(program, |_| true).join(" ");
    let of_users = options(program, takes_user).join(" ");
    format!(
        r#"
_sftpjail_and_users() {{
    _sftpjail "$@"
    local cur=$2 option= word name
    local -a words=()
    for word in "${{COMP_WORDS[@]:1:COMP_CWORD-1}}"; do
        if [[ $word == = ]]; then
            continue
        elif [[ -n $option ]]; then
            option=
        elif [[ " {with_value} " == *" $word "* ]]; then
            option=$word
        elif [[ $word != -* ]]; then
            words+=("$word")
        fi
    done
    if [[ -n $option ]]; then
        [[ " {of_users} " == *" $option "* ]] || return 0
    elif [[ $cur == -* || ${{#words[@]}} -ne 1 || " {verbs} " != *" ${{words[0]}} "* ]]; then
        return 0
    fi
    COMPREPLY=()
    while IFS= read -r name; do
        COMPREPLY+=("$(printf %q "$name")")
    done < <(compgen -u -- "$cur")
}}

complete -F _sftpjail_and_users -o nosort -o bashdefault -o default sftpjail
"#
    )
}

/// Lines beside clap_complete's, which offers no words for arguments.
fn users_in_fish(program: &Command) -> String {
    let verbs = verbs_of_users(program);
    let first = "test (__fish_number_of_cmd_args_wo_opts) -eq 2";
    let line = |verb| {
        let condition = format!("__fish_sftpjail_using_subcommand {verb}; and {first}");
        format!("complete -c sftpjail -n \"{condition}\" -f -a \"(__fish_complete_users)\"\n")
    };
    verbs.into_iter().map(line).collect()
}
