// Package local runs commands on this machine as Pulumi resources and functions.
//
// The name of the package is the module part of the tokens: command:local:Command and command:local:run.
package local

import (
	p "github.com/pulumi/pulumi-go-provider"
	"github.com/pulumi/pulumi-go-provider/infer"
	"github.com/pulumi/pulumi-go-provider/middleware/schema"
)

// Provider serves Command and Run; every other token of the official plugin is answered with "not found" and its name.
func Provider() p.Provider {
	return infer.Provider(infer.Options{
		Metadata: schema.Metadata{
			DisplayName: "Command",
			Description: "Stand-in for the official command provider: local commands only.",
			License:     "Apache-2.0",
		},
		Resources: []infer.InferredResource{infer.Resource(&Command{})},
		Functions: []infer.InferredFunction{infer.Function(&Run{})},
	})
}
