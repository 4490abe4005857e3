package javascript_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/doomshrine/gocosi/cositest"
)

// inapplicable are the cases about what the driver does not do: Azure, and IAM.
var inapplicable = []string{"GRANT-10", "GRANT-17"}

// TestJavaScript looks what the kit says of a driver that is right, and of one that has a fault.
func TestJavaScript(t *testing.T) {
	t.Parallel()
	p := newPrograms(t)
	t.Run("conforms", p.conforms)
	t.Run("not configured", p.bare)
	t.Run("killed", p.killed)
	t.Run("action", p.action)
	for _, f := range faults {
		t.Run(f.name, func(t *testing.T) { p.names(t, f) })
	}
}

func (p programs) conforms(t *testing.T) {
	t.Parallel()
	d := p.start(t, "")
	r, code := p.check(t, d, append(p.everything(t, d), "-strict")...)
	all := len(cositest.Cases())
	r.equals(t, cositest.NotApplicable, inapplicable)
	r.equals(t, cositest.Passed, others(inapplicable))
	verdict := fmt.Sprintf("conforms: %d of %d cases checked, %d do not apply", all-len(inapplicable), all, len(inapplicable))
	if r.Driver != "javascript.example.com" || r.Verdict != verdict || code != 0 {
		t.Errorf("%s: %q, exit code %d, want %q and 0", r.Driver, r.Verdict, code, verdict)
	}
	d.ends(t)
}

// everything is all that the kit can be told of this driver.
func (p programs) everything(t *testing.T, d *driver) []string {
	t.Helper()
	flags := []string{
		"-destructive", "-auth", "key", "-bad-name", "Upper", "-log", d.log, "-parallel", "4",
		"-access-command", p.hook("access"), "-foreign-command", p.hook("foreign"), "-count-command", p.hook("count"),
		"-outage-command", p.hook("outage"),
	}
	for flag, content := range map[string]string{
		"-incompatible-parameters":        `{"region": "south"}`,
		"-incompatible-access-parameters": `{"mode": "readonly"}`,
		"-unprovisionable-parameters":     `{"region": "west"}`,
	} {
		file := filepath.Join(t.TempDir(), "parameters.json")
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		flags = append(flags, flag, file)
	}
	return flags
}

// hook is the command line of a hook.
func (p programs) hook(name string) string {
	return fmt.Sprintf("exec node '%s'", filepath.Join(p.folder, "hooks", name+".js"))
}
