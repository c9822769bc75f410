//! The tests of whole commands: real repositories, real pushes through real hooks, git itself as the oracle.
//!
//! One binary, a file a command or hook below `tests/it`.

#[path = "it/audit.rs"]
mod audit;
#[path = "it/backup.rs"]
mod backup;
#[path = "it/bad_input.rs"]
mod bad_input;
#[path = "it/bundle.rs"]
mod bundle;
#[path = "it/capture.rs"]
mod capture;
#[path = "it/carry.rs"]
mod carry;
#[path = "it/catch_up.rs"]
mod catch_up;
#[path = "it/chain.rs"]
mod chain;
#[path = "it/colors.rs"]
mod colors;
#[path = "it/compare.rs"]
mod compare;
#[path = "it/completion.rs"]
mod completion;
#[path = "it/concurrent.rs"]
mod concurrent;
#[path = "it/config_hooks.rs"]
mod config_hooks;
#[path = "it/damage.rs"]
mod damage;
#[path = "it/demo.rs"]
mod demo;
#[path = "it/deploy.rs"]
mod deploy;
#[path = "it/deployments.rs"]
mod deployments;
#[path = "it/docs.rs"]
mod docs;
#[path = "it/doctor.rs"]
mod doctor;
#[path = "it/doctor_trial.rs"]
mod doctor_trial;
#[path = "it/edits.rs"]
mod edits;
#[path = "it/elsewhere.rs"]
mod elsewhere;
#[path = "it/errors.rs"]
mod errors;
#[path = "it/exact.rs"]
mod exact;
#[path = "it/faults.rs"]
mod faults;
#[path = "it/filters.rs"]
mod filters;
#[path = "it/git_habits.rs"]
mod git_habits;
#[path = "it/gitolite.rs"]
mod gitolite;
#[path = "it/grant.rs"]
mod grant;
#[path = "it/guard.rs"]
mod guard;
#[path = "it/guard_cases.rs"]
mod guard_cases;
#[path = "it/guard_daily.rs"]
mod guard_daily;
#[path = "it/guard_input.rs"]
mod guard_input;
#[path = "it/guard_over_ssh.rs"]
mod guard_over_ssh;
#[path = "it/guard_random.rs"]
mod guard_random;
#[path = "it/history.rs"]
mod history;
#[path = "it/hold.rs"]
mod hold;
#[path = "it/hooks.rs"]
mod hooks;
#[path = "it/hooks_install.rs"]
mod hooks_install;
#[path = "it/http.rs"]
mod http;
#[path = "it/install.rs"]
mod install;
#[path = "it/interrupted.rs"]
mod interrupted;
#[path = "it/large.rs"]
mod large;
#[path = "it/man.rs"]
mod man;
#[path = "it/many.rs"]
mod many;
#[path = "it/old_git.rs"]
mod old_git;
#[path = "it/package.rs"]
mod package;
#[path = "it/past.rs"]
mod past;
#[path = "it/patch.rs"]
mod patch;
#[path = "it/pause.rs"]
mod pause;
#[path = "it/picker.rs"]
mod picker;
#[path = "it/picture.rs"]
mod picture;
#[path = "it/power.rs"]
mod power;
#[path = "it/purge.rs"]
mod purge;
#[path = "it/reconcile.rs"]
mod reconcile;
#[path = "it/refused.rs"]
mod refused;
#[path = "it/repair.rs"]
mod repair;
#[path = "it/rescue.rs"]
mod rescue;
#[path = "it/reset.rs"]
mod reset;
#[path = "it/reset_cases.rs"]
mod reset_cases;
#[path = "it/resolve.rs"]
mod resolve;
#[path = "it/restore.rs"]
mod restore;
#[path = "it/retention.rs"]
mod retention;
#[path = "it/revert.rs"]
mod revert;
#[path = "it/revert_cases.rs"]
mod revert_cases;
#[path = "it/screens.rs"]
mod screens;
#[path = "it/setup.rs"]
mod setup;
#[path = "it/setup_asks.rs"]
mod setup_asks;
#[path = "it/setup_sites.rs"]
mod setup_sites;
#[path = "it/sites.rs"]
mod sites;
#[path = "it/small_pack.rs"]
mod small_pack;
#[path = "it/ssh.rs"]
mod ssh;
#[path = "it/sshd.rs"]
mod sshd;
#[path = "it/status.rs"]
mod status;
#[path = "it/story.rs"]
mod story;
#[path = "it/support.rs"]
mod support;
#[path = "it/terminal.rs"]
mod terminal;
#[path = "it/trivial_merge.rs"]
mod trivial_merge;
#[path = "it/uncommitted.rs"]
mod uncommitted;
#[path = "it/undo.rs"]
mod undo;
#[path = "it/undo_cases.rs"]
mod undo_cases;
#[path = "it/undo_exact.rs"]
mod undo_exact;
#[path = "it/undo_halfway.rs"]
mod undo_halfway;
#[path = "it/undo_kill.rs"]
mod undo_kill;
#[path = "it/undo_over_ssh.rs"]
mod undo_over_ssh;
#[path = "it/undo_plan.rs"]
mod undo_plan;
#[path = "it/undo_setup.rs"]
mod undo_setup;
#[path = "it/widths.rs"]
mod widths;
#[path = "it/worktrees.rs"]
mod worktrees;
