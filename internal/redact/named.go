package redact

import (
	"iter"
	"slices"
	"strings"
)

// Secrets that nobody knows are recognised by where they stand: in a URL, or behind a name. docs/operations.md lists what
// of the usual forms is not recognised, and a test compares.

// names lists the ends of names whose values are hidden, in lower case.
var names = []string{
	"token", "secret", "password", "passwd", "passphrase", "pwd", "key", "credential", "credentials", "authorization", "signature",
}

// prose lists words that begin a sentence or the text of an error, and so are no secret behind "token: ".
var prose = strings.Fields(`a an the this that it you your no not is are was has must may can cannot could does did failed failure
	open opening read reading write stat dial dialing get put post head lookup exec parse parsing decode decoding load loading
	unexpected invalid illegal unknown unsupported unable unauthorized expected expired empty missing malformed bad wrong too
	error context operation exit access permission static request only use value`)

// margin is how far behind what is looked at a password may end that begins in it.
const margin = 256

// urls hides the password of a URL (scheme://user:password@host) or of a data source name (user:password@host), and a
// user alone (scheme://token@host). A password may itself hold an "@" or a "/": it goes to the last "@" before white space or a
// quote, and to the end of what is looked at if that is not the end of the word.
func (c cover) urls(text string) {
	seen := text[:min(len(text), len(c)+margin)]
	if len(seen) == len(text) && !strings.Contains(seen, "@") {
		return
	}
	for from := 0; from < len(c); {
		word := seen[from:until(seen, from, " \t\n\v\f\r\"'")]
		end := strings.LastIndexByte(word, '@')
		if cut := from+len(word) == len(seen) && len(seen) < len(text); cut && end < 0 {
			end = len(word)
		}
		if start := password(word[:max(end, 0)]); start >= 0 {
			c.hide(from+start, from+end)
		}
		from += len(word) + 1
	}
}

// password returns where a password begins in what stands before an "@"; less than 0 for nowhere.
func password(before string) int {
	scheme := strings.IndexByte(before, ':')
	if scheme <= 0 {
		return -1
	}
	if user, found := strings.CutPrefix(before[scheme:], "://"); found {
		if i := strings.IndexAny(user, ":/@"); i >= 0 && user[i] == ':' {
			return scheme + len("://") + i + 1
		}
	}
	return scheme + 1
}

// named hides the values of names that names has the end of.
func (c cover) named(text string) {
	for at := range len(text) {
		switch text[at] {
		case '=', ':':
			c.assigned(text, at)
		case ' ':
			c.spaced(text, at)
		case '>':
			if name := lastWord(text[:at]); secretive(name) && strings.HasSuffix(text[:at-len(name)], "<") {
				c.hide(at+1, until(text, at+1, "<"))
			}
		}
	}
}

// assigned hides what follows a sign, if that is a value to hide.
func (c cover) assigned(text string, at int) {
	name := lastWord(strings.TrimRight(text[:at], " \t\"'`\\]"))
	paired := strings.EqualFold(name, "key") || strings.EqualFold(name, "name")
	if !paired && !secretive(name) {
		return
	}
	from, to := value(text, at, name)
	if sign := pair(text, to); paired && sign > 0 {
		if secretive(text[from:to]) {
			c.hide(value(text, sign, "value"))
		}
		return
	}
	if secretive(name) {
		c.hide(from, to)
	}
}

// spaced hides what follows a flag of a command, and a bearer's token.
func (c cover) spaced(text string, at int) {
	name := lastWord(text[:at])
	flag := strings.HasPrefix(name, "-") && secretive(name)
	if !flag && !strings.EqualFold(name, "bearer") {
		return
	}
	from, to := value(text, at, name)
	hides := to-from > 20 || strings.ContainsAny(text[from:to], "0123456789")
	if flag {
		hides = !strings.HasPrefix(text[from:], "-")
	}
	if hides {
		c.hide(from, to)
	}
}

// secretive reports whether values of a name are hidden.
func secretive(name string) bool {
	if rest, found := cutSuffixFold(name, "sig"); found && (rest == "" || strings.ContainsRune("-_.", rune(rest[len(rest)-1]))) {
		return true
	}
	return slices.ContainsFunc(names, func(end string) bool {
		_, found := cutSuffixFold(name, end)
		return found
	})
}

func cutSuffixFold(name, end string) (string, bool) {
	at := len(name) - len(end)
	if at < 0 || !strings.EqualFold(name[at:], end) {
		return "", false
	}
	return name[:at], true
}

// pair returns where the sign stands behind the "value" of a pair such as key:"a" value:"b", whose first value ends at a
// place; 0 if there is none.
func pair(text string, end int) int {
	rest := strings.TrimLeft(text[end:], "\"'`\\,; \t\r\n")
	name := rest[:until(rest, 0, "\"'`\\:= ")]
	if !strings.EqualFold(name, "value") {
		return 0
	}
	at := len(text) - len(strings.TrimLeft(rest[len(name):], "\"'`\\ "))
	if at < len(text) && (text[at] == ':' || text[at] == '=') {
		return at
	}
	return 0
}

