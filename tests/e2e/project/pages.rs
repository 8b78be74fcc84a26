//! What pages show is run: no page has commands that no test runs, and a difference is found.

use std::fs;
use std::path::{Path, PathBuf};

use crate::common::ROOT;
use crate::common::page::Page;
use sandbox::Sandbox;

/// Where pages are.
const PLACES: [&str; 3] = ["README.md", "docs", "manuals"];

/// The file `directory`, or every file below it, by its path in the repository.
fn files_below(directory: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    if Path::new(ROOT).join(directory).is_file() {
        files.push(directory.to_owned());
    }
    for entry in fs::read_dir(Path::new(ROOT).join(directory)).into_iter().flatten().flatten() {
        let path = directory.join(entry.file_name());
        if entry.file_type().expect("a kind").is_dir() {
            files.extend(files_below(&path));
        } else {
            files.push(path);
        }
    }
    files
}

/// Markdown, or a manual page of section 5 or 8.
fn is_page(path: &Path) -> bool {
    path.extension().is_some_and(|extension| ["md", "5", "8"].iter().any(|one| extension == *one))
}

#[test]
fn every_page_that_shows_commands_is_run_by_a_test() {
    let sources: Vec<_> = files_below(Path::new("tests/e2e"))
        .iter()
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .map(|path| fs::read_to_string(Path::new(ROOT).join(path)).expect("a source"))
        .collect();
    let mut faults = Vec::new();
    let pages: Vec<_> = PLACES.iter().flat_map(|place| files_below(Path::new(place))).collect();
    for path in pages.iter().filter(|path| is_page(path)) {
        let path = path.to_string_lossy();
        let page = Page::read(&path);
        let named = format!("\"{path}\"");
        if page.has_commands() && !sources.iter().any(|source| source.contains(&named)) {
            faults.push(format!("{path}: no test has Page::read({named})"));
        }
        faults.extend(page.faults);
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert!(pages.len() > 5, "{pages:?}");
}

#[test]
fn times_keys_and_processes_may_be_others_than_the_page_shows_and_nothing_else() {
    let sb = Sandbox::stock();
    let prints =
        |line: &str, shown: &str| page(&format!("# echo '{line}'\n{shown}\n")).compare(&sb).1.is_empty();
    let key = "AAAAC3NzaC1lZDI1NTE5AAAAIELnu8/hQMtNynLKONEVpI/xzZdWKg3Cai1WqjR21tBZ";
    for (printed, shown) in [
        ("until 2026-12-12 13:35:02, in 2w", "until 2027-01-01 00:00, in 2w"),
        ("until Saturday 2026-12-12 13:35", "until Sunday 2026-12-13 13:35"),
        ("since 2026-12-12T13:35:02+00:00", "since 2027-01-01T01:02:03+00:00"),
        ("6 Nov 28 13:35 photo.jpg", "6 Dec  1 09:00 photo.jpg"),
        (
            &format!("expiry-time=\"20261226133502\" {key} x"),
            &format!("expiry-time=\"20200101000000\" {} x", key.replace('n', "m")),
        ),
        ("SHA256:kPCDrsdlADAlffvEibLAwi/TT1o (x)", "SHA256:ue3d1L3chHafUU76WiQ8NbW6UgTbSCJOV (x)"),
        ("has ended (process 57), pid 1", "has ended (process 612), pid 13"),
    ] {
        assert!(prints(printed, shown), "{printed}\n{shown}");
        assert!(!prints(&format!("{printed}s"), shown), "{shown}");
    }
    for (printed, shown) in
        [("in 14d", "in 15d"), ("12 files", "13 files"), ("2026-12-12", "2026-12-12 13:35")]
    {
        assert!(!prints(printed, shown), "{printed}\n{shown}");
    }
}

/// Below, the page begins in line 2.
fn page(block: &str) -> Page {
    Page::new("docs/example.md", &format!("```console\n{block}```\n"))
}

#[test]
fn a_page_is_run_as_it_says() {
    let sb = Page::machine(&["anna"]);
    let shown = "\
# useradd -m -G sftp -s /usr/sbin/nologin anna
# passwd anna
New password:
Retype new password:
passwd: password updated successfully
# cat >/srv/letter <<'END'
# Dear Anna
END
# cat /srv/letter | \\
    tr a-z A-Z | tail -c 5
ANNA
# test -t 1 && stty size; cat /proc/sys/kernel/hostname
50 80
files.example.com
# not-a-command
[..] not-a-command: command not found
# echo $?
127
# sftpjail check anna
✓ configuration  /etc/sftpjail/config.toml is ok
...
anna is jailed and can log in.
$ sftp anna@files.example.com
anna@files.example.com's password:
Connected to files.example.com.
sftp> pwd
Remote working directory: /home/anna
sftp> ls /none
Can't ls: \"/none\" not found
sftp> mkdir letters
# ls -ld /home/anna/letters
drwx[..] anna anna [..] /home/anna/letters
# sftpjail audit anna --op mkdir --json | wc -l
1
";
    page(shown).run(&sb);
}

#[test]
fn what_a_page_shows_and_does_not_come_out_is_found_and_can_be_written() {
    let sb = Sandbox::stock();
    let shown =
        "# echo one; echo two\none\nthree\n# true\nmore\n# seq 3\n1\n...\n# false\n$ echo none; false\n";
    let right =
        "# echo one; echo two\none\ntwo\n# true\n# seq 3\n1\n...\n# false\n$ echo none; false\nnone\n";
    sb.sh("mkdir /root/client");
    let (printed, differences) = page(shown).compare(&sb);
    let places: Vec<_> = differences.iter().map(|text| text.lines().next().unwrap()).collect();
    assert_eq!(
        places,
        [
            "docs/example.md:2: echo one; echo two",
            "docs/example.md:5: true",
            "docs/example.md:10: false",
            "docs/example.md:11: echo none; false"
        ]
    );
    assert!(differences[2].contains("exit status 1; show it with `# echo $?`"), "{differences:?}");
    assert_eq!(page(shown).with(&printed), format!("```console\n{right}```\n"));
}

#[test]
fn commands_that_would_not_run_are_found() {
    let faults = |text: &str| Page::new("docs/example.md", text).faults;
    for (text, fault) in [
        ("```\n$ sftp anna@host\n```\n", "docs/example.md:1: write ```console"),
        ("One:\n\n```sh\nsftpjail setup\n```\n", "docs/example.md:3: write ```console"),
        ("One:\n\n    sftpjail setup\n", "docs/example.md:3: write ```console"),
        ("```console\nsftpjail setup\n```\n", "docs/example.md:2: a block of commands begins with a prompt"),
        ("```console\n# sftpjail setup\n", "docs/example.md:1: the block has no end"),
    ] {
        let found = faults(text);
        assert!(found.len() == 1 && found[0].starts_with(fault), "{text}: {found:?}");
    }
    for text in ["```toml\n# more\n```\n", "One:\n\n    make bench\n", "- one\n  - two\n    and more\n"] {
        assert!(faults(text).is_empty(), "{text}");
    }
}

#[test]
fn a_manual_page_is_run_and_written_with_its_escapes() {
    let sb = Sandbox::stock();
    let page = |block: &str| {
        Page::new(
            "manuals/example.8",
            &format!(".Bd -literal -offset indent\n{block}.Ed\n.Bd -literal\nkey\n.Ed\n"),
        )
    };
    let shown = "# printf \\(aq%s\\en\\(aq .a \\(aq~\\(aq x\\-y\n\\&.a\n\\(ti\nx\\-y\n";
    let (printed, differences) = page(shown).compare(&sb);
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    assert_eq!(printed, [".a\n~\nx-y\n"]);
    let wrong = page("# printf \\(aq%s\\en\\(aq .a \\(aq\\e~\\(aq\n");
    let (printed, _) = wrong.compare(&sb);
    assert!(wrong.with(&printed).contains("\\(aq\n\\&.a\n\\e\\(ti\n.Ed\n"), "{}", wrong.with(&printed));
    assert!(!page("key = 1\n").has_commands());
}
