//! One fault: whom it meets, and what it does.

use std::time::Duration;

use kubist_core::Resource;
use serde_json::json;

use super::ParseFaultError;
use crate::http::request::Target;
use crate::http::status::Failure;

/// What happens to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Effect {
    /// It is answered with this status, and nothing is done.
    Status(u16),
    /// It is answered with 429, and a `Retry-After` of so many seconds.
    TooManyRequests(u32),
    /// A write is answered with 409, as if somebody had been faster.
    Conflict,
    /// It is handled later.
    Delay(Duration),
    /// The connection breaks, and nothing is done.
    Drop,
    /// It is done, and then the connection breaks: the client cannot know.
    LoseAnswer,
    /// A read at `resourceVersion=0` sees the state of so many revisions ago.
    Stale(u64),
    /// A watch ends cleanly after so many events.
    CutAfter(u64),
    /// The connection of a watch breaks after so many events.
    BreakAfter(u64),
    /// A watch ends in the middle of the event after so many others.
    HalfFrameAfter(u64),
    /// A watch is told 410 Expired, in the stream, as a real server tells it.
    Gone,
}

impl Effect {
    pub(super) fn failure(&self, target: &Target) -> Option<Failure> {
        let named = |code: u16, reason: &'static str, message: &str| Failure::new(code, reason, message);
        Some(match self {
            Effect::Status(429) => Effect::TooManyRequests(1).failure(target)?,
            Effect::Status(409) | Effect::Conflict => {
                Failure::modified(&target.group, &target.resource, &target.name)
            }
            Effect::Status(400) => Failure::bad_request("the server was told to refuse this request"),
            Effect::Status(401) => Failure::unauthorized(),
            Effect::Status(403) => {
                let why = "the server was told to refuse this request";
                Failure::forbidden(&target.group, &target.resource, &target.name, why)
            }
            Effect::Status(404) => Failure::not_found(&target.group, &target.resource, &target.name),
            Effect::Status(410) => Failure::expired("The resourceVersion for the provided watch is too old."),
            Effect::Status(500) => Failure::internal("the server was told to fail"),
            Effect::Status(503) => named(
                503,
                "ServiceUnavailable",
                "the server is currently unable to handle the request",
            ),
            Effect::Status(504) => named(
                504,
                "Timeout",
                "Timeout: request did not complete within the allotted timeout",
            ),
            Effect::Status(code) => named(*code, "", "the server was told to fail"),
            Effect::TooManyRequests(seconds) => {
                let message = "Too many requests, please try again later.";
                let mut failure = Failure::new(429, "TooManyRequests", message);
                failure.details = Some(json!({"retryAfterSeconds": seconds}));
                failure
            }
            _ => return None,
        })
    }
}

/// The verbs that a fault can name.
const VERBS: [&str; 9] = [
    "get",
    "list",
    "watch",
    "create",
    "update",
    "patch",
    "delete",
    "deletecollection",
    "webhook",
];

/// Which requests meet a fault, and what then happens, step by step.
///
/// Without more it meets the next request of any kind, once.
#[derive(Clone, Debug)]
pub struct Fault {
    verbs: Vec<String>,
    group: Option<String>,
    resource: Option<String>,
    namespace: Option<String>,
    name: Option<String>,
    user_agent: Option<String>,
    skip: u64,
    chance: Option<f64>,
    steps: Vec<Step>,
    state: u64,
}

#[derive(Clone, Debug)]
struct Step {
    effect: Effect,
    /// How often it is still to happen; nothing for always.
    left: Option<u64>,
}

impl Fault {
    pub(super) fn none() -> Fault {
        Fault {
            verbs: Vec::new(),
            group: None,
            resource: None,
            namespace: None,
            name: None,
            user_agent: None,
            skip: 0,
            chance: None,
            steps: Vec::new(),
            state: 0,
        }
    }

    /// A fault with this effect, once.
    pub fn new(effect: Effect) -> Fault {
        Fault::none().then(effect)
    }

    /// Only for these verbs: `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`,
    /// `deletecollection`; or `webhook`, whose name is the webhook's.
    #[must_use]
    pub fn verbs<V: Into<String>>(mut self, verbs: impl IntoIterator<Item = V>) -> Fault {
        self.verbs = verbs.into_iter().map(Into::into).collect();
        self
    }

    /// Only for this kind.
    #[must_use]
    pub fn of<K: Resource<DynamicType = ()>>(self) -> Fault {
        self.group(&K::group(&())).resource(&K::plural(&()))
    }

    /// Only for this API group; the core group is the empty text.
    #[must_use]
    pub fn group(mut self, group: &str) -> Fault {
        self.group = Some(group.to_owned());
        self
    }

    /// Only for this resource, such as `configmaps`; with `pods/status` for that subresource.
    #[must_use]
    pub fn resource(mut self, resource: &str) -> Fault {
        self.resource = Some(resource.to_owned());
        self
    }

    /// Only in this namespace.
    #[must_use]
    pub fn namespace(mut self, namespace: &str) -> Fault {
        self.namespace = Some(namespace.to_owned());
        self
    }

    /// Only for the object of this name. A create has the name of what it creates, given or
    /// generated; a list or a watch that of its field selector.
    #[must_use]
    pub fn name(mut self, name: &str) -> Fault {
        self.name = Some(name.to_owned());
        self
    }

    /// Only for clients whose `User-Agent` begins so.
    #[must_use]
    pub fn user_agent(mut self, prefix: &str) -> Fault {
        self.user_agent = Some(prefix.to_owned());
        self
    }

