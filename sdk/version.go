// SPDX-License-Identifier: Apache-2.0

package sdk

import "runtime/debug"

// PluginVersion is the version of the plugin that this SDK is built into,
// without a leading "v". A release sets it when it links:
//
//	go build -ldflags "-X github.com/standpipe/standpipe/sdk.PluginVersion=1.2.0"
//
// Empty: it is not said.
var PluginVersion string

// module is where the SDK comes from.
const module = "github.com/standpipe/standpipe"

// sdkVersion is what a plugin says it was made with: "go v0.4.0", or "go (devel)"
// within the SDK's own repository.
func sdkVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "go"
	}
	for _, m := range append(info.Deps, &info.Main) {
		if m.Path == module {
			return "go " + m.Version
		}
	}
	return "go"
}
