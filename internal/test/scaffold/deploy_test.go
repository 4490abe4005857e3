package scaffold_test

import (
	"bytes"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	cosiv1alpha1 "sigs.k8s.io/container-object-storage-interface/client/apis/objectstorage/v1alpha1"
	"sigs.k8s.io/json"
	"sigs.k8s.io/yaml"
)

// manifests holds the objects of deploy/, each in the type of its kind.
type manifests struct {
	namespace    corev1.Namespace
	account      corev1.ServiceAccount
	clusterRole  rbacv1.ClusterRole
	clusterBind  rbacv1.ClusterRoleBinding
	role         rbacv1.Role
	bind         rbacv1.RoleBinding
	deployment   appsv1.Deployment
	bucketClass  cosiv1alpha1.BucketClass
	accessClass  cosiv1alpha1.BucketAccessClass
	bucketClaim  cosiv1alpha1.BucketClaim
	bucketAccess cosiv1alpha1.BucketAccess

	// Of components. internal/test/monitoring reads the last two in the types of their kinds.
	budget        policyv1.PodDisruptionBudget
	networkPolicy networkingv1.NetworkPolicy
	monitor, rule map[string]any
}

// kinds maps the kinds of every driver, and of the components, to where their object is kept.
func (m *manifests) kinds(components ...string) map[string]any {
	kinds := map[string]any{
		"v1/Namespace": &m.namespace, "v1/ServiceAccount": &m.account, "apps/v1/Deployment": &m.deployment,
		"rbac.authorization.k8s.io/v1/ClusterRole": &m.clusterRole, "rbac.authorization.k8s.io/v1/ClusterRoleBinding": &m.clusterBind,
		"rbac.authorization.k8s.io/v1/Role": &m.role, "rbac.authorization.k8s.io/v1/RoleBinding": &m.bind,
		"objectstorage.k8s.io/v1alpha1/BucketClass": &m.bucketClass, "objectstorage.k8s.io/v1alpha1/BucketAccessClass": &m.accessClass,
	}
	for _, name := range components {
		switch name {
		case "ha":
			kinds["policy/v1/PodDisruptionBudget"] = &m.budget
		case "networkpolicy":
			kinds["networking.k8s.io/v1/NetworkPolicy"] = &m.networkPolicy
		case "monitoring":
			kinds["monitoring.coreos.com/v1/PodMonitor"], kinds["monitoring.coreos.com/v1/PrometheusRule"] = &m.monitor, &m.rule
		}
	}
	return kinds
}

// readManifests parses every document of deploy/ strictly, and fails on an unknown or duplicate field. The components are left out.
func readManifests(t *testing.T, folder string) *manifests {
	t.Helper()
	m := &manifests{}
	kinds := m.kinds()
	kinds["objectstorage.k8s.io/v1alpha1/BucketClaim"], kinds["objectstorage.k8s.io/v1alpha1/BucketAccess"] = &m.bucketClaim, &m.bucketAccess
	files, err := filepath.Glob(filepath.Join(folder, "deploy", "*.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		if filepath.Base(name) != "kustomization.yaml" {
			decode(t, name, read(t, "", name), kinds)
		}
	}
	for kind := range kinds {
		t.Errorf("deploy/ holds no %s, want one", kind)
	}
	return m
}

// decode parses documents into the objects of their kinds, and strikes those off.
func decode(t *testing.T, name string, text []byte, kinds map[string]any) {
	t.Helper()
	for document := range bytes.SplitSeq(text, []byte("\n---\n")) {
		var head struct {
			APIVersion string `json:"apiVersion"`
			Kind       string `json:"kind"`
		}
		document, err := yaml.YAMLToJSONStrict(document) // as kubectl does, which knows no types: on becomes true
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if err := json.UnmarshalCaseSensitivePreserveInts(document, &head); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		object, ok := kinds[head.APIVersion+"/"+head.Kind]
		if !ok {
			t.Fatalf("%s holds an unexpected or duplicate %s %s, want one of each expected kind", name, head.APIVersion, head.Kind)
		}
		delete(kinds, head.APIVersion+"/"+head.Kind)
		if strict, err := json.UnmarshalStrict(document, object); err != nil || len(strict) > 0 { // as the API server does
			t.Errorf("%s: %v, %v", name, err, strict)
		}
	}
}

