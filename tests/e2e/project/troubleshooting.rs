//! docs/troubleshooting.md: each symptom comes out as the page shows it, and each client says what its row says.

use std::fs;

use crate::common::ROOT;
use crate::common::page::Page;
use sandbox::Sandbox;

const PAGE: &str = "docs/troubleshooting.md";

/// The clients of the first table, as anna uses them.
const CLIENTS: [(&str, &str); 5] = [
    ("sftp", "sftp -b /dev/null anna@127.0.0.1"),
    ("scp", "scp /etc/hostname anna@127.0.0.1:"),
    ("sshfs", "sshfs -o BatchMode=yes anna@127.0.0.1: /mnt"),
    (
        "lftp",
        "lftp -c 'set sftp:connect-program \"ssh -a -x -o BatchMode=yes\"; set net:max-retries 1;
                  open -u anna, sftp://127.0.0.1; ls'",
    ),
    ("curl", "curl -sS --user anna:secret sftp://127.0.0.1/~/"),
];

/// A refusal whose reason the user reads in a sentence, and one without.
const REFUSALS: [&str; 2] =
    ["chmod 777 /jail", "chmod 700 /jail; sed -i 's/^groups/grups/' /etc/sftpjail/config.toml"];

/// A host with a small disk for the home of the member anna, who logs in with a key or a password.
fn with_anna() -> Sandbox {
    let sb = Page::machine(&[]);
    sb.sh("test -e /dev/fuse || mknod -m 666 /dev/fuse c 10 229
           mkdir /home/anna; mount -t tmpfs -o size=1m,mode=755 home /home/anna");
    sb.user("anna").group("sftp").password("secret").shell("/usr/sbin/nologin").add();
    sb
}

#[test]
fn each_symptom_comes_out_as_the_page_shows() {
    let sb = with_anna();
    let _live = sb.sftp_live("anna");
    Page::read(PAGE).run(&sb);
}

#[test]
fn each_client_shows_of_a_refusal_what_its_row_says() {
    let page = fs::read_to_string(format!("{ROOT}/{PAGE}")).expect("the page");
    let sb = with_anna();
    for (_, command) in CLIENTS {
        sb.sh(command);
    }
    sb.sh("umount /mnt");
    for (column, refusal) in (1..).zip(REFUSALS) {
        sb.sh(refusal);
        for (client, command) in CLIENTS {
            let row = page.lines().find(|line| line.starts_with(&format!("| {client} ")));
            let row = row.unwrap_or_else(|| panic!("no row of {client}"));
            let cell = row.trim_matches('|').split(" | ").nth(column).expect("a cell");
            let texts: Vec<_> = cell.split('`').skip(1).step_by(2).collect();
            let out = sb.try_sh(command).failed();
            assert!(texts.iter().any(|text| out.stderr.contains(text)), "none of {texts:?}: {out}");
            let is_said = out.stderr.contains("SFTP is not possible");
            assert_eq!(is_said, cell.contains("SFTP is not possible"), "{out}");
        }
    }
}
