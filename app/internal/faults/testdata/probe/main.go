// SPDX-License-Identifier: Apache-2.0

// Command probe passes a fault point three times, and knows the time.
package main

import (
	"fmt"

	"github.com/standpipe/standpipe/app/internal/faults"
)

func main() {
	_ = faults.Now()
	for i := range 3 {
		faults.Point("probe.step")
		fmt.Println("step", i+1)
	}
}
