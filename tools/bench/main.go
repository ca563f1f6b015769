// SPDX-License-Identifier: Apache-2.0

// Command bench measures the built hub, and prints what is required beside what
// was seen. Figures are ratios or curves of one run on one machine: only those
// mean something elsewhere, and only when nothing else runs.
//
//	bench -bin bin [-seconds 2] [-rounds 3] [-large] [-only start,vend]
//
// Everything runs in processes of its own: the hub, the server that it is
// compared with and a slow provider (this program again, as "bench baseline" and
// "bench provider"), and the clients. -large
// adds a store with a million connections, which takes some minutes to make;
// -stores keeps what was made for the next run.
package main

import (
	"flag"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// bench is one run.
type bench struct {
	bin, fill string // folder of the built product; the program that fills a store
	work      string // a folder for this run
	stores    string // where filled stores are kept
	length    time.Duration
	rounds    int
	idle      time.Duration
	sizes     []int
	report    report
}

func main() {
	log.SetFlags(0)
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case "baseline":
			log.Fatal(baseline(os.Args[2:]))
		case "provider":
			log.Fatal(provider(os.Args[2:]))
		}
	}
	b := &bench{sizes: []int{100, 10_000}}
	seconds := flag.Float64("seconds", 2, "length of a round of load")
	large := flag.Bool("large", false, "also with a million connections, and idle for a minute")
	only := flag.String("only", "", "comma-separated steps; empty: all")
	flag.StringVar(&b.bin, "bin", "bin", "folder of the built product")
	flag.StringVar(&b.fill, "fill", "", "the program that fills a store")
	flag.StringVar(&b.stores, "stores", "", "folder in which filled stores are kept; empty: they go with the run")
	flag.IntVar(&b.rounds, "rounds", 3, "rounds of which the median is taken")
	flag.Parse()
	b.length, b.idle = time.Duration(*seconds*float64(time.Second)), 5*time.Second
	if *large {
		b.sizes, b.idle = append(b.sizes, 1_000_000), time.Minute
	}
	if err := b.run(strings.Split(*only, ",")); err != nil {
		log.Fatal(err)
	}
	if !b.report.print(os.Stdout) {
		os.Exit(1)
	}
}

func (b *bench) run(only []string) (err error) {
	for _, p := range []*string{&b.bin, &b.fill, &b.stores} {
		if *p != "" {
			if *p, err = filepath.Abs(*p); err != nil {
				return err
			}
		}
	}
	if b.work, err = os.MkdirTemp("", "standpipe-bench-"); err != nil {
		return err
	}
	defer os.RemoveAll(b.work)
	if b.stores == "" {
		b.stores = filepath.Join(b.work, "stores")
	}
	for _, step := range []struct {
		name string
		do   func() error
	}{
		{"start", b.start}, {"memory", b.memory}, {"cli", b.cli}, {"vend", b.vend}, {"trouble", b.trouble}, {"burst", b.burst}, {"scale", b.scale},
	} {
		if only[0] != "" && !slices.Contains(only, step.name) {
			continue
		}
		fmt.Fprintf(os.Stderr, "bench: %s\n", step.name)
		if err := step.do(); err != nil {
			b.report.add(false, step.name, "to be measured", "%v", err)
		}
	}
	return nil
}
