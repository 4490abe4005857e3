// Package gocosi runs a COSI v1alpha1 driver, so that its author writes only the code that talks to the store. It takes
// over the socket that a killed driver left, answers a panic with an error instead of OK, keeps secrets out of logs and
// errors, refuses what the specification does not allow, and ends within a bound.
//
//	                ┌────────────── gocosi ───────────────┐
//	sidecar ── Unix ┤ traces, log, codes, panics, rules,  ├── your code ── your store
//	         socket │ one call per bucket, deadline       │
//	                └─────────────────────────────────────┘
//
// # Quick start
//
//	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
//	context.AfterFunc(ctx, stop) // a second signal ends the process at once; the next start reclaims the socket
//	driver, err := gocosi.New(gocosi.NewIdentity("s3.example.com"), provisioner, gocosi.WithLogger(log))
//	if err != nil {
//		return err
//	}
//	return driver.Run(ctx) // nil when ctx ended and everything is drained, flushed and removed
//
// The bindings are those of sigs.k8s.io/container-object-storage-interface-spec. Those of …-interface/proto define the same
// messages, and Go's protobuf refuses to link both into one program.
//
// # Configuration
//
// The environment beats the author's WithDefault… options, which beat the built-in defaults: the operator has the last
// word. A variable that is set and wrong is an error of [New]; docs/configuration.md has the forms and OpenTelemetry's variables.
//
//	COSI_ENDPOINT             unix:///var/lib/cosi/cosi.sock  where to listen: unix:///path, unix:/path, /path or tcp://host:port, port 0 for any
//	X_COSI_ENDPOINT_PERMS     0755                            mode of the socket, octal with or without 0 or 0o; the owner keeps read and write
//	X_COSI_ENDPOINT_USER      the process's                   owner of the socket, by name or number; needs CAP_CHOWN, and to write to it afterwards
//	X_COSI_ENDPOINT_GROUP     the process's                   group of the socket, by name or number; needs CAP_CHOWN, or to be a member
//	X_COSI_ENDPOINT_INSECURE  false                           true allows TCP off loopback without transport credentials
//	X_COSI_DRIVER_NAME        the name given to NewIdentity   name of the driver, for several instances in one cluster
//	X_COSI_SHUTDOWN_TIMEOUT   20s                             how long calls may go on after a stop was requested
//	X_COSI_RPC_TIMEOUT        2m                              deadline for a call that came without one; 0 sets none
//	X_COSI_REQUEST_RULES      true                            false lets requests pass that the specification does not allow
//	X_COSI_RESPONSE_RULES     true                            false lets answers pass that the specification does not allow
//
// Traces and metrics are off until a provider or a reader is given, or OpenTelemetry's own variables ask for them:
// OTEL_{TRACES,METRICS}_EXPORTER=otlp, or an endpoint in OTEL_EXPORTER_OTLP_[TRACES_|METRICS_]ENDPOINT.
//
// # What happens around a call
//
// From the outside in: a span and metrics; one line in the log; an answer that breaks no rule, or a canonical status
// code with a message that holds nothing secret; recovery from panics; the refusal of requests that break a rule; one
// call at a time for a bucket; a deadline for a call that came without one; the author's interceptors; the handler.
//
// An error that is a status, such as one of [google.golang.org/grpc/status.Error], reaches the caller without its
// details; one that wraps a status, with the inner code and message. Any other error becomes INTERNAL with a neutral
// message; its text goes to the log alone. NOT_FOUND from Delete and Revoke means that the bucket or account is gone,
// and is answered as OK; for anything else that is missing, return UNAVAILABLE.
//
// # Stability
//
// Until v1, a minor version may change the API, and the changelog says what to do about it. The environment variables
// and their defaults stay.
package gocosi
