package bound_test

import (
	"fmt"
	"math"
	"runtime"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/doomshrine/gocosi/internal/bound"
)

func TestCut(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		text  string
		limit int
		want  string
	}{
		"empty":                     {"", 8, ""},
		"exact":                     {"12345678", 8, "12345678"},
		"one over, no room to tell": {"123456789", 8, "12345678"},
		"limit of nothing":          {"123", 0, ""},
		"limit below nothing":       {"123", -1, ""},
		"room for the mark alone":   {strings.Repeat("a", 99), 14, "a...(99 bytes)"},
		"room for one more":         {strings.Repeat("a", 99), 15, "aa...(99 bytes)"},
		"a number of more digits":   {strings.Repeat("a", 1000), 20, "aaaaa...(1000 bytes)"},
		"between characters":        {strings.Repeat("ß", 50), 20, "ßßß...(100 bytes)"},
		"four bytes":                {"a" + strings.Repeat("😀", 25), 20, "a😀...(101 bytes)"},
		"no character fits":         {"😀", 3, ""},
		"control characters":        {"a\x00\x1b[1m\u009b\n", 40, "a\x00\x1b[1m\u009b\n"},
		"invalid":                   {"a\xffb", 8, "a\uFFFDb"},
		"invalid grows":             {"\xff\xff\xff", 6, "\uFFFD\uFFFD"},
		"invalid and long":          {strings.Repeat("\xff", 100), 20, "\uFFFD\uFFFD...(100 bytes)"},
		"half a character":          {"a\xe2\x82", 8, "a\uFFFD\uFFFD"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := bound.Cut(tt.text, tt.limit); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestPrintable(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		text  string
		limit int
		want  string
	}{
		"clean":               {"bucket-1", bound.Name, "bucket-1"},
		"letters":             {"Straße 日本 😀", bound.Name, "Straße 日本 😀"},
		"lines":               {"a\nb\tc\r", bound.Name, `a\u000ab\u0009c\u000d`},
		"escape and DEL":      {"\x1b[31m\x7f", bound.Name, `\u001b[31m\u007f`},
		"C1":                  {"\u009b31m\u0085", bound.Name, `\u009b31m\u0085`},
		"bidirectional":       {"a\u202eb\u2066c\u2069", bound.Name, `a\u202eb\u2066c\u2069`},
		"of no width":         {"a\u200bb\ufeffc\u00ad", bound.Name, `a\u200bb\ufeffc\u00ad`},
		"separators":          {"a\u2028b\u2029", bound.Name, `a\u2028b\u2029`},
		"tags":                {"a\U000e0041", bound.Name, `a\U000e0041`},
		"invalid":             {"a\x9bb", bound.Name, "a\uFFFDb"},
		"an escape is whole":  {"aaaa\x00", 9, "aaaa"},
		"an escape that fits": {"aaa\x00", 9, `aaa\u0000`},
		"long":                {strings.Repeat("\x00", 4<<20), 32, `\u0000\u0000...(4194304 bytes)`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := bound.Printable(tt.text, tt.limit); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestShortNamesCostNothing(t *testing.T) { //nolint:paralleltest // counts allocations
	name := strings.Repeat("a", bound.Name)
	if got := testing.AllocsPerRun(100, func() { _ = bound.Printable(name, bound.Name) + bound.Cut(name, bound.Name)[:0] }); got > 0 {
		t.Errorf("a short name costs %v allocations, want none", got)
	}
}

func TestLongNamesCostLittle(t *testing.T) { //nolint:paralleltest // counts allocations
	name := strings.Repeat("\u202e", 4<<20)
	least := uint64(math.MaxUint64)
	for range 5 { // the counter is the process's: now and then the runtime allocates as well
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_ = bound.Printable(name, bound.Name)
		runtime.ReadMemStats(&after)
		least = min(least, after.TotalAlloc-before.TotalAlloc)
	}
	if least > 64*bound.Name {
		t.Errorf("a name of %d bytes costs %d bytes, want no more than %d", len(name), least, 64*bound.Name)
	}
}

func TestJoin(t *testing.T) {
	t.Parallel()
	list := make([]string, bound.List+3)
	for i := range list {
		list[i] = fmt.Sprint(i)
	}
	for got, want := range map[string]string{
		bound.Join(nil):                          "",
		bound.Join(list[:1]):                     "0",
		bound.Join(list[:bound.List]):            "0, 1, 2, 3, 4, 5, 6, 7",
		bound.Join(list):                         "0, 1, 2, 3, 4, 5, 6, 7 and 3 more",
		bound.Count(1, "call was", "calls were"): "1 call was",
		bound.Count(0, "call was", "calls were"): "0 calls were",
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func FuzzCut(f *testing.F) {
	f.Add("bucket", 8)
	f.Add(strings.Repeat("\xe2\x82", 200), 20)
	f.Add("\u202e\x00ß", 12)
	f.Fuzz(func(t *testing.T, text string, limit int) {
		limit = min(max(limit, -1), 1<<12)
		for name, got := range map[string]string{"Cut": bound.Cut(text, limit), "Printable": bound.Printable(text, limit)} {
			if len(got) > max(limit, 0) || !utf8.ValidString(got) {
				t.Errorf("%s of %q and %d is %q, want valid UTF-8 of no more bytes", name, text, limit, got)
			}
			if len(text) > limit && limit >= 32 && name == "Cut" && !strings.HasSuffix(got, fmt.Sprintf("...(%d bytes)", len(text))) {
				t.Errorf("%s of %d bytes is %q, want their number at the end", name, len(text), got)
			}
		}
		if got := bound.Printable(text, limit); strings.ContainsFunc(got, bound.Control) {
			t.Errorf("Printable of %q is %q, want no control characters", text, got)
		}
	})
}
