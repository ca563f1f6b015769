// SPDX-License-Identifier: Apache-2.0

// Package hub is the domain of Standpipe: its types, its rules, its error
// codes, and the interfaces through which the rooms of the house meet.
//
// It imports the standard library and the secret type, nothing else. Every
// other package of app/internal imports hub and none of its neighbours; package
// app wires them together.
package hub
