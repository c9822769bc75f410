//! Whole commands side by side with git's own, in one run, printed as ratios and how they grow with the size.
//!
//! Each turn is one ratio, and the median of the ratios is what counts. Nothing is asserted: the tables are for a person to
//! read. Backups whose objects are verified in the background are waited for between two turns, not measured.
//!
//! - `CAIRN_BENCH_TURNS`: the number of turns, 9 by default.
//! - `CAIRN_BENCH_OBJECTS`: the sizes, `1000,10000,100000,400000` by default.
//! - `CAIRN_BENCH_REPOSITORY`: a real repository, whose branches and tags are measured as well.
//! - `CAIRN_BENCH_ONLY`: only the tables whose name begins so: `snapshot`, `refs`, `sites`,
//!   `uncommitted`, `push`, `guard`, `many`, `plan`.
//! - `CAIRN_BENCH_DIR`: the folder it all happens in.
//!
//! Peak memory is told by GNU time; without it that column is empty.

mod figures;
mod plan;
mod push;
mod snapshot;
mod uncommitted;
mod world;

use std::path::PathBuf;

fn main() {
    // Cargo may ask what there is to run; it is one thing.
    if std::env::args().any(|argument| argument == "--list") {
        return;
    }
    let turns = variable("CAIRN_BENCH_TURNS").and_then(|text| text.parse().ok()).unwrap_or(9);
    let sizes = variable("CAIRN_BENCH_OBJECTS").unwrap_or_else(|| "1000,10000,100000,400000".into());
    let sizes: Vec<usize> = sizes.split(',').map(|text| text.trim().parse().expect("a number of objects")).collect();
    let wanted = |table: &str| variable("CAIRN_BENCH_ONLY").is_none_or(|only| table.starts_with(&only));
    println!("{turns} turns each; medians of the times in ms, medians and quartiles of the ratios to git\n");
    if wanted("snapshot") {
        snapshot::tables(&sizes, variable("CAIRN_BENCH_REPOSITORY").map(PathBuf::from), turns);
    }
    if wanted("refs") {
        snapshot::many_refs(turns);
    }
    if wanted("sites") {
        snapshot::many_sites(turns);
    }
    if wanted("uncommitted") {
        uncommitted::tables(turns);
    }
    if wanted("push") {
        push::tables(&sizes, turns);
    }
    if wanted("plan") {
        plan::tables(sizes.last().copied().unwrap_or(400_000), turns);
    }
    if wanted("many") {
        push::deployed(10_000, turns);
    }
    if wanted("guard") {
        push::guarded(sizes.last().copied().unwrap_or(400_000), turns);
    }
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
