//! The scenario list: each row of `docs/scenarios.md` has a scenario, public issue numbers and a last column
//! that is the path of a test, `planned: WHAT`, `does not apply: REASON`, or `-` (no test yet).

use crate::project::Project;

const LIST: &str = "docs/scenarios.md";
/// What a row may wait for.
const PLANS: [&str; 4] = ["tasks", "gc", "osr", "opt"];

/// Looks at each row of each table.
pub fn check(project: &Project) -> Vec<String> {
    let Some(text) = project.files.get(LIST) else {
        return vec![format!("{LIST}:1: the file is missing")];
    };
    let mut findings = Vec::new();
    let rows = text.lines().enumerate().filter(|(_, line)| line.starts_with("| ") && !line.contains("| our test |"));
    for (index, line) in rows {
        let columns: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let complaint = match columns[..] {
            [_, issues, test] => {
                issue_problem(issues).into_iter().chain(test_problem(project, test)).collect::<Vec<_>>().join("; ")
            }
            _ => "a row has three columns".to_owned(),
        };
        if !complaint.is_empty() {
            findings.push(format!("{LIST}:{}: {complaint}", index + 1));
        }
    }
    findings
}

/// Issue numbers look like `dotnet/runtime#1234`; `-` where there is none.
fn issue_problem(issues: &str) -> Option<String> {
    let well_formed = |issue: &str| {
        let number = issue.split_once('#').filter(|(repository, _)| repository.contains('/')).map(|(_, number)| number);
        number.is_some_and(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
    };
    let bad = issues != "-" && !issues.split(", ").all(well_formed);
    bad.then(|| format!("`{issues}` is no list of public issues"))
}

fn test_problem(project: &Project, test: &str) -> Option<String> {
    if let Some(plan) = test.strip_prefix("planned: ") {
        return (!PLANS.contains(&plan)).then(|| format!("no such plan: {plan}"));
    }
    if test == "-" || test.strip_prefix("does not apply: ").is_some_and(|reason| !reason.is_empty()) {
        return None;
    }
    let missing: Vec<&str> = test.split(", ").filter(|path| !is_test(project, path)).collect();
    (!missing.is_empty()).then(|| format!("no such test: {}", missing.join(", ")))
}

/// A path between backticks that exists.
fn is_test(project: &Project, path: &str) -> bool {
    let path = path.strip_prefix('`').and_then(|path| path.strip_suffix('`'));
    path.is_some_and(|path| (path.starts_with("tests/") || path.starts_with("crates/")) && project.exists(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_bad_rows_only() {
        let text = "| scenario | issues | our test |\n|---|---|---|\n\
                    | good | dotnet/runtime#1, dotnet/runtimelab#22 | `tests/golden/a.enj` |\n\
                    | good | - | planned: gc |\n\
                    | good | - | does not apply: no filters |\n\
                    | bad | 1234 | planned: someday |\n\
                    | bad | - | `tests/golden/gone.enj` |\n\
                    | bad | - |\n";
        let project = Project::of(&[(LIST, text), ("tests/golden/a.enj", "")]);
        assert_eq!(
            check(&project),
            [
                "docs/scenarios.md:6: `1234` is no list of public issues; no such plan: someday",
                "docs/scenarios.md:7: no such test: `tests/golden/gone.enj`",
                "docs/scenarios.md:8: a row has three columns",
            ]
        );
    }
}
