//! Random structured programs over variables: what the builder makes of them is verified, has no
//! redundant block parameter, reads back from its text, and computes what the program says.

use enjamb_ir::{
    Block, Entity, Function, FunctionBuilder, Inst, IntCond, Module, ModuleBuilder, Opcode,
    Payload, Signature, Type, Value, Variable, parse_module,
};

const VARIABLES: usize = 5;
const PARAMS: usize = 2;

/// A pseudo-random sequence (splitmix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }
}

/// A statement; numbers name variables.
enum Statement {
    Constant(usize, i64),
    Copy(usize, usize),
    Add(usize, usize, usize),
    Multiply(usize, usize, usize),
    If(usize, Vec<Statement>, Vec<Statement>),
    /// Runs its body so many times, with a counter of its own.
    Repeat(i64, Vec<Statement>),
    /// Leaves the innermost loop if the variable is odd.
    BreakIfOdd(usize),
    /// Goes on with the next turn of the innermost loop if the variable is odd.
    ContinueIfOdd(usize),
    Switch(usize, Vec<Vec<Statement>>),
    ReturnIfOdd(usize),
}

fn program(random: &mut Random, depth: usize, in_loop: bool) -> Vec<Statement> {
    let length = 1 + random.below(5);
    (0..length)
        .map(|_| statement(random, depth, in_loop))
        .collect()
}

fn statement(random: &mut Random, depth: usize, in_loop: bool) -> Statement {
    let kind = random.below(if depth == 0 { 8 } else { 14 });
    let (a, b, c) = (
        random.below(VARIABLES),
        random.below(VARIABLES),
        random.below(VARIABLES),
    );
    match kind {
        0 => Statement::Constant(a, random.below(9) as i64 - 4),
        1 | 2 => Statement::Copy(a, b),
        3 | 4 => Statement::Add(a, b, c),
        5 => Statement::Multiply(a, b, c),
        6 if in_loop && random.below(2) == 0 => Statement::ContinueIfOdd(a),
        6 if in_loop => Statement::BreakIfOdd(a),
        7 if random.below(3) == 0 => Statement::ReturnIfOdd(a),
        6 | 7 => Statement::Copy(a, b),
        8..=10 => {
            let then = program(random, depth - 1, in_loop);
            let otherwise = match random.below(2) {
                0 => Vec::new(),
                _ => program(random, depth - 1, in_loop),
            };
            Statement::If(a, then, otherwise)
        }
        11 | 12 => Statement::Repeat(random.below(4) as i64, program(random, depth - 1, true)),
        _ => {
            let arms = 1 + random.below(3);
            let arms = (0..arms).map(|_| program(random, depth - 1, in_loop));
            Statement::Switch(a, arms.collect())
        }
    }
}

/// What a statement does besides going on.
enum Leaves {
    No,
    Break,
    Continue,
    Return(i64),
}

/// The meaning of a program.
fn run(program: &[Statement], state: &mut [i64; VARIABLES]) -> Leaves {
    for statement in program {
        let leaves = match statement {
            Statement::Constant(to, value) => {
                state[*to] = *value;
                Leaves::No
            }
            Statement::Copy(to, from) => {
                state[*to] = state[*from];
                Leaves::No
            }
            Statement::Add(to, a, b) => {
                state[*to] = state[*a].wrapping_add(state[*b]);
                Leaves::No
            }
            Statement::Multiply(to, a, b) => {
                state[*to] = state[*a].wrapping_mul(state[*b]);
                Leaves::No
            }
            Statement::If(on, then, otherwise) => {
                let taken = if state[*on] != 0 { then } else { otherwise };
                run(taken, state)
            }
            Statement::Repeat(times, body) => run_loop(*times, body, state),
            Statement::BreakIfOdd(on) if state[*on] & 1 == 1 => Leaves::Break,
            Statement::ContinueIfOdd(on) if state[*on] & 1 == 1 => Leaves::Continue,
            Statement::ReturnIfOdd(on) if state[*on] & 1 == 1 => Leaves::Return(state[*on]),
            Statement::BreakIfOdd(_) | Statement::ContinueIfOdd(_) | Statement::ReturnIfOdd(_) => {
                Leaves::No
            }
            Statement::Switch(on, arms) => {
                let index = (state[*on] as u64).min(arms.len() as u64 - 1) as usize;
                run(&arms[index], state)
            }
        };
        if !matches!(leaves, Leaves::No) {
            return leaves;
        }
    }
    Leaves::No
}

