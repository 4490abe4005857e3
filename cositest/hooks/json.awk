# Prints the values of a JSON object that are asked for, each on a line of its own: "=" and the value, or "-" for one that
# is not there. The variable "want" names them, as in "bucketName credentials.s3.region". It reads strings, numbers, words
# and objects, which is what a hook is given. A value with control characters, or with \u, is refused if it is wanted: no
# key, name or URL has any.

{ text = text $0 "\n" }

END {
	at = 1
	size = length(text)
	blank()
	if (substr(text, at, 1) != "{") bad("it is not an object")
	object("")
	blank()
	if (at <= size) bad("more follows the object")
	count = split(want, paths, " ")
	for (i = 1; i <= count; i++) {
		if (paths[i] in odd) bad(paths[i] " has a control character")
		print((paths[i] in found) ? "=" found[paths[i]] : "-")
	}
}

# bad ends the program. What the text holds is not told: it is secret.
function bad(why) {
	print "the request cannot be read: " why | "cat 1>&2"
	close("cat 1>&2")
	exit 2
}

function blank() {
	while (at <= size && index(" \t\r\n", substr(text, at, 1))) at++
}

function object(path,   key, sign) {
	at++
	blank()
	if (substr(text, at, 1) == "}") { at++; return }
	do {
		blank()
		key = quoted("")
		blank()
		if (substr(text, at++, 1) != ":") bad("a colon is missing")
		blank()
		value(path == "" ? key : path "." key)
		blank()
		sign = substr(text, at++, 1)
	} while (sign == ",")
	if (sign != "}") bad("an object has no end")
}

function value(path,   first) {
	first = substr(text, at, 1)
	if (first == "{") object(path)
	else if (first == "\"") found[path] = quoted(path)
	else if (match(substr(text, at), /^[a-zA-Z0-9.+-]+/)) {
		found[path] = substr(text, at, RLENGTH)
		at += RLENGTH
	} else bad("a value is neither text, number, word nor object")
}

# quoted reads a string; the path is that of the value, if it is one.
function quoted(path,   out, sign) {
	if (substr(text, at++, 1) != "\"") bad("a string is missing")
	out = ""
	while (at <= size) {
		sign = substr(text, at++, 1)
		if (sign == "\"") return out
		if (sign != "\\") { out = out sign; continue }
		sign = substr(text, at++, 1)
		if (index("\"\\/", sign)) out = out sign
		else if (path == "") bad("a key has a control character")
		else odd[path] = 1
	}
	bad("a string has no end")
}
