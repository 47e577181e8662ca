//! apt as an ordinary user: packages downloaded and unpacked into folders of our own, nothing installed.
//!
//! Which sources there are is the machine's configuration; lists and caches are private, so neither needs
//! root, and the arm64 lists do not make arm64 an architecture of the machine.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, fs};

use anyhow::{Context, Result, bail};

/// Package lists and downloads in a private folder, gone when this is dropped.
pub struct Apt {
    folder: PathBuf,
}

impl Apt {
    /// What stands in the way of using apt here, if anything does.
    pub fn obstacle() -> Option<String> {
        // Unpacking is done by dpkg-deb and tar: wherever there is dpkg there are these.
        let missing = ["apt-get", "apt-cache", "dpkg-deb", "tar"]
            .into_iter()
            .find(|program| !is_on_path(program))?;
        Some(format!("{missing} is not on this machine"))
    }

    /// Fetches the lists of both architectures.
    pub fn update(folder: PathBuf) -> Result<Apt> {
        for part in ["lists/partial", "cache/archives/partial", "packages"] {
            let path = folder.join(part);
            fs::create_dir_all(&path)
                .with_context(|| format!("cannot create {}", path.display()))?;
        }
        let apt = Apt { folder };
        text_of(apt.command("apt-get").args(["-qq", "update"]))?;
        Ok(apt)
    }

    /// The version of a package that would be downloaded.
    pub fn version(&self, package: &str) -> Result<String> {
        let entry = text_of(
            self.command("apt-cache")
                .args(["show", "--no-all-versions", package]),
        )
        .with_context(|| format!("no configured source of apt has the package {package}"))?;
        let version = entry
            .lines()
            .find_map(|line| line.strip_prefix("Version: "));
        Ok(version
            .with_context(|| format!("apt names no version of {package}"))?
            .to_owned())
    }

    /// The package `PREFIX number SUFFIX` of the greatest number.
    pub fn newest(&self, prefix: &str, suffix: &str) -> Result<String> {
        let names = text_of(self.command("apt-cache").args(["pkgnames", prefix]))?;
        let newest = greatest_number(&names, prefix, suffix);
        newest.with_context(|| {
            format!("no configured source of apt has a package {prefix}NUMBER{suffix}")
        })
    }

    /// The packages that these need on the machine itself and that are not installed there.
    pub fn missing_dependencies(&self, packages: &[&str]) -> Result<Vec<String>> {
        let mut command = self.command("apt-get");
        command
            .args(["--simulate", "--no-install-recommends", "install"])
            .args(packages);
        Ok(newly_installed(&text_of(&mut command)?))
    }

    /// Downloads packages, each given as `NAME[:ARCHITECTURE][=VERSION]`; apt verifies what it gets. Returns
    /// the files.
    pub fn download(&self, packages: &[String]) -> Result<Vec<PathBuf>> {
        let folder = self.folder.join("packages");
        text_of(
            self.command("apt-get")
                .args(["-qq", "download"])
                .args(packages)
                .current_dir(&folder),
        )?;
        let entries =
            fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))?;
        let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        files.sort();
        if files.len() != packages.len() {
            bail!(
                "asked apt for {} packages and got {}",
                packages.len(),
                files.len()
            );
        }
        Ok(files)
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.env("LC_ALL", "C").stdin(Stdio::null());
        for option in options(&self.folder) {
            command.arg("-o").arg(option);
        }
        command
    }
}

