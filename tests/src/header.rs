//! The header of a golden file: the comment lines at its top, which say how the file is tested.
//!
//! ```text
//! ; Free text says what the file is about.
//! ; shows: M11, M13                      lines of the contract
//! ; schedule-dependent                   what the header expects holds for `natural` only
//! ; schedules: never, always             only these, where all of them take too long
//! ; fuel: slices 100                     what each instance is given; also `budget 100`
//! ; run: %main(20) == 6765               in a new instance; also `trap CODE`, `throws 7, null` (an
//!                                        exception: tag and payload), or nothing at all
//! ; then: %count() == 1, -0.5            in the same instance
//! ; frame: %main: `v2 = call %f(v0)`      of the logical stack of the last call that failed, a line for
//!                                        each, innermost first
//! ; calls: log(1), log(2)                calls of host functions, in order, since the last `run`
//! ; uses: 36                             fuel, since the last `run`
//! ; global: %count == 3                  what is there in the end
//! ; memory: %heap[8] == 01 02 ff
//! ; pages: %heap == 2
//! ; stats always: continuations_allocated == 1
//! ; tables                               what unwinders and debuggers read of the code is what it does
//! ; pass: async %main                    listings, with what they show at the end of the file
//! ; layout: %main
//! ; asm: x86_64 %main
//! ```
//!
//! Whatever stands behind `run` up to the next one belongs to it.

use crate::observed::{Call, Ending};
use enjamb_ir::{Exception, Export, FuelSupply, Module, Named, Schedule, Signature, Type, Val};

/// What the header of a golden file asks for.
#[derive(Clone, Debug, Default)]
pub struct Header {
    /// Whether the schedule may change what the program does.
    pub schedule_dependent: bool,
    /// The schedules to run under; all of them if there are none.
    pub schedules: Vec<Schedule>,
    /// The fuel of each instance.
    pub fuel: FuelSupply,
    /// What is run.
    pub runs: Vec<Run>,
    /// Whether the tables of the code are compared with it.
    pub tables: bool,
    /// What is printed.
    pub listings: Vec<Listing>,
}

/// Calls into one instance, and what is expected of them.
#[derive(Clone, Debug)]
pub struct Run {
    /// The line of the header, counted from one.
    pub line: usize,
    /// The calls, in order.
    pub calls: Vec<Call>,
    /// How each of them ends.
    pub endings: Vec<Ending>,
    /// What else is expected.
    pub checks: Vec<Check>,
}

/// Something to look at when all calls of a run are over.
#[derive(Clone, Debug)]
pub struct Check {
    /// The line of the header, counted from one.
    pub line: usize,
    /// What to look at.
    pub what: Expected,
}

/// What a check expects.
#[derive(Clone, Debug)]
pub enum Expected {
    /// Host functions were called like this.
    HostCalls(Vec<String>),
    /// The logical stack of the last call without results.
    Frames(Vec<String>),
    /// This much fuel was used.
    Fuel(u64),
    /// A global variable has this value.
    Global(String, Val),
    /// A memory has these bytes from an offset on.
    Bytes(String, usize, Vec<u8>),
    /// A memory has this many pages.
    Pages(String, usize),
    /// Counters of an engine that runs lowered functions, under one schedule.
    Stats(Schedule, Vec<(String, u64)>),
}

/// Something that is printed and compared with the end of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listing {
    /// The line of the header, counted from one.
    pub line: usize,
    /// What to print: `pass`, `layout` or `asm`.
    pub kind: ListingKind,
    /// The function to print; all if there is none.
    pub function: Option<String>,
    /// The header's own words, by which its expectation is found.
    pub title: String,
}

/// What a listing shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListingKind {
    /// The IR that one pass makes.
    Pass(String),
    /// Layouts and suspension points.
    Layout,
    /// The code for a target.
    Assembly(String),
}

/// Reads the header of a golden file.
///
/// # Errors
/// `LINE: what is wrong`, for the first line that is not understood.
pub fn parse(text: &str, module: &Module) -> Result<Header, String> {
    let mut header = Header::default();
    for (index, line) in text.lines().enumerate() {
        let Some(comment) = line.strip_prefix(';') else {
            if line.trim().is_empty() {
                continue;
            }
            break;
        };
        let line = index + 1;
        parse_line(&mut header, module, line, comment.trim())
            .map_err(|reason| format!("{line}: {reason}"))?;
    }
    if header.runs.is_empty() && header.listings.is_empty() && !header.tables {
        return Err("1: the header asks for nothing".to_string());
    }
    Ok(header)
}

