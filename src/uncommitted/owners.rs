//! The names of the system's users.

use std::collections::HashMap;

/// Users by their numbers, as /etc/passwd has them (passwd(5)); one it does not have is shown by its number.
pub struct Owners(HashMap<u32, String>);

impl Owners {
    /// Reads them.
    pub fn read() -> Self {
        let text = std::fs::read("/etc/passwd").unwrap_or_default();
        Self::parse(&String::from_utf8_lossy(&text))
    }

    fn parse(text: &str) -> Self {
        let one = |line: &str| {
            let mut fields = line.split(':');
            let name = fields.next()?;
            Some((fields.nth(1)?.parse().ok()?, name.to_owned()))
        };
        let mut names = HashMap::new();
        for (number, name) in text.lines().filter_map(one) {
            // Of two names the first counts, as getpwuid has it.
            names.entry(number).or_insert(name);
        }
        Self(names)
    }

    /// Returns a user's name.
    pub fn name(&self, number: u32) -> String {
        self.0.get(&number).cloned().unwrap_or_else(|| number.to_string())
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_first_name_of_a_number_counts() {
        let owners = super::Owners::parse("root:x:0:0::/root:/bin/sh\ntoor:x:0:0::/:/bin/sh\nodd line\nanna:x:1000:");
        assert_eq!((owners.name(0), owners.name(1000), owners.name(7)), ("root".into(), "anna".into(), "7".into()));
    }
}
