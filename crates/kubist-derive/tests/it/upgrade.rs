//! What the derive writes for each form that a type can have.

use kubist_core::conversion::{Chain, UpgradeFrom, assert_round_trips};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

mod v1beta1 {
    use std::collections::BTreeMap;

    use super::{Deserialize, Serialize};
    use kubist_derive::{CustomResource, KubeSchema};

    #[derive(CustomResource, KubeSchema, Clone, Debug, Serialize, Deserialize)]
    #[kube(
        group = "upgrade.example.com",
        version = "v1beta1",
        kind = "Pipeline",
        status = "PipelineStatus"
    )]
    #[serde(rename_all = "camelCase")]
    pub(super) struct PipelineSpec {
        pub(super) first_step: Step,
        pub(super) steps: Option<Vec<Step>>,
        #[serde(default)]
        pub(super) by_name: BTreeMap<String, Box<Step>>,
        pub(super) level: Level,
        pub(super) source: Source,
        pub(super) timeout: Timeout,
        pub(super) r#type: String,
    }

    #[derive(KubeSchema, Clone, Debug, Serialize, Deserialize)]
    pub(super) struct Step {
        pub(super) run: String,
        pub(super) shell: Option<String>,
    }

    #[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
    pub(super) enum Level {
        Silent,
        Low,
        Much,
    }

    #[derive(KubeSchema, Clone, Debug, Serialize, Deserialize)]
    #[serde(rename_all = "camelCase")]
    pub(super) enum Source {
        Git { url: String, depth: Option<u8> },
        Inline(String),
        Empty {},
    }

    #[derive(KubeSchema, Clone, Debug, Serialize, Deserialize)]
    pub(super) struct Timeout(pub(super) u32);

    #[derive(KubeSchema, Clone, Debug, Serialize, Deserialize)]
    pub(super) struct PipelineStatus {
        pub(super) done: bool,
    }
}

mod v1 {
    use std::collections::BTreeMap;

    use super::{Deserialize, Serialize, v1beta1};
    use kubist_derive::{CustomResource, KubeSchema, Upgrade};

    #[derive(CustomResource, KubeSchema, Upgrade, Clone, Debug, Serialize, Deserialize)]
    #[kube(
        group = "upgrade.example.com",
        version = "v1",
        kind = "Pipeline",
        root = "Flow",
        status = "PipelineStatus"
    )]
    #[upgrade(from = v1beta1::Pipeline, test)]
    #[serde(rename_all = "camelCase")]
    pub(super) struct PipelineSpec {
        pub(super) first_step: Step,
        pub(super) steps: Option<Vec<Step>>,
        #[serde(default)]
        pub(super) by_name: BTreeMap<String, Box<Step>>,
        pub(super) level: Level,
        pub(super) source: Source,
        pub(super) timeout: Timeout,
        pub(super) r#type: String,
        #[upgrade(added = 3)]
        pub(super) retries: u8,
    }

    #[derive(KubeSchema, Upgrade, Clone, Debug, Serialize, Deserialize)]
    #[upgrade(from = v1beta1::Step, dropped(shell = Some("sh".to_owned())))]
    pub(super) struct Step {
        #[upgrade(from = run)]
        pub(super) command: String,
    }

    #[derive(KubeSchema, Upgrade, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
    #[upgrade(from = v1beta1::Level, dropped(Silent = Self::Low))]
    pub(super) enum Level {
        #[default]
        Low,
        #[upgrade(from = Much)]
        High,
        #[upgrade(added = v1beta1::Level::Much)]
        Extreme,
    }

    #[derive(KubeSchema, Upgrade, Clone, Debug, Serialize, Deserialize)]
    #[upgrade(from = v1beta1::Source)]
    #[serde(rename_all = "camelCase")]
    pub(super) enum Source {
        #[upgrade(dropped(depth))]
        Git {
            #[upgrade(from = url)]
            repository: String,
        },
        #[upgrade(from = Inline)]
        Text(String),
        Empty {},
    }

    #[derive(KubeSchema, Upgrade, Clone, Debug, Serialize, Deserialize)]
    #[upgrade(from = v1beta1::Timeout)]
    pub(super) struct Timeout(
        #[schemars(range(max = 4_294_967_295_000_u64))]
        #[upgrade(with = milliseconds)]
        pub(super) u64,
    );

    mod milliseconds {
        pub(super) fn upgrade(seconds: u32) -> Result<u64, std::convert::Infallible> {
            Ok(u64::from(seconds) * 1000)
        }

        pub(super) fn downgrade(milliseconds: u64) -> Result<u32, &'static str> {
            u32::try_from(milliseconds / 1000).map_err(|_| "it is too long for a number of seconds")
        }
    }

    #[derive(KubeSchema, Upgrade, Clone, Debug, Serialize, Deserialize)]
    #[upgrade(from = v1beta1::PipelineStatus)]
    pub(super) struct PipelineStatus {
        #[upgrade(from = done)]
        pub(super) finished: bool,
    }
}

fn older() -> Value {
    json!({
        "apiVersion": "upgrade.example.com/v1beta1", "kind": "Pipeline", "metadata": {"name": "one"},
        "spec": {
            "firstStep": {"run": "make", "shell": "bash"}, "steps": [{"run": "a", "shell": null}],
            "byName": {"b": {"run": "c", "shell": "sh"}}, "level": "Silent",
            "source": {"git": {"url": "u", "depth": 3}}, "timeout": 7, "type": "t",
        },
        "status": {"done": true},
    })
}