fn run_loop(times: i64, body: &[Statement], state: &mut [i64; VARIABLES]) -> Leaves {
    for _ in 0..times {
        match run(body, state) {
            Leaves::Break => break,
            Leaves::Return(value) => return Leaves::Return(value),
            Leaves::No | Leaves::Continue => {}
        }
    }
    Leaves::No
}

fn run_all(program: &[Statement], args: [i64; PARAMS]) -> i64 {
    let mut state = [0; VARIABLES];
    state[..PARAMS].copy_from_slice(&args);
    match run(program, &mut state) {
        Leaves::Return(value) => value,
        _ => state
            .iter()
            .fold(0, |sum, &value| sum.wrapping_mul(3) ^ value),
    }
}

/// Builds a program; whether blocks are sealed as early as they can be is up to the test.
struct Writer<'a, 'm> {
    b: &'a mut FunctionBuilder<'m>,
    variables: Vec<Variable>,
    /// Where `continue` and `break` go.
    loops: Vec<(Block, Block)>,
    seal_early: bool,
}

impl Writer<'_, '_> {
    fn read(&mut self, variable: usize) -> Value {
        self.b.use_var(self.variables[variable])
    }

    fn write(&mut self, variable: usize, value: Value) {
        self.b.def_var(self.variables[variable], value);
    }

    fn enter(&mut self, block: Block, complete: bool) {
        self.b.switch_to_block(block);
        if complete {
            self.complete(block);
        }
    }

    fn complete(&mut self, block: Block) {
        if self.seal_early {
            self.b.seal_block(block);
        }
    }

    fn is_odd(&mut self, variable: usize) -> Value {
        let value = self.read(variable);
        let one = self.b.iconst(Type::I64, 1);
        self.b.band(value, one)
    }

    fn all(&mut self, program: &[Statement]) {
        for statement in program {
            self.statement(statement);
        }
    }

    fn statement(&mut self, statement: &Statement) {
        match statement {
            Statement::Constant(to, value) => {
                let value = self.b.iconst(Type::I64, *value);
                self.write(*to, value);
            }
            Statement::Copy(to, from) => {
                let value = self.read(*from);
                self.write(*to, value);
            }
            Statement::Add(to, a, b) => {
                let (a, b) = (self.read(*a), self.read(*b));
                let sum = self.b.iadd(a, b);
                self.write(*to, sum);
            }
            Statement::Multiply(to, a, b) => {
                let (a, b) = (self.read(*a), self.read(*b));
                let product = self.b.imul(a, b);
                self.write(*to, product);
            }
            Statement::If(on, then, otherwise) => {
                let condition = self.read(*on);
                let [yes, no, meet] = std::array::from_fn(|_| self.b.create_block());
                self.b.brif(condition, yes, &[], no, &[]);
                for (block, program) in [(yes, then), (no, otherwise)] {
                    self.enter(block, true);
                    self.all(program);
                    self.b.jump(meet, &[]);
                }
                self.enter(meet, true);
            }
            Statement::Repeat(times, body) => self.repeat(*times, body),
            Statement::BreakIfOdd(on) => {
                let target = self.loops[self.loops.len() - 1].1;
                self.leave_if_odd(*on, target);
            }
            Statement::ContinueIfOdd(on) => {
                let target = self.loops[self.loops.len() - 1].0;
                self.leave_if_odd(*on, target);
            }
            Statement::ReturnIfOdd(on) => {
                let leave = self.b.create_block();
                self.leave_if_odd(*on, leave);
                let after = self.b.current_block();
                self.enter(leave, true);
                let value = self.read(*on);
                self.b.ret(&[value]);
                // Code behind a `return` goes to a block that nothing leads to.
                let dead = self.b.create_block();
                self.enter(dead, true);
                let value = self.read(*on);
                self.b.ret(&[value]);
                self.b
                    .switch_to_block(after.expect("there is a current block"));
            }
            Statement::Switch(on, arms) => self.switch(*on, arms),
        }
    }

