// Command kubectl has those of kubectl's own commands that the documented recipes use.
package main

import (
	"os"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/kubectl/pkg/cmd/debug"
	"k8s.io/kubectl/pkg/cmd/get"
	"k8s.io/kubectl/pkg/cmd/util"
)

func main() {
	flags := genericclioptions.NewConfigFlags(true)
	streams := genericiooptions.IOStreams{In: os.Stdin, Out: os.Stdout, ErrOut: os.Stderr}
	root := &cobra.Command{Use: "kubectl"}
	flags.AddFlags(root.PersistentFlags())
	root.AddCommand(debug.NewCmdDebug(flags, streams), get.NewCmdGet("kubectl", util.NewFactory(flags), streams))
	if root.Execute() != nil {
		os.Exit(1)
	}
}
