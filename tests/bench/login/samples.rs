//! The samples that `pam-driver` prints, and what is said of them: medians, the worst of a hundred, ratios.

use std::collections::BTreeMap;

use sandbox::Output;

/// By contestant and phase, in the order of the rounds, in microseconds.
#[derive(Default)]
pub struct Samples(BTreeMap<(String, String), Vec<f64>>);

impl Samples {
    /// Panics where the driver has failed.
    pub fn of(output: &Output) -> Self {
        let mut samples = Self::default();
        for line in output.stdout.lines() {
            if let ["sample", who, phase, time] = line.split('\t').collect::<Vec<_>>()[..] {
                samples.add(who, phase, time.parse::<f64>().expect("nanoseconds") / 1e3);
            }
        }
        assert!(!samples.0.is_empty(), "{output}");
        samples
    }

    pub fn add(&mut self, who: &str, phase: &str, micros: f64) {
        self.0.entry((who.to_owned(), phase.to_owned())).or_default().push(micros);
    }

    pub fn get(&self, who: &str, phase: &str) -> &[f64] {
        self.0.get(&(who.to_owned(), phase.to_owned())).unwrap_or_else(|| panic!("no {phase} of {who}"))
    }

    /// Both phases of each round together.
    pub fn sum(&self, who: &str, [one, other]: [&str; 2]) -> Vec<f64> {
        self.get(who, one).iter().zip(self.get(who, other)).map(|(one, other)| one + other).collect()
    }
}

pub fn median(samples: &[f64]) -> f64 {
    quantile(samples, 0.5)
}

/// Of a hundred samples, one is worse.
pub fn p99(samples: &[f64]) -> f64 {
    quantile(samples, 0.99)
}

fn quantile(samples: &[f64], share: f64) -> f64 {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an index")]
    let at = (sorted.len() as f64 * share) as usize;
    sorted[at.min(sorted.len() - 1)]
}

/// The median of the ratios of both in each round.
pub fn ratio(of: &[f64], to: &[f64]) -> f64 {
    median(&ratios(of, to))
}

/// In 95 of 100 runs like this, the median of the ratios is between these two: the samples whose ranks a binomial
/// distribution gives.
pub fn interval(of: &[f64], to: &[f64]) -> [f64; 2] {
    let ratios = ratios(of, to);
    let reach = 0.98 / (ratios.len() as f64).sqrt();
    [0.5 - reach, 0.5 + reach].map(|share| quantile(&ratios, share.clamp(0.0, 1.0)))
}

fn ratios(of: &[f64], to: &[f64]) -> Vec<f64> {
    of.iter().zip(to).map(|(of, to)| of / to).collect()
}
