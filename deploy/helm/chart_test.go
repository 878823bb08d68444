package helm

import (
	"os"
	"strings"
	"testing"

	chartutil "helm.sh/helm/v4/pkg/chart/common"
	"helm.sh/helm/v4/pkg/chart/common/util"
	"helm.sh/helm/v4/pkg/chart/v2/lint"
	"helm.sh/helm/v4/pkg/chart/v2/lint/support"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	"helm.sh/helm/v4/pkg/engine"
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	"sigs.k8s.io/yaml"
)

// sets are values with which the chart is installed, by what they are for, with the kinds
// of objects that they make beside those of required.
var sets = []struct{ name, values, kinds string }{
	{"required", `{existingSecret: {name: ferry}}`, ""},
	{"webhooks and an ingress", `{existingSecret: {name: ferry, appSecretKey: app, webhookVerifyTokenKey: verify}, ingress: {enabled: true, host: ferry.example.com, className: nginx, tlsSecret: tls}}`, "Ingress"},
	{"only the webhook from outside", `{existingSecret: {name: ferry}, ingress: {enabled: true, host: ferry.example.com, webhookOnly: true, annotations: {a: b}}}`, "Ingress"},
	{"a console", `{existingSecret: {name: ferry}, console: {enabled: true, url: "https://console.example.com"}, networkPolicy: {operatorFrom: [{namespaceSelector: {matchLabels: {name: operators}}}]}}`, "Service"},
	{"autoscaling by uploads", `{existingSecret: {name: ferry}, autoscaling: {enabled: true, minReplicas: 3, maxReplicas: 20, uploadsInFlight: 64}}`, "HorizontalPodAutoscaler"},
	{"the operator of Prometheus", `{existingSecret: {name: ferry}, metrics: {serviceMonitor: {enabled: true, labels: {release: prometheus}}, prometheusRule: {enabled: true}}}`, "ServiceMonitor PrometheusRule"},
	{"stores inside of the cluster", `{existingSecret: {name: ferry}, serviceAccount: {annotations: {role: "arn:aws:iam::111122223333:role/ferry"}}, config: {region: eu-west-1, store: [{buckets: ["*"], endpoint: "https://s3.storage", path_style: true}]}, networkPolicy: {stores: [{port: 9000, to: [{namespaceSelector: {matchLabels: {name: storage}}}]}], database: {port: 5433, to: [{podSelector: {matchLabels: {app: db}}}]}}}`, ""},
	{"placement, and nothing that can be left out", `{existingSecret: {name: ferry}, image: {repository: registry.example.com/ferry, tag: "1.2.3@sha256:abc"}, imagePullSecrets: [{name: pull}], serviceAccount: {name: own}, replicas: 5, metrics: {enabled: false}, networkPolicy: {enabled: false}, podDisruptionBudget: {enabled: false}, topologyKeys: [], nodeSelector: {disk: fast}, tolerations: [{key: a, operator: Exists}], affinity: {podAntiAffinity: {}}, podAnnotations: {a: b}, podLabels: {c: d}, hosts: [ferry.example.com], env: [{name: AWS_REGION, value: eu-west-1}]}`, ""},
}

// rendered are the objects of a release, by kind.
type rendered map[string][]string

func render(t *testing.T, values string) (rendered, error) {
	t.Helper()
	chart, err := loader.LoadDir("ferry")
	if err != nil {
		t.Fatal(err)
	}
	var given map[string]any
	if err := yaml.Unmarshal([]byte(values), &given); err != nil {
		t.Fatal(err)
	}
	all, err := util.ToRenderValues(chart, given, chartutil.ReleaseOptions{Name: "prod", Namespace: "messaging", IsInstall: true}, nil)
	if err != nil {
		return nil, err
	}
	files, err := engine.Render(chart, all)
	if err != nil {
		return nil, err
	}
	objects := rendered{}
	for name, text := range files {
		if !strings.HasSuffix(name, ".yaml") {
			continue
		}
		for object := range strings.SplitSeq(text, "\n---\n") {
			var header struct{ Kind string }
			if err := yaml.Unmarshal([]byte(object), &header); err != nil {
				t.Fatalf("%s: %v\n%s", name, err, object)
			}
			if header.Kind != "" {
				objects[header.Kind] = append(objects[header.Kind], object)
			}
		}
	}
	return objects, nil
}

// decode decodes an object; a field that Kubernetes does not know is an error.
func decode[T any](t *testing.T, object string) (value T) {
	t.Helper()
	if err := yaml.UnmarshalStrict([]byte(object), &value); err != nil {
		t.Errorf("%v\n%s", err, object)
	}
	return value
}

func TestChartRendersObjectsThatKubernetesKnows(t *testing.T) {
	for _, set := range sets {
		t.Run(set.name, func(t *testing.T) {
			objects, err := render(t, set.values)
			if err != nil {
				t.Fatal(err)
			}
			for kind := range strings.FieldsSeq("Deployment ConfigMap Service " + set.kinds) {
				if len(objects[kind]) == 0 {
					t.Errorf("there is no %s", kind)
				}
			}
			for kind, list := range objects {
				for _, object := range list {
					decodeKind(t, kind, object)
				}
			}
		})
	}
}

