# What the hooks of this folder have in common. They source it; it does nothing by itself.
#
# Exit codes of a hook: 0 as asked, 1 not so, 2 nobody knows.

set -uf
IFS='
'
LC_ALL=C
export LC_ALL
wait=${HOOK_WAIT:-10}

# unknown ends a hook that cannot tell.
unknown() {
	printf '%s\n' "$1" >&2
	exit 2
}

# read_request reads the request, and prints the values that are asked for as json.awk does.
read_request() {
	awk -v want="$1" -f "$here/json.awk"
}

# text prints a value of read_request, which must be there.
text() {
	case $2 in
	=?*) printf %s "${2#=}" ;;
	*) printf 'the request lacks %s\n' "$1" >&2; return 2 ;;
	esac
}

# quote prints a value as it stands between the quotes of curl's configuration.
quote() {
	printf %s "$1" | sed 's/[\\"]/\\&/g'
}

# curl_config runs curl with the configuration that it reads from standard input. Secrets are in there: nobody sees that in
# a list of processes. It prints the body, and the HTTP status on a line of its own: 000 when there was no answer.
curl_config() {
	curl -q --config - --silent --show-error --globoff --proto '=http,https' \
		--connect-timeout 5 --max-time 10 --write-out '\n%{http_code}' "$@"
}

# curl_s3 does the same with requests that are signed for S3. The body is not signed: curl reads it after the header that
# stands for it, which S3 demands and curl does not always send.
curl_s3() {
	curl_config --aws-sigv4 "aws:amz:$region:s3" --header 'x-amz-content-sha256: UNSIGNED-PAYLOAD'
}

# required prints the value of a variable, which must be set.
required() {
	eval "value=\${$1:-}"
	[ -n "$value" ] && printf %s "$value" && return
	printf '%s is not set\n' "$1" >&2
	return 2
}

# answer keeps what curl_config printed, as $body and $code.
answer() {
	code=${1##*
}
	body=${1%?"$code"}
}

# told prints how the store answered, with the code that S3 and Azure give in XML.
told() {
	reason=$(printf '%s\n' "$body" | sed -n 's/.*<Code>\([A-Za-z]*\)<.*/ \1/p')
	printf %s "HTTP ${code:-000}$reason"
}

# meaning says what an HTTP status means: done, refused or unknown.
meaning() {
	case $1 in
	2??) echo "done" ;;
	401 | 403 | 404) echo refused ;;
	*) echo unknown ;;
	esac
}

# attempt puts the object, gets it back and removes it unless it is to be kept, and sets $seen to granted, denied, partly or
# unknown, and $why. The hook has the function request METHOD, which answers.
attempt() {
	content="gocosi $$ $(date +%s)"
	request PUT
	put=$(meaning "$code") why="put: $(told)"
	request GET
	get=$(meaning "$code") why="$why, get: $(told)"
	case $put,$get in
	done,done) seen=granted ;;
	refused,refused) seen=denied ;;
	*unknown*) seen=unknown ;;
	*) seen=partly ;;
	esac
	if [ "$seen" = granted ] && [ "$body" != "$content" ]; then
		seen=unknown why="the object that was got is not the one that was put"
	fi
	if [ "$put" = done ] && [ "$keep" = false ]; then
		remove
	fi
}

# remove removes the object. When that is refused, others cannot delete the bucket: nothing more is to be told.
remove() {
	request DELETE
	if [ "$(meaning "$code")" != done ] && [ "$code" != 404 ]; then
		seen=unknown why="$why, and the object cannot be removed again: $(told)"
	fi
}

# await_access tries until the store does what $expect says, or $wait seconds are over: in many stores a new key, or the end
# of one, takes a while to show.
await_access() {
	case $expect in granted | denied) ;; *) unknown "expect is neither granted nor denied" ;; esac
	case $wait in '' | *[!0-9]*) unknown "HOOK_WAIT is not a number of seconds" ;; esac
	end=$(($(date +%s) + wait))
	while attempt; [ "$seen" != "$expect" ] && [ "$(date +%s)" -lt "$end" ]; do
		sleep 1
	done
	[ "$seen" = unknown ] && unknown "$why"
	[ "$seen" = "$expect" ] && exit 0
	printf 'expected is %s, and found is %s: %s\n' "$expect" "$seen" "$why" >&2
	exit 1
}

# done_or ends a hook as an HTTP status says: well if the request was done, and with the exit code $1 if the status is one of
# the others.
done_or() {
	no=$1
	shift
	[ "$(meaning "$code")" = done ] && return 0
	for other in "$@"; do
		[ "$code" = "$other" ] && return "$no"
	done
	unknown "the store answers $(told)"
}

# serve_foreign makes, looks for or removes a bucket. The hook has the functions create, look and delete, which answer.
# HOOK_DELETE_CONTEXT is a JSON object: the parameters by which an administrator allows the driver to delete the bucket.
serve_foreign() {
	case $name in '' | *[!a-z0-9-]*) unknown "the name is not of a-z, 0-9 and -" ;; esac
	case $do in
	make)
		create
		done_or 1 409 && printf '{"id":"%s","deleteContext":%s}\n' "$name" "${HOOK_DELETE_CONTEXT:-null}"
		;;
	exists)
		look
		done_or 1 404
		;;
	remove)
		delete
		done_or 0 404
		;;
	*) unknown "do is neither make, exists nor remove" ;;
	esac
}
