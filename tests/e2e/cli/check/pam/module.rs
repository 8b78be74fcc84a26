//! The module's file: missing, damaged, another one, or one that others can change.

use super::super::faults::{Fault, Machine, failed};

const INSTALL: &str = "install the module that came with this program (in its sources: make install)";

const NOT_THE_MODULE: &str = "mle is jailed but cannot log in: the module's file is not the module";
const CHANGEABLE: &str = "mle IS NOT JAILED: users other than root can change the module";

const MODULE: [Fault; 10] = [
    failed("rm \"$1\"", "pam module", "/pam_sftpjail.so: No such file or directory")
        .in_words(INSTALL)
        .concludes("mle is jailed but cannot log in: the module's file is missing"),
    failed("echo nonsense >\"$1\"", "pam module", " is not a shared object")
        .in_words(INSTALL)
        .concludes(NOT_THE_MODULE),
    failed("cp \"$(dirname \"$1\")/pam_permit.so\" \"$1\"", "pam module", " is not sftpjail's module")
        .in_words(INSTALL)
        .concludes(NOT_THE_MODULE),
    failed(
        "cp \"$(dirname \"$1\")/../libpam.so.0\" \"$1\"",
        "pam module",
        " is not sftpjail's module (pam_sm_acct_mgmt is missing)",
    )
    .in_words(INSTALL)
    .concludes(NOT_THE_MODULE),
    failed("truncate -s 100000 \"$1\"", "pam module", "").in_words(INSTALL).concludes(NOT_THE_MODULE),
    failed(
        "LC_ALL=C sed -i 's/0\\.1\\.0/0.0.9/g' \"$1\"",
        "pam module",
        " is version 0.0.9, and this program is 0.1.0",
    )
    .in_words(INSTALL)
    .concludes("mle cannot be judged: the module has another version than this program"),
    failed(
        "LC_ALL=C sed -i 's/libpam\\.so\\.0/libpxm.so.0/g' \"$1\"",
        "pam module",
        " cannot be loaded: libpxm.so.0: cannot open shared object file",
    )
    .in_words(INSTALL)
    .concludes("mle is jailed but cannot log in: PAM cannot load the module"),
    failed(
        "chmod g+w \"$1\"",
        "pam module",
        "/pam_sftpjail.so (owner 0, mode 0664), and sshd runs the module as root",
    )
    .concludes(CHANGEABLE),
    failed("chown joe \"$1\"", "pam module", "users other than root can change ").concludes(CHANGEABLE),
    failed(
        "chmod o+w \"$(dirname \"$1\")\"",
        "pam module",
        "/security, which leads to the module (owner 0, mode 0757)",
    )
    .concludes(CHANGEABLE),
];

#[test]
fn each_file_that_is_another_module_or_damaged() {
    Machine::new().each(&MODULE);
}
