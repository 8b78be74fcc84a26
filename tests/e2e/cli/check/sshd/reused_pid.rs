//! A pid that goes to another process while `check` rehearses.

use super::super::{checked, machine};

#[test]
fn the_namespace_of_a_process_that_got_sshds_pid_is_not_entered() {
    let sb = machine();
    // With a mount namespace of its own, in which the rehearsal takes place.
    sb.write_mode("/usr/local/sbin/start", "#!/bin/sh\nexec unshare -m \"$@\"\n", 0o755);
    let pid = sb.sshd_as("/usr/local/sbin/start /usr/sbin/sshd -D");
    let out = checked(sb.try_sh("sftpjail check mle"), 0);
    assert!(out.stdout.contains("built with all that restricts sshd"), "{out}");

    // The child is about to open the namespace when sshd ends, and a stranger with another namespace gets its pid.
    sb.write_mode(
        "/root/stranger",
        "#!/bin/sh\nmount -t tmpfs none /home; exec sleep 60 >/dev/null 2>&1 </dev/null\n",
        0o755,
    );
    let out = sb.sh(&format!(
        "strace -qqfo /tmp/trace -P /proc/{pid}/ns/mnt -e trace=openat -e inject=openat:delay_enter=4000000:when=1 \
             sftpjail check mle >/tmp/out 2>&1 &
         check=$!
         sleep 2; kill {pid}
         for i in $(seq 200); do [ -e /proc/{pid} ] || break; sleep 0.01; done
         for i in $(seq 50); do
             echo {} >/proc/sys/kernel/ns_last_pid
             unshare -m /root/stranger & [ $! = {pid} ] && break; kill $!
         done
         [ $! = {pid} ]; sleep 0.5; grep -q ' /home ' /proc/{pid}/mountinfo
         wait $check || true; cat /tmp/out",
        pid - 1
    ));
    assert!(!out.stdout.contains("/home/mle cannot be used"), "{out}");
    assert!(out.stdout.contains(&format!("sshd (pid {pid}) has ended")), "{out}");
}
