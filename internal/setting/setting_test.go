package setting_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/doomshrine/gocosi/internal/setting"
)

func TestCheck(t *testing.T) {
	t.Parallel()
	for text, reason := range map[string]string{
		"": "", "a b": "", "größer, 名前": "", "%0A": "",
		"a\nb": "character 2 is U+000A", "a\x00": "U+0000", "\x7f": "U+007F", "é\u009b": "character 2 is U+009B",
		"\u202e": "U+202E", "\ufeffa": "character 1 is U+FEFF", "a\u00a0b": "U+00A0", "a\u2028b": "U+2028", "\xff": "not valid UTF-8",
	} {
		t.Run(fmt.Sprintf("%q", text), func(t *testing.T) {
			t.Parallel()
			err := setting.Check(text)
			if (err == nil) != (reason == "") || err != nil && !strings.Contains(err.Error(), reason) {
				t.Errorf("got %v; want %q", err, reason)
			}
		})
	}
}

func TestReadShowsWhatIsLikeAValue(t *testing.T) {
	t.Parallel()
	timeout := func(text string) error { _, err := setting.Timeout().Read("V", text); return err }
	boolean := func(text string) error { _, err := setting.Bool().Read("V", text); return err }
	for name, row := range map[string]struct {
		err  error
		want string
	}{
		"a duration":        {timeout("-1m30s"), `V="-1m30s": want a duration such as 90s or 2m30s, or 0`},
		"a short word":      {timeout("never"), `V="never": `},
		"a long word":       {timeout("neverever"), `V (9 bytes, not shown): `},
		"a token":           {timeout("7d9f8a7c6b5d4e"), `V (14 bytes, not shown): `},
		"a boolean":         {boolean("maybe"), `V="maybe": want true or false`},
		"two lines":         {boolean("yes\nno"), `V (6 bytes, not shown): character 4 is U+000A`},
		"a line at the end": {boolean("no\n"), `V (3 bytes, not shown): `},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if row.err == nil || !strings.HasPrefix(row.err.Error(), row.want) {
				t.Errorf("got %v; want %s", row.err, row.want)
			}
		})
	}
	if d, err := setting.Timeout().Read("V", "2m"); d != 2*time.Minute || err != nil {
		t.Errorf("got %s, %v", d, err)
	}
}

func TestProblems(t *testing.T) {
	t.Parallel()
	if err := setting.Problems("p", nil, errors.Join(nil, nil)); err != nil {
		t.Errorf("got %v without a problem", err)
	}
	first, second, third := errors.New("first"), errors.New("second"), errors.New("third")
	err := setting.Problems("p", first, nil, errors.Join(second, errors.Join(third)))
	if err == nil || err.Error() != "p: first\np: second\np: third" {
		t.Errorf("got %v; want a line each", err)
	}
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok || len(joined.Unwrap()) != 3 || !errors.Is(err, third) {
		t.Errorf("got %#v; want an error that unwraps to three", err)
	}
}

func TestFindUnknown(t *testing.T) {
	t.Parallel()
	known := []string{"COSI_ENDPOINT", "X_COSI_RPC_TIMEOUT", "X_COSI_REQUEST_RULES", "X_COSI_RESPONSE_RULES"}
	for name, row := range map[string]struct {
		environ []string
		want    []setting.Unknown
	}{
		"known":                    {environ: []string{"COSI_ENDPOINT=x", "X_COSI_RPC_TIMEOUT=1s", "PATH=/bin", "XCOSI=1"}},
		"a letter is missing":      {[]string{"X_COSI_RPC_TIMOUT=2s"}, []setting.Unknown{{"X_COSI_RPC_TIMOUT", "X_COSI_RPC_TIMEOUT"}}},
		"nothing is near":          {[]string{"X_COSI_LOG_LEVEL=5"}, []setting.Unknown{{"X_COSI_LOG_LEVEL", ""}}},
		"lower case":               {[]string{"x_cosi_rpc_timeout=2s"}, []setting.Unknown{{"x_cosi_rpc_timeout", "X_COSI_RPC_TIMEOUT"}}},
		"lower case, theirs":       {[]string{"cosi_endpoint=x"}, []setting.Unknown{{"cosi_endpoint", "COSI_ENDPOINT"}}},
		"theirs and near":          {[]string{"COSI_ENDPONT=x"}, []setting.Unknown{{"COSI_ENDPONT", "COSI_ENDPOINT"}}},
		"the prefix is cut":        {[]string{"COSI_RPC_TIMEOUT=x"}, []setting.Unknown{{"COSI_RPC_TIMEOUT", "X_COSI_RPC_TIMEOUT"}}},
		"the prefix is put before": {[]string{"X_COSI_ENDPOINT=x"}, []setting.Unknown{{"X_COSI_ENDPOINT", "COSI_ENDPOINT"}}},
		"a service called cosi":    {environ: []string{"COSI_SERVICE_HOST=10.0.0.1", "COSI_PORT=tcp://10.0.0.1:1", "COSI_PORT_1_TCP_ADDR=x"}},
		"set to nothing":           {environ: []string{"X_COSI_RPC_TIMOUT=", "X_COSI_RPC_TIME= \n", "X_COSI_A"}},
		"two, sorted":              {[]string{"X_COSI_B=1", "X_COSI_A=1"}, []setting.Unknown{{"X_COSI_A", ""}, {"X_COSI_B", ""}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := setting.FindUnknown(row.environ, known, "X_COSI_", "COSI_"); !slices.Equal(got, row.want) {
				t.Errorf("got %v; want %v", got, row.want)
			}
		})
	}
}

func TestUnknownIsBounded(t *testing.T) {
	t.Parallel()
	environ := []string{"X_COSI_" + strings.Repeat("A", 1<<20) + "=1"}
	for i := range 1000 {
		environ = append(environ, fmt.Sprintf("X_COSI_B%d=1", i))
	}
	got := setting.FindUnknown(environ, nil, "X_COSI_", "COSI_")
	if len(got) != 8 || len(got[0].Name) > 128 {
		t.Errorf("got %d, the first with %d bytes; want 8 with at most 128", len(got), len(got[0].Name))
	}
}
