//! A program to be compared in all engines, with everything that the comparison depends on, and its
//! file: a golden file whose header is written by the program.

use crate::engines::{Engine, Interpreter};
use crate::header;
use crate::observed::{Call, Ending, Stats};
use crate::{schedules, stages};
use enjamb_gen::{Program, bytes_of_seed};
use enjamb_ir::{
    FuelPolicy, FuelSupply, Module, Schedule, Signature, Val, parse_module, verify_module,
};

/// The most schedules of a random program.
const SCHEDULES: u64 = 400;

/// The least of one under which leaves suspend, however long it takes.
const FEW_SCHEDULES: u64 = 4;

/// What all runs of a random program may cost together.
pub const WORK: u64 = 400_000;

/// What an instance costs, in instructions of the interpreter, and a suspension, at which everything moves.
const INSTANCE: u64 = 500;
const SUSPENSION: u64 = 30;

/// Instructions of the source that one run may take; of a program that takes more there is nothing to compare.
pub const INSTRUCTIONS: u64 = 40_000;

/// Which fuel a program has: a decision that no other one depends on.
pub fn fuel_of(bytes: &[u8]) -> u8 {
    bytes.last().copied().unwrap_or(0)
}

/// What a run has cost that the interpreter has counted.
pub fn cost(stats: &Stats) -> u64 {
    count(stats, "instructions") + SUSPENSION * count(stats, "suspensions") + INSTANCE
}

fn count(stats: &Stats, name: &str) -> u64 {
    let found = stats.iter().find(|(found, _)| *found == name);
    found.map_or(0, |(_, count)| *count)
}

/// A program to be compared.
#[derive(Clone, Debug)]
pub struct Case {
    /// The module.
    pub module: Module,
    /// What is called.
    pub call: Call,
    /// How often, in one instance: a call finds there what those before it have left.
    pub times: usize,
    /// The fuel of each instance.
    pub fuel: FuelSupply,
    /// Whether no schedule may make a difference.
    pub schedule_independent: bool,
    /// The schedules to run under.
    pub schedules: Vec<Schedule>,
    /// Whether the tables of its code are compared with it, too.
    pub tables: bool,
}

impl Case {
    /// The random program with this number. Every fourth runs on fuel, and one in eight is called twice.
    ///
    /// # Errors
    /// If the program breaks a rule, which is a bug of the generator or of the builder.
    pub fn of_seed(seed: u64) -> Result<Case, String> {
        let bytes = bytes_of_seed(seed);
        let program = enjamb_gen::program(&bytes);
        let program = program.map_err(|error| format!("no program: {error}"))?;
        let mut case = match seed % 4 {
            0 => Case::on_fuel(program, fuel_of(&bytes))?,
            _ => Case::of_program(program),
        };
        // One in eight, among those with fuel and those without.
        case.times = 1 + usize::from((seed / 4).is_multiple_of(8));
        case.schedules = case.random_schedules(seed)?;
        Ok(case)
    }

    /// Schedules that differ in what they decide, fewer of them if the program takes long.
    fn random_schedules(&self, seed: u64) -> Result<Vec<Schedule>, String> {
        let reference = self.reference()?.with_instruction_limit(INSTRUCTIONS);
        let (_, stats) = reference.run(&self.calls(), Schedule::Always)?;
        let most = (WORK / cost(&stats)).clamp(FEW_SCHEDULES, SCHEDULES);
        let leaf_calls = count(&stats, "leaf_calls");
        Ok(schedules::distinct(seed, leaf_calls, most as usize))
    }

    /// A random program under a few schedules.
    pub fn of_program(program: Program) -> Case {
        Case {
            module: program.module,
            call: Call {
                function: program.function,
                args: program.args,
            },
            times: 1,
            fuel: FuelSupply::Unlimited,
            schedule_independent: program.schedule_independent,
            schedules: vec![Schedule::Natural, Schedule::Never, Schedule::Always],
            tables: false,
        }
    }

    /// The same in a module that runs on fuel, of which there is too little in one of several ways.
    ///
    /// # Errors
    /// If the module uses the name of the import that this needs.
    pub fn on_fuel(program: Program, way: u8) -> Result<Case, String> {
        let mut case = Case::of_program(program);
        let leaf = Signature::asynchronous(&[], &[]);
        let pause = case
            .module
            .declare_import("out_of_fuel", "enjamb", "out_of_fuel", leaf);
        let pause = pause.map_err(|error| error.to_string())?;
        let suspend = |debt| FuelPolicy::Suspend { pause, debt };
        let more = 4_u64.pow(u32::from(way / 4 % 4));
        let (policy, fuel) = match way % 4 {
            0 => (FuelPolicy::Trap, FuelSupply::Budget(50 * more)),
            1 => (suspend(None), FuelSupply::Slices(more)),
            2 => (suspend(Some(40)), FuelSupply::Slices(25 * more)),
            _ => (suspend(None), FuelSupply::Unlimited),
        };
        case.module.fuel = Some(policy);
        case.fuel = fuel;
        // Where the fuel runs out depends on who uses it first.
        case.schedule_independent = false;
        Ok(case)
    }

