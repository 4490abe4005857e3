#!/usr/bin/env bash
# Checks a COSI driver with cosictl: the step of action.yml, which passes the inputs as CONFORMANCE_*. README.md describes them.
# Text of the driver never becomes a command to the runner, nor Markdown in the summary.
set -euo pipefail
exec 2>&1 # the runner reads two streams in any order, and stop-commands has to enclose both

readonly usage=2 unconnected=3 # exit codes of cosictl
readonly grace=10              # seconds in which the driver may end by SIGTERM
readonly shown=30              # lines of the driver's output
readonly room=65536            # bytes of the driver's output that are looked at for them
readonly listed=200            # lines in the summary

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../.." && pwd) # of the kit
scratch=$(mktemp -d "${RUNNER_TEMP:-${TMPDIR:-/tmp}}/conformance.XXXXXX")
token=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
code=$usage verdict="" report="" driver="" check="" ended=""

# The driver gets its own environment: an input is none of its variables.
for input in ENDPOINT START DIRECTORY CONFIG ARGS STRICT WAIT REPORT; do
	export -n "CONFORMANCE_$input"
done

# refuse ends the step because of an input.
refuse() {
	verdict="cannot check the driver: $1"
	echo "$verdict"
	exit "$usage"
}

# read_inputs checks the inputs before anything is started.
read_inputs() {
	[ -n "$CONFORMANCE_ENDPOINT" ] || refuse "endpoint is empty, want an endpoint such as unix:///tmp/cosi/cosi.sock"
	case $CONFORMANCE_STRICT in
		true | false) ;;
		*) refuse "strict is \"$CONFORMANCE_STRICT\", want true or false" ;;
	esac
	[[ $CONFORMANCE_WAIT =~ ^([0-9]{1,6})(s|m)$ ]] || refuse "wait is \"$CONFORMANCE_WAIT\", want seconds such as 60s, or minutes such as 2m"
	limit=$((10#${BASH_REMATCH[1]}))
	[ "${BASH_REMATCH[2]}" = s ] || limit=$((limit * 60))
	[ -n "$CONFORMANCE_REPORT" ] || refuse "report is empty, want a folder"
	case $CONFORMANCE_REPORT$CONFORMANCE_DIRECTORY in # they become an output, which is a line
		*$'\n'* | *$'\r'*) refuse "report or working-directory has a line break, want a path without" ;;
	esac
	cd -- "${CONFORMANCE_DIRECTORY:-.}" || refuse "working-directory cannot be entered, want a folder"
	[ -z "$CONFORMANCE_CONFIG" ] || [ -r "$CONFORMANCE_CONFIG" ] || refuse "config is \"$CONFORMANCE_CONFIG\", want a file that can be read"
	mkdir -p -- "$CONFORMANCE_REPORT" || refuse "report is no folder that can be made, want one"
	report=$(cd -- "$CONFORMANCE_REPORT" && pwd)
	rm -f -- "$report"/report.{txt,xml,html,json} # those of an earlier run would be taken for this one's
}

build() {
	echo "building cosictl"
	# The flags, the workspace and the toolchain of the driver's project are not the kit's.
	(cd "$root" && GOFLAGS="" GOWORK=off GOTOOLCHAIN=auto go build -o "$scratch/cosictl" ./cmd/cosictl) || {
		verdict="cannot check the driver: cosictl cannot be built, want Go 1.21 or later, and the Go modules' proxy"
		exit "$usage"
	}
}

# ask asks for the driver's name, and returns the exit code of cosictl.
ask() {
	"$scratch/cosictl" info -endpoint "$CONFORMANCE_ENDPOINT" -timeout 2s >/dev/null 2>&1 </dev/null
}

# answers succeeds unless there is no connection. Whatever else is wrong, the check tells.
answers() {
	local status=0
	ask || status=$?
	[ "$status" != "$unconnected" ]
}

