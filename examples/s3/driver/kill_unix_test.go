//go:build unix

package driver_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/doomshrine/gocosi/examples/s3/driver"
	"github.com/doomshrine/gocosi/internal/sockdir"
)

const (
	manyKills = 200
	callers   = 16
)

// TestKills has the machine to itself: beside other tests, the lives between the kills are too short for a call to end.
func TestKills(t *testing.T) { //nolint:paralleltest // see above
	if testing.Short() {
		t.Skip("-short was given, and this takes a minute")
	}
	killAgainAndAgain(t, gatewaySite(embedded), manyKills)
}

// killAgainAndAgain kills the driver's process at random moments, while callers repeat their calls until they are answered.
// In the end the store holds what they were told, and nothing else.
func killAgainAndAgain(t *testing.T, store site, kills int) {
	t.Helper()
	process := newProcess(t, store)
	conn := process.dial(t)
	enough := make(chan struct{})
	total := &ledger{accounts: map[string]grant{}}
	var working sync.WaitGroup
	var mu sync.Mutex
	for i := range callers {
		working.Go(func() {
			l := &ledger{accounts: map[string]grant{}}
			l.work(t, callerOn(conn), fmt.Sprintf("kill-%d", i), enough)
			mu.Lock()
			defer mu.Unlock()
			total.add(l)
		})
	}
	for range kills {
		process.start(t)
		time.Sleep(rand.N(400 * time.Millisecond))
		process.kill()
	}
	process.start(t)
	close(enough) // each caller goes on to the end of its round
	working.Wait()
	total.check(t, store.administrator, "kill-")
	t.Logf("%d kills under %d callers, %d calls repeated; %d buckets asked for are there, %d deleted are gone; "+
		"%d accounts have one key each, which works; %d revoked are gone",
		kills, callers, total.repeated, len(total.buckets), total.deleted, len(total.accounts), total.revoked)
	if total.repeated < kills {
		t.Errorf("%d kills cut only %d calls short", kills, total.repeated)
	}
}

// process is the driver as it is deployed.
type process struct {
	program, socket string
	environment     []string
	running         *exec.Cmd
	read            sync.WaitGroup // its log
}

func newProcess(t *testing.T, store site) *process {
	t.Helper()
	folder, err := sockdir.Make()
	if err != nil {
		t.Fatal(err)
	}
	p := &process{program: filepath.Join(t.TempDir(), "driver"), socket: filepath.Join(folder, "cosi.sock")}
	t.Cleanup(func() {
		p.kill()
		_ = os.RemoveAll(folder)
	})
	build := exec.CommandContext(t.Context(), "go", "build", "-o", p.program, "..")
	build.Dir = packageDir
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	p.environment = append(os.Environ(), "COSI_ENDPOINT="+p.socket, "S3_STORE="+string(store.kind), "S3_ENDPOINT="+store.Endpoint)
	files := map[string]string{"S3_ACCESS_KEY_FILE": store.AccessKey, "S3_SECRET_KEY_FILE": store.SecretKey}
	if store.kind == driver.AWS {
		p.environment = append(p.environment, "S3_IAM_ENDPOINT="+store.IAMEndpoint)
		files["S3_SEAL_KEY_FILE"] = sealKey(t)
	}
	for name, content := range files {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		p.environment = append(p.environment, name+"="+path)
	}
	return p
}

// start starts the driver and waits until it listens.
func (p *process) start(t *testing.T) {
	t.Helper()
	p.running = exec.CommandContext(context.Background(), p.program)
	p.running.Env = p.environment
	log, err := p.running.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.running.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(log)
	for line := ""; !strings.Contains(line, "driver listening"); {
		if line, err = lines.ReadString('\n'); err != nil {
			t.Fatalf("the driver ended before it listened: %v", err)
		}
	}
	p.read.Go(func() { _, _ = io.Copy(io.Discard, lines) })
}

func (p *process) kill() {
	if p.running != nil {
		_ = p.running.Process.Kill()
		p.read.Wait() // before Wait, which closes the pipe
		_ = p.running.Wait()
	}
}

// dial connects again at once whenever the driver comes back.
func (p *process) dial(t *testing.T) *grpc.ClientConn {
	t.Helper()
	conn, err := grpc.NewClient("unix://"+p.socket, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff:           backoff.Config{BaseDelay: time.Millisecond, Multiplier: 1, MaxDelay: time.Millisecond},
			MinConnectTimeout: time.Second,
		}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}
