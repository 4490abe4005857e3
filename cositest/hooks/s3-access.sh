#!/bin/sh
# A hook for "cosictl check -access-command": it uses S3 credentials on a bucket. It needs curl 7.88 or later, and awk.
# HOOK_WAIT is how many seconds it waits for what is expected; without it, 10.

here=$(dirname "$0")
. "$here/lib.sh"

values=$(read_request "bucketName credentials.s3.endpoint credentials.s3.region credentials.s3.accessKeyID \
	credentials.s3.accessSecretKey expect keep") || exit 2
set -- $values # on its lines
bucket=$(text bucketName "$1") && endpoint=$(text credentials.s3.endpoint "$2") && id=$(text credentials.s3.accessKeyID "$4") &&
	secret=$(text credentials.s3.accessSecretKey "$5") && expect=$(text expect "$6") && keep=$(text keep "$7") || exit 2
region=${3#[=-]}
region=${region:-us-east-1}
user=$(quote "$id:$secret")
url=$(quote "${endpoint%/}/$bucket/gocosi-conformance")

request() {
	answer "$(config "$1" | curl_s3)"
}

config() {
	printf 'request = "%s"\nuser = "%s"\nurl = "%s"\n' "$1" "$user" "$url"
	if [ "$1" = PUT ]; then
		printf 'data = "%s"\nheader = "Content-Type: text/plain"\n' "$content"
	fi
}

await_access
