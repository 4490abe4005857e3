#!/bin/sh
# A hook for "cosictl check -foreign-command": it makes an Azure container without the driver. It needs curl and awk.
# AZURE_BLOB_ENDPOINT is the account's URL; without it, AZURE_STORAGE_ACCOUNT is its name. AZURE_ADMIN_SAS is a shared access
# signature for the account (service b, type c, permissions rcdl). HOOK_DELETE_CONTEXT is in lib.sh.

here=$(dirname "$0")
. "$here/lib.sh"

values=$(read_request "do name") || exit 2
set -- $values # on its lines
do=$(text do "$1") && name=$(text name "$2") && token=$(required AZURE_ADMIN_SAS) || exit 2
endpoint=${AZURE_BLOB_ENDPOINT:-https://$(required AZURE_STORAGE_ACCOUNT).blob.core.windows.net} || exit 2
url=$(quote "${endpoint%/}/$name?restype=container&${token#\?}")
unset AZURE_ADMIN_SAS # the programs that are run below have no need of it

# request makes a request for the container, with what is given in curl's configuration.
request() {
	answer "$(printf '%s\n' "url = \"$url\"" 'header = "x-ms-version: 2022-11-02"' "$@" | curl_config)"
}

create() { request 'request = "PUT"' 'data = ""'; }

look() { request head; }

delete() { request 'request = "DELETE"'; }

serve_foreign
