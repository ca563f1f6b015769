// SPDX-License-Identifier: Apache-2.0

// Command go draws a fresh token of an integration: go run ./docs/examples/go github
// The first time it shows a code; the user finds the same one in Standpipe and
// agrees, and the program keeps its key.
package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/standpipe/standpipe/sdk/client"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "which integration?")
		os.Exit(2)
	}
	c := client.New(client.Config{
		Name: "my-tool", Integration: os.Args[1], Wait: 30 * time.Second, KeyFile: os.Getenv("STANDPIPE_KEY_FILE"),
		ShowCode: func(code string) {
			fmt.Fprintln(os.Stderr, "Approve the code", code, "in Standpipe, or with: standpipe apps approve", code)
		},
	})
	// c.TokenSource(ctx) is an oauth2.TokenSource: oauth2.NewClient takes it.
	token, err := c.Token(context.Background())
	if err != nil {
		fmt.Fprintln(os.Stderr, err) // what happened, and what mends it
		os.Exit(1)
	}
	fmt.Println(token.AccessToken)
}
