package main

import (
	"bytes"
	"flag"
	"fmt"
	"strings"
)

const examples = `
Examples:
  cosictl info
  cosictl create bucket-1 -p region=eu-west-1
  cosictl create bucket-1 -parameters - < secrets.json
  cosictl grant bucket-1 ba-1 -auth key -o json -show-secrets
  cosictl revoke bucket-1 ba-1
  cosictl delete bucket-1
  cosictl health -endpoint unix:///run/cosi/cosi.sock -timeout 2s
  cosictl check -parameters class.json -incompatible-parameters other.json -junit report.xml
  cosictl check -access-command cositest/hooks/s3-access.sh -log driver.log -destructive
  cosictl check -list

Exit codes: 0 done, 1 refused or failed, 2 wrong usage, 3 no connection, 4 another generation of COSI.
`

// help writes what the program can do.
func (v *invocation) help(set *flag.FlagSet) error {
	var text bytes.Buffer
	text.WriteString("Usage: cosictl [flags] COMMAND [flags] [arguments]\n\nA client for COSI drivers.\n\nCommands:\n")
	for _, c := range v.commands() {
		fmt.Fprintf(&text, "  %-28s %s\n", synopsis(c), c.short)
	}
	text.WriteString("\nFlags of all commands; \"cosictl COMMAND -h\" lists the others:\n")
	set.SetOutput(&text)
	set.PrintDefaults()
	text.WriteString(examples)
	_, err := text.WriteTo(v.stdout)
	return err
}

// helpOn writes what one command can do.
func (v *invocation) helpOn(c command, set *flag.FlagSet) error {
	var text bytes.Buffer
	fmt.Fprintf(&text, "Usage: cosictl %s [flags]\n\n%s%s.\n\nFlags:\n", synopsis(c), strings.ToUpper(c.short[:1]), c.short[1:])
	set.SetOutput(&text)
	set.PrintDefaults()
	_, err := text.WriteTo(v.stdout)
	return err
}

func synopsis(c command) string { return strings.TrimSpace(c.name + " " + c.args) }
