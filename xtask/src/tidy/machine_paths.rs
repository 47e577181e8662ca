//! Machine paths: nothing in the repository names a place outside it on somebody's machine.

use crate::project::Project;

/// Beginnings of such paths, in two halves so that this file does not name them.
const PLACES: [(&str, &str); 6] =
    [("/ro", "ot/"), ("/ho", "me/"), ("/wo", "rk/"), ("/Us", "ers/"), ("/tmp/", "enjamb"), ("../sha", "red/")];

/// Looks for each of them in each text.
pub fn check(project: &Project) -> Vec<String> {
    let places = PLACES.map(|(first, second)| format!("{first}{second}"));
    let mut findings = Vec::new();
    for (path, text) in &project.files {
        for (index, line) in text.lines().enumerate() {
            if let Some(place) = places.iter().find(|place| begins_a_path(line, place)) {
                findings.push(format!("{path}:{}: names {place}", index + 1));
            }
        }
    }
    findings
}

/// Whether a path in this line begins so; in the middle of an address it is no path.
fn begins_a_path(line: &str, place: &str) -> bool {
    line.match_indices(place).any(|(start, _)| {
        !line[..start].ends_with(|before: char| before.is_alphanumeric() || matches!(before, '-' | '_' | '.' | '/'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_a_path_but_not_a_part_of_one() {
        let place = PLACES[1].0.to_owned() + PLACES[1].1;
        let text = format!("see https://example.org{place}x\nsee {place}me/notes\n");
        assert_eq!(check(&Project::of(&[("a.md", &text)])), [format!("a.md:2: names {place}")]);
    }
}
