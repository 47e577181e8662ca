//! Fuel: what an instance is given of it, and the account that every engine keeps in the same way.
//!
//! The counter itself belongs to the engine, since `fuel_check` has to be fast: a signed number that
//! goes below zero where fuel was used that was not there.

/// The fuel that an instance is given. It counts in modules that run on fuel, and only there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FuelSupply {
    /// As much as it wants.
    #[default]
    Unlimited,
    /// This much, once. The host may give more.
    Budget(u64),
    /// This much at the start of every turn: of each call from the host, and whenever the executor lets
    /// a task go on. What was left or owed is forgotten.
    Slices(u64),
}

impl FuelSupply {
    /// What the counter of a new instance shows.
    pub fn at_first(self) -> i64 {
        match self {
            FuelSupply::Unlimited => i64::MAX,
            FuelSupply::Budget(amount) | FuelSupply::Slices(amount) => clamped(amount),
        }
    }
}

fn clamped(amount: u64) -> i64 {
    i64::try_from(amount).unwrap_or(i64::MAX)
}

/// How much fuel an instance was given, so that what it has used can be told from what is left.
///
/// ```
/// use enjamb_ir::{FuelAccount, FuelSupply};
///
/// let supply = FuelSupply::Slices(10);
/// let (mut account, mut left) = (FuelAccount::new(supply), supply.at_first());
/// left -= 12;
/// account.begin_turn(&mut left);
/// left -= 3;
/// assert_eq!((left, account.used(left)), (7, 15));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct FuelAccount {
    supply: FuelSupply,
    given: i64,
}

impl FuelAccount {
    /// The account of a new instance.
    pub fn new(supply: FuelSupply) -> Self {
        let given = supply.at_first();
        FuelAccount { supply, given }
    }

    /// Whether a turn begins with fuel of its own.
    pub fn has_slices(&self) -> bool {
        matches!(self.supply, FuelSupply::Slices(_))
    }

    /// Fills the counter at the start of a turn.
    pub fn begin_turn(&mut self, left: &mut i64) {
        if let FuelSupply::Slices(amount) = self.supply {
            self.set(left, clamped(amount));
        }
    }

    /// Sets the counter.
    pub fn set(&mut self, left: &mut i64, amount: i64) {
        self.given = self.given.wrapping_add(amount.wrapping_sub(*left));
        *left = amount;
    }

    /// How much has been used in all, where the counter shows what is left.
    pub fn used(&self, left: i64) -> u64 {
        self.given.wrapping_sub(left) as u64
    }
}
