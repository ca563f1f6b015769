// SPDX-License-Identifier: Apache-2.0

// Package instance makes sure that a data folder has one owner, and brings
// everybody else to it.
//
// Two programs that refresh the same rotating token destroy it. So a hub takes
// the lock of its data folder (Acquire) before it opens the store or a port,
// and serves a Unix socket (Listen). Every other program of the same user, the
// window and the command line among them, becomes a client of that socket
// (Attach). The socket lives in a folder that only its user can enter, and both
// sides ask the kernel who the other one is: another user gets nothing, and a
// socket that another user put there is not spoken to.
package instance
