"""What a program with the Python client does all day, against the server of KUBECONFIG."""

import json
import os
import threading
import unittest

import yaml
from kubernetes import client, config, watch
from kubernetes.client.exceptions import ApiException
from kubernetes.dynamic import DynamicClient

APPLY = "application/apply-patch+yaml"


def config_map(name, labels=None, **data):
    metadata = client.V1ObjectMeta(name=name, labels=labels)
    return client.V1ConfigMap(metadata=metadata, data=data)


def deployment(image="nginx"):
    container = client.V1Container(name="web", image=image)
    template = client.V1PodTemplateSpec(
        metadata=client.V1ObjectMeta(labels={"app": "web"}),
        spec=client.V1PodSpec(containers=[container]),
    )
    spec = client.V1DeploymentSpec(
        replicas=2,
        selector=client.V1LabelSelector(match_labels={"app": "web"}),
        template=template,
    )
    return client.V1Deployment(metadata=client.V1ObjectMeta(name="web"), spec=spec)


def definition(plural, kind):
    size = client.V1JSONSchemaProps(type="integer", maximum=10)
    spec = client.V1JSONSchemaProps(type="object", properties={"size": size})
    status = client.V1JSONSchemaProps(
        type="object", x_kubernetes_preserve_unknown_fields=True
    )
    schema = client.V1JSONSchemaProps(
        type="object", properties={"spec": spec, "status": status}
    )
    version = client.V1CustomResourceDefinitionVersion(
        name="v1",
        served=True,
        storage=True,
        schema=client.V1CustomResourceValidation(open_apiv3_schema=schema),
        subresources=client.V1CustomResourceSubresources(status={}),
    )
    return client.V1CustomResourceDefinition(
        metadata=client.V1ObjectMeta(name=plural + ".py.example.com"),
        spec=client.V1CustomResourceDefinitionSpec(
            group="py.example.com",
            scope="Namespaced",
            names=client.V1CustomResourceDefinitionNames(plural=plural, kind=kind),
            versions=[version],
        ),
    )


def with_token(token):
    """A client that is somebody else."""
    with open(os.environ["KUBECONFIG"], encoding="utf-8") as file:
        settings = yaml.safe_load(file)
    for user in settings["users"]:
        user["user"] = {"token": token}
    return config.new_client_from_config_dict(settings)


def refused(call, *arguments, **named):
    """The exception of a call that has to fail, and the Status in its body."""
    try:
        call(*arguments, **named)
    except ApiException as exception:
        status = json.loads(exception.body)
        assert status["kind"] == "Status" and status["apiVersion"] == "v1", status
        assert status["status"] == "Failure", status
        assert status["code"] == exception.status, status
        return exception, status
    raise AssertionError("nothing was refused")


class Case(unittest.TestCase):
    """A namespace for each test."""

    def setUp(self):
        self.core = client.CoreV1Api()
        self.apps = client.AppsV1Api()
        made = self.core.create_namespace(
            client.V1Namespace(metadata=client.V1ObjectMeta(generate_name="py-"))
        )
        self.namespace = made.metadata.name


