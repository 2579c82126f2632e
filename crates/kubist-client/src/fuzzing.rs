//! Input from files, plugins and networks, fed to what reads it.
//!
//! Each function takes any bytes, and must neither panic nor take more time or memory than they are
//! worth; what it can say about the result, it asserts. `fuzz/` has a target for each; the test here
//! runs them over its corpus and over what small accidents make of it.

use http::{Response, header::RETRY_AFTER};
use k8s_openapi::api::core::v1::Pod;
use kubist_core::{ObjectList, quantity::Quantity};
use kubist_wire::{json, list::ListDecoder, watch::Decoder};

use crate::{
    client::{auth, retry},
    config::{Config, ExecConfig, Kubeconfig},
};

/// A kubeconfig, which is merged with itself and written again.
pub fn kubeconfig(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let Ok(kubeconfig) = Kubeconfig::from_yaml(&text) else {
        return;
    };
    let _ = kubeconfig.clone().merge(kubeconfig.clone());
    let _ = Config::try_from(kubeconfig);
}

/// What an exec plugin writes.
pub fn exec_output(data: &[u8]) {
    let _ = auth::exec_output(&ExecConfig::default(), data);
}

/// A watch, which comes as one piece and in pieces; both have the same events.
pub fn watch_stream(data: &[u8]) {
    let count = |size: usize| {
        let mut decoder = Decoder::<Pod>::new();
        let (mut events, mut errors) = (0, 0);
        for chunk in data.chunks(size) {
            decoder.push(chunk.to_vec().into());
            loop {
                match decoder.next_event() {
                    Ok(Some(_)) => events += 1,
                    Ok(None) => break,
                    Err(_) => errors += 1,
                }
            }
        }
        match decoder.finish() {
            Ok(last) => events += usize::from(last.is_some()),
            Err(_) => errors += 1,
        }
        (events, errors)
    };
    assert_eq!(count(data.len().max(1)), count(7));
}

/// A list, which comes as one piece and in pieces; both are what the whole document is.
pub fn list_stream(data: &[u8]) {
    let decode = |size: usize| {
        let mut decoder = ListDecoder::<Pod>::new();
        for chunk in data.chunks(size) {
            decoder.push(chunk)?;
        }
        decoder.finish()
    };
    let whole = json::from_slice::<ObjectList<Pod>>(data).ok();
    for list in [decode(data.len().max(1)), decode(5)] {
        let items = |list: ObjectList<Pod>| list.items;
        assert_eq!(list.ok().map(items), whole.clone().map(items));
    }
}

/// A header `Retry-After`.
pub fn retry_after(data: &[u8]) {
    if let Ok(response) = Response::builder().header(RETRY_AFTER, data).body(()) {
        retry::would_wait(&response);
    }
}

/// A quantity, which is the same when it was written and read again.
pub fn quantity(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    if let Ok(quantity) = text.parse::<Quantity>() {
        let printed = quantity.to_string();
        assert_eq!(printed.parse(), Ok(quantity), "{printed}");
        assert_eq!(quantity + -quantity, Quantity::default());
        let _ = quantity + quantity;
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::*;

    /// How many accidents happen to each file.
    const ACCIDENTS: usize = 400;

    fn run(name: &str, target: fn(&[u8])) {
        let corpus = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../../fuzz/corpus")
            .join(name);
        let mut random = fastrand::Rng::with_seed(1);
        let mut files = 0;
        for file in fs::read_dir(corpus).expect("a corpus") {
            let content = fs::read(file.expect("a file").path()).expect("a file");
            target(&content);
            for _ in 0..ACCIDENTS {
                target(&accident(content.clone(), &mut random));
            }
            files += 1;
        }
        assert!(files > 1, "{name} has no corpus");
    }

    /// Bytes that change, vanish, come twice, or are the last to arrive.
    fn accident(mut content: Vec<u8>, random: &mut fastrand::Rng) -> Vec<u8> {
        for _ in 0..random.usize(1..5) {
            let at = random.usize(..=content.len());
            match random.u8(..6) {
                0 => content.truncate(at),
                1 => content.insert(at, random.u8(..)),
                2 => content.insert(at, *random.choice(b"\"{}[]:,\\\n \xff0").expect("some")),
                3 if at < content.len() => drop(content.remove(at)),
                4 if at < content.len() => content[at] = random.u8(..),
                _ => content.extend_from_within(at..),
            }
            content.truncate(64 * 1024);
        }
        content
    }

    #[test]
    fn any_kubeconfig() {
        run("kubeconfig", kubeconfig);
    }

    #[test]
    fn any_exec_output() {
        run("exec_output", exec_output);
    }

    #[test]
    fn any_watch() {
        run("watch_stream", watch_stream);
    }

    #[test]
    fn any_list() {
        run("list_stream", list_stream);
    }

    #[test]
    fn any_retry_after() {
        run("retry_after", retry_after);
    }

    #[test]
    fn any_quantity() {
        run("quantity", quantity);
    }
}
