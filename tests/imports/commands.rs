//! Commands in the text of the sources. A fix that is a command is made of a `Command` of the library's `fix` module,
//! whose paths only root can redirect; in a plain text, a path could be anybody's.

use proc_macro2::{TokenStream, TokenTree};
use std::path::Path;
use syn::visit::{self, Visit};
use syn::{Attribute, Expr, ExprCall, Item, Lit, LitStr, Macro};

/// Programs that change something, whose names are no words of a sentence.
const PROGRAMS: [&str; 19] = [
    "chage",
    "chattr",
    "chgrp",
    "chmod",
    "chown",
    "cp",
    "crontab",
    "gpasswd",
    "groupadd",
    "groupmod",
    "loginctl",
    "ln",
    "mv",
    "rm",
    "runuser",
    "sed",
    "systemctl",
    "useradd",
    "usermod",
];

/// Programs whose names are verbs, too: these are commands if an option, a path or a placeholder follows.
const VERBS: [&str; 4] = ["install", "kill", "mount", "umount"];

/// Whether a text is, or ends with, a command.
fn is_command(text: &str) -> bool {
    // The input of another program, such as of sftp.
    if text.ends_with('\n') {
        return false;
    }
    let parts = text.split(": ").chain(text.split("then ")).chain(text.split(" && ")).chain([text]);
    parts.into_iter().any(|part| {
        let mut words = part.split(' ');
        let (program, next) = (words.next().unwrap_or_default(), words.next());
        let is_argument = |next: &str| next.starts_with(['-', '/', '{']);
        match next {
            // What a program says.
            Some(next) if next.starts_with("says") => false,
            // A verb of ours, with something that is filled in.
            Some(_) if program == "sftpjail" => words.any(|word| word.contains('{')),
            Some(next) => PROGRAMS.contains(&program) || (VERBS.contains(&program) && is_argument(next)),
            None => false,
        }
    })
}

struct Texts<'f> {
    file: &'f Path,
    found: Vec<String>,
}

impl Texts<'_> {
    fn text(&mut self, text: &LitStr) {
        if is_command(&text.value()) {
            let line = text.span().start().line;
            self.found.push(format!("{}:{line}: {:?}", self.file.display(), text.value()));
        }
    }

    /// The texts of a macro, such as `format!`.
    fn tokens(&mut self, tokens: TokenStream) {
        for token in tokens {
            match token {
                TokenTree::Group(group) => self.tokens(group.stream()),
                TokenTree::Literal(literal) => {
                    if let Lit::Str(text) = Lit::new(literal) {
                        self.text(&text);
                    }
                }
                _ => {}
            }
        }
    }
}

impl<'ast> Visit<'ast> for Texts<'_> {
    fn visit_lit_str(&mut self, text: &'ast LitStr) {
        self.text(text);
    }

    fn visit_macro(&mut self, call: &'ast Macro) {
        self.tokens(call.tokens.clone());
    }

    /// Comments are attributes.
    fn visit_attribute(&mut self, _: &'ast Attribute) {}

    fn visit_item(&mut self, item: &'ast Item) {
        let is_test = |attribute: &Attribute| {
            attribute.path().is_ident("cfg")
                && attribute.parse_args::<syn::Ident>().is_ok_and(|name| name == "test")
        };
        match item {
            Item::Mod(module) if module.attrs.iter().any(is_test) => {}
            _ => visit::visit_item(self, item),
        }
    }

    /// `Command::new(…)` may have one.
    fn visit_expr_call(&mut self, call: &'ast ExprCall) {
        if let Expr::Path(function) = &*call.func {
            let names: Vec<_> = function.path.segments.iter().map(|part| part.ident.to_string()).collect();
            if names.ends_with(&["Command".to_owned(), "new".to_owned()]) {
                return;
            }
        }
        visit::visit_expr_call(self, call);
    }
}

/// The commands in the text of a file.
pub(crate) fn commands(file: &Path, source: &str) -> Result<Vec<String>, syn::Error> {
    let mut texts = Texts { file, found: Vec::new() };
    texts.visit_file(&syn::parse_file(source)?);
    Ok(texts.found)
}

#[test]
fn a_command_in_a_text_is_found_and_sentences_are_not() {
    let found = |source: &str| commands(Path::new("x.rs"), source).expect("Rust").len();
    for command in [
        r#"fn f() -> String { format!("chown {} {}", name, path) }"#,
        r#"fn f() -> &'static str { "look first, then chmod go-w /srv" }"#,
        r#"fn f(p: &str) -> String { format!("make it: install -d -m 0755 {p}") }"#,
        r#"const A: &str = "check it, then: systemctl daemon-reload";"#,
        r#"fn f(p: &str) -> String { format!("to check it: sftpjail check --sshd-config {p}") }"#,
        r#"fn f() { Command::new("true").arg(format!("sed -i {}", x)) }"#,
    ] {
        assert_eq!(found(command), 1, "{command}");
    }
    for sentence in [
        r#"fn f() { Command::new("chown root").arg(&path) }"#,
        r#"fn f() { std::process::Command::new("chown") }"#,
        r#"fn f() -> &'static str { "install OpenSSH's server" }"#,
        r#"fn f() -> &'static str { "mount that filesystem writable" }"#,
        r#"fn f() { SysError::of("mount", "the home") }"#,
        "/// chown root FILE\nfn f() {}",
        r#"#[cfg(test)] mod tests { fn f() -> &'static str { "chown root /jail" } }"#,
    ] {
        assert_eq!(found(sentence), 0, "{sentence}");
    }
}
