use super::*;

/// A stack of session lines without the word `session`. `> ` before a line: it is in a substack.
pub(in crate::host::pam) fn stack(lines: &[&str]) -> Stack {
    let line = |(i, text): (usize, &&str)| {
        let level = text.matches("> ").count();
        let text = text.trim_start_matches("> ");
        let words = words(&format!("session {text}"));
        let location = Location::single("/etc/pam.d/sshd".into(), i + 1);
        let module = (words[1] != "substack").then(|| Module {
            control: Control::parse(&words[1]),
            path: words[2].clone(),
            arguments: words[3..].to_vec(),
        });
        Line { top: location.clone(), location, level, is_silent: false, module }
    };
    Stack { lines: lines.iter().enumerate().map(line).collect(), ..Stack::default() }
}

/// The lines, counted from 1, that can skip the one with ours.so: on success, and otherwise.
fn skips(lines: &[&str]) -> (Vec<usize>, Vec<usize>) {
    let stack = stack(lines);
    let [ours] = stack.positions("ours.so")[..] else { panic!("ours.so is there once") };
    let (success, otherwise): (Vec<_>, Vec<_>) = stack.skips(ours).into_iter().partition(|s| s.on_success);
    let numbers = |skips: Vec<Skip>| skips.into_iter().map(|s| s.line + 1).collect();
    (numbers(success), numbers(otherwise))
}

#[test]
fn the_stacks_of_debian_skip_nothing() {
    let account = [
        "required pam_nologin.so",
        "[success=1 new_authtok_reqd=done default=ignore] pam_unix.so",
        "requisite pam_deny.so",
        "required pam_permit.so",
        "required ours.so",
    ];
    assert_eq!(skips(&account), (vec![], vec![]));
    let session = [
        "[success=ok ignore=ignore module_unknown=ignore default=bad] pam_selinux.so close",
        "[default=1] pam_permit.so",
        "requisite pam_deny.so",
        "required pam_permit.so",
        "optional pam_systemd.so",
        "required ours.so",
    ];
    assert_eq!(skips(&session), (vec![], vec![]));
}

#[test]
fn a_sufficient_line_of_the_same_stack_skips() {
    assert_eq!(skips(&["sufficient pam_localuser.so", "required ours.so"]), (vec![1], vec![]));
    assert_eq!(skips(&["required ours.so", "sufficient pam_localuser.so"]), (vec![], vec![]));
    assert_eq!(skips(&["[success=done default=ignore] a.so", "required ours.so"]), (vec![1], vec![]));
    // The stack fails then: `outcome` says so.
    assert_eq!(skips(&["[success=die default=ignore] a.so", "required ours.so"]), (vec![], vec![]));
}

/// As pam_unix.so answers for an account of another service of NSS.
#[test]
fn a_jump_after_one_answer_skips_for_those_who_get_it() {
    let line = |control: &str| format!("{control} pam_unix.so");
    for (control, expected) in [
        ("[success=1 default=ignore]", (vec![1], vec![])),
        ("[success=ok user_unknown=1 default=ignore]", (vec![], vec![1])),
        ("[success=1 user_unknown=ignore default=1]", (vec![1], vec![1])),
    ] {
        assert_eq!(skips(&[&line(control), "required ours.so", "required b.so"]), expected, "{control}");
    }
}

#[test]
fn a_line_in_a_substack_ends_that_substack_only() {
    assert_eq!(
        skips(&["substack x", "> sufficient a.so", "> required b.so", "required ours.so"]),
        (vec![], vec![])
    );
    assert_eq!(
        skips(&["substack x", "> sufficient a.so", "> required ours.so", "required b.so"]),
        (vec![2], vec![])
    );
}

#[test]
fn a_jump_counts_a_substack_as_one() {
    let lines = |jump: &str| {
        let first = format!("[success={jump} default=ignore] a.so");
        skips(&[
            &first,
            "substack x",
            "> required b.so",
            "> required c.so",
            "required ours.so",
            "required d.so",
        ])
        .0
    };
    assert_eq!(lines("1"), [0; 0]);
    assert_eq!(lines("2"), [1]);
    assert_eq!(lines("3"), [1]);
    // More than there are: libpam fails.
    assert_eq!(lines("4"), [0; 0]);
    assert_eq!(lines("9"), [0; 0]);
    let within = ["[success=1 default=die] a.so", "substack x", "> required ours.so", "required d.so"];
    assert_eq!(skips(&within), (vec![1], vec![]));
}

