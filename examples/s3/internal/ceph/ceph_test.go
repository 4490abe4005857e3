//go:build unix

package ceph_test

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/doomshrine/gocosi/examples/s3/internal/ceph"
)

// envCeph names the folder with Ceph's unpacked packages; make test-ceph sets it.
const envCeph = "CEPH"

func root(t *testing.T) string {
	t.Helper()
	folder := os.Getenv(envCeph)
	if folder == "" {
		t.Skipf("%s names no folder with Ceph's programs; make test-ceph fetches them", envCeph)
	}
	return folder
}

func start(t *testing.T, folder string) *ceph.Cluster {
	t.Helper()
	c, err := ceph.Start(t.Context(), root(t), folder)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Stop() })
	return c
}

func client(c *ceph.Cluster, a ceph.Account) *s3.Client {
	return s3.New(s3.Options{
		BaseEndpoint: aws.String(c.Endpoint), UsePathStyle: true, Region: c.Region,
		Credentials: credentials.NewStaticCredentialsProvider(a.AccessKey, a.SecretKey, ""),
	})
}

// buckets lists those of an account.
func buckets(t *testing.T, c *ceph.Cluster, a ceph.Account) []string {
	t.Helper()
	list, err := client(c, a).ListBuckets(t.Context(), &s3.ListBucketsInput{})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, each := range list.Buckets {
		names = append(names, *each.Name)
	}
	return names
}

// processes finds the command lines, by process id, of those that run programs of a cluster.
func processes(t *testing.T, folder string) map[int]string {
	t.Helper()
	all, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		t.Fatal(err)
	}
	found := map[int]string{}
	for _, each := range all {
		environment, _ := os.ReadFile(filepath.Join(each, "environ")) // other users' are not ours, and some are gone by now
		if strings.Contains(string(environment), "CEPH_CONF="+folder) {
			line, _ := os.ReadFile(filepath.Join(each, "cmdline"))
			pid, _ := strconv.Atoi(filepath.Base(each))
			found[pid] = strings.ReplaceAll(string(line), "\x00", " ")
		}
	}
	return found
}

func needsProc(t *testing.T) {
	t.Helper()
	if _, err := os.Stat("/proc/self/environ"); err != nil {
		t.Skipf("the system does not show its processes in files: %v", err)
	}
}

func TestCephRunsAndStops(t *testing.T) {
	needsProc(t)
	folder := filepath.Join(t.TempDir(), strings.Repeat("long", 40)) // a socket's path may have 107 bytes
	if err := os.Mkdir(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	c := start(t, folder)
	if found := processes(t, folder); len(found) != 3 {
		t.Errorf("%v run, want 3 processes", found)
	}
	if info, err := os.Stat(filepath.Join(folder, "ceph")); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the keys lie in %v (%v), want a folder for their owner only", info.Mode(), err)
	}
	for _, a := range []ceph.Account{c.Driver, c.Administrator} {
		if got := buckets(t, c, a); len(got) != 0 {
			t.Errorf("a new store has the buckets %q", got)
		}
	}
	if err := c.Stop(); err != nil {
		t.Error(err)
	}
	if found := processes(t, folder); len(found) != 0 {
		t.Errorf("%v still run", found)
	}
}

func TestCephClustersDoNotDisturbEachOther(t *testing.T) {
	var clusters [2]*ceph.Cluster
	var starts sync.WaitGroup
	for i := range clusters {
		programs, folder := root(t), t.TempDir()
		starts.Go(func() { clusters[i], _ = ceph.Start(t.Context(), programs, folder) })
	}
	starts.Wait()
	for i, c := range clusters {
		if c == nil {
			t.Fatalf("cluster %d did not start", i)
		}
		t.Cleanup(func() { c.Stop() })
		name := "of-cluster-" + strconv.Itoa(i)
		if _, err := client(c, c.Driver).CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &name}); err != nil {
			t.Fatal(err)
		}
	}
	for i, c := range clusters {
		if got, want := buckets(t, c, c.Driver), "of-cluster-"+strconv.Itoa(i); len(got) != 1 || got[0] != want {
			t.Errorf("cluster %d has the buckets %q, want %s", i, got, want)
		}
	}
	if err := clusters[0].Stop(); err != nil {
		t.Error(err)
	}
	buckets(t, clusters[1], clusters[1].Driver)
}