class Objects(Case):
    def test_create_read_replace_delete(self):
        made = self.core.create_namespaced_config_map(
            self.namespace, config_map("a", x="1")
        )
        self.assertTrue(made.metadata.uid)
        self.assertIsNotNone(made.metadata.creation_timestamp.tzinfo)
        made.data["x"] = "2"
        replaced = self.core.replace_namespaced_config_map("a", self.namespace, made)
        self.assertEqual(replaced.data, {"x": "2"})
        exception, status = refused(
            self.core.replace_namespaced_config_map, "a", self.namespace, made
        )
        self.assertEqual((exception.status, status["reason"]), (409, "Conflict"))
        dry = self.core.delete_namespaced_config_map(
            "a", self.namespace, dry_run="All"
        )
        self.assertEqual(dry.status, "Success")
        gone = self.core.delete_namespaced_config_map("a", self.namespace)
        self.assertEqual(gone.details.name, "a")
        exception, status = refused(
            self.core.read_namespaced_config_map, "a", self.namespace
        )
        self.assertEqual((exception.status, status["reason"]), (404, "NotFound"))
        self.assertEqual(status["details"]["kind"], "configmaps")

    def test_what_is_wrong_is_named(self):
        _, status = refused(
            self.core.create_namespaced_config_map,
            self.namespace,
            config_map("Not_A_Name"),
        )
        self.assertEqual((status["code"], status["reason"]), (422, "Invalid"))
        self.assertEqual(status["details"]["causes"][0]["field"], "metadata.name")
        self.core.create_namespaced_config_map(self.namespace, config_map("a"))
        _, status = refused(
            self.core.create_namespaced_config_map, self.namespace, config_map("a")
        )
        self.assertEqual((status["code"], status["reason"]), (409, "AlreadyExists"))
        unknown = {"metadata": {"name": "b"}, "dats": {}}
        _, status = refused(
            self.core.create_namespaced_config_map,
            self.namespace,
            unknown,
            field_validation="Strict",
        )
        self.assertIn('unknown field "dats"', status["message"])

    def test_a_user_without_rights(self):
        stranger = with_token("usertoken")
        exception, status = refused(
            client.CoreV1Api(stranger).list_namespaced_pod, self.namespace
        )
        self.assertEqual((exception.status, status["reason"]), (403, "Forbidden"))
        self.assertIn('User "alice" cannot list resource "pods"', status["message"])
        review = client.V1SelfSubjectAccessReview(
            spec=client.V1SelfSubjectAccessReviewSpec(
                resource_attributes=client.V1ResourceAttributes(
                    verb="list", resource="pods", namespace=self.namespace
                )
            )
        )
        for api, allowed in ((client.ApiClient(), True), (stranger, False)):
            answer = client.AuthorizationV1Api(
                api
            ).create_self_subject_access_review(review)
            self.assertEqual(answer.status.allowed, allowed)

    def test_a_stranger_to_everybody(self):
        exception, status = refused(
            client.CoreV1Api(with_token("nobody")).list_namespace
        )
        self.assertEqual((exception.status, status["reason"]), (401, "Unauthorized"))

    def test_what_is_not_there_says_so(self):
        pod = client.V1Pod(
            metadata=client.V1ObjectMeta(name="p"),
            spec=client.V1PodSpec(
                containers=[client.V1Container(name="c", image="i")]
            ),
        )
        self.core.create_namespaced_pod(self.namespace, pod)
        exception, status = refused(
            self.core.read_namespaced_pod_log, "p", self.namespace
        )
        self.assertEqual(exception.status, 501)
        self.assertIn("log", status["message"])

    def test_scale_and_status(self):
        self.apps.create_namespaced_deployment(self.namespace, deployment())
        self.apps.patch_namespaced_deployment_scale(
            "web", self.namespace, {"spec": {"replicas": 7}}
        )
        self.assertEqual(
            self.apps.read_namespaced_deployment_scale(
                "web", self.namespace
            ).spec.replicas,
            7,
        )
        self.apps.patch_namespaced_deployment_status(
            "web", self.namespace, {"status": {"replicas": 3}, "spec": {"replicas": 1}}
        )
        now = self.apps.read_namespaced_deployment("web", self.namespace)
        self.assertEqual((now.spec.replicas, now.status.replicas), (7, 3))

    def test_a_token_of_a_service_account(self):
        self.core.create_namespaced_service_account(
            self.namespace,
            client.V1ServiceAccount(metadata=client.V1ObjectMeta(name="robot")),
        )
        answer = self.core.create_namespaced_service_account_token(
            "robot",
            self.namespace,
            client.AuthenticationV1TokenRequest(
                spec=client.V1TokenRequestSpec(audiences=[], expiration_seconds=600)
            ),
        )
        who = client.AuthenticationV1Api(
            with_token(answer.status.token)
        ).create_self_subject_review(client.V1SelfSubjectReview())
        self.assertEqual(
            who.status.user_info.username,
            "system:serviceaccount:%s:robot" % self.namespace,
        )


