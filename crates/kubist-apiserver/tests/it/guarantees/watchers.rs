//! Those who watch while others write.

use proptest::prelude::*;
use serde_json::{Value, json};
use tokio::sync::watch;

use super::model::{Model, NAMESPACES, Told, View, same, version};
use super::writers::is_last;
use crate::client::{Events, Http};

/// How a watch begins.
#[derive(Clone, Copy, Debug)]
enum Begin {
    /// At the revision of a list.
    List,
    /// With the state, up to a bookmark.
    Stream,
}

#[derive(Clone, Debug)]
pub(super) struct Watcher {
    view: View,
    begin: Begin,
    /// After what part of the writers' steps it begins, in hundredths.
    after: usize,
    /// After how many events the connection is cut, each time.
    cuts: Vec<usize>,
}

pub(super) fn view() -> impl Strategy<Value = View> {
    let mut namespaces: Vec<_> = NAMESPACES.into_iter().map(Some).collect();
    namespaces.extend([None, None]);
    let namespace = prop::sample::select(namespaces);
    (namespace, any::<bool>(), any::<bool>()).prop_map(|(namespace, marked, typed)| View {
        namespace,
        marked,
        typed,
    })
}

pub(super) fn watcher() -> impl Strategy<Value = Watcher> {
    let begin = prop::sample::select(vec![Begin::List, Begin::Stream]);
    let cuts = prop::collection::vec(0..6_usize, 0..5);
    (view(), begin, 0..90_usize, cuts).prop_map(|(view, begin, after, cuts)| Watcher {
        view,
        begin,
        after,
        cuts,
    })
}

/// What a watcher knows from one beginning to the next.
#[derive(Debug)]
pub(super) struct Epoch {
    from: u64,
    state: Vec<Value>,
    events: Vec<Told>,
    /// Up to which revision it was told everything.
    upto: u64,
    over: bool,
}

/// How a connection ended.
#[derive(Debug, PartialEq, Eq)]
enum End {
    /// There is nothing to come.
    Last,
    Cut,
    /// The server forgot what comes next.
    Gone,
}

impl Watcher {
    /// Watches from its time on until nothing is to come.
    pub(super) async fn run(
        self,
        http: &Http,
        mut progress: watch::Receiver<usize>,
        steps: usize,
    ) -> Vec<Epoch> {
        let begin = steps * self.after / 100;
        progress
            .wait_for(|made| *made >= begin)
            .await
            .expect("somebody writes");
        let mut cuts = self.cuts.iter();
        let mut epochs = Vec::new();
        loop {
            let (mut epoch, mut open) = self.begin(http).await;
            let end = loop {
                let mut events = match open.take() {
                    Some(events) => events,
                    None => http.watch(&self.path(epoch.upto)).await,
                };
                match epoch.follow(&mut events, self.view, cuts.next().copied()).await {
                    End::Cut => {}
                    end => break end,
                }
            };
            epochs.push(epoch);
            if end == End::Last {
                return epochs;
            }
        }
    }

    fn path(&self, version: u64) -> String {
        let (path, query) = (self.view.path(), self.view.query());
        format!("{path}?watch=1&allowWatchBookmarks=true&resourceVersion={version}{query}")
    }

    /// The state, and perhaps a watch that goes on from there.
    async fn begin(&self, http: &Http) -> (Epoch, Option<Events>) {
        let (path, query) = (self.view.path(), self.view.query());
        match self.begin {
            Begin::List => {
                let (status, mut list) = http.get(&format!("{path}?{query}")).await;
                assert_eq!(status, 200, "{list}");
                let from = version(&list);
                let mut state = Vec::new();
                for item in list["items"].as_array_mut().expect("items") {
                    state.push(whole(item.take()));
                }
                (Epoch::new(self.view, from, state), None)
            }
            Begin::Stream => {
                let stream = "watch=1&allowWatchBookmarks=true&sendInitialEvents=true";
                let path = format!("{path}?{stream}&resourceVersionMatch=NotOlderThan{query}");
                let mut events = http.watch(&path).await;
                let mut state = Vec::new();
                loop {
                    let event = events.next().await.expect("an event");
                    let object = &event["object"];
                    if event["type"] == "BOOKMARK" {
                        let end = &object["metadata"]["annotations"]["k8s.io/initial-events-end"];
                        assert_eq!(end, "true");
                        break (Epoch::new(self.view, version(object), state), Some(events));
                    }
                    assert_eq!(event["type"], "ADDED", "{event}");
                    state.push(object.clone());
                }
            }
        }
    }

    /// Compares what it was told with what happened.
    pub(super) fn check(&self, epochs: &[Epoch], model: &Model) {
        for epoch in epochs {
            assert_eq!(epoch.state, model.list(self.view, epoch.from), "{self:?}");
            let expected = model.events(self.view, epoch.from, epoch.upto);
            same(
                &epoch.events,
                &expected,
                &format!("{self:?} from {} to {}", epoch.from, epoch.upto),
            );
        }
    }
}

impl Epoch {
    fn new(view: View, from: u64, state: Vec<Value>) -> Epoch {
        let over = state.iter().any(|object| is_last(object, view.namespace));
        Epoch {
            from,
            state,
            events: Vec::new(),
            upto: from,
            over,
        }
    }

    /// Notes what is told until the connection is cut.
    async fn follow(&mut self, events: &mut Events, view: View, cut: Option<usize>) -> End {
        let mut count = 0;
        while !self.over {
            if cut.is_some_and(|cut| count >= cut) {
                return End::Cut;
            }
            let Some(mut event) = events.next().await else {
                return End::Cut;
            };
            count += 1;
            let object = event["object"].take();
            match event["type"].as_str() {
                Some("ERROR") => {
                    assert_eq!(object["code"], json!(410), "{object}");
                    return End::Gone;
                }
                Some("BOOKMARK") => self.upto = self.upto.max(version(&object)),
                Some(kind @ ("ADDED" | "MODIFIED" | "DELETED")) => {
                    let version = version(&object);
                    assert!(version > self.upto, "{version} after {}", self.upto);
                    self.upto = version;
                    self.over = is_last(&object, view.namespace);
                    self.events.push((kind.to_owned(), object));
                }
                other => panic!("{other:?}"),
            }
        }
        End::Last
    }
}

/// What a watch from a revision tells when all writers are done; nothing if the revision is forgotten.
pub(super) async fn resumed(http: &Http, view: View, from: u64) -> Option<(Vec<Told>, u64)> {
    let watcher = Watcher {
        view,
        begin: Begin::List,
        after: 0,
        cuts: Vec::new(),
    };
    let mut epoch = Epoch::new(view, from, Vec::new());
    let mut events = http.watch(&watcher.path(from)).await;
    match epoch.follow(&mut events, view, None).await {
        End::Last => Some((epoch.events, epoch.upto)),
        End::Gone => None,
        End::Cut => panic!("the watch from {from} ended early"),
    }
}

/// An item of a list as it is on its own.
pub(super) fn whole(mut item: Value) -> Value {
    item["apiVersion"] = "v1".into();
    item["kind"] = "Service".into();
    item
}
