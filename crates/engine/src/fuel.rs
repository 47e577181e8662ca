//! Modules that run on fuel: the engine's settings become a declaration of the module, and the checks are
//! put into its functions before any engine sees them.

use crate::config::Fuel;
use crate::error::Error;
use crate::imports::BUILTINS;
use enjamb_codegen::{Selection, run_passes};
use enjamb_ir::{FuelPolicy, FuelSupply, FuncId, FunctionKind, Module, Signature};

/// The leaf that suspends a task until its next turn.
pub(crate) const LEAF: &str = "out_of_fuel";

impl Fuel {
    /// What an instance is given.
    pub(crate) fn supply(self) -> FuelSupply {
        match self {
            Fuel::Off => FuelSupply::Unlimited,
            Fuel::Trap { budget } => FuelSupply::Budget(budget),
            Fuel::Suspend { slice, .. } => FuelSupply::Slices(slice),
        }
    }
}

/// Lets a verified module run on fuel, if the settings or the module itself want that.
pub(crate) fn prepare(module: &mut Module, fuel: Fuel) -> Result<(), Error> {
    match fuel {
        Fuel::Off => {}
        Fuel::Trap { .. } => module.fuel = Some(FuelPolicy::Trap),
        Fuel::Suspend { debt, .. } => {
            let pause = leaf(module)?;
            module.fuel = Some(FuelPolicy::Suspend { pause, debt });
        }
    }
    if module.fuel.is_none() {
        return Ok(());
    }
    let alone = Selection {
        only: Some("fuel".to_string()),
        ..Selection::default()
    };
    let passed = run_passes(module, &alone, cfg!(debug_assertions));
    passed.map_err(|error| Error::Compile(error.to_string()))
}

/// The import of the leaf, or a new one under a name that is free.
fn leaf(module: &mut Module) -> Result<FuncId, Error> {
    let wanted = Signature::asynchronous(&[], &[]);
    let is_leaf = |kind: &FunctionKind| match kind {
        FunctionKind::Import {
            namespace,
            name,
            signature,
        } => namespace == BUILTINS && name == LEAF && *signature == wanted,
        FunctionKind::Body(_) => false,
    };
    if let Some((id, _)) = module
        .functions
        .iter()
        .find(|(_, decl)| is_leaf(&decl.kind))
    {
        return Ok(id);
    }
    let mut name = LEAF.to_string();
    while module.named(&name).is_some() {
        name.push('_');
    }
    let declared = module.declare_import(&name, BUILTINS, LEAF, wanted);
    declared.map_err(|error| Error::Compile(error.to_string()))
}
