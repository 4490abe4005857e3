package gocosi

import (
	"slices"
	"strings"
	"sync"

	"github.com/go-logr/logr"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// unservedMax is how many different methods that are not served are named in the log.
const unservedMax = 16

// unservedLength is how much of such a method's name is shown: it is the caller's, and has no limit of its own.
const unservedLength = 200

// unserved answers calls of services and methods that the driver does not have, such as those of another generation of
// the specification.
type unserved struct {
	log     logr.Logger
	methods map[string]bool // full names of what is served
	names   string          // the services, for people

	mu    sync.Mutex
	asked map[string]bool
}

// know records what the server serves; it is called once, before any call.
func (u *unserved) know(services map[string]grpc.ServiceInfo, log logr.Logger) {
	u.log, u.methods, u.asked = log, map[string]bool{}, map[string]bool{}
	var names []string
	for service, info := range services {
		names = append(names, service)
		for _, m := range info.Methods {
			u.methods["/"+service+"/"+m.Name] = true
		}
	}
	slices.Sort(names)
	u.names = strings.Join(names, ", ")
}

func (u *unserved) serves(fullMethod string) bool { return u.methods[fullMethod] }

// refuse is the server's handler for what it does not know.
func (u *unserved) refuse(_ any, stream grpc.ServerStream) error {
	method, _ := grpc.MethodFromServerStream(stream)
	method = method[:min(len(method), unservedLength)]
	if u.first(method) {
		u.log.Info("a method that this driver does not serve was called; it is not logged again", "method", method, "serves", u.names)
	}
	return status.Errorf(codes.Unimplemented, "%q is not served; this driver serves %s", method, u.names)
}

// first says whether the method was not asked for before; after unservedMax methods, none is first.
func (u *unserved) first(method string) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.asked[method] || len(u.asked) >= unservedMax {
		return false
	}
	u.asked[method] = true
	return true
}
