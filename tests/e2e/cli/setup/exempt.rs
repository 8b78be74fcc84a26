//! The `exempt_groups` that setup proposes, and an admin who would be exempt and a member.

use sandbox::Sandbox;

#[test]
fn setup_proposes_the_admin_groups_that_exist() {
    for (made_by, exempt) in
        [("groupadd wheel", "[\"sudo\", \"wheel\"]"), ("groupdel sudo", "[]"), ("true", "[\"sudo\"]")]
    {
        let sb = Sandbox::stock();
        sb.sh(made_by);
        let out = sb.try_sh("sftpjail setup --dry-run");
        let line = out.stdout.lines().find(|line| line.starts_with("+exempt_groups = "));
        let value = line.and_then(|line| line.split(['=', '#']).nth(1)).map(str::trim);
        assert_eq!(value, Some(exempt), "{out}");
    }
}

/// The admin who runs setup must be neither jailed nor locked out.
#[test]
fn setup_refuses_an_admin_who_would_be_exempt_and_a_member() {
    let sb = Sandbox::stock();
    sb.sh("groupadd --system sftp 2>/dev/null || true");
    sb.user("boss").group("sudo").group("sftp").add();
    let out = sb.try_sh("SUDO_USER=boss sftpjail setup --yes");
    let sentence = "you, boss, are a member yourself and exempt: no jail would be built for you, and sshd would refuse you";
    assert!(out.code == Some(1) && out.stderr.contains(sentence), "{out}");
    let out = sb.try_sh("sftpjail setup --dry-run");
    let line = "✗ boss           is in sudo, one of exempt_groups, so no jail is built, and sshd refuses the login\n                 \
                → remove boss from sudo or from sftp\n";
    assert!(out.code == Some(1) && out.stdout.contains(line), "{out}");
    assert!(out.stderr.contains("1 member would be refused from their next login on: boss; "), "{out}");
}