impl Drop for Apt {
    fn drop(&mut self) {
        // What could not be removed is removed by the next set-up, which begins with an empty folder.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// The settings that make apt private to a folder.
fn options(folder: &Path) -> Vec<String> {
    vec![
        format!("Dir::State::Lists={}", folder.join("lists").display()),
        format!("Dir::Cache={}", folder.join("cache").display()),
        "APT::Architectures::=amd64".to_owned(),
        "APT::Architectures::=arm64".to_owned(),
        // As root, apt would download as a user who cannot write here.
        "APT::Sandbox::User=root".to_owned(),
        // The simulation must not want the lock of the machine's package database.
        "Debug::NoLocking=true".to_owned(),
        // Neither descriptions in other languages nor the catalogue of applications is of use.
        "Acquire::Languages=none".to_owned(),
        "Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false".to_owned(),
    ]
}

/// Unpacks the files of a package that lie under one of its paths; its documentation is left out.
pub fn unpack(package: &Path, root: &Path, kept: &str) -> Result<()> {
    let mut content = Command::new("dpkg-deb")
        .arg("--fsys-tarfile")
        .arg(package)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot start dpkg-deb")?;
    let pipe = content.stdout.take().context("dpkg-deb has no output")?;
    let unpacked = Command::new("tar")
        .args(["--extract", "--no-same-owner", "--directory"])
        .arg(root)
        .args(["--exclude=./usr/share", "--wildcards", kept])
        .stdin(pipe)
        .status()
        .context("cannot start tar")?;
    let read = content.wait().context("lost dpkg-deb")?;
    if !unpacked.success() || !read.success() {
        bail!("cannot unpack {}", package.display());
    }
    Ok(())
}

/// What a command prints. One that fails is an error with what it said.
pub fn text_of(command: &mut Command) -> Result<String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command
        .output()
        .with_context(|| format!("cannot start {program}"))?;
    let complaint = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        let words = without_settings(
            command
                .get_args()
                .map(|word| word.to_string_lossy().into_owned()),
        );
        let said = complaint.trim().replace('\n', "; ");
        bail!(
            "`{program} {}` failed ({}): {said}",
            words.join(" "),
            output.status
        );
    }
    // A source that cannot be reached is only a warning to apt, and the cause of what fails later.
    for line in complaint
        .lines()
        .filter(|line| line.starts_with("W:") || line.starts_with("E:"))
    {
        println!("{program}: {line}");
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The words of a command line without `-o SETTING`, which would bury what was asked for.
fn without_settings(mut words: impl Iterator<Item = String>) -> Vec<String> {
    let mut rest = Vec::new();
    while let Some(word) = words.next() {
        if word == "-o" {
            words.next();
        } else {
            rest.push(word);
        }
    }
    rest
}

fn is_on_path(program: &str) -> bool {
    env::var_os("PATH")
        .is_some_and(|path| env::split_paths(&path).any(|folder| folder.join(program).is_file()))
}

fn greatest_number(names: &str, prefix: &str, suffix: &str) -> Option<String> {
    let number = |name: &str| {
        name.strip_prefix(prefix)?
            .strip_suffix(suffix)?
            .parse::<u32>()
            .ok()
    };
    let newest = names
        .lines()
        .filter_map(|name| Some((number(name)?, name)))
        .max()?;
    Some(newest.1.to_owned())
}

/// The packages of a simulation that are not on the machine in any version. One of another architecture has a
/// colon in its name, one to be replaced its old version behind it: neither is needed.
fn newly_installed(simulation: &str) -> Vec<String> {
    let mut packages = Vec::new();
    for line in simulation.lines() {
        let mut words = line.split(' ');
        let (first, name, next) = (words.next(), words.next(), words.next());
        if let (Some("Inst"), Some(name), Some(next)) = (first, name, next)
            && next.starts_with('(')
            && !name.contains(':')
        {
            packages.push(name.to_owned());
        }
    }
    packages
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_packages_that_are_new_to_the_machine_are_missing() {
        let simulation = "Reading package lists...\n\
            Inst libxml2 [2.9.14-1] (2.9.14-2 Distribution:12 [amd64]) []\n\
            Inst liblzma5:arm64 (5.4.1 Distribution:12 [arm64])\n\
            Inst libllvm22 (1:22.1.8 Distribution:12 [amd64])\n\
            Conf libllvm22 (1:22.1.8 Distribution:12 [amd64])\n";
        assert_eq!(newly_installed(simulation), ["libllvm22"]);
    }

    #[test]
    fn numbers_in_names_compare_as_numbers() {
        let names = "libgcc-9-dev-cross\nlibgcc-12-dev-cross\nlibgcc-12-dev\nlibgcc-s1-dev-cross\n";
        assert_eq!(
            greatest_number(names, "libgcc-", "-dev-cross").as_deref(),
            Some("libgcc-12-dev-cross")
        );
        assert_eq!(greatest_number(names, "libgcc-", "-doc"), None);
    }

    #[test]
    fn lists_and_cache_are_private() {
        let options = options(Path::new("cache folder"));
        assert!(
            options.contains(&"Dir::State::Lists=cache folder/lists".to_owned()),
            "{options:?}"
        );
        assert!(
            options.contains(&"Dir::Cache=cache folder/cache".to_owned()),
            "{options:?}"
        );
    }

    #[test]
    fn a_command_that_fails_is_an_error_with_what_it_said() {
        let error = text_of(Command::new("sh").args(["-c", "echo no such package >&2; exit 100"]))
            .unwrap_err();
        assert!(error.to_string().contains("no such package"), "{error}");
        let words = ["-o", "Dir::Cache=folder", "show", "-o", "X=1", "package"].map(str::to_owned);
        assert_eq!(without_settings(words.into_iter()), ["show", "package"]);
        assert_eq!(
            text_of(Command::new("sh").args(["-c", "echo text"])).unwrap(),
            "text\n"
        );
    }
}
