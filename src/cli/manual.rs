//! The manual: a page a verb, made from the command line itself, so that no page can lack a flag.

use super::situations;
use crate::error::Kind;
use clap::{Arg, Command};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};
use std::io;

/// A page of section 1 of the manual.
pub struct Page {
    /// Its file's name, such as `git-cairn-deploy.1`.
    pub file: String,
    /// It, as man reads it.
    pub text: Vec<u8>,
}

/// Makes the pages of a program and of all its verbs that are no secret.
pub fn pages(mut program: Command) -> io::Result<Vec<Page>> {
    program.build();
    let mut pages = Vec::new();
    add(&program, program.get_name(), None, &mut pages)?;
    Ok(pages)
}

fn add(command: &Command, name: &str, above: Option<&str>, pages: &mut Vec<Page>) -> io::Result<()> {
    pages.push(Page { file: format!("{name}.1"), text: page(command, name, above)? });
    for verb in verbs(command) {
        add(verb, &format!("{name}-{}", verb.get_name()), Some(name), pages)?;
    }
    Ok(())
}

fn verbs(command: &Command) -> impl Iterator<Item = &Command> {
    command.get_subcommands().filter(|verb| !verb.is_hide_set())
}

fn page(command: &Command, name: &str, above: Option<&str>) -> io::Result<Vec<u8>> {
    let shown = command.clone().name(name.to_owned()).display_name(name).override_usage(synopsis(command));
    let man = Man::new(shown);
    // An empty date, which the writer of titles leaves out, would move what comes after it.
    let version = env!("CARGO_PKG_VERSION");
    let title = format!(".TH {} 1 \"\" \"git-cairn {version}\" \"git-cairn manual\"\n", name.to_uppercase());
    let mut out = title.into_bytes();
    man.render_name_section(&mut out)?;
    man.render_synopsis_section(&mut out)?;
    man.render_description_section(&mut out)?;
    let mut roff = Roff::new();
    if above.is_none() {
        section(&mut roff, "SITUATIONS", situations::answered(command));
    }
    let listed: Vec<_> = verbs(command).map(|verb| (format!("{name}-{}(1)", verb.get_name()), about(verb))).collect();
    if !listed.is_empty() {
        section(&mut roff, "COMMANDS", listed);
    }
    roff.to_writer(&mut out)?;
    man.render_options_section(&mut out)?;
    end(command, above, &mut out)?;
    Ok(out)
}

/// What is typed: the verb with its own options, then what every verb takes.
fn synopsis(command: &Command) -> String {
    let mut words = vec![command.get_bin_name().unwrap_or(command.get_name()).to_owned()];
    let own = |arg: &&Arg| {
        !arg.is_hide_set() && !arg.is_global_set() && !["help", "version"].contains(&arg.get_id().as_str())
    };
    let (named, placed): (Vec<_>, Vec<_>) = command.get_arguments().filter(own).partition(|arg| !arg.is_positional());
    for arg in named.into_iter().chain(placed) {
        let value =
            arg.get_value_names().filter(|_| arg.get_action().takes_values()).map(|names| format!("<{}>", names[0]));
        let value = match arg.get_num_args() {
            Some(range) if range.min_values() == 0 => value.map(|value| format!("[{value}]")),
            Some(range) if range.max_values() > 1 => value.map(|value| format!("{value}...")),
            _ => value,
        };
        let flag = arg.get_long().map(|long| format!("--{long}"));
        let word = flag.into_iter().chain(value).collect::<Vec<_>>().join(" ");
        words.push(if arg.is_required_set() { word } else { format!("[{word}]") });
    }
    words.extend(command.has_subcommands().then(|| "<command>".to_owned()));
    words.join(" ")
}

fn about(command: &Command) -> String {
    command.get_about().map(ToString::to_string).unwrap_or_default()
}

fn section(roff: &mut Roff, title: &str, entries: impl IntoIterator<Item = (impl AsRef<str>, impl AsRef<str>)>) {
    roff.control("SH", [title]);
    for (term, text) in entries {
        roff.control("TP", []);
        roff.text([bold(term.as_ref())]);
        roff.text([roman(text.as_ref())]);
    }
}

fn end(command: &Command, above: Option<&str>, out: &mut Vec<u8>) -> io::Result<()> {
    let mut roff = Roff::new();
    if let Some(above) = above {
        roff.control("SH", ["EXIT STATUS"]);
        roff.text([roman("0 when it is done, else what git-cairn(1) says.")]);
        let examples: Vec<_> =
            situations::answered_by(command).map(|(situation, typed)| (typed, format!("{situation}."))).collect();
        if !examples.is_empty() {
            section(&mut roff, "EXAMPLES", examples);
        }
        roff.control("SH", ["SEE ALSO"]);
        let mut others = vec![bold("git-cairn"), roman("(1)")];
        if above != "git-cairn" {
            others.extend([roman(", "), bold(above), roman("(1)")]);
        }
        roff.text(others);
        return roff.to_writer(out);
    }
    let codes = Kind::ALL.map(|kind| (kind.exit_code().to_string(), kind.meaning().replace('`', "")));
    let done = [("0".to_owned(), "done".to_owned())];
    section(&mut roff, "EXIT STATUS", done.into_iter().chain(codes));
    section(&mut roff, "ENVIRONMENT", ENVIRONMENT.iter().copied());
    section(&mut roff, "CONFIGURATION", CONFIGURATION.iter().copied());
    section(&mut roff, "FILES", FILES.iter().copied());
    roff.control("SH", ["SEE ALSO"]);
    roff.text([bold("git"), roman("(1), "), bold("git-config"), roman("(1), "), bold("git-bundle"), roman("(1)")]);
    roff.to_writer(out)
}

const ENVIRONMENT: &[(&str, &str)] = &[
    ("GIT_TRACE", "1, or an absolute path: each process that is started is shown there, without passwords and tokens."),
    ("NO_COLOR", "Where it is set, nothing is in color unless color.cairn or color.ui is \"always\"."),
    ("GIT_DIR, GIT_WORK_TREE, GIT_CONFIG_COUNT", "As for every command of git."),
];

const CONFIGURATION: &[(&str, &str)] = &[
    ("cairn.*", "What the site is; git cairn setup writes it, and docs/config.md lists every key."),
    ("color.cairn, color.ui", "\"always\", \"never\" or \"auto\"."),
    ("pager.cairn", "Whether all output goes through git's pager, as with git -p cairn."),
];

const FILES: &[(&str, &str)] = &[
    ("$GIT_DIR/cairn/", "What is still to be done, on the host; what undo needs, in a clone."),
    ("<store>/RESTORE.md", "How a backup is restored with git, sha256sum, sh and its usual tools alone."),
];
