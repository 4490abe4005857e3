// Command cosictl is a client for COSI drivers: it makes each call of the v1alpha1 interface by hand, and checks any
// driver, in any language, against the specification.
//
//	cosictl [flags] info                            ask for the driver's name
//	cosictl [flags] create NAME                     create a bucket
//	cosictl [flags] delete BUCKET_ID                delete a bucket
//	cosictl [flags] grant BUCKET_ID NAME            grant access to a bucket
//	cosictl [flags] revoke BUCKET_ID ACCOUNT_ID     revoke access to a bucket
//	cosictl [flags] health                          ask whether the driver is serving
//	cosictl [flags] check                           test the driver against the specification
//	cosictl version                                 print the versions of this program and of its protocol
//
// Flags may stand before and after the arguments; "cosictl COMMAND -h" lists those of a command, and "--" ends them.
// All commands have these:
//
//	-endpoint ENDPOINT    where the driver listens: unix:///path, unix:/path, /path or tcp://host:port
//	                      (default: COSI_ENDPOINT, else unix:///var/lib/cosi/cosi.sock)
//	-timeout DURATION     for connecting, and then for each call (default 10s)
//	-o text|json          format of results and errors (default text)
//	-show-secrets         print secrets as they are
//	-ca FILE              certificates that sign the driver's (default with TLS: the system's)
//	-cert FILE            this client's certificate
//	-key FILE             its private key
//	-server-name NAME     the name that the driver's certificate must have (default: the endpoint's host)
//
// # TLS
//
// Each of -ca, -cert, -key and -server-name turns on TLS 1.2 or newer, over TCP and on a Unix socket, where the default name
// is localhost. The files are PEM; -cert may have a chain, and -key is not encrypted. A driver that asks its clients for
// certificates gets the one of -cert. Without these flags, calls are not encrypted.
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
// Of the credentials that a driver grants, cosictl shows endpoint, region, accessKeyID and expiryTs. It masks the values of
// all other keys, and passwords in URLs. It shows ids and bucket_info as they are. It also masks the values of parameters and
// credentials, and passwords in URLs, in error messages and in the report of check. It masks a value of fewer than six bytes
// only in its own place. The flag -show-secrets turns all that off, but not what the kit itself masks: the report of check
// never has a secret that the driver granted. The lines that check writes as it runs know only what was granted until then.
//
// # Check
//
// Check runs the cases of package cositest and writes a line for each as it ends, a summary and a verdict. It creates its
// own buckets and accounts and removes them again. Flags tell what a case needs to know:
//
//	-config FILE                          values of these flags, and of those of all commands
//	-p, -parameters FILE                  parameters of the BucketClass to test with
//	-access-parameters FILE               parameters of the BucketAccessClass to test with
//	-incompatible-parameters FILE         parameters that a bucket with -parameters cannot have as well
//	-incompatible-access-parameters FILE  parameters that an access with -access-parameters cannot have as well
//	-unprovisionable-parameters FILE      parameters that the driver cannot provision
//	-bad-name NAME                        a name that the store cannot use
//	-auth key|iam                         the authentication type that the driver supports (default: the kit tries both)
//	-parallel N, -repeat N                how many calls run side by side, and how often the kit repeats a call
//	-run REGEXP, -skip REGEXP             which cases run, by name
//	-list                                 list these cases, without connecting
//	-html FILE, -json FILE, -junit FILE   write the report as an HTML page, as JSON or as JUnit XML as well
//	-socket-folder FOLDER                 the folder of the driver's socket (default: the endpoint's); -: the driver is not on
//	                                      a Unix socket
//	-log FILE                             the regular file that the driver logs to
//	-destructive                          send requests that could destroy other buckets if the driver does not refuse them
//	-strict                               also fail when something that the specification demands was not checked, which
//	                                      -run and -skip cause
//	-access-command COMMAND               uses credentials on a bucket
//	-foreign-command COMMAND              creates, looks for and removes a bucket behind the driver's back
//	-count-command COMMAND                counts the accounts of the store
//	-outage-command COMMAND               takes the store away from the driver, and gives it back
//	-restart-command COMMAND              restarts the driver
//	-hook-timeout DURATION                time limit for each run of such a command (default 1m0s)
//
// A file of parameters that holds an empty object, given to -incompatible-parameters, -incompatible-access-parameters or
// -unprovisionable-parameters, says that there are no such parameters.
//
// /bin/sh runs the commands; docs/conformance.md says what they are asked and how they answer, and cositest/hooks has some
// that are ready to use. Check searches what the driver adds to the log during the check, at most the last 16 MiB.
//
// When check can read the socket's folder, it looks for files that the driver leaves there (GEN-12). It does so in a shared
// folder, such as /tmp or any other with the sticky bit, only when -socket-folder names it. A signal ends the check after the
// case that is running. A second one ends the command at once, and then nothing gives the store back.
//
// In the JUnit file, a case that does not apply, is not configured or was skipped is "skipped". A case that was not reached is
// an "error": it fails the check, so the file must not be green. Anything else that fails the check is an "error" of its own
// case: "strict", "generation", or "connect" when there is no connection. Advice and left-over buckets are in "system-out".
//
// # A file of configuration
//
// The file of -config is a JSON object. Its keys are names of flags without the dash, except config, list and show-secrets;
// its values are strings, numbers, true or false, as the flag takes them. A flag of the command line wins, but cosictl refuses
// a parameter that is both in the file and in -p. File names are relative to the working directory. A set of parameters may
// be an object of strings in place of a file name. The key skip is an object of cases, or IDs of rules, and the reasons why
// they are left out: the report has them as skipped. The flag -skip leaves out further cases.
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
// An error is one line on standard error. With -o json it is an object, and standard output has only results:
//
//	{"error":{"command":"create","kind":"refused","code":"INVALID_ARGUMENT","message":"...","exit_code":1}}
//
// The kind is refused, usage, connection, interrupted, generation or failed. Only the kind refused has a code: the driver's,
// or the one that the client sets when no response comes. When the report of check says why it fails, there is no error.
//
// # Exit codes
//
//	0  done; for health: SERVING; for check: no case failed, every case was reached, and with
//	   -strict every demand of the specification was checked
//	1  refused or failed
//	2  wrong usage: flags, arguments, a file of parameters, certificates or configuration, or a malformed endpoint
//	3  no connection: nobody listens there, the listener is no gRPC server, or TLS fails
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
