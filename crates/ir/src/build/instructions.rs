//! A method per instruction of the table.
//!
//! Methods are named as the mnemonics, but `ret` for `return` and `new_object` for `new`. Where the mnemonic carries its type
//! (`load.i64`), the type is the first argument; elsewhere it is that of the operands.

use super::FunctionBuilder;
use super::function::no_value;
use crate::entity::{
    Block, DataId, FieldId, FuncId, GlobalId, Inst, LayoutId, MemoryId, ObjectTypeId, PointId,
    RootId, SigId, StackSlot, TableId, Value,
};
use crate::opcode::{Opcode, TypeRule};
use crate::operand::{FloatCond, IntCond, Payload, Place, TrapCode};
use crate::shape::Shape;
use crate::suspension::FieldType;
use crate::types::Type;
use crate::typing;

/// The type of rows that mention none.
const NO_TYPE: Type = Type::I64;

macro_rules! payload {
    () => {
        Payload::None
    };
    ($payload:expr) => {
        $payload
    };
}

/// Methods with one result, whose type follows from the operands or the row.
macro_rules! value_methods {
    ($($name:ident = $opcode:ident
        $({$($extra:ident: $extra_type:ty),*} [$payload:expr])? ($($arg:ident),*);)*) => {$(
        #[doc = concat!("The instruction [`Opcode::", stringify!($opcode), "`].")]
        pub fn $name(&mut self, $($($extra: $extra_type,)*)? $($arg: Value),*) -> Value {
            let payload = payload!($($payload)?);
            self.one(Opcode::$opcode, None, payload, &[$($arg),*])
        }
    )*};
}

/// Methods with one result of a type that the caller names.
macro_rules! typed_methods {
    ($($name:ident = $opcode:ident
        $({$($extra:ident: $extra_type:ty),*} [$payload:expr])? ($($arg:ident),*);)*) => {$(
        #[doc = concat!("The instruction [`Opcode::", stringify!($opcode), "`].")]
        pub fn $name(&mut self, ty: Type, $($($extra: $extra_type,)*)? $($arg: Value),*) -> Value {
            let payload = payload!($($payload)?);
            self.one(Opcode::$opcode, Some(ty), payload, &[$($arg),*])
        }
    )*};
}

/// Methods without a result.
macro_rules! plain_methods {
    ($($name:ident = $opcode:ident
        $({$($extra:ident: $extra_type:ty),*} [$payload:expr])? ($($arg:ident),*);)*) => {$(
        #[doc = concat!("The instruction [`Opcode::", stringify!($opcode), "`].")]
        pub fn $name(&mut self, $($($extra: $extra_type,)*)? $($arg: Value),*) {
            let payload = payload!($($payload)?);
            self.none(Opcode::$opcode, None, payload, &[$($arg),*]);
        }
    )*};
}

/// Loads of a type that the caller names. The address is absent for a slot at a constant offset.
macro_rules! load_methods {
    ($($name:ident = $opcode:ident;)*) => {$(
        #[doc = concat!("The instruction [`Opcode::", stringify!($opcode), "`]. ")]
        /// Only an access to a slot at a constant offset has no address.
        pub fn $name(
            &mut self,
            ty: Type,
            place: Place,
            address: impl Into<Option<Value>>,
            offset: u32,
        ) -> Value {
            self.load_from(Opcode::$opcode, ty, place, address.into(), offset)
        }
    )*};
}

/// Stores. The address is absent for a slot at a constant offset.
macro_rules! store_methods {
    ($($name:ident = $opcode:ident;)*) => {$(
        #[doc = concat!("The instruction [`Opcode::", stringify!($opcode), "`]. ")]
        /// Only an access to a slot at a constant offset has no address.
        pub fn $name(
            &mut self,
            place: Place,
            address: impl Into<Option<Value>>,
            offset: u32,
            value: Value,
        ) {
            let payload = Payload::Access(place, offset);
            let ty = self.controlling_type(Opcode::$opcode, &[value, value]);
            match address.into() {
                Some(address) => self.none(Opcode::$opcode, Some(ty), payload, &[address, value]),
                None => self.none(Opcode::$opcode, Some(ty), payload, &[value]),
            }
        }
    )*};
}

