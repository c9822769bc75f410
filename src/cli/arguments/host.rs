//! What a person on the host may rule, and read of what happened there.

use clap::{Args, Subcommand};

/// `git cairn guard`.
#[derive(Debug, Args)]
pub struct Guard {
    /// What to do with the guard
    #[command(subcommand)]
    pub verb: GuardVerb,
}

/// The verbs of `git cairn guard`.
#[derive(Debug, Subcommand)]
pub enum GuardVerb {
    /// Let pushes through for a while, in an emergency; each is told so
    Pause(Pause),
}

/// `git cairn guard pause`.
#[derive(Debug, Args)]
pub struct Pause {
    /// For how long, as 90s, 30m or 2h; 0s ends a pause
    #[arg(long = "for", value_name = "TIME")]
    pub span: String,
    /// Why
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
}

/// `git cairn audit`.
#[derive(Debug, Args)]
pub struct Audit {
    /// Only what the guard would have refused, had it not been told to warn or to pause
    #[arg(long)]
    pub would_refuse: bool,
    /// What else to do with it
    #[command(subcommand)]
    pub verb: Option<AuditVerb>,
}

/// The verbs of `git cairn audit`.
#[derive(Debug, Subcommand)]
pub enum AuditVerb {
    /// Look whether a line was altered or is missing, and ask every deployment tag and backup
    Verify,
}
