//! Lines of setup's that others have removed or changed in a file of theirs: a later setup writes them again as they
//! were, and undo removes all of them.

use super::UNDO;
use sandbox::Sandbox;

const PAM: &str = "/etc/pam.d/sshd";

/// sed's command for the line of the module that ends so, and for the comment above it.
fn with_comment(end: &str) -> String {
    format!("/^# Added by/{{N; /{end}$/d}}")
}

#[test]
fn setup_repairs_its_lines_to_what_it_had_written_and_undo_removes_them() {
    let sb = Sandbox::stock();
    let stock = sb.read_text(PAM);
    let of_close = with_comment("sftpjail.so close");
    let of_open = with_comment("sftpjail.so open");
    for edit in [
        "/sftpjail.so open$/d",
        "/sftpjail.so close$/d",
        "/sftpjail.so$/d",
        "/^[^#].*sftpjail.so/d",
        "/^# Added by/d; /sftpjail.so/d",
        of_close.as_str(),
        of_open.as_str(),
        "/sftpjail.so open$/s/default=bad/default=ignore/",
    ] {
        sb.sh("sftpjail setup --yes");
        let written = sb.read_text(PAM);
        // Others repair it, and it is broken once more.
        for _ in 0..2 {
            sb.sh(&format!("sed -i '{edit}' {PAM}"));
            assert_ne!(sb.read_text(PAM), written, "{edit}");
            sb.sh("sftpjail setup --yes");
            assert_eq!(sb.read_text(PAM), written, "{edit}");
        }
        let out = sb.sh(UNDO);
        assert!(out.stdout.contains("\nEverything is as it was before.\n"), "{edit}: {out}");
        assert_eq!(sb.read_text(PAM), stock, "{edit}");
    }
}

#[test]
fn what_an_admin_has_written_beside_repaired_lines_stays_there() {
    let sb = Sandbox::stock();
    let stock = sb.read_text(PAM);
    let own = "# mine\nauth optional pam_echo.so\n";
    sb.sh(&format!("sftpjail setup --yes; sed -i '/sftpjail.so open$/d' {PAM}"));
    sb.write(PAM, format!("{own}{}", sb.read_text(PAM)));
    sb.sh(&format!("sftpjail setup --yes; echo '# the end' >>{PAM}"));
    let out = sb.sh(UNDO);
    let note = format!("Note: {PAM} has been edited since setup, so only what setup added is removed.\n");
    assert!(out.stdout.contains(&note), "{out}");
    assert_eq!(sb.read_text(PAM), format!("{own}{stock}# the end\n"));
}
