// SPDX-License-Identifier: Apache-2.0

// Package transfer brings connections into the hub and lets them leave: it
// takes over tokens that another program holds, gives out those that the hub
// holds, and sees to it that a refresh token has one user only. Two programs
// that renew one rotating refresh token destroy it for both.
package transfer
