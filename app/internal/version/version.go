// SPDX-License-Identifier: Apache-2.0

// Package version knows which build this is.
package version

import "runtime/debug"

// number is set by the release build:
//
//	-ldflags "-X github.com/standpipe/standpipe/app/internal/version.number=v1.2.3"
var number string

// String returns the version: of the release, else of the module as Go knows
// it, else "devel" with the commit it was built from.
func String() string {
	if number != "" {
		return number
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "devel"
	}
	return fromBuild(info)
}

func fromBuild(info *debug.BuildInfo) string {
	if v := info.Main.Version; v != "" && v != "(devel)" {
		return v
	}
	settings := map[string]string{}
	for _, s := range info.Settings {
		settings[s.Key] = s.Value
	}
	v := "devel"
	if rev := settings["vcs.revision"]; len(rev) >= 12 {
		v += "-" + rev[:12]
		if settings["vcs.modified"] == "true" {
			v += "+dirty"
		}
	}
	return v
}
