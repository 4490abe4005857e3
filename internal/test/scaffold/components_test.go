package scaffold_test

import (
	"bytes"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// allExtras lists what -with may name; components lists those of them that are Kustomize components.
var (
	allExtras  = []string{"ci", "ha", "monitoring", "networkpolicy"}
	components = allExtras[1:]
)

// subsets returns every choice of names.
func subsets(names []string) [][]string {
	all := [][]string{{}}
	for _, name := range names {
		for _, chosen := range slices.Clone(all) {
			all = append(all, append(slices.Clone(chosen), name))
		}
	}
	return all
}

// buildManifests parses what kustomize makes of deploy/ strictly, and expects the objects of the components and no others.
func buildManifests(t *testing.T, folder string, components ...string) *manifests {
	t.Helper()
	m := &manifests{}
	kinds := m.kinds(components...)
	decode(t, "what kustomize builds", build(t, filepath.Join(folder, "deploy")), kinds)
	for kind := range kinds {
		t.Errorf("kustomize builds no %s, want one", kind)
	}
	return m
}

// build returns what "kubectl apply -k" applies.
func build(t *testing.T, folder string) []byte {
	t.Helper()
	var errors bytes.Buffer
	cmd := exec.CommandContext(t.Context(), kustomize, "build", folder)
	cmd.Stderr = &errors
	out, err := cmd.Output()
	if err != nil || errors.Len() > 0 {
		t.Fatalf("kustomize build: %v\n%s", err, &errors)
	}
	return out
}

// TestKustomization expects what kubectl applies of a driver to be its manifests, unchanged, without the samples.
func TestKustomization(t *testing.T) {
	t.Parallel()
	forEach(t, func(t *testing.T, d deployed) {
		want := readManifests(t, d.folder)
		want.bucketClaim, want.bucketAccess = manifests{}.bucketClaim, manifests{}.bucketAccess
		if got := buildManifests(t, d.folder); !reflect.DeepEqual(got, want) {
			t.Errorf("kustomize builds %+v, want %+v", got, want)
		}
	})
}

// TestComponents builds every choice of components, and expects each to add what it is for, and nothing to the others.
func TestComponents(t *testing.T) {
	t.Parallel()
	for _, chosen := range subsets(components) {
		t.Run(strings.Join(chosen, ","), func(t *testing.T) {
			t.Parallel()
			folder := scaffold(t, "cosi-osp", chosen...)
			m := buildManifests(t, folder, chosen...)
			want := readManifests(t, folder).deployment
			if slices.Contains(chosen, "ha") {
				doubled(&want)
				checkBudget(t, m)
			}
			if slices.Contains(chosen, "monitoring") {
				scraped(&want)
			}
			if slices.Contains(chosen, "networkpolicy") {
				checkNetworkPolicy(t, m)
			}
			if !reflect.DeepEqual(m.deployment, want) {
				t.Errorf("the Deployment is %+v, want %+v", m.deployment, want)
			}
			checkReplicas(t, m.deployment)
		})
	}
}

// doubled changes a Deployment as the component "ha" should.
func doubled(d *appsv1.Deployment) {
	two, none, one := int32(2), intstr.FromInt32(0), intstr.FromInt32(1)
	d.Spec.Replicas = &two
	d.Spec.Strategy = appsv1.DeploymentStrategy{
		Type:          appsv1.RollingUpdateDeploymentStrategyType,
		RollingUpdate: &appsv1.RollingUpdateDeployment{MaxSurge: &none, MaxUnavailable: &one},
	}
	d.Spec.Template.Spec.TopologySpreadConstraints = []corev1.TopologySpreadConstraint{{
		MaxSkew: 1, MinDomains: &two, TopologyKey: "kubernetes.io/hostname", WhenUnsatisfiable: corev1.DoNotSchedule, LabelSelector: d.Spec.Selector,
	}}
}

// scraped changes a Deployment as the component "monitoring" should: the driver's container alone.
func scraped(d *appsv1.Deployment) {
	driver := &d.Spec.Template.Spec.Containers[0]
	driver.Ports = []corev1.ContainerPort{{Name: "metrics", ContainerPort: 9464}}
	driver.Env = []corev1.EnvVar{
		{Name: "OTEL_METRICS_EXPORTER", Value: "prometheus"}, {Name: "OTEL_EXPORTER_PROMETHEUS_HOST", Value: "0.0.0.0"},
	}
}

// checkReplicas refuses what would end every replica at once, and selectors that have lost their pods.
func checkReplicas(t *testing.T, d appsv1.Deployment) {
	t.Helper()
	if recreated := d.Spec.Strategy.Type == appsv1.RecreateDeploymentStrategyType; recreated != (*d.Spec.Replicas == 1) {
		t.Errorf("%d replicas have the strategy %s, want Recreate for one alone", *d.Spec.Replicas, d.Spec.Strategy.Type)
	}
	checkSelects(t, d, d.Spec.Selector)
	for _, constraint := range d.Spec.Template.Spec.TopologySpreadConstraints {
		checkSelects(t, d, constraint.LabelSelector)
	}
}

// checkSelects expects a selector to select the pods of a Deployment, and not every pod there is.
func checkSelects(t *testing.T, d appsv1.Deployment, s *metav1.LabelSelector) {
	t.Helper()
	selector, err := metav1.LabelSelectorAsSelector(s)
	if err != nil || selector.Empty() || !selector.Matches(labels.Set(d.Spec.Template.Labels)) {
		t.Errorf("%v (%v) selects other pods than those of %v", s, err, d.Spec.Template.Labels)
	}
}

func checkBudget(t *testing.T, m *manifests) {
	t.Helper()
	checkSelects(t, m.deployment, m.budget.Spec.Selector)
	allowed := m.budget.Spec.MaxUnavailable
	if m.budget.Namespace != m.deployment.Namespace || allowed == nil || allowed.IntValue() != 1 {
		t.Errorf("the budget in %q allows %v pods to be missing, want one of the driver's namespace", m.budget.Namespace, allowed)
	}
}

// checkNetworkPolicy expects a way in to the ports that the driver names, and to no others.
func checkNetworkPolicy(t *testing.T, m *manifests) {
	t.Helper()
	policy := m.networkPolicy
	checkSelects(t, m.deployment, &policy.Spec.PodSelector)
	if policy.Namespace != m.deployment.Namespace || !slices.Equal(policy.Spec.PolicyTypes, []networkingv1.PolicyType{networkingv1.PolicyTypeIngress}) {
		t.Errorf("the policy in %q is about %v, want the way in of the driver's namespace", policy.Namespace, policy.Spec.PolicyTypes)
	}
	var open, ports []string
	for _, rule := range policy.Spec.Ingress {
		for _, port := range rule.Ports {
			open = append(open, port.Port.String())
		}
		if len(rule.Ports) == 0 {
			open = append(open, "every port")
		}
	}
	for _, container := range m.deployment.Spec.Template.Spec.Containers {
		for _, port := range container.Ports {
			ports = append(ports, port.Name)
		}
	}
	if !slices.Equal(open, ports) {
		t.Errorf("the policy opens %q, want %q", open, ports)
	}
}

// mostFiles bounds what everybody gets.
const mostFiles = 20

// TestFiles expects each extra to add its own files, whatever the others are, and to change no file but those that name extras.
func TestFiles(t *testing.T) {
	t.Parallel()
	plain := files(t, scaffold(t, "cosi-osp"))
	if len(plain) > mostFiles {
		t.Errorf("a scaffold has %d files, want at most %d", len(plain), mostFiles)
	}
	adds := map[string][]string{
		"ci":            {".github/workflows/ci.yaml", ".golangci.yml"},
		"ha":            {"deploy/ha/disruptions.yaml", "deploy/ha/kustomization.yaml", "deploy/ha/replicas.yaml"},
		"networkpolicy": {"deploy/networkpolicy/kustomization.yaml", "deploy/networkpolicy/networkpolicy.yaml"},
		"monitoring": {
			"deploy/monitoring/alerts.yaml", "deploy/monitoring/dashboard.json", "deploy/monitoring/kustomization.yaml",
			"deploy/monitoring/podmonitor.yaml", "deploy/monitoring/port.yaml",
		},
	}
	for _, chosen := range subsets(allExtras) {
		t.Run(strings.Join(chosen, ","), func(t *testing.T) {
			t.Parallel()
			got := files(t, scaffold(t, "cosi-osp", chosen...))
			for _, name := range chosen {
				for _, file := range adds[name] {
					if got[file] == "" {
						t.Errorf("%s is missing, want it from %s", file, name)
					}
					delete(got, file)
				}
			}
			for file, text := range got {
				was, ok := plain[file]
				if names := file == "README.md" || file == "deploy/kustomization.yaml"; !ok || !names && text != was {
					t.Errorf("%s is new or changed, want it as without extras", file)
				}
			}
			if len(got) != len(plain) {
				t.Errorf("%d files are left, want the %d of every scaffold", len(got), len(plain))
			}
		})
	}
}
