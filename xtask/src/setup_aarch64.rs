//! `cargo xtask setup-aarch64`: what it takes to build and run AArch64 programs on an x86-64 machine.
//!
//! Packages of the distribution are unpacked into a cache folder outside the tree; nothing is installed, so no
//! root is needed. Done once, it stays until the list of packages below changes.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;
use std::{env, io};

use anyhow::{Context, Result, bail};
use cargo_metadata::semver::Version;

use crate::aarch64::Toolchain;
use crate::apt::{Apt, text_of, unpack};
use crate::process::Workspace;

/// The compiler: the distribution builds it together with an arm64 standard library of the very same version,
/// which no other compiler could use.
const COMPILER: &str = "rustc-web";
/// The emulator. Its package has one program for each architecture.
const EMULATOR: &str = "qemu-user-static";
/// The linker, without the C compiler that usually calls it.
const LINKER: &str = "binutils-aarch64-linux-gnu";
/// The C compiler's part of a link (start-up objects and `libgcc`), with its version between these.
const START_UP: (&str, &str) = ("libgcc-", "-dev-arm64-cross");
/// Everything else: the standard library of the host (build scripts and procedural macros run there) and of
/// the target, at the version of the compiler, and the C library.
const STANDARD_LIBRARIES: [&str; 2] = ["libstd-rust-web-dev", "libstd-rust-web-dev:arm64"];
const C_LIBRARY: [&str; 3] = [
    "libc6-arm64-cross",
    "libc6-dev-arm64-cross",
    "libgcc-s1-arm64-cross",
];

/// The file that says a set-up is complete: the packages it was asked for, then the version of its compiler.
const RECORD: &str = "unpacked.txt";

/// The command: sets up unless that is done, and says what there is.
pub fn run(workspace: &Workspace) -> Result<bool> {
    let toolchain = toolchain(workspace)?;
    println!(
        "ready: {} in {}",
        toolchain.version,
        toolchain.root.display()
    );
    Ok(true)
}

/// The toolchain, set up on first use. An error says why there is none on this machine.
pub fn toolchain(workspace: &Workspace) -> Result<Toolchain> {
    if !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        bail!(
            "this machine is {} {}, not x86-64 Linux",
            env::consts::ARCH,
            env::consts::OS
        );
    }
    let folder = cache_folder(
        env::var_os("XDG_CACHE_HOME").map(PathBuf::from),
        env::home_dir(),
    )?;
    fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    // A second command waits for the first to finish its set-up, and finds it done.
    let lock = folder.join("lock");
    let lock = File::create(&lock).with_context(|| format!("cannot create {}", lock.display()))?;
    lock.lock().context("cannot lock the cache folder")?;

    let root = folder.join("root");
    if let Some(toolchain) = recorded(&root) {
        return Ok(toolchain);
    }
    if let Some(obstacle) = Apt::obstacle() {
        bail!("{obstacle}");
    }
    set_up(workspace, &folder, &root)
}

/// The set-up in a folder if it is complete, was made from the packages above, and its compiler still starts.
fn recorded(root: &Path) -> Option<Toolchain> {
    let record = fs::read_to_string(root.join(RECORD)).ok()?;
    let version = record.strip_prefix(&recipe())?.trim_end();
    let toolchain = Toolchain::open(root).ok()?;
    (toolchain.version == version).then_some(toolchain)
}

/// The packages by name: a set-up made from others is made again.
fn recipe() -> String {
    let (prefix, suffix) = START_UP;
    let named = [COMPILER, EMULATOR, LINKER]
        .into_iter()
        .chain(STANDARD_LIBRARIES)
        .chain(C_LIBRARY);
    named.map(|name| format!("{name}\n")).collect::<String>() + &format!("{prefix}*{suffix}\n")
}

/// Downloads, unpacks and tries; only what works gets to the final place.
fn set_up(workspace: &Workspace, folder: &Path, root: &Path) -> Result<Toolchain> {
    let start = Instant::now();
    println!("setting up AArch64 in {} (once)", folder.display());
    let (download, unpacking) = (folder.join("download"), folder.join("unpacking"));
    for leftover in [&download, &unpacking] {
        remove(leftover)?;
    }
    println!("  fetching the lists of packages");
    let apt = Apt::update(download)?;
    let packages = packages(workspace, &apt)?;
    println!("  downloading {}", packages.join(" "));
    let files = apt.download(&packages)?;
    let size = files
        .iter()
        .map(|file| fs::metadata(file).map_or(0, |data| data.len()))
        .sum();
    println!("  unpacking {}", megabytes(size));
    fs::create_dir(&unpacking).with_context(|| format!("cannot create {}", unpacking.display()))?;
    for file in &files {
        unpack(file, &unpacking, kept(file))?;
    }
    drop(apt);

    let toolchain = Toolchain::open(&unpacking)?;
    let record = format!("{}{}\n", recipe(), toolchain.version);
    fs::write(unpacking.join(RECORD), record).context("cannot write the record of the set-up")?;
    remove(root)?;
    fs::rename(&unpacking, root).with_context(|| format!("cannot create {}", root.display()))?;
    println!(
        "  {} on disk, {:.1} s",
        megabytes(size_of(root)?),
        start.elapsed().as_secs_f64()
    );
    Toolchain::open(root)
}

