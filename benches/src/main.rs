//! kubist beside kube 4.2: the same work, against the same server, in turns.
//!
//! `cargo run --release` (with `-- gets` or `-- lists`, only of those) prints a table of medians and of their ratios. The machine is shared with the
//! server, and other things may run on it: trust the ratios, not the figures.

mod client;
mod list;
mod pods;
mod rounds;
mod server;

use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<std::alloc::System> = &INSTRUMENTED_SYSTEM;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if let [_, serve, protocol, pods] = &arguments[..]
        && serve == "serve"
    {
        server::serve(protocol, pods);
        return;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        println!("| what | kube 4.2 | kubist | ratio |\n|---|---|---|---|");
        let wants = |section| arguments.len() < 2 || arguments[1..].iter().any(|wanted| wanted == section);
        if wants("gets") {
            client::compare().await;
        }
        if wants("lists") {
            list::compare().await;
        }
    });
}