func TestDeployment(t *testing.T) {
	t.Parallel()
	forEach(t, func(t *testing.T, d deployed) {
		m := readManifests(t, d.folder)
		if spec := m.deployment.Spec; spec.Strategy.Type != appsv1.RecreateDeploymentStrategyType || *spec.Replicas != 1 {
			t.Errorf("strategy is %q with %d replicas, want Recreate with one", spec.Strategy.Type, *spec.Replicas)
		}
		template := m.deployment.Spec.Template
		for key, value := range m.deployment.Spec.Selector.MatchLabels {
			if template.Labels[key] != value {
				t.Errorf("the selector has %s=%s, want a label of the pod", key, value)
			}
		}
		checkPod(t, template.Spec, d)
	})
}

func checkPod(t *testing.T, pod corev1.PodSpec, d deployed) {
	t.Helper()
	checkPodSecurity(t, pod)
	const longest = 27 // the driver's end: 20 s for calls, 7 s for the rest
	if grace := pod.TerminationGracePeriodSeconds; grace == nil || *grace < longest {
		t.Errorf("the pod has a short grace period or none, want at least %d s", longest)
	}
	driver, sidecar := pod.Containers[0], pod.Containers[1]
	if sidecar.Image != "registry.k8s.io/sig-storage/objectstorage-sidecar:v0.2.2" {
		t.Errorf("sidecar image is %q", sidecar.Image)
	}
	for _, c := range pod.Containers {
		checkContainer(t, c)
		if mountOf(c, "socket") != "/var/lib/cosi" {
			t.Errorf("%s has the socket's folder at %q", c.Name, mountOf(c, "socket"))
		}
	}
	checkProbes(t, driver, d.asksStore)
	checkSocketVolume(t, volume(t, pod, "socket"))
	checkToken(t, pod, driver, sidecar)
	checkKeys(t, volume(t, pod, "keys"), driver, sidecar)
	checkEnv(t, driver, d.env)
}

// checkKeys checks that only the driver mounts the Secret with the store's keys, as files that others cannot read.
func checkKeys(t *testing.T, keys corev1.Volume, driver, sidecar corev1.Container) {
	t.Helper()
	if keys.Secret == nil || mountOf(driver, "keys") == "" || mountOf(sidecar, "keys") != "" {
		t.Fatal("the store's keys are not a Secret that the driver alone mounts")
	}
	if mode := keys.Secret.DefaultMode; mode == nil || *mode != 0o440 {
		t.Error("the store's keys have another mode, want 0440")
	}
}

// checkEnv checks the variables of the driver, and that the variables of keys name files of the Secret.
func checkEnv(t *testing.T, driver corev1.Container, want []string) {
	t.Helper()
	var names []string
	for _, v := range driver.Env {
		names = append(names, v.Name)
		if v.ValueFrom != nil || v.Value == "" {
			t.Errorf("%s has no plain value, want one", v.Name)
		}
		isKey, isFile := strings.Contains(v.Name, "KEY"), strings.HasSuffix(v.Name, "_FILE")
		if isKey != isFile || isFile && filepath.Dir(v.Value) != mountOf(driver, "keys") {
			t.Errorf("%s is %q, want a file of the Secret", v.Name, v.Value)
		}
	}
	if !slices.Equal(names, want) {
		t.Errorf("the driver's environment holds %q, not %q", names, want)
	}
}