    fn leave_if_odd(&mut self, on: usize, target: Block) {
        let odd = self.is_odd(on);
        let next = self.b.create_block();
        self.b.brif(odd, target, &[], next, &[]);
        self.enter(next, true);
    }

    fn repeat(&mut self, times: i64, body: &[Statement]) {
        let [header, inside, next, exit] = std::array::from_fn(|_| self.b.create_block());
        let counter = self.b.declare_variable(Type::I64);
        let times = self.b.iconst(Type::I64, times);
        self.b.def_var(counter, times);
        self.b.jump(header, &[]);
        self.enter(header, false);
        let left = self.b.use_var(counter);
        self.b.brif(left, inside, &[], exit, &[]);
        self.enter(inside, true);
        self.loops.push((next, exit));
        self.all(body);
        self.loops.pop();
        self.b.jump(next, &[]);
        self.enter(next, true);
        let one = self.b.iconst(Type::I64, 1);
        let left = self.b.use_var(counter);
        let left = self.b.isub(left, one);
        self.b.def_var(counter, left);
        self.b.jump(header, &[]);
        self.complete(header);
        self.enter(exit, true);
    }

    fn switch(&mut self, on: usize, arms: &[Vec<Statement>]) {
        let index = self.read(on);
        let meet = self.b.create_block();
        let blocks: Vec<Block> = arms.iter().map(|_| self.b.create_block()).collect();
        let targets: Vec<(Block, &[Value])> =
            blocks.iter().map(|&block| (block, &[][..])).collect();
        // The last arm is also the default, so that its block has two branches from one block.
        let default = targets[targets.len() - 1];
        self.b.br_table(index, default, &targets);
        for (&block, arm) in blocks.iter().zip(arms) {
            self.enter(block, true);
            self.all(arm);
            self.b.jump(meet, &[]);
        }
        self.enter(meet, true);
    }
}

fn build(program: &[Statement], seal_early: bool) -> Module {
    let mut module = ModuleBuilder::new();
    let signature = Signature::sync(&[Type::I64; PARAMS], &[Type::I64]);
    let id = module.declare_function("f", signature).expect("it is free");
    let mut b = module.define(id).expect("it has no body");
    let variables: Vec<Variable> = (0..VARIABLES)
        .map(|_| b.declare_variable(Type::I64))
        .collect();
    for (index, &variable) in variables.iter().enumerate() {
        let value = match index < PARAMS {
            true => b.param(index),
            false => b.iconst(Type::I64, 0),
        };
        b.def_var(variable, value);
    }
    let mut writer = Writer {
        b: &mut b,
        variables,
        loops: Vec::new(),
        seal_early,
    };
    writer.all(program);
    let three = writer.b.iconst(Type::I64, 3);
    let mut sum = writer.b.iconst(Type::I64, 0);
    for variable in 0..VARIABLES {
        let value = writer.read(variable);
        let scaled = writer.b.imul(sum, three);
        sum = writer.b.bxor(scaled, value);
    }
    writer.b.ret(&[sum]);
    b.finish().unwrap_or_else(|error| panic!("{error}"));
    module.finish().unwrap_or_else(|error| panic!("{error}"))
}

/// Runs the few instructions that the programs above have.
fn evaluate(function: &Function, args: &[i64]) -> i64 {
    let mut values = vec![0i64; function.values.len()];
    let mut block = function.entry().expect("there is a block");
    let mut incoming = args.to_vec();
    loop {
        for (&param, &value) in function.blocks[block].params.iter().zip(&incoming) {
            values[param.index()] = value;
        }
        let insts = &function.blocks[block].insts;
        let (&last, before) = insts.split_last().expect("the module is verified");
        for &inst in before {
            let result = function.results(inst)[0];
            values[result.index()] = compute(function, inst, &values);
        }
        let first = function.args(last).first().map(|arg| values[arg.index()]);
        let targets = function.targets(last);
        let target = match (function.insts[last].opcode, first) {
            (Opcode::Jump, _) => targets[0],
            (Opcode::Brif, Some(condition)) => targets[usize::from(condition == 0)],
            (Opcode::BrTable, Some(index)) => {
                let index = usize::try_from(index).unwrap_or(usize::MAX);
                *targets[1..].get(index).unwrap_or(&targets[0])
            }
            (Opcode::Return, Some(result)) => return result,
            (opcode, _) => panic!("the programs have no {opcode}"),
        };
        let arguments = function.target_args(target).iter();
        incoming = arguments.map(|arg| values[arg.index()]).collect();
        block = target.block;
    }
}

