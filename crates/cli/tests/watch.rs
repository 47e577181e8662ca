//! `enjamb run --watch`.

mod command;

use command::{Run, enjamb, file};
use serde_json::Value;

/// Three tasks sleep now and then, twenty times.
const NAPS: &str = "
import %sleep = \"enjamb\" \"sleep\" (i64) async
function %naps(i64) -> i64 async {
block0(v0: i64):
    v1 = iconst.i64 1
    v2 = iconst.i64 20
    jump block1(v2)
block1(v3: i64):
    call %sleep(v0)
    v4 = isub v3, v1
    brif v4, block1(v4), block2
block2:
    return v0
}
function %main(i64) -> i64, i64 async {
    sig0 = () -> i64
block0(v0: i64):
    v1 = spawn %naps(v0)
    v2 = spawn %naps(v0)
    v3 = call %naps(v0)
    v4 = join sig0, v1
    v5 = join sig0, v2
    v6 = ineg v5
    return v4, v6
}
function %traps(i64) async {
block0(v0: i64):
    call %sleep(v0)
    trap user
}
";

/// The lines of JSON, and what comes behind them.
fn lines(run: &Run) -> (Vec<Value>, Vec<&str>) {
    let is_json = |line: &&str| line.starts_with('{');
    let json = run.output.lines().take_while(is_json);
    let parse =
        |line: &str| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    let rest: Vec<&str> = run.output.lines().skip_while(is_json).collect();
    (json.map(parse).collect(), rest)
}

#[test]
fn lines_of_json_come_first_and_the_last_one_is_what_the_statistics_say() {
    let naps = file("naps.enj", NAPS.as_bytes());
    for engine in ["jit", "interp"] {
        let arguments = ["run", &naps, "40", "--engine", engine, "--stats"];
        let run = enjamb(&[&arguments[..], &["--watch", "--watch-interval", "0.02"]].concat());
        assert_eq!(run.code, 0, "{}", run.errors);
        let (lines, results) = lines(&run);
        assert_eq!(results, ["40", "-40"]);
        let (last, before) = lines.split_last().unwrap();
        assert!(before.iter().all(|line| line["finished"] == false));
        let saw = |line: &Value| line["tasks_live"] == 3 && line["suspensions"].as_u64() > Some(0);
        assert!(before.iter().any(saw), "{}", run.output);
        for pair in lines.windows(2) {
            let both = |name| pair.iter().map(move |line| line[name].as_f64());
            assert!(both("suspensions").is_sorted() && both("seconds").is_sorted());
        }

        assert_eq!(last["finished"], true);
        assert_eq!(last["tasks_finished"], 3);
        let statistics = run.errors.lines().filter_map(|line| line.split_once('='));
        let mut count = 0;
        for (name, number) in statistics {
            assert_eq!(last[name].to_string(), number, "{name}");
            count += 1;
        }
        assert!(count > 20, "{}", run.errors);
        #[cfg(target_os = "linux")]
        assert!(last["resident_bytes"].as_u64() > Some(1 << 16));
    }
}

#[test]
fn a_program_that_only_computes_says_how_old_its_numbers_are() {
    let text = "
        function %main(i64) -> i64 async {
        block0(v0: i64):
            v1 = iconst.i64 1
            jump block1(v0)
        block1(v2: i64):
            v3 = isub v2, v1
            brif v3, block1(v3), block2
        block2:
            return v3
        }";
    let computes = file("computes.enj", text.as_bytes());
    let run = enjamb(&[
        "run",
        &computes,
        "600000000",
        "--watch",
        "--watch-interval",
        "0.01",
    ]);
    let (lines, results) = lines(&run);
    assert_eq!(results, ["0"], "{}", run.errors);
    let (last, before) = lines.split_last().unwrap();
    // The one before the last may be of the moment at which the program has ended, and more if it is kept from
    // running then; on a machine that is busy with other things there are no others.
    let computing = before.split_last().map_or(&[][..], |(_, lines)| lines);
    let computing = computing
        .iter()
        .take_while(|line| line["tasks_finished"] == 0);
    // Its numbers are those of the beginning; or of the moment at which it has begun, if somebody has asked before.
    let seconds = |line: &Value, name| line[name].as_f64().unwrap();
    let written = |line| seconds(line, "seconds") - seconds(line, "age_seconds");
    let has_news = |line: &Value| !line["suspensions_per_second"].is_null();
    let mut latest = 0.0;
    for line in computing {
        // Nobody asks in the first ten milliseconds, and both times are rounded to one.
        let is_new = written(line) - latest > 0.005;
        assert_eq!(has_news(line), is_new, "{line}");
        assert!(!is_new || latest == 0.0, "{line}");
        assert!(is_new || seconds(line, "age_seconds") > 0.0, "{line}");
        latest = if is_new { written(line) } else { latest };
    }
    assert!(last["age_seconds"].as_f64() < last["seconds"].as_f64());
}

#[test]
fn a_program_that_traps_has_a_last_line_too() {
    let naps = file("naps_trap.enj", NAPS.as_bytes());
    let watch = ["--watch", "--watch-interval", "1000"];
    let run = enjamb(&[&["run", &naps, "--func", "traps", "5"][..], &watch].concat());
    assert_eq!(run.code, 1);
    assert!(run.errors.contains("trap user"), "{}", run.errors);
    let (lines, results) = lines(&run);
    assert_eq!((lines.len(), results.len()), (1, 0), "{}", run.output);
    assert_eq!(lines[0]["tasks_failed"], 1);
}

#[test]
fn there_is_some_time_between_two_lines() {
    let naps = file("naps_interval.enj", NAPS.as_bytes());
    for interval in ["0", "-1", "soon", "1e300"] {
        let run = enjamb(&["run", &naps, "1", "--watch", "--watch-interval", interval]);
        assert_eq!(run.code, 2, "{interval}: {}", run.errors);
    }
    let run = enjamb(&["run", &naps, "1", "--watch-interval", "1"]);
    assert_eq!(run.code, 2, "{}", run.errors);
}
