package node

// pauseImage is the image whose container keeps the namespaces of a pod.
const pauseImage = "e2e.example.com/pause:1"

// containerdConfig has places for the folders of the network plugins and of their configuration. Without CAP_SYS_RESOURCE,
// which containers of continuous integration often lack, nobody may lower the oom_score_adj of a process:
// restrict_oom_score_adj makes containerd not try.
const containerdConfig = `version = 2
root = "/var/lib/containerd"
state = "/run/containerd"

[grpc]
  address = "/run/containerd/containerd.sock"

[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "` + pauseImage + `"
  restrict_oom_score_adj = true

  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = %q
    conf_dir = %q
`

// networkConfig connects pods to the node alone.
const networkConfig = `{
  "cniVersion": "1.0.0", "name": "e2e",
  "plugins": [{
    "type": "bridge", "bridge": "cni0", "isGateway": true,
    "ipam": {"type": "host-local", "ranges": [[{"subnet": "10.97.0.0/24"}]], "routes": [{"dst": "0.0.0.0/0"}]}
  }]
}
`

// kubeletConfig allows what this kind of machine has: cgroup v1, no right to lower oom_score_adj, and maybe a full disk.
const kubeletConfig = `apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
containerRuntimeEndpoint: unix:///run/containerd/containerd.sock
cgroupDriver: cgroupfs
failCgroupV1: false
failSwapOn: false
oomScoreAdj: 0
enforceNodeAllocatable: [none]
makeIPTablesUtilChains: false
resolvConf: ""
authentication:
  anonymous:
    enabled: false
  webhook:
    enabled: false
  x509:
    clientCAFile: ""
authorization:
  mode: AlwaysAllow
evictionHard:
  memory.available: 0%
  nodefs.available: 0%
  imagefs.available: 0%
imageGCHighThresholdPercent: 100
`
