//! Calls of functions, of services of the runtime, and calls in place of this function.
//!
//! ```text
//! store arguments that go on the stack     [sp + word …]
//! check the callee of an indirect call
//! call                                     arguments and results in fixed registers
//! load results that came on the stack      [sp + parameter bytes + word …]
//! ```
//!
//! A call with an unwind target ends its block, and the table of handlers says for its return address
//! where an exception lands; the callee-saved registers have their values there as after a return.
//!
//! The callee pops the parameter words; the call moves the stack pointer down again behind it.

use crate::backend::{Backend, Base};
use crate::control::Control;
use crate::crossing::CrossingCopies;
use crate::error::{Lower, Reason};
use crate::machine::{Call, Callee, Code, Step, TargetInst};
use crate::registers::register_of;
use crate::values::Values;
use enjamb_abi::code::{Service, Symbol, Throw};
use enjamb_abi::context::{CELL_CODE, CELL_SIGNATURE, Helper, data_index, pair_index};
use enjamb_abi::convention::Location;
use enjamb_ir::{
    Entity, FuncId, Inst, Opcode, Payload, SigId, Signature, Stage, TrapCode, Type, Value,
};
use enjamb_regalloc::{PReg, VReg};

fn int_params(count: usize) -> Vec<Type> {
    vec![Type::I64; count]
}

pub(crate) trait Calls<'a>: Backend<'a> {
    /// A call that returns to this function.
    fn call(&mut self, inst: Inst) -> Lower<()> {
        let (call, on_stack) = self.prepared_call(inst)?;
        self.push(Code::Call(Box::new(call)));
        self.load_results(&on_stack)
    }

    /// A call with an unwind target.
    fn try_call(&mut self, inst: Inst) -> Lower<()> {
        let mut targets = self.targets(inst)?;
        let (call, on_stack) = self.prepared_call(inst)?;
        let exception = self.function.exception_results(inst);
        let exception = exception.ok_or(Reason::Malformed)?;
        let exception = exception.map(|word| self.vreg_of(word));
        let registers: Vec<VReg> = call.results.iter().map(|&(result, _)| result).collect();
        let call = Box::new(call);
        let code = Code::TryCall { call, exception };
        let [(normal, args), _] = &mut targets[..] else {
            return Err(Reason::Malformed);
        };
        if on_stack.is_empty() {
            self.branch(code, &targets);
            return Ok(());
        }
        // What came on the stack is loaded on the way to the normal target. Those results that came in
        // registers are handed to that block: nothing but an edge may use what a branch defines.
        let edge = self.create_block(None);
        let target = std::mem::replace(normal, edge);
        let onwards = std::mem::take(args);
        let passed = onwards.iter().copied();
        let passed: Vec<VReg> = passed.filter(|arg| registers.contains(arg)).collect();
        let params = passed.iter().map(|arg| self.new_vreg(arg.class()));
        let params: Vec<VReg> = params.collect();
        targets[0].1 = passed;
        self.branch(code, &targets);
        self.builder.begin_block(edge, &params);
        self.load_results(&on_stack)?;
        let mut params = params.into_iter();
        let param_or_value = |arg: VReg| match registers.contains(&arg) {
            true => params.next().ok_or(Reason::Malformed),
            false => Ok(arg),
        };
        let onwards: Lower<Vec<VReg>> = onwards.into_iter().map(param_or_value).collect();
        self.branch(Code::Jump, &[(target, onwards?)]);
        Ok(())
    }

    /// The call of an instruction, and the results that come on the stack with their distance from the
    /// stack pointer.
    fn prepared_call(&mut self, inst: Inst) -> Lower<(Call, Vec<(Value, i32)>)> {
        let function = self.function;
        let args = function.args(inst);
        match (self.data(inst).opcode, self.data(inst).payload) {
            (Opcode::Call | Opcode::TryCall, Payload::Function(callee)) => {
                let module = self.module;
                let signature = module.functions[callee].signature();
                let mut call = self.prepare(signature, args)?;
                self.lead_to(&mut call, callee, Self::Inst::REGISTERS.callee)?;
                self.with_results(inst, call, signature)
            }
            (Opcode::CallIndirect | Opcode::TryCallIndirect, Payload::Signature(id)) => {
                let signature = &function.signatures[id];
                let (&callee, args) = args.split_first().ok_or(Reason::Malformed)?;
                let address = self.checked_callee(callee, signature)?;
                let mut call = self.prepare(signature, args)?;
                call.arguments.push((address, Self::Inst::REGISTERS.callee));
                self.with_results(inst, call, signature)
            }
            _ => {
                let service = self.service(inst)?;
                let signature = service.signature.clone();
                let call = self.prepare(&signature, args)?;
                let callee = Callee::Symbol(self.symbol(Symbol::Service(service)));
                self.with_results(inst, Call { callee, ..call }, &signature)
            }
        }
    }

