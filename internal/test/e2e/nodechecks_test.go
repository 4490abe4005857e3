//go:build e2e && linux

package e2e_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	proto "sigs.k8s.io/container-object-storage-interface/proto"
)

// owner is the user and the group that the scaffold's manifests name.
const owner = 65532

// locked checks what the kubelet made of the pod's security context: the group of the volumes, the users of both processes and
// their rights, and root file systems that nobody can write to.
func locked(t *testing.T, p *nodePod) {
	socket := p.volume("empty-dir", "socket")
	checkOwner(t, socket, 0, owner, os.ModeDir|os.ModeSetgid|0o070, os.ModeDir|os.ModeSetgid|0o070)
	checkOwner(t, filepath.Join(socket, "cosi.sock"), owner, owner, os.ModeSocket|0o755, os.ModeType|os.ModePerm)
	for _, container := range []string{"driver", "sidecar"} {
		folder := fmt.Sprintf("/proc/%d", p.pid(container))
		status := procStatus(folder)
		for field, want := range map[string]string{
			"Uid": "65532 65532 65532 65532", "Gid": "65532 65532 65532 65532", "Groups": "65532", "CapEff": "0000000000000000",
			"CapBnd": "0000000000000000", "NoNewPrivs": "1", "Seccomp": "2",
		} {
			if got := strings.Join(strings.Fields(status[field]), " "); got != want {
				t.Errorf("the process of %s has %s %q, want %q", container, field, got, want)
			}
		}
		probe := func(dir string) error {
			file := filepath.Join(folder, "root", dir, "probe")
			return errors.Join(os.WriteFile(file, nil, 0o600), os.Remove(file))
		}
		if err := probe("/"); !errors.Is(err, syscall.EROFS) {
			t.Errorf("root writes to the root of %s: %v, want %v", container, err, syscall.EROFS)
		}
		if err := probe("/var/lib/cosi"); err != nil {
			t.Errorf("root writes to the volume of %s: %v, want success", container, err)
		}
	}
}

// checkOwner compares a file's user, group, and those bits of its mode that the mask has.
func checkOwner(t *testing.T, file string, uid, gid uint32, mode, mask os.FileMode) {
	t.Helper()
	info, err := os.Stat(file)
	must(t, err)
	stat := info.Sys().(*syscall.Stat_t)
	if stat.Uid != uid || stat.Gid != gid || info.Mode()&mask != mode {
		t.Errorf("%s is %d:%d with mode %v, want %d:%d with %v", filepath.Base(file), stat.Uid, stat.Gid, info.Mode(), uid, gid, mode)
	}
}

// tokenIsThePods asks the API server whose token the kubelet has put into the sidecar, and expects the lease to be held with it: the
// sidecar has no other credential.
func tokenIsThePods(t *testing.T, p *nodePod) {
	file := filepath.Join(p.volume("projected", "token"), "token")
	checkOwner(t, file, owner, owner, 0o640, os.ModePerm) // a kubelet does not apply the manifest's mode to a token when all containers have one user
	token, err := os.ReadFile(file)
	must(t, err)
	review, err := p.kube.AuthenticationV1().TokenReviews().Create(t.Context(), &authenticationv1.TokenReview{
		Spec: authenticationv1.TokenReviewSpec{Token: string(token)},
	}, metav1.CreateOptions{})
	must(t, err)
	bound := review.Status.User.Extra["authentication.kubernetes.io/pod-name"]
	if got := review.Status.User.Username; got != "system:serviceaccount:cosi-osp:cosi-osp" || len(bound) != 1 || bound[0] != p.name {
		t.Errorf("the token is %q's of pod %q, want the ServiceAccount's of pod %s", got, bound, p.name)
	}
	if _, err := os.Stat(fmt.Sprintf("/proc/%d/root/var/run/secrets", p.pid("driver"))); !os.IsNotExist(err) {
		t.Errorf("the driver's secrets: %v, want none", err)
	}
	eventually(t, "the pod's sidecar holds the only lease", func() bool {
		leases, err := p.kube.CoordinationV1().Leases("cosi-osp").List(t.Context(), metav1.ListOptions{})
		if err != nil || len(leases.Items) != 1 {
			return false
		}
		holder := leases.Items[0].Spec.HolderIdentity
		return holder != nil && strings.HasPrefix(*holder, p.name)
	})
}

// lifeOnNode takes a claim and an access through their life.
func lifeOnNode(_ *testing.T, p *nodePod) {
	ready, secret, stuck := p.timed("first")
	p.figure(fmt.Sprintf("claim→ready %.2fs, claim→secret %.2fs, %d made anew", ready.Seconds(), secret.Seconds(), stuck))
}

