//! The machine that figures come from.

use std::fs;

/// The model of its processor and how many of them there are.
pub fn description() -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        (key.trim() == "model name").then(|| value.trim().to_string())
    });
    let model = model.unwrap_or_else(|| std::env::consts::ARCH.to_string());
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let virtual_machine = info
        .lines()
        .any(|line| line.starts_with("flags") && line.contains(" hypervisor"));
    let kind = if virtual_machine {
        "virtual machine"
    } else {
        "machine"
    };
    let memory = kilobytes("/proc/meminfo", "MemTotal").map_or(String::new(), |kilobytes| {
        format!(", {} GiB of memory", kilobytes.div_ceil(1 << 20))
    });
    format!("{model}, a {kind} with {cores} cores{memory}")
}

/// Bytes of memory of this process that are resident.
pub fn resident_bytes() -> u64 {
    kilobytes("/proc/self/status", "VmRSS").unwrap_or(0) * 1024
}

/// Bytes of memory that the machine could still give.
pub fn available_bytes() -> u64 {
    kilobytes("/proc/meminfo", "MemAvailable").unwrap_or(0) * 1024
}

/// A line `NAME:  NUMBER kB` of a file.
fn kilobytes(path: &str, name: &str) -> Option<u64> {
    let text = fs::read_to_string(path).ok()?;
    let mut lines = text.lines().filter_map(|line| line.split_once(':'));
    let (_, value) = lines.find(|(key, _)| *key == name)?;
    value.split_whitespace().next()?.parse().ok()
}
