//! The code of an instance: that of its module, and that of others from which functions were replaced.
//!
//! A *version* is a loaded module of the same declarations. Function cells say which version new calls of a
//! function run. Whatever was called before stays in the version it is in: return addresses, suspension
//! points and handlers lie there, and are looked up by address. The first version is that of the instance's
//! own module. It stays, since entries into compiled code, the dispatcher and the ends of chains are its.
//!
//! Code is replaced, and versions go, only while no compiled code of the instance is on any stack. Then what
//! needs a version are cells, the chains of tasks, and traces that nobody has read. All of these are looked
//! through whenever a function is replaced, which frees all versions but those that something needs; when
//! the last task ends, only those of cells are left.

use crate::error::Error;
use crate::failure::{Failure, Frame};
use crate::loaded::LoadedModule;
use crate::state::State;
use crate::task::State as TaskState;
use enjamb_abi::context::InstanceLayout;
use enjamb_abi::continuation::PointRecord;
use enjamb_codegen::CompiledModule;
use enjamb_ir::hash::FxHashSet;
use enjamb_ir::{Entity, FuncId, Type, check_replacement};
use std::sync::Arc;

/// The versions of an instance.
#[derive(Clone, Debug)]
pub(crate) struct Versions {
    /// By rising address.
    modules: Vec<Arc<LoadedModule>>,
    /// What has been compiled with the layout of the most signatures.
    latest: Arc<CompiledModule>,
    /// Whether one of them is there for a chain or a trace only.
    pub(crate) has_old: bool,
}

impl Versions {
    pub(crate) fn new(first: &Arc<LoadedModule>) -> Versions {
        Versions {
            modules: vec![Arc::clone(first)],
            latest: Arc::clone(first.compiled()),
            has_old: false,
        }
    }

    /// Where everything is in the context block, with all signatures that code of the instance names.
    pub(crate) fn layout(&self) -> &InstanceLayout {
        &self.latest.layout
    }

    /// The results of a signature, by its number in the layout.
    pub(crate) fn results_of(&self, signature: usize) -> &[Type] {
        let signature = self.layout().signature_of_index(signature);
        signature.map_or(&[], |signature| &signature.results)
    }

    /// The version that an address lies in, and its offset there.
    pub(crate) fn find(&self, address: u64) -> Option<(&LoadedModule, u32)> {
        let after = match &self.modules[..] {
            [_] => 1,
            modules => modules.partition_point(|module| module.code().address(0) <= address),
        };
        let module = &self.modules[after.checked_sub(1)?];
        Some((module, module.code().offset(address)?))
    }

    /// The version of a suspension point.
    pub(crate) fn of_record(&self, record: *const PointRecord) -> &LoadedModule {
        match &self.modules[..] {
            [only] => only,
            modules => match self.find(record as u64) {
                Some((module, _)) => module,
                None => &modules[0],
            },
        }
    }

    /// The version of a frame.
    pub(crate) fn of_frame(&self, frame: Frame) -> Option<&LoadedModule> {
        let address = match frame {
            Frame::Code(address) => address - 1,
            Frame::Point(record) => record,
        };
        Some(self.find(address)?.0)
    }

    fn insert(&mut self, module: &Arc<LoadedModule>) {
        let base = |module: &LoadedModule| module.code().address(0);
        let place = (self.modules).binary_search_by_key(&base(module), |other| base(other));
        if let Err(place) = place {
            self.modules.insert(place, Arc::clone(module));
        }
    }
}

impl State {
    /// Lets new calls of a function run the code of another module.
    pub(crate) fn replace(
        &mut self,
        function: FuncId,
        new: &Arc<LoadedModule>,
    ) -> Result<(), Error> {
        let fail = |reason: &str| Err(Error::Load(reason.to_string()));
        let (old, code) = (self.loaded.compiled(), new.compiled());
        if !old.options.replaceable || old.options != code.options {
            return fail("the code was not made to be replaced, or with other options");
        }
        check_replacement(&old.source, &code.source).map_err(Error::Load)?;
        self.check_function(function)?;
        if old.source.functions[function].body().is_none() {
            return fail("an imported function cannot be replaced");
        }
        let layout = self.versions.layout();
        let extends = code.layout.extends(layout);
        if !extends && !layout.fits(&code.layout) {
            return fail("the code was made for another layout of the context block");
        }
        let versions = Arc::make_mut(&mut self.versions);
        versions.insert(new);
        if extends {
            versions.latest = Arc::clone(code);
        }
        let address = new.functions[function.index()].code;
        self.context.set_code(&old.layout, function, address);
        self.free_versions();
        Ok(())
    }

    /// Frees the versions that nothing needs, unless compiled code is running.
    pub(crate) fn free_versions(&mut self) {
        if !self.activations.is_empty() {
            return;
        }
        // Free continuations of the largest class have the record where they were suspended last.
        self.continuations.drain(self.context.free_lists());
        let (needed, has_old) = self.needed_versions();
        let versions = Arc::make_mut(&mut self.versions);
        versions.has_old = has_old;
        let before = versions.modules.len();
        versions
            .modules
            .retain(|module| needed.contains(&module.code().address(0)));
        tracing::debug!(
            freed = before - versions.modules.len(),
            left = versions.modules.len(),
            "versions of code"
        );
    }

    /// Where the versions begin that something needs, and whether that is more than cells for one of them.
    fn needed_versions(&mut self) -> (FxHashSet<u64>, bool) {
        let mut needed = Needed {
            versions: &self.versions,
            bases: FxHashSet::default(),
        };
        needed.add(self.loaded.code().address(0));
        let layout = &self.loaded.compiled().layout;
        for function in self.loaded.module().functions.keys() {
            needed.add(self.context.code(layout, function));
        }
        let of_cells = needed.bases.len();
        for index in self.tasks.indices() {
            let task = &self.tasks[index];
            if !matches!(task.state, TaskState::Suspended | TaskState::Failing) {
                continue;
            }
            let mut next = task.head;
            while next != task.root && !next.is_null() {
                // SAFETY: chains of suspended tasks are linked up to their root, and what is suspended
                // has the record of a point.
                let header = unsafe { &*next };
                needed.add(header.info as u64);
                next = header.next;
            }
        }
        let kept = self.tasks.failures();
        kept.chain(self.failure.as_deref())
            .for_each(|failure| needed.add_failure(failure));
        let has_old = needed.bases.len() > of_cells;
        (needed.bases, has_old)
    }
}

/// Collects versions.
struct Needed<'a> {
    versions: &'a Versions,
    bases: FxHashSet<u64>,
}

impl Needed<'_> {
    fn add(&mut self, address: u64) {
        if let Some((module, _)) = self.versions.find(address) {
            self.bases.insert(module.code().address(0));
        }
    }

    fn add_failure(&mut self, failure: &Failure) {
        for &frame in failure.trace.frames() {
            if let Some(module) = self.versions.of_frame(frame) {
                self.bases.insert(module.code().address(0));
            }
        }
    }
}
