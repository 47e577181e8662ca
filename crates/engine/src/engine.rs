//! An engine: settings that modules and instances share.

use crate::config::{Config, Execution};
use crate::error::Error;
use enjamb_abi::target::Target;
use enjamb_runtime::{CodeInUse, CodeMemory};
use std::sync::Arc;

/// Settings that modules and instances share. Copies are cheap and stand for the same engine.
#[derive(Clone, Debug)]
pub struct Engine {
    config: Arc<Config>,
}

impl Engine {
    /// An engine of these settings.
    ///
    /// # Errors
    /// [`Error::UnsupportedHost`] if it is to run machine code and cannot do so on this host.
    pub fn new(config: Config) -> Result<Engine, Error> {
        if config.execution == Execution::Jit {
            Target::host().map_err(|host| Error::UnsupportedHost(host.name))?;
        }
        Ok(Engine {
            config: Arc::new(config),
        })
    }

    /// An engine of the default settings, which runs machine code.
    ///
    /// # Errors
    /// As [`Engine::new`].
    pub fn jit() -> Result<Engine, Error> {
        Engine::new(Config::new())
    }

    /// An engine that interprets; it runs on every host.
    pub fn interpreter() -> Engine {
        let config = Config::new().execution(Execution::Interpreter);
        Engine {
            config: Arc::new(config),
        }
    }

    /// How much memory the machine code of the process takes, that of all engines. Code is there as long as
    /// a module or an instance of it is; calls, functions, memories and whatever else was got from an
    /// instance keep that.
    pub fn code_in_use() -> CodeInUse {
        CodeMemory::in_use()
    }

    /// Its settings.
    pub fn config(&self) -> &Config {
        &self.config
    }
}
