// SPDX-License-Identifier: Apache-2.0

package hub

import "iter"

// Keeping says what a backup does with the records of a kind.
type Keeping string

// The ways.
const (
	// Kept records are in every backup.
	Kept Keeping = "kept"
	// Passing records are of no use elsewhere or later: logins of a browser,
	// flows that nobody finished. They are not carried.
	Passing Keeping = "passing"
	// Derived records are an index of kept ones, or say what can be asked again.
	// They are not carried, and made anew by whoever finds them missing.
	Derived Keeping = "derived"
)

// KindInfo is a kind of record with what a backup does with it.
type KindInfo struct {
	Kind    Kind
	Keeping Keeping
}

// kinds lists every kind. One that is declared and not listed here would be
// missing from backups; a test sees to that.
var kinds = []KindInfo{
	{KindIntegration, Kept},
	{KindProvider, Kept},
	{KindConnection, Kept},
	{KindTokens, Kept},
	{KindPicture, Kept},
	{KindHistory, Kept},
	{KindApp, Kept},
	{KindSetting, Kept},
	{KindAudit, Kept},     // opens the files that then stay where they are
	{KindAnchor, Passing}, // would miss, elsewhere, the files that stay
	{KindRestored, Passing},
	{KindPending, Passing},
	{KindSession, Passing},
	{KindRevocation, Passing}, // is the affair of the hub that was asked for it
	{KindOwner, Derived},
	{KindAccount, Derived},
	{KindDue, Derived},
	{KindTally, Derived},
	{KindDescription, Derived},
}

// Kinds yields every kind of record there is, in the order in which a backup
// has them.
func Kinds() iter.Seq[KindInfo] {
	return func(yield func(KindInfo) bool) {
		for _, k := range kinds {
			if !yield(k) {
				return
			}
		}
	}
}

// KeepingOf says what a backup does with a kind; empty for one that is unknown.
func KeepingOf(kind Kind) Keeping {
	for _, k := range kinds {
		if k.Kind == kind {
			return k.Keeping
		}
	}
	return ""
}
