//! Conditions to wait for.

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{Pod, Service};
use k8s_openapi::api::networking::v1::Ingress;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kubist_core::Resource;

/// A condition on an object, which may not exist.
///
/// Any `Fn(Option<&K>) -> bool` is one.
///
/// # Example
///
/// ```
/// use k8s_openapi::api::core::v1::{ConfigMap, Pod};
/// use kubist_runtime::wait::{Condition, conditions};
///
/// fn has_data() -> impl Condition<ConfigMap> {
///     |map: Option<&ConfigMap>| map.is_some_and(|map| map.data.is_some())
/// }
/// assert!(!has_data().matches_object(None));
///
/// let running_or_gone = conditions::is_pod_running().or(|pod: Option<&Pod>| pod.is_none());
/// assert!(running_or_gone.matches_object(None));
/// ```
pub trait Condition<K> {
    /// Whether the condition holds for the object, or for its absence.
    fn matches_object(&self, obj: Option<&K>) -> bool;

    /// The opposite condition.
    fn not(self) -> Not<Self>
    where
        Self: Sized,
    {
        Not(self)
    }

    /// Both conditions.
    fn and<Other: Condition<K>>(self, other: Other) -> And<Self, Other>
    where
        Self: Sized,
    {
        And(self, other)
    }

    /// Either condition.
    fn or<Other: Condition<K>>(self, other: Other) -> Or<Self, Other>
    where
        Self: Sized,
    {
        Or(self, other)
    }
}

impl<K, F: Fn(Option<&K>) -> bool> Condition<K> for F {
    fn matches_object(&self, obj: Option<&K>) -> bool {
        self(obj)
    }
}

/// See [`Condition::not`].
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Not<A>(pub(super) A);

impl<A: Condition<K>, K> Condition<K> for Not<A> {
    fn matches_object(&self, obj: Option<&K>) -> bool {
        !self.0.matches_object(obj)
    }
}

/// See [`Condition::and`].
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct And<A, B>(pub(super) A, pub(super) B);

impl<A, B, K> Condition<K> for And<A, B>
where
    A: Condition<K>,
    B: Condition<K>,
{
    fn matches_object(&self, obj: Option<&K>) -> bool {
        self.0.matches_object(obj) && self.1.matches_object(obj)
    }
}

/// See [`Condition::or`].
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Or<A, B>(pub(super) A, pub(super) B);

impl<A, B, K> Condition<K> for Or<A, B>
where
    A: Condition<K>,
    B: Condition<K>,
{
    fn matches_object(&self, obj: Option<&K>) -> bool {
        self.0.matches_object(obj) || self.1.matches_object(obj)
    }
}

/// The object with this uid is gone: there is none of its name, or another one.
#[must_use]
pub fn is_deleted<K: Resource>(uid: &str) -> impl Condition<K> + '_ {
    move |obj: Option<&K>| obj.is_none_or(|obj| obj.meta().uid.as_deref() != Some(uid))
}

/// The object exists.
#[must_use]
pub fn is_created<K: Resource>() -> impl Condition<K> {
    |obj: Option<&K>| obj.is_some()
}

/// The CustomResourceDefinition is accepted and served.
#[must_use]
pub fn is_crd_established() -> impl Condition<CustomResourceDefinition> {
    |crd: Option<&CustomResourceDefinition>| {
        crd.and_then(|crd| crd.status.as_ref()?.conditions.as_ref())
            .is_some_and(|conditions| {
                conditions
                    .iter()
                    .any(|condition| condition.type_ == "Established" && condition.status == "True")
            })
    }
}

/// The pod runs.
#[must_use]
pub fn is_pod_running() -> impl Condition<Pod> {
    |pod: Option<&Pod>| pod.and_then(|pod| pod.status.as_ref()?.phase.as_deref()) == Some("Running")
}

/// The job has completed successfully.
#[must_use]
pub fn is_job_completed() -> impl Condition<Job> {
    |job: Option<&Job>| {
        job.and_then(|job| job.status.as_ref()?.conditions.as_ref())
            .is_some_and(|conditions| {
                conditions
                    .iter()
                    .any(|condition| condition.type_ == "Complete" && condition.status == "True")
            })
    }
}

