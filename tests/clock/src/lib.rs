//! With `LD_PRELOAD=libclock.so CLOCK=FILE`, the time of day of a program is the number of seconds in that file, eight
//! bytes in the order of the machine, and stands still. So a test moves the clock of what it runs, while the machine
//! keeps its own, and the module needs no door for that.
//!
//! With `CLOCK_SLEEP=skip`, what sleeps goes on at once, and its monotonic clock is later by that time: a login that waits
//! five seconds for another session to end takes none. Sleeping is skipped by this process only.

use libc::{CLOCK_BOOTTIME, CLOCK_MONOTONIC, CLOCK_REALTIME, TIMER_ABSTIME, c_int, clockid_t, timespec};
use std::os::fd::AsRawFd;
use std::ptr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicI64, Ordering};

const SECOND: i64 = 1_000_000_000;

/// What was not slept, in nanoseconds.
static SKIPPED: AtomicI64 = AtomicI64::new(0);

/// The page with the time; `None` without a file.
fn page() -> Option<&'static AtomicI64> {
    static PAGE: OnceLock<usize> = OnceLock::new();
    let at = *PAGE.get_or_init(|| map().unwrap_or(0));
    // SAFETY: it is null, or the beginning of a page that stays mapped and that all processes change atomically.
    unsafe { (at as *const AtomicI64).as_ref() }
}

fn map() -> Option<usize> {
    let file = std::fs::File::open(std::env::var_os("CLOCK")?).ok()?;
    let (fd, size) = (file.as_raw_fd(), size_of::<AtomicI64>());
    // SAFETY: a new mapping of an open file; it outlives the descriptor.
    let at = unsafe { libc::mmap(ptr::null_mut(), size, libc::PROT_READ, libc::MAP_SHARED, fd, 0) };
    (at != libc::MAP_FAILED).then_some(at as usize)
}

fn skips_sleep() -> bool {
    static SKIPS: OnceLock<bool> = OnceLock::new();
    *SKIPS.get_or_init(|| std::env::var_os("CLOCK_SLEEP").is_some_and(|value| value == "skip"))
}

/// Before main, and so before a chroot or a filter of system calls: both look at files or at the environment.
#[used]
#[unsafe(link_section = ".init_array")]
static BEGIN: extern "C" fn() = {
    extern "C" fn begin() {
        let _ = (page(), skips_sleep());
    }
    begin
};

/// In place of clock_gettime(2).
///
/// # Safety
/// As there: `time` can be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn clock_gettime(clock: clockid_t, time: *mut timespec) -> c_int {
    // SAFETY: our caller's promise.
    let code = unsafe { libc::syscall(libc::SYS_clock_gettime, clock, time) };
    // SAFETY: the same; the kernel checked it.
    let Some(time) = (unsafe { time.as_mut() }).filter(|_| code == 0) else { return -1 };
    match (clock, page()) {
        (CLOCK_REALTIME, Some(page)) => {
            *time = timespec { tv_sec: page.load(Ordering::SeqCst), tv_nsec: 0 };
        }
        (CLOCK_MONOTONIC | CLOCK_BOOTTIME, _) => {
            *time = of(nanoseconds(time) + SKIPPED.load(Ordering::SeqCst));
        }
        _ => {}
    }
    0
}

/// In place of nanosleep(2).
///
/// # Safety
/// As there: `wanted` can be read, and `left` is null or can be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nanosleep(wanted: *const timespec, left: *mut timespec) -> c_int {
    // SAFETY: our caller's promise.
    match unsafe { clock_nanosleep(CLOCK_MONOTONIC, 0, wanted, left) } {
        0 => 0,
        error => {
            // SAFETY: errno is this thread's.
            unsafe { *libc::__errno_location() = error };
            -1
        }
    }
}

/// In place of clock_nanosleep(2).
///
/// # Safety
/// As for [`nanosleep`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn clock_nanosleep(
    clock: clockid_t,
    flags: c_int,
    wanted: *const timespec,
    left: *mut timespec,
) -> c_int {
    // SAFETY: our caller's promise.
    let Some(time) = (unsafe { wanted.as_ref() }).filter(|_| skips_sleep()) else {
        // SAFETY: the same arguments.
        let code = unsafe { libc::syscall(libc::SYS_clock_nanosleep, clock, flags, wanted, left) };
        // SAFETY: errno is this thread's.
        return if code == 0 { 0 } else { unsafe { *libc::__errno_location() } };
    };
    let skipped = if flags & TIMER_ABSTIME == 0 { nanoseconds(time) } else { nanoseconds(time) - now(clock) };
    SKIPPED.fetch_add(skipped.max(0), Ordering::SeqCst);
    0
}

fn now(clock: clockid_t) -> i64 {
    let mut time = timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: a place of our own.
    unsafe { clock_gettime(clock, &raw mut time) };
    nanoseconds(&time)
}

fn nanoseconds(time: &timespec) -> i64 {
    time.tv_sec * SECOND + time.tv_nsec
}

fn of(nanoseconds: i64) -> timespec {
    timespec { tv_sec: nanoseconds / SECOND, tv_nsec: nanoseconds % SECOND }
}
