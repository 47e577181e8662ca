//! Where modules and their instances have their memory from.

use crate::mapping::{Pages, SystemPages};
use enjamb_abi::memory::{Blocks, GlobalBlocks};
use std::sync::{Arc, LazyLock};

/// Where a module has the memory for its code from, and its instances that for what they hold.
#[derive(Clone, Debug)]
pub struct MemorySource {
    /// Continuations, context blocks, and the objects of Enjamb's own heap.
    pub blocks: Arc<dyn Blocks>,
    /// Code, and linear memories.
    pub pages: Arc<dyn Pages>,
}

/// The global allocator, and the operating system.
impl Default for MemorySource {
    fn default() -> Self {
        static PROCESS: LazyLock<MemorySource> = LazyLock::new(|| MemorySource {
            blocks: Arc::new(GlobalBlocks),
            pages: Arc::new(SystemPages),
        });
        PROCESS.clone()
    }
}

/// Sources are equal if they are one.
impl PartialEq for MemorySource {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.blocks, &other.blocks) && Arc::ptr_eq(&self.pages, &other.pages)
    }
}

impl Eq for MemorySource {}