// killedOnNode kills the driver, and expects the kubelet to start it again, the driver to take over the socket that the dead one
// left, and the sidecar, which lives on, to serve the next claim.
func killedOnNode(t *testing.T, p *nodePod) {
	before := p.container("driver")
	sidecar := p.container("sidecar").ContainerID
	socket := filepath.Join(p.volume("empty-dir", "socket"), "cosi.sock")
	left, err := os.Stat(socket)
	must(t, err)
	began := time.Now()
	must(t, syscall.Kill(p.pid("driver"), syscall.SIGKILL))
	eventually(t, "the driver is started again", func() bool { return p.container("driver").RestartCount == before.RestartCount+1 })
	p.waitReady()
	p.figure(fmt.Sprintf("ready %.1fs after a kill", time.Since(began).Seconds()))
	after := p.container("driver")
	if ended := after.LastTerminationState.Terminated; ended == nil || ended.ExitCode != 128+int32(syscall.SIGKILL) {
		t.Errorf("the driver's last end was %+v, want the exit code of a kill", ended)
	}
	if now, err := os.Stat(socket); err != nil || os.SameFile(left, now) {
		t.Errorf("the socket is still the one that the killed driver left (%v), want another", err)
	}
	p.timed("after-kill")
	if got := p.container("sidecar"); got.ContainerID != sidecar || got.RestartCount != 0 {
		t.Errorf("the sidecar was started %d times again, want 0", got.RestartCount)
	}
}

// drainedOnNode opens a call, deletes the pod, and sends the call's request only when the driver has begun to drain.
func drainedOnNode(t *testing.T, p *nodePod) {
	link := filepath.Join(p.folder, "v") // because the volume's path is too long for a socket
	must(t, os.Symlink(p.volume("empty-dir", "socket"), link))
	socket := filepath.Join(link, "cosi.sock")
	conn, err := grpc.NewClient("unix://"+socket, grpc.WithTransportCredentials(insecure.NewCredentials()))
	must(t, err)
	defer conn.Close()
	call, err := conn.NewStream(t.Context(), &grpc.StreamDesc{ClientStreams: true}, proto.Provisioner_DriverCreateBucket_FullMethodName)
	must(t, err)
	_, err = proto.NewIdentityClient(conn).DriverGetInfo(t.Context(), &proto.DriverGetInfoRequest{}) // arrives after the headers of the call
	must(t, err)
	pods := p.kube.CoreV1().Pods("cosi-osp")
	events, err := pods.Watch(t.Context(), metav1.ListOptions{FieldSelector: "metadata.name=" + p.name})
	must(t, err)
	defer events.Stop()
	grace := time.Duration(*p.get().Spec.TerminationGracePeriodSeconds) * time.Second
	began := time.Now()
	must(t, pods.Delete(t.Context(), p.name, metav1.DeleteOptions{}))
	eventually(t, "the driver drains", func() bool {
		_, err := os.Stat(socket)
		return os.IsNotExist(err)
	})
	must(t, call.SendMsg(&proto.DriverCreateBucketRequest{Name: "bucket-under-way"}))
	must(t, call.CloseSend())
	var answer proto.DriverCreateBucketResponse
	if err := call.RecvMsg(&answer); err != nil || answer.GetBucketId() != "bucket-under-way" {
		t.Errorf("the call under way is answered %v, %v, want its bucket", &answer, err)
	}
	answered := time.Since(began)
	ctx, cancel := context.WithTimeout(t.Context(), grace+limit)
	defer cancel()
	last := untilDeleted(ctx, t, events)
	took := time.Since(began)
	for _, c := range last.Status.ContainerStatuses {
		if c.State.Terminated == nil || c.State.Terminated.ExitCode != 0 {
			t.Errorf("%s ended as %+v, want exit code 0", c.Name, c.State)
		}
	}
	if took >= grace {
		t.Errorf("the pod was gone after %v, want less than its grace period, %v", took, grace)
	}
	p.figure(fmt.Sprintf("a call answered %.1fs after the pod's deletion, the pod gone after %.1fs of %.0fs", answered.Seconds(), took.Seconds(), grace.Seconds()))
}

// untilDeleted returns the last state of a pod.
func untilDeleted(ctx context.Context, t *testing.T, events watch.Interface) *corev1.Pod {
	t.Helper()
	for {
		select {
		case <-ctx.Done():
			t.Fatal("the pod is still there, want it gone")
		case event, ok := <-events.ResultChan():
			if !ok {
				t.Fatal("the watch ended, want it to last until the pod is gone")
			}
			if event.Type == watch.Deleted {
				return event.Object.(*corev1.Pod)
			}
		}
	}
}