    /// A signature that a join names, and its number.
    fn joined(&self, id: SigId) -> Lower<(&'a Signature, u64)> {
        let joined = &self.function.signatures[id];
        let index = self.layout.signature_index(joined);
        let index = index.ok_or(Reason::UnknownSignature)?;
        Ok((joined, u64::from(index)))
    }

    /// The service that an instruction calls.
    fn service(&self, inst: Inst) -> Lower<Service> {
        let (task, size) = (&[Type::Task][..], int_params(3));
        let (helper, index, signature) = match (self.data(inst).opcode, self.data(inst).payload) {
            (Opcode::Spawn, Payload::Function(callee)) => {
                let params = &self.module.functions[callee].signature().params;
                let signature = Signature::sync(params, task);
                (Helper::Spawn, callee.index() as u64, signature)
            }
            (Opcode::Join | Opcode::TryJoin, Payload::Signature(id)) => {
                let (joined, index) = self.joined(id)?;
                let signature = Signature::asynchronous(task, &joined.results);
                (Helper::Join, index, signature)
            }
            (Opcode::TaskTryResult, Payload::Signature(id)) => {
                let (joined, index) = self.joined(id)?;
                let results = [&[Type::I8], &joined.results[..]].concat();
                (
                    Helper::TaskTryResult,
                    index,
                    Signature::sync(task, &results),
                )
            }
            (Opcode::Detach, _) => (Helper::Detach, 0, Signature::sync(task, &[])),
            (Opcode::Cancel, _) => (Helper::Cancel, 0, Signature::sync(task, &[])),
            (Opcode::IsDone, _) => (Helper::IsDone, 0, Signature::sync(task, &[Type::I8])),
            (Opcode::MemoryGrow, Payload::Memory(memory)) => {
                let signature = Signature::sync(&size[..1], &size[..1]);
                (Helper::MemoryGrow, memory.index() as u64, signature)
            }
            (Opcode::MemoryCopy, Payload::MemoryPair(to, from)) => {
                let index = pair_index(to, from.index() as u32);
                (Helper::MemoryCopy, index, Signature::sync(&size, &[]))
            }
            (Opcode::MemoryFill, Payload::Memory(memory)) => {
                let params = [Type::I64, Type::I8, Type::I64];
                let signature = Signature::sync(&params, &[]);
                (Helper::MemoryFill, memory.index() as u64, signature)
            }
            (Opcode::MemoryInit, Payload::MemoryData(memory, data)) => {
                let index = pair_index(memory, data_index(data));
                (Helper::MemoryInit, index, Signature::sync(&size, &[]))
            }
            (Opcode::ArrayCopy, Payload::ObjectType(ty)) => {
                let params = [Type::Ref, Type::I64, Type::Ref, Type::I64, Type::I64];
                let signature = Signature::sync(&params, &[]);
                (Helper::ArrayCopy, ty.index() as u64, signature)
            }
            _ => return Err(Reason::Malformed),
        };
        Ok(Service {
            helper,
            index,
            signature,
        })
    }

    /// Puts arguments where the convention wants them; the callee is not yet named.
    fn prepare(&mut self, signature: &Signature, args: &[Value]) -> Lower<Call> {
        if signature.is_async && self.function.stage != Stage::Lowered {
            return Err(Reason::NotTransformed);
        }
        if args.len() != signature.params.len() {
            return Err(Reason::Malformed);
        }
        let params = self.convention().params(&signature.params);
        let results = self.convention().results(&signature.results);
        let words = params.stack_bytes.checked_add(results.stack_bytes);
        self.frame
            .reserve_outgoing(words.ok_or(Reason::FrameTooLarge)?);
        let mut arguments = Vec::with_capacity(args.len());
        for ((&arg, &ty), &location) in args.iter().zip(&signature.params).zip(&params.locations) {
            match (location, register_of(location)) {
                (Location::Stack(offset), _) => {
                    self.store(ty, Self::at(Base::Stack, offset as i32), arg)?;
                }
                (_, Some(register)) => arguments.push((self.value_alone(arg)?, register)),
                (_, None) => return Err(Reason::Malformed),
            }
        }
        Ok(Call {
            callee: Callee::Address,
            arguments,
            results: Vec::new(),
            stack_bytes: params.stack_bytes,
            is_async: signature.is_async,
        })
    }