func checkPodSecurity(t *testing.T, pod corev1.PodSpec) {
	t.Helper()
	s := pod.SecurityContext
	if *s.RunAsUser != 65532 || *s.RunAsGroup != 65532 || *s.FSGroup != 65532 || !*s.RunAsNonRoot {
		t.Errorf("the pod runs with %+v, want the user 65532", s)
	}
	if s.SeccompProfile.Type != corev1.SeccompProfileTypeRuntimeDefault {
		t.Errorf("seccomp profile is %q", s.SeccompProfile.Type)
	}
	if len(pod.Containers) != 2 || pod.HostNetwork || pod.HostPID || pod.HostIPC {
		t.Error("the pod has other containers or shares namespaces, want two separate containers")
	}
}

func checkContainer(t *testing.T, c corev1.Container) {
	t.Helper()
	s := c.SecurityContext
	if !*s.ReadOnlyRootFilesystem || *s.AllowPrivilegeEscalation || s.Privileged != nil || s.RunAsUser != nil {
		t.Errorf("%s: security context is %+v", c.Name, s)
	}
	if !slices.Equal(s.Capabilities.Drop, []corev1.Capability{"ALL"}) || len(s.Capabilities.Add) != 0 {
		t.Errorf("%s: capabilities are %+v", c.Name, s.Capabilities)
	}
	if len(c.Ports) != 0 {
		t.Errorf("%s opens ports, want none", c.Name)
	}
	if c.Resources.Limits.Memory().IsZero() {
		t.Errorf("%s has no memory limit, want one", c.Name)
	}
}

// checkProbes checks that every probe uses the driver's own health check. When that check asks the store, only
// readiness may depend on it, because a missing store is no reason to restart.
func checkProbes(t *testing.T, driver corev1.Container, asksStore bool) {
	t.Helper()
	probes := map[string]*corev1.Probe{"readiness": driver.ReadinessProbe}
	if asksStore {
		if driver.StartupProbe != nil || driver.LivenessProbe != nil {
			t.Error("a missing store restarts the driver, want it to keep running")
		}
	} else {
		probes["startup"], probes["liveness"] = driver.StartupProbe, driver.LivenessProbe
	}
	for name, probe := range probes {
		if probe == nil || probe.Exec == nil || !slices.Equal(probe.Exec.Command, []string{"/driver", "-healthcheck"}) {
			t.Errorf("%s probe is %+v", name, probe)
		}
	}
}

func checkSocketVolume(t *testing.T, v corev1.Volume) {
	t.Helper()
	if v.EmptyDir == nil || v.EmptyDir.Medium != corev1.StorageMediumMemory {
		t.Fatalf("the socket's volume is %+v", v)
	}
	if most := resource.MustParse("16Mi"); v.EmptyDir.SizeLimit == nil || v.EmptyDir.SizeLimit.Cmp(most) > 0 {
		t.Errorf("the socket's volume may grow to %v", v.EmptyDir.SizeLimit)
	}
}

// checkToken checks that only the sidecar has a token for the API server.
func checkToken(t *testing.T, pod corev1.PodSpec, driver, sidecar corev1.Container) {
	t.Helper()
	if pod.AutomountServiceAccountToken == nil || *pod.AutomountServiceAccountToken {
		t.Error("every container mounts a token, want only the sidecar to mount one")
	}
	for _, v := range pod.Volumes {
		if v.Projected == nil {
			continue
		}
		if mountOf(driver, v.Name) != "" {
			t.Errorf("the driver mounts %s, want the sidecar alone to mount it", v.Name)
		}
		if mountOf(sidecar, v.Name) != "/var/run/secrets/kubernetes.io/serviceaccount" {
			t.Errorf("the sidecar has its token at %q", mountOf(sidecar, v.Name))
		}
		return
	}
	t.Error("the sidecar has no token, want one")
}

func volume(t *testing.T, pod corev1.PodSpec, name string) corev1.Volume {
	t.Helper()
	for _, v := range pod.Volumes {
		if v.Name == name {
			return v
		}
	}
	t.Fatalf("the pod has no volume %q", name)
	return corev1.Volume{}
}

func mountOf(c corev1.Container, name string) string {
	for _, m := range c.VolumeMounts {
		if m.Name == name {
			return m.MountPath
		}
	}
	return ""
}

