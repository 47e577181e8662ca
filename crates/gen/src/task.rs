//! Statements about tasks. In a program in which the schedule must make no difference only those that wait for a
//! task or hold it, and one function at a time holds it.

use super::body::Body;
use enjamb_ir::build::Variable;
use enjamb_ir::{FuncId, Signature, Type, Value};

impl Body<'_, '_, '_> {
    /// The task that is none.
    pub(super) fn no_task(&mut self) -> Value {
        self.builder.global_get(self.world.no_task)
    }

    /// Does something with a task: a new one, or one that a variable has.
    pub(super) fn task(&mut self) {
        match self.choices.below(8) {
            0..3 if self.signature.is_async => self.spawn_and_join(),
            0..4 => {
                let (task, _) = self.spawn(true);
                self.keep(&[task]);
            }
            4..7 => {
                let task = self.held();
                self.if_there(task, Self::use_held);
            }
            _ => self.pass_on(),
        }
    }

    /// A variable for tasks.
    pub(super) fn held(&mut self) -> Variable {
        let variables = self.variables_of(Type::Task);
        self.choices.of(&variables)
    }

    /// Lets a variable's task go into another one.
    fn pass_on(&mut self) {
        let variable = self.held();
        let task = self.builder.use_var(variable);
        self.forget(variable);
        self.keep(&[task]);
    }

    /// Does something if a variable has a task; rarely also if it has none, which traps.
    pub(super) fn if_there(&mut self, variable: Variable, act: fn(&mut Self, Variable)) {
        if self.choices.once_in(40) {
            return act(self, variable);
        }
        let task = self.builder.use_var(variable);
        let none = self.no_task();
        let is_none = self.builder.same_ref(task, none);
        let [there, after] = [(); 2].map(|()| self.builder.create_block());
        self.builder.brif(is_none, after, &[], there, &[]);
        self.builder.switch_to_block(there);
        act(self, variable);
        self.builder.jump(after, &[]);
        self.builder.switch_to_block(after);
    }

    /// Ends what is to be known of a variable's task, or only asks.
    fn use_held(&mut self, variable: Variable) {
        let task = self.builder.use_var(variable);
        self.cancel_some(task);
        let results = Signature::sync(&[], self.world.task_results());
        let results = self.builder.create_signature(results);
        let given = match self.choices.below(8) {
            0 if self.world.is_racy => {
                let is_done = self.builder.is_done(task);
                return self.keep(&[is_done]);
            }
            1 if self.world.is_racy => {
                let given = self.builder.task_try_result(results, task);
                let none = self.no_task();
                let left = self.builder.select(given[0], none, task);
                self.builder.def_var(variable, left);
                return self.keep(&given);
            }
            2 if self.world.is_racy => {
                self.builder.detach(task);
                Vec::new()
            }
            _ if self.signature.is_async => self.builder.join(results, task),
            _ => return,
        };
        self.forget(variable);
        self.keep(&given);
    }

    /// Lets a variable have no task any more, unless it is to be joined twice.
    pub(super) fn forget(&mut self, variable: Variable) {
        if !self.choices.once_in(30) {
            let none = self.no_task();
            self.builder.def_var(variable, none);
        }
    }

    /// Starts a task, does something else, and takes its results, if they matter.
    fn spawn_and_join(&mut self) {
        let (task, types) = self.spawn(false);
        // Whether it has finished depends on the schedule.
        if self.world.is_racy && self.choices.once_in(4) {
            let is_done = self.builder.is_done(task);
            self.keep(&[is_done]);
        }
        self.cancel_some(task);
        if self.choices.once_in(8) {
            return self.builder.detach(task);
        }
        let results = Signature::sync(&[], &types);
        let results = self.builder.create_signature(results);
        let results = match self.world.is_racy && self.choices.once_in(6) {
            true => self.builder.task_try_result(results, task),
            false => self.builder.join(results, task),
        };
        self.keep(&results);
    }

    /// Cancels a task, now and then. Where it hears of that depends on the schedule.
    pub(super) fn cancel_some(&mut self, task: Value) {
        if self.world.is_racy && self.choices.once_in(4) {
            self.builder.cancel(task);
        }
    }

    /// Starts a task and does something else. Gives the types of its results, too: those that all tasks have which
    /// are joined elsewhere, if it is to be held until then.
    pub(super) fn spawn(&mut self, is_held: bool) -> (Value, Vec<Type>) {
        let is_like_others = is_held && !self.choices.once_in(60);
        let fits = |signature: &Signature| {
            signature.is_async
                && (!is_like_others || signature.results == self.world.task_results())
        };
        let leaves = self.world.imports.leaves().into_iter();
        let leaves = leaves.filter(|&leaf| fits(&self.signature_of(leaf)));
        let leaves: Vec<FuncId> = leaves.collect();
        let functions = self.world.functions.iter().filter(|(_, s)| fits(s));
        let functions: Vec<&(FuncId, Signature)> = functions.collect();
        let (callee, args) = match !leaves.is_empty() && self.choices.once_in(5) {
            true => {
                let leaf = self.choices.of(&leaves);
                (leaf, self.arguments_of_import(leaf))
            }
            false => {
                let (callee, signature) = self.choices.of(&functions);
                (*callee, self.arguments_of_task(signature))
            }
        };
        let task = self.builder.spawn(callee, &args);
        if self.depth < 2 {
            self.depth += 1;
            for _ in 0..self.choices.below(4) {
                self.statement();
            }
            self.depth -= 1;
        }
        (task, self.signature_of(callee).results)
    }

    /// Arguments for a function that is a task. Where the schedule must make no difference it gets no task of
    /// another one's.
    fn arguments_of_task(&mut self, signature: &Signature) -> Vec<Value> {
        let mut args = self.arguments(signature);
        for (arg, &ty) in args.iter_mut().zip(&signature.params) {
            if ty == Type::Task && !self.world.is_racy {
                *arg = self.no_task();
            }
        }
        args
    }
}
