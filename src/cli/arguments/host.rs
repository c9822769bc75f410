//! What a person on the host may rule, and read of what happened there.

use clap::{Args, Subcommand};
use std::ffi::OsString;

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
    /// Permit one person exactly one movement, once
    Grant(Grant),
    /// Say which rules apply to a reference
    Explain(Explain),
}

/// `git cairn guard explain`.
#[derive(Debug, Args)]
pub struct Explain {
    /// The reference, by its full name or that of a branch
    #[arg(value_name = "REF")]
    pub name: OsString,
    /// Say also what this person may, by the name the audit knows
    #[arg(long = "as", value_name = "USER")]
    pub person: Option<String>,
}

/// `git cairn rescue`.
#[derive(Debug, Args)]
pub struct Rescue {
    /// What to do with what was dropped
    #[command(subcommand)]
    pub verb: RescueVerb,
}

/// The verbs of `git cairn rescue`.
#[derive(Debug, Subcommand)]
pub enum RescueVerb {
    /// List what pushes dropped, newest first
    List,
    /// Show what was dropped, by whom and when
    Show(ShowRescue),
    /// Bring it back: as a new branch, or where it was
    Recover(Recover),
    /// Destroy it for good, a secret that got in say, if nothing else reaches it
    Purge(Purge),
}

/// `git cairn rescue show`.
#[derive(Debug, Args)]
pub struct ShowRescue {
    /// Its id, or a unique start of it
    #[arg(value_name = "ID")]
    pub id: String,
}

/// `git cairn rescue recover`.
#[derive(Debug, Args)]
pub struct Recover {
    /// Its id, or a unique start of it
    #[arg(value_name = "ID")]
    pub id: String,
    /// The branch to make; by default one below rescued/
    #[arg(long, value_name = "NEW", conflicts_with = "in_place")]
    pub branch: Option<String>,
    /// Put the reference itself back, if it still is what it was moved to
    #[arg(long)]
    pub in_place: bool,
}

/// `git cairn rescue purge`.
#[derive(Debug, Args)]
pub struct Purge {
    /// Its id, or a unique start of it
    #[arg(value_name = "ID")]
    pub id: String,
    /// Why
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
    /// Although backups hold it: they keep it until they are deleted or expire
    #[arg(long)]
    pub leave_backups: bool,
    /// How long to wait for another git-cairn, and for pushes that are under way
    #[arg(long, value_name = "TIME", default_value = "600s")]
    pub wait: String,
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

/// `git cairn guard grant`.
#[derive(Debug, Args)]
pub struct Grant {
    /// The reference, with its full name
    #[arg(long = "ref", value_name = "REF")]
    pub name: OsString,
    /// What it holds now
    #[arg(long, value_name = "ID")]
    pub old: String,
    /// What it is to hold; all zeros: it is to be deleted
    #[arg(long, value_name = "ID")]
    pub new: String,
    /// Who may do it, by the name the audit knows
    #[arg(long = "for", value_name = "WHO")]
    pub person: String,
    /// For how long, as 15m or 2h
    #[arg(long, value_name = "TIME")]
    pub ttl: String,
    /// Why
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
}

/// `git cairn hold`.
#[derive(Debug, Args)]
pub struct Hold {
    /// The environment
    #[arg(value_name = "ENV")]
    pub environment: String,
    /// Why
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
    /// For how long; until it is released where this is left out
    #[arg(long = "for", value_name = "TIME")]
    pub span: Option<String>,
}

/// `git cairn release`.
#[derive(Debug, Args)]
pub struct Release {
    /// The environment
    #[arg(value_name = "ENV")]
    pub environment: String,
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