class Lists(Case):
    def setUp(self):
        super().setUp()
        for index in range(7):
            labels = {"odd": "yes" if index % 2 else "no"}
            self.core.create_namespaced_config_map(
                self.namespace, config_map("c%d" % index, labels)
            )

    def names(self, **options):
        found = self.core.list_namespaced_config_map(self.namespace, **options)
        return [item.metadata.name for item in found.items]

    def test_selectors(self):
        self.assertEqual(self.names(label_selector="odd=yes"), ["c1", "c3", "c5"])
        self.assertEqual(self.names(field_selector="metadata.name=c4"), ["c4"])
        _, status = refused(
            self.core.list_namespaced_config_map,
            self.namespace,
            field_selector="data.x=1",
        )
        self.assertEqual((status["code"], status["reason"]), (400, "BadRequest"))

    def test_pages(self):
        names, token, versions = [], None, set()
        while True:
            page = self.core.list_namespaced_config_map(
                self.namespace, limit=3, _continue=token
            )
            names += [item.metadata.name for item in page.items]
            versions.add(page.metadata.resource_version)
            token = page.metadata._continue
            if not token:
                break
            self.assertEqual(page.metadata.remaining_item_count, 7 - len(names))
        self.assertEqual(names, ["c%d" % index for index in range(7)])
        self.assertEqual(len(versions), 1)

    def test_delete_a_collection(self):
        self.core.delete_collection_namespaced_config_map(
            self.namespace, label_selector="odd=no"
        )
        self.assertEqual(self.names(), ["c1", "c3", "c5"])


class Watches(Case):
    def events(self, **options):
        options.setdefault("timeout_seconds", 30)
        stream = watch.Watch().stream(
            self.core.list_namespaced_config_map, self.namespace, **options
        )
        for event in stream:
            yield event["type"], event["object"]

    def version(self):
        return self.core.list_namespaced_config_map(
            self.namespace
        ).metadata.resource_version

    def test_events_are_seen_as_they_happen(self):
        start = self.version()

        def write():
            self.core.create_namespaced_config_map(self.namespace, config_map("a"))
            self.core.patch_namespaced_config_map(
                "a", self.namespace, {"data": {"x": "1"}}
            )
            self.core.delete_namespaced_config_map("a", self.namespace)

        writer = threading.Thread(target=write)
        writer.start()
        seen = []
        for kind, item in self.events(resource_version=start):
            seen.append((kind, item.metadata.name, (item.data or {}).get("x")))
            if kind == "DELETED":
                break
        writer.join()
        self.assertEqual(
            seen, [("ADDED", "a", None), ("MODIFIED", "a", "1"), ("DELETED", "a", "1")]
        )

    def test_a_watch_goes_on_where_it_ended(self):
        self.core.create_namespaced_config_map(self.namespace, config_map("a"))
        follower = watch.Watch()
        stream = follower.stream(
            self.core.list_namespaced_config_map, self.namespace, timeout_seconds=1
        )
        self.assertEqual(
            [(event["type"], event["object"].metadata.name) for event in stream],
            [("ADDED", "a")],
        )
        self.core.create_namespaced_config_map(self.namespace, config_map("b"))
        resumed = self.events(
            resource_version=follower.resource_version, timeout_seconds=1
        )
        self.assertEqual(
            [(kind, item.metadata.name) for kind, item in resumed], [("ADDED", "b")]
        )

    def test_a_selector_tells_what_leaves_it(self):
        start = self.version()
        self.core.create_namespaced_config_map(
            self.namespace, config_map("a", {"on": "yes"})
        )
        self.core.create_namespaced_config_map(self.namespace, config_map("b"))
        self.core.patch_namespaced_config_map(
            "a", self.namespace, {"metadata": {"labels": {"on": None}}}
        )
        seen = self.events(
            resource_version=start, label_selector="on=yes", timeout_seconds=1
        )
        self.assertEqual(
            [(kind, item.metadata.name) for kind, item in seen],
            [("ADDED", "a"), ("DELETED", "a")],
        )

    def test_bookmarks(self):
        # The client's own stream keeps the version of a bookmark and goes on from there.
        self.core.create_namespaced_config_map(self.namespace, config_map("a"))
        answer = self.core.list_namespaced_config_map(
            self.namespace,
            watch=True,
            timeout_seconds=30,
            allow_watch_bookmarks=True,
            send_initial_events=True,
            resource_version_match="NotOlderThan",
            _preload_content=False,
        )
        lines = (json.loads(line) for line in answer)
        self.assertEqual(next(lines)["type"], "ADDED")
        bookmark = next(lines)
        answer.release_conn()
        self.assertEqual(bookmark["type"], "BOOKMARK")
        self.assertEqual(
            bookmark["object"]["metadata"]["annotations"],
            {"k8s.io/initial-events-end": "true"},
        )

    def test_a_version_that_never_was(self):
        exception, _ = refused(
            self.core.list_namespaced_config_map,
            self.namespace,
            resource_version="99999999",
            resource_version_match="Exact",
        )
        self.assertEqual(exception.status, 504)


