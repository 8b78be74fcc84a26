//! The fewest and simplest steps that still fail: parts are left out, halves first and single steps last (delta
//! debugging), then each step is made simpler, for as long as either is possible.

use crate::step::Step;

/// `fails`: does a sequence on a new host, and says what is wrong.
pub(crate) fn shrunk(
    mut steps: Vec<Step>,
    mut why: String,
    mut fails: impl FnMut(&[Step]) -> Option<String>,
) -> (Vec<Step>, String) {
    let mut size = steps.len();
    loop {
        let before = steps.clone();
        let mut at = 0;
        while at < steps.len() {
            let end = steps.len().min(at + size);
            let fewer = [&steps[..at], &steps[end..]].concat();
            match fails(&fewer) {
                Some(still) => (steps, why) = (fewer, still),
                None => at = end,
            }
        }
        if size > 1 {
            size = size.div_ceil(2);
            continue;
        }
        for at in 0..steps.len() {
            let mut simpler = |steps: &[Step]| {
                let candidates = steps[at].simpler().into_iter().filter(|step| *step != steps[at]);
                candidates.into_iter().find_map(|step| {
                    let simpler = [&steps[..at], &[step], &steps[at + 1..]].concat();
                    fails(&simpler).map(|still| (simpler, still))
                })
            };
            while let Some(found) = simpler(&steps) {
                (steps, why) = found;
            }
        }
        if steps == before {
            return (steps, why);
        }
    }
}
