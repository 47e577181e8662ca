//! `enjamb check`.

use crate::args::Check;
use crate::input::Input;
use anyhow::Result;

/// Fails with every error of a program.
pub fn execute(check: &Check) -> Result<()> {
    let input = Input::read(&check.file)?;
    match enjamb::check_text(&input.text) {
        Ok(_) => Ok(()),
        Err(error) => Err(input.explain(&error)),
    }
}
