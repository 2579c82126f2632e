use kubist_derive::Resource;

#[derive(Resource)]
#[resource(inherit = k8s_openapi::api::core::v1::ConfigMap)]
struct Settings {}

fn main() {}
