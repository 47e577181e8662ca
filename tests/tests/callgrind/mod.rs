//! Counting the instructions of parts of a program with callgrind, which gives the same numbers every time.
//!
//! The program that counts runs itself as a child under callgrind; the child counts its parts in an
//! order that both know.

use std::error::Error;
use std::fs;
use std::path::Path;
use std::process::Command;

const BASE: u64 = (b'C' as u64) << 24 | (b'T' as u64) << 16;
const DUMP: u64 = BASE;
const ZERO: u64 = BASE + 1;
const START: u64 = BASE + 4;
const STOP: u64 = BASE + 5;

/// Whether callgrind can be run here and counts what this program does: under an emulator it would count the
/// emulator.
pub fn is_there() -> bool {
    cfg!(target_arch = "x86_64")
        && std::env::var_os("ENJAMB_EMULATOR").is_none()
        && Command::new("valgrind").arg("--version").output().is_ok()
}

/// Runs this program with one argument under callgrind, and gives the instructions of each part that it
/// counts, but for the first one, into which goes what happens only once, such as the binding of symbols.
/// Files are put into `folder`.
pub fn counts(folder: &Path, argument: &str, parts: usize) -> Result<Vec<i64>, Box<dyn Error>> {
    let _ = fs::remove_dir_all(folder);
    fs::create_dir_all(folder)?;
    let output = folder.join("part");
    let child = Command::new("valgrind")
        .args(["--tool=callgrind", "--instr-atstart=no"])
        .arg(format!("--callgrind-out-file={}", output.display()))
        .arg(std::env::current_exe()?)
        .arg(argument)
        .output()?;
    let said = String::from_utf8_lossy(&child.stderr);
    if !child.status.success() {
        return Err(format!("callgrind says:\n{said}").into());
    }
    // The dumps are numbered from 1.
    let dumps = (2..parts + 2).map(|number| -> Result<i64, Box<dyn Error>> {
        let dump = fs::read_to_string(output.with_extension(number.to_string()))?;
        let summary = dump.lines().find_map(|line| line.strip_prefix("summary: "));
        let summary = summary.ok_or("a dump of callgrind has no summary")?;
        Ok(summary.trim().parse()?)
    });
    dumps.collect()
}

/// In the child: runs something between two moments at which it counts parts.
pub fn counting(run: impl FnOnce()) {
    request(START);
    run();
    request(STOP);
}

/// In the child: runs a part.
pub fn part<R>(run: impl FnOnce() -> R) -> R {
    request(ZERO);
    let result = run();
    request(DUMP);
    result
}

/// A request to the callgrind that runs this program, as `callgrind.h` of Valgrind makes it.
#[cfg(target_arch = "x86_64")]
fn request(request: u64) {
    let arguments = [request, 0, 0, 0, 0, 0];
    // SAFETY: on a processor the rotations add up to 128 bits and the exchange is with itself: nothing
    // changes but flags. Valgrind knows the sequence, reads the six words, and answers in rdx.
    unsafe {
        std::arch::asm!(
            "rol rdi, 3",
            "rol rdi, 13",
            "rol rdi, 61",
            "rol rdi, 51",
            "xchg rbx, rbx",
            in("rax") arguments.as_ptr(),
            inout("rdx") 0_u64 => _,
        );
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn request(_: u64) {}
