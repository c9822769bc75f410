//! Work that makes more work, on all cores: the newest first, so that few folders are open at a time.

use std::sync::{Condvar, Mutex, PoisonError};

/// What is waiting, and how many are at work.
struct Queue<T> {
    waiting: Vec<T>,
    busy: usize,
}

/// Does `first` and all the work it makes, each worker on a thread of its own, and returns the workers.
pub fn over<T: Send, W: Send>(first: Vec<T>, workers: Vec<W>, act: impl Fn(&mut W, T, &mut Vec<T>) + Sync) -> Vec<W> {
    let queue = Mutex::new(Queue { waiting: first, busy: 0 });
    let changed = Condvar::new();
    let run = |mut worker: W| {
        let mut made = Vec::new();
        while let Some(task) = take(&queue, &changed) {
            act(&mut worker, task, &mut made);
            let mut locked = queue.lock().unwrap_or_else(PoisonError::into_inner);
            locked.busy -= 1;
            let wakes = !made.is_empty() || locked.busy == 0;
            locked.waiting.append(&mut made);
            drop(locked);
            if wakes {
                changed.notify_all();
            }
        }
        worker
    };
    let run = &run;
    let mut workers = workers.into_iter();
    let own = workers.next();
    std::thread::scope(|scope| {
        let others: Vec<_> = workers.map(|worker| scope.spawn(move || run(worker))).collect();
        let own = own.map(run);
        let others =
            others.into_iter().map(|thread| thread.join().unwrap_or_else(|cause| std::panic::resume_unwind(cause)));
        own.into_iter().chain(others).collect()
    })
}

/// Takes the newest task, waiting while others may still make some.
fn take<T>(queue: &Mutex<Queue<T>>, changed: &Condvar) -> Option<T> {
    let mut locked = queue.lock().unwrap_or_else(PoisonError::into_inner);
    loop {
        if let Some(task) = locked.waiting.pop() {
            locked.busy += 1;
            return Some(task);
        }
        if locked.busy == 0 {
            return None;
        }
        locked = changed.wait(locked).unwrap_or_else(PoisonError::into_inner);
    }
}

/// Returns how many threads are worth while.
pub fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get).min(16)
}

#[cfg(test)]
mod tests {
    #[test]
    fn all_work_is_done_once() {
        let workers = vec![Vec::new(), Vec::new(), Vec::new()];
        let done = super::over(vec![1_u32], workers, |seen, number, next| {
            seen.push(number);
            next.extend([number * 2, number * 2 + 1].into_iter().filter(|number| *number <= 1000));
        });
        let mut all = done.concat();
        all.sort_unstable();
        assert_eq!(all, (1..=1000).collect::<Vec<_>>());
    }
}
