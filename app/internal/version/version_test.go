// SPDX-License-Identifier: Apache-2.0

package version

import (
	"runtime/debug"
	"testing"
)

func TestFromBuild(t *testing.T) {
	revision := []debug.BuildSetting{{Key: "vcs.revision", Value: "0123456789abcdef"}}
	cases := []struct {
		info debug.BuildInfo
		want string
	}{
		{debug.BuildInfo{}, "devel"},
		{debug.BuildInfo{Main: debug.Module{Version: "v1.2.3"}, Settings: revision}, "v1.2.3"},
		{debug.BuildInfo{Main: debug.Module{Version: "(devel)"}, Settings: revision}, "devel-0123456789ab"},
		{debug.BuildInfo{Settings: append(revision, debug.BuildSetting{Key: "vcs.modified", Value: "true"})}, "devel-0123456789ab+dirty"},
	}
	for _, c := range cases {
		if got := fromBuild(&c.info); got != c.want {
			t.Errorf("fromBuild(%+v) = %q, want %q", c.info, got, c.want)
		}
	}
}

func TestReleaseNumberWins(t *testing.T) {
	number = "v9.9.9"
	t.Cleanup(func() { number = "" })
	if String() != "v9.9.9" {
		t.Errorf("String() = %q", String())
	}
}
