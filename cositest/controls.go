package cositest

import (
	"context"
	"errors"
	"fmt"

	cosi "sigs.k8s.io/container-object-storage-interface-spec"
)

// controls holds the results of control questions: a hook whose answer never changes tells nothing about a driver. A run asks
// each question once. Only the case that runs uses it.
type controls struct{ access, accounts control }

// control holds the result of a control question.
type control struct {
	asked bool
	err   error // why the hook tells nothing
}

// errAnybody is why a hook tells nothing that lets made-up credentials in.
var errAnybody = errors.New("it says that credentials that the kit made up work: it does not use them, or the store lets anybody in")

// believable returns why a hook Access that has said yes to use tells nothing. It asks the hook for what cannot be.
func (t *trial) believable(ctx context.Context, use Use) error {
	c := &t.controls.access
	if c.asked {
		return c.err
	}
	c.asked = true
	impossible, broken := madeUp(use), errAnybody
	if secretOf(use.Credentials) == "" { // by IAM the hook may know more than the credentials tell
		impossible, broken = opposite(use), errors.New("it says yes to both granted and denied")
	}
	if yes, err := t.cfg.Access(ctx, impossible); err == nil && yes {
		c.err = broken
	}
	return c.err
}

// madeUp returns the question whether made-up credentials work. They have the keys of those of use.
func madeUp(use Use) Use {
	use.Expect, use.Keep, use.access = Granted, false, "nobody, with credentials that the kit made up,"
	granted := use.Credentials
	use.Credentials = map[string]*cosi.CredentialDetails{}
	for protocol, details := range granted {
		secrets := map[string]string{}
		for key, value := range details.GetSecrets() {
			switch key {
			case "endpoint", "region", "expiryTs":
				secrets[key] = value
			default:
				secrets[key] = newName("madeup")
			}
		}
		use.Credentials[protocol] = &cosi.CredentialDetails{Secrets: secrets}
	}
	return use
}

// opposite returns the question that has the other answer.
func opposite(use Use) Use {
	if use.Expect == Granted {
		use.Expect = Denied
	} else {
		use.Expect = Granted
	}
	return use
}

// counting returns why the hook CountAccounts, if there is one, tells nothing: its count does not rise with a grant.
func (t *trial) counting(ctx context.Context) error {
	c := &t.controls.accounts
	if c.asked || t.cfg.CountAccounts == nil {
		return c.err
	}
	b, _, err := t.bucketWithAccess(ctx)
	if err != nil {
		return err
	}
	before, err := t.accounts(ctx)
	if err != nil {
		return err
	}
	if _, err := t.access(ctx, b); err != nil {
		return err
	}
	after, err := t.accounts(ctx)
	if err != nil {
		return err
	}
	c.asked = true
	switch {
	case after > before:
	case after == 0:
		c.err = elsewhereError("the hook Config.CountAccounts (-count-command) counts no account, not even after a grant")
	default:
		c.err = missedError{fmt.Errorf("the hook Config.CountAccounts (-count-command) counts %d accounts before a grant and %d after it: "+
			"it does not count what a grant makes, or the driver makes no account for it", before, after)}
	}
	return c.err
}

// uncountable says that the store has no accounts to count.
func uncountable(err error) bool {
	_, none := errors.AsType[elsewhereError](err)
	return none
}
