#!/bin/sh
# A hook for "cosictl check -access-command": it uses a shared access signature on an Azure container. It needs curl and awk.
# accessToken is the signature alone, or a URL of the account or the container with it. For a signature alone,
# AZURE_BLOB_ENDPOINT is the account's URL; without it, AZURE_STORAGE_ACCOUNT is its name. HOOK_WAIT is how many seconds the
# hook waits for what is expected; without it, 10. Azure may take 30 to heed a stored access policy.

here=$(dirname "$0")
. "$here/lib.sh"

values=$(read_request "bucketName credentials.azure.accessToken expect keep") || exit 2
set -- $values # on its lines
bucket=$(text bucketName "$1") && token=$(text credentials.azure.accessToken "$2") && expect=$(text expect "$3") &&
	keep=$(text keep "$4") || exit 2
case $token in
http://* | https://*) endpoint=${token%%\?*} token=${token#*\?} ;;
*) endpoint=${AZURE_BLOB_ENDPOINT:-https://$(required AZURE_STORAGE_ACCOUNT).blob.core.windows.net} || exit 2 ;;
esac
endpoint=${endpoint%/}
url=$(quote "${endpoint%/"$bucket"}/$bucket/gocosi-conformance?${token#\?}")

request() {
	answer "$(config "$1" | curl_config)"
}

config() {
	printf 'request = "%s"\nurl = "%s"\nheader = "x-ms-version: 2022-11-02"\n' "$1" "$url"
	if [ "$1" = PUT ]; then
		printf 'data = "%s"\nheader = "Content-Type: text/plain"\nheader = "x-ms-blob-type: BlockBlob"\n' "$content"
	fi
}

await_access