// TestRBAC lists every permission, so that a new permission is a deliberate decision.
func TestRBAC(t *testing.T) {
	t.Parallel()
	forEach(t, func(t *testing.T, d deployed) { checkRBAC(t, readManifests(t, d.folder)) })
}

func checkRBAC(t *testing.T, m *manifests) {
	t.Helper()
	const cosi = "objectstorage.k8s.io/"
	want := []string{
		"/events create", "/events patch",
		"/secrets create", "/secrets delete", "/secrets get", "/secrets update",
		cosi + "bucketaccessclasses get",
		cosi + "bucketaccesses delete", cosi + "bucketaccesses list", cosi + "bucketaccesses update", cosi + "bucketaccesses watch",
		cosi + "bucketaccesses/status update",
		cosi + "bucketclaims get", cosi + "bucketclaims update", cosi + "bucketclaims/status update",
		cosi + "bucketclasses get",
		cosi + "buckets get", cosi + "buckets list", cosi + "buckets update", cosi + "buckets watch", cosi + "buckets/status update",
	}
	if got := permissions(m.clusterRole.Rules); !slices.Equal(got, want) {
		t.Errorf("in the cluster:\n got %q\nwant %q", got, want)
	}
	leases := "coordination.k8s.io/leases "
	if got := permissions(m.role.Rules); !slices.Equal(got, []string{leases + "create", leases + "get", leases + "update"}) {
		t.Errorf("in the namespace: %q", got)
	}
	subject := []rbacv1.Subject{{Kind: "ServiceAccount", Name: m.account.Name, Namespace: m.namespace.Name}}
	if !slices.Equal(m.clusterBind.Subjects, subject) || !slices.Equal(m.bind.Subjects, subject) {
		t.Error("the roles have other subjects, want the service account alone")
	}
	if m.deployment.Spec.Template.Spec.ServiceAccountName != m.account.Name || m.deployment.Namespace != m.namespace.Name {
		t.Error("the deployment runs as another account, want the service account")
	}
	if m.namespace.Labels["pod-security.kubernetes.io/enforce"] != "restricted" {
		t.Error("the namespace enforces another profile, want restricted")
	}
}

func permissions(rules []rbacv1.PolicyRule) []string {
	var list []string
	for _, rule := range rules {
		for _, group := range rule.APIGroups {
			for _, r := range rule.Resources {
				for _, verb := range rule.Verbs {
					list = append(list, group+"/"+r+" "+verb)
				}
			}
		}
	}
	slices.Sort(list)
	return list
}

func TestSamples(t *testing.T) {
	t.Parallel()
	forEach(t, func(t *testing.T, d deployed) {
		m := readManifests(t, d.folder)
		if m.bucketClass.DriverName != d.name || m.accessClass.DriverName != d.name {
			t.Error("the classes name another driver, want this one")
		}
		if m.accessClass.AuthenticationType != cosiv1alpha1.AuthenticationTypeKey || m.bucketClass.DeletionPolicy != cosiv1alpha1.DeletionPolicyDelete {
			t.Errorf("classes: %q, %q", m.accessClass.AuthenticationType, m.bucketClass.DeletionPolicy)
		}
		if m.bucketClaim.Spec.BucketClassName != m.bucketClass.Name || m.bucketAccess.Spec.BucketAccessClassName != m.accessClass.Name ||
			m.bucketAccess.Spec.BucketClaimName != m.bucketClaim.Name || m.bucketAccess.Namespace != m.bucketClaim.Namespace {
			t.Error("the samples name other objects, want the classes and each other")
		}
		asked := append(slices.Clone(m.bucketClaim.Spec.Protocols), m.bucketAccess.Spec.Protocol)
		for _, protocol := range asked {
			if len(asked) != 2 || !strings.EqualFold(string(protocol), string(d.protocol)) {
				t.Errorf("the samples ask for %q", asked)
			}
		}
	})
}
