//go:build unix

package hook_test

import (
	"context"
	"maps"
	"os"
	"regexp"
	"strings"
	"testing"

	cosi "sigs.k8s.io/container-object-storage-interface-spec"

	"github.com/doomshrine/gocosi/cositest"
	"github.com/doomshrine/gocosi/internal/hook"
)

func useOf(secret string) cositest.Use {
	return cositest.Use{
		BucketName: "bucket-1", BucketID: "id-1", Expect: cositest.Denied, Keep: true,
		Credentials: map[string]*cosi.CredentialDetails{"s3": {Secrets: map[string]string{"accessSecretKey": secret}}},
	}
}

// A command that is asked for access gets all that the kit tells, and characters as they are.
func TestAccessRequest(t *testing.T) {
	t.Parallel()
	for _, one := range []struct {
		name string
		use  cositest.Use
		want string
	}{
		{"all", useOf(`a&b<c>"\`), `{"bucketName":"bucket-1","bucketID":"id-1","credentials":{"s3":{"accessSecretKey":"a&b<c>\"\\"}},"expect":"denied","keep":true}`},
		{"little", cositest.Use{Expect: cositest.Granted}, `{"bucketName":"","bucketID":"","credentials":{},"expect":"granted","keep":false}`},
	} {
		t.Run(one.name, func(t *testing.T) {
			t.Parallel()
			path := pathOf(t)
			yes, err := configured(hook.Commands{Access: "cat > " + path}).Access(t.Context(), one.use)
			if got := readText(t, path); err != nil || !yes || got != one.want+"\n" {
				t.Errorf("told %t, %v; got %swant %s", yes, err, got, one.want)
			}
		})
	}
}

// keeper keeps a bucket as a file in the folder where it is run.
const keeper = `
read request
name=$(printf %s "$request" | sed 's/.*"name":"\([^"]*\)".*/\1/')
case $request in
*'"do":"make"'*) touch "$dir/$name" && printf '{"id":"id-of-%s","deleteContext":{"force":"yes"}}' "$name" ;;
*'"do":"exists"'*) test -e "$dir/$name" ;;
*'"do":"remove"'*) rm -f "$dir/$name" ;;
*) exit 9 ;;
esac`

// A foreign bucket is made, looked for and removed, the latter also when the run was given up.
func TestForeign(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	makeForeign := configured(hook.Commands{Foreign: "dir=" + folder + keeper}).MakeForeignBucket
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	f, err := makeForeign(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if !regexp.MustCompile("^foreign-[a-z0-9]{20,40}$").MatchString(f.Name) {
		t.Errorf("the name is %q", f.Name)
	}
	if f.ID != "id-of-"+f.Name || !maps.Equal(f.DeleteContext, map[string]string{"force": "yes"}) {
		t.Errorf("got %+v", f)
	}
	if there, err := f.Exists(ctx); err != nil || !there {
		t.Errorf("exists: %t, %v", there, err)
	}
	other, err := makeForeign(ctx)
	if err != nil || other.Name == f.Name {
		t.Errorf("a second one is %q (%v)", other.Name, err)
	}
	cancel()
	if err := f.Remove(ctx); err != nil {
		t.Error(err)
	}
	if there, err := f.Exists(t.Context()); err != nil || there {
		t.Errorf("exists after it was removed: %t, %v", there, err)
	}
}

// The id of a foreign bucket is its name unless the command says another, and parameters are told apart from none.
func TestForeignAnswers(t *testing.T) {
	t.Parallel()
	for _, one := range []struct {
		answer string
		id     string // "": the name
		allows map[string]string
	}{
		{"{}", "", nil},
		{`{"deleteContext":{}}`, "", map[string]string{}},
		{` {"id":"x", "deleteContext":null} `, "x", nil},
	} {
		t.Run(one.answer, func(t *testing.T) {
			t.Parallel()
			f, err := configured(hook.Commands{Foreign: "case $(cat) in *exists*) exit 1;; esac; echo '" + one.answer + "'"}).MakeForeignBucket(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if one.id == "" {
				one.id = f.Name
			}
			if f.ID != one.id || (f.DeleteContext == nil) != (one.allows == nil) || len(f.DeleteContext) != 0 {
				t.Errorf("got %+v", f)
			}
		})
	}
}

// A bucket whose making failed, or was cut short, is removed: it may be there.
func TestForeignIsNotLeftOver(t *testing.T) {
	t.Parallel()
	for _, one := range []struct {
		name, end string
		words     []string
	}{
		{"not done", "exit 1", []string{"did not do it"}},
		{"nobody knows", "echo broken >&2; exit 4", []string{"exit status 4", "broken"}},
		{"garbage", "echo made", []string{"not a JSON object"}},
		{"hangs", "sleep 1000", []string{"context canceled"}},
	} {
		t.Run(one.name, func(t *testing.T) {
			t.Parallel()
			folder, told := t.TempDir(), pathOf(t)
			line := "dir=" + folder + strings.Replace(keeper, "touch \"$dir/$name\" && printf", "touch \"$dir/$name\" "+told+"; "+one.end+"; true", 1)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			ended := make(chan error, 1)
			go func() {
				_, err := configured(hook.Commands{Foreign: line}).MakeForeignBucket(ctx)
				ended <- err
			}()
			if one.name == "hangs" {
				eventually(t, "the bucket is made", func() bool { _, err := os.Stat(told); return err == nil })
				cancel()
			}
			complains(t, <-ended, one.words...)
			if _, err := os.Stat(told); err != nil {
				t.Errorf("the bucket was never made: %v", err)
			}
			if left, err := os.ReadDir(folder); err != nil || len(left) > 0 {
				t.Errorf("left over are %v (%v)", left, err)
			}
		})
	}
	t.Run("says yes to everything", func(t *testing.T) {
		t.Parallel()
		asked := pathOf(t)
		_, err := configured(hook.Commands{Foreign: "cat >> " + asked + "; echo '{}'"}).MakeForeignBucket(t.Context())
		complains(t, err, "a bucket exists that nobody made")
		if got := readText(t, asked); strings.Count(got, `"do":"make"`) != 1 || strings.Count(got, `"do":"remove"`) != 1 {
			t.Errorf("asked were %s, want the bucket made and removed", got)
		}
	})
	t.Run("cannot be removed", func(t *testing.T) {
		t.Parallel()
		_, err := configured(hook.Commands{Foreign: "exit 5"}).MakeForeignBucket(t.Context())
		complains(t, err, "exit status 5", "bucket foreign-", "nobody knows")
	})
}

// Answers that are not as wanted tell nothing.
func TestAnswers(t *testing.T) {
	t.Parallel()
	for _, one := range []struct {
		name, line string
		count      int
		words      []string // of the error; nil: none
	}{
		{"a number", `cat >/dev/null; echo '{"accounts": 3}'`, 3, nil},
		{"none", `echo '{"accounts": 0}'`, 0, nil},
		{"asked by an empty object", `read r; test "$r" = '{}' && echo '{"accounts": 1}'`, 1, nil},
		{"negative", `echo '{"accounts": -1}'`, 0, []string{"how many accounts", `{"accounts": N}`}},
		{"missing", `echo '{}'`, 0, []string{"how many accounts", `{"accounts": N}`}},
		{"null", `echo null`, 0, []string{"not a JSON object"}},
		{"bare number", `echo 3`, 0, []string{"not a JSON object", `{"accounts": N}`}},
		{"text", `echo '{"accounts": "3"}'`, 0, []string{"cannot be read"}},
		{"fraction", `echo '{"accounts": 1.5}'`, 0, []string{"cannot be read"}},
		{"unknown field", `echo '{"accounts": 3, "users": 4}'`, 0, []string{"unknown field", "users"}},
		{"cut", `printf '{"accounts": 3'`, 0, []string{"cannot be read"}},
		{"more", `echo '{"accounts": 3} {"accounts": 4}'`, 0, []string{"more follows"}},
		{"nothing", "true", 0, []string{"empty", `{"accounts": N}`}},
		{"no", `echo '{"accounts": 3}'; exit 1`, 0, []string{"did not do it"}},
		{"failed", `echo '{"accounts": 3}'; echo no list >&2; exit 2`, 0, []string{"exit status 2", "no list"}},
	} {
		t.Run(one.name, func(t *testing.T) {
			t.Parallel()
			n, err := configured(hook.Commands{Count: one.line}).CountAccounts(t.Context())
			if n != one.count {
				t.Errorf("counted %d", n)
			}
			if one.words != nil {
				complains(t, err, one.words...)
			} else if err != nil {
				t.Error(err)
			}
		})
	}
}

// An outage is ended also when the run was given up.
func TestOutage(t *testing.T) {
	t.Parallel()
	path := pathOf(t)
	outage := configured(hook.Commands{Outage: "cat >> " + path}).Outage
	ctx, cancel := context.WithCancel(t.Context())
	if err := outage(ctx, true); err != nil {
		t.Error(err)
	}
	cancel()
	if err := outage(ctx, true); err == nil {
		t.Error("an outage begins in a run that was given up")
	}
	if err := outage(ctx, false); err != nil {
		t.Error(err)
	}
	if got, want := readText(t, path), `{"do":"begin"}`+"\n"+`{"do":"end"}`+"\n"; got != want {
		t.Errorf("asked were %q, want %q", got, want)
	}
	complains(t, configured(hook.Commands{Outage: "echo pause >&2; exit 1"}).Outage(t.Context(), true), "did not do it", "pause")
}

func TestRestart(t *testing.T) {
	t.Parallel()
	if err := configured(hook.Commands{Restart: `read r; test "$r" = '{"do":"restart"}'`}).Restart(t.Context()); err != nil {
		t.Error(err)
	}
	complains(t, configured(hook.Commands{Restart: "exit 1"}).Restart(t.Context()), "did not do it")
}