class Patches(Case):
    def setUp(self):
        super().setUp()
        self.apps.create_namespaced_deployment(self.namespace, deployment())

    def patch(self, body, content_type=None, **options):
        if content_type:
            options["_content_type"] = content_type
        return self.apps.patch_namespaced_deployment(
            "web", self.namespace, body, **options
        )

    def containers(self, item):
        return [(c.name, c.image) for c in item.spec.template.spec.containers]

    def test_json(self):
        item = self.patch([{"op": "replace", "path": "/spec/replicas", "value": 4}])
        self.assertEqual(item.spec.replicas, 4)
        _, status = refused(
            self.patch, [{"op": "test", "path": "/spec/replicas", "value": 9}]
        )
        self.assertEqual((status["code"], status["reason"]), (422, "Invalid"))

    def test_merge(self):
        side = {"name": "side", "image": "busybox"}
        body = {"spec": {"template": {"spec": {"containers": [side]}}}}
        item = self.patch(body, "application/merge-patch+json")
        self.assertEqual(self.containers(item), [("side", "busybox")])

    def test_strategic(self):
        side = {"name": "side", "image": "busybox"}
        body = {"spec": {"template": {"spec": {"containers": [side]}}}}
        item = self.patch(body, "application/strategic-merge-patch+json")
        self.assertEqual(
            self.containers(item), [("side", "busybox"), ("web", "nginx")]
        )

    def test_apply(self):
        body = {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "web"},
            "spec": {"replicas": 9},
        }
        mine = {"content_type": APPLY, "field_manager": "mine"}
        exception, status = refused(self.patch, body, **mine)
        self.assertEqual((exception.status, status["reason"]), (409, "Conflict"))
        self.assertEqual(
            [cause["field"] for cause in status["details"]["causes"]],
            [".spec.replicas"],
        )
        item = self.patch(body, force=True, **mine)
        self.assertEqual(item.spec.replicas, 9)
        owners = {
            entry.manager: entry.fields_v1 for entry in item.metadata.managed_fields
        }
        self.assertEqual(owners["mine"], {"f:spec": {"f:replicas": {}}})


class CustomObjects(Case):
    @classmethod
    def setUpClass(cls):
        cls.extensions = client.ApiextensionsV1Api()
        cls.extensions.create_custom_resource_definition(
            definition("widgets", "Widget")
        )
        stream = watch.Watch().stream(
            cls.extensions.list_custom_resource_definition,
            field_selector="metadata.name=widgets.py.example.com",
            timeout_seconds=30,
        )
        for event in stream:
            conditions = event["object"].status.conditions or []
            if any(c.type == "Established" and c.status == "True" for c in conditions):
                return
        raise AssertionError("the definition was never established")

    @classmethod
    def tearDownClass(cls):
        cls.extensions.delete_custom_resource_definition("widgets.py.example.com")

    def setUp(self):
        super().setUp()
        self.custom = client.CustomObjectsApi()
        self.where = ("py.example.com", "v1", self.namespace, "widgets")

    def widget(self, name="w", **spec):
        return {
            "apiVersion": "py.example.com/v1",
            "kind": "Widget",
            "metadata": {"name": name},
            "spec": spec,
        }

    def test_life(self):
        made = self.custom.create_namespaced_custom_object(
            *self.where, self.widget(size=3, color="red")
        )
        self.assertEqual(made["spec"], {"size": 3}, "unknown fields are pruned")
        self.assertEqual(made["metadata"]["generation"], 1)
        patched = self.custom.patch_namespaced_custom_object(
            *self.where, "w", {"spec": {"size": 4}}
        )
        self.assertEqual(patched["metadata"]["generation"], 2)
        told = self.custom.patch_namespaced_custom_object_status(
            *self.where, "w", {"status": {"ready": True}}
        )
        self.assertEqual(told["status"], {"ready": True})
        self.assertEqual(told["metadata"]["generation"], 2)
        found = self.custom.list_namespaced_custom_object(*self.where)
        self.assertEqual(found["kind"], "WidgetList")
        self.assertEqual([item["metadata"]["name"] for item in found["items"]], ["w"])
        self.custom.delete_namespaced_custom_object(*self.where, "w")
        exception, _ = refused(
            self.custom.get_namespaced_custom_object, *self.where, "w"
        )
        self.assertEqual(exception.status, 404)

    def test_the_schema_is_kept(self):
        _, status = refused(
            self.custom.create_namespaced_custom_object,
            *self.where,
            self.widget(size=11),
        )
        self.assertEqual(status["code"], 422)
        self.assertIn(
            "should be less than or equal to 10",
            status["details"]["causes"][0]["message"],
        )

    def test_watch(self):
        self.custom.create_namespaced_custom_object(*self.where, self.widget(size=1))
        stream = watch.Watch().stream(
            self.custom.list_namespaced_custom_object, *self.where, timeout_seconds=30
        )
        event = next(stream)
        self.assertEqual(event["type"], "ADDED")
        self.assertEqual(event["object"]["spec"], {"size": 1})

    def test_the_dynamic_client_applies(self):
        # It finds its way by discovery.
        dynamic = DynamicClient(client.ApiClient())
        widgets = dynamic.resources.get(api_version="py.example.com/v1", kind="Widget")
        body = self.widget(size=2)
        for _ in range(2):
            applied = dynamic.server_side_apply(
                widgets,
                body=body,
                name="w",
                namespace=self.namespace,
                field_manager="mine",
            )
            self.assertEqual(applied.spec.size, 2)
            self.assertEqual(applied.metadata.generation, 1)
        self.assertEqual(
            [item.metadata.name for item in widgets.get(namespace=self.namespace).items],
            ["w"],
        )


