# Before the program and the module are removed: undoes `sftpjail setup`. If that cannot be done, or if something that
# was set up by hand still needs them, the removal stops, for the reasons for which `make uninstall` stops as well.

undo_setup() {
    test -e /var/lib/sftpjail/setup/journal.json || return 0
    # What undo leaves is found before it: else members would lose their jails for a removal that stops all the same.
    others=$(pam_files | grep -vx /etc/pam.d/sshd || true)
    test -z "$others" || stay "other services of PAM call its module. First remove its lines in:" $others
    said=$(/usr/sbin/sftpjail setup --undo --yes) ||
        stay "its setup could not be undone, as said above. First undo it by hand: sftpjail setup --undo"
    # Nobody can answer the diff here, and who is no longer jailed stands at the end.
    echo "$said" | grep -v -e '^[-+@ /\]' -e '^rmdir ' -e '^groupdel ' -e '^Members who ' || true
}

# Without its module, a PAM configuration that names it keeps members out.
# Without its program, the drop-in of user@.service goes by groups that nobody keeps up to date, and what starts it each
# minute fails.
refuse_if_needed() {
    files=$(pam_files)
    test -z "$files" || stay "PAM calls its module. First remove sshd's Match block for jails, if it is there, and reload" \
        "sshd; then remove the module's lines in:" $files
    for unit in user@.service.d/50-sftpjail.conf sftpjail-expire.service; do
        unit=/etc/systemd/system/$unit
        ! test -e $unit || stay "systemd calls its program. Remove this file first: $unit"
    done
    cron=/etc/cron.d/sftpjail
    ! test -e $cron || stay "cron calls its program. Remove this file first: $cron"
}

# The files of PAM that name the module. They may be symlinks.
pam_files() {
    grep -Rls '^[^#]*pam_sftpjail' /etc/pam.d || true
}

stay() {
    echo "sftpjail stays installed, because $*" >&2
    exit 1
}
