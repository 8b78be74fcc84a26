//! Several at once.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// Does the work with each item, as many at once as there are workers.
pub(crate) fn each<W: Sync, T: Sync>(
    workers: &[W],
    items: &[T],
    work: impl Fn(&W, &T) -> Result<(), String> + Sync,
) -> Result<(), String> {
    let next = AtomicUsize::new(0);
    let all = |worker| {
        while let Some(item) = items.get(next.fetch_add(1, Ordering::Relaxed)) {
            work(worker, item)?;
        }
        Ok(())
    };
    let all = &all;
    thread::scope(|scope| {
        let running: Vec<_> = workers.iter().map(|worker| scope.spawn(move || all(worker))).collect();
        running.into_iter().try_for_each(|worker| worker.join().unwrap_or(Err("a worker panicked".into())))
    })
}
