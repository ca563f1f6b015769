// SPDX-License-Identifier: Apache-2.0

package hub

import "time"

// LockState says whether the hub is locked: its keys are out of memory (but
// with LockKeep), and nobody gets a token.
type LockState struct {
	Locked bool
	Since  time.Time // zero: never
	Cause  LockCause // of the last lock
	// Passphrase says that unlocking needs one to be typed; otherwise the key
	// comes from where the store remembers it to be.
	Passphrase bool
	// RetryAt is when the next try to unlock is heard, after wrong ones.
	RetryAt  time.Time
	Settings LockSettings
	// FromFile says that the configuration file has the settings, which are
	// read-only elsewhere.
	FromFile bool
	// Session says that screen lock and suspend are noticed here.
	Session bool
}

// LockCause is what locked the hub.
type LockCause string

// The causes.
const (
	LockedByUser    LockCause = "user"
	LockedByIdle    LockCause = "idle"
	LockedByScreen  LockCause = "screen"
	LockedBySuspend LockCause = "suspend"
)

// LockSettings say when the hub locks by itself, and what that stops.
type LockSettings struct {
	Idle       time.Duration // without anybody using it; zero: never
	Screen     bool          // with the screen
	Suspend    bool          // before the machine sleeps
	Background LockBackground
}

// LockBackground is what a lock does to the refresh of tokens ahead of time.
type LockBackground string

// The choices.
const (
	// LockStop drops the keys: nothing is refreshed until the hub is unlocked.
	// A refresh token that dies when it is not used can die meanwhile.
	LockStop LockBackground = "stop"
	// LockKeep goes on refreshing, for which the keys stay in memory: then the
	// lock keeps apps and the page out, and nobody who can read the memory.
	LockKeep LockBackground = "keep"
)
