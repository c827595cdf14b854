// Command pulumi-resource-command is for machines that cannot download the official plugin and cannot
// build it either, because it is not served as a Go module.
//
// It speaks the official schema (https://www.pulumi.com/registry/packages/command/, 1.2.1) for commands that run on
// this machine; whatever it does not do, it refuses by name.
package main

import (
	"context"
	"fmt"
	"os"

	p "github.com/pulumi/pulumi-go-provider"

	"mount-monitor.dev/kit/engine/pulumi-resource-command/local"
)

// Set by the kit with -ldflags -X: the version of the official plugin whose place this takes.
var version = "0.0.0"

func main() {
	if err := p.RunProvider(context.Background(), "command", version, local.Provider()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
