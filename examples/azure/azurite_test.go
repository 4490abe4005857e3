package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"io"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/container"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/service"
)

// envAzurite names the script of Azurite; make test-azure sets it.
const envAzurite = "AZURITE"

// azurite is Azurite as a child process, for all tests of this binary.
type azurite struct {
	url      string
	accounts []storageAccount
	taken    atomic.Int64
}

// storageAccount is one of Azurite's, with a key that was made for this run.
type storageAccount struct{ name, key string }

// theAzurite is nil when the tests run without one.
var theAzurite *azurite

func TestMain(m *testing.M) { os.Exit(testMain(m)) }

func testMain(m *testing.M) int {
	script := os.Getenv(envAzurite)
	if script == "" {
		return m.Run()
	}
	runtime.LockOSThread() // where the system can do it, Azurite ends when the thread that started it does
	a, stop, err := startAzurite(script)
	if err != nil {
		log.Print(err)
		return 1
	}
	defer stop()
	theAzurite = a
	return m.Run()
}

// startAzurite returns once it answers.
func startAzurite(script string) (*azurite, func(), error) {
	folder, err := os.MkdirTemp("", "azurite")
	if err != nil {
		return nil, nil, err
	}
	a := &azurite{}
	var list []string
	for range 96 {
		account := storageAccount{name: "a" + strings.ToLower(rand.Text()[:15]), key: randomKey()}
		a.accounts = append(a.accounts, account)
		list = append(list, account.name+":"+account.key)
	}
	earlier, err := readFilled()
	if err != nil {
		return nil, nil, err
	}
	list = append(list, earlier.Account+":"+earlier.Key)
	cmd := exec.Command("node", script, "--inMemoryPersistence", "--blobHost", "127.0.0.1", "--blobPort", "0",
		"--silent", "--disableTelemetry", "--skipApiVersionCheck")
	cmd.Env = append(os.Environ(), "AZURITE_ACCOUNTS="+strings.Join(list, ";"))
	cmd.Dir = folder
	cmd.SysProcAttr = endWithParent()
	cmd.Stderr = os.Stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, nil, err
	}
	stop := func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		_ = os.RemoveAll(folder)
	}
	if a.url, err = listening(stdout); err == nil {
		err = a.answers()
	}
	if err != nil {
		stop()
		return nil, nil, fmt.Errorf("start %s: %w", script, err)
	}
	return a, stop, nil
}

func randomKey() string {
	key := make([]byte, 64)
	_, _ = rand.Read(key)
	return base64.StdEncoding.EncodeToString(key)
}

// listening reads up to the line that tells the port, and lets the rest flow.
func listening(stdout io.Reader) (string, error) {
	const words = "successfully listens on "
	lines := bufio.NewScanner(stdout)
	for lines.Scan() {
		if _, url, ok := strings.Cut(lines.Text(), words); ok {
			go func() { _, _ = io.Copy(io.Discard, stdout) }()
			return strings.TrimSpace(url), nil
		}
	}
	return "", fmt.Errorf("the output ends before %q (%w)", words, lines.Err())
}

// answers waits until Azurite does.
func (a *azurite) answers() error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	client, err := a.accounts[0].client(a.url)
	if err != nil {
		return err
	}
	for {
		if _, err = client.GetProperties(ctx, nil); err == nil || ctx.Err() != nil {
			return err
		}
	}
}

func (s storageAccount) client(url string) (*service.Client, error) {
	key, err := service.NewSharedKeyCredential(s.name, s.key)
	if err != nil {
		return nil, err
	}
	return service.NewClientWithSharedKeyCredential(url+"/"+s.name, key, nil)
}

// world is a storage account that one test has for itself, and what its administrator sees.
type world struct {
	storageAccount

	t     *testing.T
	url   string // of the account
	admin *service.Client
}

// newWorld takes an account of Azurite's. Without Azurite, the test is skipped.
func newWorld(t *testing.T) *world {
	t.Helper()
	if theAzurite == nil {
		t.Skipf("needs Azurite, the script of which %s names: make test-azure runs this", envAzurite)
	}
	i := int(theAzurite.taken.Add(1)) - 1
	if i >= len(theAzurite.accounts) {
		t.Fatalf("all of %d accounts are taken", len(theAzurite.accounts))
	}
	return worldOf(t, theAzurite.accounts[i])
}

func worldOf(t *testing.T, account storageAccount) *world {
	t.Helper()
	w := &world{storageAccount: account, t: t}
	w.url = theAzurite.url + "/" + w.name
	var err error
	if w.admin, err = w.client(theAzurite.url); err != nil {
		t.Fatal(err)
	}
	return w
}

// environment is what the driver reads, with the endpoint that is given.
func (w *world) environment(endpoint string) map[string]string {
	w.t.Helper()
	file := filepath.Join(w.t.TempDir(), "key")
	if err := os.WriteFile(file, []byte(w.key+"\n"), 0o600); err != nil {
		w.t.Fatal(err)
	}
	return map[string]string{envAccount: w.name, envKeyFile: file, envEndpoint: endpoint}
}

func (w *world) provisioner() *provisioner { return w.provisionerAt(w.url) }

func (w *world) provisionerAt(endpoint string) *provisioner {
	w.t.Helper()
	env := w.environment(endpoint)
	p, err := newProvisioner(func(name string) string { return env[name] })
	if err != nil {
		w.t.Fatal(err)
	}
	return p
}

// containers lists the names of all containers.
func (w *world) containers(ctx context.Context) ([]string, error) {
	var names []string
	pager := w.admin.NewListContainersPager(nil)
	for pager.More() {
		page, err := pager.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, each := range page.ContainerItems {
			names = append(names, *each.Name)
		}
	}
	return names, nil
}

// policies lists the ids of a container's stored access policies.
func (w *world) policies(ctx context.Context, name string) ([]string, error) {
	list, err := w.admin.NewContainerClient(name).GetAccessPolicy(ctx, nil)
	if err != nil {
		return nil, err
	}
	ids := []string{}
	for _, each := range list.SignedIdentifiers {
		ids = append(ids, *each.ID)
	}
	return ids, nil
}

// withToken is a client of a container as an application makes it.
func (w *world) withToken(name, token string) *container.Client {
	w.t.Helper()
	c, err := container.NewClientWithNoCredential(w.url+"/"+name+"?"+token, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	return c
}
