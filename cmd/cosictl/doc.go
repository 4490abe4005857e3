// Command cosictl is a client for COSI drivers: it makes each call of the v1alpha1 interface by hand, and holds any
// driver, in any language, against the specification.
//
//	cosictl [flags] info                            ask the driver's name
//	cosictl [flags] create NAME                     create a bucket
//	cosictl [flags] delete BUCKET_ID                delete a bucket
//	cosictl [flags] grant BUCKET_ID NAME            grant access to a bucket
//	cosictl [flags] revoke BUCKET_ID ACCOUNT_ID     revoke access to a bucket
//	cosictl [flags] health                          ask whether the driver is serving
//	cosictl [flags] check                           hold the driver against the specification
//	cosictl version                                 tell the versions of this program and of what it speaks
//
// Flags may stand before and after the arguments; "cosictl COMMAND -h" lists those of a command, and "--" ends them.
// All commands have these:
//
//	-endpoint ENDPOINT    where the driver listens: unix:///path, unix:/path, /path or tcp://host:port
//	                      (default: COSI_ENDPOINT, else unix:///var/lib/cosi/cosi.sock)
//	-timeout DURATION     for connecting, and then for each call (default 10s)
//	-o text|json          how results and errors are written (default text)
//	-show-secrets         print secrets as they are
//	-ca FILE              certificates that sign the driver's (default with TLS: the system's)
//	-cert FILE            this client's certificate
//	-key FILE             its private key
//	-server-name NAME     the name that the driver's certificate must have (default: the endpoint's host)
//
// # TLS
//
// Each of -ca, -cert, -key and -server-name turns TLS on, 1.2 or newer, over TCP and on a Unix socket, where the default name
// is localhost. The files are PEM; -cert may have a chain, and -key is not encrypted. A driver that wants certificates of its
// clients gets that of -cert. Without these flags calls go in the clear.
//
// # Parameters
//
// Create, delete, grant and revoke send the parameters of -p KEY=VALUE, which may be repeated, and of -parameters FILE, a
// JSON object of strings; FILE is - for standard input. Anyone on the machine can read a command line in the list of
// processes, so parameters that hold secrets belong in a file. Delete sends them as delete_context, revoke as
// revoke_access_context.
//
// # Secrets
//
// Of the credentials that a driver grants, endpoint, region, accessKeyID and expiryTs are shown; the values of all
// other keys are masked, as are passwords in URLs. Ids and bucket_info are shown as they are. The values of
// parameters and credentials, and passwords in URLs, are masked in error messages and in the report of check too.
// What has fewer than six bytes is masked in its own place only. Flag -show-secrets turns all that off, but
// not what the kit itself masks: the report of check never has a secret that the driver granted. The lines that check
// writes as it goes know only what was granted until then.
//
// # Check
//
// Check runs the cases of package cositest and writes a line for each as it ends, a summary and a verdict. It makes
// buckets and accounts of its own and removes them again. What a case needs to know is given by flags:
//
//	-config FILE                          values of these flags, and of those of all commands
//	-p, -parameters FILE                  parameters of the BucketClass to test with
//	-access-parameters FILE               parameters of the BucketAccessClass to test with
//	-incompatible-parameters FILE         those that a bucket with -parameters cannot have as well
//	-incompatible-access-parameters FILE  those that an access with -access-parameters cannot have as well
//	-unprovisionable-parameters FILE      those that cannot be provisioned
//	-bad-name NAME                        a name that the store cannot take
//	-auth key|iam                         the authentication type that the driver supports (default: both are tried)
//	-parallel N, -repeat N                how many calls run side by side, and how often a call is repeated
//	-run REGEXP, -skip REGEXP             which cases are looked at, by name
//	-list                                 list these cases, without connecting
//	-html FILE, -json FILE, -junit FILE   write the report as an HTML page, as JSON or as JUnit XML as well
//	-log FILE                             what the driver writes its log to: a regular file
//	-destructive                          send what could destroy other buckets, should the driver not refuse it
//	-strict                               fail also when something that the specification demands was not checked; with
//	                                      -run or -skip that is so, since what is left out is unchecked
//	-access-command COMMAND               uses credentials on a bucket
//	-foreign-command COMMAND              makes, looks for and removes a bucket behind the driver's back
//	-count-command COMMAND                counts the accounts of the store
//	-outage-command COMMAND               takes the store away from the driver, and gives it back
//	-restart-command COMMAND              restarts the driver
//	-hook-timeout DURATION                for each run of such a command (default 1m0s)
//
// A file of parameters that holds an empty object, given to -incompatible-parameters, -incompatible-access-parameters or
// -unprovisionable-parameters, says that there are no such parameters.
//
// The commands are run by /bin/sh; docs/conformance.md says what they are asked and how they answer, and cositest/hooks has
// some that are ready. Of the log, what is added during the check is searched, and of that the last 16 MiB. A second signal
// ends this command at once, and then nothing gives the store back.
//
// When the socket's folder can be read, check looks for files that the driver leaves there (GEN-12), except in a folder
// that is shared, such as /tmp: one with the sticky bit. A signal ends the check after the case that is running; a second
// one ends the command at once.
//
// In the JUnit file a case that does not apply, is not configured or was skipped is "skipped", and one that was not reached
// an "error": it makes the check fail, and a file in which it were "skipped" could be green where the command is not. What
// else fails the check is an "error" of a case of its own: "strict", "generation", or "connect" when there is no connection.
// Advice and left-over buckets stand in "system-out".
//
// # A file of configuration
//
// The file of -config is a JSON object. Its keys are names of flags without the dash, but for config, list and show-secrets;
// its values are strings, numbers or true and false, as the flag takes them. A flag of the command line wins, but a parameter
// that stands in the file and in -p as well is refused. Names of files
// are relative to the working directory. Each set of parameters may stand there itself, as an object of strings, in place of
// a file's name. The key skip is an object of cases, or IDs of rules, and the reasons why they are left out: the report has
// them as skipped. The flag -skip leaves others out as well.
//
//	{
//	  "endpoint": "tcp://127.0.0.1:9000",
//	  "ca": "ca.pem",
//	  "timeout": "30s",
//	  "parameters": {"region": "eu-west-1"},
//	  "incompatible-parameters": {"region": "us-east-1"},
//	  "unprovisionable-parameters": {},
//	  "skip": {"GRANT-5": "the store has no accounts"},
//	  "destructive": true,
//	  "junit": "report.xml"
//	}
//
// # Errors
//
// An error is one line on standard error. With -o json it is an object, and standard output has results alone:
//
//	{"error":{"command":"create","kind":"refused","code":"INVALID_ARGUMENT","message":"...","exit_code":1}}
//
// The kind is refused, usage, connection, interrupted, generation or failed. Only what is refused has a code: that of the
// driver's answer, or the one that the client makes up for an answer that does not come. When the report of check says why it
// fails, there is no error.
//
// # Exit codes
//
//	0  done; for health: SERVING; for check: no case failed, none was out of reach, and with
//	   -strict none of the specification's demands was left unchecked
//	1  refused or failed
//	2  wrong usage: flags, arguments, a file of parameters, certificates or configuration, or a malformed endpoint
//	3  no connection: nobody listens there, who does is no gRPC server, or TLS fails
//	4  check: the driver speaks another generation of COSI
//
// # Examples
//
//	cosictl info
//	cosictl create bucket-1 -p region=eu-west-1
//	cosictl grant bucket-1 ba-1 -auth key -parameters secrets.json -show-secrets -o json
//	cosictl check -endpoint tcp://127.0.0.1:9000 -run '^GRANT' -junit report.xml
//	cosictl check -config check.json -strict
//	cosictl info -endpoint tcp://driver.example.com:9000 -ca ca.pem -cert client.crt -key client.key
package main