func decodeKind(t *testing.T, kind, object string) {
	t.Helper()
	switch kind {
	case "Deployment":
		checkDeployment(t, decode[appsv1.Deployment](t, object))
	case "ConfigMap":
		decode[corev1.ConfigMap](t, object)
	case "ServiceAccount":
		decode[corev1.ServiceAccount](t, object)
	case "Service":
		decode[corev1.Service](t, object)
	case "Ingress":
		decode[networkingv1.Ingress](t, object)
	case "NetworkPolicy":
		checkNetworkPolicy(t, decode[networkingv1.NetworkPolicy](t, object))
	case "PodDisruptionBudget":
		decode[policyv1.PodDisruptionBudget](t, object)
	case "HorizontalPodAutoscaler":
		decode[autoscalingv2.HorizontalPodAutoscaler](t, object)
	case "ServiceMonitor", "PrometheusRule": // not of Kubernetes itself
	default:
		t.Errorf("the kind %s is not expected", kind)
	}
}

// checkDeployment checks that pods have no rights, and are ready and stopped as ferry says.
func checkDeployment(t *testing.T, d appsv1.Deployment) {
	t.Helper()
	pod := d.Spec.Template.Spec
	c := pod.Containers[0]
	if d.Spec.Replicas != nil && *d.Spec.Replicas < 2 {
		t.Errorf("%d replicas", *d.Spec.Replicas)
	}
	s := c.SecurityContext
	if !*pod.SecurityContext.RunAsNonRoot || !*s.ReadOnlyRootFilesystem || *s.AllowPrivilegeEscalation || len(s.Capabilities.Drop) != 1 || s.Capabilities.Drop[0] != "ALL" || *pod.AutomountServiceAccountToken {
		t.Error("the container has rights that it does not need")
	}
	if c.LivenessProbe.HTTPGet.Path != "/livez" || c.ReadinessProbe.HTTPGet.Path != "/readyz" || c.StartupProbe == nil {
		t.Error("the probes are not those of ferry")
	}
	if *pod.TerminationGracePeriodSeconds <= 10+30 { // drainDelay and drainTimeout
		t.Errorf("pods are killed after %d s", *pod.TerminationGracePeriodSeconds)
	}
	for _, v := range c.Env {
		if v.Name == "FERRY_DATABASE" && (v.Value != "" || v.ValueFrom.SecretKeyRef.Name != "ferry") {
			t.Error("the URL of the database is not from the secret")
		}
	}
}

// checkNetworkPolicy checks that pods cannot reach the metadata service of clouds.
func checkNetworkPolicy(t *testing.T, p networkingv1.NetworkPolicy) {
	t.Helper()
	for _, rule := range p.Spec.Egress {
		for _, peer := range rule.To {
			if peer.IPBlock != nil && peer.IPBlock.CIDR == "0.0.0.0/0" && !strings.Contains(strings.Join(peer.IPBlock.Except, " "), "169.254.0.0/16") {
				t.Error("pods may reach 169.254.169.254")
			}
			if peer.IPBlock != nil && peer.IPBlock.CIDR == "::/0" && !strings.Contains(strings.Join(peer.IPBlock.Except, " "), "fd00:ec2::254/128") {
				t.Error("pods may reach fd00:ec2::254")
			}
		}
		if len(rule.To) == 0 {
			for _, port := range rule.Ports {
				if n := port.Port.IntValue(); n == 80 || n == 443 {
					t.Errorf("pods may reach port %d of every address", n)
				}
			}
		}
	}
}

func TestChartPassesHelmLint(t *testing.T) {
	for _, set := range sets {
		var values map[string]any
		if err := yaml.Unmarshal([]byte(set.values), &values); err != nil {
			t.Fatal(err)
		}
		for _, message := range lint.RunAll("ferry", values, "messaging").Messages {
			if message.Severity > support.InfoSev {
				t.Errorf("%s: %s", set.name, message)
			}
		}
	}
}

func TestValuesThatCannotWorkAreRefused(t *testing.T) {
	for values, want := range map[string]string{
		`{}`: "existingSecret",
		`{existingSecret: {name: ferry}, replica: 3}`:                                       "replica",
		`{existingSecret: {name: ferry}, config: {database: "postgres://ferry:secret@db"}}`: "database",
		`{existingSecret: {name: ferry}, autoscaling: {minReplicas: 1}}`:                    "minReplicas",
		`{existingSecret: {name: ferry}, drainDelay: 10}`:                                   "drainDelay",
		`{existingSecret: {name: ferry}, console: {enabled: true}}`:                         "console.url is required",
		`{existingSecret: {name: ferry}, ingress: {enabled: true}}`:                         "ingress.host is required",
		`{existingSecret: {name: ferry, appSecretKey: app}}`:                                "webhookVerifyTokenKey is required",
		`{existingSecret: {name: ferry}, networkPolicy: {stores: [{port: 80}]}}`:            "to",
	} {
		if _, err := render(t, values); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want an error about %s", values, err, want)
		}
	}
}

func TestChartHasTheAlertsOfThisRepository(t *testing.T) {
	ours, err := os.ReadFile("../prometheus/rules.yaml")
	if err != nil {
		t.Fatal(err)
	}
	packed, err := os.ReadFile("ferry/files/rules.yaml")
	if err != nil || string(ours) != string(packed) {
		t.Error("deploy/helm/ferry/files/rules.yaml is not a copy of deploy/prometheus/rules.yaml; copy it", err)
	}
	objects, err := render(t, sets[5].values)
	if err != nil {
		t.Fatal(err)
	}
	if text := strings.Join(objects["PrometheusRule"], ""); !strings.Contains(text, "alert: FerryUploadsFail") || !strings.Contains(text, "{{ $value | humanizePercentage }}") {
		t.Errorf("the rules of the chart are\n%s", text)
	}
}
