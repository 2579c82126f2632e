//! Two contestants, in turns.

use std::future::Future;

/// How often each contestant has its turn.
const ROUNDS: usize = 7;

/// The figures of both, each the median of its turns.
pub async fn alternate<A, B>(mut kube: impl FnMut() -> A, mut kubist: impl FnMut() -> B) -> (f64, f64)
where
    A: Future<Output = f64>,
    B: Future<Output = f64>,
{
    let (mut theirs, mut ours) = (Vec::new(), Vec::new());
    // The first turn of each warms up.
    kube().await;
    kubist().await;
    for _ in 0..ROUNDS {
        theirs.push(kube().await);
        ours.push(kubist().await);
    }
    (median(theirs), median(ours))
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

/// Prints a line of the table; the ratio says how often ours is better.
pub fn line(what: &str, unit: &str, (kube, kubist): (f64, f64), more_is_better: bool) {
    let ratio = if more_is_better {
        kubist / kube
    } else {
        kube / kubist
    };
    println!("| {what} | {kube:.1} {unit} | {kubist:.1} {unit} | {ratio:.2} |");
}
