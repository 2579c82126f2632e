use k8s_openapi::api::core::v1::ConfigMap;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kubist_derive::Resource;

#[derive(Resource)]
struct WithoutInherit {
    metadata: ObjectMeta,
}

#[derive(Resource)]
#[resource(inherit = ConfigMap)]
enum Choice {
    One,
}

#[derive(Resource)]
#[resource(inherits = ConfigMap)]
struct Misspelt {
    metadata: ObjectMeta,
}

fn main() {}