#[test]
fn a_jump_beyond_the_end_of_its_substack_fails() {
    let lines = [
        "substack x",
        "> [success=2 default=ignore] a.so",
        "> required b.so",
        "required ours.so",
        "required c.so",
    ];
    assert_eq!(skips(&lines), (vec![], vec![]));
}

#[test]
fn a_stack_that_has_failed_skips_nothing_unless_a_line_resets_it() {
    let lines = ["[success=1 default=bad] a.so", "sufficient b.so", "required ours.so"];
    assert_eq!(skips(&lines), (vec![], vec![]));
    let lines =
        ["[success=bad default=die] a.so", "[default=reset] b.so", "sufficient c.so", "required ours.so"];
    assert_eq!(skips(&lines), (vec![3], vec![]));
}

/// As `_pam_assemble_line` of pam_handlers.c joins them.
#[test]
fn a_line_goes_on_after_a_backslash_and_ends_with_a_comment() {
    let text = "session required a.so\n\n# \\\nsession required \\  \n# between\n\n\t b.so x\n\
                session required c.so # end \\\nsession required d.so \\\n# the end \\\n";
    let mut stack = Stack::default();
    let reader = Reader { kind: "session", named_at: None, top: None, level: 0, depth: 0 };
    reader.lines(Path::new("/etc/pam.d/sshd"), text, &mut stack);
    let read =
        |line: &Line| (line.location.line, line.location.last, line.module.as_ref().map(|m| m.path.clone()));
    let expected = [(1, 1, "a.so"), (4, 7, "b.so"), (8, 8, "c.so")];
    let expected = expected.map(|(line, last, path)| (line, last, Some(path.to_owned())));
    assert_eq!(stack.lines.iter().map(read).collect::<Vec<_>>(), expected);
}

#[test]
fn a_jump_on_another_answer_than_success_is_listed_apart() {
    let lines = [
        "[success=ignore default=1] pam_succeed_if.so user ingroup sftp",
        "required ours.so",
        "required x.so",
    ];
    assert_eq!(skips(&lines), (vec![], vec![1]));
    assert_eq!(
        skips(&["[default=1] pam_permit.so", "required ours.so", "required x.so"]),
        (vec![1], vec![1])
    );
}

#[test]
fn a_line_that_is_never_reached_skips_nothing() {
    let lines = ["[default=1] a.so", "sufficient b.so", "required ours.so"];
    assert_eq!(skips(&lines), (vec![], vec![]));
}

#[test]
fn words_in_brackets_are_one_word() {
    let line = "account [success=1 default=ignore] pam_x.so [a b] config=/etc/x";
    assert_eq!(words(line), ["account", "[success=1 default=ignore]", "pam_x.so", "a b", "config=/etc/x"]);
}

#[test]
fn lines_that_libpam_cannot_read_are_named() {
    let illegal = |text: &str| {
        let mut stack = Stack::default();
        let reader = Reader { kind: "session", named_at: None, top: None, level: 0, depth: 0 };
        reader.lines(Path::new("/etc/pam.d/sshd"), text, &mut stack);
        stack.illegal.into_iter().map(|(at, why)| (at.line, at.last, why)).collect::<Vec<_>>()
    };
    for end in ["session optional \\\n", "session optional \\\n # only a comment\n\n", "\\"] {
        let text = format!("session required a.so\n{end}");
        assert_eq!(illegal(&text), [(2, 2, Illegal::Unfinished)], "{end:?}");
    }
    assert_eq!(illegal("session \\\n optional \\\n"), [(1, 2, Illegal::Unfinished)]);
    assert_eq!(illegal("session \\\n optional b.so # text \\\n"), []);
    let comment = |bytes| format!("#{:0bytes$}session requisite pam_deny.so\n", 0);
    assert_eq!(illegal(&comment(1022)), [(1, 1, Illegal::TooLong)]);
    assert_eq!(illegal(&comment(900)), []);
}
