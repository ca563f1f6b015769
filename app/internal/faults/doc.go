// SPDX-License-Identifier: Apache-2.0

// Package faults marks the places at which a test may let the process die, and
// is the clock that a test may put forward and back.
//
// In a build with the tag "faults", STANDPIPE_FAULT="name:kill" makes the
// process kill itself (SIGKILL on Unix: no deferred call runs, nothing is
// flushed) when it comes to the point of that name, and "name:kill:3" when it
// comes there the third time. STANDPIPE_FAULT_CLOCK names a file that holds by how
// much the wall clock is wrong, such as "-2h"; it may change at any time. In every
// other build Point is empty, Now is time.Now, and nothing of this is in the
// binary.
package faults
