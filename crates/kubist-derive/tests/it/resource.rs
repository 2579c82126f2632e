use k8s_openapi::api::core::v1::ConfigMap;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kubist_core::{Resource as _, ResourceExt};
use kubist_derive::Resource;

#[derive(Resource, Default)]
#[resource(inherit = ConfigMap)]
struct Settings {
    metadata: ObjectMeta,
}

#[test]
fn inherits_kind_scope_and_url() {
    let mut settings = Settings::default();
    settings.meta_mut().name = Some("settings".into());
    assert_eq!(settings.name_any(), "settings");
    assert_eq!(Settings::kind(&()), "ConfigMap");
    assert_eq!(Settings::api_version(&()), "v1");
    assert_eq!(
        Settings::url_path(&(), Some("a")),
        ConfigMap::url_path(&(), Some("a"))
    );
}
