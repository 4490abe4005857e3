#!/bin/sh
# A hook for "cosictl check -foreign-command": it makes a bucket with an administrator's S3 key, without the driver. It needs
# curl 7.88 or later, and awk. The variables S3_ADMIN_ENDPOINT, S3_ADMIN_ACCESS_KEY and S3_ADMIN_SECRET_KEY say where and
# who; S3_ADMIN_REGION is us-east-1 if it is not set, and HOOK_DELETE_CONTEXT is in lib.sh.

here=$(dirname "$0")
. "$here/lib.sh"

values=$(read_request "do name") || exit 2
set -- $values # on its lines
do=$(text do "$1") && name=$(text name "$2") && endpoint=$(required S3_ADMIN_ENDPOINT) && id=$(required S3_ADMIN_ACCESS_KEY) &&
	secret=$(required S3_ADMIN_SECRET_KEY) || exit 2
region=${S3_ADMIN_REGION:-us-east-1}
user=$(quote "$id:$secret")
url=$(quote "${endpoint%/}/$name")
unset S3_ADMIN_SECRET_KEY # the programs that are run below have no need of it

# request makes a request for the bucket, with what is given in curl's configuration.
request() {
	answer "$(printf '%s\n' "user = \"$user\"" "url = \"$url\"" "$@" | curl_s3)"
}

create() {
	constraint=
	if [ "$region" != us-east-1 ]; then # the region that must not be named
		constraint="<CreateBucketConfiguration><LocationConstraint>$region</LocationConstraint></CreateBucketConfiguration>"
	fi
	request 'request = "PUT"' "data = \"$constraint\"" 'header = "Content-Type: application/xml"'
}

look() { request head; }

delete() { request 'request = "DELETE"'; }

serve_foreign
