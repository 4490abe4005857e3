// Package controlplane runs etcd and a Kubernetes API server as processes on loopback, without the rest of a cluster.
package controlplane

import (
	"context"
	"fmt"
	"net"
	"path/filepath"
	"slices"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"

	"github.com/doomshrine/gocosi/internal/test/e2e/internal/process"
)

// name is the name of the cluster.
const name = "e2e"

// ServiceAddress is what pods call the API server: the first address of the range for services. Nobody listens there, unless the test
// forwards it.
const ServiceAddress = "10.96.0.1"

// startLimit bounds the start of the API server.
const startLimit = 2 * time.Minute

// Plane holds a running control plane.
type Plane struct {
	Config     *rest.Config // for an administrator
	Kubeconfig string       // path of a file with the same configuration
	processes  []*process.Process
}

// Start runs a control plane that keeps its data in one folder and its logs in another.
func Start(ctx context.Context, b Binaries, data, logs string) (*Plane, error) {
	id, err := newIdentity(data)
	if err != nil {
		return nil, err
	}
	ports, err := freePorts(3)
	if err != nil {
		return nil, err
	}
	p := &Plane{Kubeconfig: filepath.Join(data, "kubeconfig")}
	p.Config = &rest.Config{
		Host: "https://127.0.0.1:" + ports[2], BearerToken: id.token, TLSClientConfig: rest.TLSClientConfig{CAData: id.certPEM},
		QPS: 1000, Burst: 1000,
	}
	for _, c := range []process.Command{etcd(b.Etcd, data, ports), apiServer(b.APIServer, id, ports)} {
		c.Log = filepath.Join(logs, c.Name+".log")
		started, err := process.Start(c)
		if err != nil {
			p.Stop()
			return nil, err
		}
		p.processes = append(p.processes, started)
	}
	if err := p.ready(ctx); err != nil {
		p.Stop()
		return nil, err
	}
	return p, clientcmd.WriteToFile(kubeconfig(p.Config), p.Kubeconfig)
}

// Stop ends both processes, the API server first.
func (p *Plane) Stop() {
	for _, part := range slices.Backward(p.processes) {
		part.Kill() // nobody needs the data anymore
	}
}

func etcd(path, data string, ports []string) process.Command {
	client, peer := "http://127.0.0.1:"+ports[0], "http://127.0.0.1:"+ports[1]
	return process.Command{Name: "etcd", Path: path, Args: []string{
		"--name=" + name, "--data-dir=" + filepath.Join(data, "etcd"), "--unsafe-no-fsync",
		"--listen-client-urls=" + client, "--advertise-client-urls=" + client,
		"--listen-peer-urls=" + peer, "--initial-advertise-peer-urls=" + peer, "--initial-cluster=" + name + "=" + peer,
	}}
}

func apiServer(path string, id identity, ports []string) process.Command {
	return process.Command{Name: "kube-apiserver", Path: path, Args: []string{
		"--etcd-servers=http://127.0.0.1:" + ports[0],
		"--bind-address=127.0.0.1", "--advertise-address=127.0.0.1", "--secure-port=" + ports[2],
		"--endpoint-reconciler-type=none", "--service-cluster-ip-range=10.96.0.0/24",
		"--tls-cert-file=" + id.cert, "--tls-private-key-file=" + id.key,
		"--service-account-issuer=https://e2e.example.com", "--service-account-key-file=" + id.key,
		"--service-account-signing-key-file=" + id.key,
		"--token-auth-file=" + id.tokens, "--authorization-mode=RBAC",
		"--disable-admission-plugins=ServiceAccount", "--enable-priority-and-fairness=false",
	}}
}

// ready polls until the API server says that it is ready.
func (p *Plane) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	client, err := kubernetes.NewForConfig(p.Config)
	if err != nil {
		return err
	}
	for {
		_, err := client.RESTClient().Get().AbsPath("/readyz").DoRaw(ctx)
		if err == nil {
			return nil
		}
		for _, part := range p.processes {
			if part.Err() != nil {
				return fmt.Errorf("%s ended: %w; see %s", part.Name, part.Err(), part.Log)
			}
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the API server is not ready after %v: %w", startLimit, err)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// freePorts asks the kernel for unused ports.
func freePorts(n int) ([]string, error) {
	var ports []string
	for range n {
		listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // does not wait
		if err != nil {
			return nil, err
		}
		defer listener.Close() // closed only at the end, because the kernel could return the same port twice
		_, port, err := net.SplitHostPort(listener.Addr().String())
		if err != nil {
			return nil, err
		}
		ports = append(ports, port)
	}
	return ports, nil
}

func kubeconfig(c *rest.Config) api.Config {
	return api.Config{
		Clusters:       map[string]*api.Cluster{name: {Server: c.Host, CertificateAuthorityData: c.CAData}},
		AuthInfos:      map[string]*api.AuthInfo{"admin": {Token: c.BearerToken}},
		Contexts:       map[string]*api.Context{name: {Cluster: name, AuthInfo: "admin"}},
		CurrentContext: name,
	}
}
