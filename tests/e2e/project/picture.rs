//! docs/session.svg, the picture in the README: one login as its user sees it, and as root sees it on the host.
//! `PICTURE=overwrite cargo test -p sftpjail-tests --test e2e picture` draws it again.

use std::fmt::Write;
use std::path::Path;

use sandbox::{LiveSftp, Sandbox};

const COLUMNS: usize = 92;
/// Of a character of 14 px in common monospaced fonts.
const CHARACTER: f64 = 8.43;
const LINE: usize = 19;
const MARGIN: usize = 18;

/// A terminal: what it is, and the lines in it. Those that somebody typed begin with a prompt.
struct Terminal {
    title: &'static str,
    lines: Vec<String>,
}

impl Terminal {
    fn new(title: &'static str) -> Self {
        Self { title, lines: Vec::new() }
    }

    fn ask(&mut self, live: &mut LiveSftp, command: &str) {
        self.lines.push(format!("sftp> {command}"));
        self.lines.extend(live.send(command));
    }

    fn run(&mut self, sb: &Sandbox, command: &str) {
        self.lines.push(format!("# {command}"));
        self.lines.extend(sb.sh(command).stdout.lines().map(str::to_owned));
    }
}

#[test]
fn the_picture_in_the_readme_is_of_a_real_login() {
    let sb = Sandbox::new();
    sb.sh("useradd -m -K UMASK=027 mle && useradd -m -K UMASK=027 -d /home/mle/web -G sftp mle-web");
    sb.sh("echo hello >/tmp/index.html");
    sb.sh("echo mle-web:secret | chpasswd");
    let mut user = Terminal::new("mle-web, a sub-account of mle, logs in");
    user.lines.push("$ sftp mle-web@example.org".to_owned());
    let mut live = sb.login("mle-web").password("secret").live();
    live.send("lcd /tmp");
    user.ask(&mut live, "pwd");
    user.ask(&mut live, "ls -l /");
    user.ask(&mut live, "ls /home/mle");
    user.ask(&mut live, "get /etc/shadow");
    user.ask(&mut live, "mkdir /home/mine");
    user.ask(&mut live, "put index.html");

    let mut root = Terminal::new("root on the host, at the same time");
    root.run(&sb, "ls -ld /home/mle /home/mle/web");
    root.run(&sb, "sftpjail list");
    // grep's status is 1 where it finds none.
    let command = "grep -c /jail /proc/mounts";
    let mounted = sb.try_sh(command);
    assert_eq!((mounted.stdout.as_str(), mounted.code), ("0\n", Some(1)));
    root.lines.extend([format!("# {command}"), "0".to_owned()]);
    assert_eq!(live.quit(), Some(0));

    let drawn = draw(&[user, root]);
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/session.svg");
    if std::env::var_os("PICTURE").is_some_and(|how| how == "overwrite") {
        std::fs::write(&file, &drawn).expect("docs/");
    }
    let kept = std::fs::read_to_string(&file).expect("the picture");
    assert_eq!(without_figures(&drawn), without_figures(&kept), "PICTURE=overwrite draws it again");
}

/// Times, sizes and process ids differ from run to run, and so do the widths of columns.
fn without_figures(picture: &str) -> Vec<Vec<String>> {
    let is_figure = |c: char| c.is_ascii_digit() || c == '.';
    let words = |line: &str| line.split_whitespace().map(|word| word.replace(is_figure, "")).collect();
    picture.lines().map(words).collect()
}

fn draw(terminals: &[Terminal]) -> String {
    let width = (COLUMNS as f64 * CHARACTER) as usize + 2 * MARGIN;
    let mut body = String::new();
    let mut top = 0;
    for terminal in terminals {
        let height = (terminal.lines.len() + 1) * LINE + MARGIN + LINE / 2;
        let _ = writeln!(
            body,
            "<rect y=\"{top}\" width=\"{width}\" height=\"{height}\" rx=\"8\" fill=\"#0f172a\"/>"
        );
        let mut baseline = top + MARGIN + 6;
        line(&mut body, baseline, "#94a3b8", terminal.title);
        for text in &terminal.lines {
            baseline += LINE;
            assert!(text.chars().count() <= COLUMNS, "too wide: {text}");
            let typed = ["$ ", "# ", "sftp> "].iter().any(|prompt| text.starts_with(prompt));
            let text = text.trim_end();
            line(&mut body, baseline, if typed { "#7dd3fc" } else { "#e2e8f0" }, text);
        }
        top += height + LINE / 2;
    }
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {top}\" font-size=\"14\" \
         font-family=\"ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace\">\n{body}</svg>\n"
    )
}

fn line(body: &mut String, baseline: usize, colour: &str, text: &str) {
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    let _ = writeln!(
        body,
        "<text x=\"{MARGIN}\" y=\"{baseline}\" fill=\"{colour}\" xml:space=\"preserve\">{text}</text>"
    );
}
