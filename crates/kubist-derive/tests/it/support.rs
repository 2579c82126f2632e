//! A cluster to install into.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kubist_apiserver::Server;
use kubist_client::api::PostParams;
use kubist_client::{Api, Client};
use kubist_core::ResourceExt;
use kubist_runtime::wait::{await_condition, conditions};

pub(crate) async fn cluster() -> (Server, Client) {
    let server = Server::start().await.unwrap();
    let client = server.client();
    (server, client)
}

/// Installs a definition, and waits until its kind is served.
pub(crate) async fn install(client: &Client, crd: &CustomResourceDefinition) {
    let crds: Api<CustomResourceDefinition> = Api::all(client.clone());
    let name = crd.name_any();
    if let Err(error) = crds.create(&PostParams::default(), crd).await {
        panic!("{name} is refused: {error}");
    }
    await_condition(crds, &name, conditions::is_crd_established())
        .await
        .unwrap();
}
