//! The files of `compose/kubernetes` come in; documents go out, of each of which it is certain that it has no field that its type does not know.

use std::collections::BTreeMap;

use flightline_compose::yaml;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::core::v1::{Container, PodSpec, Service};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// All documents.
pub(crate) struct Base {
    /// By file.
    pub(crate) documents: BTreeMap<String, Value>,
    deployment: Deployment,
}

impl Base {
    /// The document of `file`.
    pub(crate) fn document(&self, file: &str) -> &Value {
        &self.documents[file]
    }

    /// What a pod is.
    pub(crate) fn pod(&self) -> &PodSpec {
        let spec = self.deployment.spec.as_ref();
        spec.and_then(|spec| spec.template.spec.as_ref())
            .expect("a deployment has pods")
    }

    /// The one container of a pod.
    pub(crate) fn container(&self) -> &Container {
        let [container] = self.pod().containers.as_slice() else {
            panic!("a pod has one container");
        };
        container
    }
}

/// Reads every document that the kustomization lists.
///
/// # Panics
/// When one is not of its kind, or has a field that its kind does not have.
pub(crate) fn base() -> Base {
    let mut documents = BTreeMap::new();
    let mut deployment = None;
    for file in kustomization().resources {
        let path = format!("kubernetes/{file}");
        let [document] = yaml::<Value>(&path)
            .try_into()
            .expect("one document a file");
        let kind = (document["apiVersion"].as_str(), document["kind"].as_str());
        match (kind.0.unwrap_or_default(), kind.1.unwrap_or_default()) {
            ("apps/v1", "Deployment") => deployment = Some(whole::<Deployment>(&path, &document)),
            ("autoscaling/v2", "HorizontalPodAutoscaler") => {
                whole::<HorizontalPodAutoscaler>(&path, &document);
            }
            ("monitoring.coreos.com/v1", "ServiceMonitor") => {
                whole::<ServiceMonitor>(&path, &document);
            }
            ("networking.k8s.io/v1", "NetworkPolicy") => {
                whole::<NetworkPolicy>(&path, &document);
            }
            ("policy/v1", "PodDisruptionBudget") => {
                whole::<PodDisruptionBudget>(&path, &document);
            }
            ("v1", "Service") => {
                whole::<Service>(&path, &document);
            }
            unknown => panic!("{path}: this test does not know {unknown:?}"),
        }
        documents.insert(file, document);
    }
    Base {
        documents,
        deployment: deployment.expect("there is a deployment"),
    }
}

/// `document` as a `T`. Kubernetes' types pass over fields that they do not know, so what they understood is written again and compared.
fn whole<T: DeserializeOwned + Serialize>(path: &str, document: &Value) -> T {
    let read = serde_json::from_value::<T>(document.clone())
        .unwrap_or_else(|error| panic!("{path}: {error}"));
    let understood = serde_json::to_value(&read).expect("it can be written");
    assert_eq!(
        &understood, document,
        "{path}: what is not understood is misspelt"
    );
    read
}

/// `kustomization.yaml`, with what we use of it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct Kustomization {
    #[serde(rename = "apiVersion")]
    _api_version: String,
    #[serde(rename = "kind")]
    _kind: String,
    pub(crate) resources: Vec<String>,
    pub(crate) config_map_generator: Vec<Generated>,
}

/// A ConfigMap that is made of files.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Generated {
    pub(crate) name: String,
    pub(crate) files: Vec<String>,
}

/// The kustomization.
pub(crate) fn kustomization() -> Kustomization {
    let mut read = yaml::<Kustomization>("kubernetes/kustomization.yaml");
    read.remove(0)
}

/// The operator's kind, with what we use of it.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct ServiceMonitor {
    api_version: String,
    kind: String,
    metadata: k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta,
    spec: ServiceMonitorSpec,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct ServiceMonitorSpec {
    selector: k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector,
    endpoints: Vec<Endpoint>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Endpoint {
    port: String,
    path: String,
    interval: String,
}

/// The configuration of prometheus-adapter.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct Rules {
    pub(crate) rules: Vec<Rule>,
    pub(crate) external_rules: Vec<Rule>,
}

/// How one metric of the autoscaler is made.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct Rule {
    pub(crate) series_query: String,
    #[serde(rename = "resources")]
    _resources: Value,
    pub(crate) name: Name,
    pub(crate) metrics_query: String,
}

/// What it is called.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Name {
    pub(crate) r#as: String,
}

/// The rules of prometheus-adapter.
pub(crate) fn rules() -> Rules {
    let mut read = yaml::<Rules>("kubernetes/adapter/rules.yaml");
    read.remove(0)
}

/// The metrics of ours that a query names.
pub(crate) fn metrics_in(query: &str) -> Vec<&str> {
    query
        .split(|letter: char| !letter.is_alphanumeric() && letter != '_')
        .filter(|word| word.starts_with("flightline_"))
        .collect()
}