// value returns where the value stands that follows a sign: within quotes or brackets, or to white space. It is empty if
// nothing follows, if what follows holds names of its own, or if it is prose.
func value(text string, sign int, name string) (from, to int) {
	from = sign + 1
	if strings.HasPrefix(text[from:], "//") {
		return from, from
	}
	from = skip(text, skip(text, from, "=:>"), " \t")
	rest := text[from:]
	switch {
	case rest == "", text[sign] == ':' && rest[0] == '{', strings.HasPrefix(rest, "&{"), strings.HasPrefix(rest, "map["):
		return from, from
	case rest[0] == '[':
		return from, list(text, from)
	case rest[0] == '{':
		return from, closing(text, from, '}')
	}
	if quotes := skip(text, from, `\`) - from; from+quotes < len(text) && strings.IndexByte("\"'`", rest[quotes]) >= 0 {
		return from + quotes + 1, quoted(text, from+quotes+1, rest[quotes], quotes)
	}
	return from, words(text, from, text[sign] != '=' && text[from-1] == ' ', name)
}

// words returns where a value without quotes ends. The scheme of an authorization belongs to it.
func words(text string, from int, afterSpace bool, name string) int {
	to := until(text, from, unquoted)
	first := text[from:to]
	isFirst := func(word string) bool { return strings.EqualFold(first, word) }
	if to == len(text) || text[to] != ' ' {
		return to
	}
	_, authorizes := cutSuffixFold(name, "authorization")
	switch {
	case afterSpace && slices.ContainsFunc(prose, isFirst):
		return from
	case authorizes || isFirst("bearer") || isFirst("basic"):
		return until(text, skip(text, to, " "), unquoted)
	}
	return to
}

// unquoted holds the characters that end a value without quotes.
const unquoted = " \t\n\v\f\r&;\""

// quoted returns where a value ends whose opening quote stands behind a number of backslashes. Within the value, a quote has more
// of them, and may also be doubled.
func quoted(text string, from int, quote byte, depth int) int {
	slashes := 0
	for i := from; i < len(text); i++ {
		switch {
		case text[i] == '\\':
			slashes++
			continue
		case text[i] == quote && (slashes < depth || (slashes-depth)/(depth+1)%2 == 0):
			if depth > 0 || i+1 == len(text) || text[i+1] != quote {
				return i - min(slashes, depth)
			}
			i++
		}
		slashes = 0
	}
	return len(text)
}

// list returns where a value ends that begins with a bracket.
func list(text string, from int) int {
	end := from + 1
	for end < len(text) && (text[end] == '"' || text[end] == '\'') {
		end = skip(text, quoted(text, end+1, text[end], 0)+1, ", \t\n")
	}
	return closing(text, min(end, len(text)), ']')
}

// closing returns where a value ends that goes on behind a closing bracket, if there is one.
func closing(text string, from int, bracket byte) int {
	if i := strings.IndexByte(text[from:], bracket); i >= 0 {
		from += i
	}
	return until(text, from, unquoted)
}

// privateKeys hides what private keys consist of.
func (c cover) privateKeys(text string) {
	for at := range places(text, "-----BEGIN ") {
		header, body, _ := strings.Cut(text[at+len("-----BEGIN "):], "-----")
		if strings.Contains(header, "PRIVATE KEY") {
			from := len(text) - len(body)
			body, _, _ = strings.Cut(body, "-----END")
			c.hide(from, from+len(body))
		}
	}
}

// objects hides what begins as a JSON object does in base64, as a web token is.
func (c cover) objects(text string) {
	for at := range places(text, "eyJ") {
		end := at
		for end < len(text) && (wordly(text[end]) || strings.IndexByte("+/=", text[end]) >= 0) {
			end++
		}
		if end-at > 20 {
			c.hide(at, end)
		}
	}
}

// places yields where text holds a part, which may overlap with itself.
func places(text, part string) iter.Seq[int] {
	return func(yield func(int) bool) {
		for at := 0; ; at++ {
			i := strings.Index(text[at:], part)
			if i < 0 || !yield(at+i) {
				return
			}
			at += i
		}
	}
}

// lastWord returns the name that a text ends with.
func lastWord(text string) string {
	from := len(text)
	for from > 0 && wordly(text[from-1]) {
		from--
	}
	return text[from:]
}

// wordly reports whether a byte may stand in a name. None of these has another form in a quoted text or a URL.
func wordly(b byte) bool {
	return 'a' <= b && b <= 'z' || 'A' <= b && b <= 'Z' || '0' <= b && b <= '9' || b == '-' || b == '_' || b == '.'
}

// skip returns the first place in text, from a place on, that has none of the bytes.
func skip(text string, from int, bytes string) int {
	for from < len(text) && strings.IndexByte(bytes, text[from]) >= 0 {
		from++
	}
	return from
}

// until returns the first place in text, from a place on, that has one of the bytes, or its end.
func until(text string, from int, bytes string) int {
	if i := strings.IndexAny(text[from:], bytes); i >= 0 {
		return from + i
	}
	return len(text)
}
