// SPDX-License-Identifier: Apache-2.0

package cli

// For the programs that the test binary plays.
var (
	Harden = harden
	Become = become
)