class Deletion(Case):
    def owner_and_dependent(self):
        owner = self.core.create_namespaced_config_map(
            self.namespace, config_map("owner")
        )
        dependent = config_map("dependent")
        dependent.metadata.owner_references = [
            client.V1OwnerReference(
                api_version="v1",
                kind="ConfigMap",
                name="owner",
                uid=owner.metadata.uid,
                block_owner_deletion=True,
            )
        ]
        made = self.core.create_namespaced_config_map(self.namespace, dependent)
        return made.metadata.resource_version

    def follow(self, start, name, until):
        """The types of the events of an object, up to the one that is waited for."""
        seen = []
        stream = watch.Watch().stream(
            self.core.list_namespaced_config_map,
            self.namespace,
            resource_version=start,
            timeout_seconds=30,
        )
        for event in stream:
            if event["object"].metadata.name == name:
                seen.append(event["type"])
                if until(event):
                    return seen
        raise AssertionError("never: %s" % seen)

    def delete(self, policy):
        return self.core.delete_namespaced_config_map(
            "owner", self.namespace, propagation_policy=policy
        )

    def test_background(self):
        start = self.owner_and_dependent()
        self.delete("Background")
        self.follow(start, "dependent", lambda event: event["type"] == "DELETED")

    def test_foreground(self):
        start = self.owner_and_dependent()
        self.delete("Foreground")
        order = []
        stream = watch.Watch().stream(
            self.core.list_namespaced_config_map,
            self.namespace,
            resource_version=start,
            timeout_seconds=30,
        )
        for event in stream:
            if event["type"] == "DELETED":
                order.append(event["object"].metadata.name)
            if len(order) == 2:
                break
        self.assertEqual(order, ["dependent", "owner"])

    def test_orphan(self):
        start = self.owner_and_dependent()
        self.delete("Orphan")
        self.follow(start, "owner", lambda event: event["type"] == "DELETED")
        kept = self.core.read_namespaced_config_map("dependent", self.namespace)
        self.assertIsNone(kept.metadata.owner_references)

    def test_preconditions(self):
        self.core.create_namespaced_config_map(self.namespace, config_map("a"))
        body = client.V1DeleteOptions(preconditions=client.V1Preconditions(uid="other"))
        exception, status = refused(
            self.core.delete_namespaced_config_map, "a", self.namespace, body=body
        )
        self.assertEqual((exception.status, status["reason"]), (409, "Conflict"))

    def test_a_namespace_goes_with_what_is_in_it(self):
        self.core.create_namespaced_config_map(self.namespace, config_map("a"))
        start = self.core.list_namespace().metadata.resource_version
        self.core.delete_namespace(self.namespace)
        stream = watch.Watch().stream(
            self.core.list_namespace, resource_version=start, timeout_seconds=30
        )
        for event in stream:
            if (event["type"], event["object"].metadata.name) == (
                "DELETED",
                self.namespace,
            ):
                break
        else:
            self.fail("the namespace stayed")
        self.assertEqual(
            self.core.list_namespaced_config_map(self.namespace).items, []
        )


if __name__ == "__main__":
    config.load_kube_config()
    unittest.main()
