//! Times, ratios and the lines they are printed in.

use std::time::Duration;

/// One turn of a comparison.
#[derive(Debug, Clone, Copy)]
pub struct Turn {
    /// What git took.
    pub git: Duration,
    /// What we took.
    pub ours: Duration,
}

/// The value below which so many quarters of all lie; two quarters make the median.
pub fn quartile(values: impl Iterator<Item = f64>, quarters: usize) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[(values.len() - 1) * quarters / 4]
}

/// Prints the head of a table of comparisons.
pub fn head() {
    println!("| work | size | git | git-cairn | ratio | quartiles | reach | memory: git | git-cairn |");
    println!("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
}

/// Prints a line; `memory` holds the peaks of git and of us in KiB.
pub fn line(work: &str, size: &str, turns: &[Turn], reach: &str, memory: [Option<u64>; 2]) {
    let ms = |time: fn(&Turn) -> Duration| quartile(turns.iter().map(|turn| time(turn).as_secs_f64() * 1000.0), 2);
    let ratio =
        |quarters| quartile(turns.iter().map(|turn| turn.ours.as_secs_f64() / turn.git.as_secs_f64()), quarters);
    let [git, ours] = memory.map(|peak| {
        peak.map_or(String::new(), |kib| {
            format!("{:.1} MiB", f64::from(u32::try_from(kib).unwrap_or(u32::MAX)) / 1024.0)
        })
    });
    println!(
        "| {work} | {size} | {:.1} | {:.1} | **{:.3}** | {:.3} to {:.3} | {reach} | {git} | {ours} |",
        ms(|turn| turn.git),
        ms(|turn| turn.ours),
        ratio(2),
        ratio(1),
        ratio(3),
    );
}