/// All packages to download.
fn packages(workspace: &Workspace, apt: &Apt) -> Result<Vec<String>> {
    let version = apt.version(COMPILER)?;
    if let Some(needed) = workspace
        .metadata
        .workspace_packages()
        .iter()
        .find_map(|p| p.rust_version.clone())
        && !is_at_least(&version, &needed)
    {
        bail!("apt has {COMPILER} {version}, but the project needs Rust {needed}");
    }
    let at_version = |name: &str| format!("{name}={version}");
    let mut packages: Vec<String> = [COMPILER]
        .into_iter()
        .chain(STANDARD_LIBRARIES)
        .map(at_version)
        .collect();
    packages.extend(
        [EMULATOR, LINKER]
            .into_iter()
            .chain(C_LIBRARY)
            .map(str::to_owned),
    );
    packages.push(apt.newest(START_UP.0, START_UP.1)?);
    for missing in apt.missing_dependencies(&[COMPILER, EMULATOR, LINKER])? {
        let is_named = |package: &String| package.split(['=', ':']).next() == Some(&missing);
        if !packages.iter().any(is_named) {
            packages.push(missing);
        }
    }
    Ok(packages)
}

/// The part of a package that is of use.
fn kept(file: &Path) -> &'static str {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    if name.starts_with("qemu-user") {
        "./usr/bin/qemu-aarch64*"
    } else {
        "./*"
    }
}

/// Whether a package version such as `1.96.0+dfsg1-1` is of a release as new as the given one.
fn is_at_least(package: &str, needed: &Version) -> bool {
    let mut numbers = package
        .split(['.', '+', '-', '~'])
        .map_while(|part| part.parse::<u64>().ok());
    let mut next = || numbers.next().unwrap_or(0);
    (next(), next(), next()) >= (needed.major, needed.minor, needed.patch)
}

/// Where caches of this user belong.
fn cache_folder(caches: Option<PathBuf>, home: Option<PathBuf>) -> Result<PathBuf> {
    // The specification of the variable tells programs to ignore a relative path in it.
    let caches = caches
        .filter(|path| path.is_absolute())
        .or_else(|| Some(home?.join(".cache")));
    Ok(caches
        .context("neither XDG_CACHE_HOME nor HOME is set")?
        .join("enjamb")
        .join("aarch64"))
}

fn remove(folder: &Path) -> Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove {}", folder.display()))
        }
        _ => Ok(()),
    }
}

/// The bytes of all files under a folder.
fn size_of(folder: &Path) -> Result<u64> {
    let text = text_of(
        Command::new("du")
            .args(["--summarize", "--bytes"])
            .arg(folder),
    )?;
    text.split_whitespace()
        .next()
        .and_then(|word| word.parse().ok())
        .context("`du` printed no size")
}

fn megabytes(bytes: u64) -> String {
    format!("{} MB", bytes / 1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cache_is_where_the_user_keeps_caches() {
        let of = |caches: Option<&str>, home: Option<&str>| {
            cache_folder(caches.map(Into::into), home.map(Into::into))
        };
        assert_eq!(
            of(Some("/c"), Some("/h")).unwrap(),
            Path::new("/c/enjamb/aarch64")
        );
        assert_eq!(
            of(Some("c"), Some("/h")).unwrap(),
            Path::new("/h/.cache/enjamb/aarch64")
        );
        assert_eq!(
            of(None, Some("/h")).unwrap(),
            Path::new("/h/.cache/enjamb/aarch64")
        );
        assert!(of(None, None).is_err());
    }

    #[test]
    fn package_versions_compare_with_releases() {
        let needed = Version::new(1, 95, 0);
        assert!(is_at_least("1.96.0+dfsg1-1~deb12u2", &needed) && is_at_least("1.95.0-1", &needed));
        assert!(!is_at_least("1.85.0+dfsg3-1", &needed) && !is_at_least("unknown", &needed));
    }

    #[test]
    fn a_set_up_without_its_record_or_from_other_packages_is_none() {
        let folder = env::temp_dir().join(format!("enjamb-setup-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        assert!(recorded(&folder).is_none());
        fs::write(folder.join(RECORD), "other-package\nrustc 1.96.0\n").unwrap();
        assert!(recorded(&folder).is_none());
        fs::write(folder.join(RECORD), recipe() + "rustc 1.96.0\n").unwrap();
        assert!(recorded(&folder).is_none(), "there is no compiler");
        remove(&folder).unwrap();
        remove(&folder).unwrap();
    }

    #[test]
    fn of_the_emulator_one_program_is_kept() {
        assert_eq!(
            kept(Path::new("p/qemu-user-static_7.2_amd64.deb")),
            "./usr/bin/qemu-aarch64*"
        );
        assert_eq!(kept(Path::new("p/rustc-web_1.96.0_amd64.deb")), "./*");
    }
}