# make_folder makes the folder of the driver's socket, which a cluster mounts.
make_folder() {
	local path=${CONFORMANCE_ENDPOINT#unix:}
	path=/${path#"${path%%[!/]*}"}
	case $CONFORMANCE_ENDPOINT in
		unix:/* | /*) mkdir -p -- "$(dirname -- "$path")" || : ;; # the driver says what it lacks
	esac
}

# start runs the driver in a process group of its own, which ends as a whole.
start() {
	local status=0
	ask || status=$?
	case $status in
		"$usage") return ;; # the check tells what is wrong with the endpoint
		"$unconnected") ;;
		*) refuse "somebody answers at the endpoint before the driver is started, want nobody, or no start" ;;
	esac
	make_folder
	echo "starting the driver"
	set -m
	COSI_ENDPOINT=$CONFORMANCE_ENDPOINT bash -e -c "$CONFORMANCE_START" >"$report/driver.log" 2>&1 </dev/null &
	driver=$!
	set +m
}

# await waits until the driver answers. A start command that ends well may have left the driver to somebody else.
await() {
	local deadline=$((SECONDS + limit))
	until answers; do
		if [ -n "$driver" ] && [ -z "$ended" ] && ! kill -0 "$driver" 2>/dev/null; then
			ended=0
			wait "$driver" || ended=$?
		fi
		if [ "${ended:-0}" != 0 ]; then
			verdict="the start command ended with exit code $ended, and no driver answers at $CONFORMANCE_ENDPOINT"
			return
		elif [ "$SECONDS" -ge "$deadline" ]; then
			verdict="no driver answered at $CONFORMANCE_ENDPOINT within $CONFORMANCE_WAIT"
			return
		fi
		sleep 0.2
	done
}

# arguments sets the flags of the check.
arguments() {
	flags=()
	[ "$CONFORMANCE_STRICT" = false ] || flags+=(-strict)
	if [ -n "$CONFORMANCE_CONFIG" ]; then
		flags+=(-config "$CONFORMANCE_CONFIG")
	fi
	if [ -n "$driver" ] && [ -s "$report/driver.log" ] && ! grep -qs '"log"' -- "${CONFORMANCE_CONFIG:-/dev/null}"; then
		flags+=(-log "$report/driver.log") # unless the arguments name another
	fi
	local line
	while IFS= read -r line; do
		line=${line%$'\r'}
		[ -z "$line" ] || flags+=("$line")
	done <<<"$CONFORMANCE_ARGS"
	flags+=(-endpoint "$CONFORMANCE_ENDPOINT" -o text -junit "$report/report.xml" -html "$report/report.html" -json "$report/report.json")
}

# run_check lets a signal through to cosictl, which ends an outage before it ends.
run_check() {
	local reader status=0
	mkfifo "$scratch/text"
	tee "$report/report.txt" <"$scratch/text" &
	reader=$!
	GOCOSI_HOOKS=$root/cositest/hooks "$scratch/cosictl" check "${flags[@]}" >"$scratch/text" 2>&1 </dev/null &
	check=$!
	while :; do
		status=0
		wait "$check" || status=$?
		kill -0 "$check" 2>/dev/null || break
	done
	check=""
	wait "$reader" || :
	code=$status
	[ "$code" = "$unconnected" ] || verdict=""
	[ -n "$verdict" ] || verdict=$(said)
	if [ "$code" = 0 ] && ! grep -qs 'name="cosi\.verdict"' "$report/report.xml"; then # such as -list among the arguments
		code=1 verdict="nothing was checked: cosictl wrote no report, see the log"
	fi
}

# said prints the verdict, and what else cosictl says of its exit code. The verdict is read from the XML, where no text of the
# driver can pass for it; nor can one begin a line of the text.
said() {
	local text why
	text=$(sed -n 's/.*<property name="cosi\.verdict" value="\([^"]*\)".*/\1/p' "$report/report.xml" 2>/dev/null | sed -n '1{
		s/&#x[9AD];/ /g; s/&#34;/"/g; s/&#39;/'\''/g; s/&lt;/</g; s/&gt;/>/g; s/&amp;/\&/g
		p
	}') || :
	why=$(sed -n 's/^cosictl: check: //p' "$report/report.txt" | tail -n 1)
	text=$text${text:+${why:+; }}$why
	echo "${text:-there is no verdict, see the log}"
}

# interrupt ends the check, once: a second signal would keep cosictl from giving back the store.
interrupt() {
	trap '' INT TERM
	[ -n "$check" ] || exit 1
	kill -TERM "$check" 2>/dev/null || :
}

stop_driver() {
	[ -n "$driver" ] || return 0
	local deadline=$((SECONDS + grace))
	kill -TERM -- "-$driver" 2>/dev/null || return 0
	while kill -0 -- "-$driver" 2>/dev/null && [ "$SECONDS" -lt "$deadline" ]; do
		sleep 0.1
	done
	kill -KILL -- "-$driver" 2>/dev/null || :
	wait "$driver" 2>/dev/null || :
}

# plain replaces what a terminal would obey.
plain() {
	LC_ALL=C tr '\000-\010\013-\037\177' '[?*]' | LC_ALL=C sed "s/$(printf '\302')[$(printf '\200')-$(printf '\237')]/?/g"
}

# last prints the end of the driver's output.
last() {
	tail -c "$room" -- "$report/driver.log" | tail -n "$shown" | plain | awk '{ print substr($0, 1, 1000) }'
}

# fenced prints its input as a block of code whose fence is longer than any in it.
fenced() {
	plain | awk -v most="$listed" '
		NR <= most {
			lines[++n] = substr($0, 1, 1000)
			rest = lines[n]
			while (match(rest, /`+/)) {
				if (RLENGTH > longest) longest = RLENGTH
				rest = substr(rest, RSTART + RLENGTH)
			}
		}
		END {
			for (fence = "```"; length(fence) <= longest; ) fence = fence "`"
			print fence "text"
			for (i = 1; i <= n; i++) print lines[i]
			if (NR > most) print "and " NR - most " lines more"
			print fence "\n"
		}'
}

# found prints the lines of the report about what is wrong, and what was not checked.
found() {
	[ ! -f "$report/report.txt" ] || awk '
		/^$/ { cases = 1 }
		!cases && /^(failed|warned|skipped|not configured|not reached) / || !cases && /^ +left over: / || /^cosictl: /
	' "$report/report.txt"
}

summarize() {
	printf '## COSI conformance\n\n'
	echo "$verdict" | fenced
	[ -n "$report" ] || return 0
	found >"$scratch/found"
	if [ -s "$scratch/found" ]; then
		printf 'What is wrong, and what was not checked:\n\n'
		fenced <"$scratch/found"
	fi
	if [ "$code" = "$unconnected" ] && [ -n "$driver" ]; then
		printf 'The last lines of the driver:\n\n'
		last | fenced
	fi
}

# conclude stops the driver and tells what came out, however the script ends.
conclude() {
	local status=$?
	trap '' INT TERM
	trap - EXIT
	set +e
	[ "$status" = 0 ] || code=$status
	stop_driver
	if [ "$code" != 0 ] && [ -n "$driver" ]; then
		echo "the last lines of the driver:"
		last | sed 's/^/| /'
	fi
	verdict=$(printf '%s' "${verdict:-the check was not finished}" | tr '\n' ' ' | plain)
	printf '\n::%s::\n' "$token"
	[ "$code" = 0 ] || printf '::error title=COSI conformance::%s\n' "${verdict//%/%25}"
	printf 'verdict=%s\nexit-code=%s\nreport=%s\n' "$verdict" "$code" "$report" >>"${GITHUB_OUTPUT:-/dev/null}"
	summarize >>"${GITHUB_STEP_SUMMARY:-/dev/null}"
	rm -rf -- "$scratch"
	exit "$code"
}

echo "::stop-commands::$token"
trap conclude EXIT
trap interrupt INT TERM
read_inputs
build
[ -z "$CONFORMANCE_START" ] || start
await
arguments
run_check
