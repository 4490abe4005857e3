package gocosi_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/doomshrine/gocosi"
)

// This example shows two drivers in one process, each with a name, a socket and a logger of its own. All drivers of a process share
// its variables, so the program itself sets the environment of each driver. When one driver fails, the program stops
// the other.
func ExampleDriver_Run_two() {
	folder, err := os.MkdirTemp("", "cosi")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(folder)

	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	ended := make(chan error)
	for _, name := range []string{"fast.example.com", "slow.example.com"} {
		driver, err := gocosi.New(gocosi.NewIdentity(name), &photos{},
			gocosi.WithEnvironment(nil), gocosi.WithDefaultEndpoint(filepath.Join(folder, name+".sock")))
		if err != nil {
			fmt.Println(err)
			return
		}
		go func() {
			defer stop()
			ended <- driver.Run(ctx)
		}()
		if _, err := driver.Addr(ctx); err != nil {
			fmt.Println(err)
		}
	}
	serving, err := filepath.Glob(filepath.Join(folder, "*.sock"))
	fmt.Println(len(serving), "sockets", err)
	stop()
	fmt.Println("ended:", errors.Join(<-ended, <-ended))
	// Output:
	// 2 sockets <nil>
	// ended: <nil>
}
