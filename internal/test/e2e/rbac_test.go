//go:build e2e

package e2e_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	authv1 "k8s.io/api/authorization/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// noneIdle takes away the permissions of the ServiceAccount, one at a time, and expects the story of a whole life to
// fail.
func noneIdle(s *story) {
	s.driver()
	if err, _ := s.wholeLife(""); err != nil {
		s.Fatalf("with all permissions: %v", err)
	}
	cluster, err := s.kube.RbacV1().ClusterRoles().Get(s.Context(), "cosi-osp", metav1.GetOptions{})
	must(s.T, err)
	role, err := s.kube.RbacV1().Roles("cosi-osp").Get(s.Context(), "cosi-osp", metav1.GetOptions{})
	must(s.T, err)
	all := append(permissions(cluster.Rules), permissions(role.Rules)...)
	idle := 0
	for _, p := range all {
		s.Run(strings.ReplaceAll(p.String(), "/", "_"), func(t *testing.T) {
			part := *s
			part.T = t
			part.takeAway(p, cluster, role)
			err, refused := part.wholeLife(p.String())
			switch {
			case err != nil:
				say("  without %-58s %v", p.String()+":", err)
			case refused && slower[p.String()] != "":
				say("  without %-58s %s", p.String()+":", slower[p.String()])
			default:
				idle++
				t.Errorf("%q is idle, want the life story to fail without it", p)
			}
		})
	}
	s.figure(fmt.Sprintf("%d permissions, %d idle", len(all), idle))
}

// slower lists the permissions whose absence may only delay a life, with the sidecar's calls that need them.
var slower = map[string]string{
	"objectstorage.k8s.io/buckets watch":        "refused; the informer's watch: it lists again instead, up to 30 s late",
	"objectstorage.k8s.io/bucketaccesses watch": "refused; the informer's watch: it lists again instead, up to 30 s late",
}

// permission allows a verb on a resource.
type permission struct{ group, resource, verb string }

// String returns the permission in the form of apicalls.Call.
func (p permission) String() string { return p.group + "/" + p.resource + " " + p.verb }

func permissions(rules []rbacv1.PolicyRule) []permission {
	var all []permission
	for _, rule := range rules {
		for _, group := range rule.APIGroups {
			for _, resource := range rule.Resources {
				for _, verb := range rule.Verbs {
					all = append(all, permission{group, resource, verb})
				}
			}
		}
	}
	return all
}

// rulesWithout returns the rules without the missing permission.
func rulesWithout(rules []rbacv1.PolicyRule, missing permission) []rbacv1.PolicyRule {
	var left []rbacv1.PolicyRule
	for _, p := range permissions(rules) {
		if p != missing {
			left = append(left, rbacv1.PolicyRule{APIGroups: []string{p.group}, Resources: []string{p.resource}, Verbs: []string{p.verb}})
		}
	}
	return left
}

// takeAway takes a permission away until the test ends, and waits until the API server knows.
func (s *story) takeAway(p permission, cluster *rbacv1.ClusterRole, role *rbacv1.Role) {
	s.Helper()
	s.roles(s.Context(), rulesWithout(cluster.Rules, p), rulesWithout(role.Rules, p))
	s.Cleanup(func() {
		s.roles(context.WithoutCancel(s.Context()), cluster.Rules, role.Rules)
	})
	eventually(s.T, p.String()+" is denied", func() bool { return !s.allowed(p) })
}

func (s *story) roles(ctx context.Context, cluster, namespace []rbacv1.PolicyRule) {
	s.Helper()
	c, err := s.kube.RbacV1().ClusterRoles().Get(ctx, "cosi-osp", metav1.GetOptions{})
	must(s.T, err)
	c.Rules = cluster
	_, err = s.kube.RbacV1().ClusterRoles().Update(ctx, c, metav1.UpdateOptions{})
	must(s.T, err)
	r, err := s.kube.RbacV1().Roles("cosi-osp").Get(ctx, "cosi-osp", metav1.GetOptions{})
	must(s.T, err)
	r.Rules = namespace
	_, err = s.kube.RbacV1().Roles("cosi-osp").Update(ctx, r, metav1.UpdateOptions{})
	must(s.T, err)
}

// allowed asks the API server whether the ServiceAccount has a permission.
func (s *story) allowed(p permission) bool {
	s.Helper()
	resource, subresource, _ := strings.Cut(p.resource, "/")
	review, err := s.kube.AuthorizationV1().SubjectAccessReviews().Create(s.Context(), &authv1.SubjectAccessReview{Spec: authv1.SubjectAccessReviewSpec{
		User: "system:serviceaccount:cosi-osp:cosi-osp",
		ResourceAttributes: &authv1.ResourceAttributes{
			Namespace: "cosi-osp", Group: p.group, Resource: resource, Subresource: subresource, Verb: p.verb,
		},
	}}, metav1.CreateOptions{})
	must(s.T, err)
	return review.Status.Allowed
}
