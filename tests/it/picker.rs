//! Choosing from a list, on a real terminal.

use crate::support::host;
use crate::terminal::Terminal;

#[test]
fn an_environment_is_chosen_from_a_list() {
    let world = host();
    world.deployed("test", "2");
    let Some(terminal) = Terminal::start(&world, "dev", 80, "git cairn deploy") else { return };
    terminal.shows("Which environment to deploy?").shows("> test").shows("live  nothing yet").shows("page: 2");
    terminal.types("liv").shows("> live").press(&["Enter"]).shows("Deploy live? [y/N]").types("y").press(&["Enter"]);
    assert_eq!(terminal.exit(), 0);
    assert_eq!(world.tip("site.git", "live"), world.tip("site.git", "test"));
}

#[test]
fn whoever_leaves_the_list_hears_nothing_and_changes_nothing() {
    let world = host();
    let before = world.refs("site.git");
    for keys in ["C-c", "Escape"] {
        let Some(terminal) = Terminal::start(&world, "dev", 80, "git cairn deploy") else { return };
        terminal.shows("> test").press(&[keys]);
        assert_eq!(terminal.exit(), 130);
        assert!(!terminal.seen().contains("error"), "{}", terminal.seen());
    }
    assert_eq!(world.refs("site.git"), before);
}

#[test]
fn without_a_terminal_the_argument_is_named() {
    let world = host();
    world.cairn("dev", &["deploy"]).exits(2).says("<ENV>");
    world.cairn("dev", &["rollback", "--yes"]).exits(2).says("<ENV>");
    let said = world.cairn("dev", &["deploy", "--json"]).exits(2).json();
    assert_eq!(said["error"]["code"], "usage");
}
