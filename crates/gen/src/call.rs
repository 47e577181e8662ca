//! Calls: of functions of the module and of imports, by name and by reference.

use super::body::Body;
use super::world::ROUTES;
use enjamb_ir::build::Variable;
use enjamb_ir::{FuncId, IntCond, Signature, Type, Value};

/// The most variables of a function that hold references to functions to be called.
const REFERENCES: usize = 2;

/// What a call names.
pub(super) enum Callee {
    Function(FuncId),
    Reference(Value),
}

impl Body<'_, '_, '_> {
    /// Gives the variables for references to functions their first values.
    pub(super) fn make_references(&mut self) {
        for _ in 0..self.choices.below(REFERENCES + 1) {
            let index = self.choices.below(self.world.functions.len());
            let variable = self.builder.declare_variable(Type::FuncRef);
            let function = self.function_like(index);
            self.builder.def_var(variable, function);
            self.callees.push((variable, index));
        }
        let asker = self.choices.of(&self.world.imports.askers);
        let asker = self.builder.func_addr(asker);
        self.builder.def_var(self.asker, asker);
    }

    /// A reference to a function with the signature of the one with this index.
    pub(super) fn function_like(&mut self, index: usize) -> Value {
        let alike = self.world.alike(&self.world.functions[index].1);
        let function = self.choices.of(&alike);
        self.builder.func_addr(function)
    }

    /// A reference to any function, or none.
    pub(super) fn any_function(&mut self) -> Value {
        match self.choices.below(8) {
            0 => self.builder.null(Type::FuncRef),
            1 => {
                let import = self.choices.of(&self.world.imports.leaves());
                self.builder.func_addr(import)
            }
            _ => {
                let index = self.choices.below(self.world.functions.len());
                self.builder.func_addr(self.world.functions[index].0)
            }
        }
    }

    /// The fuel of a callee: a third of what is left, or a little as long as there are calls left.
    fn fuel_of_callee(&mut self) -> Value {
        let builder = &mut self.builder;
        let Some(calls_left) = self.world.calls_left else {
            let fuel = builder.use_var(self.fuel);
            let three = builder.iconst(Type::I64, 3);
            return builder.sdiv(fuel, three);
        };
        let left = builder.global_get(calls_left);
        let one = builder.iconst(Type::I64, 1);
        let less = builder.isub(left, one);
        builder.global_set(calls_left, less);
        let zero = builder.iconst(Type::I64, 0);
        let is_paid = builder.icmp(IntCond::SignedGreater, left, zero);
        let little = builder.iconst(Type::I64, 4);
        builder.select(is_paid, little, zero)
    }

    /// Arguments for a function of the module: its fuel, then anything.
    pub(super) fn arguments(&mut self, signature: &Signature) -> Vec<Value> {
        let mut args = vec![self.fuel_of_callee()];
        for &ty in &signature.params[1..] {
            args.push(self.operand(ty));
        }
        args
    }

    /// Arguments for an import.
    pub(super) fn arguments_of_import(&mut self, import: FuncId) -> Vec<Value> {
        if import == self.world.imports.leaf_sleep {
            return vec![self.masked(3)];
        }
        let params = self.signature_of(import).params;
        params.into_iter().map(|ty| self.operand(ty)).collect()
    }

    /// Whether this function may call one of this signature.
    fn may_call(&self, signature: &Signature) -> bool {
        self.signature.is_async || !signature.is_async
    }

    /// Whether this function may call one of this signature in its place.
    fn may_become(&self, signature: &Signature) -> bool {
        signature.results == self.signature.results
            && signature.is_async == self.signature.is_async
            && !signature.params.contains(&Type::Addr)
    }

    /// Something that may be called here, and its signature, if there is anything.
    pub(super) fn callee(&mut self) -> Option<(Callee, Signature)> {
        self.callee_that(Self::may_call)
    }

    /// A function of the module whose signature fits, by name, or by a reference: from a variable, out of a table,
    /// fresh, or, rarely, anything.
    fn callee_that(&mut self, fits: fn(&Self, &Signature) -> bool) -> Option<(Callee, Signature)> {
        let functions = &self.world.functions;
        let fitting = (0..functions.len()).filter(|&index| fits(self, &functions[index].1));
        let fitting: Vec<usize> = fitting.collect();
        if fitting.is_empty() {
            return None;
        }
        let variables = self.callees.iter().copied();
        let variables = variables.filter(|(_, index)| fitting.contains(index));
        let variables: Vec<(Variable, usize)> = variables.collect();
        let (routes, route) = self.world.routes;
        let (index, reference) = match self.choices.below(12) {
            6..9 if !variables.is_empty() => {
                let (variable, index) = self.choices.of(&variables);
                self.change_reference(variable, index);
                (index, self.builder.use_var(variable))
            }
            9..11 if fitting.contains(&route) => {
                let at = self.masked(ROUTES as i64 - 1);
                (route, self.builder.table_get(routes, at))
            }
            11 => {
                let index = self.choices.of(&fitting);
                let reference = match self.choices.once_in(10) {
                    true => self.value(Type::FuncRef),
                    false => self.function_like(index),
                };
                (index, reference)
            }
            _ => {
                let (callee, signature) = functions[self.choices.of(&fitting)].clone();
                return Some((Callee::Function(callee), signature));
            }
        };
        Some((Callee::Reference(reference), functions[index].1.clone()))
    }

    /// Gives a variable another reference, now and then.
    fn change_reference(&mut self, variable: Variable, index: usize) {
        let there = self.builder.use_var(variable);
        let other = match self.choices.below(8) {
            0 => self.function_like(index),
            1 => {
                let other = self.function_like(index);
                let condition = self.condition();
                self.builder.select(condition, there, other)
            }
            _ => return,
        };
        self.builder.def_var(variable, other);
    }

    pub(super) fn call(&mut self) {
        let Some((callee, signature)) = self.callee() else {
            return self.compute();
        };
        let args = self.arguments(&signature);
        let results = match callee {
            Callee::Function(function) => self.builder.call(function, &args),
            Callee::Reference(reference) => {
                let signature = self.builder.create_signature(signature);
                self.builder.call_indirect(signature, reference, &args)
            }
        };
        self.keep(&results);
    }

    /// Ends the block with a call of something in place of this function.
    pub(super) fn tail_call(&mut self) {
        let leaves = self.world.imports.leaves();
        let leaves = leaves.into_iter();
        let leaves = leaves.filter(|&leaf| self.may_become(&self.signature_of(leaf)));
        let leaves: Vec<FuncId> = leaves.collect();
        if !leaves.is_empty() && self.choices.once_in(3) {
            let leaf = self.choices.of(&leaves);
            let args = self.arguments_of_import(leaf);
            return self.builder.return_call(leaf, &args);
        }
        let Some((callee, signature)) = self.callee_that(Self::may_become) else {
            return self.leave();
        };
        let args = self.arguments(&signature);
        match callee {
            Callee::Function(function) => self.builder.return_call(function, &args),
            Callee::Reference(reference) => {
                let signature = self.builder.create_signature(signature);
                self.builder
                    .return_call_indirect(signature, reference, &args);
            }
        }
    }

    /// Calls something that may suspend and runs no function of the module.
    pub(super) fn leaf(&mut self) {
        let leaf = match self.choices.below(8) {
            3..6 => self.choices.of(&self.world.imports.askers),
            6 => return self.ask_by_reference(),
            7 => self.world.imports.leaf_sleep,
            _ => self.world.imports.leaf_yield,
        };
        let args = self.arguments_of_import(leaf);
        let results = self.builder.call(leaf, &args);
        self.keep(&results);
    }

    fn ask_by_reference(&mut self) {
        if self.choices.once_in(3) {
            let other = self.choices.of(&self.world.imports.askers);
            let other = self.builder.func_addr(other);
            self.builder.def_var(self.asker, other);
        }
        let value = self.operand(Type::I64);
        let asker = self.builder.use_var(self.asker);
        let signature = Signature::asynchronous(&[Type::I64], &[Type::I64]);
        let signature = self.builder.create_signature(signature);
        let results = self.builder.call_indirect(signature, asker, &[value]);
        self.keep(&results);
    }
}
