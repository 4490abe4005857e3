package main

import (
	"fmt"
	"strings"

	"github.com/doomshrine/gocosi/internal/rules"
)

const introduction = `# What COSI v1alpha1 asks of a driver

<!-- Written by internal/tools/rulesdoc from internal/rules. Change the rules there. -->

This page lists every rule for a driver. The library's checks, the conformance kit and its reports, the log and the
other documents cite the rules by these IDs, which this project defines. [conformance.md](conformance.md) explains what
breaking a rule does in a cluster, and how to fix the driver.

The **level** says how binding a rule is.

| level | meaning |
|---|---|
| MUST, MUST NOT, SHOULD, MAY | as in the specification |
| REAL | no text requires it, but the released sidecar or controller works only with drivers that follow it |
| policy | neither the texts nor the released programs require it; this library advises it |

The **source** says where a rule comes from.

| source | meaning |
|---|---|
| cosi.proto | the comments of the interface definition |
| spec.md | the text of the specification |
| sidecar v0.2.2 | the code of the released sidecar |
| sidecar of v1alpha2 | the code of the next sidecar, which refuses drivers that break the rule |
| this library | experience with drivers in the field |

**What the library does** happens on every call or at the start, so a driver need not do it. If the column is empty, the
driver must follow the rule itself, and only a test, such as the conformance kit, can check it. Options turn off each of
these: the checks of requests, the checks of responses, the turns that calls take, and the translation of codes.

The texts contradict each other in places. These rules follow the interface definition and the released programs:

- A repeated call succeeds. The specification's prose also allows ALREADY_EXISTS, but then the sidecar repeats the call
  indefinitely.
- The messages are those of cosi.proto. The prose mentions fields that were never released.
- GetPluginInfo and accessibility requirements, leftovers from CSI, are not required.
- A driver refuses a grant without an authentication type. A comment calls Key the default, but the field is required.
`

// requirements returns docs/requirements.md.
func requirements() string {
	var text strings.Builder
	text.WriteString(introduction)
	writeTable(&text, "Every call", "")
	for _, rpc := range []string{rules.GetInfo, rules.Create, rules.Delete, rules.Grant, rules.Revoke} {
		writeTable(&text, rpc, rpc)
	}
	return text.String()
}

// writeTable writes a table of an RPC's rules.
func writeTable(text *strings.Builder, heading, rpc string) {
	fmt.Fprintf(text, "\n## %s\n\n| ID | level | rule | what the library does | source |\n|---|---|---|---|---|\n", heading)
	for _, r := range rules.All() {
		if r.RPC == rpc {
			fmt.Fprintf(text, "| %s | %s | %s | %s | %s |\n", r.ID, r.Level, r.Text, r.Runtime, r.Source)
		}
	}
}