fn parse_line(
    header: &mut Header,
    module: &Module,
    line: usize,
    comment: &str,
) -> Result<(), String> {
    if comment == "schedule-dependent" {
        header.schedule_dependent = true;
        return Ok(());
    }
    if comment == "tables" {
        header.tables = true;
        return Ok(());
    }
    let Some((key, value)) = comment.split_once(':') else {
        return Ok(());
    };
    let value = value.trim();
    let what = match key {
        "shows" => return Ok(()),
        "schedules" => {
            let schedules = value.split(',').map(|text| text.trim().parse());
            let schedules: Result<_, enjamb_ir::schedule::ScheduleError> = schedules.collect();
            header.schedules = schedules.map_err(|error| error.to_string())?;
            return Ok(());
        }
        "fuel" => {
            header.fuel = parse_fuel(value)?;
            return Ok(());
        }
        "run" => {
            let (call, ending) = parse_call(module, value)?;
            header.runs.push(Run {
                line,
                calls: vec![call],
                endings: vec![ending],
                checks: Vec::new(),
            });
            return Ok(());
        }
        "then" => {
            let (call, ending) = parse_call(module, value)?;
            let run = header.runs.last_mut().ok_or("`then` without `run`")?;
            run.calls.push(call);
            run.endings.push(ending);
            return Ok(());
        }
        "pass" | "layout" | "asm" => {
            header.listings.push(parse_listing(line, key, value)?);
            return Ok(());
        }
        "uses" => {
            let amount = value.parse();
            Expected::Fuel(amount.map_err(|_| format!("no amount of fuel: `{value}`"))?)
        }
        "frame" => {
            let run = header.runs.last_mut().ok_or("a frame without `run`")?;
            if let Some(Expected::Frames(frames)) =
                run.checks.last_mut().map(|check| &mut check.what)
            {
                frames.push(value.to_string());
                return Ok(());
            }
            Expected::Frames(vec![value.to_string()])
        }
        "calls" => Expected::HostCalls(split_calls(value)),
        "global" => parse_global(module, value)?,
        "memory" => parse_memory(value)?,
        "pages" => {
            let (name, pages) = equation(value)?;
            let pages = pages.parse().map_err(|_| "no number of pages")?;
            Expected::Pages(entity_name(name)?, pages)
        }
        _ => match key.strip_prefix("stats ") {
            Some(schedule) => parse_stats(schedule, value)?,
            None if key.contains(char::is_whitespace) => return Ok(()),
            None => return Err(format!("`{key}` is nothing that a header can ask for")),
        },
    };
    let run = header.runs.last_mut().ok_or("a check without `run`")?;
    run.checks.push(Check { line, what });
    Ok(())
}

fn parse_fuel(text: &str) -> Result<FuelSupply, String> {
    let parts = text.split_once(' ');
    let parts = parts.and_then(|(kind, amount)| Some((kind, amount.parse().ok()?)));
    match parts {
        Some(("slices", amount)) => Ok(FuelSupply::Slices(amount)),
        Some(("budget", amount)) => Ok(FuelSupply::Budget(amount)),
        _ => Err(format!("no supply of fuel: `{text}`")),
    }
}

fn parse_call(module: &Module, text: &str) -> Result<(Call, Ending), String> {
    let close = text
        .find(')')
        .ok_or("a call looks like `%name(arguments)`")?;
    let (call, expected) = (&text[..close], text[close + 1..].trim());
    let (name, args) = call.split_once('(').ok_or("a call has parentheses")?;
    let name = entity_name(name)?;
    let signature = signature_of(module, &name)?;
    let args = parse_values(module, &signature.params, args)?;
    let ending = if let Some(code) = expected.strip_prefix("trap ") {
        let code = code.parse();
        Ending::Trap(code.map_err(|()| format!("no such trap: `{expected}`"))?)
    } else if let Some(words) = expected.strip_prefix("throws ") {
        let words = parse_values(module, &Exception::TYPES, words)?;
        let words = Val::to_words(&words);
        Ending::Exception(Exception::from_words(words[0], words[1]))
    } else {
        let values = match expected.strip_prefix("==") {
            Some(values) => values,
            None if expected.is_empty() => "",
            None => return Err(format!("`{expected}` is no expectation")),
        };
        Ending::Results(parse_values(module, &signature.results, values)?)
    };
    let function = name;
    Ok((Call { function, args }, ending))
}

fn signature_of<'a>(module: &'a Module, name: &str) -> Result<&'a Signature, String> {
    let id = module
        .function_named(name)
        .ok_or_else(|| format!("no function %{name}"))?;
    Ok(module.functions[id].signature())
}

