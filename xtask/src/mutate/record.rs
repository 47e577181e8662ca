//! What has been found so far, in the target folder: one line for each bug and each set of sources, added as soon
//! as it is known.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::{Mutation, Outcome};

/// The kept results.
pub struct Record {
    folder: PathBuf,
    sources: u64,
    /// By the hash of the row: the hash of the sources of the last run, and what it found.
    outcomes: BTreeMap<u64, (u64, Outcome)>,
    /// By the label of a program: the seconds that it takes on these sources without a bug.
    pub seconds: BTreeMap<String, u64>,
    /// The hashes of the rows that do not compile together with others.
    left_out: BTreeSet<u64>,
}

impl Record {
    /// Reads what has been kept, to go on with these sources.
    pub fn open(folder: &Path, sources: u64) -> Result<Record> {
        let mut record = Record {
            folder: folder.to_owned(),
            sources,
            outcomes: BTreeMap::new(),
            seconds: BTreeMap::new(),
            left_out: BTreeSet::new(),
        };
        for line in record.lines("results.tsv") {
            if let [row, sources, test] = line.split('\t').collect::<Vec<_>>()[..] {
                let outcome = match test {
                    "" => Outcome::Survived,
                    test => Outcome::Caught(test.to_owned()),
                };
                let row = row.parse().context("results.tsv")?;
                let sources = sources.parse().context("results.tsv")?;
                record.outcomes.insert(row, (sources, outcome));
            }
        }
        for line in record.lines("untouched.tsv") {
            if let [of, label, seconds] = line.split('\t').collect::<Vec<_>>()[..]
                && of == sources.to_string()
            {
                let seconds = seconds.parse().context("untouched.tsv")?;
                record.seconds.insert(label.to_owned(), seconds);
            }
        }
        let left_out = record.lines("left_out.tsv").into_iter();
        record.left_out = left_out.filter_map(|row| row.parse().ok()).collect();
        Ok(record)
    }

    /// The last that is known about a bug.
    pub fn outcome(&self, mutation: &Mutation) -> Option<&Outcome> {
        Some(&self.outcomes.get(&mutation.hash())?.1)
    }

    /// What is known about a bug in these sources.
    pub fn outcome_here(&self, mutation: &Mutation) -> Option<&Outcome> {
        let (sources, outcome) = self.outcomes.get(&mutation.hash())?;
        (*sources == self.sources).then_some(outcome)
    }

    /// Keeps what became of a bug.
    pub fn keep(&mut self, mutation: &Mutation, outcome: Outcome) -> Result<()> {
        let test = match &outcome {
            Outcome::Caught(test) => test,
            Outcome::Survived => "",
        };
        self.add(
            "results.tsv",
            &format!("{}\t{}\t{test}", mutation.hash(), self.sources),
        )?;
        self.outcomes
            .insert(mutation.hash(), (self.sources, outcome));
        Ok(())
    }

    /// Keeps that a program passes without a bug.
    pub fn keep_untouched(&mut self, label: &str, seconds: u64) -> Result<()> {
        self.add(
            "untouched.tsv",
            &format!("{}\t{label}\t{seconds}", self.sources),
        )?;
        self.seconds.insert(label.to_owned(), seconds);
        Ok(())
    }

    /// Whether a bug does not compile together with others.
    pub fn is_left_out(&self, mutation: &Mutation) -> bool {
        self.left_out.contains(&mutation.hash())
    }

    /// Keeps that a bug does not.
    pub fn leave_out(&mut self, mutation: &Mutation) -> Result<()> {
        self.add("left_out.tsv", &mutation.hash().to_string())?;
        self.left_out.insert(mutation.hash());
        Ok(())
    }

    fn lines(&self, name: &str) -> Vec<String> {
        let text = fs::read_to_string(self.folder.join(name)).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    fn add(&self, name: &str, line: &str) -> Result<()> {
        let path = self.folder.join(name);
        let file = OpenOptions::new().create(true).append(true).open(&path);
        file.and_then(|mut file| writeln!(file, "{line}"))
            .with_context(|| format!("cannot write {}", path.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_there_again() {
        let folder = std::env::temp_dir().join(format!("mutate-record-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let row = |text| Mutation {
            name: "a/b",
            file: "f",
            text,
            replacement: "",
            what: "w",
        };
        let mut record = Record::open(&folder, 7).unwrap();
        record.keep(&row("1"), Outcome::Survived).unwrap();
        record
            .keep(&row("2"), Outcome::Caught("golden x".to_owned()))
            .unwrap();
        record
            .keep(&row("1"), Outcome::Caught("golden y".to_owned()))
            .unwrap();
        record.keep_untouched("golden", 3).unwrap();
        record.leave_out(&row("4")).unwrap();

        let same = Record::open(&folder, 7).unwrap();
        assert_eq!(
            same.outcome_here(&row("1")),
            Some(&Outcome::Caught("golden y".to_owned()))
        );
        assert_eq!(same.outcome(&row("3")), None);
        assert_eq!(same.seconds.get("golden"), Some(&3));
        assert!(same.is_left_out(&row("4")) && !same.is_left_out(&row("1")));
        let other = Record::open(&folder, 8).unwrap();
        assert_eq!(other.outcome_here(&row("2")), None);
        assert_eq!(
            other.outcome(&row("2")),
            Some(&Outcome::Caught("golden x".to_owned()))
        );
        assert!(other.seconds.is_empty() && other.is_left_out(&row("4")));
        fs::remove_dir_all(&folder).unwrap();
    }
}
