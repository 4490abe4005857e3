#!/bin/sh
# A hook for "cosictl check -count-command": it counts the users of an IAM service, by an administrator's key. It needs curl
# 7.88 or later, and awk. The variables S3_ADMIN_IAM_ENDPOINT, S3_ADMIN_ACCESS_KEY and S3_ADMIN_SECRET_KEY say where and who;
# S3_ADMIN_REGION is us-east-1 if it is not set.

here=$(dirname "$0")
. "$here/lib.sh"

endpoint=$(required S3_ADMIN_IAM_ENDPOINT) && id=$(required S3_ADMIN_ACCESS_KEY) && secret=$(required S3_ADMIN_SECRET_KEY) || exit 2
user=$(quote "$id:$secret")
url=$(quote "${endpoint%/}/")
unset S3_ADMIN_SECRET_KEY # the programs that are run below have no need of it

answer "$(printf '%s\n' "user = \"$user\"" "url = \"$url\"" 'data = "Action=ListUsers&Version=2010-05-08&MaxItems=1000"' |
	curl_config --aws-sigv4 "aws:amz:${S3_ADMIN_REGION:-us-east-1}:iam")"
done_or 2
case $body in
*'<IsTruncated>true<'*) unknown "there are more than 1000 users, and no more are counted" ;;
*'<ListUsersResult>'*) ;;
*) unknown "the answer is no list of users" ;;
esac
printf '%s\n' "$body" | awk '{ users += gsub(/<UserName>/, "") } END { printf "{\"accounts\": %d}\n", users }'
