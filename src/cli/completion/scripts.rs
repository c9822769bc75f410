//! What each shell is told: a small script that asks `git-cairn complete`.

/// Where a script belongs below a folder `share`, as each shell looks for it, and the script.
pub const SCRIPTS: [(&str, &str); 3] = [
    // bash-completion reads it for `git-cairn`, and git's own completion has it read for `git cairn`.
    ("bash-completion/completions/git-cairn", include_str!("git-cairn.bash")),
    ("zsh/site-functions/_git-cairn", include_str!("git-cairn.zsh")),
    ("fish/vendor_conf.d/git-cairn.fish", include_str!("git-cairn.fish")),
];
