// SPDX-License-Identifier: Apache-2.0

package security

import "testing"

func checkClientKeepsItsKey(*testing.T, string, <-chan string) {}
