package buildinfo

import "testing"

func TestProgramName(t *testing.T) {
	t.Parallel()
	for modulePath, want := range map[string]string{
		"example.com/acme/osp": "osp", "example.com/acme/osp/v2": "osp", "example.com/acme/osp/v10": "osp", "example.com/v": "v",
		"example.com/vault": "vault", "gopkg.in/osp.v1": "osp.v1", "": "",
	} {
		if got := ProgramName(modulePath); got != want {
			t.Errorf("%q makes %q, want %q", modulePath, got, want)
		}
	}
}