func TestCephTellsWhatEnded(t *testing.T) {
	needsProc(t)
	folder := t.TempDir()
	c := start(t, folder)
	kill(t, folder, "radosgw")
	<-c.Done()
	if err := c.Stop(); err == nil || !strings.Contains(err.Error(), "radosgw ended by itself: signal: killed") {
		t.Errorf("Stop says %v, want what ended", err)
	}
	if err := c.Stop(); err == nil {
		t.Error("the second Stop says nothing, want the same")
	}
}

// TestCephLeavesNothingRunning starts clusters with a program that fails.
func TestCephLeavesNothingRunning(t *testing.T) {
	needsProc(t)
	for _, program := range []string{"osdmaptool", "ceph-mon", "radosgw", "radosgw-admin"} {
		t.Run(program, func(t *testing.T) {
			programs := rootWithout(t, program)
			folder := t.TempDir()
			c, err := ceph.Start(t.Context(), programs, folder)
			if err == nil {
				c.Stop()
				t.Fatalf("the cluster runs without %s", program)
			}
			if !strings.Contains(err.Error(), program) || !strings.Contains(err.Error(), "out of luck") {
				t.Errorf("Start says %v, want the program and what it said", err)
			}
			if found := processes(t, folder); len(found) != 0 {
				t.Errorf("%v run", found)
			}
		})
	}
}

// rootWithout makes a folder of programs where one only says that it fails.
func rootWithout(t *testing.T, program string) string {
	t.Helper()
	whole, folder := root(t), t.TempDir()
	bin := filepath.Join(folder, "usr", "bin")
	if err := os.MkdirAll(bin, 0o755); err != nil {
		t.Fatal(err)
	}
	links := map[string]string{"lib": "lib", "usr/lib": "usr/lib"}
	for _, name := range []string{"ceph-authtool", "monmaptool", "osdmaptool", "ceph-mon", "ceph-osd", "radosgw", "radosgw-admin"} {
		if name != program {
			links["usr/bin/"+name] = "usr/bin/" + name
		}
	}
	for link, target := range links {
		if err := os.Symlink(filepath.Join(whole, target), filepath.Join(folder, link)); err != nil {
			t.Fatal(err)
		}
	}
	script := []byte("#!/bin/sh\necho out of luck >&2\nexit 3\n")
	if err := os.WriteFile(filepath.Join(bin, program), script, 0o755); err != nil {
		t.Fatal(err)
	}
	return folder
}

func TestCephNeedsItsPrograms(t *testing.T) {
	if _, err := ceph.Start(t.Context(), t.TempDir(), t.TempDir()); err == nil || !strings.Contains(err.Error(), "want 1: a folder with Ceph") {
		t.Errorf("Start says %v, want what the folder lacks", err)
	}
}

// envVictim names the folder of a cluster that runs until its parent is killed.
const envVictim = "CEPH_VICTIM"

// TestCephEndsWithItsParent kills a process that has started a cluster.
func TestCephEndsWithItsParent(t *testing.T) {
	if folder := os.Getenv(envVictim); folder != "" {
		start(t, folder)
		os.Stdout.WriteString("started\n")
		select {}
	}
	if runtime.GOOS != "linux" {
		t.Skipf("%s ends no process with its parent", runtime.GOOS)
	}
	needsProc(t)
	folder := t.TempDir()
	victim := exec.Command(os.Args[0], "-test.run=^TestCephEndsWithItsParent$")
	victim.Env = append(os.Environ(), envCeph+"="+root(t), envVictim+"="+folder)
	output, err := victim.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := victim.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(output).ReadString('\n'); line != "started\n" {
		t.Errorf("the victim says %q (%v)", line, err)
	}
	if found := processes(t, folder); len(found) != 3 {
		t.Errorf("%v run, want 3 processes", found)
	}
	victim.Process.Kill()
	victim.Wait()
	for limit := time.Now().Add(time.Minute); len(processes(t, folder)) != 0; {
		if time.Now().After(limit) {
			t.Fatalf("%v still run", processes(t, folder))
		}
	}
}

// kill ends the process of a cluster that runs a program.
func kill(t *testing.T, folder, program string) {
	t.Helper()
	for pid, command := range processes(t, folder) {
		if !strings.Contains(command, "/"+program+" ") {
			continue
		}
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
	}
}