fn compute(function: &Function, inst: Inst, values: &[i64]) -> i64 {
    let args: Vec<i64> = (function.args(inst).iter())
        .map(|arg| values[arg.index()])
        .collect();
    let data = &function.insts[inst];
    match (data.opcode, data.payload, &args[..]) {
        (Opcode::Iconst, Payload::Integer(constant), _) => constant,
        (Opcode::Iadd, _, &[a, b]) => a.wrapping_add(b),
        (Opcode::Isub, _, &[a, b]) => a.wrapping_sub(b),
        (Opcode::Imul, _, &[a, b]) => a.wrapping_mul(b),
        (Opcode::Band, _, &[a, b]) => a & b,
        (Opcode::Bxor, _, &[a, b]) => a ^ b,
        (Opcode::Icmp, Payload::IntCond(IntCond::Equal), &[a, b]) => i64::from(a == b),
        (opcode, ..) => panic!("the programs have no {opcode}"),
    }
}

/// Every parameter gets two different values besides itself.
fn check_no_redundant_parameter(function: &Function) {
    for &block in function.order.iter().skip(1) {
        for (position, &param) in function.blocks[block].params.iter().enumerate() {
            let mut incoming: Vec<Value> = Vec::new();
            for &from in &function.order {
                let terminator = function.terminator(from).expect("it is verified");
                for &target in function.targets(terminator) {
                    if target.block == block {
                        incoming.push(function.target_args(target)[position]);
                    }
                }
            }
            incoming.retain(|&value| value != param);
            let first = incoming.first().copied();
            let differs = incoming.iter().any(|&value| Some(value) != first);
            assert!(differs, "{param} of {block} is redundant in\n{function}");
        }
    }
}

/// Every value that is a parameter of a block, but the entry, is used.
fn check_no_unused_parameter(function: &Function) {
    let mut used = vec![false; function.values.len()];
    for &block in &function.order {
        for &inst in &function.blocks[block].insts {
            function.for_each_use(inst, |value| used[value.index()] = true);
        }
    }
    for &block in function.order.iter().skip(1) {
        for &param in &function.blocks[block].params {
            assert!(
                used[param.index()],
                "{param} of {block} is unused in\n{function}"
            );
        }
    }
}

#[test]
fn random_programs_compute_what_they_say() {
    let mut random = Random(7);
    let mut with_parameters = 0;
    for round in 0..1500 {
        let program = program(&mut random, 1 + round % 4, false);
        let early = build(&program, true);
        let late = build(&program, false);
        assert!(
            early == late,
            "the time of sealing must not matter:\n{early}\n{late}"
        );
        let text = early.to_string();
        let again = parse_module(&text).unwrap_or_else(|errors| panic!("{errors}\n{text}"));
        assert!(again == early, "{text}");
        let (_, function) = early.bodies().next().expect("there is a function");
        check_no_redundant_parameter(function);
        check_no_unused_parameter(function);
        let has_parameters = |&block: &Block| !function.blocks[block].params.is_empty();
        with_parameters += usize::from(function.order.iter().skip(1).any(has_parameters));
        for args in [[0, 1], [1, 0], [-3, 4], [5, 5], [i64::MAX, 2]] {
            let expected = run_all(&program, args);
            assert_eq!(evaluate(function, &args), expected, "{args:?}\n{text}");
        }
    }
    assert!(
        with_parameters > 500,
        "the programs are too simple: {with_parameters}"
    );
}
