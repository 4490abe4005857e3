package main

import (
	"bytes"
	"flag"
	"fmt"
	"strings"
)

const exitCodes = `
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
	writeExamples(&text, v.commands()...)
	text.WriteString(exitCodes)
	_, err := text.WriteTo(v.stdout)
	return err
}

// helpOn writes what one command can do.
func (v *invocation) helpOn(c command, set *flag.FlagSet) error {
	var text bytes.Buffer
	fmt.Fprintf(&text, "Usage: cosictl %s [flags]\n\n%s%s.\n\nFlags:\n", synopsis(c), strings.ToUpper(c.short[:1]), c.short[1:])
	set.SetOutput(&text)
	set.PrintDefaults()
	writeExamples(&text, c)
	_, err := text.WriteTo(v.stdout)
	return err
}

// writeExamples writes those of some commands.
func writeExamples(text *bytes.Buffer, of ...command) {
	text.WriteString("\nExamples:\n")
	for _, c := range of {
		for _, example := range c.examples {
			text.WriteString("  cosictl " + example + "\n")
		}
	}
}

func synopsis(c command) string { return strings.TrimSpace(c.name + " " + c.args) }