/// Every replica of the deployment is of the present generation, and available.
///
/// The same question that `kubectl rollout status` asks.
#[must_use]
pub fn is_deployment_completed() -> impl Condition<Deployment> {
    |deployment: Option<&Deployment>| {
        let Some((deployment, status)) =
            deployment.and_then(|deployment| Some((deployment, deployment.status.as_ref()?)))
        else {
            return false;
        };
        let wanted = deployment
            .spec
            .as_ref()
            .and_then(|spec| spec.replicas)
            .unwrap_or(1);
        let updated = status.updated_replicas.unwrap_or(0);
        status.observed_generation >= deployment.metadata.generation
            && updated >= wanted
            && status.replicas.unwrap_or(0) <= updated
            && status.available_replicas.unwrap_or(0) >= updated
    }
}

/// A load balancer has given the service an address or a host name.
#[must_use]
pub fn is_service_loadbalancer_provisioned() -> impl Condition<Service> {
    |service: Option<&Service>| {
        service
            .and_then(|service| service.status.as_ref()?.load_balancer.as_ref()?.ingress.as_ref())
            .is_some_and(|ingress| {
                !ingress.is_empty()
                    && ingress
                        .iter()
                        .all(|entry| entry.ip.is_some() || entry.hostname.is_some())
            })
    }
}

/// A load balancer has given the ingress an address or a host name.
#[must_use]
pub fn is_ingress_provisioned() -> impl Condition<Ingress> {
    |ingress: Option<&Ingress>| {
        ingress
            .and_then(|ingress| ingress.status.as_ref()?.load_balancer.as_ref()?.ingress.as_ref())
            .is_some_and(|ingress| {
                !ingress.is_empty()
                    && ingress
                        .iter()
                        .all(|entry| entry.ip.is_some() || entry.hostname.is_some())
            })
    }
}

#[cfg(test)]
mod tests {
    use serde::de::DeserializeOwned;
    use serde_json::{Value, json};

    use super::*;

    fn object<K: DeserializeOwned>(value: Value) -> K {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn established_needs_the_condition_to_be_true() {
        let crd = |status: &str| {
            object(json!({
                "spec": {"group": "a", "scope": "Cluster", "versions": [], "names": {"kind": "A", "plural": "as"}},
                "status": {"conditions": [{"type": "Established", "status": status}]},
            }))
        };
        assert!(is_crd_established().matches_object(Some(&crd("True"))));
        assert!(!is_crd_established().matches_object(Some(&crd("False"))));
        assert!(!is_crd_established().matches_object(None));
    }

    #[test]
    fn deleted_means_another_uid_or_none() {
        let pod: Pod = object(json!({"metadata": {"uid": "1"}}));
        assert!(!is_deleted("1").matches_object(Some(&pod)));
        assert!(is_deleted("2").matches_object(Some(&pod)));
        assert!(is_deleted::<Pod>("1").matches_object(None));
    }

    #[test]
    fn a_deployment_is_complete_when_nothing_old_is_left() {
        let deployment = |observed: i64, replicas: i32, updated: i32, available: i32| {
            object(json!({
                "metadata": {"generation": 2},
                "spec": {"replicas": 2, "selector": {}, "template": {}},
                "status": {
                    "observedGeneration": observed, "replicas": replicas,
                    "updatedReplicas": updated, "availableReplicas": available,
                },
            }))
        };
        let completed = |deployment| is_deployment_completed().matches_object(Some(&deployment));
        assert!(completed(deployment(2, 2, 2, 2)));
        assert!(
            !completed(deployment(1, 2, 2, 2)),
            "the controller has not seen the change"
        );
        assert!(!completed(deployment(2, 3, 2, 2)), "an old replica is left");
        assert!(
            !completed(deployment(2, 2, 2, 1)),
            "a new replica is not available"
        );
    }

    #[test]
    fn combine() {
        let yes = |_: Option<&Pod>| true;
        let no = |_: Option<&Pod>| false;
        assert!(yes.and(no.not()).matches_object(None));
        assert!(!yes.and(no).matches_object(None));
        assert!(no.or(yes).matches_object(None));
    }
}
