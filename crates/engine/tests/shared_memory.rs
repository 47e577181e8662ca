//! Memories that several instances use, each on a thread of its own.

use enjamb_engine::{Config, Engine, Error, Execution, Imports, Instance, Module, SharedMemory};
use std::thread;

const PAGE: u64 = 65_536;
const PROGRAM: &str = r#"
    memory %heap 1..40
    function %count(i64, i64) {
    block0(v0: i64, v1: i64):
        jump block1(v1)
    block1(v2: i64):
        v3 = load.i64 %heap[v0]
        v4 = iconst.i64 1
        v5 = iadd v3, v4
        store %heap[v0], v5
        v6 = isub v2, v4
        brif v6, block1(v6), block2
    block2:
        return
    }
    function %get(i64) -> i64 {
    block0(v0: i64):
        v1 = load.i64 %heap[v0]
        return v1
    }
    function %grow(i64) -> i64 {
    block0(v0: i64):
        v1 = memory_grow %heap, v0
        return v1
    }
"#;

fn module(execution: Execution) -> Module {
    let engine = Engine::new(Config::new().execution(execution)).unwrap();
    Module::from_text(&engine, PROGRAM).unwrap()
}

fn sharing(memory: &SharedMemory) -> Imports {
    let mut imports = Imports::new();
    imports.memory("heap", memory);
    imports
}

#[test]
fn instances_on_several_threads_share_a_memory_and_grow_it() {
    const THREADS: u64 = 4;
    const COUNT: i64 = 100_000;
    let memory = SharedMemory::new(1, 40).unwrap();
    let (module, imports) = (module(Execution::Jit), sharing(&memory));
    let run = |number: u64| {
        let instance = Instance::new(&module, &imports).unwrap();
        thread::spawn(move || {
            let count = instance.func::<(i64, i64), ()>("count").unwrap();
            let grow = instance.func::<(i64,), i64>("grow").unwrap();
            let own = number as i64 * 64;
            count.call((own, COUNT)).unwrap();
            let mut pages = Vec::new();
            for _ in 0..8 {
                let before = grow.call((1,)).unwrap();
                // A page that nobody else has.
                count.call((before * PAGE as i64 + own, 3)).unwrap();
                pages.push(before);
            }
            count.call((own, COUNT)).unwrap();
            (instance, pages)
        })
    };
    let threads: Vec<_> = (0..THREADS).map(run).collect();
    let ended: Vec<_> = threads
        .into_iter()
        .map(|thread| thread.join().unwrap())
        .collect();
    assert_eq!(memory.size(), (1 + 8 * THREADS) * PAGE);
    let mut pages: Vec<i64> = ended.iter().flat_map(|(_, pages)| pages.clone()).collect();
    pages.sort_unstable();
    assert_eq!(
        pages,
        (1..=32).collect::<Vec<i64>>(),
        "each page was had once"
    );
    for (instance, _) in &ended {
        let get = instance.func::<(i64,), i64>("get").unwrap();
        let grow = instance.func::<(i64,), i64>("grow").unwrap();
        assert_eq!(grow.call((0,)).unwrap(), 33);
        for (number, (_, pages)) in (0..).zip(&ended) {
            assert_eq!(get.call((number * 64,)).unwrap(), 2 * COUNT);
            for page in pages {
                assert_eq!(get.call((page * PAGE as i64 + number * 64,)).unwrap(), 3);
            }
        }
    }
    let mut word = [0; 8];
    memory.read(64, &mut word).unwrap();
    assert_eq!(i64::from_le_bytes(word), 2 * COUNT);
    drop(ended);
    memory.read(64, &mut word).unwrap();
    assert_eq!(
        i64::from_le_bytes(word),
        2 * COUNT,
        "it outlives its instances"
    );
}

#[test]
fn an_instance_sees_that_others_have_grown_it_when_it_grows_it() {
    let memory = SharedMemory::new(1, 3).unwrap();
    let (module, imports) = (module(Execution::Jit), sharing(&memory));
    let [one, two] = [(); 2].map(|()| Instance::new(&module, &imports).unwrap());
    let grow = |instance: &Instance, pages: i64| {
        instance
            .func::<(i64,), i64>("grow")
            .unwrap()
            .call((pages,))
            .unwrap()
    };
    let get = |instance: &Instance, at: u64| {
        instance
            .func::<(i64,), i64>("get")
            .unwrap()
            .call((at as i64,))
    };
    assert_eq!(grow(&one, 1), 1);
    memory.write(PAGE, &7_i64.to_le_bytes()).unwrap();
    assert_eq!(get(&one, PAGE).unwrap(), 7);
    assert!(matches!(get(&two, PAGE), Err(Error::Trap(_))));
    assert_eq!(two.memory("heap").unwrap().size().unwrap(), PAGE);
    assert_eq!(grow(&two, 0), 2);
    assert_eq!(get(&two, PAGE).unwrap(), 7);
    assert_eq!(memory.grow(1).unwrap(), 2);
    assert_eq!(grow(&two, 1), -1);
    assert!(memory.grow(1).is_err());
    assert!(memory.write(3 * PAGE - 4, &[0; 8]).is_err());
    two.memory("heap").unwrap().write(8, &[5]).unwrap();
    assert_eq!(get(&one, 8).unwrap(), 5);
}

#[test]
fn a_memory_that_does_not_fit_is_an_error() {
    for (least, most) in [(0, 40), (1, 41)] {
        let imports = sharing(&SharedMemory::new(least, most).unwrap());
        let error = Instance::new(&module(Execution::Jit), &imports).err();
        assert!(matches!(error, Some(Error::Instantiate(_))), "{error:?}");
    }
    assert!(SharedMemory::new(2, 1).is_err());
    let shared = SharedMemory::new(1, 1).unwrap();
    let error = Instance::new(&module(Execution::Interpreter), &sharing(&shared)).err();
    assert!(matches!(error, Some(Error::Instantiate(_))), "{error:?}");
    // One that the module does not declare is nobody's.
    let mut others = Imports::new();
    others.memory("other", &shared);
    Instance::new(&module(Execution::Interpreter), &others).unwrap();
}
