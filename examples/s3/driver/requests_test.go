package driver_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/doomshrine/gocosi/examples/s3/driver"
)

// One life is a create, a grant, a revoke and a delete. It takes so many requests at most, by one driver.
const (
	mostOfAWS  = 13
	mostOfCeph = 11
)

// TestRequests counts what each call asks of a healthy store, for the table in README.md, which says what each request buys.
func TestRequests(t *testing.T) {
	t.Parallel()
	countRequests(t, gatewaySite(embedded), mostOfAWS)
}

// counted is a call in the table.
type counted struct {
	name    string
	prepare func(context.Context, *world) error // besides the calls before it
	make    func(context.Context, *world) error
}

// countedCalls lists them, in an order in which each finds what it needs.
func countedCalls(kind driver.Kind) []counted {
	list := []counted{
		{"create", nothing, creating(nil)},
		{"create, again", nothing, creating(nil)},
		{"grant", nothing, granting},
		{"grant, again", nothing, granting},
		{"revoke", nothing, revoking},
		{"revoke, again", nothing, revoking},
		{"delete", nothing, deleting(nil)},
		{"delete, again", nothing, deleting(nil)},
		{"ready", nothing, checking},
	}
	if kind == driver.AWS { // what a driver remembers saves a request
		again := func(ctx context.Context, w *world) error {
			w.delivered = nil
			err := granting(ctx, w)
			w.restart()
			return err
		}
		list = slices.Insert(list, 6, counted{byAnother, again, revoking})
	}
	return list
}

const byAnother = "revoke, by another driver"

// countRequests compares the table with the requests of each call.
func countRequests(t *testing.T, store site, most int) {
	t.Helper()
	w := newWorld(t, store, 0, 0)
	defer w.wipe(context.WithoutCancel(t.Context()))
	var got []string
	count := map[string]int{}
	for _, c := range countedCalls(store.kind) {
		if err := c.prepare(t.Context(), w); err != nil {
			t.Fatal(err)
		}
		w.watch.tries()
		if err := c.make(t.Context(), w); err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		requests, _ := w.watch.tries()
		got = append(got, c.name+": "+strings.Join(requests, " "))
		count[c.name] = len(requests)
	}
	life := count["create"] + count["grant"] + count["revoke"] + count["delete"]
	if life > most {
		t.Errorf("one life takes %d requests; want at most %d", life, most)
	}
	words := fmt.Sprintf("**%d requests**", life)
	if store.kind == driver.AWS {
		words += fmt.Sprintf(" if one process makes all four calls, and %d if another one revokes", life-count["revoke"]+count[byAnother])
	}
	section := requestsSection(t)
	if !strings.Contains(strings.ReplaceAll(section, "\n", " "), words) {
		t.Errorf("README.md does not say that one life takes %s", words)
	}
	if want := requestsTable(section, store.kind); !slices.Equal(got, want) {
		t.Errorf("the requests are\n%s\nand README.md has\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// requestsSection returns the part of README.md that has the tables.
func requestsSection(t *testing.T) string {
	t.Helper()
	readme, err := os.ReadFile(filepath.Join(packageDir, "..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(readme), "\n## Requests\n")
	section, _, _ = strings.Cut(section, "\n## ")
	return section
}

// requestsTable returns the calls of one kind of store's table, each with its requests. A row without a call goes on with the
// one above it.
func requestsTable(section string, kind driver.Kind) (calls []string) {
	tables := strings.Split(section, "| call | request | what it buys |\n|---|---|---|\n")
	n := map[driver.Kind]int{driver.AWS: 1, driver.Ceph: 2}[kind]
	if len(tables) <= n {
		return nil
	}
	for line := range strings.Lines(tables[n]) {
		cells := strings.Split(line, "|")
		if len(cells) != 5 {
			break
		}
		call, request := strings.TrimSpace(cells[1]), strings.TrimSpace(cells[2])
		if call != "" {
			calls = append(calls, call+":")
		}
		if len(calls) > 0 && strings.TrimSpace(cells[3]) != "" { // each request buys something
			calls[len(calls)-1] += " " + request
		}
	}
	return calls
}