    /// The interpreter on the program as it was written.
    ///
    /// # Errors
    /// If the module cannot be given its fuel checks.
    pub fn reference(&self) -> Result<Interpreter, String> {
        let module = stages::after(&self.module, "fuel")?;
        let interpreter = Interpreter::new("the reference".to_string(), module, false);
        Ok(interpreter.with_fuel(self.fuel).of_source())
    }

    /// The calls, in order.
    pub fn calls(&self) -> Vec<Call> {
        vec![self.call.clone(); self.times]
    }

    /// Instructions of all functions.
    pub fn instructions(&self) -> usize {
        let bodies = self.module.bodies();
        bodies.map(|(_, body)| body.instruction_count()).sum()
    }

    /// The case as a golden file: it fails as long as engines differ. The free text says what was found.
    pub fn to_text(&self, found: &[String]) -> String {
        let mut text = String::new();
        let mut line = |content: &str| text += &format!("; {content}\n");
        found.iter().for_each(|found| line(found));
        if !self.schedule_independent {
            line("schedule-dependent");
        }
        if self.tables {
            line("tables");
        }
        let schedules: Vec<String> = self.schedules.iter().map(Schedule::to_string).collect();
        line(&format!("schedules: {}", schedules.join(", ")));
        match self.fuel {
            FuelSupply::Unlimited => {}
            FuelSupply::Budget(amount) => line(&format!("fuel: budget {amount}")),
            FuelSupply::Slices(amount) => line(&format!("fuel: slices {amount}")),
        }
        let call = &self.call;
        let args = self.values(&call.args);
        let words = ["run"].into_iter().chain(std::iter::repeat("then"));
        for (word, ending) in words.zip(self.endings()) {
            line(&format!("{word}: %{}({args}){ending}", call.function));
        }
        format!("{text}\n{}", self.module)
    }

    /// How the calls end in the reference, as a header says it.
    fn endings(&self) -> Vec<String> {
        let reference = self.reference();
        let observed = reference.and_then(|engine| engine.run(&self.calls(), Schedule::Natural));
        let Ok((observed, _)) = observed else {
            return vec![String::new(); self.times];
        };
        let endings = observed.calls.iter().map(|(_, ending)| self.ending(ending));
        endings.collect()
    }

    fn ending(&self, ending: &Ending) -> String {
        match ending {
            Ending::Results(values) if !values.is_empty() => {
                format!(" == {}", self.values(values))
            }
            Ending::Trap(code) => format!(" trap {code}"),
            Ending::Exception(thrown) => {
                let payload = self.values(&[Val::Ref(thrown.payload)]);
                format!(" throws {}, {payload}", thrown.tag)
            }
            _ => String::new(),
        }
    }

    /// Values as a header has them.
    fn values(&self, values: &[Val]) -> String {
        let texts = values.iter().map(|value| match value {
            Val::Ref(Some(handle)) => format!("ref:{handle}"),
            Val::FuncRef(Some(id)) => format!("%{}", self.module.functions[*id].name),
            value => value.to_string(),
        });
        texts.collect::<Vec<_>>().join(", ")
    }

    /// The first call of a golden file, and those behind it that are the same.
    ///
    /// # Errors
    /// If it is none, or calls nothing.
    pub fn of_text(text: &str) -> Result<Case, String> {
        let module = parse_module(text).map_err(|errors| format!("the parser: {errors}"))?;
        verify_module(&module).map_err(|error| format!("the verifier: {error}"))?;
        let header = header::parse(text, &module)?;
        let calls = header.runs.first().map_or(&[][..], |run| &run.calls);
        let call = calls.first().ok_or("the header runs nothing")?.clone();
        let times = calls.iter().take_while(|other| **other == call).count();
        let schedules = match header.schedules.as_slice() {
            [] => crate::schedules::of_module(&module),
            chosen => chosen.to_vec(),
        };
        Ok(Case {
            module,
            call,
            times,
            fuel: header.fuel,
            schedule_independent: !header.schedule_dependent,
            schedules,
            tables: header.tables,
        })
    }
}
