package main

import (
	"cmp"
	"errors"
	"flag"
	"fmt"
	"io"
	"time"

	cosi "sigs.k8s.io/container-object-storage-interface-spec"

	"github.com/doomshrine/gocosi"
	"github.com/doomshrine/gocosi/internal/address"
)

const defaultTimeout = 10 * time.Second

// The formats of a result.
const (
	formatText = "text"
	formatJSON = "json"
)

// The authentication types.
const (
	authKey = "key"
	authIAM = "iam"
)

// options holds the values of flags.
type options struct {
	endpoint   string
	timeout    time.Duration
	format     string
	tls        tlsFlags
	auth       cosi.AuthenticationType // 0: not given
	parameters parameterFlags
	checks     checkFlags
}

// defaults returns the options before any flag; getenv reads the environment.
func defaults(getenv func(string) string) options {
	return options{
		endpoint: cmp.Or(getenv(gocosi.EnvCOSIEndpoint), address.Default), timeout: defaultTimeout, format: formatText,
	}
}

func newFlagSet(name string) *flag.FlagSet {
	set := flag.NewFlagSet(name, flag.ContinueOnError)
	set.SetOutput(io.Discard) // an error is one line, and conclude writes it
	set.Usage = func() {}
	return set
}

// commonFlags defines the flags that may stand before and after the command's name; the later one wins.
func (v *invocation) commonFlags(set *flag.FlagSet) {
	set.StringVar(&v.endpoint, "endpoint", v.endpoint,
		"where the driver listens: unix:///path, unix:/path, /path or tcp://host:port; COSI_ENDPOINT sets the default")
	set.DurationVar(&v.timeout, "timeout", v.timeout, "limit for connecting, and then for each call")
	set.StringVar(&v.format, "o", v.format, "format of results: `text|json`")
	set.BoolVar(&v.secrets.shown, "show-secrets", v.secrets.shown, "print secrets as they are")
	v.tlsFlags(set)
}

func (v *invocation) grantFlags(set *flag.FlagSet) {
	v.parameterFlags(set)
	v.auth = cosi.AuthenticationType_Key
	set.Func("auth", "authentication type: `key|iam` (default key)", v.setAuth)
}

// validate refuses values that no command can use.
func (v *invocation) validate() error {
	if v.format != formatText && v.format != formatJSON {
		return fmt.Errorf("-o %q is not a format%s; want text or json", v.format, didYouMean(v.format, "", []string{formatText, formatJSON}))
	}
	if v.timeout <= 0 {
		return errors.New("-timeout must be more than 0")
	}
	return v.tls.validate()
}

// setAuth reads the value of -auth.
func (o *options) setAuth(text string) error {
	switch text {
	case authKey:
		o.auth = cosi.AuthenticationType_Key
	case authIAM:
		o.auth = cosi.AuthenticationType_IAM
	default:
		return fmt.Errorf("want %s or %s%s", authKey, authIAM, didYouMean(text, "", []string{authKey, authIAM}))
	}
	return nil
}

// note remembers which flags the command line gives.
func (v *invocation) note(set *flag.FlagSet) {
	if v.given == nil {
		v.given = map[string]bool{}
	}
	set.Visit(func(f *flag.Flag) { v.given[f.Name] = true })
}

// parse reads flags that stand before, between and after the arguments, and returns the arguments. What follows "--" is
// an argument whatever it looks like.
func parse(set *flag.FlagSet, args []string) ([]string, error) {
	var positional []string
	for {
		if err := set.Parse(args); err != nil {
			return nil, explainFlag(set, err)
		}
		rest := set.Args()
		if read := len(args) - len(rest); read > 0 && args[read-1] == "--" {
			return append(positional, rest...), nil
		}
		if len(rest) == 0 {
			return positional, nil
		}
		positional, args = append(positional, rest[0]), rest[1:]
	}
}
