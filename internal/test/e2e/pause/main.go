// Command pause waits for SIGTERM. A pod's first container runs it, and so keeps the namespaces that the others share.
package main

import (
	"os"
	"os/signal"
	"syscall"
)

func main() {
	asked := make(chan os.Signal, 1)
	signal.Notify(asked, os.Interrupt, syscall.SIGTERM)
	<-asked
}
