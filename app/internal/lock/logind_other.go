// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package lock

// SystemSession is the Session of this system: none that is known.
func SystemSession() Session { return nil }
