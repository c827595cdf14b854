// Command pulumi-resource-github is the Terraform provider for GitHub behind Pulumi's bridge.
//
// It exists for machines that cannot download the official plugin, which is made of the same two parts
// (https://github.com/pulumi/pulumi-github).
package main

import (
	"github.com/integrations/terraform-provider-github/v6/github"
	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfbridge"
	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfbridge/tokens"
	shimv2 "github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfshim/sdk-v2"
)

// Set by the kit with -ldflags -X: the version of the Pulumi plugin whose place this takes.
var version = "0.0.0"

func main() {
	info := provider()
	// The schema serves code generation only; the Node SDK was generated from the official plugin's.
	tfbridge.Main("github", version, info, []byte(`{"name":"github"}`))
}

// provider maps the Terraform provider's resources to the tokens and property names of the npm package @pulumi/github.
func provider() tfbridge.ProviderInfo {
	info := tfbridge.ProviderInfo{
		P:            shimv2.NewProvider(github.NewProvider(version, "")()),
		Name:         "github",
		Version:      version,
		MetadataInfo: tfbridge.NewProviderMetadata([]byte("{}")),
	}
	info.MustComputeTokens(tokens.SingleModule("github_", "index", tokens.MakeStandard("github")))
	// A resource without a name gets its Pulumi name and a random suffix, as with the official plugin.
	info.SetAutonaming(255, "-")
	return info
}
