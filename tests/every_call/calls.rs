//! What is known of system calls by their numbers.

use crate::tracee::Call;

macro_rules! names {
    ($($name:ident $number:ident),+ $(,)?) => {
        /// The name of a call; its number, where it is none of those that hooks make.
        pub(crate) fn name(call: Call) -> String {
            match call.number {
                $(libc::$number => stringify!($name).to_owned(),)+
                other => format!("call {other}"),
            }
        }
    };
}

names! {
    brk SYS_brk, bind SYS_bind, chdir SYS_chdir, chroot SYS_chroot, clock_gettime SYS_clock_gettime,
    clock_nanosleep SYS_clock_nanosleep, clone SYS_clone, clone3 SYS_clone3, close SYS_close, close_range SYS_close_range, connect SYS_connect,
    dup3 SYS_dup3,    exit_group SYS_exit_group, faccessat SYS_faccessat, faccessat2 SYS_faccessat2, fchdir SYS_fchdir,
    fchmod SYS_fchmod, fchown SYS_fchown, fcntl SYS_fcntl, fgetxattr SYS_fgetxattr, flock SYS_flock,
    fsconfig SYS_fsconfig, fsetxattr SYS_fsetxattr, fsmount SYS_fsmount, fsopen SYS_fsopen, fstat SYS_fstat,
    fstatfs SYS_fstatfs, futex SYS_futex, getcwd SYS_getcwd, getdents64 SYS_getdents64, getegid SYS_getegid,
    geteuid SYS_geteuid, getgid SYS_getgid, getpid SYS_getpid, getppid SYS_getppid, getrandom SYS_getrandom, gettid SYS_gettid,
    getuid SYS_getuid, ioctl SYS_ioctl, lseek SYS_lseek, madvise SYS_madvise, mkdirat SYS_mkdirat, mmap SYS_mmap,
    mount SYS_mount, mount_setattr SYS_mount_setattr, move_mount SYS_move_mount, mprotect SYS_mprotect,
    mremap SYS_mremap, munmap SYS_munmap, newfstatat SYS_newfstatat, open_tree SYS_open_tree, openat SYS_openat,
    openat2 SYS_openat2, pidfd_open SYS_pidfd_open, pidfd_send_signal SYS_pidfd_send_signal, pipe2 SYS_pipe2,
    ppoll SYS_ppoll, prctl SYS_prctl, pread64 SYS_pread64, prlimit64 SYS_prlimit64, read SYS_read,
    readlinkat SYS_readlinkat, recvfrom SYS_recvfrom, recvmsg SYS_recvmsg, renameat SYS_renameat,
    rseq SYS_rseq, rt_sigaction SYS_rt_sigaction, rt_sigpending SYS_rt_sigpending,
    rt_sigprocmask SYS_rt_sigprocmask, rt_sigtimedwait SYS_rt_sigtimedwait, sched_getaffinity SYS_sched_getaffinity,
    sendmsg SYS_sendmsg, sendto SYS_sendto, set_robust_list SYS_set_robust_list, set_tid_address SYS_set_tid_address,
    setfsgid SYS_setfsgid, setfsuid SYS_setfsuid, setns SYS_setns, setsockopt SYS_setsockopt,
    sigaltstack SYS_sigaltstack, socket SYS_socket, statfs SYS_statfs, statx SYS_statx, tgkill SYS_tgkill,
    umask SYS_umask, umount2 SYS_umount2, uname SYS_uname, unlinkat SYS_unlinkat, unshare SYS_unshare,
    utimensat SYS_utimensat, waitid SYS_waitid, write SYS_write, writev SYS_writev,
}

/// Calls that have no error, or only for arguments that are wrong, which theirs are not. A seccomp filter can let them
/// fail all the same, and then nobody may be let in unjailed. But what they were to restore is not.
pub(crate) fn has_no_error(call: Call) -> bool {
    // Where signals cannot be blocked, nothing is to be restored.
    let blocks = call.number == libc::SYS_rt_sigprocmask && call.arguments[0] == libc::SIG_BLOCK as u64;
    !blocks
        && [
            libc::SYS_exit_group,
            libc::SYS_futex,
            libc::SYS_getegid,
            libc::SYS_geteuid,
            libc::SYS_getgid,
            libc::SYS_getpid,
            libc::SYS_getppid,
            libc::SYS_gettid,
            libc::SYS_getuid,
            libc::SYS_prctl,
            libc::SYS_rt_sigaction,
            libc::SYS_rt_sigpending,
            libc::SYS_rt_sigprocmask,
            libc::SYS_set_tid_address,
            libc::SYS_setfsgid,
            libc::SYS_setfsuid,
            libc::SYS_umask,
        ]
        .contains(&call.number)
}

/// Whether a process begins with the call.
pub(crate) fn forks(call: Call) -> bool {
    #[cfg(target_arch = "x86_64")]
    if [libc::SYS_fork, libc::SYS_vfork].contains(&call.number) {
        return true;
    }
    [libc::SYS_clone, libc::SYS_clone3].contains(&call.number)
}

/// Whether the call changes something that another process, or this one later, can see.
pub(crate) fn changes(call: Call) -> bool {
    let of_flags = |flags: u64| flags & libc::O_CREAT as u64 != 0;
    match call.number {
        libc::SYS_openat => of_flags(call.arguments[2]),
        // Not the flags that std looks at before it closes a descriptor.
        libc::SYS_fcntl => call.arguments[1] != libc::F_GETFD as u64,
        _ if forks(call) => true,
        number => [
            libc::SYS_chdir,
            libc::SYS_chroot,
            libc::SYS_fchdir,
            libc::SYS_fchmod,
            libc::SYS_fchown,
            libc::SYS_flock,
            libc::SYS_fsconfig,
            libc::SYS_fsetxattr,
            libc::SYS_fsmount,
            libc::SYS_fsopen,
            libc::SYS_mkdirat,
            libc::SYS_mount,
            libc::SYS_mount_setattr,
            libc::SYS_move_mount,
            libc::SYS_open_tree,
            libc::SYS_pidfd_send_signal,
            libc::SYS_renameat,
            libc::SYS_sendto,
            libc::SYS_setfsuid,
            libc::SYS_setns,
            libc::SYS_umask,
            libc::SYS_umount2,
            libc::SYS_unlinkat,
            libc::SYS_unshare,
            libc::SYS_write,
        ]
        .contains(&number),
    }
}
