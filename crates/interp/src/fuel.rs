//! Fuel: the counter of an instance and the instructions on it.

use crate::control::wrong_payload;
use crate::error::Stop;
use crate::machine::{Flow, Machine};
use crate::stack::{Site, Stack};
use enjamb_ir::{FuelAccount, FuelSupply, Payload};

type Outcome = Result<Flow, Stop>;

/// What an instance has left, and what it was given.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fuel {
    account: FuelAccount,
    left: i64,
}

impl Fuel {
    pub(crate) fn new(supply: FuelSupply) -> Self {
        let (account, left) = (FuelAccount::new(supply), supply.at_first());
        Fuel { account, left }
    }

    pub(crate) fn begin_turn(&mut self) {
        self.account.begin_turn(&mut self.left);
    }

    pub(crate) fn left(&self) -> i64 {
        self.left
    }

    pub(crate) fn set(&mut self, amount: i64) {
        self.account.set(&mut self.left, amount);
    }

    pub(crate) fn used(&self) -> u64 {
        self.account.used(self.left)
    }
}

pub(crate) fn check<'a>(
    machine: &mut Machine<'a>,
    stack: &mut Stack<'a>,
    site: &Site<'a>,
) -> Outcome {
    let Payload::Integer(amount) = site.data.payload else {
        return Err(wrong_payload(site));
    };
    let fuel = &mut machine.fuel;
    fuel.left = fuel.left.wrapping_sub(amount);
    site.define(stack, u64::from(fuel.left < 0));
    Ok(Flow::Next)
}

pub(crate) fn left<'a>(
    machine: &mut Machine<'a>,
    stack: &mut Stack<'a>,
    site: &Site<'a>,
) -> Outcome {
    site.define(stack, machine.fuel.left as u64);
    Ok(Flow::Next)
}
