package main

import (
	"fmt"
	"regexp"
	"strings"
	"time"
)

// section holds what the changelog says of a version.
type section struct{ date, text string }

// dated reports whether the version has the day of its release.
func (s section) dated() bool {
	_, err := time.Parse(time.DateOnly, s.date)
	return err == nil
}

// definition matches a link's definition, which stands at the end of the file.
var definition = regexp.MustCompile(`^\[[^\]]+\]: \S+$`)

// findSection returns the section of a version, such as "## [0.4.0] - 2026-11-30", without its heading.
func findSection(changelog, version string) (section, error) {
	heading := "## [" + strings.TrimPrefix(version, "v") + "]"
	var s section
	var lines []string
	found := false
	for line := range strings.SplitSeq(changelog, "\n") {
		switch {
		case strings.HasPrefix(line, heading):
			found = true
			s.date = strings.TrimPrefix(strings.TrimPrefix(line, heading), " - ")
		case found && (strings.HasPrefix(line, "## ") || definition.MatchString(line)):
			s.text = strings.TrimSpace(strings.Join(lines, "\n")) + "\n"
			return s, s.check(version)
		case found:
			lines = append(lines, line)
		}
	}
	if !found {
		return section{}, fmt.Errorf("CHANGELOG.md has no section %q; want one", heading)
	}
	s.text = strings.TrimSpace(strings.Join(lines, "\n")) + "\n"
	return s, s.check(version)
}

func (s section) check(version string) error {
	if strings.TrimSpace(s.text) == "" {
		return fmt.Errorf("CHANGELOG.md says nothing of %s; want what has changed", version)
	}
	return nil
}
