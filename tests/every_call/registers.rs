//! The registers of a process that ptrace(2) has stopped at a system call.

use nix::sys::ptrace;
use nix::unistd::Pid;

/// Lets the kernel find no such call, at its beginning.
#[cfg(target_arch = "x86_64")]
pub(crate) fn skip(pid: Pid) {
    let mut registers = ptrace::getregs(pid).expect("registers");
    registers.orig_rax = u64::MAX;
    ptrace::setregs(pid, registers).expect("registers");
}

/// The same, with the register set that has the number of the call only.
#[cfg(target_arch = "aarch64")]
pub(crate) fn skip(pid: Pid) {
    const NT_ARM_SYSTEM_CALL: usize = 0x404;
    let mut none: libc::c_int = -1;
    let mut number = libc::iovec { iov_base: (&raw mut none).cast(), iov_len: size_of_val(&none) };
    // SAFETY: the kernel reads an int through the vector; both outlive the call.
    let set =
        unsafe { libc::ptrace(libc::PTRACE_SETREGSET, pid.as_raw(), NT_ARM_SYSTEM_CALL, &raw mut number) };
    assert_eq!(set, 0, "the number of the call");
}

/// Sets the answer of the call at whose end it has stopped.
pub(crate) fn set_result(pid: Pid, result: i64) {
    let mut registers = ptrace::getregs(pid).expect("registers");
    #[cfg(target_arch = "x86_64")]
    let answer = &mut registers.rax;
    #[cfg(target_arch = "aarch64")]
    let answer = &mut registers.regs[0];
    *answer = result as u64;
    ptrace::setregs(pid, registers).expect("registers");
}
