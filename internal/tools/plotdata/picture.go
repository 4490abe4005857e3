package plotdata

import (
	"fmt"
	"html"
)

// Picture names a plot and describes it to readers who do not see it.
type Picture struct{ Name, Alt string }

// File returns the name of the plot's file for a theme, "light" or "dark".
func (p Picture) File(theme string) string { return fmt.Sprintf("%s-%s.svg", p.Name, theme) }

// HTML returns the element that shows the plot in a document, in the theme of its reader.
func (p Picture) HTML() string {
	return fmt.Sprintf(`<picture>
  <source media="(prefers-color-scheme: dark)" srcset="plots/%s">
  <img src="plots/%s" alt="%s">
</picture>`, p.File("dark"), p.File("light"), html.EscapeString(p.Alt))
}