fn parse_values(module: &Module, types: &[Type], text: &str) -> Result<Vec<Val>, String> {
    let texts: Vec<&str> = match text.trim() {
        "" => Vec::new(),
        text => text.split(',').map(str::trim).collect(),
    };
    if texts.len() != types.len() {
        let (found, wanted) = (texts.len(), types.len());
        return Err(format!("{found} values in `{text}`, not {wanted}"));
    }
    let pairs = types.iter().zip(texts);
    pairs
        .map(|(&ty, text)| parse_value(module, ty, text))
        .collect()
}

/// A value: what [`Val::parse`] reads, and `ref:5` and `%function` for references.
fn parse_value(module: &Module, ty: Type, text: &str) -> Result<Val, String> {
    if let (Type::Ref, Some(handle)) = (ty, text.strip_prefix("ref:")) {
        let handle = handle.parse().map_err(|_| format!("no handle: `{text}`"))?;
        return Ok(Val::Ref(Some(handle)));
    }
    if let (Type::FuncRef, Some(name)) = (ty, text.strip_prefix('%')) {
        let id = module.function_named(name);
        return id
            .map(|id| Val::FuncRef(Some(id)))
            .ok_or_else(|| format!("no function %{name}"));
    }
    Val::parse(ty, text).map_err(|error| error.to_string())
}

fn equation(text: &str) -> Result<(&str, &str), String> {
    let sides = text.split_once("==");
    let (left, right) = sides.ok_or_else(|| format!("`{text}` has no `==`"))?;
    Ok((left.trim(), right.trim()))
}

fn entity_name(text: &str) -> Result<String, String> {
    let name = text.trim().strip_prefix('%');
    name.map(str::to_string)
        .ok_or_else(|| format!("`{text}` is no name: names begin with a percent sign"))
}

fn parse_global(module: &Module, text: &str) -> Result<Expected, String> {
    let (name, value) = equation(text)?;
    let name = entity_name(name)?;
    let exported = matches!(module.exports.get(&name), Some(Export::Global(_)));
    let Some(Named::Global(id)) = module.named(&name).filter(|_| exported) else {
        return Err(format!("no global %{name} is exported as \"{name}\""));
    };
    let value = parse_value(module, module.globals[id].ty, value)?;
    Ok(Expected::Global(name, value))
}

fn parse_memory(text: &str) -> Result<Expected, String> {
    let (place, bytes) = equation(text)?;
    let place = place
        .strip_suffix(']')
        .and_then(|text| text.split_once('['));
    let (name, offset) = place.ok_or("a place looks like `%heap[8]`")?;
    let offset = offset
        .parse()
        .map_err(|_| format!("no offset: `{offset}`"))?;
    let bytes = bytes
        .split_whitespace()
        .map(|byte| u8::from_str_radix(byte, 16).map_err(|_| format!("no byte: `{byte}`")))
        .collect::<Result<_, _>>()?;
    Ok(Expected::Bytes(entity_name(name)?, offset, bytes))
}

fn parse_stats(schedule: &str, text: &str) -> Result<Expected, String> {
    let schedule: Schedule = schedule.parse().map_err(|error| format!("{error}"))?;
    let mut counters = Vec::new();
    for part in text.split(',') {
        let (name, number) = equation(part)?;
        let number = number.parse();
        let number = number.map_err(|_| format!("no count: `{part}`"))?;
        counters.push((name.to_string(), number));
    }
    Ok(Expected::Stats(schedule, counters))
}

fn parse_listing(line: usize, key: &str, value: &str) -> Result<Listing, String> {
    let mut words = value.split_whitespace().peekable();
    let mut subject = || {
        let word = words.next_if(|word| !word.starts_with('%'));
        word.map(str::to_string)
            .ok_or_else(|| format!("`{key}` of what?"))
    };
    let kind = match key {
        "pass" => ListingKind::Pass(subject()?),
        "asm" => ListingKind::Assembly(subject()?),
        _ => ListingKind::Layout,
    };
    let function = words.next().map(entity_name).transpose()?;
    let title = format!("{key} {value}").trim().to_string();
    Ok(Listing {
        line,
        kind,
        function,
        title,
    })
}

/// Splits `log(1), pair(2, 3)` at the commas between calls.
fn split_calls(text: &str) -> Vec<String> {
    let calls = text.split_inclusive(')');
    calls
        .map(|call| call.trim_start_matches([',', ' ']).to_string())
        .filter(|call| !call.is_empty())
        .collect()
}