    /// Adds the results of an instruction that come in registers to its call, and says which do not.
    fn with_results(
        &mut self,
        inst: Inst,
        mut call: Call,
        signature: &Signature,
    ) -> Lower<(Call, Vec<(Value, i32)>)> {
        self.frame.calls = true;
        let mut results = self.function.normal_results(inst);
        if signature.is_async {
            let (&continuation, visible) = results.split_first().ok_or(Reason::Malformed)?;
            let register = Self::Inst::REGISTERS.continuation();
            call.results.push((self.vreg_of(continuation), register));
            results = visible;
        }
        let locations = self.convention().results(&signature.results).locations;
        if results.len() != locations.len() {
            return Err(Reason::Malformed);
        }
        let mut on_stack = Vec::new();
        for (&result, &location) in results.iter().zip(&locations) {
            match (location, register_of(location)) {
                (Location::Stack(offset), _) => {
                    on_stack.push((result, call.stack_bytes as i32 + offset as i32));
                }
                (_, Some(register)) => call.results.push((self.vreg_of(result), register)),
                (_, None) => return Err(Reason::Malformed),
            }
        }
        Ok((call, on_stack))
    }

    fn load_results(&mut self, on_stack: &[(Value, i32)]) -> Lower<()> {
        for &(result, distance) in on_stack {
            let (value, ty) = (self.vreg_of(result), self.type_of(result));
            self.load_into(value, ty, Self::at(Base::Stack, distance))?;
        }
        Ok(())
    }

    /// Throws the exception that an instruction names.
    fn throw(&mut self, inst: Inst) -> Lower<()> {
        // The stub needs no more of the stack than any other function that is called.
        self.frame.calls = true;
        let exception = [self.operand(inst, 0)?, self.operand(inst, 1)?];
        let throw = match self.data(inst).opcode {
            Opcode::Rethrow => Throw::Again,
            _ => Throw::New,
        };
        self.leave(Code::Throw { exception, throw })
    }

    /// The address of the code of a function reference, after checking it.
    fn checked_callee(&mut self, callee: Value, signature: &Signature) -> Lower<VReg> {
        let expected = self.layout.signature(signature);
        let expected = Self::context_word(expected.ok_or(Reason::UnknownSignature)?);
        let cell = self.value(callee)?;
        let is_null = self.is_zero(cell, Type::FuncRef)?;
        self.trap_if(is_null, TrapCode::NullReference);
        let number = Self::at(Base::Value(cell), CELL_SIGNATURE as i32);
        let number = self.load(Type::I32, number)?;
        let is_other = self.differs(number, expected)?;
        self.trap_if(is_other, TrapCode::SignatureMismatch);
        self.load(Type::I64, Self::at(Base::Value(cell), CELL_CODE as i32))
    }

    /// A call in place of this function.
    fn tail_call(&mut self, inst: Inst) -> Lower<Step<Self::Inst>> {
        let function = self.function;
        let args = function.args(inst);
        let call = match (self.data(inst).opcode, self.data(inst).payload) {
            (Opcode::ReturnCall, Payload::Function(callee)) => self.tail_symbol(callee, args)?,
            (Opcode::ReturnCallIndirect, Payload::Signature(id)) => {
                let signature = &function.signatures[id];
                let (&callee, args) = args.split_first().ok_or(Reason::Malformed)?;
                let address = self.checked_callee(callee, signature)?;
                let mut call = self.prepare(signature, args)?;
                call.arguments
                    .push((address, Self::Inst::REGISTERS.tail_callee));
                call
            }
            _ => return Err(Reason::Malformed),
        };
        Ok(self.step(Code::TailCall(Box::new(call))))
    }

    fn tail_symbol(&mut self, callee: FuncId, args: &[Value]) -> Lower<Call> {
        let module = self.module;
        let mut call = self.prepare(module.functions[callee].signature(), args)?;
        self.lead_to(&mut call, callee, Self::Inst::REGISTERS.tail_callee)?;
        Ok(call)
    }

    /// Lets a call lead to a function of the module: to its code or, if that may be replaced, to what the
    /// function's cell says.
    fn lead_to(&mut self, call: &mut Call, callee: FuncId, register: PReg) -> Lower<()> {
        if !self.replaceable || self.module.functions[callee].body().is_none() {
            call.callee = Callee::Symbol(self.symbol(Symbol::Function(callee)));
            return Ok(());
        }
        let code = Self::context_word(self.layout.function(callee) + CELL_CODE);
        let address = self.load(Type::I64, code)?;
        call.arguments.push((address, register));
        Ok(())
    }
}

impl<'a, L: Backend<'a>> Calls<'a> for L {}
