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
	if h.Landlock >= landlockTCP {
		h.Network = Limited
	}
	if err := tryIsolation(); err != nil {
		h.Missing = append(h.Missing, "plugins get no namespaces, so that they see the network and other processes: "+err.Error())
	} else {
		h.Network = Closed
	}
	return h
})

// landlockTCP is the first version of Landlock that knows TCP.
const landlockTCP = 4
