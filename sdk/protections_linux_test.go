// SPDX-License-Identifier: Apache-2.0

package sdk_test

import (
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/standpipe/standpipe/sdk"
)

// protections lists what this process lacks.
func protections() (missing []sdk.Problem) {
	if dumpable, err := unix.PrctlRetInt(unix.PR_GET_DUMPABLE, 0, 0, 0, 0); err != nil || dumpable != 0 {
		missing = append(missing, sdk.Problem{Field: "dumpable", Summary: fmt.Sprint(dumpable, err)})
	}
	var core unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_CORE, &core); err != nil || core.Cur != 0 || core.Max != 0 {
		missing = append(missing, sdk.Problem{Field: "core", Summary: fmt.Sprint(core, err)})
	}
	return missing
}