#[test]
fn fields_and_variants_go_where_they_are_said_to() {
    let chain = Chain::of::<v1beta1::Pipeline>().build();
    assert_eq!(chain.group_kind(), ("upgrade.example.com", "Pipeline"));
    let newer = chain.convert(older(), "upgrade.example.com/v1").unwrap();
    assert_eq!(
        newer["spec"],
        json!({
            "firstStep": {"command": "make"}, "steps": [{"command": "a"}], "byName": {"b": {"command": "c"}},
            "level": "Low", "source": {"git": {"repository": "u"}}, "timeout": 7000, "type": "t", "retries": 3,
        })
    );
    assert_eq!(newer["status"], json!({"finished": true}));
    let home = chain.convert(newer, "upgrade.example.com/v1beta1").unwrap();
    assert_eq!(home, older());
}

#[test]
fn variants_that_one_side_has_are_stood_in_for() {
    use v1beta1::Level as Older;
    for (older, newer) in [
        (Older::Silent, v1::Level::Low),
        (Older::Low, v1::Level::Low),
        (Older::Much, v1::Level::High),
    ] {
        assert_eq!(v1::Level::upgrade_from(older).unwrap(), newer);
    }
    for (newer, older) in [
        (v1::Level::Low, Older::Low),
        (v1::Level::High, Older::Much),
        (v1::Level::Extreme, Older::Much),
    ] {
        let downgraded: Older = newer.downgrade_into().unwrap();
        assert_eq!(downgraded, older);
    }
}

#[test]
fn an_error_names_the_way_to_the_field() {
    let mut newer = Chain::of::<v1beta1::Pipeline>()
        .build()
        .convert(older(), "upgrade.example.com/v1")
        .unwrap();
    newer["spec"]["timeout"] = json!(u64::MAX);
    let newer: v1::Flow = serde_json::from_value(newer).unwrap();
    let error = <v1beta1::Pipeline as kubist_core::conversion::Upgrade>::downgrade(newer).unwrap_err();
    assert_eq!(
        error.to_string(),
        "spec.timeout.0: it is too long for a number of seconds"
    );
}

/// Conversions that lose something, each in its own way.
mod wrong {
    use super::{Deserialize, Serialize};
    use kubist_core::conversion::{BoxError, Upgrade};
    use kubist_derive::{CustomResource, KubeSchema};

    #[derive(CustomResource, KubeSchema, Clone, Debug, Serialize, Deserialize)]
    #[kube(group = "wrong.example.com", version = "v1", kind = "Swapped")]
    pub(super) struct SwappedSpec {
        pub(super) a: u8,
        pub(super) b: u8,
    }

    #[derive(CustomResource, KubeSchema, Clone, Debug, Serialize, Deserialize)]
    #[kube(
        group = "wrong.example.com",
        version = "v2",
        kind = "Swapped",
        root = "Swapped2"
    )]
    pub(super) struct Swapped2Spec {
        pub(super) a: u8,
        pub(super) b: u8,
    }

    impl Upgrade for Swapped {
        type Newer = Swapped2;

        fn upgrade(self) -> Result<Swapped2, BoxError> {
            let SwappedSpec { a, b } = self.spec;
            Ok(Swapped2::new("", Swapped2Spec { a: b, b: a }))
        }

        fn downgrade(newer: Swapped2) -> Result<Self, BoxError> {
            let Swapped2Spec { a, b } = newer.spec;
            Ok(Self::new("", SwappedSpec { a, b }))
        }
    }

    #[derive(CustomResource, KubeSchema, Clone, Debug, Serialize, Deserialize)]
    #[kube(group = "wrong.example.com", version = "v1", kind = "Parsed")]
    pub(super) struct ParsedSpec {
        pub(super) number: String,
    }

    #[derive(CustomResource, KubeSchema, Clone, Debug, Serialize, Deserialize)]
    #[kube(
        group = "wrong.example.com",
        version = "v2",
        kind = "Parsed",
        root = "Parsed2"
    )]
    pub(super) struct Parsed2Spec {
        pub(super) number: u32,
    }

    impl Upgrade for Parsed {
        type Newer = Parsed2;

        fn upgrade(self) -> Result<Parsed2, BoxError> {
            let number = self.spec.number.parse()?;
            Ok(Parsed2::new("", Parsed2Spec { number }))
        }

        fn downgrade(newer: Parsed2) -> Result<Self, BoxError> {
            let number = newer.spec.number.to_string();
            Ok(Self::new("", ParsedSpec { number }))
        }
    }
}

#[test]
#[should_panic = "wrong.example.com/v1 is not converted to wrong.example.com/v2 without loss: there, back and there again it is"]
fn fields_that_are_mistaken_for_each_other_are_found() {
    assert_round_trips::<wrong::Swapped>();
}

#[test]
#[should_panic = "cannot convert sample from wrong.example.com/v1 to wrong.example.com/v2: "]
fn objects_that_users_could_not_read_are_found() {
    assert_round_trips::<wrong::Parsed>();
}