impl FunctionBuilder<'_> {
    value_methods! {
        iadd = Iadd(left, right);
        isub = Isub(left, right);
        imul = Imul(left, right);
        umulhi = Umulhi(left, right);
        smulhi = Smulhi(left, right);
        udiv = Udiv(left, right);
        sdiv = Sdiv(left, right);
        urem = Urem(left, right);
        srem = Srem(left, right);
        ineg = Ineg(value);
        umin = Umin(left, right);
        umax = Umax(left, right);
        smin = Smin(left, right);
        smax = Smax(left, right);
        band = Band(left, right);
        bor = Bor(left, right);
        bxor = Bxor(left, right);
        bnot = Bnot(value);
        ishl = Ishl(value, amount);
        ushr = Ushr(value, amount);
        sshr = Sshr(value, amount);
        rotl = Rotl(value, amount);
        rotr = Rotr(value, amount);
        clz = Clz(value);
        ctz = Ctz(value);
        popcnt = Popcnt(value);
        icmp = Icmp {condition: IntCond} [Payload::IntCond(condition)] (left, right);
        fcmp = Fcmp {condition: FloatCond} [Payload::FloatCond(condition)] (left, right);
        same_ref = SameRef(left, right);
        is_null = IsNull(value);
        select = Select(condition, if_true, if_false);
        fadd = Fadd(left, right);
        fsub = Fsub(left, right);
        fmul = Fmul(left, right);
        fdiv = Fdiv(left, right);
        fsqrt = Fsqrt(value);
        fmin = Fmin(left, right);
        fmax = Fmax(left, right);
        fneg = Fneg(value);
        fabs = Fabs(value);
        fcopysign = Fcopysign(value, sign);
        ceil = Ceil(value);
        floor = Floor(value);
        ftrunc = Ftrunc(value);
        nearest = Nearest(value);
        fpromote = Fpromote(value);
        fdemote = Fdemote(value);
        splat = Splat {shape: Shape} [Payload::Shape(shape)] (value);
        extract_lane = ExtractLane {shape: Shape, lane: u8} [Payload::Lane(shape, lane)] (vector);
        insert_lane = InsertLane
            {shape: Shape, lane: u8} [Payload::Lane(shape, lane)] (vector, value);
        shuffle = Shuffle {bytes: [u8; 16]} [Payload::Shuffle(bytes)] (first, second);
        bitselect = Bitselect(mask, if_one, if_zero);
        any_true = AnyTrue(vector);
        all_true = AllTrue {shape: Shape} [Payload::Shape(shape)] (vector);
        lane_mask = LaneMask {shape: Shape} [Payload::Shape(shape)] (vector);
        viadd = Viadd {shape: Shape} [Payload::Shape(shape)] (left, right);
        visub = Visub {shape: Shape} [Payload::Shape(shape)] (left, right);
        vimul = Vimul {shape: Shape} [Payload::Shape(shape)] (left, right);
        vineg = Vineg {shape: Shape} [Payload::Shape(shape)] (vector);
        vumin = Vumin {shape: Shape} [Payload::Shape(shape)] (left, right);
        vumax = Vumax {shape: Shape} [Payload::Shape(shape)] (left, right);
        vsmin = Vsmin {shape: Shape} [Payload::Shape(shape)] (left, right);
        vsmax = Vsmax {shape: Shape} [Payload::Shape(shape)] (left, right);
        vishl = Vishl {shape: Shape} [Payload::Shape(shape)] (vector, amount);
        vushr = Vushr {shape: Shape} [Payload::Shape(shape)] (vector, amount);
        vsshr = Vsshr {shape: Shape} [Payload::Shape(shape)] (vector, amount);
        vicmp = Vicmp {shape: Shape, condition: IntCond}
            [Payload::LanesIntCond(shape, condition)] (left, right);
        vfadd = Vfadd {shape: Shape} [Payload::Shape(shape)] (left, right);
        vfsub = Vfsub {shape: Shape} [Payload::Shape(shape)] (left, right);
        vfmul = Vfmul {shape: Shape} [Payload::Shape(shape)] (left, right);
        vfdiv = Vfdiv {shape: Shape} [Payload::Shape(shape)] (left, right);
        vfsqrt = Vfsqrt {shape: Shape} [Payload::Shape(shape)] (vector);
        vfmin = Vfmin {shape: Shape} [Payload::Shape(shape)] (left, right);
        vfmax = Vfmax {shape: Shape} [Payload::Shape(shape)] (left, right);
        vfneg = Vfneg {shape: Shape} [Payload::Shape(shape)] (vector);
        vfabs = Vfabs {shape: Shape} [Payload::Shape(shape)] (vector);
        vfcmp = Vfcmp {shape: Shape, condition: FloatCond}
            [Payload::LanesFloatCond(shape, condition)] (left, right);
        func_addr = FuncAddr {function: FuncId} [Payload::Function(function)] ();
        memory_size = MemorySize {memory: MemoryId} [Payload::Memory(memory)] ();
        memory_grow = MemoryGrow {memory: MemoryId} [Payload::Memory(memory)] (pages);
        memory_base = MemoryBase {memory: MemoryId} [Payload::Memory(memory)] ();
        stack_addr = StackAddr {slot: StackSlot, offset: u32} [Payload::Slot(slot, offset)] ();
        addr_add = AddrAdd(address, amount);
        table_get = TableGet {table: TableId} [Payload::Table(table)] (index);
        table_size = TableSize {table: TableId} [Payload::Table(table)] ();
        new_object = New {ty: ObjectTypeId} [Payload::ObjectType(ty)] ();
        new_array = NewArray {ty: ObjectTypeId} [Payload::ObjectType(ty)] (length);
        array_length = ArrayLength {ty: ObjectTypeId} [Payload::ObjectType(ty)] (array);
        is_instance = IsInstance {ty: ObjectTypeId} [Payload::ObjectType(ty)] (object);
        root_get = RootGet {root: RootId} [Payload::Root(root)] ();
        is_done = IsDone(task);
        fuel_check = FuelCheck {amount: i64} [Payload::Integer(amount)] ();
        fuel_left = FuelLeft();
        context_get = ContextGet();
        is_suspended = IsSuspended(continuation);
        cont_state = ContState(continuation);
        own_continuation = OwnContinuation();
        has_layout = HasLayout {layout: LayoutId} [Payload::Layout(layout)] (continuation);
        new_continuation = NewContinuation {layout: LayoutId} [Payload::Layout(layout)] (callee);
    }

    typed_methods! {
        iconst = Iconst {constant: i64} [Payload::Integer(constant)] ();
        fconst_bits = Fconst {bits: u64} [Payload::Float(bits)] ();
        null = Null();
        sextend = Sextend(value);
        uextend = Uextend(value);
        ireduce = Ireduce(value);
        fcvt_from_sint = FcvtFromSint(value);
        fcvt_from_uint = FcvtFromUint(value);
        fcvt_to_sint = FcvtToSint(value);
        fcvt_to_uint = FcvtToUint(value);
        fcvt_to_sint_sat = FcvtToSintSat(value);
        fcvt_to_uint_sat = FcvtToUintSat(value);
        bitcast = Bitcast(value);
    }

    plain_methods! {
        memory_copy = MemoryCopy
            {to: MemoryId, from: MemoryId} [Payload::MemoryPair(to, from)] (target, source, length);
        memory_fill = MemoryFill {memory: MemoryId} [Payload::Memory(memory)] (target, byte, length);
        memory_init = MemoryInit {memory: MemoryId, data: DataId}
            [Payload::MemoryData(memory, data)] (target, source, length);
        global_set = GlobalSet {global: GlobalId} [Payload::Global(global)] (value);
        table_set = TableSet {table: TableId} [Payload::Table(table)] (index, function);
        set_field = SetField {ty: ObjectTypeId, field: FieldId}
            [Payload::ObjectField(ty, field)] (object, value);
        set_element = SetElement {ty: ObjectTypeId}
            [Payload::ObjectType(ty)] (array, index, value);
        array_copy = ArrayCopy {ty: ObjectTypeId}
            [Payload::ObjectType(ty)] (to, to_index, from, from_index, count);
        root_set = RootSet {root: RootId} [Payload::Root(root)] (reference);
        detach = Detach(task);
        cancel = Cancel(task);
        context_set = ContextSet(word);
        throw = Throw(tag, payload);
        rethrow = Rethrow(tag, payload);
        trap = Trap {code: TrapCode} [Payload::Trap(code)] ();
        unreachable = Unreachable();
        field_store = FieldStore {layout: LayoutId, field: FieldId}
            [Payload::Field(layout, field)] (continuation, value);
        field_save_slot = FieldSaveSlot {layout: LayoutId, field: FieldId, slot: StackSlot}
            [Payload::SlotField(layout, field, slot)] (continuation);
        field_restore_slot = FieldRestoreSlot {layout: LayoutId, field: FieldId, slot: StackSlot}
            [Payload::SlotField(layout, field, slot)] (continuation);
        set_point = SetPoint {point: PointId} [Payload::Point(point)] (continuation);
        link = Link(continuation, caller);
        suspend = Suspend(continuation);
    }

    load_methods! {
        load = Load;
        uload8 = Uload8;
        sload8 = Sload8;
        uload16 = Uload16;
        sload16 = Sload16;
    }

    store_methods! {
        store = Store;
        istore8 = Istore8;
        istore16 = Istore16;
        istore32 = Istore32;
    }

    /// The instruction [`Opcode::Uload32`].
    pub fn uload32(
        &mut self,
        place: Place,
        address: impl Into<Option<Value>>,
        offset: u32,
    ) -> Value {
        self.load_from(Opcode::Uload32, NO_TYPE, place, address.into(), offset)
    }

    /// The instruction [`Opcode::Sload32`].
    pub fn sload32(
        &mut self,
        place: Place,
        address: impl Into<Option<Value>>,
        offset: u32,
    ) -> Value {
        self.load_from(Opcode::Sload32, NO_TYPE, place, address.into(), offset)
    }

    /// The instruction [`Opcode::Fconst`] of type `f32`.
    pub fn f32const(&mut self, constant: f32) -> Value {
        self.fconst_bits(Type::F32, constant.to_bits().into())
    }

    /// The instruction [`Opcode::Fconst`] of type `f64`.
    pub fn f64const(&mut self, constant: f64) -> Value {
        self.fconst_bits(Type::F64, constant.to_bits())
    }

    /// The instruction [`Opcode::Vconst`].
    pub fn vconst(&mut self, bits: u128) -> Value {
        let payload = Payload::Vector(bits.to_le_bytes());
        self.one(Opcode::Vconst, None, payload, &[])
    }

    /// The instruction [`Opcode::GlobalGet`].
    pub fn global_get(&mut self, global: GlobalId) -> Value {
        let ty = self.module().globals.get(global).map(|decl| decl.ty);
        self.one(Opcode::GlobalGet, ty, Payload::Global(global), &[])
    }

    /// The instruction [`Opcode::GetField`].
    pub fn get_field(&mut self, ty: ObjectTypeId, field: FieldId, object: Value) -> Value {
        let decl = self.module().object_types.get(ty);
        let held = decl.and_then(|decl| decl.shape.field_type(field));
        let payload = Payload::ObjectField(ty, field);
        self.one(Opcode::GetField, held, payload, &[object])
    }

    /// The instruction [`Opcode::GetElement`].
    pub fn get_element(&mut self, ty: ObjectTypeId, array: Value, index: Value) -> Value {
        let decl = self.module().object_types.get(ty);
        let held = decl.and_then(|decl| decl.shape.element());
        let payload = Payload::ObjectType(ty);
        self.one(Opcode::GetElement, held, payload, &[array, index])
    }

    /// The instruction [`Opcode::FieldLoad`].
    pub fn field_load(&mut self, layout: LayoutId, field: FieldId, continuation: Value) -> Value {
        let decl = self.function().layouts.get(layout);
        let ty = match decl.and_then(|decl| decl.fields.get(field)) {
            Some(decl) => match decl.ty {
                FieldType::Value(ty) => Some(ty),
                FieldType::Bytes { .. } => None,
            },
            None => None,
        };
        let payload = Payload::Field(layout, field);
        self.one(Opcode::FieldLoad, ty, payload, &[continuation])
    }

    /// The instruction [`Opcode::ResultLoad`].
    pub fn result_load(&mut self, point: PointId, index: u32, continuation: Value) -> Value {
        let decl = self.function().points.get(point);
        let ty = decl.and_then(|decl| decl.results.get(index as usize).copied());
        let payload = Payload::PointResult(point, index);
        self.one(Opcode::ResultLoad, ty, payload, &[continuation])
    }

    /// The instruction [`Opcode::Call`]. In a lowered function, the first result of an async call is
    /// the hidden one.
    pub fn call(&mut self, function: FuncId, args: &[Value]) -> Vec<Value> {
        self.many(Opcode::Call, Payload::Function(function), args)
    }

    /// The instruction [`Opcode::CallIndirect`].
    pub fn call_indirect(&mut self, signature: SigId, callee: Value, args: &[Value]) -> Vec<Value> {
        let payload = Payload::Signature(signature);
        self.many(Opcode::CallIndirect, payload, &with_first(callee, args))
    }

    /// The instruction [`Opcode::Join`]; the signature names the results, and is that of a sync function
    /// without parameters.
    pub fn join(&mut self, signature: SigId, task: Value) -> Vec<Value> {
        self.many(Opcode::Join, Payload::Signature(signature), &[task])
    }

    /// The instruction [`Opcode::TaskTryResult`], with a signature as [`FunctionBuilder::join`] has it: whether
    /// the task has finished, and its results.
    pub fn task_try_result(&mut self, signature: SigId, task: Value) -> Vec<Value> {
        self.many(
            Opcode::TaskTryResult,
            Payload::Signature(signature),
            &[task],
        )
    }

    /// The instruction [`Opcode::TryCall`]. The first target gets the results and then the values
    /// that stand here, the second one tag and payload of the exception and then its values.
    pub fn try_call(
        &mut self,
        function: FuncId,
        args: &[Value],
        normal: (Block, &[Value]),
        unwind: (Block, &[Value]),
    ) {
        let payload = Payload::Function(function);
        let targets = [normal, unwind];
        self.inst(Opcode::TryCall, NO_TYPE, payload, args, &targets);
    }

    /// The instruction [`Opcode::TryCallIndirect`], with targets as
    /// [`FunctionBuilder::try_call`] has them.
    pub fn try_call_indirect(
        &mut self,
        signature: SigId,
        callee: Value,
        args: &[Value],
        normal: (Block, &[Value]),
        unwind: (Block, &[Value]),
    ) {
        let payload = Payload::Signature(signature);
        let args = with_first(callee, args);
        let targets = [normal, unwind];
        self.inst(Opcode::TryCallIndirect, NO_TYPE, payload, &args, &targets);
    }

    /// The instruction [`Opcode::TryJoin`], with targets as [`FunctionBuilder::try_call`] has them.
    pub fn try_join(
        &mut self,
        signature: SigId,
        task: Value,
        normal: (Block, &[Value]),
        unwind: (Block, &[Value]),
    ) {
        let payload = Payload::Signature(signature);
        let targets = [normal, unwind];
        self.inst(Opcode::TryJoin, NO_TYPE, payload, &[task], &targets);
    }

    /// The instruction [`Opcode::Spawn`].
    pub fn spawn(&mut self, function: FuncId, args: &[Value]) -> Value {
        self.one(Opcode::Spawn, None, Payload::Function(function), args)
    }

    /// The instruction [`Opcode::ReturnCall`].
    pub fn return_call(&mut self, function: FuncId, args: &[Value]) {
        self.none(Opcode::ReturnCall, None, Payload::Function(function), args);
    }

    /// The instruction [`Opcode::ReturnCallIndirect`].
    pub fn return_call_indirect(&mut self, signature: SigId, callee: Value, args: &[Value]) {
        let args = with_first(callee, args);
        let payload = Payload::Signature(signature);
        self.none(Opcode::ReturnCallIndirect, None, payload, &args);
    }

    /// The instruction [`Opcode::Jump`].
    pub fn jump(&mut self, block: Block, args: &[Value]) {
        self.branch(Opcode::Jump, &[], &[(block, args)]);
    }

    /// The instruction [`Opcode::Brif`].
    pub fn brif(
        &mut self,
        condition: Value,
        then_block: Block,
        then_args: &[Value],
        else_block: Block,
        else_args: &[Value],
    ) {
        let targets = [(then_block, then_args), (else_block, else_args)];
        self.branch(Opcode::Brif, &[condition], &targets);
    }

    /// The instruction [`Opcode::BrTable`].
    pub fn br_table(
        &mut self,
        index: Value,
        default: (Block, &[Value]),
        targets: &[(Block, &[Value])],
    ) {
        let mut all = vec![default];
        all.extend_from_slice(targets);
        self.branch(Opcode::BrTable, &[index], &all);
    }

    /// The instruction [`Opcode::Return`].
    pub fn ret(&mut self, results: &[Value]) {
        self.none(Opcode::Return, None, Payload::None, results);
    }

    /// `T` of a row: the type of the first operand that shows it.
    fn controlling_type(&self, opcode: Opcode, args: &[Value]) -> Type {
        let rules = opcode.info().operands.iter();
        let shown = rules.zip(args).find(|(rule, _)| **rule == TypeRule::T);
        shown
            .and_then(|(_, &arg)| self.value_type(arg))
            .unwrap_or(NO_TYPE)
    }

    fn add(
        &mut self,
        opcode: Opcode,
        ty: Option<Type>,
        payload: Payload,
        args: &[Value],
    ) -> Option<Inst> {
        let ty = ty.unwrap_or_else(|| self.controlling_type(opcode, args));
        self.inst(opcode, ty, payload, args, &[])
    }

    fn one(&mut self, opcode: Opcode, ty: Option<Type>, payload: Payload, args: &[Value]) -> Value {
        let inst = self.add(opcode, ty, payload, args);
        let result = inst.and_then(|inst| self.results(inst).first().copied());
        result.unwrap_or_else(no_value)
    }

    fn none(&mut self, opcode: Opcode, ty: Option<Type>, payload: Payload, args: &[Value]) {
        self.add(opcode, ty, payload, args);
    }

    fn many(&mut self, opcode: Opcode, payload: Payload, args: &[Value]) -> Vec<Value> {
        if let Some(inst) = self.add(opcode, None, payload, args) {
            return self.results(inst).to_vec();
        }
        // As many as without the error, so that the caller can take them apart.
        let types = typing::result_types(self.module(), self.function(), opcode, NO_TYPE, payload);
        types.into_iter().flatten().map(|_| no_value()).collect()
    }

    fn load_from(
        &mut self,
        opcode: Opcode,
        ty: Type,
        place: Place,
        address: Option<Value>,
        offset: u32,
    ) -> Value {
        let payload = Payload::Access(place, offset);
        self.one(opcode, Some(ty), payload, address.as_slice())
    }

    fn branch(&mut self, opcode: Opcode, args: &[Value], targets: &[(Block, &[Value])]) {
        self.inst(opcode, NO_TYPE, Payload::None, args, targets);
    }
}

fn with_first(first: Value, rest: &[Value]) -> Vec<Value> {
    let mut all = vec![first];
    all.extend_from_slice(rest);
    all
}
