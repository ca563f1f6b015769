// SPDX-License-Identifier: Apache-2.0

package pluginhost

import "sync"

// Holding is how firmly this system lets plugins be held.
type Holding struct {
	Landlock int     // version of the kernel's interface; 0: there is none
	Network  Closure // what plugins are started with
	Files    Closure
	// Missing says, a sentence each, what the system withholds and why.
	Missing []string
}

// SystemHolding tries what this system allows, once per process. It starts
// nothing.
var SystemHolding = sync.OnceValue(func() Holding {
	h := Holding{Network: Open, Files: Open}
	var err error
	if h.Landlock, err = landlockVersion(); err != nil {
		h.Missing = append(h.Missing, "your files are not closed to plugins: "+err.Error())
	} else {
		h.Files = Closed
	}
	noSockets, noNamespaces := trySockets(), tryIsolation()
	if noSockets != nil && noNamespaces != nil {
		h.Missing = append(h.Missing, "the network is not closed to plugins: "+noSockets.Error())
	} else {
		h.Network = Closed
	}
	if noNamespaces != nil {
		h.Missing = append(h.Missing, "what a plugin starts and hides can outlive it: "+noNamespaces.Error())
	}
	return h
})

// trySockets closes sockets to a thread that does nothing else, and ends.
func trySockets() (err error) {
	new(spawner).do(func() <-chan struct{} { err = closeSockets(); return nil })
	return err
}
