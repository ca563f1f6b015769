// SPDX-License-Identifier: Apache-2.0

// Package desktop is the native window (Wails). It is built with the tag
// "desktop" and registers itself with the command line; without the tag only
// what needs no window is here, for its tests, and nothing of the program needs
// a C compiler.
//
// The window shows the same page as the browser UI, through the same handler:
// of the hub in this process, or, where a hub runs already, of that one over
// its socket.
package desktop
