//! docs/troubleshooting.md: each symptom comes out as the page shows it, and each client says what its row says.

mod clients;

use crate::common::page::Page;
use sandbox::Sandbox;

const PAGE: &str = "docs/troubleshooting.md";

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