    /// Lets this many requests pass first.
    #[must_use]
    pub fn skip(mut self, requests: u64) -> Fault {
        self.skip = requests;
        self
    }

    /// Leaves it to chance, for each request anew; from 0, never, to 1, always.
    #[must_use]
    pub fn chance(mut self, probability: f64) -> Fault {
        self.chance = Some(probability);
        self
    }

    /// Goes on with another effect once the one before happened as often as it should.
    #[must_use]
    pub fn then(mut self, effect: Effect) -> Fault {
        self.steps.push(Step {
            effect,
            left: Some(1),
        });
        self
    }

    /// The last effect happens this often.
    #[must_use]
    pub fn times(mut self, times: u64) -> Fault {
        if let Some(step) = self.steps.last_mut() {
            step.left = Some(times);
        }
        self
    }

    /// The last effect happens again and again.
    #[must_use]
    pub fn forever(mut self) -> Fault {
        if let Some(step) = self.steps.last_mut() {
            step.left = None;
        }
        self
    }

    pub(super) fn seeded(mut self, seed: u64) -> Fault {
        self.state = seed;
        self
    }

    pub(super) fn is_over(&self) -> bool {
        self.steps.is_empty()
    }

    /// Refuses what meets no request, and what is no answer.
    pub(super) fn check(&self) -> Result<(), ParseFaultError> {
        let refused =
            |part, value: String, allowed| Err(ParseFaultError::NotAllowed { part, value, allowed });
        if let Some(verb) = self.verbs.iter().find(|verb| !VERBS.contains(&verb.as_str())) {
            let allowed = "get, list, watch, create, update, patch, delete, deletecollection and webhook";
            return refused("verb", verb.clone(), allowed);
        }
        if let Some(chance) = self.chance.filter(|chance| !(0.0..=1.0).contains(chance)) {
            return refused("chance", chance.to_string(), "0 to 1");
        }
        for step in &self.steps {
            match step.effect {
                Effect::Status(code) if !(400..600).contains(&code) => {
                    return refused("status", code.to_string(), "400 to 599");
                }
                _ if step.left == Some(0) => return refused("times", "0".into(), "1 and more"),
                _ => {}
            }
        }
        Ok(())
    }

    /// Whether it meets a create once that has this name, and did not meet it before.
    pub(super) fn aims_at_created(&self, target: &Target, name: &str, user_agent: &str) -> bool {
        self.name.as_ref().is_some_and(|wanted| wanted == name) && self.aims_beside_name(target, user_agent)
    }

    pub(super) fn aims_at(&self, target: &Target, user_agent: &str) -> bool {
        self.name.as_ref().is_none_or(|wanted| wanted == target.named())
            && self.aims_beside_name(target, user_agent)
    }

    fn aims_beside_name(&self, target: &Target, user_agent: &str) -> bool {
        let is = |wanted: &Option<String>, value: &str| wanted.as_ref().is_none_or(|wanted| wanted == value);
        let resource = match &self.resource {
            None => true,
            Some(wanted) => match wanted.split_once('/') {
                Some((resource, part)) => resource == target.resource && part == target.subresource,
                None => *wanted == target.resource,
            },
        };
        (self.verbs.is_empty() && target.is_resource || self.verbs.iter().any(|verb| verb == target.verb))
            && is(&self.group, &target.group)
            && resource
            && is(&self.namespace, &target.namespace)
            && self
                .user_agent
                .as_ref()
                .is_none_or(|prefix| user_agent.starts_with(prefix))
    }

    pub(super) fn aims_at_webhook(&self, name: &str) -> bool {
        self.verbs.iter().any(|verb| verb == "webhook")
            && self.name.as_ref().is_none_or(|wanted| wanted == name)
    }

    /// A request was met: what happens to it.
    pub(super) fn strike(&mut self) -> Option<Effect> {
        if self.skip > 0 {
            self.skip -= 1;
            return None;
        }
        if let Some(chance) = self.chance
            && self.random() >= chance
        {
            return None;
        }
        let step = self.steps.first_mut()?;
        let effect = step.effect.clone();
        if let Some(left) = &mut step.left {
            *left = left.saturating_sub(1);
            if *left == 0 {
                self.steps.remove(0);
            }
        }
        Some(effect)
    }

    /// The next number from 0 to below 1 (SplitMix64).
    fn random(&mut self) -> f64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^= z >> 31;
        // 53 bits are what a double holds.
        (z >> 11) as f64 / (1_u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_follow_each_other() {
        let mut fault = Fault::new(Effect::Drop).times(2).then(Effect::Gone).skip(1);
        let struck: Vec<Option<Effect>> = (0..5).map(|_| fault.strike()).collect();
        let expected = [
            None,
            Some(Effect::Drop),
            Some(Effect::Drop),
            Some(Effect::Gone),
            None,
        ];
        assert_eq!(struck, expected);
        assert!(fault.is_over());
    }

    #[test]
    fn a_seed_decides_what_chance_does() {
        let run = |seed| {
            let mut fault = Fault::new(Effect::Drop).forever().chance(0.3).seeded(seed);
            (0..1_000).map(|_| fault.strike().is_some()).collect::<Vec<_>>()
        };
        assert_eq!(run(1), run(1));
        assert_ne!(run(1), run(2));
        let hits = run(1).into_iter().filter(|hit| *hit).count();
        assert!((200..400).contains(&hits), "{hits}");
    }
}
